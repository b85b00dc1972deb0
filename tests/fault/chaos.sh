#!/bin/sh
# Orders under load while workers are killed and the neighbours are restarted; then what the clients were told is compared with
# the database, and the database with what arrived in the queue.
#
#     tests/fault/chaos.sh       LOAD_SECONDS (30), SEED
#
# Every acknowledged order exists once and is what was asked for; each of its changes has had its event delivered at least once;
# nothing was delivered that does not exist.
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
: "${LOAD_SECONDS:=30}" "${SEED:=$(date +%s)}" "${LOG_LEVEL:=error}"
. "$PARTS_ROOT/tests/support/stack.sh"
# The emulator's queue outlives its process, as SNS and SQS do.
export FAUXQS_DATA_DIR="$dir/fauxqs-data"

# Sixteen clients that place orders until the time is over. What was answered 201 ends in $dir/acked.
load() {
	mkdir "$dir/answers"
	token=$(stack_token 9)
	body='{"items":[{"product_id":3,"quantity":2},{"product_id":4,"quantity":1}]}'
	curl -sZ --no-progress-meter --parallel-immediate --parallel-max 16 --noproxy '*' --max-time 30 -H "Authorization: Bearer $token" \
		-H 'Content-Type: application/json' -d "$body" -o "$dir/answers/#1" "http://127.0.0.1:$port/api/v1/orders?n=[1-10000000]" 2>/dev/null &
	curl=$!
}

load_stop() {
	kill "$curl" 2>/dev/null || :
	wait "$curl" 2>/dev/null || :
	find "$dir/answers" -type f -exec grep -ho '^{"id":[0-9]*,.*}]}$' {} + | sed 's/^{"id":\([0-9]*\),.*/\1/' | sort >"$dir/acked"
	find "$dir/answers" -type f -exec grep -L '^{"id":' {} + | wc -l >"$dir/refused"
}

kill_a_worker() {
	stack_workers | awk -v seed="$SEED$turn" 'BEGIN { srand(seed) } { a[NR] = $1 } END { if (NR) print a[int(rand() * NR) + 1] }' |
		xargs -r kill -9
}

restart_postgres() {
	postgres_stop "$dir" "$1"
	postgres_start "$dir" "$postgres_port" durable
}

restart_fauxqs() {
	fauxqs_stop "$dir"
	parts_until 1 false || :
	fauxqs_start "$dir" "$fauxqs_port"
}

# One fault each half second; the longer ones at their turns.
trouble() {
	turn=0
	while [ $((turn += 1)) -le $((LOAD_SECONDS * 2)) ]; do
		kill_a_worker
		case $((turn % 20)) in
		5) restart_fauxqs ;;
		10) restart_postgres fast ;;
		15) restart_postgres immediate ;;
		esac
		parts_until 0 false || :
	done
}

# The event ids in the queue.
receive() {
	"$(parts_node)" "$PARTS_ROOT/tests/fault/receive.mjs" "http://127.0.0.1:$fauxqs_port" "$(fauxqs_queue_url "$fauxqs_port")" |
		sort -u >"$dir/delivered"
}

query() {
	postgres_psql "$dir" orders -c "$1" | sort
}

expect_none() {
	comm -23 "$2" "$3" >"$dir/missing"
	printf '%-60s %d\n' "$1" "$(wc -l <"$dir/missing")"
	[ ! -s "$dir/missing" ] || failed=1
}

failed=''
stack_start
echo "seed $SEED"
load
trouble
load_stop
parts_until 60 stack_owed 0 || { echo "events are still owed after a minute" >&2 && failed=1; }
receive
query "SELECT id FROM orders.orders WHERE total_amount = (SELECT sum(subtotal) FROM orders.order_items AS i
	WHERE i.user_id = orders.user_id AND i.order_id = orders.id) AND user_id = 9" >"$dir/stored"
query 'SELECT event_id FROM orders.order_changes' >"$dir/changes"
printf '%-60s %d\n' 'orders acknowledged' "$(wc -l <"$dir/acked")" 'requests refused or cut' "$(cat "$dir/refused")" \
	'orders stored' "$(wc -l <"$dir/stored")" 'events delivered' "$(wc -l <"$dir/delivered")"
expect_none 'acknowledged orders that do not exist' "$dir/acked" "$dir/stored"
expect_none 'changes whose event was never delivered' "$dir/changes" "$dir/delivered"
expect_none 'events of what does not exist' "$dir/delivered" "$dir/changes"
[ "$(sort -u "$dir/acked" | wc -l)" = "$(wc -l <"$dir/acked")" ] || { echo "an order was acknowledged twice" && failed=1; }
[ -s "$dir/acked" ] || { echo "no order was acknowledged" >&2 && failed=1; }
[ -z "$failed" ]
