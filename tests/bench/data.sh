#!/bin/sh
# Loads N orders, as a shop has them after two years, into the database of the demo, or of the owner in DATABASE_URL.
#
#     N=10000000 tests/bench/data.sh
#
# SEED (1), UNTIL (today, UTC: the end of the two years); the same N, SEED and UNTIL give the same rows. A database that holds orders
# is refused; with ADD=1 they stay, and these come to them. Nobody can order meanwhile.
#
# User 9, whose token the demo prints, has 100,000 of the orders, or N/10 where that is fewer; the others belong to up to N/4 users, of
# whom some have thousands and most a few. An order has 1 to 5 items and all the changes that led to its status: 88 % delivered,
# 9 % cancelled, the rest pending, confirmed or shipped, most of these in the last days. Steps were made by the staff 1 to 3, three
# cancellations of four by the owner. No event is owed.
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$PARTS_ROOT/demo/parts.sh"

: "${N:=}" "${SEED:=1}" "${UNTIL:=$(date -u +%F)}" "${ADD:=0}"

fail() {
	echo "data.sh: $*" >&2
	exit 1
}

case $N in '' | *[!0-9]* | 0* | ??????????*) fail "N: how many orders, from 100 to 999999999" ;; esac
[ "$N" -ge 100 ] || fail "N: how many orders, from 100 to 999999999"
case $SEED in '' | *[!0-9]* | ??????????*) fail "SEED: a number of up to 9 digits, not '$SEED'" ;; esac

if [ -n "${SCHEMA_DATABASE_URL:-${DATABASE_URL-}}" ]; then
	url=${SCHEMA_DATABASE_URL:-$DATABASE_URL}
elif parts_alive "$PARTS_ROOT/run" postgres; then
	url=$(postgres_tcp_url "$PARTS_ROOT/run" orders_owner orders)
else
	fail "no database: make up first, or set DATABASE_URL"
fi

# So that the first readers need not set each row's hint bits, and index-only scans find a map.
vacuum() {
	schema "$url" psql -XqAt -v ON_ERROR_STOP=1 -c 'SET statement_timeout = 0' -c "VACUUM (ANALYZE) $1"
}

started=$(date +%s)
schema "$url" psql -XqAt -v ON_ERROR_STOP=1 -v VERBOSITY=terse -v n="$N" -v seed="$SEED" -v until="$UNTIL 00:00:00+00" -v add="$ADD" \
	<"$PARTS_ROOT/tests/bench/data.sql"
vacuum orders.order_changes & # the largest beside the other two
changes=$!
vacuum orders.orders
vacuum orders.order_items
wait "$changes"
echo "$N orders, loaded in $(($(date +%s) - started)) s"
