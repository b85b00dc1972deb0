/*
 * The load knows a wrong answer when it gets one, and what to do when it gets none. The service is played by a peer that
 * says what it is told.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fault/load.h"
#include "support/peer.h"
#include "support/test.h"

#define ORDER                                                                                                                    \
	"{\"id\":20,\"user_id\":1,\"status\":\"pending\",\"total_amount\":\"%s\",\"created_at\":\"2026-02-24T13:46:26.414410Z\"" \
	",\"updated_at\":\"2026-02-24T13:46:26.414410Z\",\"items\":[%s]}"
#define ITEM                                                                                                                     \
	"{\"id\":31,\"order_id\":20,\"product_id\":3,\"product_name\":\"USB-C Hub\",\"product_price\":\"45.50\",\"quantity\":%s" \
	",\"subtotal\":\"91.00\",\"created_at\":\"2026-02-24T13:46:26.414410Z\"}"

static bool
is_over(void *l)
{
	return load_is_over(l);
}

/* One request of a kind to the peer, or more. The only product is sold at 45.50; all requests are user 1's. */
static struct load *
ask_load(int port, enum load_kind kind, long requests, int timeout_ms)
{
	struct load_options o = { .port = port,
				  .clients = 1,
				  .users = 1,
				  .first_user = 1,
				  .seed = 1,
				  .requests = requests,
				  .keep_alive = true,
				  .timeout_ms = timeout_ms,
				  .pause_ms = -1,
				  .products = "3:4550" };
	struct load *l;

	o.mix[kind] = 1;
	l = load_start(&o);
	cr_assert(wait_until(20000, is_over, l));
	load_stop(l);
	return l;
}

/* The first order of seed 1, as the peer was asked for it. */
static const char *
quantities(const struct peer *p, int64_t *total_cents)
{
	const char *at = peer_request(p, "/api/v1/orders", 0).body;
	char *items = text("%s", "");

	*total_cents = 0;
	for (; (at = strstr(at, "\"quantity\":")); at += 11) {
		int64_t n = at[11] - '0';

		*total_cents += 4550 * n;
		items = text("%s%s" ITEM, items, *items ? "," : "", text("%lld", (long long)n));
	}
	return items;
}

static const char *
money(int64_t cents)
{
	return text("%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
}

Test(load, knows_the_right_answer_to_an_order)
{
	struct peer service = peer_start(NULL);
	const char *items;
	int64_t cents;

	load_free(ask_load(service.port, LOAD_CREATE, 1, 0));
	items = quantities(&service, &cents);

	const struct {
		const char *what;
		int status;
		const char *body;
		bool wrong;
	} rows[] = {
		{ "the order", 201, text(ORDER, money(cents), items), false },
		{ "a cent too much", 201, text(ORDER, money(cents + 1), items), true },
		{ "no line", 201, text(ORDER, money(cents), ""), true },
		{ "a line too many", 201, text(ORDER, money(cents), text("%s," ITEM, items, "1")), true },
		{ "another quantity", 201, text(ORDER, money(cents), text(ITEM, "9")), true },
		{ "another user", 201,
		  text("{\"id\":20,\"user_id\":2%s", strstr(text(ORDER, money(cents), items), ",\"status\"")),
		  true },
		{ "cut short", 201, text("%.*s", 200, text(ORDER, money(cents), items)), true },
		{ "another success", 200, text(ORDER, money(cents), items), true },
		{ "nothing", 201, "", true },
		{ "a refusal", 503, "{\"detail\":\"Database unavailable\"}", false },
		{ "a refusal that does not say for how long", 504, "{\"detail\":\"No\"}", true },
		{ "a refusal in HTML", 503, "<html>Service Unavailable</html>", true },
		{ "a refused token", 401, "{\"detail\":\"Could not validate credentials\"}", true },
		{ "another request's key", 422,
		  "{\"detail\":\"Idempotency-Key was already used with a different request\"}", true },
		{ "a product that is not there", 404, "{\"detail\":\"Product 3 not found\"}", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct load *l;

		PEER_ON(&service, "", .act = PEER_ANSWER, .bytes = http_json(rows[i].status, rows[i].body));
		l = ask_load(service.port, LOAD_CREATE, 1, 0);
		cr_expect(load_record(l, 0)->status == rows[i].status &&
				  load_record(l, 0)->wrong == rows[i].wrong,
			  "%s: %d%s", rows[i].what, load_record(l, 0)->status,
			  load_record(l, 0)->wrong ? ", wrong" : "");
		load_free(l);
	}
	peer_stop(&service);
}

Test(load, knows_the_right_answer_to_a_question)
{
	static const struct {
		const char *what;
		enum load_kind kind;
		int status;
		const char *body;
		bool wrong;
	} rows[] = {
		{ "nothing ordered yet", LOAD_LIST, 200, "[]", false },
		{ "no array", LOAD_LIST, 200, "{}", true },
		{ "another user's order", LOAD_LIST, 200,
		  "[{\"id\":20,\"user_id\":2,\"status\":\"pending\",\"total_amount\":\"1.00\",\"created_at\":\"x\",\"items\":[{}]}]",
		  true },
		{ "two orders", LOAD_LIST, 200,
		  "[{\"id\":21,\"user_id\":1,\"status\":\"pending\",\"total_amount\":\"1.00\",\"created_at\":\"x\",\"items\":[{}]},"
		  "{\"id\":20,\"user_id\":1,\"status\":\"shipped\",\"total_amount\":\"1.00\",\"created_at\":\"x\",\"items\":[{}]}]",
		  false },
		{ "half a list", LOAD_LIST, 200,
		  "[{\"id\":21,\"user_id\":1,\"status\":\"pending\",\"total_amount\":\"1.00\",\"created_at\":\"x\",\"items\":[{}]},",
		  true },
		{ "healthy", LOAD_HEALTH, 200, "{\"status\":\"healthy\"}", false },
		{ "ill", LOAD_HEALTH, 200, "{\"status\":\"ill\"}", true },
		{ "a refusal of what is bad", LOAD_BAD, 401, "{\"detail\":\"Not authenticated\"}", false },
		{ "something for a stranger", LOAD_BAD, 200, "[]", true },
		{ "a crash", LOAD_BAD, 500, "{\"detail\":\"Internal Server Error\"}", false },
	};
	struct peer service = peer_start(NULL);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct load *l;

		PEER_ON(&service, "", .act = PEER_ANSWER, .bytes = http_json(rows[i].status, rows[i].body));
		l = ask_load(service.port, rows[i].kind, 1, 0);
		cr_expect(load_record(l, 0)->status == rows[i].status &&
				  load_record(l, 0)->wrong == rows[i].wrong,
			  "%s: %d%s", rows[i].what, load_record(l, 0)->status,
			  load_record(l, 0)->wrong ? ", wrong" : "");
		load_free(l);
	}
	peer_stop(&service);
}

/* Refused, cut, reset, never answered: no answer came, and the load says so and goes on. */
Test(load, says_when_no_answer_came)
{
	static const struct {
		const char *what;
		struct peer_rule rule;
	} rows[] = {
		{ "a reset", { .act = PEER_RESET } },
		{ "the end", { .act = PEER_CLOSE } },
		{ "half a head", { .act = PEER_CLOSE, .bytes = "HTTP/1.1 200 OK\r\nContent-Le" } },
		{ "half a body",
		  { .act = PEER_CLOSE,
		    .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"status\":" } },
		{ "no HTTP", { .act = PEER_CLOSE, .bytes = "220 mail.example ESMTP\r\n\r\n" } },
		{ "nothing at all", { .act = PEER_HANG } },
		{ "half of it, and then nothing",
		  { .act = PEER_HANG, .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{" } },
	};
	struct peer service = peer_start(NULL);
	struct load *l;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		PEER_ON(&service, "", .act = rows[i].rule.act, .bytes = rows[i].rule.bytes);
		l = ask_load(service.port, LOAD_HEALTH, 3, 100);
		cr_expect(load_count(l) == 3);
		for (long r = 0; r < load_count(l); r++)
			cr_expect(load_record(l, r)->status == 0 && !load_record(l, r)->wrong, "%s",
				  rows[i].what);
		load_free(l);
	}
	peer_set_down(&service, true);
	l = ask_load(service.port, LOAD_HEALTH, 3, 100);
	cr_expect(load_count(l) == 3 && load_record(l, 0)->status == 0, "a refused connection");
	load_free(l);
	peer_stop(&service);
}

#define HEALTHY "{\"status\":\"healthy\"}"

static size_t
healthy(const char *target, char *out, size_t size)
{
	(void)target;
	return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n" HEALTHY,
				sizeof HEALTHY - 1);
}

/* A kept connection that ends before it has answered is no fault of the server's, and no client would call it one. */
Test(load, repeats_what_a_kept_connection_lost_where_that_is_harmless)
{
	struct peer service = peer_start(healthy);
	struct load *l;

	PEER_ON(&service, "/health", .act = PEER_ANSWER, .times = 1, .bytes = http_json(200, HEALTHY));
	PEER_ON(&service, "", .act = PEER_RESET, .times = 1);
	l = ask_load(service.port, LOAD_HEALTH, 2, 0);
	cr_expect(load_record(l, 0)->status == 200 && !load_record(l, 0)->again);
	cr_expect(load_record(l, 1)->status == 200 && load_record(l, 1)->again, "it was not sent again");
	cr_expect(peer_count(&service, NULL) == 3);
	load_free(l);

	PEER_ON(&service, "/health", .act = PEER_ANSWER, .times = 1, .bytes = http_json(200, HEALTHY));
	PEER_ON(&service, "", .act = PEER_RESET);
	l = ask_load(service.port, LOAD_HEALTH, 2, 0);
	cr_expect(load_record(l, 1)->status == 0 && load_record(l, 1)->again, "once is enough");
	cr_expect(peer_count(&service, NULL) == 6);
	load_free(l);

	/* The second order has no key. */
	PEER_ON(&service, "/api/v1/orders", .act = PEER_ANSWER, .times = 1,
		.bytes = http_json(503, "{\"detail\":\"no\"}"));
	l = ask_load(service.port, LOAD_CREATE, 2, 0);
	cr_expect(load_record(l, 0)->key == 1 && load_record(l, 1)->key == 0);
	cr_expect(load_record(l, 1)->status == 0 && !load_record(l, 1)->again,
		  "it may have been placed twice");
	load_free(l);
	peer_stop(&service);
}

/* The answer waits, the schedule does not: a request is late from the moment when it was due. */
Test(load, counts_the_waiting_of_what_was_due)
{
	struct peer service = peer_start(NULL);
	struct load *l;
	int64_t from = clock_us();
	struct load_figures f;

	PEER_ON(&service, "", .act = PEER_ANSWER, .delay_ms = 100,
		.bytes = http_json(200, "{\"status\":\"healthy\"}"));
	l = load_start(&(const struct load_options){ .port = service.port,
						     .rate = 100,
						     .clients = 1,
						     .requests = 10,
						     .keep_alive = true,
						     .mix = { [LOAD_HEALTH] = 1 },
						     .products = "3:4550" });
	cr_assert(wait_until(20000, is_over, l));
	load_stop(l);
	f = load_figures(l, 1u << LOAD_HEALTH, from, clock_us());
	cr_expect(f.asked == 10 && f.good == 10, "%ld of %ld", f.good, f.asked);
	/* The tenth was due after 90 ms and is answered after 1000. */
	cr_expect(f.max_ms > 850 && f.p50_ms > 400, "p50 %.0f ms, max %.0f ms", f.p50_ms, f.max_ms);
	for (long i = 1; i < 10; i++)
		cr_expect(load_record(l, i)->started_us - load_record(l, i - 1)->started_us < 11000);
	load_free(l);
	peer_stop(&service);
}

/* What was refused is asked for again under its key, with the same bytes. */
Test(load, repeats_the_same_bytes_under_a_key)
{
	struct peer service = peer_start(NULL);
	struct load *l;
	int keyed = 0, same = 0;

	PEER_ON(&service, "", .act = PEER_ANSWER,
		.bytes = http_json(503, "{\"detail\":\"Database unavailable\"}"));
	l = load_start(&(const struct load_options){ .port = service.port,
						     .clients = 2,
						     .users = 3,
						     .requests = 60,
						     .pause_ms = -1,
						     .keep_alive = true,
						     .seed = 5,
						     .products = "3:4550,4:100",
						     .mix = { [LOAD_CREATE] = 1, [LOAD_REPEAT] = 1 } });
	cr_assert(wait_until(20000, is_over, l));
	load_stop(l);
	for (int i = 0; i < 60; i++) {
		struct peer_request a = peer_request(&service, NULL, i);
		const char *key = peer_field(&a, "Idempotency-Key");

		for (int j = 0; key && j < i; j++) {
			struct peer_request b = peer_request(&service, NULL, j);
			const char *other = peer_field(&b, "Idempotency-Key");

			if (!other || strcmp(key, other) != 0)
				continue;
			keyed++;
			same += strcmp(a.body, b.body) == 0 && strcmp(a.head, b.head) == 0;
		}
	}
	cr_expect(keyed > 10 && keyed == same, "%d of %d repeats were the same", same, keyed);
	cr_expect(strncmp(load_key(l, 3), "load-5-3", 9) == 0);
	load_free(l);
	peer_stop(&service);
}
