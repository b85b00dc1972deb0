/* Entity-tags as If-Match and If-None-Match list them (RFC 9110 sections 8.8.3 and 13.1). Pure. */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include <stdbool.h>
#include <stddef.h>

struct etag {
	bool weak;
	const char *opaque; /* what stands between the quotes, within the field's value */
	size_t len;
};

struct etags {
	const char *rest; /* not yet stepped over */
	bool any;	  /* "*": whatever there is */
};

/* Readies a field's value, which is borrowed. One that is neither "*" nor a list of entity-tags names none at all. */
struct etags etags_of(const char *value);

/* Steps to the next of the list; false at its end. */
bool etags_next(struct etags *e, struct etag *out);

#endif
