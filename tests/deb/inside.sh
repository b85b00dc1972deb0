#!/bin/sh
# Runs in the Debian that deb.sh has booted, as a service of its systemd. What an operator types is taken from
# README.Debian, nothing else; /in/result is 0 when all of it was as promised.
set -eu
cd /
export DEBIAN_FRONTEND=noninteractive HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck disable=SC2317 # the trap calls it
finish() {
	status=$?
	journalctl -o short-precise --no-pager >/in/journal 2>&1 || :
	echo "$status" >/in/result
}
trap finish EXIT

fail() {
	echo "$*"
	exit 1
}

# until_ SECONDS COMMAND…
until_() {
	read -r now _ </proc/uptime
	end=$((${now%.*} + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		read -r now _ </proc/uptime
		[ "${now%.*}" -le "$end" ] || return 1
		sleep 0.1
	done
}

# follow SECTION: does what README.Debian says in it, up to the next heading.
follow() {
	zcat -f /usr/share/doc/orders-fcgi/README.Debian* | awk -v title="$1" '
		/^[0-9]+\.([0-9]+\.)? / { on = index($0, title) == 1 }
		on && sub(/^    /, "") { sub(/^# /, ""); print }' >/tmp/commands
	[ -s /tmp/commands ] || fail "README.Debian has no commands in section $1"
	echo "== $1"
	# shellcheck disable=SC1091 # just written
	. /tmp/commands
}

## The neighbours that an operator has

mkdir -p /srv/products/errors
sh /in/products.sh /srv/products
DIR=/srv/products PORT=8001 lighttpd -D -f /in/products.conf &
until_ 10 curl -fs http://127.0.0.1:8001/api/v1/products/3 || fail 'no Product Service'
until_ 30 runuser -u postgres -- psql -c '' || fail 'no PostgreSQL'

## From nothing to the first order, behind each web server

orders() {
	runuser -u postgres -- psql -XAtc 'SELECT count(*) FROM orders.orders' orders
}

# first_order NUMBER: section 6 makes one more.
first_order() {
	until_ 10 curl -fs http://localhost/health || {
		curl -isS http://localhost/health || :
		tail -n 5 /var/log/nginx/error.log /var/log/apache2/error.log 2>/dev/null || :
		ls -la /run/orders
		fail 'the web server does not answer'
	}
	follow '6. '
	echo
	curl -fsS http://localhost/docs/page.js | grep -q SwaggerUI || fail "the API's page is not there"
	[ "$(orders)" = "$1" ] || fail "there are $(orders) orders and not $1"
}

apt-get -qq install -y --no-install-recommends /in/orders-fcgi.deb >/dev/null
! systemctl -q is-active orders.socket || fail 'it was started before it was configured'
follow '2. '
follow '3. '
# A machine that has much else to do: requests that the pool sheds are not what is looked for here, but those that are lost.
echo PRODUCT_MAX_WORKERS=0 >>/etc/orders/orders.env
follow '4. '
[ "$(stat -c '%U:%G %a' /etc/orders)" = 'root:orders 750' ] || fail "/etc/orders: $(stat -c '%U:%G %a' /etc/orders)"
exposed=$(systemd-analyze security --no-pager orders.service | sed -n 's/.*level for orders.service: \([0-9]*\)\.\([0-9]*\).*/\1\2/p')
[ "$exposed" -le 20 ] || fail "exposed: $exposed tenths"
! journalctl -u orders -o cat | grep -i 'permitted' || fail 'the sandbox is too narrow'
[ "$(/usr/lib/orders/spawn.sh status | sed 's/.*, \(.*\) workers.*/\1/')" = '4 of 4' ] || fail 'not 4 workers'

follow '5.2. '
first_order 1
systemctl disable --now nginx
follow '5.3. '
first_order 2
systemctl disable --now apache2
a2dissite orders
follow '5.1. '
first_order 3

# The operator's tool finds the settings, and acts as the pool's user, whom PostgreSQL knows. There is no SNS here.
if checked=$(ordersctl check); then fail "ordersctl check finds nothing wrong: $checked"; fi
for part in settings pool 'product service' database schema role; do
	printf '%s\n' "$checked" | grep -q "^$part  *ok " || fail "ordersctl check: $part: $checked"
done
printf '%s\n' "$checked" | grep -q '^sns  *failed ' || fail "ordersctl check: sns: $checked"
ordersctl status | grep -q '4 of 4 workers' || fail "ordersctl status: $(ordersctl status)"
[ "$(ordersctl outbox stats --json | sed 's/.*"waiting":\([0-9]*\).*/\1/')" = 3 ] || fail "ordersctl outbox stats: $(ordersctl outbox stats)"
curl -fsS http://localhost/api/v1/orders -H "Authorization: Bearer $(ordersctl token --sub 9)" | grep -q '"user_id":9' ||
	fail 'a token of ordersctl is not taken'

## Changes while requests are going on

# Requests one after another until /tmp/enough is there; a line for each.
client() {
	until [ -e /tmp/enough ]; do
		curl -s -m 30 -o /dev/null -w '%{http_code}\n' http://localhost/api/v1/orders -H "Authorization: Bearer $TOKEN" \
			-H 'Content-Type: application/json' -d '{"items":[{"product_id":3,"quantity":2}]}' >>"/tmp/client.$1" || echo 000 >>"/tmp/client.$1"
	done
}

clients() {
	rm -f /tmp/enough /tmp/client.*
	for number in 1 2 3 4 5 6; do
		client "$number" &
		pids="${pids-} $!"
	done
	until_ 10 test -s /tmp/client.6
}

# judge WHAT [MOST]: ends the clients; every request has made its order, MOST of them aside.
judge() {
	before=$(cat /tmp/client.* | wc -l)
	until_ 10 answered "$((before + 50))" || fail "$1: nothing is answered any more"
	touch /tmp/enough
	# shellcheck disable=SC2086 # a list
	wait $pids || :
	pids=''
	echo "$1: $(cat /tmp/client.* | wc -l) requests, $(cat /tmp/client.* | grep -vc 201 || :) failed"
	[ "$(cat /tmp/client.* | grep -vc 201 || :)" -le "${2:-0}" ] || fail "$1: failed requests"
}

answered() {
	[ "$(cat /tmp/client.* | wc -l)" -ge "$1" ]
}

main_pid() {
	systemctl show -P MainPID orders.service
}

clients
old=$(/usr/lib/orders/spawn.sh status)
systemctl reload orders
[ "$(/usr/lib/orders/spawn.sh status)" != "$old" ] || fail 'reload: the same workers'
judge 'reload'

clients
cp /etc/orders/orders.env /tmp/good.env
echo PRODUCT_SERVICE_TIMEOUT=soon >>/etc/orders/orders.env
! systemctl reload orders || fail 'a reload with a wrong setting succeeds'
cat /tmp/good.env >/etc/orders/orders.env
systemctl reload orders
judge 'reload with a wrong setting, and with the right one'

clients
old=$(main_pid)
mkdir /tmp/download
cp /in/newer.deb /tmp/download/orders-fcgi_newer.deb
cd /tmp/download
apt() {
	apt-get -qq -y --no-install-recommends "$@" >/dev/null
}
follow '7. '
cd /
[ "$(main_pid)" != "$old" ] || fail 'the upgrade has not restarted it'
systemctl -q is-active orders.service orders.socket || fail 'not active after the upgrade'
cmp /tmp/good.env /etc/orders/orders.env
judge 'upgrade'

clients
kill -KILL "$(main_pid)"
judge 'the pool killed, with a request of each client at work' 6

echo PRODUCT_SERVICE_TIMEOUT=soon >>/etc/orders/orders.env
! systemctl restart orders || fail 'a start with a wrong setting succeeds'
journalctl -u orders -o cat | grep PRODUCT_SERVICE_TIMEOUT || fail 'nothing says what is wrong'
cat /tmp/good.env >/etc/orders/orders.env
until_ 30 systemctl -q is-active orders.service || fail 'it does not come back of itself'
curl -fsS -m 20 http://localhost/ready || fail 'not ready'
mv /etc/orders/secret_key /tmp/
! systemctl restart orders || fail 'a start without a key succeeds'
mv /tmp/secret_key /etc/orders/
until_ 30 systemctl -q is-active orders.service || fail 'it does not come back of itself'
systemctl disable --now lighttpd

now=$(orders)
follow '5.4. '
first_order "$((now + 1))"
runuser -u www-data -- ordersctl status | grep -q '[1-9] of [0-9]* workers' || fail "ordersctl status: $(runuser -u www-data -- ordersctl status 2>&1)"
runuser -u www-data -- ordersctl outbox stats || fail 'ordersctl outbox stats, as www-data'
systemctl disable --now apache2
sed -i '/^POOL_FILE=/d' /etc/orders/orders.env

## Nothing stays

systemctl enable --now orders.socket orders.service
apt-get -qq purge -y orders-fcgi >/dev/null
[ -z "$(pgrep -u orders || :)" ] || fail 'processes stay'
[ -z "$(systemctl list-units --all --no-legend 'orders*')" ] || systemctl list-units --all 'orders*'
left=$(find /etc/orders /run/orders /usr/lib/orders /usr/share/orders /usr/share/doc/orders-fcgi /lib/systemd/system/orders.* /usr/lib/sysusers.d/orders.conf \
	/usr/bin/orders-schema /usr/bin/ordersctl /usr/share/bash-completion/completions/ordersctl /usr/share/man/man8/orders* /etc/systemd/system/*/orders.s* /etc/systemd/system/orders* /var/lib/systemd/*/orders.* \
	/var/lib/systemd/*/*/orders.* /var/lib/dpkg/info/orders-fcgi.* 2>/dev/null || :)
[ -z "$left" ] || fail "left behind: $left"
echo 'everything as promised'
