#!/bin/sh
# Under valgrind: the unit and store tests below BUILD, and BUILD/orders.fcgi behind lighttpd, which answers REQUESTS of each
# kind. An error or a leak is a file in BUILD/reports that is not empty: see reports.sh.
#
#     tests/check/valgrind.sh BUILD
#
# REQUESTS        1000
# REQUESTS_ONLY   set: without the tests
set -eu

: "${REQUESTS:=1000}"
build=$1
PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$PARTS_ROOT/demo/parts.sh"
cd "$PARTS_ROOT"
reports=$PWD/$build/reports

# The shell and what it starts, sqitch, are not ours to look at; neither are the copies of a test that it forks and that end
# in its middle. What these run of lib/ is run by others, too.
memcheck="valgrind -q --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible
	--num-callers=30 --child-silent-after-fork=yes --trace-children=yes --trace-children-skip=*/sh,*/dash,*/perl,*/psql
	--suppressions=$PWD/tests/check/valgrind.supp --log-file=$reports/%p"

# A folder of programs with the names of the tests, each of which becomes the test under valgrind.
wrap_tests() {
	for kind in unit store; do
		mkdir -p "$build/wrapped/tests/$kind"
		for program in "$build/tests/$kind"/test_*; do
			case ${program##*/} in *.*) continue ;; esac
			wrapper=$build/wrapped/tests/$kind/${program##*/}
			printf '#!/bin/sh\nexec %s %s "$@"\n' "$(echo "$memcheck" | tr '\n\t' '  ')" "$PWD/$program" >"$wrapper"
			chmod +x "$wrapper"
		done
	done
}

base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d =
}

# A token for user 9, from the secret $1.
token() {
	text=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(printf '{"sub":"9","email":"user@example.com"}' | base64url)
	echo "$text.$(printf %s "$text" | openssl dgst -sha256 -hmac "$1" -binary | base64url)"
}

# kind NAME STATUS PATH CURL-ARGUMENT…: REQUESTS requests, each answered with this status. [] in the path counts them.
kind() {
	name=$1 status=$2 path=$3
	shift 3
	curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' "$@" \
		"$base$(printf %s "$path" | sed "s/@/[1-$REQUESTS]/")" >"$dir/answers"
	if [ "$(sort -u "$dir/answers")" != "$status" ] || [ "$(wc -l <"$dir/answers")" != "$REQUESTS" ]; then
		echo "valgrind.sh: $name: not $REQUESTS times $status but" >&2
		sort "$dir/answers" | uniq -c >&2
		return 1
	fi
	echo "$name: $REQUESTS"
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	orders_stop "$dir"
	fauxqs_stop "$dir"
	products_stop "$dir"
	postgres_stop "$dir" immediate
	rm -rf -- "$dir"
}

requests() {
	dir=$(mktemp -d /tmp/orders-valgrind.XXXXXX)
	chmod 711 "$dir"
	trap finish EXIT
	trap 'exit 130' INT TERM HUP
	# shellcheck disable=SC2046 # a list
	set -- $(parts_free_ports 4)
	postgres_start "$dir" "$1" fast
	postgres_database "$dir" orders
	owner=$(postgres_tcp_url "$dir" orders_owner orders)
	schema_deploy "$owner" >"$dir/schema.log" 2>&1
	schema_worker "$owner" orders_worker "$(cat "$dir/postgres/password")"
	products_start "$dir" "$2"
	fauxqs_start "$dir" "$3"
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$(echo "$memcheck" | tr '\n\t' '  ')" "$PWD/$build/orders.fcgi" >"$dir/worker"
	chmod +x "$dir/worker"
	SECRET_KEY=0123456789abcdef0123456789abcdef
	DATABASE_URL=$(postgres_tcp_url "$dir" orders_worker orders) PRODUCT_SERVICE_URL=http://127.0.0.1:$2
	AWS_ENDPOINT_URL=http://127.0.0.1:$3 AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secret
	SNS_TOPIC_NAME=order-events ORDERS_FCGI=$dir/worker WORKERS=1
	export SECRET_KEY DATABASE_URL PRODUCT_SERVICE_URL AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY \
		SNS_TOPIC_NAME ORDERS_FCGI WORKERS
	orders_start "$dir" "$4"
	base=http://127.0.0.1:$4 bearer="Authorization: Bearer $(token "$SECRET_KEY")"
	orders=/api/v1/orders

	kind 'create' 201 "$orders?@" -H "$bearer" -d '{"items":[{"product_id":3,"quantity":1}]}'
	kind 'create, five items' 201 "$orders?@" -H "$bearer" \
		-d '{"items":[{"product_id":3,"quantity":1},{"product_id":4,"quantity":1},{"product_id":5,"quantity":1},{"product_id":6,"quantity":1},{"product_id":7,"quantity":1}]}'
	kind 'replay' 201 "$orders?@" -H "$bearer" -H 'Idempotency-Key: key' -d '{"items":[{"product_id":3,"quantity":1}]}'
	kind 'one order' 200 "$orders/@" -H "$bearer"
	kind 'list' 200 "$orders?limit=20&skip=@" -H "$bearer"
	kind 'filtered list' 200 "$orders?status=pending&created_from=2026-01-01T00:00:00%2B01:00&limit=20&skip=@" -H "$bearer"
	kind 'no filter' 422 "$orders?status=x&created_to=2026-01-01&after=0&x=@" -H "$bearer"
	kind 'history' 200 "$orders/@/history" -H "$bearer"
	kind 'not modified' 304 "$orders/@" -H "$bearer" -H 'If-None-Match: "7", W/"1"'
	kind 'stale change' 412 "$orders/@/status" -X PATCH -H "$bearer" -H 'If-Match: "7"' -d '{"status":"confirmed"}'
	kind 'change' 200 "$orders/@/status" -X PATCH -H "$bearer" -d '{"status":"cancelled","reason":"customer","note":"no"}'
	kind 'refused change' 400 "$orders/@/status" -X PATCH -H "$bearer" -d '{"status":"shipped"}'
	kind 'no such product' 404 "$orders?@" -H "$bearer" -d '{"items":[{"product_id":999999,"quantity":1}]}'
	kind 'no such order' 404 "$orders/99999@" -H "$bearer"
	kind 'faults' 422 "$orders?@" -H "$bearer" -d '{"items":[{"product_id":"x","quantity":0},{}]}'
	kind 'no JSON' 422 "$orders?@" -H "$bearer" -d "{'items':[]}"
	kind 'no token' 401 "$orders?@"
	kind 'no path' 404 '/x@'
	kind 'no method' 405 "$orders?@" -X DELETE
	kind 'health' 200 '/health?@'
	kind 'ready' 200 '/ready?@'
	orders_stop "$dir"
}

mkdir -p "$reports"
wrap_tests
# The 4096 rounds of SCRAM take a processor for half a second here: twenty workers at once would not connect in time.
export POSTGRES_AUTH=md5
[ -n "${REQUESTS_ONLY-}" ] || JOBS=${JOBS:-2} CRITERION_NO_EARLY_EXIT=1 tests/support/run.sh "$build/wrapped" unit store
requests
