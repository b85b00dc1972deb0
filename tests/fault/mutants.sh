#!/bin/sh
# Breaks the service on purpose, in one way after the other, and looks whether the rows of `make fault` notice.
#
#     tests/fault/mutants.sh [NAME…]      the mutants mutants/NAME.patch; none named: all of them
#
# A patch says above its diff what it breaks and what must come of it, once for each row that is to catch it:
#
#     # lease removed on insert
#     # Caught-by: ROW: TEXT              the row fails, and TEXT is in what it holds against the service
#     # Escapes: ROW                      the row is run as well, and may hold
#
# First the service as it is has to hold in all these rows: a row that fails anyway catches nothing. Exit status 0: it did, every
# patch applies without fuzz, and every mutant was caught by all rows that it names.
#
# SEED                  1           of whatever is random
# ROWS                              rows, separated by commas, that every mutant is tried on as well
# KEEP                              set: the folder with what the rows said stays
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
mutants=$root/tests/fault/mutants
: "${SEED:=1}" "${ROWS:=}"
export SEED QUICK=1

dir=$(mktemp -d "${TMPDIR:-/tmp}/orders-mutants.XXXXXX")
tree=$dir/tree

# shellcheck disable=SC2317 # the trap calls it
finish() {
	if [ -n "${KEEP-}" ]; then
		echo "kept: $dir" >&2
	else
		rm -rf -- "$dir"
	fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

copy_tree() {
	mkdir "$tree" "$tree/run"
	(cd "$root" && tar -cf - --exclude=./.git --exclude=./build --exclude=./run --exclude=./cgi/orders.fcgi .) | tar -xf - -C "$tree"
	ln -s "$root/run/npm" "$tree/run/npm"
}

# Objects stay from mutant to mutant: only what a patch has touched is compiled again.
build() {
	make -C "$tree" --no-print-directory -j"$(nproc)" CFLAGS=-O1 all build/tests/fault/fault build/tests/fault/hang.so >"$dir/build" 2>&1 || {
		cat "$dir/build"
		return 1
	}
}

# "ROW: TEXT" a line.
caught_by() {
	sed -n '/^---/q; s/^# Caught-by: //p' "$mutants/$1.patch"
}

rows_of() {
	{
		caught_by "$1" | sed 's/:.*//'
		sed -n '/^---/q; s/^# Escapes: //p' "$mutants/$1.patch"
		echo "$ROWS" | tr ',' '\n'
	} | sed '/^$/d' | sort -u | paste -sd, -
}

# The rows, as fault.c prints them, to $dir/$1.
run_rows() {
	(cd "$tree" && ONLY=$2 KEEP='' tests/support/run.sh -x build/tests/fault/fault) >"$dir/$1" 2>&1 || :
}

# What the rows said at first: ROW, a tab, held, slow or FAILED, and for each fault another tab and its text.
verdicts() {
	awk '
		/^[a-z][a-z-]* +(held|FAILED|slow|not here) / { if (line) print line; line = $1 "\t" ($2 == "not" ? "not here" : $2); next }
		/^    [^ ]/ && line { sub(/^ +/, ""); line = line "\t" $0 }
		END { if (line) print line }' "$dir/$1"
}

# print NAME ROW VERDICT, and what is to be said of it on lines of its own.
print() {
	printf '%-28s %-14s %s\n' "$1" "$2" "$3"
	sed '/^$/d; s/^violated: //; s/^/    /'
}

# What each row made of a mutant; without one it has to hold. Adds to $failed what should not be.
judge() {
	name=$1 tab=$(printf '\t')
	verdicts "$name" >"$dir/verdicts"
	for row in $(echo "$2" | tr ',' ' '); do
		line=$(grep -m 1 "^$row$tab" "$dir/verdicts" || printf '%s\tdid not run' "$row")
		verdict=$(echo "$line" | cut -f 2)
		wanted=''
		if [ "$name" = unbroken ]; then
			[ "$verdict" = held ] || wanted='must hold'
		else
			case $verdict in FAILED | slow) verdict=caught ;; esac
			wanted=$(caught_by "$name" | while IFS= read -r expected; do
				[ "${expected%%:*}" = "$row" ] || continue
				[ "$verdict" = caught ] && echo "$line" | grep -qF -- "${expected#*: }" || echo "not for: ${expected#*: }"
			done)
		fi
		[ -z "$wanted" ] || failed="$failed $name/$row"
		{
			echo "$line" | cut -sf 3- | tr '\t' '\n'
			[ -z "$wanted" ] || echo "$wanted"
		} | print "$name" "$row" "$verdict"
	done
}

all() {
	for patch in "$mutants"/*.patch; do
		basename "$patch" .patch
	done
}

[ $# -gt 0 ] || {
	# shellcheck disable=SC2046 # a list
	set -- $(all)
}
failed='' all_rows=''
for name in "$@"; do
	[ -n "$(caught_by "$name")" ] || { echo "$name: no row is to catch it" >&2 && exit 1; }
	all_rows=$all_rows,$(rows_of "$name")
done
all_rows=$(echo "$all_rows" | tr ',' '\n' | sed '/^$/d' | sort -u | paste -sd, -)

copy_tree
build
echo "SEED=$SEED"
run_rows unbroken "$all_rows"
judge unbroken "$all_rows"
for name in "$@"; do
	patch=$mutants/$name.patch
	if ! (cd "$tree" && patch -s -p1 --fuzz=0 --dry-run <"$patch") >"$dir/patch" 2>&1; then
		head -n 1 "$dir/patch" | print "$name" - 'does not apply'
		failed="$failed $name"
		continue
	fi
	(cd "$tree" && patch -s -p1 --fuzz=0 --no-backup-if-mismatch <"$patch")
	if build >"$dir/errors"; then
		run_rows "$name" "$(rows_of "$name")"
		judge "$name" "$(rows_of "$name")"
	else
		grep -m 1 error "$dir/errors" | print "$name" - 'does not build'
		failed="$failed $name"
	fi
	(cd "$tree" && patch -s -R -p1 --fuzz=0 --no-backup-if-mismatch <"$patch")
done
[ -z "$failed" ] || { echo "not as it should be:$failed" && exit 1; }
echo "$# mutants, each caught by every row that it names"
