#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/run.sh BUILD DIR PORT_BASE - make an instance below DIR, unless there
# is one, say how to use it, and run it in the foreground.
set -eu

build=$1
dir=$2
base=$3

if [ ! -e "$dir/etc/main.cf" ]; then
	"$build/src/chasqui" instance "$dir" --port-base "$base"
else
	echo "using the instance in $dir (remove it for a fresh one)"
fi

port=$((base + 25))
user=$(id -un)
cat <<END

The mail system listens on 127.0.0.1 port $port; Ctrl-C ends it.
Send a mail from a second terminal, in one of these ways:

	nc -C 127.0.0.1 $port
	swaks --server 127.0.0.1:$port --from me@example.com --to $user

With nc, type:	EHLO here
		MAIL FROM:<me@example.com>
		RCPT TO:<$user>
		DATA
		Subject: hello

		how are you
		.
		QUIT

Read it:	cat $dir/mail/$user
The queue:	$build/src/postqueue -c $dir/etc -p

END
exec "$build/src/postfix" -c "$dir/etc" start-fg
