/* The keys that requests to AWS are signed with. For this folder alone. */
#ifndef REMOTE_CREDENTIALS_H
#define REMOTE_CREDENTIALS_H

#include "base/config.h"
#include "rc.h"

struct credentials;

struct aws_keys {
	const char *id;
	const char *secret;
	const char *token;	/* NULL: none */
};

/* NULL: no memory. config is borrowed. */
struct credentials *credentials_open(void *ctx, const struct config *config);

/* Keys that are good now, valid until the next call. RC_SNS_REFUSED: there are none; RC_NO_MEMORY. */
enum rc credentials_get(struct credentials *c, struct aws_keys *out) MUST_CHECK;

/* AWS refused the keys: the next credentials_get() fetches others where it can. */
void credentials_refused(struct credentials *c);

#endif
