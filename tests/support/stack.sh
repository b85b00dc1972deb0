# shellcheck shell=sh
# The whole service on free ports below a temporary folder, for scripts that load it: to be sourced, with PARTS_ROOT set.
# Sets dir, port, database (the worker's URL); settings of the worker in the environment are kept.

. "$PARTS_ROOT/demo/parts.sh"
: "${WORKERS:=8}" "${LOG_LEVEL:=warn}"

dir=$(mktemp -d)
trap stack_stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

stack_stop() {
	trap '' INT TERM
	orders_stop "$dir"
	fauxqs_stop "$dir"
	products_stop "$dir"
	postgres_stop "$dir"
	rm -rf "$dir"
}

stack_start() {
	# shellcheck disable=SC2046 # four words
	set -- $(parts_free_ports 4)
	port=$1 postgres_port=$2 fauxqs_port=$4
	postgres_start "$dir" "$postgres_port" durable
	postgres_database "$dir" orders
	schema_deploy "$(postgres_tcp_url "$dir" orders_owner orders)" >"$dir/schema.log" 2>&1 || { cat "$dir/schema.log" >&2 && return 1; }
	schema_worker "$(postgres_tcp_url "$dir" orders_owner orders)" orders_worker stack
	products_start "$dir" "$3"
	fauxqs_start "$dir" "$fauxqs_port"
	DATABASE_URL=$(postgres_url "$dir" orders_worker orders)
	export DATABASE_URL WORKERS LOG_LEVEL SECRET_KEY=stack SNS_TOPIC_NAME=order-events
	export PRODUCT_SERVICE_URL="http://127.0.0.1:$3" AWS_ENDPOINT_URL="http://127.0.0.1:$fauxqs_port"
	export AWS_ACCESS_KEY_ID=stack AWS_SECRET_ACCESS_KEY=stack
	orders_start "$dir" "$port"
}

stack_base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# stack_token USER [ROLE]: a token of that user.
stack_token() {
	stack_text=$(printf '{"alg":"HS256","typ":"JWT"}' | stack_base64url)
	stack_text=$stack_text.$(printf '{"sub":"%d","email":"user@example.com","role":"%s","exp":4102444800}' "$1" "${2-}" | stack_base64url)
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
