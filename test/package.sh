#!/bin/sh
# SPDX-License-Identifier: ISC
# test/package.sh BUILD - make test-package: test/system/test_package*.py in a
# Debian system that debootstrap has just made, with Postfix and what our
# package depends on, instead of in a view of this machine's. Takes about five
# minutes, 400 MB below TMPDIR, and a network; needs root.
set -eu
cd "$(dirname "$0")/.."

build=$(realpath "${1-build}")
suite=${SUITE-bookworm}
mirror=${MIRROR-http://deb.debian.org/debian}

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
	echo "test-package needs root and debootstrap: skipped"
	exit 0
fi

work=$(mktemp -d "${TMPDIR-/tmp}/chasqui-debroot-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

package=$(DEB_DIR=$work/deb tools/deb.sh "$build" | tail -n1)
depends=$(dpkg-deb -f "$package" Depends | sed 's/ *([^)]*)//g; s/,/ /g')

# A mount namespace, so that nothing stays mounted whatever happens.
unshare --mount sh -eu -c '
	root=$1 suite=$2 mirror=$3 depends=$4
	unset TMPDIR # of this system, not of that one
	debootstrap --variant=minbase "$suite" "$root" "$mirror"
	printf "#!/bin/sh\nexit 101\n" >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	mount -t proc proc "$root/proc"
	export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
	chroot "$root" apt-get install -y --no-install-recommends \
	    postfix iproute2 procps netcat-openbsd telnet $depends
	cd "$root/var/cache/apt/archives"
	chroot "$root" sh -c "cd /var/cache/apt/archives &&
	    apt-get download postfix"
' sh "$root" "$suite" "$mirror" "$depends" >"$work/log" 2>&1 || {
	tail -n 40 "$work/log"
	exit 1
}

CHASQUI_DEBROOT=$root CHASQUI_BUILD=$build /usr/bin/python3 -m pytest -q \
    -p no:cacheprovider --tb=short test/system/test_package.py \
    test/system/test_package_lessons.py test/system/test_package_sendmail.py \
    test/system/test_package_roles.py test/system/test_package_admin.py
