/* The Product Service: what it is asked, what it may answer, and what comes of its faults. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"
#include "support/peer.h"
#include "support/server.h"

#define TIMEOUT "Product service request timed out"
#define DOWN "Product service unavailable"
#define INVALID "Product service returned an invalid response"
#define GOOD_ID 900

static struct peer products;
static struct pool pool;

static void
start(const struct pool_options *options)
{
	struct pool_options o = *options;

	products = peer_start(NULL);
	o.products = products.port;
	pool = pool_start(&o);
	peer_sells(&products, GOOD_ID, "1.00", 1000000);
}

static void
stop(void)
{
	cr_expect(pool_stop(&pool));
	peer_stop(&products);
}

/* An order of one of each of these products. */
static const char *
one_of_each(const int *ids, size_t n)
{
	char *body = text("{\"items\":[");

	for (size_t i = 0; i < n; i++)
		body = text("%s%s{\"product_id\":%d,\"quantity\":1}", body, i ? "," : "", ids[i]);
	return text("%s]}", body);
}

#define ORDER_OF(...)                                                                                        \
	one_of_each((const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static struct answer
create(const char *body)
{
	return ASK(&pool, .target = "/api/v1/orders", .token = token_of(9), .body = body);
}

/* An order that goes well, so that the next fault is the first in a row. */
static void
recover(void)
{
	struct answer a = create(ORDER_OF(GOOD_ID));

	cr_assert(a.status == 201, "%d %s", a.status, a.body);
}

struct fault {
	struct peer_rule rule;
	int status;
	const char *detail;
	const char *reason;
};

static void
expect_faults(const struct fault *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct answer a;

		peer_on(&products, product_target((int64_t)i + 1), &rows[i].rule);
		a = create(ORDER_OF((int)i + 1));
		EXPECT_DETAIL_ROW(rows[i].reason, a, rows[i].status, rows[i].detail);
		cr_expect(a.ms < 5000, "%s: %lld ms", rows[i].reason, (long long)a.ms);
		recover();
	}
}

Test(products, judges_the_status_of_the_answer)
{
	static const struct {
		int product, answer;
		const char *detail;
	} rows[] = {
		{ 204, 502, INVALID }, { 201, 502, INVALID }, { 206, 502, INVALID }, { 301, 502, INVALID },
		{ 302, 502, INVALID }, { 307, 502, INVALID }, { 400, 502, INVALID }, { 401, 502, INVALID },
		{ 403, 502, INVALID }, { 410, 502, INVALID }, { 422, 502, INVALID }, { 429, 502, INVALID },
		{ 500, 503, DOWN },    { 501, 503, DOWN },    { 502, 503, DOWN },    { 503, 503, DOWN },
		{ 504, 503, DOWN },    { 599, 503, DOWN },
	};

	start(&(const struct pool_options){ .workers = 1 });
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int id = (int)i + 1;
		struct answer a;

		PEER_ON(&products, product_target(id), .act = PEER_ANSWER,
			.bytes =
				rows[i].product == 204
					? "HTTP/1.1 204 No Content\r\n\r\n"
					: http_json(
						  rows[i].product,
						  text("{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}",
						       id)));
		a = create(ORDER_OF(id));
		EXPECT_DETAIL_ROW(text("%d", rows[i].product), a, rows[i].answer, rows[i].detail);
		recover();
	}
	PEER_ON(&products, product_target(99), .act = PEER_ANSWER,
		.bytes = http_json(404, "<html>no JSON</html>"));
	struct answer a = create(ORDER_OF(99));

	EXPECT_DETAIL(a, 404, "Product 99 not found");
	stop();
}

Test(products, does_not_follow_redirects)
{
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	PEER_ON(&products, product_target(1), .act = PEER_ANSWER,
		.bytes = text(
			"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d%s\r\nContent-Length: 0\r\n\r\n",
			products.port, product_target(2)));
	peer_sells(&products, 2, "1", 1);
	a = create(ORDER_OF(1));
	EXPECT_DETAIL(a, 502, INVALID);
	cr_expect(peer_count(&products, product_target(2)) == 0, "it was followed");
	stop();
}

Test(products, survives_whatever_comes_instead_of_an_answer)
{
	static const char half[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":1,\"name\":\"P\",\"price\":1,\"stock";
	const char *blanks = text("%*s", 1000, "");
	const struct fault rows[] = {
		{ { .act = PEER_RESET }, 503, DOWN, "a reset" },
		{ { .act = PEER_CLOSE }, 503, DOWN, "a closed connection" },
		{ { .act = PEER_RESET, .bytes = "HTTP/1.1 200 OK\r\nContent-Le" },
		  503,
		  DOWN,
		  "a reset in the head" },
		{ { .act = PEER_RESET, .bytes = half }, 503, DOWN, "a reset in the body" },
		{ { .act = PEER_CLOSE, .bytes = half }, 503, DOWN, "a body cut short" },
		{ { .act = PEER_CLOSE,
		    .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":" },
		  503,
		  DOWN,
		  "a chunk cut short" },
		{ { .act = PEER_CLOSE,
		    .bytes =
			    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"id\":1,\"name\":\"P\",\"price\":1}" },
		  502,
		  INVALID,
		  "a Content-Length that is too small" },
		{ { .act = PEER_CLOSE, .bytes = "220 mail.example ESMTP\r\n" },
		  502,
		  INVALID,
		  "another protocol" },
		{ { .act = PEER_CLOSE, .bytes = "HTTP/1.1 200 OK\r\n\r\n" }, 502, INVALID, "no body" },
		{ { .act = PEER_ANSWER, .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
		  502,
		  INVALID,
		  "an empty body" },
		{ { .act = PEER_ENDLESS,
		    .bytes = "HTTP/1.1 200 OK\r\n\r\n{\"id\":1,\"x\":\"",
		    .fill = blanks },
		  502,
		  INVALID,
		  "a body without end" },
		{ { .act = PEER_ENDLESS,
		    .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n{\"id\":1,\"x\":\"",
		    .fill = blanks },
		  502,
		  INVALID,
		  "64 MiB announced" },
		{ { .act = PEER_ENDLESS,
		    .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		    .fill = text("3E8\r\n%s\r\n", blanks) },
		  502,
		  INVALID,
		  "chunks without end" },
		{ { .act = PEER_ENDLESS,
		    .bytes = "HTTP/1.1 200 OK\r\n",
		    .fill = "X-Field: and another one, for ever and ever\r\n" },
		  502,
		  INVALID,
		  "a head without end" },
	};

	start(&(const struct pool_options){ .workers = 1 });
	expect_faults(rows, sizeof rows / sizeof *rows);
	stop();
}

Test(products, takes_a_body_of_1_MiB_and_no_more)
{
	size_t head = strlen("{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}");
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	/* Blanks behind the document, by PEER_ENDLESS until curl has what was announced. */
	PEER_ON(&products, product_target(1), .act = PEER_ENDLESS,
		.bytes =
			"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}",
		.fill = text("%*s", 512, ""));
	a = create(ORDER_OF(1));
	cr_expect(a.status == 201, "%d %s (%zu)", a.status, a.body, head);
	PEER_ON(&products, product_target(1), .act = PEER_ENDLESS,
		.bytes =
			"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}",
		.fill = text("%*s", 512, ""));
	a = create(ORDER_OF(1));
	EXPECT_DETAIL(a, 502, INVALID);
	stop();
}

Test(products, takes_prices_that_are_exact_amounts_and_no_others)
{
	static const struct {
		const char *price, *amount; /* NULL: 502 */
	} rows[] = {
		{ "45.5", "45.50" },
		{ "45", "45.00" },
		{ "45.50", "45.50" },
		{ "0", "0.00" },
		{ "0.00", "0.00" },
		{ "0.01", "0.01" },
		{ "45.5000000000000000000000000000000", "45.50" },
		{ "4.55e1", "45.50" },
		{ "4.55E+1", "45.50" },
		{ "4550e-2", "45.50" },
		{ "1e-2", "0.01" },
		{ "100e-4", "0.01" },
		{ "1e9", "1000000000.00" },
		{ "0e-9", "0.00" },
		{ "0.0e5", "0.00" },
		{ "9999999999.99", "9999999999.99" },
		{ "999999999999e-2", "9999999999.99" },
		{ "\"45.50\"", "45.50" },
		{ "\"45\"", "45.00" },
		{ "\"45.5\"", "45.50" },
		{ "\"0.01\"", "0.01" },
		{ "\"00045.50\"", "45.50" },
		{ "\"45.50000\"", "45.50" },
		{ "\"9999999999.99\"", "9999999999.99" },
		{ "45.505", NULL },
		{ "0.001", NULL },
		{ "45.5000000000000000000000000000001", NULL },
		{ "1e-3", NULL },
		{ "4.555e1", "45.55" },
		{ "4.5555e1", NULL },
		{ "-0.01", NULL },
		{ "-1", NULL },
		{ "10000000000", NULL },
		{ "10000000000.00", NULL },
		{ "9999999999.991", NULL },
		{ "1e10", NULL },
		{ "1e400", NULL },
		{ "1e-400", NULL },
		{ "1e99999999999999999999", NULL },
		{ "12345678901234567890123456789", NULL },
		{ "\"-1\"", NULL },
		{ "\"+1\"", NULL },
		{ "\"1e1\"", NULL },
		{ "\"\"", NULL },
		{ "\".\"", NULL },
		{ "\" 1\"", NULL },
		{ "\"1 \"", NULL },
		{ "\"1,5\"", NULL },
		{ "\"1.2.3\"", NULL },
		{ "\"0x1\"", NULL },
		{ "\"NaN\"", NULL },
		{ "\"Infinity\"", NULL },
		{ "\"45.505\"", NULL },
		{ "\"10000000000\"", NULL },
		{ "\"\xd9\xa1\"", NULL },
		{ "null", NULL },
		{ "true", NULL },
		{ "[45.5]", NULL },
		{ "{\"amount\":45.5}", NULL },
		{ "NaN", NULL },
		{ "Infinity", NULL },
		{ "+1", NULL },
		{ "01", NULL },
		{ "1.", NULL },
		{ ".5", NULL },
		{ "0x10", NULL },
		{ "1_000", NULL },
	};

	start(&(const struct pool_options){ .workers = 1 });
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int id = (int)i + 1;
		struct answer a;

		peer_sells(&products, id, rows[i].price, 10);
		a = create(ORDER_OF(id));
		if (!rows[i].amount) {
			EXPECT_DETAIL_ROW(rows[i].price, a, 502, INVALID);
			continue;
		}
		cr_expect(a.status == 201, "%s: %d %s", rows[i].price, a.status, a.body);
		cr_expect(differs(json_get(a.body, "items.0.product_price"), rows[i].amount) == NULL,
			  "%s: %s", rows[i].price, a.body);
	}
	stop();
}

Test(products, takes_a_product_and_nothing_else)
{
	const char *long_name = text("%0255d", 0), *wide_name = "";
	const struct {
		const char *body; /* %d: the product's id */
		int status;
		const char *reason;
	} rows[] = {
		{ "{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 201, "a product" },
		{ " \r\n\t{ \"id\" : %d , \"name\" : \"P\" , \"price\" : 1 , \"stock_quantity\" : 9 } \n",
		  201, "white space" },
		{ "{\"x\":{\"id\":7},\"stock_quantity\":9,\"price\":1,\"name\":\"P\",\"tags\":[1,[2]],\"id\":%d}",
		  201, "more of it" },
		{ "{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":99999999999999999999}", 201,
		  "more stock than 64 bits" },
		{ "{\"id\":1000%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 502, "another id" },
		{ "{\"id\":\"%d\",\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 502,
		  "an id that is a string" },
		{ "{\"id\":%d.5,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 502,
		  "an id with a fraction" },
		{ "{\"id\":-%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 502, "a negative id" },
		{ "{\"id\":null,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 502,
		  "an id that is null" },
		{ "{\"name\":\"P\",\"price\":1,\"stock_quantity\":9}", 502, "no id" },
		{ "{\"id\":%d,\"price\":1,\"stock_quantity\":9}", 502, "no name" },
		{ "{\"id\":%d,\"name\":\"\",\"price\":1,\"stock_quantity\":9}", 502, "an empty name" },
		{ "{\"id\":%d,\"name\":null,\"price\":1,\"stock_quantity\":9}", 502, "a name that is null" },
		{ "{\"id\":%d,\"name\":5,\"price\":1,\"stock_quantity\":9}", 502, "a name that is a number" },
		{ "{\"id\":%d,\"name\":[\"P\"],\"price\":1,\"stock_quantity\":9}", 502,
		  "a name that is an array" },
		{ "{\"id\":%d,\"name\":\"P\\u0000Q\",\"price\":1,\"stock_quantity\":9}", 502,
		  "a name with a NUL" },
		{ "{\"id\":%d,\"name\":\"P\nQ\",\"price\":1,\"stock_quantity\":9}", 502,
		  "a name with a raw line feed" },
		{ "{\"id\":%d,\"name\":\"P\xff\",\"price\":1,\"stock_quantity\":9}", 502,
		  "a name that is not UTF-8" },
		{ "{\"id\":%d,\"name\":\"P\",\"stock_quantity\":9}", 502, "no price" },
		{ "{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9", 502,
		  "an object that does not end" },
		{ "{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9,}", 502, "a comma at the end" },
		{ "{'id':%d,'name':'P','price':1,'stock_quantity':9}", 502, "single quotes" },
		{ "{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}{}", 502, "two documents" },
		{ "[{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}]", 502, "an array" },
		{ "{\"data\":{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}}", 502,
		  "a product further down" },
		{ "null", 502, "null" },
		{ "\"%d\"", 502, "a string" },
		{ "<html>Product %d</html>", 502, "HTML" },
	};
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *at = strstr(rows[i].body, "%d");
		int id = (int)i + 1;

		peer_product(&products, id,
			     at ? text("%.*s%d%s", (int)(at - rows[i].body), rows[i].body, id, at + 2)
				: rows[i].body);
		a = create(ORDER_OF(id));
		if (rows[i].status == 201)
			cr_expect(a.status == 201, "%s: %d %s", rows[i].reason, a.status, a.body);
		else
			EXPECT_DETAIL_ROW(rows[i].reason, a, 502, INVALID);
	}
	for (int i = 0; i < 255; i++)
		wide_name = text("%s\xf0\x9f\x8c\xb6", wide_name);
	peer_product(&products, 500,
		     text("{\"id\":500,\"name\":\"%s\",\"price\":1,\"stock_quantity\":9}", long_name));
	peer_product(&products, 501,
		     text("{\"id\":501,\"name\":\"%s\",\"price\":1,\"stock_quantity\":9}", wide_name));
	peer_product(&products, 502,
		     text("{\"id\":502,\"name\":\"%sx\",\"price\":1,\"stock_quantity\":9}", long_name));
	peer_product(&products, 503,
		     text("{\"id\":503,\"name\":\"%sx\",\"price\":1,\"stock_quantity\":9}", wide_name));
	a = create(ORDER_OF(500));
	cr_expect(a.status == 201 && !differs(json_get(a.body, "items.0.product_name"), long_name),
		  "255 letters: %s", a.body);
	a = create(ORDER_OF(501));
	cr_expect(a.status == 201 && !differs(json_get(a.body, "items.0.product_name"), wide_name),
		  "255 wide ones: %s", a.body);
	a = create(ORDER_OF(502));
	EXPECT_DETAIL(a, 502, INVALID);
	a = create(ORDER_OF(503));
	EXPECT_DETAIL(a, 502, INVALID);
	stop();
}

Test(products, takes_absent_stock_for_none)
{
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	peer_product(&products, 1, "{\"id\":1,\"name\":\"P\",\"price\":1}");
	a = create("{\"items\":[{\"product_id\":1,\"quantity\":5}]}");
	EXPECT_DETAIL(a, 400, "Insufficient stock for product 1. Available: 0, requested: 5");
	peer_sells(&products, 2, "1", 3);
	a = create("{\"items\":[{\"product_id\":2,\"quantity\":5}]}");
	EXPECT_DETAIL(a, 400, "Insufficient stock for product 2. Available: 3, requested: 5");
	stop();
}

Test(products, is_unavailable_when_nobody_listens_and_available_again_afterwards)
{
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	peer_set_down(&products, true);
	a = create(ORDER_OF(GOOD_ID));
	EXPECT_DETAIL(a, 503, DOWN);
	peer_set_down(&products, false);
	recover();
	stop();
}

Test(products, must_answer_within_one_deadline_for_all_of_them)
{
	int twenty[20];
	struct answer a;

	start(&(const struct pool_options){ .workers = 1, .settings = { "PRODUCT_SERVICE_TIMEOUT=0.6" } });
	PEER_ON(&products, product_target(1), .act = PEER_HANG);
	a = create(ORDER_OF(1));
	EXPECT_DETAIL(a, 504, TIMEOUT);
	cr_expect(a.ms >= 590 && a.ms < 2500, "hanging: %lld ms", (long long)a.ms);
	recover();
	PEER_ON(&products, product_target(2), .act = PEER_HANG,
		.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":2,");
	a = create(ORDER_OF(2));
	EXPECT_DETAIL(a, 504, TIMEOUT);
	recover();
	PEER_ON(&products, product_target(3), .act = PEER_DRIP, .delay_ms = 40,
		.bytes = http_json(200, "{\"id\":3,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	a = create(ORDER_OF(3));
	EXPECT_DETAIL(a, 504, TIMEOUT);
	cr_expect(a.ms >= 590 && a.ms < 2500, "dripping: %lld ms", (long long)a.ms);
	recover();
	for (int i = 0; i < 20; i++) { /* two rounds of 16 side by side, each in time by itself */
		twenty[i] = 100 + i;
		PEER_ON(&products, product_target(100 + i), .act = PEER_ANSWER, .delay_ms = 400,
			.bytes = http_json(200,
					   text("{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}",
						100 + i)));
	}
	a = create(one_of_each(twenty, 20));
	EXPECT_DETAIL(a, 504, TIMEOUT);
	recover();
	a = create(one_of_each(twenty, 5));
	cr_expect(a.status == 201, "five of them: %d %s", a.status, a.body);
	stop();
}

Test(products, has_the_first_fault_in_the_requests_order_decide)
{
	enum { MISSING = 10, EMPTY, LATE_MISSING, LATE_GOOD, BROKEN, LYING, LATE_EMPTY, HANGING };
	static const struct {
		int ids[4];
		int status;
		const char *detail;
		int64_t least_ms, most_ms;
		const char *reason;
	} rows[] = {
		{ { MISSING, EMPTY }, 404, "Product 10 not found", 0, 700, "missing before sold out" },
		{ { EMPTY, MISSING },
		  400,
		  "Insufficient stock for product 11. Available: 0, requested: 1",
		  0,
		  700,
		  "and the other way" },
		{ { LATE_MISSING, EMPTY },
		  404,
		  "Product 12 not found",
		  700,
		  2000,
		  "a late first one counts" },
		{ { LATE_GOOD, MISSING },
		  404,
		  "Product 10 not found",
		  700,
		  2000,
		  "not certain until the first is known" },
		{ { GOOD_ID, MISSING, HANGING },
		  404,
		  "Product 10 not found",
		  0,
		  700,
		  "certain: nobody waits for the rest" },
		{ { MISSING, LATE_GOOD, HANGING }, 404, "Product 10 not found", 0, 700, "certain at once" },
		{ { BROKEN, MISSING }, 503, DOWN, 0, 700, "broken before missing" },
		{ { MISSING, BROKEN }, 404, "Product 10 not found", 0, 700, "missing before broken" },
		{ { LYING, BROKEN, EMPTY }, 502, INVALID, 0, 700, "lying before broken" },
		{ { GOOD_ID, LATE_EMPTY, LYING },
		  400,
		  "Insufficient stock for product 16. Available: 0, requested: 1",
		  700,
		  2000,
		  "late and sold out before lying" },
		{ { GOOD_ID, GOOD_ID, EMPTY, EMPTY },
		  400,
		  "Insufficient stock for product 11. Available: 0, requested: 2",
		  0,
		  700,
		  "the sum of both lines" },
		{ { HANGING, MISSING }, 504, TIMEOUT, 1900, 4000, "the first never answers" },
	};

	start(&(const struct pool_options){ .workers = 1, .settings = { "PRODUCT_SERVICE_TIMEOUT=2" } });
	peer_sells(&products, EMPTY, "1", 0);
	PEER_ON(&products, product_target(LATE_MISSING), .act = PEER_ANSWER, .delay_ms = 700,
		.bytes = http_json(404, "{}"));
	PEER_ON(&products, product_target(LATE_GOOD), .act = PEER_ANSWER, .delay_ms = 700,
		.bytes = http_json(200, "{\"id\":13,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	PEER_ON(&products, product_target(BROKEN), .act = PEER_RESET);
	PEER_ON(&products, product_target(LYING), .act = PEER_ANSWER, .bytes = http_json(200, "{\"id\":1}"));
	PEER_ON(&products, product_target(LATE_EMPTY), .act = PEER_ANSWER, .delay_ms = 700,
		.bytes = http_json(200, "{\"id\":16,\"name\":\"P\",\"price\":1}"));
	PEER_ON(&products, product_target(HANGING), .act = PEER_HANG);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t n = 0;
		struct answer a;

		while (n < 4 && rows[i].ids[n])
			n++;
		recover();
		a = create(one_of_each(rows[i].ids, n));
		EXPECT_DETAIL_ROW(rows[i].reason, a, rows[i].status, rows[i].detail);
		cr_expect(a.ms >= rows[i].least_ms && a.ms < rows[i].most_ms, "%s: %lld ms", rows[i].reason,
			  (long long)a.ms);
	}
	stop();
}

Test(products, fetches_each_distinct_product_once)
{
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	peer_sells(&products, 1, "1.50", 100);
	peer_sells(&products, 2, "2.25", 100);
	a = create(ORDER_OF(1, 2, 1, 1, 2, 1));
	cr_expect(a.status == 201 && !differs(json_get(a.body, "total_amount"), "10.50"), "%d %s", a.status,
		  a.body);
	cr_expect(peer_count(&products, product_target(1)) == 1, "%d times",
		  peer_count(&products, product_target(1)));
	cr_expect(peer_count(&products, product_target(2)) == 1, "%d times",
		  peer_count(&products, product_target(2)));
	stop();
}

Test(products, fetches_several_at_a_time_and_16_at_most)
{
	int ids[48];
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	for (int i = 0; i < 48; i++) {
		ids[i] = 100 + i;
		PEER_ON(&products, product_target(100 + i), .act = PEER_ANSWER, .delay_ms = 100,
			.bytes = http_json(200,
					   text("{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}",
						100 + i)));
	}
	a = create(one_of_each(ids, 48));
	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	cr_expect(a.ms < 48 * 100 / 2, "one after the other: %lld ms", (long long)a.ms);
	cr_expect(peer_most_at_once(&products) >= 2 && peer_most_at_once(&products) <= 16, "%d at once",
		  peer_most_at_once(&products));
	stop();
}

Test(products, keeps_its_connection)
{
	start(&(const struct pool_options){ .workers = 1 });
	for (int i = 0; i < 10; i++)
		recover();
	cr_expect(peer_connections(&products) == 1, "%d connections", peer_connections(&products));
	stop();
}

Test(products, opens_a_new_connection_when_the_kept_one_was_closed)
{
	start(&(const struct pool_options){ .workers = 1 });
	recover();
	peer_set_down(&products, true);
	peer_set_down(&products, false);
	recover();
	stop();
}

Test(products, gets_the_requests_id_and_trace_and_nothing_that_is_secret)
{
	const char *traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct peer_request r;
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	a = ASK(&pool, .target = "/api/v1/orders", .token = token_of(9), .key = "a-key",
		.body = ORDER_OF(GOOD_ID),
		.fields = text("X-Request-ID: my.request-7\r\ntraceparent: %s\r\nCookie: session=1\r\n",
			       traceparent));
	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	r = peer_request(&products, product_target(GOOD_ID), 0);
	cr_expect(strncmp(r.head, "GET /api/v1/products/900 HTTP/1.1\r\n", 35) == 0, "%s", r.head);
	EXPECT_TEXT(peer_field(&r, "X-Request-ID"), "my.request-7");
	EXPECT_TEXT(peer_field(&r, "traceparent"), traceparent);
	cr_expect_null(peer_field(&r, "Authorization"));
	cr_expect_null(peer_field(&r, "Cookie"));
	cr_expect_null(peer_field(&r, "Idempotency-Key"));
	a = create(ORDER_OF(GOOD_ID));
	r = peer_request(&products, product_target(GOOD_ID), 1);
	EXPECT_TEXT(peer_field(&r, "X-Request-ID"), field(&a, "X-Request-ID"));
	stop();
}

Test(products, gets_a_new_traceparent_where_the_requests_is_not_valid)
{
	static const struct {
		const char *sent;
		bool kept;
		const char *reason;
	} rows[] = {
		{ "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true, "sampled" },
		{ "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true, "not sampled" },
		{ NULL, false, "none" },
		{ "", false, "an empty one" },
		{ "00-00000000000000000000000000000000-b7ad6b7169203331-01", false, "a trace id of zeros" },
		{ "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false, "a parent id of zeros" },
		{ "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false, "version ff" },
		{ "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", false, "capitals" },
		{ "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", false, "too short" },
		{ "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", false,
		  "more behind version 00" },
		{ "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", false, "no hexadecimal digit" },
		{ "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", false, "other separators" },
		{ "hello", false, "a word" },
	};
	const char *shape = "00-<any>-<any>-0";

	start(&(const struct pool_options){ .workers = 1 });
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = ASK(
			&pool, .target = "/api/v1/orders", .token = token_of(9), .body = ORDER_OF(GOOD_ID),
			.fields = rows[i].sent ? text("traceparent: %s\r\n", rows[i].sent) : NULL);
		struct peer_request r;
		const char *got;

		cr_assert(a.status == 201, "%s: %d %s", rows[i].reason, a.status, a.body);
		r = peer_request(&products, product_target(GOOD_ID), (int)i);
		got = peer_field(&r, "traceparent");
		cr_assert_not_null(got, "%s", rows[i].reason);
		if (rows[i].kept)
			EXPECT_TEXT(got, rows[i].sent);
		else
			cr_expect(strlen(got) == 55 && strspn(got, "0123456789abcdef-") == 55 &&
					  differs(text("%.54s", got), shape) == NULL &&
					  (!rows[i].sent || strcmp(got, rows[i].sent) != 0),
				  "%s: %s", rows[i].reason, got);
	}
	stop();
}

Test(products, is_not_looked_for_where_the_client_says)
{
	struct peer proxy = peer_start(NULL);
	struct answer a;

	start(&(const struct pool_options){ .workers = 1 });
	a = ASK(&pool, .target = "/api/v1/orders", .token = token_of(9), .body = ORDER_OF(GOOD_ID),
		.fields = text("Proxy: http://127.0.0.1:%d\r\nHttp-Proxy: http://127.0.0.1:%d\r\n",
			       proxy.port, proxy.port));
	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	cr_expect(peer_connections(&proxy) == 0, "httpoxy");
	stop();
}

Test(products, is_found_below_a_path_and_behind_trailing_slashes)
{
	struct peer peer = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 1,
		.settings = { text("PRODUCT_SERVICE_URL=http://127.0.0.1:%d/shop/api//", peer.port) } });
	struct answer a;

	PEER_ON(&peer, "/shop/api/api/v1/products/5", .act = PEER_ANSWER,
		.bytes = http_json(200, "{\"id\":5,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	a = ASK(&p, .target = "/api/v1/orders", .token = token_of(9), .body = ORDER_OF(5));
	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	cr_expect(pool_stop(&p));
}

Test(products, is_spared_when_too_many_requests_wait_for_it_already)
{
	struct exchange waiting;
	struct answer a, late;
	struct ask slow = { .target = "/api/v1/orders", .token = token_of(9), .body = ORDER_OF(1) };

	NEEDS(POOL_IS_FULL);
	start(&(const struct pool_options){ .workers = 3, .settings = { "PRODUCT_MAX_WORKERS=1" } });
	PEER_ON(&products, product_target(1), .act = PEER_ANSWER, .delay_ms = 1500,
		.bytes = http_json(200, "{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	waiting = ask_send(pool.port, &slow);
	cr_assert(peer_waits_for(&products, product_target(1), 1, 5000));
	a = create(ORDER_OF(GOOD_ID));
	EXPECT_DETAIL(a, 503, DOWN);
	cr_expect(a.ms < 1000, "%lld ms", (long long)a.ms);
	cr_expect(peer_count(&products, product_target(GOOD_ID)) == 0, "it was asked all the same");
	a = ASK(&pool, .target = "/api/v1/orders", .token = token_of(8));
	EXPECT(a, 200, "[]"); /* the others go on */
	late = ask_receive(&waiting, 10000);
	cr_expect(late.status == 201, "the one who waited: %d %s", late.status, late.body);
	recover();
	stop();
}

static bool
is_served(void *arg)
{
	(void)arg;
	return create(ORDER_OF(GOOD_ID)).status == 201;
}

Test(products, is_left_alone_after_it_failed_over_and_over_and_tried_again_soon)
{
	int64_t since;
	struct answer a;
	int asked;

	start(&(const struct pool_options){ .workers = 2 });
	PEER_ON(&products, product_target(1), .act = PEER_RESET);
	for (int i = 0; i < 12; i++) {
		a = create(ORDER_OF(1));
		EXPECT_DETAIL(a, 503, DOWN);
	}
	asked = peer_count(&products, product_target(1));
	cr_expect(asked >= 3 && asked < 12, "asked %d times for 12 orders", asked);
	since = now_ms();
	cr_expect(wait_until(10000, is_served, NULL));
	cr_expect(now_ms() - since <= 2500, "recovered after %lld ms", (long long)(now_ms() - since));
	stop();
}

Test(products, is_found_again_also_when_it_is_slow_or_much_is_asked_of_it)
{
	static const struct {
		int delay_ms;
		size_t n;
		const char *why;
	} rows[] = { { 1300, 1, "an answer takes longer than a look whether there is one" },
		     { 150, 100, "seven rounds of sixteen look-ups take longer" } };
	int ids[100];

	start(&(const struct pool_options){ .workers = 2 });
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool served = false;

		PEER_ON(&products, "", .act = PEER_RESET);
		for (int j = 0; j < 6; j++)
			(void)create(ORDER_OF(1));
		for (size_t j = 0; j < rows[i].n; j++) {
			ids[j] = 100 + (int)j;
			PEER_ON(&products, product_target(ids[j]), .act = PEER_ANSWER,
				.delay_ms = rows[i].delay_ms,
				.bytes = http_json(
					200,
					text("{\"id\":%d,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}",
					     ids[j])));
		}
		for (int64_t until = now_ms() + 8000; !served && now_ms() < until;)
			served = create(one_of_each(ids, rows[i].n)).status == 201;
		cr_expect(served, "%s", rows[i].why);
	}
	stop();
}

Test(products, leaves_no_order_behind_when_it_fails)
{
	start(&(const struct pool_options){ .workers = 1 });
	PEER_ON(&products, product_target(1), .act = PEER_RESET);
	struct answer a = create(ORDER_OF(GOOD_ID, 1));

	EXPECT_DETAIL(a, 503, DOWN);
	a = create(ORDER_OF(GOOD_ID, 2));
	EXPECT_DETAIL(a, 404, "Product 2 not found");
	EXPECT_TEXT(
		pool_sql(
			&pool,
			"SELECT (SELECT count(*) FROM orders.orders) + (SELECT count(*) FROM orders.outbox)"),
		"0");
	stop();
}
