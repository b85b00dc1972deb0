#!/bin/sh
# Runs the test programs BUILD/tests/KIND/test_*, side by side, with what each KIND needs around them:
#
#     tests/support/run.sh BUILD KIND…        KIND: unit, store, wire, fault, aws
#     tests/support/run.sh -x PROGRAM         one program that is none of Criterion's, with all of it, on a PostgreSQL that syncs
#
# unit needs nothing. store gets a private PostgreSQL, wire, fault and aws beside it the SNS and SQS emulator and the sample products. All of it
# lies in one temporary folder, on free loopback ports, and is gone afterwards. The last line is "N passed, N failed"; the exit
# status is 0 only when tests ran, none failed and no program crashed.
#
# ORDERS_FCGI   cgi/orders.fcgi   the worker
# SERVER        lighttpd          the web server that wire tests go through: see serve.sh
# PGBOUNCER                       session or transaction: wire tests go through PgBouncer in this mode
# PROGRAMS                        names of programs, test_NAME: the others are left out
# ONLY                            a Criterion pattern, suite/test: the others are left out
# JOBS                            test programs at a time
# KEEP                            set: the folder stays, for looking at the logs
#
# For the programs: ORDERS_TEST_DIR, the folder; ORDERS_TEST_SERVER; ORDERS_TEST_WORKER, the worker's absolute path.
# store and wire: ORDERS_TEST_PG, the conninfo of the superuser up to and without its dbname; ORDERS_TEST_PG_URL, the worker's
# role over TCP, likewise; ORDERS_TEST_TEMPLATE, a database with the schema, to be the TEMPLATE of others; ORDERS_TEST_PG_PID.
# store: ORDERS_TEST_SESSION_URL and ORDERS_TEST_TRANSACTION_URL, as ORDERS_TEST_PG_URL, but through PgBouncer.
# wire: ORDERS_TEST_EXCHANGES, a folder for what the service answers, which tests/openapi/validate.mjs holds against docs/openapi.json afterwards.
# wire, fault and aws: ORDERS_TEST_SNS and ORDERS_TEST_PRODUCTS, ports on 127.0.0.1; ORDERS_TEST_SNS_PID; ORDERS_TEST_NODE, a Node.js; ORDERS_TEST_NPM, its modules.
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=demo/parts.sh
. "$PARTS_ROOT/demo/parts.sh"

program='' durability=fast
case $1 in
-x) program=$2 durability=durable kinds=fault ;;
*)
	build=$1
	shift
	kinds=$*
	;;
esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/orders-test.XXXXXX")
if [ "${#dir}" -gt 40 ]; then # a socket's path has 107 bytes
	rmdir "$dir"
	dir=$(mktemp -d /tmp/orders-test.XXXXXX)
fi
chmod 711 "$dir"

# Processes that were started with our folder in their environment.
leftovers() {
	(unset ORDERS_TEST_DIR && grep -lzx "ORDERS_TEST_DIR=$dir" /proc/[0-9]*/environ 2>/dev/null) | tr -dc '0-9\n'
}

none_left() {
	[ -z "$(leftovers)" ]
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	trap '' INT TERM HUP
	# shellcheck disable=SC2046 # a list
	none_left || kill $(leftovers) 2>/dev/null || :
	fauxqs_stop "$dir"
	products_stop "$dir"
	for mode in session transaction; do
		pgbouncer_stop "$dir" "$mode"
	done
	postgres_stop "$dir" immediate
	# shellcheck disable=SC2046 # a list
	parts_until 5 none_left || kill -s KILL $(leftovers) 2>/dev/null || :
	if [ -n "${KEEP-}" ]; then
		echo "kept: $dir" >&2
	else
		rm -rf -- "$dir"
	fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A PostgreSQL with the schema in the database "template".
start_postgres() {
	postgres_start "$dir" "$1" "$durability"
	postgres_database "$dir" template
	owner=$(postgres_tcp_url "$dir" orders_owner template)
	schema_deploy "$owner" >"$dir/schema.log" 2>&1 || {
		cat "$dir/schema.log" >&2
		return 1
	}
	schema_worker "$owner" orders_worker "$(cat "$dir/postgres/password")"
}

needs() {
	case " $kinds " in *" $1 "*) return 0 ;; esac
	return 1
}

needs_neighbours() {
	needs wire || needs fault || needs aws
}

# PgBouncer in both modes for the tests that are about it, or in the one that all go through. Sets url to go through that.
start_pgbouncers() {
	case ${PGBOUNCER-} in '' | session | transaction) ;; *)
		echo "PGBOUNCER: session or transaction, not '$PGBOUNCER'" >&2
		return 1
		;;
	esac
	for mode in session transaction; do
		if needs store || [ "$mode" = "${PGBOUNCER-}" ]; then
			pgbouncer_start "$dir" "$mode" "$1"
			pooled=$(pgbouncer_url "$dir" "$1" '')
			[ "$mode" != "${PGBOUNCER-}" ] || url=$pooled
			case $mode in
			session) export ORDERS_TEST_SESSION_URL="$pooled" ;;
			transaction) export ORDERS_TEST_TRANSACTION_URL="$pooled" ;;
			esac
		fi
		shift
	done
}

start_parts() {
	needs_neighbours || needs store || return 0
	# shellcheck disable=SC2046 # a list
	set -- $(parts_free_ports 5)
	if needs_neighbours; then
		(fauxqs_start "$dir" "$2") &
		fauxqs=$!
		(products_start "$dir" "$3") &
		products=$!
		export ORDERS_TEST_SNS="$2" ORDERS_TEST_PRODUCTS="$3"
	fi
	start_postgres "$1"
	url=$(postgres_tcp_url "$dir" orders_worker '')
	start_pgbouncers "$4" "$5"
	ORDERS_TEST_PG="host=$(parts_short "$dir" postgres) port=$1 user=postgres"
	ORDERS_TEST_PG_URL=$url ORDERS_TEST_TEMPLATE=template ORDERS_TEST_PG_PID=$(parts_pid "$dir" postgres)
	export ORDERS_TEST_PG ORDERS_TEST_PG_URL ORDERS_TEST_TEMPLATE ORDERS_TEST_PG_PID
	if needs_neighbours; then
		wait "$fauxqs" || return 1
		ORDERS_TEST_SNS_PID=$(parts_pid "$dir" fauxqs)
		export ORDERS_TEST_SNS_PID
		wait "$products" || return 1
	fi
}

start_parts

ORDERS_TEST_DIR=$dir
ORDERS_TEST_SERVER=${SERVER:-lighttpd}
ORDERS_TEST_NPM=$PARTS_ROOT/run/npm/node_modules
ORDERS_TEST_NODE=$(parts_node)
worker=${ORDERS_FCGI:-$PARTS_ROOT/cgi/orders.fcgi}
case $worker in /*) ;; *) worker=$PWD/$worker ;; esac
ORDERS_TEST_WORKER=$worker ORDERS_TEST_ROOT=$PARTS_ROOT
export ORDERS_TEST_DIR ORDERS_TEST_SERVER ORDERS_TEST_NPM ORDERS_TEST_NODE ORDERS_TEST_WORKER ORDERS_TEST_ROOT
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
# A worker's report on itself goes to its pool's log, where it counts as a failure; the tests themselves may leave memory behind.
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

mkdir "$dir/out" "$dir/pools"
if needs wire; then
	export ORDERS_TEST_EXCHANGES="$dir/exchanges"
	mkdir "$ORDERS_TEST_EXCHANGES"
fi
if [ -n "$program" ]; then
	status=0
	"$program" || status=$?
	exit "$status"
fi
cores=$(nproc)
programs=''
for kind in $kinds; do
	for program in "$build/tests/$kind"/test_*; do
		# Without a suffix: objects and dependency files lie beside the programs.
		name=${program##*/test_}
		case $name in *.*) continue ;; esac
		case " ${PROGRAMS:-$name} " in *" $name "*) ;; *) continue ;; esac
		[ ! -x "$program" ] || programs="$programs $program"
	done
done

# Wire tests mostly wait, so more of them run than there are cores. Not through a pooler: one process, which they all would wait for.
side_by_side=$((cores * 2))
[ -z "${PGBOUNCER-}" ] || side_by_side=$cores
# shellcheck disable=SC2086,SC2016 # a list; sh -c expands it
printf '%s\n' $programs | xargs -r -n 1 -P "${JOBS:-$side_by_side}" sh -c '
	name=$(basename "$(dirname "$1")")-$(basename "$1")
	started=$(date +%s%N)
	status=0
	"$1" -j "$((2 * $0))" --color=never ${ONLY:+--filter "$ONLY"} --tap="$ORDERS_TEST_DIR/out/$name.tap" \
		>"$ORDERS_TEST_DIR/out/$name.out" 2>&1 </dev/null || status=$?
	echo "$status" >"$ORDERS_TEST_DIR/out/$name.status"
	printf "%-28s %4d ms\n" "$name" $((($(date +%s%N) - started) / 1000000))
' "$cores"

passed=0 failed=0
for kind in $kinds; do
	for status in "$dir/out/$kind"-*.status; do
		[ -e "$status" ] || continue
		tap=${status%.status}.tap out=${status%.status}.out
		ok=$(grep '^ok ' "$tap" 2>/dev/null | grep -vc ' # SKIP' || :)
		bad=$(grep -c '^not ok ' "$tap" 2>/dev/null || :)
		: "${ok:=0}" "${bad:=0}"
		if [ "$(cat "$status")" != 0 ] && [ "$bad" = 0 ]; then
			echo "$(basename "$out" .out): ended with status $(cat "$status")"
			bad=1
		fi
		[ "$bad" = 0 ] || cat "$out"
		passed=$((passed + ok)) failed=$((failed + bad))
	done
done

# Tests that the web server is not made for: see tests/support/server.h. (Of those that ONLY leaves out Criterion says "test was skipped".)
sed -n '/test was skipped$/d; s/^ok - \(.*[^ ]\)  *# SKIP */skipped: \1: /p' "$dir"/out/*.tap

# What the sanitizers hold against a worker.
for log in "$dir"/pools/*/log; do
	[ -e "$log" ] || continue
	if grep -qE 'Sanitizer|runtime error:' "$log"; then
		echo "a sanitizer's report on a worker:"
		grep -E -A 25 'Sanitizer|runtime error:' "$log" | head -n 60
		failed=$((failed + 1))
	fi
done

# With every test run, every documented answer has to have been seen. Without one that asked the service there is nothing to judge.
if [ -e "$dir/exchanges/ports" ]; then
	whole=all
	[ "$ORDERS_TEST_SERVER${PGBOUNCER-}${PROGRAMS-}${ONLY-}" = lighttpd ] || whole=''
	"$ORDERS_TEST_NODE" "$PARTS_ROOT/tests/openapi/validate.mjs" "$PARTS_ROOT/run/npm-tests/node_modules" "$dir" "$ORDERS_TEST_SERVER" "$whole" ||
		failed=$((failed + 1))
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
