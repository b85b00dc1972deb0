#!/bin/sh
# Runs a command that leaves a file in a folder for each fault it finds, and fails when there is one:
#
#     tests/check/reports.sh DIR COMMAND…
#
# A leak that nobody but the test runner, Criterion, has a frame in is its own.
set -eu

dir=$1
shift
rm -rf -- "$dir"
mkdir -p "$dir"
status=0
"$@" || status=$?
for report in "$dir"/asan.*; do
	[ ! -e "$report" ] || ! grep -q LeakSanitizer "$report" || grep '^ *#' "$report" | grep -qv 'libsanitizer\|libcriterion' || rm -- "$report"
done
find "$dir" -type f -size +0 | sort | while read -r report; do
	printf '\n%s:\n' "$report"
	head -n 60 "$report"
done
[ -z "$(find "$dir" -type f -size +0)" ] || {
	echo "$(find "$dir" -type f -size +0 | wc -l) reports in $dir" >&2
	exit 1
}
exit $status
