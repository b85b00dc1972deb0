/* Keys for a limited time, as container agents and the instance metadata service answer them. */
#ifndef JSON_CREDENTIALS_JSON_H
#define JSON_CREDENTIALS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rc.h"

#define AWS_KEY_SIZE 256
#define AWS_TOKEN_SIZE 8192 /* AWS names no limit; they have about 1500 bytes */

/* Of fixed size, so that all of it can be wiped. Every text is visible ASCII: fit for a header field. */
struct aws_session {
	char id[AWS_KEY_SIZE];
	char secret[AWS_KEY_SIZE];
	char token[AWS_TOKEN_SIZE];
	int64_t expires_us; /* wall time */
};

/*
 * RC_SYNTAX: not such a document; RC_SNS_REFUSED: one that says why there are no keys, *code on ctx;
 * RC_NO_MEMORY. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
enum rc credentials_decode(void *ctx, const char *body, size_t len, struct aws_session *out,
			   const char **code) MUST_CHECK;

/* Copies a text of a session; false when it is empty, too long for size or not visible ASCII. */
bool credentials_copy(char *out, size_t size, const char *text, size_t len) MUST_CHECK;

#endif
