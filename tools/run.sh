#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/run.sh BUILD DIR PORT_BASE - make an instance below DIR, or use the
# one that is there, and run it in the foreground.
set -eu

build=$1
dir=$2

"$build/src/chasqui" instance "$dir" --port-base "$3"
echo
echo "Running in the foreground now; Ctrl-C ends it. (The commands above"
echo "are in $build/src.)"
exec "$build/src/postfix" -c "$dir/etc" start-fg
