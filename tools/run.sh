#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/run.sh BUILD DIR PORT_BASE - make an instance below DIR (one that is
# there is kept, and told about), and run it in the foreground.
set -eu

build=$1
dir=$2
base=$3

"$build/src/chasqui" instance "$dir" --port-base "$base"
echo
echo "It runs now; Ctrl-C ends it. Type in another window."
exec "$build/src/postfix" -c "$dir/etc" start-fg
