#!/bin/sh
# Is the manual complete? Every setting of lib/base/config.c and every signal of the worker has to be in it.
set -eu
cd "$(dirname -- "$0")/../.."

settings=$(sed -n 's/^\t{ "\([A-Z0-9_]*\)", setting_.*/\1/p' lib/base/config.c)
signals=$(sed -n 's/.*stops\[\] = { \(.*\) };/\1/p' lib/http/fcgi.c | tr -d ,)
missing=''
for name in $settings $signals; do
	grep -qw -- "$name" docs/orders.fcgi.8 || missing="$missing $name"
done
[ "$(printf '%s\n' "$settings" | wc -l)" -gt 20 ] || missing="$missing (the table of settings was not found)"
[ -n "$signals" ] || missing="$missing (the signals were not found)"
[ -z "$missing" ] || { echo "docs/orders.fcgi.8 says nothing of:$missing" >&2 && exit 1; }
