#!/bin/sh
# The service with all that it needs around it, below run/ and on loopback.
#
#     demo/run.sh run       in the foreground: places an order, shows its events, stays until Ctrl-C
#     demo/run.sh up        in the background; returns when /ready is 200
#     demo/run.sh status    the parts, their processes and addresses; 3 when nothing runs
#     demo/run.sh down
#
# What is set in the environment replaces the embedded part: DATABASE_URL (with SCHEMA_DATABASE_URL for the role that may deploy
# the schema), PRODUCT_SERVICE_URL, AWS_ENDPOINT_URL, and every other setting of the worker. Ports: PORT (8002), PRODUCTS_PORT
# (8001), FAUXQS_PORT (4566), POSTGRES_PORT (5442). DEMO_TOKEN: a token of your own, where SECRET_KEY holds a public key.
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
run=$PARTS_ROOT/run
. "$PARTS_ROOT/demo/parts.sh"

: "${PORT:=8002}" "${PRODUCTS_PORT:=8001}" "${FAUXQS_PORT:=4566}" "${POSTGRES_PORT:=5442}"
: "${WORKERS:=4}" "${ORDERS_FCGI:=$PARTS_ROOT/cgi/orders.fcgi}"
address=http://127.0.0.1:$PORT

fail() {
	echo "$*" >&2
	exit 1
}

# Adds a part to the list that status and down go by.
part() {
	printf '%s\t%s\n' "$1" "$2" >>"$run/parts"
}

running() {
	for name in postgres products fauxqs orders; do
		! parts_alive "$run" "$name" || return 0
	done
	return 1
}

stop() {
	trap '' INT TERM HUP
	[ -z "${nap-}" ] || kill "$nap" 2>/dev/null || :
	orders_stop "$run"
	fauxqs_stop "$run"
	products_stop "$run"
	postgres_stop "$run"
	rm -f "$run/parts" "$run/run.pid" "$run/run.since"
}

## Starting

# Everything that can be known to be wrong before anything starts.
check() {
	[ -x "$ORDERS_FCGI" ] || fail "$ORDERS_FCGI is not there: run make first"
	case $WORKERS in '' | *[!0-9]* | 0*) fail "WORKERS: a number from 1, not '$WORKERS'" ;; esac
	if running; then
		fail "it is running already: make status, make down"
	fi
	bad=''
	parts_port_free "$PORT" PORT "the service" || bad=1
	[ -n "${DATABASE_URL-}" ] || parts_port_free "$POSTGRES_PORT" POSTGRES_PORT PostgreSQL || bad=1
	[ -n "${PRODUCT_SERVICE_URL-}" ] || parts_port_free "$PRODUCTS_PORT" PRODUCTS_PORT "the sample products" || bad=1
	[ -n "$sns" ] || parts_port_free "$FAUXQS_PORT" FAUXQS_PORT "the SNS and SQS emulator" || bad=1
	[ -z "$bad" ] || exit 1
}

# The settings that the user has not made; $sns is the endpoint that he has.
sns=${AWS_ENDPOINT_URL_SNS:-${AWS_ENDPOINT_URL-}}

start() {
	check
	mkdir -p "$run"
	rm -f "$run/parts"
	trap 'stop' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ -z "${DATABASE_URL-}" ]; then
		part postgres "127.0.0.1:$POSTGRES_PORT"
		postgres_start "$run" "$POSTGRES_PORT"
		postgres_database "$run" orders
		SCHEMA_DATABASE_URL=$(postgres_tcp_url "$run" orders_owner orders)
		deploy
		schema_worker "$SCHEMA_DATABASE_URL" orders_worker "$(cat "$run/postgres/password")"
		DATABASE_URL=$(postgres_url "$run" orders_worker orders)
	else
		part postgres "DATABASE_URL"
		: "${SCHEMA_DATABASE_URL:=$DATABASE_URL}"
		deploy
		worker=$(schema "$DATABASE_URL" psql -XAtc 'SELECT current_user') ||
			fail "DATABASE_URL: cannot connect"
		schema_worker "$SCHEMA_DATABASE_URL" "$worker" || fail "the role of DATABASE_URL could not be granted orders_api"
	fi
	if [ -z "${PRODUCT_SERVICE_URL-}" ]; then
		PRODUCT_SERVICE_URL=http://127.0.0.1:$PRODUCTS_PORT
		part products "$PRODUCT_SERVICE_URL"
		products_start "$run" "$PRODUCTS_PORT"
	else
		part products "$PRODUCT_SERVICE_URL"
	fi
	[ -n "${SNS_TOPIC_ARN-}" ] || : "${SNS_TOPIC_NAME:=order-events}"
	if [ -z "$sns" ]; then
		AWS_ENDPOINT_URL=http://127.0.0.1:$FAUXQS_PORT
		: "${AWS_REGION:=us-east-1}" "${AWS_ACCESS_KEY_ID:=demo}" "${AWS_SECRET_ACCESS_KEY:=demo}"
		part fauxqs "$AWS_ENDPOINT_URL"
		topic=${SNS_TOPIC_ARN:-$SNS_TOPIC_NAME} queue=notification-queue
		case $topic in *.fifo) queue=$queue.fifo ;; esac
		FAUXQS_DEFAULT_REGION=$AWS_REGION fauxqs_start "$run" "$FAUXQS_PORT" "${topic##*:}" "$queue"
	else
		part fauxqs "$sns"
	fi
	if [ -z "${SECRET_KEY-}" ]; then
		[ -s "$run/secret-key" ] || (umask 077 && openssl rand -hex 32 >"$run/secret-key")
		SECRET_KEY=@$run/secret-key
	fi
	# Nothing on loopback goes through a proxy that the user may have set.
	no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost NO_PROXY=$no_proxy
	export DATABASE_URL PRODUCT_SERVICE_URL SECRET_KEY PORT WORKERS ORDERS_FCGI no_proxy NO_PROXY
	for name in AWS_ENDPOINT_URL AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY SNS_TOPIC_NAME; do
		eval "[ -z \"\${$name-}\" ] || export $name"
	done
	keep_settings
	"$ORDERS_FCGI" -t || exit 78
	part orders "$address"
	orders_start "$run" "$PORT"
	ready || exit 1
}

deploy() {
	schema_deploy "$SCHEMA_DATABASE_URL" >"$run/schema.log" 2>&1 || {
		sed 's/^/    /' "$run/schema.log" >&2
		fail "the schema could not be deployed"
	}
}

# For whoever wants to run one worker by hand: . run/env; and for ordersctl --env run/env, which finds the pool in RUN_DIR.
keep_settings() {
	# shellcheck disable=SC2034 # by its name
	(umask 077 && RUN_DIR=$run/orders && for name in RUN_DIR DATABASE_URL PRODUCT_SERVICE_URL PRODUCT_SERVICE_TIMEOUT SECRET_KEY ALGORITHM JWT_AUDIENCE JWT_ISSUER \
		STAFF_ROLES OWNER_STATUS_UPDATES AWS_ENDPOINT_URL AWS_ENDPOINT_URL_SNS AWS_ENDPOINT_URL_STS AWS_REGION \
		AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ROLE_ARN AWS_ROLE_SESSION_NAME \
		AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI \
		AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_EC2_METADATA_DISABLED \
		AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE SNS_TOPIC_NAME SNS_TOPIC_ARN; do
		eval "value=\${$name-}"
		[ -z "$value" ] || printf "export %s='%s'\n" "$name" "$(printf %s "$value" | sed "s/'/'\\\\''/g")"
	done >"$run/env")
}

ready() {
	parts_wait "$run" orders 20 parts_http "$address/ready" && return
	echo "$address/ready says: $(curl -s -m 5 --noproxy '*' "$address/ready")" >&2
	return 1
}

## Showing it

base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# Prints a token for user 9, valid for 12 hours.
token() {
	if [ -n "${DEMO_TOKEN-}" ]; then
		echo "$DEMO_TOKEN"
		return
	fi
	case ${ALGORITHM:=HS256} in HS256 | HS384 | HS512) ;; *) return 1 ;; esac
	case $SECRET_KEY in
	@*) key=$(cat "${SECRET_KEY#@}") ;;
	*) key=$SECRET_KEY ;;
	esac
	key=$(printf %s "$key" | od -An -v -tx1 | tr -d ' \n')
	text=$(printf '{"alg":"%s","typ":"JWT"}' "$ALGORITHM" | base64url).$(jq -cjn --argjson exp $(($(date +%s) + 43200)) \
		--arg aud "${JWT_AUDIENCE-}" --arg iss "${JWT_ISSUER-}" '{sub: "9", email: "user@example.com", exp: $exp}
		+ if $aud == "" then {} else {aud: $aud} end + if $iss == "" then {} else {iss: $iss} end' | base64url)
	echo "$text.$(printf %s "$text" | openssl dgst "-sha${ALGORITHM#HS}" -mac HMAC -macopt "hexkey:$key" -binary | base64url)"
}

# Indents JSON and touches nothing else: jq 1.6 would write 91.00 as 91.
pretty() {
	awk '{
		n = length($0); depth = 0; string = 0; out = "    "
		for (i = 1; i <= n; i++) {
			c = substr($0, i, 1)
			if (string) { out = out c; if (c == "\\") out = out substr($0, ++i, 1); else if (c == "\"") string = 0 }
			else if (c == "\"") { string = 1; out = out c }
			else if (c == "{" || c == "[") { out = out c; if (substr($0, i + 1, 1) ~ /[]}]/) out = out substr($0, ++i, 1); else out = out line(++depth) }
			else if (c == "}" || c == "]") out = out line(--depth) c
			else if (c == ",") out = out c line(depth)
			else if (c == ":") out = out ": "
			else if (c != " ") out = out c
		}
		print out
	}
	function line(d,   s) { s = "\n    "; while (d-- > 0) s = s "  "; return s }'
}

call() {
	curl -sS -m 15 --noproxy '*' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"
}

hello() {
	echo
	echo "The order service is ready at $address (the parts: make status; their logs: run/*.log)"
	echo "Its API, to read and to try out with the token below: $address/docs"
	if ! token=$(token); then
		echo "No token for $ALGORITHM can be made here: set DEMO_TOKEN to one of yours."
		return 1
	fi
	cat <<-END

		TOKEN=$token

		curl -s $address/ready
		curl -s $address/api/v1/orders -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' \\
		     -d '{"items":[{"product_id":3,"quantity":2}]}'
		curl -s $address/api/v1/orders -H "Authorization: Bearer \$TOKEN"

		cgi/ordersctl --env run/env top       # the pool, live; also status, check, outbox list, order ID, token --sub 9
	END
}

show() {
	echo
	echo 'POST /api/v1/orders {"items":[{"product_id":3,"quantity":2},{"product_id":13,"quantity":1}]}'
	answer=$(call "$address/api/v1/orders" -d '{"items":[{"product_id":3,"quantity":2},{"product_id":13,"quantity":1}]}')
	printf '%s\n' "$answer" | pretty
	id=$(printf '%s\n' "$answer" | jq -e .id) || fail "that is not an order; see run/orders.log"
	echo
	echo "PATCH /api/v1/orders/$id/status {\"status\":\"confirmed\"}"
	answer=$(call -X PATCH "$address/api/v1/orders/$id/status" -d '{"status":"confirmed"}')
	printf '%s\n' "$answer" | pretty
	printf '%s\n' "$answer" | jq -e '.status == "confirmed"' >/dev/null || fail "the order was not confirmed; see run/orders.log"
	[ -z "$sns" ] || return 0
	seen=0
	: >"$run/events"
	read -r end _ </proc/uptime
	end=$((${end%.*} + 20))
	while [ "$seen" -lt 2 ]; do
		read -r now _ </proc/uptime
		[ "${now%.*}" -le "$end" ] || fail "the events did not arrive within 20 s; see run/orders.log"
		fauxqs_receive "$FAUXQS_PORT" "$queue" 1 | jq -c --argjson id "$id" 'fromjson | select((.Message | fromjson).data.order_id == $id)' >>"$run/events"
		seen=$(wc -l <"$run/events")
	done
	while read -r event; do
		echo
		printf '%s\n' "$event" | jq -r '"In the queue: Subject \(.Subject), event_type \(.MessageAttributes.event_type.Value)"'
		printf '%s\n' "$event" | jq -r .Message | pretty
	done <"$run/events"
}

## Commands

case ${1-} in
run)
	start
	parts_stat $$
	echo $$ >"$run/run.pid"
	echo "$parts_since" >"$run/run.since"
	! hello || show
	echo
	echo 'Ctrl-C ends it.'
	lost=''
	while :; do
		while read -r name _; do
			case " $lost " in *" $name "*) continue ;; esac
			if [ ! -e "$run/$name.pid" ] || parts_alive "$run" "$name"; then
				continue
			fi
			lost="$lost $name"
			echo "$name ended; the end of run/$name.log:" >&2
			tail -n 5 "$run/$name.log" | sed 's/^/    /' >&2
		done <"$run/parts"
		case $lost in *orders*) exit 1 ;; esac
		sleep 1 &
		nap=$!
		wait "$nap" || :
	done
	;;
up)
	start
	trap - EXIT
	hello || :
	;;
down)
	if parts_alive "$run" run; then
		kill "$(parts_pid "$run" run)"
		parts_until 60 sh -c "! kill -0 $(parts_pid "$run" run) 2>/dev/null" || :
	fi
	stop
	;;
status)
	[ -s "$run/parts" ] || {
		echo 'nothing is running'
		exit 3
	}
	while IFS='	' read -r name where; do
		if parts_alive "$run" "$name"; then
			pid=$(parts_pid "$run" "$name")
		elif [ -e "$run/$name.pid" ]; then
			pid=dead
		else
			pid=yours
		fi
		printf '%-10s %-8s %s\n' "$name" "$pid" "$where"
	done <"$run/parts"
	;;
*)
	echo 'usage: run.sh run|up|down|status' >&2
	exit 64
	;;
esac
