# shellcheck shell=sh
# The whole service on free ports below a temporary folder, for scripts that load it: to be sourced, with PARTS_ROOT set.
# Sets dir, port and DATABASE_URL, the worker's; settings of the worker in the environment are kept. STACK_DIR: a folder that stays, with
# its databases, instead of the temporary one.

. "$PARTS_ROOT/demo/parts.sh"
: "${WORKERS:=8}" "${LOG_LEVEL:=warn}"

dir=${STACK_DIR:-$(mktemp -d)}
trap stack_stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

stack_stop() {
	trap '' INT TERM
	orders_stop "$dir"
	fauxqs_stop "$dir"
	products_stop "$dir"
	postgres_stop "$dir"
	[ -n "${STACK_DIR-}" ] || rm -rf "$dir"
}

stack_postgres() {
	postgres_port=$(parts_free_ports 1)
	postgres_start "$dir" "$postgres_port" durable
}

# stack_parts: what the service needs, and its settings.
stack_parts() {
	stack_postgres
	# shellcheck disable=SC2046 # three words
	set -- $(parts_free_ports 3)
	port=$1 fauxqs_port=$2
	products_start "$dir" "$3"
	fauxqs_start "$dir" "$fauxqs_port"
	export WORKERS LOG_LEVEL SECRET_KEY=stack SNS_TOPIC_NAME=order-events
	export PRODUCT_SERVICE_URL="http://127.0.0.1:$3" AWS_ENDPOINT_URL="http://127.0.0.1:$fauxqs_port"
	export AWS_ACCESS_KEY_ID=stack AWS_SECRET_ACCESS_KEY=stack
}

# stack_database NAME: with the schema; sets DATABASE_URL.
stack_database() {
	postgres_database "$dir" "$1"
	schema_deploy "$(postgres_tcp_url "$dir" orders_owner "$1")" >"$dir/schema.log" 2>&1 || { cat "$dir/schema.log" >&2 && return 1; }
	schema_worker "$(postgres_tcp_url "$dir" orders_owner "$1")" orders_worker stack
	DATABASE_URL=$(postgres_url "$dir" orders_worker "$1")
	export DATABASE_URL
}

stack_start() {
	stack_parts
	stack_database orders
	orders_start "$dir" "$port"
}

stack_base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# stack_token USER [ROLE]: a token of that user.
stack_token() {
	stack_text=$(printf '{"alg":"HS256","typ":"JWT"}' | stack_base64url)
	stack_text=$stack_text.$(printf '{"sub":"%d","email":"user@example.com","exp":4102444800,"role":"%s"}' "$1" "${2:-customer}" | stack_base64url)
	printf '%s.%s\n' "$stack_text" "$(printf %s "$stack_text" | openssl dgst -sha256 -hmac stack -binary | stack_base64url)"
}

# stack_workers: the pids of the pool's workers.
stack_workers() {
	for stack_pid in $(grep -lzxF "DATABASE_URL=$DATABASE_URL" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n'); do
		case $(readlink "/proc/$stack_pid/exe") in */orders.fcgi) echo "$stack_pid" ;; esac
	done
}

# stack_owed N: are N events owed to SNS? Rows of the request id 'limit' do not count.
stack_owed() {
	[ "$(postgres_psql "$dir" orders -c "SELECT count(*) FROM orders.outbox WHERE request_id <> 'limit'" 2>/dev/null)" = "$1" ]
}
