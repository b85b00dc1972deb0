/* Bearer tokens (RFC 6750, RFC 7519) → who is calling. */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "base/config.h"
#include "http/request.h"
#include "order/access.h"

/* NULL when SECRET_KEY fits ALGORITHM; else what it wants. */
const char *auth_check_key(const struct config *config);

/* RC_NOT_AUTHENTICATED, RC_BAD_TOKEN, RC_NO_MEMORY. The caller's address is on r->ctx. */
enum rc auth_caller(const struct config *config, const struct http_request *r, struct caller *out) MUST_CHECK;

/* The claims of a token that the settings verify, JSON on ctx. RC_BAD_TOKEN: it is not to be believed;
 * RC_NO_MEMORY. */
enum rc auth_claims(const struct config *config, void *ctx, const char *token, const char **claims,
		    size_t *len) MUST_CHECK;

/* auth_caller() for a token by itself. */
enum rc auth_verify(const struct config *config, void *ctx, const char *token, struct caller *out) MUST_CHECK;

#endif
