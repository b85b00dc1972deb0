/* Paths and methods, the order of checks, X-Request-ID, the web server's own errors. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/server.h"

SHARED_POOL();

Test(routing, answers_404_to_what_is_no_path_of_the_service)
{
	static const char *const targets[] = {
		"/",
		"/api",
		"/api/v1",
		"/api/v1/",
		"/api/v1/order",
		"/api/v1/orderss",
		"/api/v1/orders/1/2",
		"/api/v1/orders/1/status/x",
		"/api/v1/orders/1/stat",
		"/API/v1/orders",
		"/api/v1/Orders",
		"/api//v1/orders",
		"/api/v1//orders",
		"//api/v1/orders",
		"/api/v1/orders//",
		"/api/v1/orders//status",
		"/health//",
		"/healthz",
		"/Health",
		"/ready/x",
		"/statuss",
		"/index.html",
		/* nothing is decoded or normalised */
		"/api/v1/%6Frders",
		"/api/v1/orders%2F1",
		"/%68ealth",
		"/health%3F",
		"/api/v1/./orders",
		"/api/v1/x/../orders",
		"/./health",
		"/health;x=1",
		"/health%00",
		"/api/v1/orders%3Fskip=1",
		"/%zz",
		"/../health",
		/* that web servers know something of themselves */
		"/.htaccess",
		"/server-status",
		"/icons/",
		"/errors/404.html",
		"/orders.fcgi",
	};
	static const char *const methods[] = { "GET", "POST", "PATCH", "DELETE" };

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		const struct difference *own = server_difference(targets[i]);

		for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
			struct answer a = ASK(pool_shared(), .method = methods[m], .target = targets[i]);

			EXPECT_DETAIL_ROW(text("%s %s", methods[m], targets[i]), a, own ? own->status : 404,
					  own ? own->detail : "Not Found");
		}
	}
}

Test(routing, answers_405_with_Allow_to_other_methods)
{
	static const struct {
		const char *target, *allow, *refused[8];
	} rows[] = {
		{ "/api/v1/orders", "GET, HEAD, POST", { "PUT", "PATCH", "DELETE", "OPTIONS" } },
		{ "/api/v1/orders?skip=1", "GET, HEAD, POST", { "DELETE" } },
		{ "/api/v1/orders/1", "GET, HEAD", { "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } },
		{ "/api/v1/orders/x", "GET, HEAD", { "DELETE" } },
		{ "/api/v1/orders/1/status", "PATCH", { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS" } },
		{ "/health", "GET, HEAD", { "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } },
		{ "/ready", "GET, HEAD", { "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } },
		{ "/metrics", "GET, HEAD", { "POST", "DELETE" } },
		{ "/status", "GET, HEAD", { "POST", "DELETE" } },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t m = 0; rows[i].refused[m]; m++) {
			const char *reason = text("%s %s", rows[i].refused[m], rows[i].target);
			struct answer a = ASK(pool_shared(), .method = rows[i].refused[m],
					      .target = rows[i].target);

			if (strcmp(rows[i].refused[m], "HEAD") == 0)
				EXPECT_ROW(reason, a, 405, "");
			else
				EXPECT_DETAIL_ROW(reason, a, 405, "Method Not Allowed");
			cr_expect(differs(field(&a, "Allow"), rows[i].allow) == NULL, "%s: Allow: %s", reason,
				  field(&a, "Allow"));
		}
}

Test(routing, redirects_a_trailing_slash_away)
{
	static const struct {
		const char *method, *target, *location;
	} rows[] = {
		{ "GET", "/health/", "/health" },
		{ "HEAD", "/health/", "/health" },
		{ "GET", "/ready/", "/ready" },
		{ "GET", "/api/v1/orders/", "/api/v1/orders" },
		{ "POST", "/api/v1/orders/", "/api/v1/orders" },
		{ "GET", "/api/v1/orders/?skip=5&limit=2", "/api/v1/orders?skip=5&limit=2" },
		{ "GET", "/api/v1/orders/?", "/api/v1/orders?" },
		{ "GET", "/api/v1/orders/?next=/a/", "/api/v1/orders?next=/a/" },
		{ "GET", "/api/v1/orders/7/", "/api/v1/orders/7" },
		{ "GET", "/api/v1/orders/x%2f/", "/api/v1/orders/x%2f" },
		{ "PATCH", "/api/v1/orders/7/status/", "/api/v1/orders/7/status" },
		{ "DELETE", "/api/v1/orders/7/status/", "/api/v1/orders/7/status" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *reason = text("%s %s", rows[i].method, rows[i].target);
		struct answer a = ASK(pool_shared(), .method = rows[i].method, .target = rows[i].target);

		EXPECT_ROW(reason, a, 307, "");
		cr_expect(differs(field(&a, "Location"), rows[i].location) == NULL, "%s: Location: %s",
			  reason, field(&a, "Location"));
	}
}

static bool
knows_its_neighbours(void *arg)
{
	struct answer a = ASK(pool_shared(), .target = "/ready");

	(void)arg;
	return a.status == 200 && !strstr(a.body, "unknown");
}

Test(routing, serves_HEAD_where_GET_works)
{
	int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 2);
	const char *const targets[] = {
		"/health",
		"/ready",
		"/api/v1/orders",
		order_target(order_id),
		/* errors too */
		"/nowhere",
		"/api/v1/orders/x",
		"/api/v1/orders?limit=x",
	};
	static const char *const fields[] = { "Content-Type", "Content-Length", "Cache-Control" };

	cr_assert(wait_until(10000, knows_its_neighbours, NULL), "/ready would change between two requests");
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		struct answer get = ASK(pool_shared(), .target = targets[i], .token = token_of(user));
		struct answer head = ASK(pool_shared(), .method = "HEAD", .target = targets[i],
					 .token = token_of(user));

		cr_expect(head.status == get.status, "%s: %d and %d", targets[i], head.status, get.status);
		cr_expect(head.body_len == 0 && get.body_len > 0, "%s: a body of %zu bytes", targets[i],
			  head.body_len);
		for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
			const char *a = field(&head, fields[f]), *b = field(&get, fields[f]);

			cr_expect(a && b ? strcmp(a, b) == 0 : a == b, "%s: %s: %s and %s", targets[i],
				  fields[f], a, b);
		}
	}
}

Test(routing, answers_with_the_requests_own_id_or_a_new_one)
{
	static const struct {
		const char *id;
		bool kept;
	} rows[] = {
		{ "a", true },
		{ "0", true },
		{ "Order.2026_02-24", true },
		{ "---", true },
		{ "1234567890123456789012345678901234567890123456789012345678901234", true },	/* 64 */
		{ "12345678901234567890123456789012345678901234567890123456789012345", false }, /* 65 */
		{ "", false },
		{ "a b", false },
		{ "a/b", false },
		{ "a,b", false },
		{ "a\"b", false },
		{ "a<b>", false },
		{ "{{7*7}}", false },
		{ "caf\xc3\xa9", false },
	};
	const char *last = "";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = ASK(pool_shared(), .target = "/health",
				      .fields = text("X-Request-ID: %s\r\n", rows[i].id));
		const char *id = field(&a, "X-Request-ID");

		EXPECT_ROW(rows[i].id, a, 200, "{\"status\":\"healthy\"}");
		cr_assert_not_null(id, "%s", rows[i].id);
		cr_expect((strcmp(id, rows[i].id) == 0) == rows[i].kept, "%s became %s", rows[i].id, id);
		cr_expect(
			strlen(id) > 0 && strlen(id) <= 64 &&
				strspn(id,
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
					strlen(id),
			"%s", id);
		cr_expect(strcmp(id, last) != 0, "the same id twice: %s", id);
		last = id;
	}
}

Test(routing, checks_in_the_contracts_order)
{
	struct pool *p = pool_shared();
	int64_t owner = new_user(), other = new_user(), order_id = place_order(p, owner, 3, 1);
	size_t huge = (1u << 20) + 1;
	char *body = text("%*s", (int)huge, "");
	const struct {
		int status;
		struct ask ask;
		const char *detail, *reason;
	} rows[] = {
		{ 404,
		  { .method = "POST", .target = "/api/v1/nothing", .body = body, .type = "text/plain" },
		  "Not Found",
		  "404 before 401" },
		{ 405,
		  { .method = "PUT", .target = "/api/v1/orders", .body = body, .type = "text/plain" },
		  "Method Not Allowed",
		  "405 before 401" },
		{ 401,
		  { .target = "/api/v1/orders", .body = body, .type = "text/plain" },
		  "Not authenticated",
		  "401 before 413 and 415" },
		{ 401,
		  { .method = "PATCH",
		    .target = "/api/v1/orders/x/status",
		    .body = body,
		    .type = "text/plain",
		    .token = "x" },
		  "Could not validate credentials",
		  "401 before 413, 415 and 422" },
		{ 413,
		  { .target = "/api/v1/orders",
		    .body = body,
		    .type = "text/plain",
		    .token = token_of(other) },
		  "Request body too large",
		  "413 before 415" },
		{ 413,
		  { .method = "PATCH",
		    .target = status_target(order_id),
		    .body = body,
		    .type = "text/plain",
		    .token = token_of(other) },
		  "Request body too large",
		  "413 before 415 and 404" },
		{ 415,
		  { .target = "/api/v1/orders", .body = "{", .type = "text/plain", .token = token_of(other) },
		  "Unsupported Media Type",
		  "415 before 422" },
		{ 415,
		  { .target = "/api/v1/orders",
		    .body = "\xff",
		    .type = "text/plain",
		    .token = token_of(other) },
		  "Unsupported Media Type",
		  "415 before 400" },
		{ 415,
		  { .target = "/api/v1/orders",
		    .body = "{}",
		    .type = "text/plain",
		    .token = token_of(other),
		    .key = "a b" },
		  "Unsupported Media Type",
		  "415 before 400 of the key" },
		{ 400,
		  { .method = "PATCH",
		    .target = status_target(order_id),
		    .body = "\xff",
		    .token = token_of(other) },
		  "There was an error parsing the body",
		  "400 before 404" },
		{ 404,
		  { .method = "PATCH",
		    .target = status_target(order_id),
		    .body = "{\"status\":\"delivered\"}",
		    .token = token_of(other) },
		  text("Order %lld not found", (long long)order_id),
		  "404 before the 400 of the step" },
	};
	struct answer a;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = pool_ask(p, &rows[i].ask);
		EXPECT_DETAIL_ROW(rows[i].reason, a, rows[i].status, rows[i].detail);
	}
	a = ASK(p, .method = "PATCH", .target = status_target(order_id), .body = "{}",
		.token = token_of(other));
	cr_expect(a.status == 422, "422 before 404: %d %s", a.status, a.body);
	a = ASK(p, .target = "/api/v1/orders/", .body = body, .type = "text/plain");
	cr_expect(a.status == 307, "307 before 401: %d %s", a.status, a.body);
}

Test(routing, answers_in_JSON_where_the_web_server_itself_refuses)
{
	int port = pool_shared()->port;
	char *field_16k = text("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: %0*d\r\n\r\n", 20000, 0);
	const struct {
		const char *bytes;
		int status;
		const char *detail, *reason;
	} rows[] = {
		{ "GET /health HTTP/1.1\r\n\r\n", 400, "Bad Request", "no Host" },
		{ "GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "Bad Request", "two Hosts" },
		{ "GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request", "no target" },
		{ "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "Bad Request",
		  "a length that is no number" },
		{ "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n", 413,
		  "Request body too large", "a body of 3 MB announced" },
		{ field_16k, 431, "Request Header Fields Too Large", "a field of 20,000 bytes" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct difference *own = server_difference(rows[i].reason);
		struct exchange x = bytes_send(port, rows[i].bytes, strlen(rows[i].bytes));
		struct answer a = ask_receive(&x, 10000);

		EXPECT_DETAIL_ROW(rows[i].reason, a, own ? own->status : rows[i].status,
				  own ? own->detail : rows[i].detail);
	}
}

Test(routing, takes_a_chunked_body)
{
	const char *request = text(
		"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\n{\"ite\r\n27\r\nms\":[{\"product_id\":3,\"quantity\":2}]}   \r\n0\r\n\r\n",
		token_of(new_user()));
	struct exchange x = bytes_send(pool_shared()->port, request, strlen(request));
	struct answer a = ask_receive(&x, 10000);

	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	cr_expect(differs(json_get(a.body, "total_amount"), "91.00") == NULL, "%s", a.body);
}

Test(routing, is_not_held_up_by_half_a_request)
{
	struct pool *p = pool_shared();
	const char *half = "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			   "Content-Length: 100\r\n\r\n{\"items\":";
	struct exchange halves[12];
	struct answer a;

	NEEDS(WAITS_FOR_BODIES);
	for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
		halves[i] = bytes_send(p->port, half, strlen(half));
	a = ASK(p, .target = "/health");
	EXPECT(a, 200, "{\"status\":\"healthy\"}");
	cr_expect(a.ms < 2000, "%lld ms", (long long)a.ms);
	for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
		(void)close(halves[i].fd);
}
