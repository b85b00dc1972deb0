/* One request and its answer: params and a body in, bytes out, whatever connection they come by. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>

#include "http/request.h"
#include "http/response.h"

struct http_exchange {
	void *ctx; /* talloc: everything that belongs to it; NULL without memory */
	struct http_request request;
	struct http_response response;
	struct buf head;
	bool answered; /* the application was asked, so it has to hear of the end */
	bool failed;   /* no memory: the answer is one that needs none */
};

/* Fills the answer. */
typedef void http_answer_fn(void *arg, struct http_request *r, struct http_response *a);
/* Sends bytes. */
typedef void http_write_fn(void *arg, const char *bytes, size_t len);

/* Reads the request and has it answered. read's and answer's first arguments are read_arg and answer_arg. */
void http_exchange_run(struct http_exchange *x, char **params, http_read_fn *read, void *read_arg,
		       http_answer_fn *answer, void *answer_arg);
/* Sends the answer; without memory for it, one that says so. The params are still there. */
void http_exchange_write(const struct http_exchange *x, http_write_fn *write, void *arg);
void http_exchange_end(struct http_exchange *x);

#endif
