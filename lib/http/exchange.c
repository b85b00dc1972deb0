#include "http/exchange.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "base/log.h"

#define REQUEST_POOL (32u << 10)
#define HEAD_MAX (66u << 10)

void
http_exchange_run(struct http_exchange *x, char **params, http_read_fn *read, void *read_arg,
		  http_answer_fn *answer, void *answer_arg)
{
	*x = (struct http_exchange){ .ctx = talloc_pool(NULL, REQUEST_POOL) };
	http_response_init(&x->response, x->ctx);
	buf_init(&x->head, x->ctx, HEAD_MAX);
	x->failed = http_request_init(&x->request, x->ctx, params, read, read_arg) != RC_OK;
	if (!x->failed) {
		answer(answer_arg, &x->request, &x->response);
		x->answered = true;
		http_response_head(&x->response, &x->head);
		x->failed = x->head.failed;
	}
	if (!x->failed)
		return;
	x->response.status = HTTP_SERVER_ERROR; /* for who logs it */
	log_error("request.no_memory", log_text("request_id", x->answered ? NULL : x->request.request_id));
}

static bool
is_head(const struct http_exchange *x)
{
	const char *method = http_param(&x->request, "REQUEST_METHOD", NULL);

	return method && strcmp(method, "HEAD") == 0;
}

/* The last resort. */
static void
write_failure(const struct http_exchange *x, http_write_fn *write, void *arg)
{
	char head[256];
	int len = snprintf(head, sizeof head,
			   "Status: %d %s\r\n"
			   "Content-Type: application/json\r\n"
			   "Content-Length: %zu\r\n"
			   "X-Request-ID: %s\r\n\r\n",
			   HTTP_SERVER_ERROR, http_reason(HTTP_SERVER_ERROR), strlen(http_server_error),
			   x->request.request_id);

	write(arg, head, (size_t)len);
	if (!is_head(x))
		write(arg, http_server_error, strlen(http_server_error));
}

void
http_exchange_write(const struct http_exchange *x, http_write_fn *write, void *arg)
{
	if (x->failed) {
		write_failure(x, write, arg);
		return;
	}
	write(arg, x->head.data, x->head.len);
	if (x->response.body && !is_head(x))
		write(arg, x->response.body, x->response.body_len);
}

void
http_exchange_end(struct http_exchange *x)
{
	talloc_free(x->ctx);
	x->ctx = NULL;
}
