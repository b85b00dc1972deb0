/* GET /metrics: one pool's figures, whichever worker answers, and whatever becomes of the workers. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/peer.h"
#include "support/server.h"

#define ORDERS "/api/v1/orders"
#define ROUTE(method, pattern, status)                                                                       \
	"orders_http_requests_total{route=\"" pattern "\",method=\"" method "\",status=\"" status "\"}"
#define CALL(name) "orders_database_calls_total{call=\"" name "\",outcome=\"ok\"}"

/* What a series says in an answer; -1: it has none. */
static double
value(const char *text, const char *series)
{
	size_t len = strlen(series);

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, series, len) == 0 && line[len] == ' ')
			return strtod(line + len, NULL);
	return -1;
}

static char *
scrape(const struct pool *p)
{
	struct answer a = ASK(p, .target = "/metrics");

	cr_assert(a.status == 200, "%d %s", a.status, a.body);
	return a.body;
}

struct wanted {
	const struct pool *p;
	const char *series;
	double is;
	char *text;
};

static bool
says(void *arg)
{
	struct wanted *w = arg;

	w->text = scrape(w->p);
	return value(w->text, w->series) == w->is;
}

static void
expect_is(const char *body, const char *series, double is)
{
	cr_expect(value(body, series) == is, "%s is %g, not %g", series, value(body, series), is);
}

struct row {
	const char *series;
	double is;
};

static void
expect_rows(const char *body, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_is(body, rows[i].series, rows[i].is);
}

static void
expect_more_than(const char *body, const char *series, double least)
{
	cr_expect(value(body, series) > least, "%s is %g", series, value(body, series));
}

/* Within 15 s: the outbox is looked at every five. */
static void
expect_becomes(const struct pool *p, const char *series, double is)
{
	struct wanted w = { .p = p, .series = series, .is = is };

	(void)wait_until(15000, says, &w);
	expect_is(w.text, series, is);
}

/* As promtool sees it: NULL, or what it has against the text. */
static const char *
lint(const char *body)
{
	const char *const argv[] = { "/usr/bin/promtool", "check", "metrics", NULL };
	char *environment[] = { NULL };
	struct ran r = program_run(argv, environment, body);

	return r.status == 0 && !*r.err && !*r.out ? NULL : text("%d %s%s", r.status, r.out, r.err);
}

TestSuite(metrics, .timeout = 120);

Test(metrics, count_each_request_once_whichever_worker_answers_and_go_on_after_a_reload)
{
	static const struct row rows[] = {
		{ ROUTE("POST", ORDERS, "201"), 5 },
		{ ROUTE("POST", ORDERS, "404"), 1 },
		{ ROUTE("POST", ORDERS, "422"), 1 },
		{ ROUTE("GET", ORDERS, "200"), 12 },
		{ ROUTE("GET", ORDERS, "401"), 1 },
		{ ROUTE("GET", ORDERS "/{order_id}", "200"), 1 },
		{ ROUTE("PATCH", ORDERS "/{order_id}/status", "200"), 1 },
		{ ROUTE("other", "other", "404"), 1 },
		{ ROUTE("other", "other", "405"), 1 },
		{ "orders_http_request_duration_seconds_count{route=\"" ORDERS
		  "\",method=\"GET\",status=\"200\"}",
		  12 },
		{ "orders_http_request_duration_seconds_bucket{route=\"" ORDERS
		  "\",method=\"GET\",status=\"200\",le=\"+Inf\"}",
		  12 },
		{ CALL("create_order"), 3 },
		{ CALL("find_replay"), 3 },
		{ CALL("list_orders"), 12 },
		{ CALL("get_order"), 1 },
		{ CALL("change_status"), 1 },
		{ "orders_product_requests_total{outcome=\"ok\"}", 4 },
		{ "orders_product_requests_total{outcome=\"not_found\"}", 1 },
		{ "orders_replays_total", 2 },
		{ "orders_breaker_open{neighbour=\"product\"}", 0 },
		{ "orders_places_refused_total{for=\"product\"}", 0 },
	};
	struct pool p = pool_start(&(const struct pool_options){ .workers = 3 });
	int64_t user = new_user(), order_id = 0;
	struct exchange lists[12];
	struct ask list = { .target = ORDERS, .token = token_of(user) };
	struct answer a;

	(void)place_order(&p, user, 3, 1);
	a = ASK(&p, .target = ORDERS, .token = token_of(user),
		.body = "{\"items\":[{\"product_id\":3,\"quantity\":1},{\"product_id\":4,\"quantity\":1}]}");
	order_id = order_id_of(&a);
	for (int i = 0; i < 3; i++) {
		a = ASK(&p, .target = ORDERS, .token = token_of(user), .key = "k",
			.body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}");
		cr_assert(a.status == 201, "%d", a.status);
	}
	(void)ASK(&p, .target = ORDERS, .token = token_of(user),
		  .body = "{\"items\":[{\"product_id\":999999,\"quantity\":1}]}");
	(void)ASK(&p, .target = ORDERS, .token = token_of(user), .body = "{}");
	(void)change_order(&p, user, order_id, "confirmed");
	(void)ASK(&p, .target = order_target(order_id), .token = token_of(user));
	(void)ASK(&p, .target = ORDERS);
	(void)ASK(&p, .target = "/nothing/here");
	(void)ASK(&p, .method = "DELETE", .target = ORDERS);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		lists[i] = ask_send(p.port, &list);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		cr_expect(ask_receive(&lists[i], 10000).status == 200);

	for (int again = 0; again < 6; again++)
		expect_rows(scrape(&p), rows, sizeof rows / sizeof *rows);
	expect_becomes(&p, "orders_events_total{outcome=\"published\"}", 4);
	if (!server_lacks(POOL_IS_FULL)) {
		cr_assert(kill((pid_t)atoi(read_file(text("%s/run/spawn.pid", p.dir), NULL)), SIGHUP) == 0);
		expect_becomes(&p, "orders_workers_ended_total{how=\"left\"}", 3);
		expect_rows(scrape(&p), rows, sizeof rows / sizeof *rows);
		expect_is(scrape(&p), "orders_workers_started_total", 6);
	}
	cr_expect(pool_stop(&p));
}

Test(metrics, are_text_that_prometheus_reads)
{
	struct pool p = pool_start(&(const struct pool_options){ .workers = 2 });
	struct answer a;
	const char *fault;

	(void)place_order(&p, new_user(), 3, 1);
	expect_becomes(&p, "orders_outbox_events", 0);
	a = ASK(&p, .target = "/metrics", .token = "no good one, and none is wanted");
	cr_expect(a.status == 200, "%d", a.status);
	EXPECT_TEXT(field(&a, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
	fault = lint(a.body);
	cr_expect(fault == NULL, "%s", fault);
	fault = lint("orders_things 1\n");
	cr_expect(fault != NULL, "promtool says nothing of a metric without HELP");
	a = ASK(&p, .target = "/metrics", .method = "HEAD");
	cr_expect(a.status == 200 && a.body_len == 0 && atoi(field(&a, "Content-Length")) > 1000, "%s",
		  a.head);
	a = ASK(&p, .target = "/metrics", .method = "POST");
	EXPECT_DETAIL(a, 405, "Method Not Allowed");
	cr_expect(pool_stop(&p));
}

Test(metrics, tell_what_is_owed_to_sns_and_what_it_will_never_take)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	int64_t user = new_user();
	char *body;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 3, .sns = sns.port, .topic_arn = true });
	expect_becomes(&p, "orders_outbox_events", 0);
	peer_set_down(&sns, true);
	(void)place_order(&p, user, 3, 1);
	expect_becomes(&p, "orders_breaker_open{neighbour=\"sns\"}", 1); /* else both might go in one batch */
	(void)place_order(&p, user, 3, 1);
	expect_becomes(&p, "orders_outbox_events", 2);
	body = scrape(&p);
	expect_is(body, "orders_breaker_open{neighbour=\"sns\"}", 1);
	expect_is(body, "orders_breaker_opened_total{neighbour=\"sns\"}", 1);
	expect_more_than(body, "orders_sns_requests_total{action=\"Publish\",outcome=\"unavailable\"}", 0);
	expect_more_than(body, "orders_events_total{outcome=\"failed\"}", 0);
	expect_more_than(body, "orders_outbox_oldest_event_age_seconds", 0);
	expect_more_than(body, "orders_breaker_refused_total{neighbour=\"sns\"}", 0);
	peer_set_down(&sns, false);
	expect_becomes(&p, "orders_outbox_events", 0);
	body = scrape(&p);
	expect_is(body, "orders_breaker_open{neighbour=\"sns\"}", 0);
	expect_is(body, "orders_events_total{outcome=\"published\"}", 2);
	expect_is(body, "orders_outbox_oldest_event_age_seconds", 0);
	PEER_ON(&sns, "/", .act = PEER_ANSWER,
		.bytes = http_json(400,
				   "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code>"
				   "<Message>no</Message></Error></ErrorResponse>"));
	(void)place_order(&p, user, 3, 1);
	expect_becomes(&p, "orders_outbox_parked_events", 1);
	body = scrape(&p);
	expect_is(body, "orders_events_total{outcome=\"parked\"}", 1);
	expect_is(body, "orders_outbox_events", 0);
	cr_expect(pool_stop(&p));
}

Test(metrics, tell_of_neighbours_that_are_away)
{
	struct peer products = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){ .workers = 2, .products = products.port });
	struct answer a;
	char *body;

	peer_set_down(&products, true);
	for (int i = 0; i < 5; i++) {
		a = ASK(&p, .target = ORDERS, .token = token_of(new_user()),
			.body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}");
		cr_assert(a.status == 503, "%d", a.status);
	}
	body = scrape(&p);
	expect_is(body, ROUTE("POST", ORDERS, "503"), 5);
	expect_is(body, "orders_breaker_open{neighbour=\"product\"}", 1);
	expect_more_than(body, "orders_product_requests_total{outcome=\"unavailable\"}", 2);
	cr_expect(value(body, "orders_product_requests_total{outcome=\"unavailable\"}") +
				  value(body, "orders_breaker_refused_total{neighbour=\"product\"}") ==
			  5,
		  "each was asked for, or kept away");
	cr_expect(pool_stop(&p));
}

Test(metrics, tell_how_look_ups_of_products_end)
{
	static const struct row rows[] = {
		{ "orders_product_requests_total{outcome=\"ok\"}", 1 },
		{ "orders_product_requests_total{outcome=\"not_found\"}", 1 },
		{ "orders_product_requests_total{outcome=\"dropped\"}", 1 },
		{ "orders_product_requests_total{outcome=\"timeout\"}", 1 },
		{ "orders_product_requests_total{outcome=\"error\"}", -1 },
	};
	static const struct {
		const char *body;
		int status;
	} requests[] = {
		{ "{\"items\":[{\"product_id\":1,\"quantity\":2}]}", 400 },
		{ "{\"items\":[{\"product_id\":2,\"quantity\":1},{\"product_id\":3,\"quantity\":1}]}", 404 },
		{ "{\"items\":[{\"product_id\":3,\"quantity\":1}]}", 504 },
	};
	struct peer products = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 1, .products = products.port, .settings = { "PRODUCT_SERVICE_TIMEOUT=1" } });

	peer_sells(&products, 1, "1", 1);
	PEER_ON(&products, product_target(3), .act = PEER_HANG);
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		struct answer a = ASK(&p, .target = ORDERS, .token = token_of(new_user()),
				      .body = requests[i].body);

		cr_expect(a.status == requests[i].status, "%s: %d", requests[i].body, a.status);
	}
	expect_rows(scrape(&p), rows, sizeof rows / sizeof *rows);
	cr_expect(pool_stop(&p));
}

/* Of every answer, the outbox aside. */
#define LAST_LINE "\norders_breaker_refused_total{neighbour=\"database\"} 0\n"

/* Every series that only grows. */
static void
expect_grown(const char *before, const char *after)
{
	static const char *const kinds[] = { "_total", "_bucket", "_count", "_sum" };
	char *lines = text("%s", before), *rest = lines, *line;

	while ((line = strsep(&rest, "\n"))) {
		size_t name = strcspn(line, "{ ");
		char *space = strrchr(line, ' ');
		bool grows = false;

		for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
			grows = grows ||
				(name > strlen(kinds[i]) && *line != '#' &&
				 strncmp(line + name - strlen(kinds[i]), kinds[i], strlen(kinds[i])) == 0);
		if (!grows || !space)
			continue;
		*space = '\0';
		cr_expect(value(after, line) >= strtod(space + 1, NULL), "%s was %s and is %g", line,
			  space + 1, value(after, line));
	}
}

struct deaths {
	const struct pool *pool;
	int n;
};

/* And whoever came in their place is at work. */
static bool
are_known(void *arg)
{
	const struct deaths *d = arg;
	char *body = scrape(d->pool);

	return value(body, "orders_workers_ended_total{how=\"died\"}") == d->n &&
	       value(body, "orders_workers_started_total") == 3 + d->n;
}

/*
 * Kills n workers, one by one, each when all are at work: who is killed before that was never there. The oldest goes first:
 * multiwatch gives up whose successors die at birth one after the other. For a child.
 */
static void
kill_workers(const struct pool *p, int n)
{
	pid_t pids[POOL_PIDS];

	for (int i = 0; i < n; i++) {
		if (!wait_until(15000, are_known, &(struct deaths){ p, i }) ||
		    pool_pids(p, "orders.fcgi", pids) < 1)
			_exit(1);
		(void)kill(pids[0], SIGKILL);
		while (kill(pids[0], 0) == 0)
			(void)poll(NULL, 0, 5);
	}
	_exit(0);
}

Test(metrics, never_go_back_when_workers_are_killed)
{
	enum { KILLED = 8 };
	struct pool p;
	char *before, *after;
	pid_t killer;
	int status, scrapes = 0;

	NEEDS(POOL_IS_FULL);
	p = pool_start(&(const struct pool_options){ .workers = 3 });
	before = scrape(&p);
	killer = fork();
	if (killer == 0)
		kill_workers(&p, KILLED);
	while (waitpid(killer, &status, WNOHANG) == 0) {
		struct answer a = ASK(&p, .target = "/metrics"); /* 500 of one that is killed at it */

		if (scrapes % 8 == 0)
			(void)ASK(&p, .target = ORDERS, .token = token_of(9));
		if (a.status != 200 || !strstr(a.body, LAST_LINE)) /* or a part of its answer */
			continue;
		after = a.body;
		expect_grown(before, after);
		before = after;
		scrapes++;
	}
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "workers were not replaced");
	cr_expect(scrapes > 0, "%d", scrapes);
	cr_expect(wait_until(15000, are_known, &(struct deaths){ &p, KILLED }));
	after = scrape(&p);
	expect_grown(before, after);
	expect_is(after, "orders_workers_ended_total{how=\"left\"}", 0);
	cr_expect(pool_stop(&p));
}

Test(metrics, of_a_worker_without_a_pool_are_its_own)
{
	const char *const argv[] = { test_env("ORDERS_TEST_WORKER"), NULL };
	struct pool p = { 0 };
	struct ran r;

	(void)snprintf(p.dir, sizeof p.dir, "%s", test_env("ORDERS_TEST_DIR"));
	(void)snprintf(p.database, sizeof p.database, "none");
	(void)snprintf(p.topic, sizeof p.topic, "none");
	r = program_run(argv,
			pool_environment(&(const struct pool_options){ .settings = { "REQUEST_METHOD=GET",
										     "REQUEST_URI=/metrics",
										     "POOL_FILE" } },
					 &p),
			NULL);
	cr_assert(r.status == 0, "%d %s", r.status, r.err);
	cr_expect(strncmp(r.out,
			  "Status: 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
			  70) == 0,
		  "%.100s", r.out);
	expect_is(r.out, "orders_workers_started_total", 1);
	expect_is(r.out, "orders_workers{state=\"request\"}", 1);
}
