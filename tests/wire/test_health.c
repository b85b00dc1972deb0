/* GET /health and GET /ready, with and without neighbours. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/peer.h"
#include "support/relay.h"

SHARED_POOL();

#define CHECKS(status, database, product, sns)                                                               \
	"{\"status\":\"" status "\",\"checks\":{\"database\":\"" database                                    \
	"\",\"product_service\":\"" product "\",\"sns\":\"" sns "\"}}"

/* A setting that leads to nobody. */
static const char *
nobody(const char *format)
{
	return text("%s%d", format, free_port());
}

/* GET /ready until it says this, whichever worker answers. */
struct wanted {
	const struct pool *p;
	const char *body;
	struct answer last;
};

static bool
says(void *arg)
{
	struct wanted *w = arg;

	w->last = ASK(w->p, .target = "/ready");
	return !differs(w->last.body, w->body);
}

static void
expect_becomes(const struct pool *p, int status, const char *body)
{
	struct wanted w = { .p = p, .body = body };

	(void)wait_until(10000, says, &w);
	EXPECT(w.last, status, body);
}

Test(health, says_that_the_worker_is_healthy_and_asks_for_no_token)
{
	struct answer a = ASK(pool_shared(), .target = "/health");

	EXPECT(a, 200, "{\"status\":\"healthy\"}");
	a = ASK(pool_shared(), .target = "/health?x=1", .token = "not a good one");
	EXPECT(a, 200, "{\"status\":\"healthy\"}");
}

Test(health, touches_nothing_outside_the_worker)
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
	for (int i = 0; i < 20; i++) {
		a = ASK(&p, .target = "/health");
		EXPECT(a, 200, "{\"status\":\"healthy\"}");
	}
	cr_expect(peer_count(&products, NULL) == 0 && peer_count(&sns, NULL) == 0);
	(void)kill(p.pid, SIGTERM);
}

Test(ready, knows_of_each_neighbour_what_the_last_attempt_showed)
{
	struct peer products = peer_start(NULL), sns = peer_start(NULL);
	struct pool p;
	struct answer a;

	peer_sells(&products, 1, "1", 100);
	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(
		&(const struct pool_options){ .workers = 2, .products = products.port, .sns = sns.port });
	a = ASK(&p, .target = "/ready");
	EXPECT(a, 200, CHECKS("ready", "ok", "unknown", "unknown"));
	(void)place_order(&p, 9, 1, 1);
	expect_becomes(&p, 200, CHECKS("ready", "ok", "ok", "ok"));
	peer_set_down(&sns, true);
	(void)place_order(&p, 9, 1, 1);
	expect_becomes(&p, 200, CHECKS("ready", "ok", "ok", "failing"));
	peer_set_down(&products, true);
	a = ASK(&p, .target = "/api/v1/orders", .token = token_of(9),
		.body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 503, "Product service unavailable");
	expect_becomes(&p, 200, CHECKS("ready", "ok", "failing", "failing"));
	peer_set_down(&products, false);
	peer_set_down(&sns, false);
	(void)place_order(&p, 9, 1, 1);
	expect_becomes(&p, 200, CHECKS("ready", "ok", "ok", "ok"));
	/* A client's own fault says nothing against the Product Service. */
	a = ASK(&p, .target = "/api/v1/orders", .token = token_of(9),
		.body = "{\"items\":[{\"product_id\":2,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 404, "Product 2 not found");
	expect_becomes(&p, 200, CHECKS("ready", "ok", "ok", "ok"));
	cr_expect(pool_stop(&p));
}

Test(ready, is_503_without_the_database_and_200_again_with_it)
{
	struct relay database = relay_start(atoi(strrchr(test_env("ORDERS_TEST_PG_URL"), ':') + 1));
	const char *name = database_new(), *url = database_url(name), *at = strrchr(url, ':');
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 2,
		.database = name,
		.settings = { text("DATABASE_URL=%.*s:%d/%s", (int)(at - url), url, database.port, name) } });
	struct answer a;

	relay_set(&database, RELAY_DOWN);
	a = ASK(&p, .target = "/ready");
	EXPECT(a, 503, CHECKS("not ready", "failing", "unknown", "unknown"));
	a = ASK(&p, .target = "/health");
	EXPECT(a, 200, "{\"status\":\"healthy\"}");
	relay_set(&database, RELAY_UP);
	expect_becomes(&p, 200, CHECKS("ready", "ok", "unknown", "unknown"));
	cr_expect(pool_stop(&p));
}

Test(ready, is_503_while_the_database_is_not_migrated)
{
	const char *name = text("empty_%d", (int)getpid());
	struct pool p;
	struct answer a;

	(void)database_sql("postgres", text("CREATE DATABASE %s", name));
	p = pool_start(&(const struct pool_options){ .workers = 1, .database = name, .unready = true });
	a = ASK(&p, .target = "/ready");
	EXPECT(a, 503, CHECKS("not ready", "failing", "unknown", "unknown"));
	cr_expect(pool_stop(&p));
}

Test(ready, is_503_when_nobody_is_there_and_the_service_starts_all_the_same)
{
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 2,
		.unready = true,
		.settings = { text("DATABASE_URL=%s/d", nobody("postgresql://u:p@127.0.0.1:")),
			      nobody("PRODUCT_SERVICE_URL=http://127.0.0.1:"),
			      nobody("AWS_ENDPOINT_URL=http://127.0.0.1:") } });
	struct answer a = ASK(&p, .target = "/ready");
	pid_t workers[POOL_PIDS];
	int n = pool_pids(&p, "orders.fcgi", workers);

	EXPECT(a, 503, CHECKS("not ready", "failing", "unknown", "unknown"));
	a = ASK(&p, .target = "/api/v1/orders", .token = token_of(9));
	EXPECT_DETAIL(a, 503, "Database unavailable");
	a = ASK(&p, .target = "/api/v1/orders/1", .token = token_of(9));
	EXPECT_DETAIL(a, 503, "Database unavailable");
	a = ASK(&p, .target = "/api/v1/orders/1/history", .token = token_of(9));
	EXPECT_DETAIL(a, 503, "Database unavailable");
	a = ASK(&p, .target = "/api/v1/orders", .token = token_of(9),
		.body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 503, "Product service unavailable");
	a = ASK(&p, .target = "/api/v1/orders", .token = token_of(9), .key = "k",
		.body = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 503, "Database unavailable"); /* has the key been used? */
	a = ASK(&p, .method = "PATCH", .target = status_target(1), .token = token_of(9),
		.body = "{\"status\":\"confirmed\"}");
	EXPECT_DETAIL(a, 503, "Database unavailable");
	a = ASK(&p, .target = "/api/v1/orders");
	EXPECT_DETAIL(a, 401, "Not authenticated"); /* what needs no neighbour works */
	cr_expect(n > 0, "there is a worker");
	while (n > 0)
		cr_expect(kill(workers[--n], 0) == 0, "no worker leaves because of a neighbour");
	cr_expect(pool_stop(&p));
}
