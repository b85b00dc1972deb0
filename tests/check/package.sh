#!/bin/sh
# Is the unit as hardened as promised, are the units and the versions right? What is installed goes again, and nothing else.
set -eu
cd "$(dirname -- "$0")/../.."

fail() {
	echo "$*" >&2
	exit 1
}

# In tenths: 2.0. What it does not understand it ignores, with a line on stderr.
limit=20
report=$(systemd-analyze security --offline=true --no-pager --threshold="$limit" docs/orders.service 2>&1) ||
	fail "docs/orders.service: more exposed than $limit tenths, or not to be judged: $(printf '%s\n' "$report" | grep -v '^✓')"
! printf '%s\n' "$report" | grep -q '^/' || fail "$report"

dir=$(mktemp -d)
trap 'rm -rf -- "$dir"' EXIT
for unit in orders.service orders.socket; do
	sed 's,/usr/lib/orders/spawn.sh,/bin/true,' "docs/$unit" >"$dir/$unit"
done
found=$(systemd-analyze verify --man=no --recursive-errors=no "$dir/orders.service" "$dir/orders.socket" 2>&1) || fail "$found"
[ -z "$found" ] || fail "$found"

version=$(sed -n 's/^VERSION := //p' Makefile)
packaged=$(sed -n '1s/^orders-fcgi (\([^)]*\)).*/\1/p' debian/changelog)
[ "$version" = "$packaged" ] || fail "Makefile is version $version, debian/changelog $packaged"

# Were the name of the folder taken for two, the first would be this one.
mkdir -p "$dir/a"
: >"$dir/a/neighbour"
${MAKE:-make} -s install DESTDIR="$dir/a b" >"$dir/log" 2>&1 || fail "make install, into a folder with a blank in its name: $(cat "$dir/log")"
for file in lib/orders/spawn.sh lib/orders/orders.fcgi bin/orders-schema etc/orders/orders.env; do
	[ -e "$dir/a b/usr/local/$file" ] || fail "make install: there is no $file"
done
${MAKE:-make} -s uninstall DESTDIR="$dir/a b" >"$dir/log" 2>&1 || fail "make uninstall: $(cat "$dir/log")"
[ -e "$dir/a/neighbour" ] || fail 'make uninstall: it has removed a neighbour'
found=$(find "$dir/a b" ! -type d ! -name orders.env)
[ -z "$found" ] || fail "make uninstall leaves $found"
