#!/bin/sh
# Is the manual complete? Every setting of lib/base/config.c, signal and exit status has to be in it.
set -eu
cd "$(dirname -- "$0")/../.."

missing=''
for name in $(sed -n 's/^\t{ "\([A-Z0-9_]*\)", setting_.*/\1/p' lib/base/config.c); do
	grep -qw -- "$name" docs/orders.fcgi.8 || missing="$missing $name"
done
for name in $(sed -n 's/.*stops\[\] = { \(.*\) };/\1/p' lib/http/fcgi.c | tr -d ,); do
	grep -qw -- "$name" docs/orders.fcgi.8 || missing="$missing $name"
done
[ "$(sed -n 's/^\t{ "\([A-Z0-9_]*\)", setting_.*/\1/p' lib/base/config.c | wc -l)" -gt 20 ] || missing="$missing (the table of settings was not found)"
[ -z "$missing" ] || { echo "docs/orders.fcgi.8 says nothing of:$missing" >&2 && exit 1; }
