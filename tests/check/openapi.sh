#!/bin/sh
# docs/openapi.json: is it sound, is it this version's, and does what judges the wire tests by it notice what it has to?
set -eu

PARTS_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=demo/parts.sh
. "$PARTS_ROOT/demo/parts.sh"
cd "$PARTS_ROOT"

modules=$PARTS_ROOT/run/npm-tests/node_modules
node=$(parts_node)
"$node" tests/openapi/selftest.mjs "$modules"
"$node" tests/openapi/lint.mjs "$modules"

version=$(sed -n 's/^VERSION := //p' Makefile)
shown=$(jq -r .info.version docs/openapi.json)
[ "$version" = "$shown" ] || { echo "Makefile is version $version, docs/openapi.json $shown" >&2 && exit 1; }
