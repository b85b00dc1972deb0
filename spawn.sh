#!/bin/sh
# The pool without lighttpd: WORKERS copies of orders.fcgi on one listening socket, for any web server that speaks FastCGI.
#
#     spawn.sh        in the foreground, for systemd, runit and containers; TERM or INT ends it when the requests at work are done
#     spawn.sh -d     in the background, once the socket is there; PIDFILE names the process to send TERM to
#
# LISTEN        run/orders.sock   a path (mode 0660), address:port, or - when the listener is already on fd 0 (a systemd socket)
# WORKERS       4
# ORDERS_FCGI   cgi/orders.fcgi   beside this script unless told
# RUN_DIR       run               beside this script unless told: the socket, the pool's shared file, the pid file
# PIDFILE       RUN_DIR/spawn.pid
# BACKLOG       512               connections that may wait for a free worker
#
# Exit status: 0 after TERM or INT, 64 wrong usage, 75 it runs already, 78 wrong settings, which are named on stderr; spawn-fcgi's
# own when it cannot bind LISTEN.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
: "${WORKERS:=4}" "${ORDERS_FCGI:=$here/cgi/orders.fcgi}" "${RUN_DIR:=$here/run}" "${BACKLOG:=512}"
: "${LISTEN:=$RUN_DIR/orders.sock}" "${PIDFILE:=$RUN_DIR/spawn.pid}" "${POOL_FILE:=$RUN_DIR/pool}"
export WORKERS ORDERS_FCGI RUN_DIR BACKLOG LISTEN PIDFILE POOL_FILE

say() {
	printf 'spawn.sh: %s\n' "$*" >&2
}

# Binds LISTEN, mode 0660 where it is a path, and becomes the pool.
listen() {
	case $LISTEN in
	-) exec "$here/spawn.sh" pool ;;
	*/*) set -- -s "$LISTEN" -M 0660 ;;
	*:*)
		address=${LISTEN%:*} address=${address#[}
		set -- -a "${address%]}" -p "${LISTEN##*:}"
		;;
	*) set -- -s "$LISTEN" -M 0660 ;;
	esac
	exec spawn-fcgi -n -b "$BACKLOG" "$@" -- "$here/spawn.sh" pool
}

start() {
	case $WORKERS in '' | *[!0-9]* | 0*) say "WORKERS: a number from 1, not '$WORKERS'" && exit 78 ;; esac
	"$ORDERS_FCGI" -t || exit 78
	listen
}

# The pool on fd 0, for ever. multiwatch replaces what dies; it gives a child up after -r deaths in a row within -t ms of their
# start and leaves when none is left: then it is started again, a second later, so that a worker that cannot start does not
# take a processor. The listener stays open all the while, here, on fd 3: clients wait and are not refused.
pool() {
	exec 3<&0
	multiwatch=$(command -v multiwatch)
	setpriv=$(command -v setpriv)
	child='' ending=''
	trap 'ending=1; [ -z "$child" ] || kill "$child" 2>/dev/null || :' TERM INT HUP
	while [ -z "$ending" ]; do
		# Should one be killed, what is below goes with it: a pool that nobody watches would hold on to the socket.
		setpriv --pdeathsig TERM "$multiwatch" -f "$WORKERS" -r 20 -t 100 -- \
			"$setpriv" --pdeathsig TERM "$ORDERS_FCGI" <&3 3<&- &
		child=$!
		while kill -0 "$child" 2>/dev/null; do
			wait "$child" || :
		done
		child=''
		[ -n "$ending" ] && break
		say 'the pool ended, starting it again'
		sleep 1 &
		wait $! || :
	done
	[ ! -S "$LISTEN" ] || rm -f -- "$LISTEN"
	[ "$(cat "$PIDFILE" 2>/dev/null)" != $$ ] || rm -f -- "$PIDFILE"
}

# Returns when the pool is there; what start() has to say comes on stderr, and so do the workers' lines.
background() {
	# A pid by itself may be somebody else's by now.
	if [ -s "$PIDFILE" ] && tr '\0' ' ' <"/proc/$(cat "$PIDFILE")/cmdline" 2>/dev/null | grep -qF spawn.sh; then
		say "already running, pid $(cat "$PIDFILE")"
		exit 75
	fi
	setsid "$here/spawn.sh" </dev/null &
	printf '%s\n' $! >"$PIDFILE"
	while kill -0 $! 2>/dev/null; do
		case $(tr '\0' ' ' </proc/$!/cmdline 2>/dev/null) in
		*spawn-fcgi*) ;;
		*'spawn.sh pool '*) return ;;
		esac
		sleep 0.05
	done
	rm -f -- "$PIDFILE"
	wait $! || exit $?
}

case ${1-} in
'') start ;;
-d) background ;;
pool) pool ;;
*)
	say 'usage: spawn.sh [-d]'
	exit 64
	;;
esac
