#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/configure.sh DIR - set up the build directory, or change an existing
# one to the directories named in the environment (make install prefix=...).
set -eu

dir=$1
set --
for name in prefix sysconfdir localstatedir libexecdir sbindir mandir; do
	eval "value=\${$name-}"
	[ -z "$value" ] || set -- "$@" "-D$name=$value"
done

if [ ! -e "$dir/build.ninja" ]; then
	exec meson setup "$@" "$dir"
fi
[ $# -eq 0 ] || exec meson configure "$@" "$dir"
