#!/bin/sh
# Is the unit as hardened as promised, are the units and the versions right?
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
