/* Workers come and go: signals, limits, deaths, a database that is restarted. No request is lost by it. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/peer.h"
#include "support/relay.h"
#include "support/server.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"
#define ORDER_OF_1 "{\"items\":[{\"product_id\":1,\"quantity\":1}]}"

#define SLOW_ITEMS                                                                                           \
	"CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2.6); " \
	"RETURN NULL; END $$; CREATE TRIGGER slow AFTER INSERT ON orders.order_items EXECUTE FUNCTION public.slow()"

/* A worker of our own on a socket of our own, whose exit status we hear of. */
struct lone {
	pid_t pid;
	char *socket, *log;
	int listener;
};

static struct lone
lone_start(int products, const char *setting, const char *another)
{
	struct pool *p = pool_shared();
	static int count;
	struct lone w = { .socket = text("%s/lone-%d-%d", p->dir, (int)getpid(), ++count) };

	w.log = text("%s.log", w.socket);
	w.listener = fastcgi_listen(w.socket);
	w.pid = worker_start(
		NULL,
		pool_environment(&(const struct pool_options){ .products = products,
							       .settings = { setting, another } },
				 p),
		w.listener, NULL, w.log);
	return w;
}

static struct answer
lone_ask(const struct lone *w, const struct ask *a)
{
	struct exchange x = fastcgi_send(fastcgi_dial(w->socket), a);

	return fastcgi_receive(&x, 10000);
}

static void
expect_finishes(int signo, bool in_a_request)
{
	struct peer products = peer_start(NULL);
	struct lone w;
	struct exchange x = { .fd = -1 };
	struct answer a;
	int status;

	PEER_ON(&products, product_target(1), .act = PEER_ANSWER, .delay_ms = 500,
		.bytes = http_json(200, "{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	w = lone_start(products.port, NULL, NULL);
	a = lone_ask(&w, &(const struct ask){ .target = "/health" });
	cr_assert(a.status == 200, "%d", a.status);
	if (in_a_request) {
		x = fastcgi_send(fastcgi_dial(w.socket), &(const struct ask){ .target = ORDERS,
									      .token = token_of(new_user()),
									      .body = ORDER_OF_1 });
		cr_assert(peer_waits_for(&products, product_target(1), 1, 5000));
	}
	cr_assert(kill(w.pid, signo) == 0);
	if (in_a_request) {
		struct arrived events[EVENTS_MAX];

		a = fastcgi_receive(&x, 10000);
		cr_expect(a.status == 201, "signal %d: %d %s", signo, a.status, a.body);
		cr_expect(events_wait(pool_shared(), order_id_of(&a), 1, 15000, events) >= 1, "its event");
	}
	status = worker_wait(w.pid, 5000);
	cr_expect(status == 0, "signal %d: status %d: %s", signo, status, read_file(w.log, NULL));
}

Test(lifecycle, TERM_in_a_request_lets_it_finish_and_ends_with_0)
{
	expect_finishes(SIGTERM, true);
}
Test(lifecycle, INT_in_a_request_lets_it_finish_and_ends_with_0)
{
	expect_finishes(SIGINT, true);
}
Test(lifecycle, USR1_in_a_request_lets_it_finish_and_ends_with_0)
{
	expect_finishes(SIGUSR1, true);
}
Test(lifecycle, TERM_ends_an_idle_worker_with_0)
{
	expect_finishes(SIGTERM, false);
}
Test(lifecycle, INT_ends_an_idle_worker_with_0)
{
	expect_finishes(SIGINT, false);
}
Test(lifecycle, USR1_ends_an_idle_worker_with_0)
{
	expect_finishes(SIGUSR1, false);
}

Test(lifecycle, a_worker_retires_after_WORKER_MAX_REQUESTS)
{
	struct lone w = lone_start(0, "WORKER_MAX_REQUESTS=3", NULL);
	struct answer a;

	for (int i = 0; i < 3; i++) {
		cr_expect(kill(w.pid, 0) == 0, "before request %d", i);
		a = lone_ask(&w, &(const struct ask){ .target = "/health" });
		cr_expect(a.status == 200, "%d", a.status);
	}
	cr_expect(worker_wait(w.pid, 5000) == 0);
}

Test(lifecycle, a_worker_retires_when_it_is_larger_than_WORKER_MAX_RSS_MB)
{
	struct lone w = lone_start(0, "WORKER_MAX_RSS_MB=1", NULL);
	struct answer a = lone_ask(&w, &(const struct ask){ .target = "/health" });

	cr_expect(a.status == 200, "%d", a.status);
	cr_expect(worker_wait(w.pid, 5000) == 0);
	w = lone_start(0, "WORKER_MAX_RSS_MB=100000", NULL);
	for (int i = 0; i < 5; i++)
		cr_expect(lone_ask(&w, &(const struct ask){ .target = "/health" }).status == 200);
	cr_expect(worker_wait(w.pid, 100) == -1, "it has room enough");
}

Test(lifecycle, a_worker_that_is_stuck_in_half_a_request_ends_itself)
{
	static const char half[] = "\1\1\0\1\0\10\0\0"; /* FCGI_BEGIN_REQUEST, without its body */
	struct lone w = lone_start(0, "WORKER_DEADLINE=1", "PRODUCT_SERVICE_TIMEOUT=0.5");
	int fd = fastcgi_dial(w.socket);
	char *log;

	cr_assert(write(fd, half, sizeof half - 1) == sizeof half - 1);
	cr_expect(worker_wait(w.pid, 5000) == 75);
	log = read_file(w.log, NULL);
	cr_expect(log && strstr(log, "\"event\":\"worker.stuck\""), "%s", log);
	(void)close(fd);
}

Test(lifecycle, no_request_fails_while_workers_retire_and_are_replaced)
{
	struct pool p;
	pid_t before[POOL_PIDS], after[POOL_PIDS];
	int failed = 0, n;

	NEEDS(POOL_IS_FULL);
	p = pool_start(&(const struct pool_options){ .workers = 2, .settings = { "WORKER_MAX_REQUESTS=5" } });
	n = pool_pids(&p, "orders.fcgi", before);
	for (int i = 0; i < 100; i++)
		failed += ASK(&p, .target = "/health").status != 200;
	cr_expect(failed == 0, "%d of 100 failed", failed);
	cr_expect(pool_has_workers(&p, 2, 10000));
	for (int i = pool_pids(&p, "orders.fcgi", after); i > 0; i--)
		for (int j = 0; j < n; j++)
			cr_expect(after[i - 1] != before[j], "%d is still there", (int)before[j]);
	cr_expect(pool_stop(&p));
}

/* Until then it counts as one of them. */
static bool
has_ended(void *pid)
{
	return kill(*(pid_t *)pid, 0) != 0;
}

Test(lifecycle, a_killed_worker_is_replaced)
{
	struct pool p;
	pid_t pids[POOL_PIDS];

	NEEDS(POOL_IS_FULL);
	p = pool_start(&(const struct pool_options){ .workers = 3 });
	for (int round = 0; round < 3; round++) {
		cr_assert(pool_has_workers(&p, 3, 5000)); /* the others may still be starting */
		cr_assert(pool_pids(&p, "orders.fcgi", pids) == 3);
		(void)kill(pids[round], SIGKILL);
		cr_expect(wait_until(5000, has_ended, &pids[round]));
		cr_expect(ASK(&p, .target = "/health").status == 200);
		cr_expect(pool_has_workers(&p, 3, 5000));
	}
	for (int i = pool_pids(&p, "orders.fcgi", pids); i > 0; i--)
		(void)kill(pids[i - 1], SIGKILL);
	cr_expect(pool_has_workers(&p, 3, 5000));
	cr_expect(ASK(&p, .target = "/ready").status == 200);
	cr_expect(pool_stop(&p));
}

Test(lifecycle, a_request_whose_worker_died_is_answered_in_JSON)
{
	struct peer products = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){ .workers = 1, .products = products.port });
	const struct difference *own;
	pid_t pids[POOL_PIDS];
	struct exchange x;
	struct answer a;

	PEER_ON(&products, product_target(1), .act = PEER_HANG);
	x = ask_send(p.port,
		     &(const struct ask){ .target = ORDERS, .token = token_of(9), .body = ORDER_OF_1 });
	cr_assert(peer_waits_for(&products, product_target(1), 1, 5000));
	cr_assert(pool_has_workers(&p, 1, 5000)); /* the others may still be starting */
	cr_assert(pool_pids(&p, "orders.fcgi", pids) == 1);
	(void)kill(pids[0], SIGKILL);
	a = ask_receive(&x, 10000);
	own = server_difference("a worker dies in the request");
	EXPECT_DETAIL(a, own ? own->status : 500, own ? own->detail : "Internal Server Error");
	EXPECT_TEXT(pool_sql(&p, "SELECT count(*) FROM orders.orders"), "0");
	a = ASK(&p, .target = "/health");
	EXPECT(a, 200, "{\"status\":\"healthy\"}");
	cr_expect(pool_stop(&p));
}

Test(lifecycle, stopping_the_service_lets_its_requests_finish)
{
	struct peer products = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){ .workers = 2, .products = products.port });
	struct exchange x;
	struct answer a;

	PEER_ON(&products, product_target(1), .act = PEER_ANSWER, .delay_ms = 700,
		.bytes = http_json(200, "{\"id\":1,\"name\":\"P\",\"price\":1,\"stock_quantity\":9}"));
	x = ask_send(p.port,
		     &(const struct ask){ .target = ORDERS, .token = token_of(9), .body = ORDER_OF_1 });
	cr_assert(peer_waits_for(&products, product_target(1), 1, 5000));
	(void)kill(p.pid, SIGINT);
	a = ask_receive(&x, 10000);
	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	cr_expect(pool_stop(&p));
}

/* A pool behind a relay to the database. */
static struct pool
start_behind(struct relay *database, int workers)
{
	const char *name = database_new(), *url = database_url(name), *at = strrchr(url, ':');

	*database = relay_start(atoi(at + 1));
	return pool_start(
		&(const struct pool_options){ .workers = workers,
					      .database = name,
					      .settings = { text("DATABASE_URL=%.*s:%d/%s", (int)(at - url),
								 url, database->port, name) } });
}

Test(lifecycle, requests_are_503_while_the_database_is_away_and_good_again_with_it)
{
	struct relay database;
	struct pool p;
	int64_t order_id;
	pid_t before[POOL_PIDS], after[POOL_PIDS];
	struct answer a;

	NEEDS(POOL_IS_FULL);
	p = start_behind(&database, 2);
	order_id = place_order(&p, 9, 3, 1);
	cr_assert(pool_has_workers(&p, 2, 5000)); /* the others may still be starting */
	cr_assert(pool_pids(&p, "orders.fcgi", before) == 2);
	for (int round = 0; round < 2; round++) {
		relay_set(&database, RELAY_DOWN);
		for (int i = 0; i < 4; i++) { /* each worker */
			a = ASK(&p, .target = ORDERS, .token = token_of(9));
			EXPECT_DETAIL(a, 503, "Database unavailable");
			a = ASK(&p, .target = ORDERS, .token = token_of(9),
				.body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}");
			EXPECT_DETAIL(a, 503, "Database unavailable");
			a = change_order(&p, 9, order_id, "confirmed");
			EXPECT_DETAIL(a, 503, "Database unavailable");
		}
		relay_set(&database, RELAY_UP);
		for (int i = 0; i < 4; i++) {
			a = ASK(&p, .target = order_target(order_id), .token = token_of(9));
			cr_expect(a.status == 200, "%d %s", a.status, a.body);
		}
	}
	cr_expect(pool_pids(&p, "orders.fcgi", after) == 2 && memcmp(before, after, 2 * sizeof *before) == 0,
		  "the same workers");
	EXPECT_TEXT(pool_sql(&p, "SELECT count(*) FROM orders.orders"), "1");
	cr_expect(pool_stop(&p));
}

Test(lifecycle, a_connection_that_the_database_ended_is_no_fault)
{
	struct pool p = pool_start(&(const struct pool_options){ .workers = 2 });
	static const char kill_all[] =
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'orders_worker' AND "
		"datname = current_database()";

	for (int round = 0; round < 5; round++) {
		int64_t order_id = place_order(&p, 9, 3, 1);
		struct answer a;

		(void)place_order(&p, 9, 3, 1);
		(void)pool_sql(&p, kill_all);
		a = ASK(&p, .target = order_target(order_id), .token = token_of(9));
		cr_expect(a.status == 200, "%d %s", a.status, a.body);
		(void)pool_sql(&p, kill_all);
		a = change_order(&p, 9, order_id, "confirmed");
		cr_expect(a.status == 200, "%d %s", a.status, a.body);
	}
	cr_expect(pool_stop(&p));
}

Test(lifecycle, a_database_that_hangs_is_503_in_time, .timeout = 60)
{
	struct relay database;
	struct pool p = start_behind(&database, 1);
	struct answer a;

	relay_set(&database, RELAY_FROZEN);
	a = ASK(&p, .target = ORDERS, .token = token_of(9));
	EXPECT_DETAIL(a, 503, "Database unavailable");
	cr_expect(a.ms < 12000, "%lld ms", (long long)a.ms);
	relay_set(&database, RELAY_UP);
	a = ASK(&p, .target = ORDERS, .token = token_of(9));
	EXPECT(a, 200, "[]");
	cr_expect(pool_stop(&p));
}

/* The answer to the commit is lost: whether it happened is found out before the client hears of it. */
Test(lifecycle, a_commit_in_doubt_is_settled_before_it_is_answered)
{
	struct relay database;
	struct pool p = start_behind(&database, 1);
	struct answer a;
	int64_t order_id;

	for (int round = 1; round <= 4; round++) {
		(void)ASK(&p, .target = ORDERS, .token = token_of(8)); /* a connection is there */
		relay_set(&database, RELAY_CUT_ANSWER);
		a = ASK(&p, .target = ORDERS, .token = token_of(9),
			.key = round % 2 ? NULL : text("key-%d", round),
			.body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}");
		cr_assert(a.status == 201, "%d %s", a.status, a.body);
		cr_expect_null(field(&a, "Idempotent-Replayed"), "it is the first that the client hears");
		EXPECT_TEXT(pool_sql(&p, "SELECT count(*) FROM orders.orders WHERE user_id = 9"),
			    text("%d", round));
		order_id = order_id_of(&a);
		EXPECT_TEXT(field(&a, "Location"), order_target(order_id));
		relay_set(&database, RELAY_CUT_ANSWER);
		a = change_order(&p, 9, order_id, "confirmed");
		cr_expect(a.status == 200, "%d %s", a.status, a.body);
		cr_expect_null(field(&a, "Idempotent-Replayed"));
		EXPECT_TEXT(
			pool_sql(&p,
				 text("SELECT version || ' ' || status FROM orders.orders WHERE id = %lld",
				      (long long)order_id)),
			"2 confirmed");
	}
	/* Now and then the cut meets the sweep's call instead of the request's. */
	cr_expect(relay_cuts(&database) == 8, "%d answers were cut", relay_cuts(&database));
	cr_expect(pool_log_line(&p, "\"event\":\"database.lost\"", "\"call\":\"create_order\"") != NULL, "%s",
		  pool_log(&p));
	cr_expect(pool_log_line(&p, "\"event\":\"database.lost\"", "\"call\":\"change_status\"") != NULL,
		  "%s", pool_log(&p));
	cr_expect(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox", "0", 15000),
		  "every event is delivered");
	cr_expect(pool_stop(&p));
}

static char *
shell(const char *script)
{
	const char *const argv[] = { "sh", "-euc", script, NULL };
	extern char **environ;
	struct ran r = program_run(argv, environ, NULL);

	cr_assert(r.status == 0, "%s: %d %s%s", script, r.status, r.out, r.err);
	r.out[strcspn(r.out, "\n")] = '\0';
	return r.out;
}

Test(lifecycle, outlives_restarts_of_PostgreSQL, .timeout = 90)
{
	char *dir = text("%s/pg", test_env("ORDERS_TEST_DIR")),
	     *root = text("%s", test_env("ORDERS_TEST_ROOT"));
	char *parts = text("PARTS_ROOT='%s'; . '%s/demo/parts.sh'; dir='%s'", root, root, dir), *url;
	int port = free_port();
	struct pool p;
	int64_t order_id;
	struct answer a;

	url = shell(text(
		"%s; mkdir -p \"$dir\"; postgres_start \"$dir\" %d fast >&2; postgres_database \"$dir\" orders >&2;"
		"owner=$(postgres_tcp_url \"$dir\" orders_owner orders); schema_deploy \"$owner\" >&2;"
		"schema_worker \"$owner\" orders_worker \"$(cat \"$dir/postgres/password\")\" >&2;"
		"postgres_tcp_url \"$dir\" orders_worker orders",
		parts, port));
	p = pool_start(&(const struct pool_options){
		.workers = 2, .database = "postgres", .settings = { text("DATABASE_URL=%s", url) } });
	order_id = place_order(&p, 9, 3, 1);
	for (int round = 0; round < 2; round++) {
		(void)shell(text("%s; postgres_stop \"$dir\" %s", parts, round ? "immediate" : "fast"));
		a = ASK(&p, .target = order_target(order_id), .token = token_of(9));
		EXPECT_DETAIL(a, 503, "Database unavailable");
		(void)shell(text("%s; postgres_start \"$dir\" %d fast >&2", parts, port));
		a = ASK(&p, .target = order_target(order_id), .token = token_of(9));
		cr_expect(a.status == 200, "%d %s", a.status, a.body);
		(void)place_order(&p, 9, 3, 1);
	}
	cr_expect(pool_stop(&p));
	(void)shell(text("%s; postgres_stop \"$dir\" immediate", parts));
}

Test(lifecycle, finds_its_database_by_other_drivers_spellings)
{
	static const char *const schemes[] = { "postgresql+asyncpg", "postgres" };

	for (size_t i = 0; i < 2; i++) {
		const char *name = database_new(), *rest = strchr(database_url(name), ':');
		struct pool p = pool_start(&(const struct pool_options){
			.workers = 1,
			.database = name,
			.settings = { text("DATABASE_URL=%s%s?ssl=prefer", schemes[i], rest) } });

		(void)place_order(&p, 9, 3, 1);
		EXPECT_TEXT(pool_sql(&p, "SELECT count(*) FROM orders.orders"), "1");
		cr_expect(pool_stop(&p));
	}
}

/* The worker's role may call the functions of the API, and nothing else. */
Test(lifecycle, the_workers_role_has_no_right_to_any_table)
{
	const char *const tables[] = { "orders.orders", "orders.order_items", "orders.order_changes",
				       "orders.outbox" };
	static const char *const rights[] = { "SELECT",	  "INSERT",	"UPDATE", "DELETE",
					      "TRUNCATE", "REFERENCES", "TRIGGER" };

	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (size_t r = 0; r < sizeof rights / sizeof *rights; r++)
			EXPECT_TEXT(pool_sql(pool_shared(),
					     text("SELECT has_table_privilege('orders_worker', '%s', '%s')",
						  tables[t], rights[r])),
				    "f");
}

/* The repeat waits for the first call, for longer than its lock_timeout: refused, it is still in doubt. */
Test(lifecycle, a_commit_that_outlives_its_connection_is_settled, .timeout = 60)
{
	struct relay database;
	struct pool p = start_behind(&database, 1);
	struct exchange x;
	struct answer a;

	(void)ASK(&p, .target = ORDERS, .token = token_of(8));
	(void)pool_sql(&p, SLOW_ITEMS);
	x = ask_send(p.port,
		     &(const struct ask){ .method = "POST",
					  .target = ORDERS,
					  .token = token_of(9),
					  .body = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}" });
	cr_assert(pool_sql_becomes(&p, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
				   "1", 5000));
	relay_set(&database, RELAY_DOWN);
	relay_set(&database, RELAY_UP);
	a = ask_receive(&x, 20000);
	cr_expect(a.status == 201, "%d %s", a.status, a.body);
	EXPECT_TEXT(pool_sql(&p, "SELECT count(*) FROM orders.orders WHERE user_id = 9"), "1");
	cr_expect(pool_stop(&p));
}

Test(lifecycle, TERM_is_heard_while_requests_keep_coming)
{
	struct lone w = lone_start(0, NULL, NULL);
	pid_t clients[4];

	for (size_t i = 0; i < 4; i++)
		if ((clients[i] = fork()) == 0)
			for (;;)
				(void)lone_ask(&w, &(const struct ask){ .target = "/health" });
	cr_expect(lone_ask(&w, &(const struct ask){ .target = "/health" }).status == 200);
	(void)kill(w.pid, SIGTERM);
	cr_expect(worker_wait(w.pid, 5000) == 0);
	for (size_t i = 0; i < 4; i++)
		(void)kill(clients[i], SIGKILL);
}
