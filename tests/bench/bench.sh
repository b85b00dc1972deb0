#!/bin/sh
# What the service does beside what PostgreSQL alone can do, in one run on one machine.
#
#     tests/bench/bench.sh [SCENARIO…]      create1 create5 get list; default all
#
# ROUNDS (3), SECONDS_EACH (3), CONNECTIONS ("1 16 64"), WORKERS (8). Through lighttpd, with publishing to the emulator on;
# for each measurement of ours one of pgbench follows that calls the same function with as many connections. Figures are
# medians over the rounds; the ratio is that of the medians.
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
here=$PARTS_ROOT/tests/bench
. "$PARTS_ROOT/tests/support/stack.sh"
: "${ROUNDS:=3}" "${SECONDS_EACH:=3}" "${CONNECTIONS:=1 16 64}" "${PGBENCH_MODE:=extended}"
[ $# -gt 0 ] || set -- create1 create5 get list
users=50 orders=50

# $users users with $orders orders of two items each, of which user u has those from (u-1)*orders+1 on; their tokens for wrk.
fill() {
	postgres_psql "$dir" orders -v users="$users" -v orders="$orders" >"$dir/fill.log" <<-'END'
		SELECT count(*) FROM generate_series(0, :users * :orders - 1) AS i,
			LATERAL orders.create_order(i / :orders + 1, 'user@example.com', 136.50, '{3,4}', '{"USB-C Hub","Mouse"}',
				'{45.50,45.50}', '{2,1}', '{91.00,45.50}', ' ' || i, decode(repeat('00', 32), 'hex'), gen_random_uuid(),
				'limit', 't', 1);
		DELETE FROM orders.outbox;
		VACUUM ANALYZE;
	END
	u=0
	while [ $((u += 1)) -le "$users" ]; do
		stack_token "$u"
	done >"$dir/tokens"
}

# The function that a scenario comes down to, as pgbench calls it; the lease keeps the pool off pgbench's events.
limit_of() {
	case $1 in
	create1) create 1 ;;
	create5) create 5 ;;
	get) echo "SELECT * FROM orders.get_order(:u, (:u - 1) * $orders + :n);" ;;
	list) echo "SELECT * FROM orders.list_orders(:u, NULL, NULL, NULL, NULL, NULL, 0, 20);" ;;
	esac
}

create() {
	list=$(seq -s, "$1")
	echo "$list" | awk -F, -v n="$1" '{
		p = q = s = m = t = ""
		for (i = 1; i <= n; i++) { c = i > 1 ? "," : ""; p = p c (i + 2); m = m c "\"USB-C Hub\""; t = t c "45.50"; q = q c "2"; s = s c "91.00" }
		printf "SELECT * FROM orders.create_order(:u, '\''user@example.com'\'', %.2f, '\''{%s}'\'', '\''{%s}'\'', '\''{%s}'\'', '\''{%s}'\'', '\''{%s}'\'',", 91 * n, p, m, t, q, s
		printf " '\'' '\'' || gen_random_uuid(), decode(repeat('\''00'\'', 32), '\''hex'\''), gen_random_uuid(), '\''limit'\'', '\''t'\'', 86400000);\n" }'
}

measure_limit() {
	{
		printf '\\set u random(1, %s)\n\\set n random(1, %s)\n' "$users" "$orders"
		limit_of "$1"
	} >"$dir/$1.sql"
	pgbench -n -M "$PGBENCH_MODE" -c "$2" -j 2 -T "$SECONDS_EACH" -f "$dir/$1.sql" "$DATABASE_URL" 2>"$dir/pgbench.err" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

# Prints requests/s, p50 and p99 in ms, and errors of all kinds.
measure() {
	threads=2
	[ "$2" -gt 1 ] || threads=1
	SCENARIO=$1 TOKENS=$dir/tokens USERS=$users ORDERS=$orders \
		wrk -t"$threads" -c"$2" -d"${SECONDS_EACH}s" --timeout 10s -s "$here/bench.lua" "http://127.0.0.1:$port" |
		sed -n 's/^figures //p'
}

pss() {
	for pid in $(stack_workers); do
		awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"
	done | awk '{ sum += $1; n++ } END { printf "%d workers, %.1f MB PSS in all\n", n, sum / 1024 }'
}

stack_start
fill
round=0
while [ $((round += 1)) -le "$ROUNDS" ]; do
	for scenario in "$@"; do
		for connections in $CONNECTIONS; do
			# shellcheck disable=SC2046 # four words
			set_of=$(measure "$scenario" "$connections")
			parts_until 60 stack_owed 0 || { echo "events are still owed" >&2 && exit 1; }
			echo "$scenario $connections $set_of $(measure_limit "$scenario" "$connections")" >>"$dir/figures"
		done
	done
done

awk "$(cat "$here/median.awk")"'
	{ k = $1 " " $2; if (!(k in rps)) order[++keys] = k
	  rps[k] = rps[k] " " $3; p50[k] = p50[k] " " $4; p99[k] = p99[k] " " $5; errors[k] += $6; tps[k] = tps[k] " " $7 }
	END {
		printf "%-8s %5s %10s %9s %9s %7s %11s %6s\n", "scenario", "conns", "requests/s", "p50 ms", "p99 ms", "errors", "pgbench/s", "ratio"
		for (i = 1; i <= keys; i++) { k = order[i]; split(k, n, " ")
			printf "%-8s %5d %10.0f %9.2f %9.2f %7d %11.0f %6.2f\n", n[1], n[2], median(rps[k]), median(p50[k]), median(p99[k]),
				errors[k], median(tps[k]), median(rps[k]) / median(tps[k]) ; bad += errors[k] }
		exit bad > 0 }' "$dir/figures" || failed=1
pss
[ -z "${failed-}" ] || { echo "there were errors" >&2 && exit 1; }
