#!/bin/sh
# Installs the Debian 12 packages of the named sets, and npm's for the emulator, the page /docs and the tests. With everything there it does nothing and
# says nothing. Asks no question; becomes root with sudo when it has to.
#
#     demo/deps.sh [build|run|test|browser|docs|aws|san|cover|fuzz|lint|deb|bench]…      (default: build run)
#
# What it installs is for use as programs: no cluster of PostgreSQL is created, no service started or left enabled.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

packages() {
	case $1 in
	build) echo gcc make pkg-config libc6-dev libfcgi-dev libjson-c-dev libjwt-dev libcurl4-openssl-dev libpq-dev \
		libtalloc-dev libexpat1-dev libssl-dev ;;
	run) echo lighttpd lighttpd-modules-lua multiwatch spawn-fcgi postgresql-15 postgresql-client-15 sqitch libdbd-pg-perl jq curl \
		openssl ca-certificates ;;
	test) echo libcriterion-dev patch pgbouncer lighttpd-mod-openssl nginx-light apache2 libapache2-mod-fcgid prometheus ;;
	browser) echo chromium fonts-dejavu-core ;;
	docs) ;; # of npm alone
	aws) echo awscli ;;
	san) echo clang llvm valgrind libc6-dbg ;;
	cover) echo gcovr ;;
	fuzz) echo clang llvm ;;
	lint) echo clang-tidy clang-format cppcheck shellcheck mandoc systemd ;;
	deb) echo dpkg-dev debhelper lintian debootstrap git ;;
	bench) echo wrk postgresql-15 ;; # pgbench comes with the server
	*)
		echo "deps.sh: no set '$1': build run test browser docs aws san cover fuzz lint deb bench" >&2
		exit 64
		;;
	esac
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# shellcheck disable=SC2317 # the trap calls it
undo() {
	[ -z "$policy$dropin" ] || as_root rm -f ${policy:+"$policy"} ${dropin:+"$dropin"}
}

# Installs $missing with what Debian would start by itself held back.
install_missing() {
	echo "installing$missing"
	policy='' dropin='' services=''
	trap undo EXIT
	trap 'exit 1' INT TERM HUP
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy"
	fi
	case "$missing " in *' postgresql-15 '*)
		dropin=/etc/postgresql-common/createcluster.d/orders.conf
		as_root sh -c "mkdir -p ${dropin%/*}; echo 'create_main_cluster = false' >$dropin"
		;;
	esac
	for package in $missing; do
		case $package in
		lighttpd | apache2 | pgbouncer | prometheus) services="$services $package.service" ;;
		nginx-light) services="$services nginx.service" ;;
		esac
	done
	as_root apt-get -qq update
	# shellcheck disable=SC2086 # a list
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold $missing >/dev/null
	if [ -n "$services" ] && command -v systemctl >/dev/null; then
		# shellcheck disable=SC2086 # a list
		as_root systemctl -q disable $services || :
	fi
}

# A Node.js that runs the emulator: 22.5 or newer, for node:sqlite.
node_will_do() {
	command -v node >/dev/null && node -e '
		const [major, minor] = process.versions.node.split(".").map(Number);
		process.exit(major > 22 || (major === 22 && minor >= 5) ? 0 : 1)'
}

# npm_install FROM TO WHAT: goes below TO, exactly as the lock file in FROM says; with the emulator a Node.js where the machine has none
# that will do.
npm_install() {
	mkdir -p "$2"
	cp "$1/package.json" "$2/package.json"
	cp "$1/package-lock.json" "$2/new-lock.json"
	node_will_do && optional=--omit=optional || optional=
	(
		cd "$2"
		echo "installing $3 from npm"
		mv new-lock.json package-lock.json
		rm -f installed.json
		npm ci --silent --ignore-scripts --no-audit --no-fund --no-update-notifier ${optional:+"$optional"} >npm.log 2>&1 || {
			cat npm.log >&2
			echo "deps.sh: npm could not install $3" >&2
			exit 1
		}
		cp package-lock.json installed.json
	)
}

# npm_needs FROM TO WHAT: unless it is there.
npm_needs() {
	! cmp -s "$1/package-lock.json" "$2/installed.json" || return 0
	mkdir -p "$root/run"
	(
		flock 9 # make test and make run may come here at the same time
		cmp -s "$1/package-lock.json" "$2/installed.json" || npm_install "$@"
	) 9>"$root/run/npm.lock"
}

sets=${*:-build run} wanted=''
for set in $sets; do
	wanted="$wanted $(packages "$set")"
done
emulator='' tests=''
for set in $sets; do
	case $set in
	run | bench | docs | deb) emulator=1 ;;
	test) emulator=1 tests=1 ;;
	browser | lint) tests=1 ;;
	esac
done
[ -z "$emulator$tests" ] || command -v npm >/dev/null || wanted="$wanted npm"

# shellcheck disable=SC2086 # a list
present=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' $wanted 2>/dev/null || :)"
missing=''
for package in $wanted; do
	case "$present$missing " in *" $package:installed "* | *" $package "*) ;; *) missing="$missing $package" ;; esac
done
[ -z "$missing" ] || install_missing

[ -z "$emulator" ] || npm_needs "$root/demo" "$root/run/npm" "the SNS and SQS emulator and Swagger UI"
[ -z "$tests" ] || npm_needs "$root/tests/npm" "$root/run/npm-tests" "what the tests need"
