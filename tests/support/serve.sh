#!/bin/sh
# Becomes the web server $1 with the service behind it: the repository's own configuration, settings from the environment.
# RUN_DIR, PORT, WORKERS, ORDERS_FCGI as in lighttpd.conf. The caller is the leader of a session and ends all of it.
#
#     lighttpd            lighttpd.conf, which starts the pool
#     lighttpd-socket     lighttpd.conf with a pool that spawn.sh keeps
#     nginx               docs/nginx.conf, as a site in Debian's nginx.conf, with a pool that spawn.sh keeps
#     apache-proxy_fcgi   docs/apache-proxy_fcgi.conf, as a site in Debian's apache2.conf, with a pool that spawn.sh keeps
#     apache-fcgid        docs/apache-fcgid.conf likewise, whose mod_fcgid starts the workers
#
# A site is the file itself but for paths, port and number of workers; where one of these is not found there, nothing starts. As
# root, web server and workers get along as they do on a server: the web server is www-data, and the pool's socket that group's.
#
# INT ends all of it after the requests at work, TERM at once.
#
#     serve.sh -t SERVER
#
# tests the file with every example in it in use.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
test=''
[ "$1" != -t ] || { test=1 && shift; }
server=$1
: "${RUN_DIR:=$root/run}" "${PORT:=8002}" "${WORKERS:=4}" "${ORDERS_FCGI:=$root/cgi/orders.fcgi}"

## The files

# replace FILE PATTERN TEXT [PATTERN TEXT]…: FILE has to have the PATTERN.
replace() {
	file=$1
	shift
	while [ $# -gt 0 ]; do
		grep -q -- "$1" "$file" || { echo "serve.sh: $file has no '$1'" >&2 && exit 1; }
		sed -i "s,$1,$2,g" "$file"
		shift 2
	done
}

# site FILE PATTERN TEXT…: $site is to be a copy of FILE with this machine's paths.
site() {
	site=$RUN_DIR/site.conf
	cp "$root/$1" "$site"
	# The repository may lie where the web server's user cannot look.
	mkdir -p "$RUN_DIR/errors"
	cp "$root"/docs/errors/* "$RUN_DIR/errors"
	mkdir -p "$RUN_DIR/page"
	[ ! -d "$root/build/page" ] || cp -R "$root"/build/page/. "$RUN_DIR/page"
	chmod -R a+rX "$RUN_DIR/errors" "$RUN_DIR/page"
	shift
	[ -z "$test" ] || examples
	replace "$site" "$@"
}

# Puts the examples in use: what is behind a # without a blank.
examples() {
	(umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-keyout "$RUN_DIR/tls.key" -out "$RUN_DIR/tls.pem" 2>/dev/null)
	replace "$site" '^\([[:blank:]]*\)#\([^[:blank:]]\)' '\1\2' \
		/etc/ssl/certs/orders.pem "$RUN_DIR/tls.pem" /etc/ssl/private/orders.key "$RUN_DIR/tls.key"
}

nginx_files() {
	site docs/nginx.conf /run/orders/orders.sock "$RUN_DIR/orders.sock" /usr/share/orders/errors "$RUN_DIR/errors" \
		/usr/share/orders/page "$RUN_DIR/page" \
		'listen 80 ' "listen 127.0.0.1:$PORT " '^.*listen \[::\]:.*' ''
	cp /etc/nginx/nginx.conf "$RUN_DIR/nginx.conf"
	replace "$RUN_DIR/nginx.conf" '^pid .*' "pid $RUN_DIR/nginx.pid;" '^error_log .*' 'error_log stderr;' \
		'access_log .*' 'access_log off;' 'include /etc/nginx/conf.d/.*' \
		"client_body_temp_path $RUN_DIR/body; fastcgi_temp_path $RUN_DIR/answer; proxy_temp_path $RUN_DIR/p; uwsgi_temp_path $RUN_DIR/u; scgi_temp_path $RUN_DIR/s;" \
		'/etc/nginx/sites-enabled/.*;' "$site;"
	set -- nginx -e stderr -c "$RUN_DIR/nginx.conf" -g 'daemon off;'
	[ -z "$test" ] || exec "$@" -t
	web "$@"
}

# As a2enmod would enable $modules: what a module needs comes before it.
load_lines() {
	for module in $modules; do
		for needed in $(sed -n 's/^# Depends: //p' "/etc/apache2/mods-available/$module.load") "$module"; do
			printf '\\nInclude mods-available/%s.load' "$needed"
		done
	done
}

# The modules are Debian's own choice, and those that the file itself tells the reader to enable.
apache_files() {
	modules=$(sed -n 's/.*a2enmod \([a-z_ ]*[a-z]\).*/\1/p' "$root/docs/$server.conf")
	[ -n "$test" ] || modules=$(sed -n 's/^#     a2enmod //p' "$root/docs/$server.conf")
	cp /etc/apache2/apache2.conf "$RUN_DIR/apache2.conf"
	replace "$RUN_DIR/apache2.conf" '^ErrorLog .*' 'ErrorLog /dev/stderr' '^Include ports.conf' \
		"ServerName 127.0.0.1\nListen 127.0.0.1:$PORT" 'IncludeOptional sites-enabled/.*' "Include $site" '^IncludeOptional mods-enabled/.*load' \
		"&$(load_lines)"
	[ "$server" != apache-fcgid ] ||
		printf 'FcgidIPCDir %s/fcgid\nFcgidProcessTableFile %s/fcgid.shm\n' "$RUN_DIR" "$RUN_DIR" >>"$RUN_DIR/apache2.conf"
	# One process, for max to be the whole server's.
	[ -z "${MAX_WAITING-}" ] || printf 'StartServers 1\nServerLimit 1\nMaxRequestWorkers 25\n' >>"$RUN_DIR/apache2.conf"
	APACHE_RUN_USER=$user APACHE_RUN_GROUP=$group APACHE_PID_FILE=$RUN_DIR/apache2.pid
	APACHE_RUN_DIR=$RUN_DIR APACHE_LOCK_DIR=$RUN_DIR APACHE_LOG_DIR=$RUN_DIR
	export APACHE_RUN_USER APACHE_RUN_GROUP APACHE_PID_FILE APACHE_RUN_DIR APACHE_LOCK_DIR APACHE_LOG_DIR
	set -- apache2 -f "$RUN_DIR/apache2.conf"
	[ -z "$test" ] || exec "$@" -t
	web "$@" -D FOREGROUND
}

# A worker's settings are this environment's. A key of several lines cannot be in such a file, but in one of its own.
settings_file() {
	# shellcheck disable=SC2013 # names are words
	for name in $(awk 'BEGIN { for (name in ENVIRON) if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/) print name }'); do
		case $name in
		ORDERS_FCGI | ORDERS_ENV | POOL_FILE | WORKERS | RUN_DIR | PATH | HOME | PWD | _) continue ;;
		SECRET_KEY)
			case $SECRET_KEY in *"
"*)
				printf '%s' "$SECRET_KEY" >"$RUN_DIR/key"
				chmod 644 "$RUN_DIR/key"
				SECRET_KEY=@$RUN_DIR/key
				;;
			esac
			;;
		esac
		eval "printf '%s=\"%s\"\n' \"$name\" \"\$$name\""
	done
}

## The processes

pool='' web=''

as_user() {
	[ "$(id -u)" != 0 ] || set -- setpriv --regid "$group" --clear-groups "$@"
	exec setpriv --pdeathsig TERM "$@"
}

start_pool() {
	# Where the web server does not count, the backlog is the bound; the kernel lets one more wait.
	[ -z "${MAX_WAITING-}" ] || [ "$server" = lighttpd-socket ] || export BACKLOG=$((MAX_WAITING - 1))
	as_user "$root/spawn.sh" &
	pool=$!
}

web() {
	setpriv --pdeathsig TERM "$@" &
	web=$!
}

# signal PID SIGNAL: and waits until the process is gone.
finish() {
	[ -n "$1" ] || return 0
	kill -s "$2" "$1" 2>/dev/null || :
	while kill -0 "$1" 2>/dev/null; do
		wait "$1" || :
	done
}

# Until somebody wants an end of it, or the web server ends by itself.
serve() {
	ending=''
	trap 'ending=INT' INT
	trap 'ending=TERM' TERM
	"$@"
	while [ -z "$ending" ] && kill -0 "$web" 2>/dev/null; do
		wait "$web" || :
	done
	[ "$ending" = INT ] || graceful=TERM
	finish "$web" "$graceful"
	finish "$pool" TERM
}

user=$(id -un) group=$(id -gn)
if [ "$(id -u)" = 0 ] && [ "${server#lighttpd}" = "$server" ]; then
	user=www-data group=www-data
	chgrp "$group" "$RUN_DIR"
	chmod 770 "$RUN_DIR"
	chmod o+x "$(dirname "$RUN_DIR")"
fi

with_pool() {
	[ -n "$test" ] || start_pool
	"$@"
}

if [ -n "$test" ] && [ "${server#lighttpd}" != "$server" ]; then
	site lighttpd.conf '":443"' "\"127.0.0.1:$PORT\""
	exec lighttpd -tt -f "$site"
fi

case $server in
lighttpd) exec lighttpd -D -f "$root/lighttpd.conf" ;;
lighttpd-socket)
	graceful=INT
	export POOL="$RUN_DIR/orders.sock"
	serve with_pool web lighttpd -D -f "$root/lighttpd.conf"
	;;
nginx)
	graceful=QUIT
	serve with_pool nginx_files
	;;
apache-proxy_fcgi)
	graceful=WINCH
	site "docs/$server.conf" /run/orders/orders.sock "$RUN_DIR/orders.sock" /usr/share/orders/page "$RUN_DIR/page" 'VirtualHost \*:80' "VirtualHost 127.0.0.1:$PORT" \
		'max=20' "max=${MAX_WAITING:-20}"
	serve with_pool apache_files
	;;
apache-fcgid)
	graceful=WINCH
	site "docs/$server.conf" /usr/lib/orders "$RUN_DIR/lib" /usr/share/orders/page "$RUN_DIR/page" /etc/orders/orders.env "$RUN_DIR/orders.env" \
		/var/lib/apache2/fcgid/orders.pool "$RUN_DIR/pool" 'VirtualHost \*:80' "VirtualHost 127.0.0.1:$PORT" \
		'WORKERS 8$' "WORKERS $WORKERS" '\(FcgidM[a-z]*Processes\(PerClass\)*\) 8$' "\\1 $WORKERS"
	mkdir -p "$RUN_DIR/lib"
	cp "$ORDERS_FCGI" "$RUN_DIR/lib/orders.fcgi"
	cp "$root/spawn.sh" "$RUN_DIR/lib"
	(umask 027 && settings_file >"$RUN_DIR/orders.env")
	[ "$(id -u)" != 0 ] || chgrp "$group" "$RUN_DIR/orders.env"
	serve apache_files
	;;
*)
	echo "serve.sh: no web server '$server'" >&2
	exit 64
	;;
esac
