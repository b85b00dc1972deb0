/* Bearer tokens (RFC 6750, RFC 7519) → who is calling. */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "base/config.h"
#include "http/request.h"
#include "order/access.h"

/* NULL when SECRET_KEY fits ALGORITHM; else what it wants. */
const char *auth_check_key(const struct config *config);

/* RC_NOT_AUTHENTICATED, RC_BAD_TOKEN. The caller's address is on r->ctx. */
enum rc auth_caller(const struct config *config, const struct http_request *r, struct caller *out) MUST_CHECK;

/* The claims of a token that the settings verify, JSON on ctx; NULL: it is not to be believed. */
const char *auth_claims(const struct config *config, void *ctx, const char *token, size_t *len);

/* auth_caller() for a token by itself. */
enum rc auth_verify(const struct config *config, void *ctx, const char *token, struct caller *out) MUST_CHECK;

#endif
