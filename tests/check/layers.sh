#!/bin/sh
# Do the includes respect the layers, and does every header stand alone?
#
#     tests/check/layers.sh [DIR]     of the repository, or of DIR, which has a lib/ and a cgi/; prints what does not
#     tests/check/layers.sh -t        tests this check: each rule must find a violation of it
#
# cgi → ctl → api → {store, remote} → json → order → base, api → {http, html} → base: each layer knows those below it and none beside it.
set -eu

# layer: what it may include of lib/, itself aside; rc.h is everybody's
layers='base:
order:base
json:order base
html:order base
http:base
store:order base
remote:json order base
api:store remote http html json order base
ctl:api store remote json order base
cgi:ctl api store remote http html json order base'

# library header: the file or folder that may include it, or several
libraries='json-c/:lib/json/
fcgi:lib/http/fcgi.c
libpq-fe.h:lib/store/
postgres_ext.h:lib/store/
curl/:lib/remote/
expat.h:lib/remote/
jwt.h:lib/api/auth.c lib/ctl/token.c'

# Prints "file include" for each #include of lib/ and cgi/, the system's too.
includes() {
	find lib cgi -name '*.[ch]' | sort | while read -r file; do
		sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]\([^">]*\)[">].*/\1/p' "$file" | while read -r name; do
			echo "$file $name"
		done
	done
}

# layer_of FILE: base … api, cgi, or nothing for lib/rc.h.
layer_of() {
	case $1 in
	cgi/*) echo cgi ;;
	lib/*/*) set -- "${1#lib/}" && echo "${1%%/*}" ;;
	esac
}

check_layers() {
	includes | while read -r file name; do
		case $name in
		rc.h) continue ;;
		*/*) target=${name%%/*} ;;
		*) target='' ;;
		esac
		own=$(layer_of "$file")
		[ -e "lib/$name" ] || target=''
		if [ -n "$target" ] && [ "$target" != "$own" ]; then
			allowed=$(printf '%s\n' "$layers" | sed -n "s/^$own://p")
			case " $allowed " in *" $target "*) ;; *) echo "$file: $own must not know $target: \"$name\"" ;; esac
		fi
		if [ -z "$target" ] && [ -e "lib/${file#lib/}" ] && [ -e "${file%/*}/$name" ]; then
			echo "$file: \"$name\" is to be included by its place in lib/: \"${file#lib/}\""
		fi
		printf '%s\n' "$libraries" | while IFS=: read -r header places; do
			case $name in "$header"*) ;; *) continue ;; esac
			for place in $places; do
				case $file in "$place"*) continue 2 ;; esac
			done
			echo "$file: <$name> belongs to $places alone"
		done
	done
}

# Each header, included first and twice.
check_headers() {
	flags="-std=c17 -D_GNU_SOURCE -Ilib $(pkg-config --cflags libcurl libpq json-c talloc expat libcrypto 2>/dev/null || :)"
	find lib -name '*.h' | sort | while read -r header; do
		# shellcheck disable=SC2086 # a list
		printf '#include "%s"\n#include "%s"\n' "${header#lib/}" "${header#lib/}" |
			${CC:-cc} $flags -Wall -Werror -fsyntax-only -x c - 2>/dev/null || echo "$header does not stand alone"
	done
}

check() {
	check_layers
	check_headers
}

# expect WHAT: the check of the current folder says so, and without it says nothing.
expect() {
	check | grep -q "$1" || {
		echo "layers.sh: does not find: $1" >&2
		return 1
	}
}

self_test() {
	here=$(pwd)
	dir=$(mktemp -d)
	trap 'rm -rf -- "$dir"' EXIT
	failed=0
	while IFS='|' read -r file line message; do
		rm -rf -- "${dir:?}/lib" "${dir:?}/cgi"
		mkdir -p "$dir/lib" "$dir/cgi"
		for layer in base order json html http store remote api ctl; do
			mkdir "$dir/lib/$layer"
			echo '#pragma once' >"$dir/lib/$layer/a.h"
			echo "#include \"$layer/a.h\"" >"$dir/lib/$layer/a.c"
		done
		echo '#pragma once' >"$dir/lib/rc.h"
		echo '#include "api/a.h"' >"$dir/cgi/a.c"
		cd "$dir"
		[ -z "$(check)" ] || { echo "layers.sh: finds something in a sound tree: $(check)" >&2 && failed=1; }
		mkdir -p "$(dirname "$file")"
		echo "$line" >>"$file"
		expect "$message" || failed=1
		cd "$here"
	done <<-'END'
		lib/base/a.c|#include "order/a.h"|base must not know order
		lib/order/a.c|#include "json/a.h"|order must not know json
		lib/json/a.h|#include "store/a.h"|json must not know store
		lib/json/a.c|#  include "http/a.h"|json must not know http
		lib/html/a.c|#include "json/a.h"|html must not know json
		lib/html/a.c|#include "http/a.h"|html must not know http
		lib/http/a.c|#include "order/a.h"|http must not know order
		lib/store/a.c|#include "json/a.h"|store must not know json
		lib/store/a.c|#include "remote/a.h"|store must not know remote
		lib/remote/a.c|#include "store/a.h"|remote must not know store
		lib/remote/a.c|#include "http/a.h"|remote must not know http
		lib/remote/a.c|#include "api/a.h"|remote must not know api
		lib/base/a.c|#include <api/a.h>|base must not know api
		lib/api/a.c|#include "ctl/a.h"|api must not know ctl
		lib/ctl/a.c|#include "http/a.h"|ctl must not know http
		lib/api/a.c|#include <json-c/json.h>|belongs to lib/json/ alone
		lib/api/a.c|#include <fcgiapp.h>|belongs to lib/http/fcgi.c alone
		lib/http/a.c|#include <fcgi_stdio.h>|belongs to lib/http/fcgi.c alone
		lib/api/a.c|#include <libpq-fe.h>|belongs to lib/store/ alone
		cgi/a.c|#include <curl/curl.h>|belongs to lib/remote/ alone
		lib/json/a.c|#include <jwt.h>|belongs to lib/api/auth.c lib/ctl/token.c alone
		lib/ctl/a.c|#include <jwt.h>|belongs to lib/api/auth.c lib/ctl/token.c alone
		lib/store/a.c|#include "a.h"|by its place in lib
		lib/base/b.h|size_t f(void);|lib/base/b.h does not stand alone
		lib/base/b.h|struct b { int i; };|lib/base/b.h does not stand alone
	END
	return $failed
}

if [ "${1-}" = -t ]; then
	self_test
else
	cd "${1:-$(dirname -- "$0")/../..}"
	found=$(check)
	[ -z "$found" ] || { printf '%s\n' "$found" && exit 1; }
fi
