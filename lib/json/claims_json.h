/* The header and the claims of a JWT (RFC 7519): what a caller says of themselves, once it is verified. */
#ifndef JSON_CLAIMS_JSON_H
#define JSON_CLAIMS_JSON_H

#include <stdbool.h>

#include "order/access.h"
#include "json/json.h"

/* RC_BAD_TOKEN unless the header names exactly this algorithm and nothing that has to be understood (crit);
 * RC_NO_MEMORY. */
enum rc jose_header_check(void *ctx, const char *header, size_t len, const char *algorithm) MUST_CHECK;

struct claims_rule {
	int64_t now_us;
	const char *audience; /* NULL: any; so for issuer */
	const char *issuer;
	const char *const *staff_roles; /* ends with NULL */
};

/* RC_BAD_TOKEN: a claim is missing, of the wrong type or refused; RC_NO_MEMORY. The address is on ctx. */
enum rc claims_decode(void *ctx, const char *claims, size_t len, const struct claims_rule *rule,
		      struct caller *out) MUST_CHECK;

#endif
