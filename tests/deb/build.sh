#!/bin/sh
# Builds build/orders-fcgi_VERSION_ARCH.deb from the files that git knows, in a folder of their own: no network, the same
# bytes each time. The unit tests are left to `make unit`. lintian has the last word.
set -eu
cd "$(dirname -- "$0")/../.."
root=$PWD

umask 022
dir=$root/build/deb
rm -rf -- "$dir"
mkdir -p "$dir/orders-fcgi"
git ls-files -z | tar -c --null -T - -f - | tar -x --no-same-owner -C "$dir/orders-fcgi" -f -
# Of npm's packages the one that is in the Debian package; its version is in the lock file.
(cd "$root" && tar -c --exclude '*.map' run/npm/node_modules/swagger-ui-dist) | tar -x --no-same-owner -C "$dir/orders-fcgi" -f -
cd "$dir/orders-fcgi"
jobs=$(nproc)
if ! DEB_BUILD_OPTIONS="nocheck parallel=$jobs" DEB_BUILD_PROFILES=nocheck WERROR=1 dpkg-buildpackage -us -uc -b >"$dir/log" 2>&1; then
	tail -n 40 "$dir/log" >&2
	exit 1
fi
cd "$dir"
# Of sh, shellcheck knows more than a search for words does.
lintian --allow-root --suppress-tags bash-term-in-posix-shell --display-info --pedantic --fail-on error,warning,info,pedantic --tag-display-limit 0 ./*.changes
rm -f "$root"/build/orders-fcgi_*.deb
mv ./orders-fcgi_*.deb "$root/build/"
rm -rf "$dir/orders-fcgi"
cd "$root"
sha256sum build/orders-fcgi_*.deb
