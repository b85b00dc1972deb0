/* A table of routes: method, pattern, what the request needs, who handles it. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stddef.h>

#include "rc.h"

#define ROUTE_TEXT_SIZE 64

struct request;

struct route {
	const char *method;
	const char *pattern; /* "/orders/{id}": {…} is one segment, not empty */
	unsigned needs;	     /* the application's own bits */
	enum rc (*handle)(struct request *r);
};

struct route_match {
	const struct route *route; /* NULL unless RC_OK */
	const char *pattern;	   /* NULL when RC_NO_PATH */
	const char *value;	   /* what {…} stood for, within path; NULL without one */
	size_t value_len;
	char allow[ROUTE_TEXT_SIZE]; /* with RC_NO_METHOD: the Allow field */
};

/* HEAD is served by GET. RC_NO_PATH, RC_NO_METHOD, or RC_TRAILING_SLASH: without its last byte, the path
 * would be known. */
enum rc route_match(const struct route *routes, size_t n, const char *method, const char *path,
		    size_t path_len, struct route_match *out) MUST_CHECK;

#endif
