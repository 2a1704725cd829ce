#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/layers.sh - each folder of src/ includes only what lies below it.
#
# The order is that of ARCHITECTURE.md:
#	base < os, mail, dns < conf, map, ipc, tls, proto < trust, store
#	     < daemon, tool
# proto is stricter: engines do no I/O. A folder may always include itself;
# a folder of daemon/ includes the skeleton (daemon/*.h) and itself, never
# another daemon.
set -eu
cd "$(dirname "$0")/.."

# folder	may include
table='
base
os		base
mail		base
dns		base os
conf		base os mail dns
map		base os mail dns conf
ipc		base os mail dns
tls		base os mail dns
proto		base mail
trust		base os mail dns conf map ipc tls proto
store		base os mail dns conf map ipc tls proto
daemon		base os mail dns conf map ipc tls proto trust store
tool		base os mail dns conf map ipc tls proto trust store
'

find src -name '*.[ch]' | sort | xargs awk -v table="$table" '
BEGIN {
	n = split(table, lines, "\n")
	for (i = 1; i <= n; i++) {
		m = split(lines[i], word, /[ \t]+/)
		if (m == 0 || word[1] == "")
			continue
		known[word[1]] = 1
		for (j = 2; j <= m; j++)
			may[word[1], word[j]] = 1
	}
}

# The folder of a path below src/: "mail", or for daemons "daemon/smtpd".
function folder(path, part, count) {
	count = split(path, part, "/")
	if (part[1] == "daemon" && count > 2)
		return "daemon/" part[2]
	return part[1]
}

function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}

function check(from, to, target) {
	if (from == to || (target ~ /^test\// && FILENAME ~ /_(test|fuzz)\.c$/))
		return
	if (to == "daemon" && from ~ /^daemon/)
		return
	if (!(from in known) && from !~ /^daemon\//)
		complain("folder " from " is not in the table of layers")
	else if (target !~ /\//)
		complain("write the include from src/: \"" target "\"")
	else if (!((from ~ /^daemon/ ? "daemon" : from, to) in may))
		complain("\"" target "\": " from " may not include " to)
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	target = $0
	sub(/^[^"]*"/, "", target)
	sub(/".*/, "", target)
	check(folder(substr(FILENAME, 5)), folder(target), target)
}

END { exit bad }
'
