#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/deps.sh build|test - have the Debian packages that a build (or the
# tests) need. Root gets them installed, everybody else the line to run.
# Installing starts no service.
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libcmocka-dev
	liblmdb-dev libseccomp-dev libssl-dev libunbound-dev libpcre2-dev libldap-dev libsasl2-dev
	libedit-dev libmariadb-dev libmongoc-dev libnsl-dev libpq-dev libsqlite3-dev"
test="btrfs-progs debootstrap dpkg-dev iproute2 mandoc
	clang clang-14 libclang-rt-14-dev clang-format-14 bsd-mailx mailutils netcat-openbsd python3 python3-pytest
	dovecot-core strace slapd ldap-utils redis-server memcached db5.3-util postfix postfix-cdb postfix-lmdb
	postfix-pcre postfix-mysql postfix-pgsql postfix-sqlite
	postgresql mariadb-server mariadb-client sqlite3 dovecot-lmtpd logwatch maildrop php-cli procmail uucp s-nail mutt tmux"

case "${1-build}" in
build)	wanted=$build ;;
test)	wanted="$build $test" ;;
*)	echo "usage: tools/deps.sh build|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
	# Not Debian: the build itself says what it does not find.
	exit 0
fi

missing=
for package in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) ||
	    state=
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
	echo "Some packages are missing. As root, run:" >&2
	echo "	$install" >&2
	exit 1
fi

# Debian asks policy-rc.d before it starts a service; 101 means no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
apt-get -q update
# shellcheck disable=SC2086
$install </dev/null
