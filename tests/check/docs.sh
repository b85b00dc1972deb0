#!/bin/sh
# Are the manuals complete? Every setting of lib/base/config.c and every signal of the worker has to be in the worker's; of ordersctl,
# its manual and its completion have to know every command and every option, and no other.
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

# known FILE PATTERN…: says which names of the list on stdin are in no line of FILE, each put into PATTERN for NAME.
known() {
	while read -r name; do
		# shellcheck disable=SC2001 # a name may be two words
		grep -qE -- "$(echo "$name" | sed "s/.*/$2/")" "$1" || echo "$1 says nothing of: $name" >&2
	done
}

commands=$(sed -n '/^} commands\[\] = {/,/^};/s/^\t{ "\([a-z ]*\)",.*/\1/p' cgi/ordersctl.c)
options=$(sed -n 's/^\t\[OPTION_[A-Z_]*\] = { "\([a-z-]*\)",.*/\1/p' cgi/ordersctl.c)
documented=$(sed -n 's/^.*Fl -\([a-z][a-z-]*\).*/\1/p' docs/ordersctl.8; grep -o 'Fl -[a-z][a-z-]*' docs/ordersctl.8 | cut -c 5-)
completed=$(grep -oE -- '--[a-z][a-z-]+' docs/ordersctl.bash-completion | cut -c 3-)
[ "$(printf '%s\n' "$commands" | wc -l)" -ge 10 ] || { echo "the commands of cgi/ordersctl.c were not found" >&2 && exit 1; }
[ "$(printf '%s\n' "$options" | wc -l)" -ge 15 ] || { echo "the options of cgi/ordersctl.c were not found" >&2 && exit 1; }
faults=$({
	printf '%s\n' "$commands" | known docs/ordersctl.8 '^\.(It )?Cm &( |$)'
	printf '%s\n' "$commands" | sed 's/.* //' | known docs/ordersctl.bash-completion '(^|[^a-z-])&([^a-z-]|$)'
	printf '%s\n' "$options" | known docs/ordersctl.8 'Fl -&( |$)'
	printf '%s\n' "$options" | known docs/ordersctl.bash-completion '--&([^a-z-]|$)'
	for name in $documented $completed; do
		printf '%s\n' "$options" | grep -qx -- "$name" || echo "cgi/ordersctl.c has no option --$name" >&2
	done
} 2>&1)
[ -z "$faults" ] || { printf '%s\n' "$faults" >&2 && exit 1; }

# completes WORD…: what bash would make of the last one.
completes() {
	bash -c '. docs/ordersctl.bash-completion && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _ordersctl && echo "${COMPREPLY[*]}"' bash "$@"
}
while IFS='|' read -r words wanted; do
	# shellcheck disable=SC2086 # a list
	got=$(completes ordersctl $words)
	[ "$got" = "$wanted" ] || { echo "ordersctl.bash-completion: 'ordersctl $words' becomes '$got' and not '$wanted'" >&2 && exit 1; }
done <<-'END'
	st|status
	outbox re|retry
	outbox list --p|--parked
	--json token --sub 9 --pr|--private-key
	--env docs/ordersctl.8 ch|check
	--env docs/ordersctl.b|docs/ordersctl.bash-completion
	status --par|
END
