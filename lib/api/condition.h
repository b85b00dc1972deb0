/* Which versions of an order If-Match or If-None-Match names: its entity-tag is its version (RFC 9110 section 13.1). */
#ifndef API_CONDITION_H
#define API_CONDITION_H

#include "api/app.h"

struct condition {
	bool given;
	bool any; /* "*" */
	int32_t *versions;
	size_t n;
};

/* A weak entity-tag is as good as a strong one, or names nothing. */
enum comparison { WEAK, STRONG };

/* Reads the field whose param is name. RC_NO_MEMORY. */
enum rc condition_read(struct request *r, const char *name, enum comparison comparison,
		       struct condition *out) MUST_CHECK;

/* Does it name this version of an order that exists? */
bool condition_names(const struct condition *c, int32_t version);

#endif
