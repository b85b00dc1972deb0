/* The log: one JSON line a request, one for each fault of a neighbour, nothing secret or personal. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"
#include "support/peer.h"

SHARED_POOL(.settings = { "LOG_LEVEL=debug" });

#define REFUSE_LISTS                                                                                            \
	"REVOKE EXECUTE ON FUNCTION orders.list_orders(bigint, orders.order_status, timestamptz, timestamptz, " \
	"bigint, timestamptz, bigint, integer) FROM orders_api"
#define ORDERS "/api/v1/orders"

/* The request's line, by its id. */
static const char *
line_of(const struct pool *p, const char *id)
{
	return pool_log_wait(p, "\"event\":\"request\"", text("\"request_id\":\"%s\"", id), 5000);
}

Test(log, has_a_line_for_each_request)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	const struct {
		struct ask ask;
		const char *id, *method, *route;
		int status;
		bool user, order;
	} rows[] = {
		{ { .target = "/health" }, "log-health", "GET", "/health", 200, false, false },
		{ { .method = "HEAD", .target = "/health" },
		  "log-head",
		  "HEAD",
		  "/health",
		  200,
		  false,
		  false },
		{ { .target = "/nowhere?token=x" }, "log-404", "GET", "-", 404, false, false },
		{ { .method = "DELETE", .target = ORDERS }, "log-405", "DELETE", ORDERS, 405, false, false },
		{ { .target = ORDERS }, "log-401", "GET", ORDERS, 401, false, false },
		{ { .target = ORDERS "?skip=1", .token = token_of(user) },
		  "log-list",
		  "GET",
		  ORDERS,
		  200,
		  true,
		  false },
		{ { .target = order_target(order_id), .token = token_of(user) },
		  "log-get",
		  "GET",
		  ORDERS "/{order_id}",
		  200,
		  true,
		  true },
		{ { .target = ORDERS,
		    .token = token_of(user),
		    .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}" },
		  "log-post",
		  "POST",
		  ORDERS,
		  201,
		  true,
		  true },
		{ { .target = ORDERS, .token = token_of(user), .body = "{" },
		  "log-422",
		  "POST",
		  ORDERS,
		  422,
		  true,
		  false },
		{ { .method = "PATCH",
		    .target = status_target(order_id),
		    .token = token_of(user),
		    .body = "{\"status\":\"confirmed\"}" },
		  "log-patch",
		  "PATCH",
		  ORDERS "/{order_id}/status",
		  200,
		  true,
		  true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ask ask = rows[i].ask;
		struct json_object *line;
		const char *raw;

		ask.fields = text("X-Request-ID: %s\r\n", rows[i].id);
		cr_expect(pool_ask(p, &ask).status == rows[i].status, "%s", rows[i].id);
		raw = line_of(p, rows[i].id);
		cr_assert_not_null(raw, "%s", rows[i].id);
		line = json_read(raw);
		cr_assert_not_null(line, "%s", raw);
		EXPECT_TEXT(json_at(line, "time"), "<time>");
		EXPECT_TEXT(json_at(line, "level"), "info");
		EXPECT_TEXT(json_at(line, "method"), rows[i].method);
		EXPECT_TEXT(json_at(line, "route"), rows[i].route);
		EXPECT_TEXT(json_at(line, "status"), text("%d", rows[i].status));
		EXPECT_TEXT(json_at(line, "duration_us"), "<int>");
		EXPECT_TEXT(json_at(line, "product_us"), "<int>");
		EXPECT_TEXT(json_at(line, "database_us"), "<int>");
		EXPECT_TEXT(json_at(line, "publish_us"), "<int>");
		cr_expect((json_at(line, "user_id") != NULL) == rows[i].user, "%s", raw);
		cr_expect((json_at(line, "order_id") != NULL) == rows[i].order, "%s", raw);
		if (rows[i].user)
			EXPECT_TEXT(json_at(line, "user_id"), text("%lld", (long long)user));
	}
}

Test(log, splits_the_time_among_the_neighbours)
{
	struct peer products = peer_start(NULL), sns = peer_start(NULL);
	struct pool p;
	struct json_object *line;
	struct answer a;

	PEER_ON(&products, product_target(1), .act = PEER_ANSWER, .delay_ms = 120,
		.bytes = http_json(200, "{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port(), .delay_ms = 150);
	p = pool_start(
		&(const struct pool_options){ .workers = 1, .products = products.port, .sns = sns.port });
	a = ASK(&p, .target = ORDERS, .token = token_of(9),
		.body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}",
		.fields = "X-Request-ID: split\r\n");
	cr_assert(a.status == 201);
	line = json_read(line_of(&p, "split"));
	cr_expect(strtol(json_at(line, "product_us"), NULL, 10) >= 115000, "%s", line_of(&p, "split"));
	cr_expect(strtol(json_at(line, "publish_us"), NULL, 10) >= 145000, "%s", line_of(&p, "split"));
	cr_expect(strtol(json_at(line, "database_us"), NULL, 10) > 0, "%s", line_of(&p, "split"));
	cr_expect(strtol(json_at(line, "duration_us"), NULL, 10) >=
			  strtol(json_at(line, "product_us"), NULL, 10) +
				  strtol(json_at(line, "database_us"), NULL, 10),
		  "%s", line_of(&p, "split"));
	cr_expect(pool_stop(&p));
}

/* Provokes everything that is logged, with secrets in every place where one can stand, and returns the log. */
static char *
provoke(struct pool *p, struct peer *products)
{
	const char *body = "{\"items\":[{\"product_id\":1,\"quantity\":1}],\"card\":\"SECRET-in-the-body\"}";
	const char *address = ",\"address\":\"SECRET-claim\"";
	int64_t order_id;
	struct answer a;

	a = ASK(p, .target = ORDERS, .token = token_with(9, address), .key = "SECRET-key", .body = body,
		.fields = "Cookie: SECRET-cookie\r\n");
	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	order_id = order_id_of(&a);
	(void)ASK(p, .target = ORDERS, .token = token_with(9, address), .key = "SECRET-key",
		  .body = "{\"SECRET-in-the-body\":1}");
	(void)ASK(p, .target = ORDERS, .token = token_with(9, address), .key = "SECRET key", .body = body);
	(void)ASK(p, .target = ORDERS, .token = token_with(9, address), .body = "SECRET-in-the-body");
	(void)ASK(p, .target = ORDERS "?token=SECRET-in-the-query", .token = "SECRET.token.x");
	(void)ASK(p, .target = "/SECRET-in-the-path", .token = token_of(9));
	(void)ASK(p, .target = ORDERS, .fields = "Authorization: Basic SECRET-password\r\n");
	(void)ASK(p, .target = ORDERS, .fields = "X-Request-ID: SECRET id\r\n");
	(void)ASK(p, .target = status_target(order_id), .method = "PATCH", .token = token_of_staff(8),
		  .body = "{\"status\":\"confirmed\"}");
	PEER_ON(products, product_target(2), .act = PEER_ANSWER,
		.bytes = http_json(200, "{\"id\":2,\"name\":\"SECRET-from-a-peer\"}"));
	(void)ASK(p, .target = ORDERS, .token = token_of(9),
		  .body = "{\"items\":[{\"product_id\":2,\"quantity\":1}]}");
	PEER_ON(products, product_target(3), .act = PEER_RESET);
	(void)ASK(p, .target = ORDERS, .token = token_of(9),
		  .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}");
	(void)pool_sql(
		p,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orders_worker' AND datname = current_database()");
	(void)ASK(p, .target = ORDERS, .token = token_of(9));
	/* Behind a pooler nobody hears of that. */
	(void)pool_sql(p, REFUSE_LISTS);
	(void)ASK(p, .target = ORDERS, .token = token_of(9));
	(void)pool_sql_becomes(p, "SELECT count(*) FROM orders.outbox", "0", 10000);
	return pool_log(p);
}

Test(log, never_shows_a_secret_a_token_a_key_a_body_or_an_address)
{
	struct peer products = peer_start(NULL);
	struct pool p;
	const char *password = strchr(strstr(test_env("ORDERS_TEST_PG_URL"), "//"), ':') + 1;
	char *log, *saved;
	int n = 0;

	peer_sells(&products, 1, "1", 10);
	p = pool_start(&(const struct pool_options){
		.workers = 1,
		.products = products.port,
		.settings = { "LOG_LEVEL=debug", "AWS_SESSION_TOKEN=SECRET-session-token" } });
	log = provoke(&p, &products);
	{
		const char *const never[] = {
			"SECRET",
			"@example.com",
			"eyJ",
			TEST_SECRET,
			"a-secret-access-key-of-tests",
			"AKIATESTACCESSKEY",
			text("%.*s", (int)strcspn(password, "@"), password),
			"quantity",
			"Bearer",
			"AWS4-HMAC",
			NULL,
		};

		cr_expect(log_has_any(&p, never) == NULL, "the log shows %s:\n%s", log_has_any(&p, never),
			  log);
	}
	cr_expect(strstr(log, "\"event\":\"product.fault\"") != NULL, "%s", log);
	cr_expect(strstr(log, "\"event\":\"database.") != NULL, "%s", log);
	for (char *line = strtok_r(log, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		if (*line != '{')
			continue; /* the web server's own */
		n++;
		cr_expect(json_read(line) != NULL, "no JSON: %s", line);
		cr_expect(!differs(json_get(line, "time"), "<time>") && json_get(line, "level") &&
				  json_get(line, "event"),
			  "%s", line);
	}
	cr_expect(n >= 12, "%d lines", n);
	cr_expect(pool_stop(&p));
}

Test(log, stays_one_line_whatever_a_client_sends)
{
	struct pool *p = pool_shared();
	struct exchange x;
	static const char odd[] =
		"GET /\"x\\ HTTP/1.1\r\nHost: x\r\nX-Request-ID: odd-1\r\nConnection: close\r\n\r\n";

	x = bytes_send(p->port, odd, sizeof odd - 1);
	(void)ask_receive(&x, 5000);
	cr_expect(line_of(p, "odd-1") == NULL || json_read(line_of(p, "odd-1")), "%s", line_of(p, "odd-1"));
	(void)ASK(p, .method = "FOO\"BAR", .target = "/health");
	(void)ASK(p, .target = text("/%01000d", 0), .fields = "X-Request-ID: long-1\r\n");
	cr_expect(line_of(p, "long-1") && json_read(line_of(p, "long-1")), "%s", line_of(p, "long-1"));
}

Test(log, is_as_quiet_as_LOG_LEVEL_says)
{
	struct pool p = pool_start(
		&(const struct pool_options){ .workers = 1, .settings = { "LOG_LEVEL=warn" } });

	(void)place_order(&p, 9, 3, 1);
	cr_expect(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox", "0", 10000));
	cr_expect(pool_log_line(&p, "\"level\":\"info\"", "") == NULL, "%s", pool_log(&p));
	(void)pool_sql(&p, REFUSE_LISTS);
	(void)ASK(&p, .target = ORDERS, .token = token_of(9));
	cr_expect(pool_log_wait(&p, "\"level\":\"warn\"", "database.", 5000) != NULL, "%s", pool_log(&p));
	cr_expect(pool_stop(&p));
}
