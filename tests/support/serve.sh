#!/bin/sh
# Becomes the web server $1 with the service behind it: the repository's own configuration, settings from the environment.
# RUN_DIR, PORT, WORKERS, ORDERS_FCGI as in lighttpd.conf. The caller is the leader of a session and ends all of it.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin

case $1 in
lighttpd) exec lighttpd -D -f "$root/lighttpd.conf" ;;
*)
	echo "serve.sh: no web server '$1'" >&2
	exit 64
	;;
esac
