/* Which request this is, so that its repeats act once: draft-ietf-httpapi-idempotency-key-header. */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include "api/app.h"

/* Fills the change that r asks for: its key, or one made here that no client can send; *given tells which.
 * RC_BAD_KEY; RC_NO_MEMORY; RC_INTERNAL. */
enum rc change_init(struct request *r, struct change *out, bool *given) MUST_CHECK;

#endif
