/*
 * The keys that requests to AWS are signed with, from the first of these that is configured: environment,
 * web identity, container, instance. AWS_PROFILE and the shared files of ~/.aws are not supported: a service
 * has no home. Keys that expire are kept in the worker and replaced in time. For this folder alone.
 */
#ifndef REMOTE_CREDENTIALS_H
#define REMOTE_CREDENTIALS_H

#include <stdint.h>

#include "base/config.h"
#include "rc.h"

struct credentials;

struct aws_keys {
	const char *id;
	const char *secret;
	const char *token; /* NULL: none */
};

/* NULL: no memory. config is borrowed. */
struct credentials *credentials_open(void *ctx, const struct config *config);

/*
 * Keys that are good now, valid until the next call. Fetches where that is due, until deadline_ms on clock_ms()
 * at the latest; while the old keys are still good it takes half of that time only, and its failure is
 * harmless. RC_SNS_REFUSED: there are no keys; RC_NO_MEMORY.
 */
enum rc credentials_get(struct credentials *c, int64_t deadline_ms, struct aws_keys *out) MUST_CHECK;

/*
 * AWS refused the keys: the next credentials_get() fetches others where it can, though not more often than
 * every few seconds. Until others have come the old ones are used: it may not have been their fault.
 */
void credentials_refused(struct credentials *c);

#endif
