/* An answer while it is being built. */
#include "http/response.h"

#include "table.h"

static void *ctx;
static struct http_response a;
static struct buf head;

static void
open_response(void)
{
	ctx = talloc_new(NULL);
	http_response_init(&a, ctx);
	buf_init(&head, ctx, 4096);
}

static void
close_response(void)
{
	talloc_free(ctx);
}

TestSuite(response, .init = open_response, .fini = close_response);

Test(response, is_a_server_error_until_somebody_says_otherwise)
{
	http_response_head(&a, &head);
	expect_text(head.data,
		    "Status: 500 Internal Server Error\r\nContent-Type: application/json\r\n"
		    "Content-Length: 34\r\n\r\n",
		    "head");
	expect_text(a.body, "{\"detail\":\"Internal Server Error\"}", "body");
}

Test(response, has_a_head_as_rfc_3875_writes_it)
{
	a.status = HTTP_CREATED;
	a.body = "{}";
	a.body_len = 2;
	http_response_field(&a, "Location", "/api/v1/orders/20");
	http_response_field(&a, "Empty", "");
	http_response_head(&a, &head);
	cr_expect_not(head.failed);
	expect_text(head.data,
		    "Status: 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
		    "Location: /api/v1/orders/20\r\nEmpty: \r\n\r\n",
		    "head");
}

Test(response, says_what_its_body_is_until_it_fails)
{
	a.status = HTTP_OK;
	a.type = "text/html; charset=utf-8";
	a.body = "x";
	a.body_len = 1;
	http_response_head(&a, &head);
	expect_text(head.data,
		    "Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 1\r\n\r\n",
		    "head");
	http_response_fail(&a);
	buf_clear(&head);
	http_response_head(&a, &head);
	cr_expect(strstr(head.data, "\r\nContent-Type: application/json\r\n"));
}

Test(response, has_no_field_of_two_lines)
{
	static const char *const values[] = { "/x?\r\nSet-Cookie: a=b", "/x?\nSet-Cookie: a=b",
					      "/x?\rSet-Cookie: a=b" };

	for (size_t i = 0; i < ROWS(values); i++) {
		http_response_fail(&a);
		head.failed = false;
		http_response_field(&a, "Location", values[i]);
		http_response_head(&a, &head);
		cr_expect(head.failed, "%s", values[i]);
	}
}

Test(response, without_a_body_has_no_type)
{
	a.status = HTTP_TEMPORARY_REDIRECT;
	a.body = NULL;
	a.body_len = 0;
	http_response_field(&a, "Location", "/x");
	http_response_head(&a, &head);
	expect_text(head.data, "Status: 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n",
		    "head");
}

Test(response, that_is_a_304_says_nothing_of_a_length)
{
	a.status = HTTP_NOT_MODIFIED;
	a.body = NULL;
	a.body_len = 0;
	http_response_field(&a, "ETag", "\"2\"");
	http_response_head(&a, &head);
	expect_text(head.data, "Status: 304 Not Modified\r\nETag: \"2\"\r\n\r\n", "head");
}

Test(response, knows_the_reasons_of_rfc_9110)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = {
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
		{ 599, "Unknown" },
		{ 0, "Unknown" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(http_reason(rows[i].status), rows[i].reason, "reason");
}

Test(response, says_when_its_fields_have_no_room)
{
	for (int i = 0; i < 2000; i++)
		http_response_field(&a, "X-Something", "a value of some length");
	cr_expect(a.fields.failed);
}
