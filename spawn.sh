#!/bin/sh
# A pool: WORKERS copies of orders.fcgi on one listening socket, for lighttpd.conf and for any web server that speaks FastCGI.
#
#     spawn.sh           in the foreground, for systemd (docs/orders.service), runit and containers
#     spawn.sh -d        in the background; returns when the workers serve. The log, its and theirs, goes on to the caller's
#                        stderr: spawn.sh -d 2>>FILE
#     spawn.sh pool      on the listener that fd 0 is: so lighttpd starts it
#     spawn.sh worker    becomes one worker, with the settings of ORDERS_ENV, for who keeps a pool himself: so Apache's mod_fcgid starts it
#     spawn.sh reload    new settings and a new binary, without a moment without workers; returns when the new workers serve
#     spawn.sh stop      returns when the requests at work are done and all is gone; not for lighttpd's pool, which gets INT itself
#     spawn.sh status    the pool's pid, its workers, since when
#     spawn.sh ready     returns when workers serve: what a unit's start waits for
#
# TERM and INT are stop, HUP is reload. Whoever started the pool, PIDFILE is where the commands find it.
#
# LISTEN        run/orders.sock   a path (mode 0660), address:port, or - when the listener is already on fd 0 (a systemd socket)
# WORKERS       4
# ORDERS_FCGI   cgi/orders.fcgi   beside this script unless told
# ORDERS_ENV                      a file of settings, read at each start and reload: the worker's, WORKERS and ORDERS_FCGI
# RUN_DIR       run               beside this script unless told: the socket, the pool's shared file, the pid file
# PIDFILE       RUN_DIR/spawn.pid
# BACKLOG       64 × WORKERS + 16 connections that may wait for a free worker
#
# Exit status: 0; 1 the pool is there but no worker (status); 3 not running (status), 7 (reload, ready); 4 it is another user's;
# 64 wrong usage, or lighttpd's pool (stop); 75 it runs already, or is not done in time; 78 wrong settings or something missing,
# which are named on stderr; spawn-fcgi's own when it cannot bind LISTEN.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
: "${WORKERS:=4}" "${ORDERS_FCGI:=$here/cgi/orders.fcgi}" "${RUN_DIR:=$here/run}" "${ORDERS_ENV:=}"
: "${LISTEN:=$RUN_DIR/orders.sock}" "${PIDFILE:=$RUN_DIR/spawn.pid}" "${POOL_FILE:=$RUN_DIR/pool}"
export WORKERS ORDERS_FCGI RUN_DIR LISTEN PIDFILE POOL_FILE ORDERS_ENV
state=${PIDFILE%.pid}.state

say() {
	printf 'spawn.sh: %s\n' "$*" >&2
}

clock() {
	read -r now _ </proc/uptime
	now=${now%.*}
}

## Settings

# Exports what ORDERS_ENV says. It is written as systemd's EnvironmentFile, NAME=value, perhaps in quotes, but without escapes and
# on one line each; it is data and never run. Editors elsewhere put a mark before the first line. A faulty line is not shown: it may
# be half a secret.
settings() {
	[ -n "$ORDERS_ENV" ] || return 0
	[ -r "$ORDERS_ENV" ] || { say "ORDERS_ENV: cannot read $ORDERS_ENV" && return 78; }
	[ ! -d "$ORDERS_ENV" ] || { say "ORDERS_ENV: $ORDERS_ENV is a folder" && return 78; }
	row=0 mark=$(printf '\357\273\277')
	while IFS= read -r line || [ -n "$line" ]; do
		row=$((row + 1)) line=${line#"$mark"}
		line=${line#"${line%%[![:space:]]*}"}
		line=${line%"${line##*[![:space:]]}"}
		case $line in '' | '#'* | ';'*) continue ;; esac
		name=${line%%=*} value=${line#*=}
		case $name in "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*)
			say "ORDERS_ENV: $ORDERS_ENV: line $row is not NAME=value"
			return 78
			;;
		esac
		value=${value#"${value%%[![:space:]]*}"}
		case $value in
		\"*\" | \'*\') value=${value#?} value=${value%?} ;;
		\"* | \'*)
			say "ORDERS_ENV: $ORDERS_ENV: line $row: the value of $name begins with a quote and does not end with it"
			return 78
			;;
		esac
		export "$name=$value"
	done <"$ORDERS_ENV"
}

# Settings, libraries, the binary itself and what is needed beside it, in a shell of its own. Prints how many workers there are to
# be, and nothing that the binary remarks when all is well, such as ld.so's warnings.
check() (
	settings || exit
	for tool in multiwatch setpriv flock; do
		command -v "$tool" >/dev/null || { say "$tool is not installed" && exit 78; }
	done
	case $WORKERS in '' | *[!0-9]* | 0*) say "WORKERS: a number from 1, not '$WORKERS'" && exit 78 ;; esac
	remarks=$("$ORDERS_FCGI" -t 2>&1) || { bad=$? && printf '%s\n' "$remarks" >&2 && exit "$bad"; }
	echo "$WORKERS"
)

## The pool

# Starts a generation: $generation is its multiwatch, which replaces what dies. It gives a child up after -r deaths in a row within
# -t ms of their start, so that only deaths at birth count, and leaves when none is left. It would say so for each of them: only
# the workers get a stderr. Should one of the three processes be killed, what is below goes with it: workers that nobody watches
# would hold on to the socket. The web server comes before the workers: whom it has to refuse is to hear of it at once.
launch() {
	(
		settings || exit
		# shellcheck disable=SC2016 # the inner shell expands it
		exec nice -n 5 setpriv --pdeathsig TERM multiwatch -f "$WORKERS" -r 5 -t 100 -- \
			/bin/sh -c 'exec setpriv --pdeathsig TERM "$ORDERS_FCGI" 2>&4 4>&-' <&3 3<&- 4>&2 2>/dev/null 8>&-
	) &
	generation=$!
}

# Sets $children to the pids of those of the multiwatch $1, and $found to their number.
children() {
	children=''
	read -r children 2>/dev/null <"/proc/$1/task/$1/children" || :
	# shellcheck disable=SC2086 # a list
	set -- $children
	found=$#
}

# Sets $workers to those children of $1 that take requests, and $serving to their number: its epoll set is the last thing that
# a worker opens before it does. Between its fork and its exec a child still has the one of multiwatch.
serving() {
	workers='' serving=0
	children "$1"
	for pid in $children; do
		program=multiwatch
		read -r program 2>/dev/null <"/proc/$pid/comm" || :
		case $program:$(ls -l "/proc/$pid/fd" 2>/dev/null) in
		multiwatch:*) ;;
		*eventpoll*) workers="$workers $pid" serving=$((serving + 1)) ;;
		esac
	done
}

# Waits until $1 workers of the new generation serve; 1 when it ends instead, when some are given up, or after 15 s.
await() {
	clock
	end=$((now + 15)) missing=0
	while serving "$generation" && [ "$serving" -lt "$1" ]; do
		clock
		[ "$found" -ge "$1" ] && missing=0 || missing=$((missing + 1))
		if [ "$ending" ] || [ "$now" -ge "$end" ] || [ "$missing" -ge 20 ] || ! kill -0 "$generation" 2>/dev/null; then
			return 1
		fi
		sleep 0.05
	done
}

# For the commands: renewals begun and ended, the last one's status, the multiwatch, how many workers are wanted, since when, which
# lighttpd keeps the pool; why. Where it cannot be written, the disk full or read-only, the pool goes on without; what is old there would be wrong.
note() {
	fault=0
	{ printf '%s\n' "$begun $ended $status ${generation:--} ${wanted:-0} ${since:--} ${POOL_OWNER:--}" "$reason" >"$state.$$" &&
		if [ "$signed" ]; then mv -f -- "$state.$$" "$state"; else sign; fi; } 2>/dev/null || fault=$?
	[ "$fault" != 0 ] || { unwritten='' && return; }
	rm -f -- "$PIDFILE.$$" "$state.$$" 2>/dev/null || :
	if [ "$fault" = 75 ]; then
		[ "$begun" != 0 ] || { say 'already running: another pool was faster' && unbind && exit 75; }
	else
		rm -f -- "$state" 2>/dev/null || :
	fi
	[ "$unwritten" ] || say "cannot write $state and $PIDFILE: the pool goes on, its commands do not work"
	unwritten=1
}

# Puts our pid into PIDFILE, and the state beside it. The lock on it, fd 8, goes with this process, so that nobody takes another one
# with its pid for it. 75 when it is another pool's at work, started at the same moment; lighttpd's next one may come while that of a
# lighttpd that was killed finishes its requests.
sign() {
	# shellcheck disable=SC2016 # the inner shell expands it
	command exec 8>"$PIDFILE.$$" && flock 8 && echo $$ >&8 &&
		flock "$(dirname -- "$PIDFILE")" sh -c '
			[ "$4" ] || [ ! -s "$1" ] || flock -sn -E 75 "$1" true || [ $? != 75 ] || exit 75
			mv -f -- "$3.$2" "$3" && mv -f -- "$1.$2" "$1"' sh "$PIDFILE" $$ "$state" "${POOL_OWNER-}" && signed=1
}

# Takes it away again, unless a new pool has put its own there: the lock is for nothing to come between.
unsign() {
	# shellcheck disable=SC2016 # the inner shell expands it
	flock "$(dirname -- "$PIDFILE")" sh -c '[ "$(cat "$1" 2>/dev/null)" != "$2" ] || rm -f -- "$1" "$3"' sh "$PIDFILE" $$ "$state" || :
}

# Says it: once a minute, unless it is something new or somebody has asked.
complain() {
	clock
	if [ "$asked" ] || [ "$1" != "$said" ] || [ "$now" -ge "$said_until" ]; then
		said=$1 said_until=$((now + 60))
		say "$1"
	fi
}

# Puts a new generation in the place of the old one, if any, which goes on until the new one serves, and when it cannot.
renew() {
	asked=$reload reload='' begun=$((begun + 1)) old=$generation
	note
	reason=$(exec 8>&- && check 2>&1) && status=0 || status=$? # the lock is not for whom we leave behind
	if [ "$status" = 0 ]; then
		number=$reason reason=''
		launch
		# A few workers are better than none.
		if await "$number" || { [ -z "$old" ] && [ "$serving" -gt 0 ]; }; then
			wanted=$number since=$(date -u +%FT%TZ) born=$now short=0
			[ -z "$lost" ] || complain "the workers are back"
			lost=''
		else
			[ "$ending" ] || status=75 reason='the workers end as soon as they start, or do not start within 15 s'
			retire "$generation"
			generation=$old old=''
		fi
		retire "$old"
	else
		reason=$(printf %s "${reason:-$ORDERS_FCGI -t: status $status}" | tr '\n' ';' | sed 's/;/; /g')
	fi
	ended=$((ended + 1))
	note
	[ -n "$generation" ] || lost=1
	[ "$status" = 0 ] || complain "$reason; $([ "$lost" ] && echo trying until it works || echo the old workers go on)"
}

# The multiwatch $1 lets its workers finish.
retire() {
	[ -z "$1" ] || leaving="$leaving $1"
	dismiss
}

# Tells those that are leaving again: a signal is lost on a process between its fork and its exec.
dismiss() {
	still=''
	for pid in $leaving; do
		! kill "$pid" 2>/dev/null || still="$still $pid"
	done
	leaving=$still
}

# So many seconds, less when a signal comes.
nap() {
	sleep "$1" <&- 3<&- 8>&- &
	nap=$!
	wait "$nap" || kill "$nap" 2>/dev/null || :
}

# Lets a new pool bind the socket's path, which may be that one's already.
unbind() {
	[ ! -S "$LISTEN" ] || [ "$(stat -c %d:%i -- "$LISTEN")" != "$SOCKET" ] || rm -f -- "$LISTEN" || :
}

# The look that is had each second: 1 when all is well, or it is too early to try again.
look() {
	dismiss
	[ -z "$unwritten" ] || note
	[ -z "$reload" ] || return 0
	clock
	if [ "$generation" ] && ! kill -0 "$generation" 2>/dev/null; then
		generation='' lost=1 retry=$((now + delay))
	fi
	if [ "$generation" ]; then
		# multiwatch gives up for good who dies too often: they get their second chance in a new generation. Who takes longer than
		# its 100 ms to die is started again for ever, so that they are as many as they should be: those that are new have to serve.
		children "$generation"
		if [ "$found" -ge "$wanted" ] && [ "$children" != "$complete" ]; then
			serving "$generation"
			found=$serving
			[ "$serving" -lt "$wanted" ] || complete=$children
		fi
		if [ "$found" -ge "$wanted" ]; then
			short=0
			[ $((now - born)) -lt 10 ] || delay=0 said=''
		else
			short=$((short + 1))
		fi
		[ "$short" -ge 3 ] || return 1
	fi
	[ "$now" -ge "$retry" ] || return 1
	delay=$((delay < 4 ? delay * 2 + 1 : 5)) retry=$((now + delay))
}

# Supervises the pool on fd 0, for ever. The listener stays open all the while, here, on fd 3: clients wait and are not refused.
supervise() {
	exec 3<&0 </dev/null
	generation='' leaving='' ending='' reload='' reason='' said='' lost='' asked='' since='' wanted=0
	signed='' unwritten='' begun=0 ended=0 status=0 born=0 delay=0 retry=0 said_until=0 short=0 complete=''
	trap 'ending=1' TERM INT
	trap 'reload=1' HUP
	note
	while [ -z "$ending" ]; do
		if look; then renew; else nap 1; fi
		# lighttpd has no pid to end where pool() is gone, and may itself be gone.
		[ -z "${POOL_OWNER-}" ] || kill -0 "$POOL_OWNER" 2>/dev/null || { ending=1 && unbind; }
	done
	[ "${POOL_OWNER-}" ] || unbind
	retire "$generation"
	while [ "$leaving" ]; do
		nap 0.1
		dismiss
	done
	unsign
}

# The pool on fd 0: supervise() in a process of its own, and another one should it be killed. Meanwhile the listener stays open here.
# Should this process be killed instead, the supervisor goes on as long as its web server does: lighttpd does not start a pool anew
# whose socket still answers, and were that to end later, there would be none. For the same reason the path of the socket goes as
# soon as lighttpd is killed: the next one must not find it while a worker still finishes a request.
pool() {
	[ -z "${POOL_OWNED-}" ] || export POOL_OWNER=$PPID
	exec 3<&0 </dev/null
	SOCKET=$(stat -c %d:%i -- "$LISTEN" 2>/dev/null) || SOCKET=''
	export SOCKET
	ended='' supervisor=''
	trap 'ended=1; orphaned && unbind; kill "$supervisor" 2>/dev/null || :' TERM INT
	trap 'kill -HUP "$supervisor" 2>/dev/null || :' HUP
	while [ -z "$ended" ]; do
		# A shell cannot trap what was ignored when it began, as by nohup.
		env --default-signal=HUP,INT,TERM "$here/spawn.sh" supervise <&3 3<&- &
		supervisor=$!
		[ -z "$ended" ] || kill "$supervisor"
		status=''
		until [ "$status" ] && ! kill -0 "$supervisor" 2>/dev/null; do
			wait "$supervisor" && status=0 || status=$?
		done
		[ "$status" != 75 ] || return 75 # another pool's PIDFILE
		[ "$status" != 0 ] || ended=1
		[ "$ended" ] || { say "the supervisor ended, status $status: starting another" && nap 1; }
	done
}

# Sets $parent to the pid of the parent of $1.
parent() {
	read -r _ _ _ parent _ 2>/dev/null <"/proc/$1/stat"
}

# Is the web server that started this process gone? A parent that nobody has waited for yet still has its pid.
orphaned() {
	parent $$
	[ "${POOL_OWNER:-$parent}" != "$parent" ]
}

# Binds LISTEN, mode 0660 where it is a path, and becomes the pool.
start() {
	alone
	case "$LISTEN $PIDFILE $POOL_FILE" in *"$RUN_DIR/"*) [ -d "$RUN_DIR" ] || { say "RUN_DIR: there is no folder $RUN_DIR" && exit 78; } ;; esac
	number=$(check) || exit 78
	case $LISTEN in
	-) exec "$here/spawn.sh" pool ;;
	*/*) set -- -s "$LISTEN" -M 0660 ;;
	*:*)
		address=${LISTEN%:*} address=${address#[}
		set -- -a "${address%]}" -p "${LISTEN##*:}"
		;;
	*) set -- -s "$LISTEN" -M 0660 ;;
	esac
	command -v spawn-fcgi >/dev/null || { say 'spawn-fcgi is not installed' && exit 78; }
	exec spawn-fcgi -n -b "${BACKLOG:-$((64 * number + 16))}" "$@" -- "$here/spawn.sh" pool
}

# One worker on the listener that fd 0 is.
worker() {
	settings || exit
	exec "$ORDERS_FCGI"
}

## The commands

# Is somebody's lock on the file that fd 9 is?
locked() {
	! flock -sn 9
}

# Ends with 4 where a pool would not be seen: who keeps it may have kept PIDFILE, or its folder, to himself.
visible() {
	folder=$(dirname -- "$PIDFILE") hidden=''
	[ ! -d "$folder" ] || [ -x "$folder" ] || hidden=$folder
	[ ! -e "$PIDFILE" ] || [ -r "$PIDFILE" ] || hidden=$PIDFILE
	[ -z "$hidden" ] || { say "$hidden: only $(stat -c %U -- "$hidden") and root can see whether there is a pool" && exit 4; }
}

# Is there a pool? $pid is its. By its name flock would make the file anew that the pool has just removed.
running() {
	[ -s "$PIDFILE" ] && { locked 9<"$PIDFILE" && pid=$(cat "$PIDFILE"); } 2>/dev/null
}

# Sets what note() wrote; 1 when it has not yet.
noted() {
	{ read -r begun ended status generation wanted since owner && read -r reason; } 2>/dev/null <"$state"
}

# until_ SECONDS COMMAND…: repeats it until it is true; 1 when the time is over.
until_() {
	clock
	limit=$((now + $1))
	shift
	until "$@"; do
		clock
		[ "$now" -lt "$limit" ] || return 1
		sleep 0.05
	done
}

settled() {
	! kill -0 "$1" 2>/dev/null || { running && noted && [ "$ended" -gt "$2" ]; }
}

# Is the process $1 gone, or has the pool that it keeps had its first try?
started() {
	! kill -0 "$1" 2>/dev/null || { running && parent "$pid" && [ "$parent" = "$1" ] && noted && [ "$ended" -gt 0 ]; }
}

gone() {
	! running
}

alone() {
	! running || { say "already running, pid $pid" && exit 75; }
}

# signal NAME: to the pool.
signal() {
	kill -s "$1" "$pid" 2>/dev/null || ! running || { say "pid $pid: only $(stat -c %U "/proc/$pid") and root may do that" && exit 4; }
}

background() {
	alone
	setsid "$here/spawn.sh" </dev/null >/dev/null &
	until_ 20 started $! || :
	kill -0 $! 2>/dev/null || { wait $! || exit; }
	[ "${status:-75}" = 0 ] || { say "no workers yet: ${reason:-it is not up}" && exit 75; }
}

reload() {
	visible
	running || { say 'not running' && exit 7; }
	until_ 5 noted || exit 75
	signal HUP
	main=$pid
	until_ 40 settled "$main" "$begun" || { say 'not done after 40 s' && exit 75; }
	{ running && [ "$pid" = "$main" ]; } || { say "pid $main ended meanwhile: see status" && exit 75; }
	[ "$status" = 0 ] || { say "$reason" && exit "$status"; }
}

stop() {
	visible
	running || return 0
	if noted && [ "$owner" != - ] && [ -d "/proc/$owner" ]; then
		say "lighttpd, pid $owner, would start the pool again: kill -INT $owner ends both when the requests at work are done"
		exit 64
	fi
	signal TERM
	until_ 60 gone || { say "pid $pid is still there after 60 s" && exit 75; }
}

status() {
	visible
	running || { echo 'not running' && exit 3; }
	main=$pid serving=0
	if [ ! -r "/proc/$main/fd" ]; then
		say "pid $main: its workers are visible to $(stat -c %U "/proc/$main") and root alone"
		exit 4
	fi
	noted && serving "$generation"
	echo "pid $main, $serving of ${wanted:-0} workers:${workers:- none}, since ${since:--}"
	[ -z "${reason-}" ] || echo "$reason"
	[ "$serving" -gt 0 ] || exit 1
}

# By what the pool has noted: from a unit's other commands, in user namespaces of their own, its workers cannot be looked at.
# systemd sets MAINPID: when that one leaves, it has said why.
serves() {
	[ -z "${MAINPID-}" ] || kill -0 "$MAINPID" 2>/dev/null || return 0
	running && noted && [ "$ended" -gt 0 ] && [ "$status" = 0 ] && [ "$generation" != - ]
}

ready() {
	until_ 20 serves || { say "no workers yet: ${reason:-it is not up}" && exit 75; }
	running || exit 7
}

# Each ends by exit: what a new spawn.sh, copied over this one, has behind these lines is not read by a running pool.
case ${1-} in
'') start ;;
ready)
	ready
	exit
	;;
-d)
	background
	exit
	;;
pool | supervise | worker | reload | stop | status)
	"$1"
	exit
	;;
*)
	say 'usage: spawn.sh [-d | reload | stop | status | ready]'
	exit 64
	;;
esac
