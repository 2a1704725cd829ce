#!/bin/sh
# SPDX-License-Identifier: ISC
# dist/install-conf.sh DIR - the first configuration; one that is there stays.
set -eu

from=$(dirname "$0")
to=${DESTDIR-}$1
mkdir -p "$to"
for file in main.cf master.cf; do
	if [ -e "$to/$file" ]; then
		echo "$to/$file is kept"
	else
		cp "$from/$file" "$to/$file"
		chmod 644 "$to/$file"
	fi
done
