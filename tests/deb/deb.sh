#!/bin/sh
# Is the package good for what README.Debian says? In a Debian of its own below build/: see inside.sh for what is asked.
#
# build/deb-test/base has Debian's packages, is made once (MIRROR, SUITE) and only read afterwards. On it lies a file system in
# memory, mounted in a namespace of its own: with the last process all of it is gone. systemd is pid 1 there, on a network
# of its own.
set -eu
cd "$(dirname -- "$0")/../.."
root=$PWD

: "${SUITE:=bookworm}" "${MIRROR:=http://deb.debian.org/debian}"
dir=$root/build/deb-test
base=$dir/base
packages='systemd passwd lighttpd lighttpd-modules-lua nginx-light apache2 libapache2-mod-fcgid postgresql sqitch libdbd-pg-perl
	postgresql-client curl openssl ca-certificates'

[ "$(id -u)" = 0 ] || { echo "deb.sh: namespaces and debootstrap want root" >&2 && exit 77; }

# What the package depends on, without versions and the second choices.
depends() {
	dpkg-deb -f "$1" Depends | tr ',' '\n' | sed 's/^ //; s/[ (|].*//; /^$/d' | sort -u
}

private() {
	unshare --mount --propagation private "$@"
}

make_base() {
	echo "making $base"
	mkdir -p "$dir"
	rm -rf --one-file-system "$base" "$base.new"
	debootstrap --variant=minbase "$SUITE" "$base.new" "$MIRROR" >"$dir/base.log" 2>&1 || { tail -n 20 "$dir/base.log" >&2 && exit 1; }
	# Where packages are to be had from is for the machine to say.
	cp -L /etc/resolv.conf "$base.new/etc/resolv.conf"
	printf '#!/bin/sh\nexit 101\n' >"$base.new/usr/sbin/policy-rc.d"
	chmod 755 "$base.new/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2016 # the inner shell expands it
	private sh -c '
		mount -t proc proc "$0/proc"
		DEBIAN_FRONTEND=noninteractive chroot "$0" sh -euc "
			apt-get -qq update
			apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 $1
			apt-get clean
			systemctl -q disable lighttpd nginx apache2"' "$base.new" "$(echo "$packages" "$(depends "$deb")" | tr '\n\t' '  ')" \
		>>"$dir/base.log" 2>&1 || { tail -n 20 "$dir/base.log" >&2 && exit 1; }
	rm "$base.new/usr/sbin/policy-rc.d"
	mv "$base.new" "$base"
}

# The same package under a higher version.
newer() {
	rm -rf "$dir/newer"
	dpkg-deb -R "$deb" "$dir/newer"
	sed -i 's/^Version: .*/&+1/' "$dir/newer/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$dir/newer" "$dir/in/newer.deb" >/dev/null
	rm -rf "$dir/newer"
}

set -- build/orders-fcgi_*.deb
deb=$root/$1
[ -e "$deb" ] || { echo "deb.sh: make deb first" >&2 && exit 1; }
[ -d "$base" ] || make_base
rm -rf "$dir/in"
mkdir -p "$dir/in"
cp "$deb" "$dir/in/orders-fcgi.deb"
newer
cp tests/deb/inside.sh demo/products.sh demo/products.conf "$dir/in/"
cp debian/README.Debian "$dir/in/README.Debian"

echo 'in a chroot, without systemd'
# shellcheck disable=SC2016 # the inner shell expands it
private sh -euc '
	. tests/deb/root.sh
	root "$0" "$1"
	chroot "$root" sh -euc "dpkg -i /in/orders-fcgi.deb && rm /etc/orders/orders.env && dpkg -i /in/newer.deb && dpkg -P orders-fcgi" >"$root/log" 2>&1 ||
		{ cat "$root/log" && exit 1; }
	left=$(chroot "$root" sh -c "cd /; find etc/orders run/orders usr/lib/orders usr/share/orders usr/lib/sysusers.d/orders.conf lib/systemd/system/orders.* \
		etc/systemd/system var/lib/systemd -name \*orders\* 2>/dev/null" || :)
	[ -z "$left" ] || { echo "left behind: $left" && exit 1; }' "$base" "$dir/in"

echo 'with systemd'
status=0
# shellcheck disable=SC2016 # the inner shell expands it
timeout --foreground -k 10 300 unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup --propagation private sh -euc '
	. tests/deb/root.sh
	root "$0" "$1"
	boot' "$base" "$dir/in" </dev/null || status=$?
cat "$dir/in/report" 2>/dev/null || tail -n 40 "$dir/in/console"
[ "$(cat "$dir/in/result" 2>/dev/null)" = 0 ] || { echo "deb.sh: failed (pid 1: $status); $dir/in has console, journal, report" >&2 && exit 1; }
