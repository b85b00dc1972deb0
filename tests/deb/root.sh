# shellcheck shell=sh
# For deb.sh, in a mount namespace of its own. Sourced.

# root BASE IN: a Debian in memory on top of BASE, with the folder IN as /in. Sets $root.
root() {
	memory=$2/../memory
	mkdir -p "$memory"
	mount -t tmpfs -o mode=755 tmpfs "$memory"
	mkdir "$memory/upper" "$memory/work" "$memory/root"
	mount -t overlay -o "lowerdir=$1,upperdir=$memory/upper,workdir=$memory/work" overlay "$memory/root"
	root=$memory/root
	mkdir "$root/in"
	mount --bind "$2" "$root/in"
	mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
	mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 666 "$root/dev/tty" c 5 0
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s /in/console "$root/dev/console"
	: >"$root/in/console"
	mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
}

# Becomes systemd, pid 1 of a pid namespace, which runs inside.sh and leaves.
boot() {
	mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
	mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
	cat >"$root/etc/systemd/system/test.service" <<-'UNIT'
		[Unit]
		Wants=postgresql.service
		After=multi-user.target postgresql.service
		SuccessAction=exit-force
		FailureAction=exit-force
		[Service]
		Type=oneshot
		ExecStart=/bin/sh /in/inside.sh
		StandardOutput=file:/in/report
		StandardError=inherit
		TimeoutStartSec=280
	UNIT
	mkdir -p "$root/etc/systemd/system/multi-user.target.d" "$root/old"
	printf '[Unit]\nWants=test.service\n' >"$root/etc/systemd/system/multi-user.target.d/test.conf"
	: >"$root/etc/machine-id"
	cd "$root" || return
	pivot_root . old
	# Shared, as systemd has it elsewhere: credentials reach a service by the propagation of mounts.
	# shellcheck disable=SC2016 # the inner shell expands it
	exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . sh -c 'umount -l /old && mount --make-rshared / && exec /lib/systemd/systemd \
		--unit=multi-user.target --log-level=notice --log-target=console --show-status=no'
}
