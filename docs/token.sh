#!/bin/sh
# Prints a token for trying the service: HS256, valid for an hour. In earnest your identity provider signs them.
#
#     token.sh KEYFILE USER_ID [EMAIL [ROLE]]      KEYFILE: what SECRET_KEY=@KEYFILE names
set -eu

base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

case ${2-} in
'' | *[!0-9]*)
	echo 'usage: token.sh KEYFILE USER_ID [EMAIL [ROLE]]' >&2
	exit 64
	;;
esac
key=$(cat "$1")
key=$(printf %s "$key" | od -An -v -tx1 | tr -d ' \n')
text=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)
text=$text.$(printf '{"sub":"%s","email":"%s","role":"%s","exp":%d}' "$2" "${3-}" "${4-}" $(($(date +%s) + 3600)) | base64url)
printf '%s.%s\n' "$text" "$(printf %s "$text" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64url)"
