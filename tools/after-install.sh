#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/after-install.sh BUILD - after "make install" on this machine itself:
# users, permissions and the like (dist/post-install.in). With DESTDIR, or
# without root, that is up to somebody else.
set -eu

if [ -n "${DESTDIR-}" ]; then
	exit 0
fi
script=$1/dist/post-install
if [ "$(id -u)" -ne 0 ]; then
	echo "As root, run: $script"
	exit 0
fi
"$script"
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	echo "Now: postfix check; systemctl enable --now chasqui"
else
	echo "Now: postfix check; postfix start"
fi
