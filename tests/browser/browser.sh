#!/bin/sh
# The service's pages in a headless Chromium: runs tests/browser/*.mjs one after another against the service behind lighttpd, with all around it.
# Pictures go to build/browser. ONLY=name: tests/browser/name.mjs alone.
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=tests/support/stack.sh
. "$PARTS_ROOT/tests/support/stack.sh"

stack_start
ORDERS_URL=http://127.0.0.1:$port ORDERS_TOKEN=$(stack_token 9) ORDERS_STAFF_TOKEN=$(stack_token 1 admin)
ORDERS_OUT=$PARTS_ROOT/build/browser ORDERS_NPM=$PARTS_ROOT/run/npm-tests/node_modules
export ORDERS_URL ORDERS_TOKEN ORDERS_STAFF_TOKEN ORDERS_OUT ORDERS_NPM
mkdir -p "$ORDERS_OUT"
failed=0
for test in "$PARTS_ROOT"/tests/browser/${ONLY:-*}.mjs; do
	name=${test##*/}
	if "$(parts_node)" "$test"; then
		echo "${name%.mjs}: passed"
	else
		echo "${name%.mjs}: FAILED"
		failed=1
	fi
done
[ "$failed" = 0 ]
