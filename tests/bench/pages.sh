#!/bin/sh
# What a request costs at 10,000 orders and at many, in one run on one machine: does its cost grow with history?
#
#     tests/bench/pages.sh ORDERS         at least 10,000
#
# Two databases that data.sh has filled, in one cluster, each with a pool of its own behind lighttpd, are asked the same in turns, one
# request at a time. ROUNDS (20) of REQUESTS (7) each; a figure is the median of all of them, in ms, with lighttpd, worker and curl in it.
# Fails when one that must not grow has more than RATIO (2) times of what it has at 10,000, or when an answer to it is not what it should be.
# What may grow is asked at the end, REQUESTS times: it would push everything else out of PostgreSQL's memory, which is 1 GB here.
# The plans of all of it at ORDERS go to PLANS (build/plans.txt). STACK_DIR: a folder that keeps both databases for the next run. ONLY: the
# scenarios whose name it matches, an extended regular expression.
#
# Pages have 100 orders but where a limit is shown. The thousandth page is the last of user 9's 100,000 orders; of fewer it is the last
# full one. after= and skip= ask for the same page.
set -eu

orders=${1:-}
case $orders in '' | *[!0-9]* | 0* | ??????????*) echo "usage: pages.sh ORDERS" >&2 && exit 64 ;; esac
few=10000
[ "$orders" -ge "$few" ] || { echo "pages.sh: $orders orders are fewer than the $few that they are compared with" >&2 && exit 64; }
PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$PARTS_ROOT/tests/support/stack.sh"
: "${ROUNDS:=20}" "${REQUESTS:=7}" "${RATIO:=2}" "${ONLY:=.}" "${PLANS:=$PARTS_ROOT/build/plans.txt}"
until=2026-01-01
WORKERS=4

request() {
	curl -sS -m 60 --noproxy '*' -g "$@"
}

# name|who|orders in the answer|must it not grow?|target below /api/v1/orders; {…}: from values()
scenarios() {
	grep -E "^[^|]*($ONLY)" <<-'END'
		own: first page|user|100|yes|?limit=100
		own: page 1,000 by after=|user|100|yes|?limit=100&after={own}
		own: status=pending, limit=5|user|5|yes|?limit=5&status=pending
		own: 80 days of a year ago|user|100|yes|?limit=100&created_from={from}&created_to={to}
		own: one order|user|-|yes|/{each}
		own: history of one order|user|4|yes|/{each}/history
		staff: user 9, first page|staff|100|yes|?limit=100&user_id=9
		staff: user 9, page 1,000 by after=|staff|100|yes|?limit=100&user_id=9&after={own}
		staff: user 9, status=pending, limit=5|staff|5|yes|?limit=5&user_id=9&status=pending
		staff: everybody, first page|staff|100|yes|?limit=100&user_id=*
		staff: everybody, page 1,000 by after=|staff|100|yes|?limit=100&user_id=*&after={all}
		staff: everybody, status=pending, limit=50|staff|50|yes|?limit=50&user_id=*&status=pending
		staff: everybody, 80 days of a year ago|staff|100|yes|?limit=100&user_id=*&created_from={from}&created_to={to}
		staff: everybody, pending for over a year, limit=25|staff|25|yes|?limit=25&user_id=*&status=pending&created_to={to}
		staff: history of one order|staff|4|yes|/{each}/history
		own: page 1,000 by skip=|user|100|no|?limit=100&skip={own_skip}
		staff: everybody, page 1,000 by skip=|staff|100|no|?limit=100&user_id=*&skip={all_skip}
	END
}

## Two services

# side DATABASE PORT: its pool; what is known of it goes to $dir/DATABASE/.
side() {
	mkdir -p "$dir/$1"
	DATABASE_URL=$(postgres_url "$dir" orders_worker "$1")
	echo "$2" >"$dir/$1/port"
	orders_start "$dir/$1" "$2"
	values "$1" >"$dir/$1/values"
	postgres_psql "$dir" "$1" >"$dir/$1/each" \
		-c "SELECT id FROM orders.orders WHERE user_id = 9 AND status = 'delivered' ORDER BY hashint8(id) LIMIT 20"
}

# load DATABASE N
load() {
	[ "$(postgres_psql "$dir" "$1" -c 'SELECT EXISTS (SELECT FROM orders.orders)')" = f ] || return 0
	echo "loading $2 orders"
	SCHEMA_DATABASE_URL=$(postgres_tcp_url "$dir" orders_owner "$1") N=$2 UNTIL=$until "$PARTS_ROOT/tests/bench/data.sh" | tail -n 1
}

# values DATABASE: a sed script for the places in a target; {each} is another one of the file $dir/DATABASE/each in each request.
values() {
	postgres_psql "$dir" "$1" -v until="$until" <<-'END'
		WITH sizes AS (
			SELECT least(99900, (count(*) FILTER (WHERE user_id = 9) / 100 - 1) * 100) AS own, least(99900, (count(*) / 100 - 1) * 100) AS every
			FROM orders.orders
		)
		SELECT format('s/{%s}/%s/', v.name, v.value)
		FROM sizes AS s, LATERAL (VALUES
			('own_skip', s.own::text), ('all_skip', s.every::text),
			('own', (SELECT o.id::text FROM orders.orders AS o WHERE o.user_id = 9 ORDER BY o.created_at DESC, o.id DESC OFFSET s.own - 1 LIMIT 1)),
			('all', (SELECT o.id::text FROM orders.orders AS o ORDER BY o.created_at DESC, o.id DESC OFFSET s.every - 1 LIMIT 1)),
			('from', to_char(:'until'::date - 445, 'YYYY-MM-DD"T00:00:00Z"')), ('to', to_char(:'until'::date - 365, 'YYYY-MM-DD"T00:00:00Z"'))
		) AS v (name, value);
	END
}

prepare() {
	stack_parts
	postgres_psql "$dir" postgres -c "ALTER SYSTEM SET shared_buffers = '1GB'" -c "ALTER SYSTEM SET max_wal_size = '4GB'"
	postgres_stop "$dir"
	postgres_start "$dir" "$postgres_port" durable
	rm -f "$dir/figures"
	# shellcheck disable=SC2046 # two words
	set -- $(parts_free_ports 2)
	stack_database few
	stack_database many
	load few "$few"
	load many "$orders"
	postgres_psql "$dir" postgres -c CHECKPOINT
	side few "$1"
	side many "$2"
	stack_token 9 >"$dir/user"
	stack_token 1 admin >"$dir/staff"
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	orders_stop "$dir/few"
	orders_stop "$dir/many"
	stack_stop
}

## Requests

# urls SIDE TARGET N: N of them for curl's config.
urls() {
	sed -e "$(cat "$dir/$1/values")" <<-END | awk -v n="$3" -v each="$dir/$1/each" -v port="$(cat "$dir/$1/port")" -v offset="$((round * $3))" '
		BEGIN { while ((getline id <each) > 0) ids[++known] = id }
		{ for (i = 1; i <= n; i++) { url = $0; sub(/{each}/, ids[(i + offset) % known + 1], url)
			printf "url = \"http://127.0.0.1:%d/api/v1/orders%s\"\noutput = \"/dev/null\"\n", port, url } }'
		$2
	END
}

# ask SIDE WHO TARGET N: prints time in s, status and size of each of N requests.
ask() {
	urls "$1" "$3" "$4" >"$dir/urls"
	request -K "$dir/urls" -H "Authorization: Bearer $(cat "$dir/$2")" -w '%{time_total} %{http_code} %{size_download}\n'
}

# Every scenario once on both sides: is the answer what it should be?
check() {
	scenarios >"$dir/scenarios"
	while IFS='|' read -r name who size must target; do
		[ "$must" = yes ] || continue
		for side in few many; do
			urls "$side" "$target" 1 | grep '^url' >"$dir/urls"
			got=$(request -K "$dir/urls" -H "Authorization: Bearer $(cat "$dir/$who")" | jq -r 'if type == "array" then length else "-" end')
			[ "$got" = "$size" ] || { echo "$name, $side: $got instead of $size" >&2 && exit 1; }
		done
	done <"$dir/scenarios"
}

# Appends to the figures "name|must|side|ms|status|bytes", a request a line.
measure() {
	while read -r seconds status bytes; do
		echo "$1|$2|$3|$seconds|$status|$bytes"
	done >>"$dir/figures"
}

# reads yes|no: what must not grow, or what may.
reads() {
	while IFS='|' read -r name who _ must target; do
		[ "$must" = "$1" ] || continue
		for side in $sides; do
			ask "$side" "$who" "$target" "$REQUESTS" | measure "$name" "$must" "$side"
		done
	done <"$dir/scenarios"
}

# User 9 orders, and staff confirm each of these orders.
writes() {
	for side in $sides; do
		rm -rf "$dir/created"
		mkdir "$dir/created"
		port=$(cat "$dir/$side/port")
		i=0
		while [ $((i += 1)) -le "$REQUESTS" ]; do
			printf 'url = "http://127.0.0.1:%d/api/v1/orders"\noutput = "%s/created/%d"\n' "$port" "$dir" "$i"
		done >"$dir/urls"
		request -K "$dir/urls" -H "Authorization: Bearer $(cat "$dir/user")" -H 'Content-Type: application/json' \
			-d '{"items":[{"product_id":3,"quantity":2},{"product_id":4,"quantity":1}]}' \
			-w '%{time_total} %{http_code} %{size_download}\n' | measure 'create an order of two items' yes "$side"
		cat "$dir"/created/* | jq -r .id |
			sed "s,.*,url = \"http://127.0.0.1:$port/api/v1/orders/&/status\"\noutput = /dev/null," >"$dir/urls"
		request -K "$dir/urls" -H "Authorization: Bearer $(cat "$dir/staff")" -H 'Content-Type: application/json' -X PATCH \
			-d '{"status":"confirmed"}' -w '%{time_total} %{http_code} %{size_download}\n' |
			measure 'confirm it, by staff' yes "$side"
	done
}

report() {
	awk -F'|' -v few="$few" -v many="$orders" -v most="$RATIO" "$(cat "$PARTS_ROOT/tests/bench/median.awk")"'
		{ if (!($1 in must)) order[++rows] = $1
		  must[$1] = $2; ms[$1, $3] = ms[$1, $3] " " $4 * 1000; bytes[$1, $3] = $6
		  if ($5 !~ /^20[01]$/) { if ($2 == "yes") { bad++; print $1 ", " $3 ": " $5 } else refused[$1]++ } }
		END {
			printf "%-52s %8s %10s %10s %7s\n", "", "KB", few, many, "ratio"
			for (i = 1; i <= rows; i++) { k = order[i]; a = median(ms[k, "few"]); b = median(ms[k, "many"])
				slow = must[k] == "yes" && b > most * a; grown += slow
				printf "%-52s %8.1f %10.2f %10.2f %7.2f%s\n", k, bytes[k, "many"] / 1000, a, b, b / a,
					slow ? "  too slow" : must[k] == "no" ? "  may grow" (refused[k] ? ", " refused[k] " answered 503" : "") : "" }
			if (bad) print bad " answers were not successes"
			exit bad || grown }' "$dir/figures"
}

sizes() {
	postgres_psql "$dir" many -F ' ' <<-'END'
		SELECT format('%-24s %-30s %9s MB', CASE WHEN row_number() OVER w = 1 THEN t.tab END, t.name, t.bytes / 1000000)
		FROM (
			SELECT c.relname AS tab, '' AS name, pg_table_size(c.oid) AS bytes, 0 AS n FROM pg_class AS c
			WHERE c.relnamespace = 'orders'::regnamespace AND c.relkind = 'r'
			UNION ALL
			SELECT c.relname, r.relname, pg_relation_size(r.oid), 1 FROM pg_index AS i
			JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_class AS r ON r.oid = i.indexrelid
			WHERE c.relnamespace = 'orders'::regnamespace
		) AS t
		WINDOW w AS (PARTITION BY t.tab ORDER BY t.n, t.name)
		ORDER BY t.tab, t.n, t.name;
		SELECT format('%-24s %-30s %9s MB', 'in all', '', pg_database_size(current_database()) / 1000000);
	END
}

## Plans

# The statements inside the functions, as the pool's own connections run them when their plans have settled.
plans() {
	postgres_psql "$dir" many -c "ALTER ROLE orders_worker IN DATABASE many SET session_preload_libraries = auto_explain" \
		-c "ALTER ROLE orders_worker IN DATABASE many SET auto_explain.log_min_duration = 0" -c "ALTER ROLE orders_worker IN DATABASE many SET auto_explain.log_nested_statements = on" \
		-c "ALTER ROLE orders_worker IN DATABASE many SET auto_explain.log_analyze = on" -c "ALTER ROLE orders_worker IN DATABASE many SET auto_explain.log_timing = off" \
		-c "ALTER ROLE orders_worker IN DATABASE many SET auto_explain.log_buffers = on"
	postgres_psql "$dir" many -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'orders_worker'" >/dev/null
	mkdir -p "$(dirname "$PLANS")"
	while IFS='|' read -r name who _ must target; do
		[ "$must" = no ] || ask many "$who" "$target" 40 >/dev/null # the fifth plan of a statement stays
		seen=$(wc -l <"$dir/postgres.log")
		ask many "$who" "$target" 1 >/dev/null
		echo "== $name"
		tail -n +"$((seen + 1))" "$dir/postgres.log" | awk '
			function flush() {
				if (plan ~ /FROM orders\./ && plan !~ /FROM orders\.(outbox|[a-z_]+\()/) printf "%s\n", plan
				plan = ""
			}
			/^\t/ { if (taken) plan = plan substr($0, 2) "\n"; next }
			{ flush(); taken = /plan:$/ }
			END { flush() }'
	done <"$dir/scenarios" | awk '
		/^Query Text: / { text = $0; next }
		text && /^\t/ { text = text "\n" $0; next }
		text { if (text in number) print "Statement " number[text]; else { number[text] = ++known; sub(/^Query Text:/, "Statement " known ":", text); print text }
		       text = "" }
		{ print }' >"$PLANS"
	postgres_psql "$dir" many -c 'ALTER ROLE orders_worker IN DATABASE many RESET ALL'
}

trap finish EXIT
round=0
prepare
check
while [ $((round += 1)) -le "$ROUNDS" ]; do
	[ $((round % 2)) = 0 ] && sides='many few' || sides='few many'
	reads yes
	writes
done
reads no
failed=''
report || failed=1
sizes
plans
echo "plans: $PLANS"
[ -z "$failed" ] || { echo "the cost grows, or there were errors" >&2 && exit 1; }
