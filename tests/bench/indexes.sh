#!/bin/sh
# What the order desk's indexes cost a change: creating an order and leading it to delivered, with them and with the one index that was
# there before them.
#
#     tests/bench/indexes.sh ORDERS
#
# PostgreSQL alone, pgbench with CONNECTIONS (16), on the database of pages.sh with so many orders (STACK_DIR keeps it). ROUNDS (5) of
# SECONDS_EACH (5), in turns; figures are medians.
set -eu

orders=${1:-}
case $orders in '' | *[!0-9]* | 0* | ??????????*) echo "usage: indexes.sh ORDERS" >&2 && exit 64 ;; esac
PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$PARTS_ROOT/tests/support/stack.sh"
: "${ROUNDS:=5}" "${SECONDS_EACH:=5}" "${CONNECTIONS:=16}"

# The desk's, as the schema defines them.
with() {
	postgres_psql "$dir" many -c 'SET client_min_messages = warning' -c 'DROP INDEX IF EXISTS orders.orders_newest_first' -f "$dir/indexes.sql"
}

without() {
	postgres_psql "$dir" many -c 'DROP INDEX orders.orders_by_status, orders.all_orders_by_status' \
		-c 'CREATE INDEX orders_newest_first ON orders.orders (user_id, created_at DESC, id DESC)'
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	! with || rm -f "$dir/indexes.sql"
	stack_stop
}

# A user's order, and each step of it; the lease keeps everybody off the events.
scripts() {
	common="' ' || gen_random_uuid(), decode(repeat('00', 32), 'hex'), gen_random_uuid(), 'limit', 't', 86400000"
	cat >"$dir/create.sql" <<-END
		\\set u random(10, 2000000)
		SELECT order_id FROM orders.create_order(:u, 'user@example.com', 91.00, '{3}', '{"USB-C Hub"}', '{45.50}', '{2}', '{91.00}', $common) \\gset
	END
	{
		cat "$dir/create.sql"
		for step in 'confirmed pending' 'shipped confirmed' 'delivered shipped'; do
			echo "SELECT count(*) FROM orders.change_status(:u, :order_id, 1, '${step% *}', '{${step#* }}', $common, NULL, NULL, NULL);"
		done
	} >"$dir/life.sql"
}

# Prints transactions a second.
rate() {
	pgbench -n -M prepared -c "$CONNECTIONS" -j 2 -T "$SECONDS_EACH" -f "$dir/$1.sql" "$DATABASE_URL" 2>"$dir/pgbench.err" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

stack_postgres
stack_database many
[ "$(postgres_psql "$dir" many -c 'SELECT EXISTS (SELECT FROM orders.orders)')" = t ] ||
	SCHEMA_DATABASE_URL=$(postgres_tcp_url "$dir" orders_owner many) N=$orders UNTIL=2026-01-01 "$PARTS_ROOT/tests/bench/data.sh" | tail -n 1
[ -s "$dir/indexes.sql" ] || postgres_psql "$dir" many >"$dir/indexes.sql" -c "
	SELECT replace(pg_get_indexdef(oid), 'CREATE INDEX', 'CREATE INDEX IF NOT EXISTS') || ';'
	FROM pg_class WHERE relnamespace = 'orders'::regnamespace AND relname IN ('orders_by_status', 'all_orders_by_status')"
rm -f "$dir/rates"
scripts
trap finish EXIT
with
round=0
while [ $((round += 1)) -le "$ROUNDS" ]; do
	for state in without with; do
		"$state"
		postgres_psql "$dir" postgres -c CHECKPOINT
		for script in create life; do
			echo "$script $state $(rate "$script")" >>"$dir/rates"
		done
		postgres_psql "$dir" many -c 'DELETE FROM orders.outbox'
	done
done
awk "$(cat "$PARTS_ROOT/tests/bench/median.awk")"'
	{ tps[$1, $2] = tps[$1, $2] " " $3 }
	END {
		printf "%-36s %12s %12s %7s\n", "a second", "without", "with", "ratio"
		name["create"] = "orders created"; name["life"] = "orders created and led to delivered"
		for (i = split("create life", k, " "); i > 0; i--) { a = median(tps[k[3-i], "without"]); b = median(tps[k[3-i], "with"])
			printf "%-36s %12.0f %12.0f %7.2f\n", name[k[3-i]], a, b, b / a } }' "$dir/rates"
