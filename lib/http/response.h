/* An answer while it is being built, and how it goes out (RFC 3875 section 6). */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stddef.h>

#include "base/buf.h"

enum {
	HTTP_OK = 200,
	HTTP_CREATED = 201,
	HTTP_NOT_MODIFIED = 304,
	HTTP_TEMPORARY_REDIRECT = 307,
	HTTP_SERVER_ERROR = 500
};

struct http_response {
	int status;
	struct buf fields; /* "Name: value\r\n" each; a failed append shows in fields.failed */
	const char *type;  /* of the body, as Content-Type says it; NULL: application/json */
	const char *body;
	size_t body_len;
};

/* The body of a 500. */
extern const char http_server_error[];

/* A 500, until somebody knows better. */
void http_response_init(struct http_response *a, void *ctx);
/* Back to that, whatever was filled in. */
void http_response_fail(struct http_response *a);
/* A value with a line break fails the answer. */
void http_response_field(struct http_response *a, const char *name, const char *value);

/* The head up to and with the empty line: Status, Content-Type where there is a body, Content-Length but for a 304,
 * which would have to tell the length of what it does not send. */
void http_response_head(const struct http_response *a, struct buf *head);

const char *http_reason(int status);

#endif
