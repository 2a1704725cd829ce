#!/bin/sh
# SPDX-License-Identifier: ISC
# dist/install-conf.sh DIR - the first configuration; one that is there stays,
# and where Postfix has one and we have none, that one is ours, too.
set -eu

from=$(dirname "$0")
to=${DESTDIR-}$1
if [ ! -e "$to/main.cf" ] && [ -e "${DESTDIR-}/etc/postfix/main.cf" ]; then
	echo "${DESTDIR-}/etc/postfix is the configuration"
	exit 0
fi
mkdir -p "$to"
for file in main.cf master.cf; do
	if [ -e "$to/$file" ]; then
		echo "$to/$file is kept"
	else
		cp "$from/$file" "$to/$file"
		chmod 644 "$to/$file"
	fi
done
