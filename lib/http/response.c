#include "http/response.h"

#include <string.h>

#define FIELDS_MAX (64u << 10) /* Location repeats the target, which the web server bounds far below */

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

const char http_server_error[] = "{\"detail\":\"Internal Server Error\"}";

const char *
http_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

void
http_response_init(struct http_response *a, void *ctx)
{
	buf_init(&a->fields, ctx, FIELDS_MAX);
	http_response_fail(a);
}

void
http_response_fail(struct http_response *a)
{
	buf_clear(&a->fields);
	a->status = HTTP_SERVER_ERROR;
	a->type = NULL;
	a->body = http_server_error;
	a->body_len = strlen(http_server_error);
}

static void
put_field(struct buf *b, const char *name, const char *value)
{
	buf_puts(b, name);
	buf_puts(b, ": ");
	buf_puts(b, value);
	buf_puts(b, "\r\n");
}

void
http_response_field(struct http_response *a, const char *name, const char *value)
{
	/* It may be of the request: a line of its own must not become a field, whatever the web server let through. */
	a->fields.failed = a->fields.failed || strpbrk(value, "\r\n");
	put_field(&a->fields, name, value);
}

void
http_response_head(const struct http_response *a, struct buf *head)
{
	head->failed = head->failed || a->fields.failed;
	buf_puts(head, "Status: ");
	buf_put_i64(head, a->status);
	buf_putc(head, ' ');
	buf_puts(head, http_reason(a->status));
	buf_puts(head, "\r\n");
	if (a->body)
		put_field(head, "Content-Type", a->type ? a->type : "application/json");
	if (a->status != HTTP_NOT_MODIFIED) {
		buf_puts(head, "Content-Length: ");
		buf_put_i64(head, (int64_t)a->body_len);
		buf_puts(head, "\r\n");
	}
	if (a->fields.len)
		buf_put(head, a->fields.data, a->fields.len);
	buf_puts(head, "\r\n");
}
