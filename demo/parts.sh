# shellcheck shell=sh
# What the service needs around it, started by the demo and by the tests alike: a private PostgreSQL, the schema, the sample
# products, the SNS and SQS emulator, the service itself. To be sourced with PARTS_ROOT set to the top of the repository.
#
# Each function takes first the folder that it may use. A part called NAME keeps there NAME.pid, NAME.since (its start time,
# lest a reused pid be taken for it) and NAME.log. Parts listen on loopback only and run in sessions of their own: a Ctrl-C
# does not reach them, and whatever a part leaves behind is found and ended. Functions return 1 after saying why on stderr.

: "${PARTS_ROOT:?}"
PATH=/usr/lib/postgresql/15/bin:$PATH:/usr/sbin:/sbin

## Ports and waiting

# parts_free_ports N: prints N free loopback ports, different ones, one a line.
parts_free_ports() {
	perl -MIO::Socket::INET -e 'print $_->sockport, "\n" for
		my @s = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die "no free port\n" } 1 .. $ARGV[0]' "$1"
}

# parts_port_free PORT VARIABLE WHAT: 1 and one clear line when something listens there already.
parts_port_free() {
	case $1 in '' | *[!0-9]*)
		echo "$2: a port number, not '$1'" >&2
		return 1
		;;
	esac
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(Listen => 1, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0])' "$1" ||
		{ echo "port $1 for $3 is in use: choose another with $2=…" >&2 && return 1; }
}

# parts_until SECONDS COMMAND…: repeats the command until it succeeds, 1 when the time is over.
parts_until() {
	read -r parts_end _ </proc/uptime
	parts_end=$((${parts_end%.*} + $1))
	shift
	until "$@"; do
		read -r parts_now _ </proc/uptime
		[ "${parts_now%.*}" -le "$parts_end" ] || return 1
		sleep 0.05
	done
}

# parts_wait DIR NAME SECONDS COMMAND…: the same for a part that is starting; at its death, or when the time is over, the end
# of its log is shown.
parts_wait() {
	parts_dir=$1 parts_name=$2 parts_limit=$3
	shift 3
	if parts_until "$parts_limit" parts_dead_or "$parts_dir" "$parts_name" "$@" && parts_alive "$parts_dir" "$parts_name"; then
		return
	fi
	if parts_alive "$parts_dir" "$parts_name"; then
		echo "$parts_name is not ready after $parts_limit s; the end of $parts_dir/$parts_name.log:" >&2
	else
		echo "$parts_name ended; the end of $parts_dir/$parts_name.log:" >&2
	fi
	tail -n 15 "$parts_dir/$parts_name.log" | sed 's/^/    /' >&2
	return 1
}

parts_dead_or() {
	parts_alive "$1" "$2" || return 0
	shift 2
	"$@" >/dev/null 2>&1
}

# parts_http URL: does it answer 2xx?
parts_http() {
	curl -fs -o /dev/null -m 2 --noproxy '*' "$1"
}

## Processes

# parts_start DIR NAME COMMAND…
parts_start() {
	parts_dir=$1 parts_name=$2
	shift 2
	setsid "$@" </dev/null >"$parts_dir/$parts_name.log" 2>&1 &
	echo $! >"$parts_dir/$parts_name.pid"
	rm -f "$parts_dir/$parts_name.since"
	! parts_stat $! || echo "$parts_since" >"$parts_dir/$parts_name.since"
}

# Sets parts_state and parts_since from the process's stat; 1 when there is none.
parts_stat() {
	read -r parts_line 2>/dev/null <"/proc/$1/stat" || return 1
	# shellcheck disable=SC2086 # to be split
	set -- ${parts_line##*) }
	parts_state=$1
	shift 19
	parts_since=$1
}

# parts_pid DIR NAME: prints the pid that the part was started with; 1 when there is none.
parts_pid() {
	cat "$1/$2.pid" 2>/dev/null
}

# parts_alive DIR NAME
parts_alive() {
	[ -e "$1/$2.pid" ] && parts_stat "$(cat "$1/$2.pid")" && [ "$parts_state" != Z ] &&
		[ "$parts_since" = "$(cat "$1/$2.since" 2>/dev/null)" ]
}

# Prints the processes of the session $1 that are still there.
parts_session() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v sid="$1" '{
		pid = $1; sub(/^.*\) /, ""); if ($4 == sid && $1 != "Z") print pid }'
}

parts_session_gone() {
	[ -z "$(parts_session "$1")" ]
}

# parts_stop DIR NAME [SIGNAL [SECONDS]]: ends a part and all that it started, or that it left when it died; waits, and ends it
# by force after SECONDS. Does nothing where there is none.
parts_stop() {
	parts_sid=$(parts_pid "$1" "$2") || return 0
	if parts_alive "$1" "$2"; then
		kill -s "${3:-TERM}" "$parts_sid" 2>/dev/null || :
	elif [ -e "$1/$2.since" ] && parts_stat "$parts_sid" && [ "$parts_state" != Z ]; then
		parts_sid='' # somebody else's process by now
	else
		# shellcheck disable=SC2046 # a list
		kill $(parts_session "$parts_sid") 2>/dev/null || :
	fi
	if [ -n "$parts_sid" ] && ! parts_until "${4:-20}" parts_session_gone "$parts_sid"; then
		# shellcheck disable=SC2046 # a list
		kill -s KILL $(parts_session "$parts_sid") 2>/dev/null || :
		parts_until 5 parts_session_gone "$parts_sid" || :
	fi
	rm -f "$1/$2.pid" "$1/$2.since"
	if [ -e "$1/$2.short" ]; then
		rm -rf -- "$(cat "$1/$2.short")" "$1/$2.short"
	fi
}

# Prints the folder for the sockets of a part: $1/$2, or a link to it where that is too long (a socket's path has 107 bytes)
# or holds blanks (lighttpd.conf cannot quote them). The link goes when the part is stopped.
parts_short() {
	if [ "${#1}" -le 70 ] && [ "${1#*[[:space:]]}" = "$1" ]; then
		echo "$1/$2"
		return
	fi
	if [ ! -e "$1/$2.short" ]; then
		parts_tmp=$(mktemp -d /tmp/orders.XXXXXX)
		chmod 711 "$parts_tmp"
		ln -s "$1/$2" "$parts_tmp/$2"
		echo "$parts_tmp" >"$1/$2.short"
	fi
	echo "$(cat "$1/$2.short")/$2"
}

## PostgreSQL

# Sets postgres_as, what a program of the server is run with. As root it becomes Debian's user postgres, who may not look into
# everyone's folders: where ours is below such a one it keeps the right to.
postgres_user() {
	postgres_as=''
	[ "$(id -u)" = 0 ] || return 0
	postgres_as='setpriv --reuid postgres --regid postgres --init-groups'
	$postgres_as test -x "$1" 2>/dev/null || postgres_as="$postgres_as --inh-caps +dac_override --ambient-caps +dac_override"
}

# postgres_start DIR PORT [durable|fast]: a private cluster in DIR/postgres, made at the first start. No password is asked on its
# socket, which only its owner (and root) reaches; on 127.0.0.1:PORT all roles have the one in DIR/postgres/password.
# fast: without fsync, for tests that do not pull plugs. POSTGRES_AUTH=md5: a password costs a client less than scram-sha-256 does.
postgres_start() {
	postgres_dir=$1/postgres
	if [ ! -e "$postgres_dir/data/PG_VERSION" ]; then
		rm -rf -- "$postgres_dir"
		(umask 077 && mkdir -p "$postgres_dir" && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$postgres_dir/password")
		[ "$(id -u)" != 0 ] || chown -R postgres: "$postgres_dir"
		postgres_user "$postgres_dir"
		$postgres_as initdb -D "$postgres_dir/data" -U postgres --pwfile "$postgres_dir/password" --auth-local trust \
			--auth-host "${POSTGRES_AUTH:-scram-sha-256}" --encoding UTF8 --locale C.UTF-8 --no-instructions >"$1/postgres.log" 2>&1 || {
			cat "$1/postgres.log" >&2
			rm -rf -- "$postgres_dir"
			return 1
		}
	fi
	postgres_user "$postgres_dir"
	echo "$2" >"$1/postgres.port"
	postgres_fast=''
	[ "${3:-durable}" = durable ] || postgres_fast='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
	# shellcheck disable=SC2086 # lists of words
	parts_start "$1" postgres $postgres_as postgres -D "$postgres_dir/data" -p "$2" -k "$(parts_short "$1" postgres)" \
		-c listen_addresses=127.0.0.1 -c unix_socket_permissions=0700 -c max_connections=300 \
		-c password_encryption="${POSTGRES_AUTH:-scram-sha-256}" -c timezone=UTC -c log_timezone=UTC -c log_checkpoints=off $postgres_fast
	parts_wait "$1" postgres 30 postgres_psql "$1" postgres -c ''
}

# postgres_stop DIR [fast|immediate]: immediate is the plug pulled.
postgres_stop() {
	case ${2-} in immediate) parts_stop "$1" postgres QUIT ;; *) parts_stop "$1" postgres INT ;; esac
}

# postgres_url DIR ROLE DATABASE: the URI through the socket.
postgres_url() {
	printf 'postgresql://%s@/%s?host=%s&port=%s\n' "$2" "$3" \
		"$(parts_short "$1" postgres | sed 's/%/%25/g; s/ /%20/g; s/&/%26/g; s/=/%3D/g; s/?/%3F/g; s/#/%23/g; s/+/%2B/g')" \
		"$(cat "$1/postgres.port")"
}

# postgres_tcp_url DIR ROLE DATABASE: the URI over TCP, with the password.
postgres_tcp_url() {
	printf 'postgresql://%s:%s@127.0.0.1:%s/%s\n' "$2" "$(cat "$1/postgres/password")" "$(cat "$1/postgres.port")" "$3"
}

# postgres_psql DIR DATABASE ARGUMENT…: psql as the superuser; an error ends it.
postgres_psql() {
	postgres_psql_url=$(postgres_url "$1" postgres "$2")
	shift 2
	psql -XqAt -v ON_ERROR_STOP=1 -d "$postgres_psql_url" "$@"
}

# postgres_database DIR DATABASE [TEMPLATE]: makes the database where there is none, owned by the role orders_owner, who
# deploys the schema to it. A database that has the schema already may be the TEMPLATE of others: a tenth of a second each.
postgres_database() {
	postgres_psql "$1" postgres -v db="$2" -v template="${3:-template1}" -v password="$(cat "$1/postgres/password")" <<-'END'
		SELECT format('CREATE ROLE orders_owner LOGIN CREATEROLE PASSWORD %L', :'password')
		WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_owner') \gexec
		SELECT format('CREATE DATABASE %I OWNER orders_owner TEMPLATE %I', :'db', :'template')
		WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') \gexec
	END
}

# pgbouncer_start DIR MODE PORT: docs/pgbouncer.ini on 127.0.0.1:PORT before the cluster in DIR, with pool_mode MODE; it knows the role
# orders_worker. The part is called pgbouncer-MODE. Its file goes on with the section that the other ended in: a second [pgbouncer]
# would begin anew.
pgbouncer_start() {
	pgbouncer_dir=$1/pgbouncer-$2
	mkdir -p "$pgbouncer_dir"
	(umask 077 && printf '"orders_worker" "%s"\n' "$(cat "$1/postgres/password")" >"$pgbouncer_dir/userlist.txt")
	cp "$PARTS_ROOT/docs/pgbouncer.ini" "$pgbouncer_dir/sample.ini" # ours may be where its user cannot look
	cat >"$pgbouncer_dir/pgbouncer.ini" <<-END
		%include $pgbouncer_dir/sample.ini
		auth_type = ${POSTGRES_AUTH:-scram-sha-256}
		listen_port = $3
		pool_mode = $2
		unix_socket_dir =
		logfile =
		pidfile =
		auth_file = $pgbouncer_dir/userlist.txt
		[databases]
		* = host=127.0.0.1 port=$(cat "$1/postgres.port")
	END
	[ "$(id -u)" != 0 ] || chown -R postgres: "$pgbouncer_dir"
	postgres_user "$pgbouncer_dir"
	# shellcheck disable=SC2086 # a list of words
	parts_start "$1" "pgbouncer-$2" $postgres_as pgbouncer "$pgbouncer_dir/pgbouncer.ini"
	parts_wait "$1" "pgbouncer-$2" 10 pg_isready -h 127.0.0.1 -p "$3"
}

pgbouncer_stop() {
	parts_stop "$1" "pgbouncer-$2" INT 5
}

# pgbouncer_url DIR PORT DATABASE: the worker's URI through it.
pgbouncer_url() {
	printf 'postgresql://orders_worker:%s@127.0.0.1:%s/%s\n' "$(cat "$1/postgres/password")" "$2" "$3"
}

## The schema

# schema URL COMMAND…: schema/orders-schema, as the role in the URL.
schema() {
	parts_url=$1
	shift
	DATABASE_URL=$parts_url "$PARTS_ROOT/schema/orders-schema" "$@"
}

# schema_deploy URL
schema_deploy() {
	schema "$1" deploy
}

# schema_worker OWNER_URL ROLE [PASSWORD]: lets ROLE call the functions of the API and nothing more; makes the role where there
# is none, with the password.
schema_worker() {
	WORKER_PASSWORD=${3-} schema "$1" worker "$2"
}

## The Product Service and the emulator

# products_start DIR PORT: the sample products at http://127.0.0.1:PORT. Their files are in DIR/products and may be changed.
products_start() {
	"$PARTS_ROOT/demo/products.sh" "$1/products"
	mkdir -p "$1/products/errors"
	printf '{"detail":"Not Found"}\n' >"$1/products/errors/404.html"
	DIR="$1/products" PORT="$2" parts_start "$1" products lighttpd -D -f "$PARTS_ROOT/demo/products.conf"
	parts_wait "$1" products 10 parts_http "http://127.0.0.1:$2/api/v1/products/1"
}

products_stop() {
	parts_stop "$1" products
}

# parts_node: prints a Node.js that runs the emulator: npm's, where the machine's own was too old for it.
parts_node() {
	for parts_own in "$PARTS_ROOT"/run/npm/node_modules/node-linux-*/bin/node; do
		[ ! -x "$parts_own" ] || { echo "$parts_own" && return; }
	done
	command -v node
}

# fauxqs_start DIR PORT [TOPIC [QUEUE]]: SNS and SQS at http://127.0.0.1:PORT with the topic (order-events) and a queue
# (notification-queue) subscribed to it. A topic that ends in .fifo gets a queue that does. demo/deps.sh has installed it.
# FAUXQS_DEFAULT_REGION and its other variables may be set; FAUXQS_LOGGER=true logs every request.
fauxqs_start() {
	parts_topic=${3:-order-events} parts_queue=${4:-notification-queue} parts_fifo=''
	case $parts_topic in *.fifo) parts_queue=${parts_queue%.fifo}.fifo parts_fifo=', "attributes": {"FifoQueue": "true"}' ;; esac
	printf '{"topics": [{"name": "%s"%s}], "queues": [{"name": "%s"%s}], "subscriptions": [{"topic": "%s", "queue": "%s"}]}\n' \
		"$parts_topic" "$parts_fifo" "$parts_queue" "$parts_fifo" "$parts_topic" "$parts_queue" >"$1/fauxqs.json"
	parts_npm=$PARTS_ROOT/run/npm/node_modules
	FAUXQS_PORT="$2" FAUXQS_INIT="$1/fauxqs.json" FAUXQS_LOGGER="${FAUXQS_LOGGER:-false}" \
		parts_start "$1" fauxqs "$(parts_node)" "$PARTS_ROOT/demo/fauxqs.mjs" "$parts_npm/fauxqs/dist/app.js"
	parts_wait "$1" fauxqs 30 parts_http "http://127.0.0.1:$2/_fauxqs/queues/$parts_queue"
}

fauxqs_stop() {
	parts_stop "$1" fauxqs
}

# fauxqs_queue_url PORT [QUEUE [REGION]]
fauxqs_queue_url() {
	curl -fsS -m 5 --noproxy '*' "http://127.0.0.1:$1/_fauxqs/queues" | jq -r --arg name "${2:-notification-queue}" '.[] | select(.name == $name).url'
}

# fauxqs_receive PORT [QUEUE [SECONDS]]: prints the bodies of up to 10 messages, one JSON string a line, and deletes them;
# waits up to SECONDS (5) for the first.
fauxqs_receive() {
	parts_queue_url=$(fauxqs_queue_url "$1" "${2-}")
	parts_answer=$(fauxqs_sqs "$1" ReceiveMessage "$(jq -cn --arg url "$parts_queue_url" --argjson s "${3:-5}" \
		'{QueueUrl: $url, MaxNumberOfMessages: 10, WaitTimeSeconds: $s, MessageAttributeNames: ["All"]}')")
	printf '%s\n' "$parts_answer" | jq -r '.Messages[]?.ReceiptHandle' | while read -r parts_receipt; do
		fauxqs_sqs "$1" DeleteMessage "$(jq -cn --arg url "$parts_queue_url" --arg r "$parts_receipt" '{QueueUrl: $url, ReceiptHandle: $r}')" >/dev/null
	done
	printf '%s\n' "$parts_answer" | jq -c '.Messages[]?.Body'
}

# fauxqs_sqs PORT ACTION JSON: one call of SQS.
fauxqs_sqs() {
	curl -fsS -m 30 --noproxy '*' -H 'Content-Type: application/x-amz-json-1.0' -H "X-Amz-Target: AmazonSQS.$2" -d "$3" "http://127.0.0.1:$1/"
}

## The service

# orders_start DIR PORT: lighttpd.conf and its pool, with DIR/orders as RUN_DIR. ORDERS_FCGI, WORKERS and the worker's settings
# come from the environment. Returns when /health is 200.
orders_start() {
	mkdir -p "$1/orders"
	parts_run=$(parts_short "$1" orders) parts_worker=${ORDERS_FCGI:-$PARTS_ROOT/cgi/orders.fcgi}
	case $parts_worker in *[[:space:]]*)
		ln -sfn "$parts_worker" "$parts_run/orders.fcgi"
		parts_worker=$parts_run/orders.fcgi
		;;
	esac
	RUN_DIR="$parts_run" ORDERS_FCGI="$parts_worker" BIND="${BIND:-127.0.0.1}" PORT="$2" \
		parts_start "$1" orders lighttpd -D -f "$PARTS_ROOT/lighttpd.conf"
	parts_wait "$1" orders 20 parts_http "http://127.0.0.1:$2/health"
}

# orders_stop DIR: lets the requests at work finish.
orders_stop() {
	parts_stop "$1" orders INT
}
