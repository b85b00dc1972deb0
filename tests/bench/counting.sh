#!/bin/sh
# What the figures of /metrics cost a request: instructions of a worker, counted by callgrind from accepting it to what
# comes after its answer, and the share of them that goes into counting. The same figures again on any machine; what the kernel
# does is left out, so the true share is smaller.
#
#     tests/bench/counting.sh [KIND…]      health list get create; default all
#
# ORDERS_FCGI   cgi/orders.fcgi   another worker, of a commit before this one for instance, to compare its instructions
# REQUESTS      500
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=tests/support/stack.sh
. "$PARTS_ROOT/tests/support/stack.sh"
: "${REQUESTS:=500}" "${ORDERS_FCGI:=$PARTS_ROOT/cgi/orders.fcgi}"
[ $# -gt 0 ] || set -- health list get create
WORKERS=1 worker=$ORDERS_FCGI ORDERS_FCGI=$dir/worker
export ORDERS_FCGI

ask() {
	curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@" |
		sort | uniq -c >"$dir/answers"
}

# requests KIND N: the first one connects and prepares, and is not in the figures.
requests() {
	case $1 in
	health) ask "http://127.0.0.1:$port/health?[1-$2]" ;;
	list) ask "http://127.0.0.1:$port/api/v1/orders?limit=20&skip=[0-$(($2 - 1))]" ;;
	get) ask "http://127.0.0.1:$port/api/v1/orders/1?[1-$2]" ;;
	create) ask "http://127.0.0.1:$port/api/v1/orders?[1-$2]" -d '{"items":[{"product_id":3,"quantity":1}]}' ;;
	*) echo "counting.sh: no kind '$1'" >&2 && return 64 ;;
	esac
}

# measure KIND N: instructions of all, and those that are counting's own, of a worker that lived for N requests.
measure() {
	rm -f "$dir"/callgrind.*
	orders_start "$dir" "$port"
	requests "$1" "$2"
	orders_stop "$dir"
	out=$(find "$dir" -name 'callgrind.*' -size +0 -exec ls -S {} + | head -n 1)
	callgrind_annotate --auto=no --threshold=100 --show-percs=no "$out" | tr -d , | awk '
		/PROGRAM TOTALS/ { all = $1 }
		$2 ~ /(base\/metrics|base\/cell|api\/meter)\.c:/ { own += $1 }
		END { print all, own + 0 }'
}

printf '#!/bin/sh\nexec valgrind -q --tool=callgrind --callgrind-out-file=%s/callgrind.%%p %s %s "$@"\n' "$dir" \
	'--toggle-collect=FCGX_Accept_r --toggle-collect=http_exchange_run --toggle-collect=http_exchange_write --toggle-collect=app_after --toggle-collect=http_exchange_end' \
	"$worker" >"$dir/worker"
chmod +x "$dir/worker"
stack_start
token=$(stack_token 1)
requests create 30
orders_stop "$dir"
printf '%-8s %14s %14s %8s\n' kind instructions counting share
for kind; do
	few=$(measure "$kind" 20)
	many=$(measure "$kind" $((20 + REQUESTS)))
	echo "$kind $few $many" | awk -v n="$REQUESTS" '{ printf "%-8s %14.0f %14.0f %7.2f%%\n", $1, ($4 - $2) / n, ($5 - $3) / n, 100 * ($5 - $3) / ($4 - $2) }'
done
