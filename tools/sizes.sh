#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/sizes.sh - no function above 100 lines, no .c above 1000, no .h above
# 250. Prints what breaks a limit; with -v also the ten longest functions.
# A file that is one table says "sizes: table" near its top.
set -eu
cd "$(dirname "$0")/.."

verbose=0
[ "${1-}" != -v ] || verbose=1

# A function's body stands between a "{" and a "}" in the first column.
find src test -name '*.[ch]' | sort | xargs awk -v verbose=$verbose '
function finish(limit) {
	limit = name ~ /\.h$/ ? 250 : 1000
	if (lines > limit && !table) {
		printf "%s: %d lines, at most %d\n", name, lines, limit
		bad = 1
	}
}
FNR == 1 {
	if (name != "")
		finish()
	name = FILENAME
	table = 0
}
FNR <= 20 && /sizes: table/ { table = 1 }
{ lines = FNR }
/^{/ { start = FNR }
/^}/ && start {
	length_ = FNR - start - 1
	if (verbose)
		printf "%d %s:%d\n", length_, FILENAME, start | "sort -rn | head"
	if (length_ > 100) {
		printf "%s:%d: a function of %d lines, at most 100\n", \
		    FILENAME, start, length_
		bad = 1
	}
	start = 0
}
END {
	if (name != "")
		finish()
	exit bad
}
'
