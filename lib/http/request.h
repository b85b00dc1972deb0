/* A request as the web server passes it: CGI params (RFC 3875) and a body. Knows no orders. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "rc.h"

#define HTTP_BODY_MAX (1u << 20)
#define REQUEST_ID_SIZE 65

struct http_request {
	void *ctx;     /* talloc: everything that lives as long as the request */
	char **params; /* NAME=value, ends with NULL; gone once the answer is on its way */
	const char *method;
	const char *target; /* raw, as the client sent it */
	size_t path_len;    /* of target, up to the query */
	const char *query;  /* behind the ?, "" when there is none */
	const char *body;   /* NUL-terminated behind body_len; NULL when it was too large or cut short */
	size_t body_len;
	bool body_too_large;
	char request_id[REQUEST_ID_SIZE];
	char traceparent[TRACEPARENT_SIZE];
	int64_t started_us; /* clock_us() */
	void *app_data;	    /* the application's own */
};

/* Reads up to len bytes into to; 0 at the end, negative on a fault. */
typedef int http_read_fn(void *arg, char *to, int len);

/* Fills r from params and the body that read() gives. A faulty body shows in r alone. RC_NO_MEMORY, which a ctx of NULL
 * means too: params and ids are there, and the body was read. */
enum rc http_request_init(struct http_request *r, void *ctx, char **params, http_read_fn *read,
			  void *arg) MUST_CHECK;

/* The value of the field whose param is name ("HTTP_AUTHORIZATION"), NULL when it is absent; *times, when
 * wanted, how often it came. */
const char *http_param(const struct http_request *r, const char *name, int *times);

/* All values of a field that is a list, joined by commas as RFC 9110 section 5.3 allows; NULL when it is absent. RC_NO_MEMORY. */
enum rc http_param_list(const struct http_request *r, const char *name, const char **value) MUST_CHECK;

/* The query parameter of that name, percent-decoded on r->ctx; the last one counts, NULL when absent. RC_NO_MEMORY. */
enum rc http_query(const struct http_request *r, const char *name, const char **value,
		   size_t *len) MUST_CHECK;

#endif
