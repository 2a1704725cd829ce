#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/deb.sh [BUILD] - make build-deb/chasqui_VERSION_ARCH.deb: of a fresh
# build, or of what lies built in BUILD (which must be configured for /usr).
# Says the name of the package in the last line. DEB_DIR: another directory
# than build-deb; MAINTAINER: who makes it; COMPRESS: options of dpkg-deb.
set -eu
cd "$(dirname "$0")/.."

out=${DEB_DIR-build-deb}
build=${1-$out/build}
root=$out/root
packaging=packaging

for program in dpkg-deb dpkg-shlibdeps; do
	if ! command -v $program >/dev/null; then
		echo "tools/deb.sh needs $program: apt-get install dpkg-dev" >&2
		exit 1
	fi
done

mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ $# -eq 0 ]; then
	[ -e "$build/build.ninja" ] ||
	    meson setup -Dtests=false --prefix=/usr "$build"
	ninja -C "$build" programs
fi

rm -rf "$root"
DESTDIR=$out/root meson install -C "$build" --no-rebuild --quiet
root=$out/root

# postinst makes a configuration where there is none; see there.
rm -rf "$root/etc/chasqui"
# Several packages have a mailx: Debian's alternatives make the links.
mv "$root/usr/bin/mailx" "$root/usr/bin/chasqui-mailx"
mv "$root/usr/share/man/man1/mail.1" "$root/usr/share/man/man1/chasqui-mailx.1"
rm "$root/usr/bin/mail" "$root/usr/bin/Mail" \
    "$root/usr/share/man/man1/mailx.1" "$root/usr/share/man/man1/Mail.1"
find "$root/usr/share/man" -type f -exec gzip -9n {} +
find "$root/usr/share/man" -type l | while read -r link; do
	ln -sf "$(readlink "$link").gz" "$link.gz"
	rm "$link"
done
doc=$root/usr/share/doc/chasqui
mkdir -p "$doc"
cp LICENSE "$doc/copyright"
cp README.md SECURITY.md doc/*.md "$doc"
gzip -9nc CHANGES.md >"$doc/changelog.gz"
find "$root/usr/sbin" "$root/usr/bin" "$root/usr/libexec" -type f |
    while read -r file; do
	case $(head -c 4 "$file" | tr -d '\0\177') in
	ELF)	strip --strip-unneeded "$file" ;;
	esac
done

# The libraries of tables that few need are suggestions.
arch=$(dpkg --print-architecture)
version=$(meson introspect --projectinfo "$build" |
    sed -n 's/.*"version": "\([^"]*\)".*/\1/p')
mkdir -p "$out/shlibs/debian"
printf 'Source: chasqui\n\nPackage: chasqui\nArchitecture: any\n' \
    >"$out/shlibs/debian/control"
programs=$(find "$root/usr/sbin" "$root/usr/bin" "$root/usr/libexec" \
    -type f ! -name '*.so' ! -name post-install)
modules=$(find "$root/usr/libexec" -name '*.so')
# shellcheck disable=SC2086
(cd "$out/shlibs" && dpkg-shlibdeps -O -dDepends $programs \
    -dSuggests $modules 2>log >"$out/substvars") || {
	cat "$out/shlibs/log" >&2
	exit 1
}
depends=$(sed -n 's/^shlibs:Depends=//p' "$out/substvars")
suggests=$(sed -n 's/^shlibs:Suggests=//p' "$out/substvars")

maintainer=${MAINTAINER-The chasqui authors <postmaster@localhost>}
size=$(du -sk "$root" | cut -f1)
mkdir -p "$root/DEBIAN"
sed -e "s|@version@|$version|" -e "s|@arch@|$arch|" -e "s|@size@|$size|" \
    -e "s|@depends@|$depends|" -e "s|@suggests@|$suggests|" \
    -e "s|@maintainer@|$maintainer|" \
    $packaging/control.in >"$root/DEBIAN/control"
(cd "$root" && find etc -type f | sed 's|^|/|') >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
	install -m 755 "$packaging/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -print |
    sed 's|^\./||' | sort | xargs md5sum) >"$root/DEBIAN/md5sums"

package=$out/chasqui_${version}_$arch.deb
# shellcheck disable=SC2086
dpkg-deb ${COMPRESS-} --root-owner-group --build "$root" "$package" >/dev/null
rm -rf "$root" "$out/shlibs" "$out/substvars"
echo "$package"
