/* GET /status, the page for an operator: who may see it, what it brings along, and what it shows of a pool at work. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"
#include "support/peer.h"
#include "support/relay.h"
#include "support/server.h"
#include "support/xml.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"

/* The page, as it has to be whoever asks. */
static struct answer
look(const struct pool *p)
{
	struct answer a = ASK(p, .target = "/status");
	const char *fault;

	cr_assert(a.status == 200, "%d %s", a.status, a.body);
	fault = xml_fault(a.body, a.body_len);
	cr_assert(fault == NULL, "%s:\n%s", fault, a.body);
	return a;
}

static const char *
part(const struct answer *a, const char *element, const char *attribute, const char *value)
{
	const char *found = xml_text(a->body, element, attribute, value, 0);

	cr_assert(found != NULL, "no %s %s=%s", element, attribute, value);
	return found;
}

Test(status_page, is_for_this_machine_and_for_staff)
{
	const char *user = token_of(9), *staff = token_of_staff(1);
	const struct {
		const char *fields, *token;
		int status;
		const char *detail, *reason;
	} rows[] = {
		{ NULL, NULL, 200, NULL, "from this machine" },
		{ NULL, user, 200, NULL, "from this machine, whoever it is" },
		{ "X-Forwarded-For: 192.0.2.1\r\n", NULL, 401, "Not authenticated", "through a proxy" },
		{ "X-Forwarded-For: 127.0.0.1\r\n", NULL, 401, "Not authenticated",
		  "a proxy may say anything" },
		{ "X-Real-IP: 127.0.0.1\r\n", NULL, 401, "Not authenticated", "another proxy" },
		{ "Forwarded: for=127.0.0.1\r\n", NULL, 401, "Not authenticated", "RFC 7239" },
		{ "Via: 1.1 cache\r\n", NULL, 401, "Not authenticated", "RFC 9110" },
		{ "Via: 1.1 cache\r\n", "x.y.z", 401, "Could not validate credentials", "not a token" },
		{ "Via: 1.1 cache\r\n", user, 403, "Not enough permissions", "no staff" },
		{ "Via: 1.1 cache\r\n", staff, 200, NULL, "staff" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = ASK(pool_shared(), .target = "/status", .fields = rows[i].fields,
				      .token = rows[i].token);

		if (rows[i].detail)
			EXPECT_DETAIL_ROW(rows[i].reason, a, rows[i].status, rows[i].detail);
		else
			cr_expect(a.status == rows[i].status && xml_fault(a.body, a.body_len) == NULL,
				  "%s: %d %s", rows[i].reason, a.status, a.body);
	}
}

/* A page from elsewhere whose name was made to lead here. */
Test(status_page, is_not_for_who_asks_under_another_name)
{
	static const struct {
		const char *host;
		int status;
	} rows[] = { { "rebound.example", 401 },
		     { "localhost", 200 },
		     { "localhost:8002", 200 },
		     { "[::1]:8002", 200 } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *bytes = text("GET /status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
					 rows[i].host);
		struct exchange x = bytes_send(pool_shared()->port, bytes, strlen(bytes));
		struct answer a = ask_receive(&x, 10000);

		cr_expect(a.status == rows[i].status, "%s: %d", rows[i].host, a.status);
	}
}

Test(status_page, brings_along_what_a_browser_has_to_know)
{
	struct answer a = look(pool_shared());
	const char *policy = field(&a, "Content-Security-Policy");

	EXPECT_TEXT(field(&a, "Content-Type"), "text/html; charset=utf-8");
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
	EXPECT_TEXT(field(&a, "X-Content-Type-Options"), "nosniff");
	EXPECT_TEXT(field(&a, "Referrer-Policy"), "no-referrer");
	cr_expect(field(&a, "X-Request-ID") && !field_nth(&a, "Content-Type", 1) &&
		  !field(&a, "Content-Encoding"));
	cr_assert(policy != NULL);
	cr_expect(strncmp(policy, "default-src 'none'; style-src 'sha256-", 38) == 0 &&
			  !strstr(policy, "unsafe"),
		  "%s", policy);
	cr_expect(atoi(field(&a, "Content-Length")) == (int)a.body_len);
	a = ASK(pool_shared(), .target = "/status", .method = "HEAD");
	cr_expect(a.status == 200 && a.body_len == 0 && atoi(field(&a, "Content-Length")) > 10000, "%s",
		  a.head);
	a = ASK(pool_shared(), .target = "/status", .method = "POST");
	EXPECT_DETAIL(a, 405, "Method Not Allowed");
	EXPECT_TEXT(field(&a, "Allow"), "GET, HEAD");
	a = ASK(pool_shared(), .target = "/status/");
	cr_expect(a.status == 307);
	EXPECT_TEXT(field(&a, "Location"), "/status");
}

/* Until the page has this text there. */
struct wanted {
	const struct pool *p;
	const char *element, *attribute, *value, *text;
	struct answer last;
};

static bool
shows(void *arg)
{
	struct wanted *w = arg;

	w->last = look(w->p);
	return strstr(part(&w->last, w->element, w->attribute, w->value), w->text) != NULL;
}

static struct answer
expect_shows(const struct pool *p, const char *element, const char *attribute, const char *value,
	     const char *shown)
{
	struct wanted w = {
		.p = p, .element = element, .attribute = attribute, .value = value, .text = shown
	};

	cr_expect(wait_until(10000, shows, &w), "%s is not in: %s", shown,
		  part(&w.last, element, attribute, value));
	return w.last;
}

Test(status_page, counts_and_names_what_was_done)
{
	struct peer products = peer_start(NULL);
	struct pool p;
	struct answer a;

	peer_sells(&products, 1, "1", 100);
	p = pool_start(&(const struct pool_options){ .workers = 2, .products = products.port });
	(void)place_order(&p, 9, 1, 1);
	(void)place_order(&p, 9, 1, 1);
	a = expect_shows(&p, "section", "class", "totals", "published 2");
	EXPECT_TEXT(part(&a, "section", "class", "verdict"), "All is well.");
	cr_expect(strstr(part(&a, "header", NULL, NULL), "version " VERSION ", up "), "%s",
		  part(&a, "header", NULL, NULL));
	cr_expect(
		strstr(part(&a, "table", "aria-labelledby", "dependencies"), "product service ok closed 0"));
	cr_expect(strstr(part(&a, "table", "aria-labelledby", "faults"), "none"));
	peer_set_down(&products, true);
	a = ASK(&p, .target = ORDERS, .token = token_of(9), .fields = "X-Request-ID: the-one-that-failed\r\n",
		.body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 503, "Product service unavailable");
	a = expect_shows(&p, "section", "class", "verdict", "product service failing, once");
	EXPECT_TEXT(part(&a, "title", NULL, NULL), "(1) Orders: status");
	cr_expect(strstr(part(&a, "table", "aria-labelledby", "faults"), "the-one-that-failed"), "%s",
		  part(&a, "table", "aria-labelledby", "faults"));
	cr_expect(strstr(part(&a, "section", "class", "totals"), "with a 5xx 1 "));
	cr_expect(pool_stop(&p));
}

Test(status_page, shows_who_is_at_what_and_waits_for_whom)
{
	struct ask order = { .target = ORDERS,
			     .token = token_of(9),
			     .body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}" };
	struct peer products = peer_start(NULL);
	struct pool p;
	struct exchange hanging;
	struct answer a;

	NEEDS(POOL_IS_FULL);
	PEER_ON(&products, "", .act = PEER_HANG);
	p = pool_start(&(const struct pool_options){
		.workers = 2, .products = products.port, .settings = { "PRODUCT_SERVICE_TIMEOUT=2" } });
	hanging = ask_send(p.port, &order);
	a = expect_shows(&p, "table", "aria-labelledby", "workers",
			 "request POST " ORDERS " waits for product service ");
	expect_shows(&p, "table", "aria-labelledby", "workers", "request GET /status");
	cr_expect(strstr(part(&a, "section", "class", "now"), "workers busy 2 of 2"));
	a = ask_receive(&hanging, 10000);
	cr_expect(a.status == 504, "%d", a.status);
	(void)expect_shows(&p, "table", "aria-labelledby", "workers", " idle ");
	cr_expect(pool_stop(&p));
}

Test(status_page, is_there_when_nothing_else_is)
{
	struct peer products = peer_start(NULL), sns = peer_start(NULL);
	struct relay database = relay_start(atoi(strrchr(test_env("ORDERS_TEST_PG_URL"), ':') + 1));
	struct pool p;
	struct answer a;

	PEER_ON(&products, "", .act = PEER_HANG);
	PEER_ON(&sns, "", .act = PEER_HANG);
	relay_set(&database, RELAY_FROZEN);
	p = pool_start(&(const struct pool_options){
		.workers = 1,
		.products = products.port,
		.sns = sns.port,
		.unready = true,
		.settings = { text("DATABASE_URL=postgresql://u:p@127.0.0.1:%d/d", database.port) } });
	for (int i = 0; i < 5; i++)
		a = look(&p);
	cr_expect(strstr(part(&a, "section", "class", "now"), "events waiting \u2013"));
	cr_expect(peer_count(&products, NULL) == 0 && peer_count(&sns, NULL) == 0);
	(void)pool_stop(&p);
}
