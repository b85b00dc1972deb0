/* A long outage of SNS has left a million events: they go quickly, beside the requests, and leave nothing behind. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/events.h"
#include "support/relay.h"
#include "support/test.h"

#define FEW 1000
#define LEAST_PER_S full_or_quick(2000, 1200)
#define FIRST_USER 1000000 /* whose the orders of the outage are */
#define CLAIMS 41

/* Orders of one line with the event that each owes, as create_order() writes them. */
static void
owe(const struct scene *s, long from, long to)
{
	(void)pool_sql(
		&s->pool,
		text("BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off;"
		     "WITH o AS ("
		     " INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at)"
		     " SELECT %d + i %% 1000, 'user@example.com', 'pending', 1, 91.00, t, t"
		     " FROM generate_series(%ld, %ld) AS i, LATERAL (SELECT clock_timestamp() + i * interval '1 us' AS t) AS now"
		     " RETURNING user_id, id, created_at"
		     "), i AS ("
		     " INSERT INTO orders.order_items (user_id, order_id, line, product_id, product_name, product_price, quantity,"
		     "  subtotal, created_at)"
		     " SELECT user_id, id, 1, 3, 'USB-C Hub', 45.50, 2, 91.00, created_at FROM o"
		     "), c AS ("
		     " INSERT INTO orders.order_changes (user_id, order_id, version, new_status, changed_at, changed_by, event_id,"
		     "  idempotency_key, request_digest)"
		     " SELECT user_id, id, 1, 'pending', created_at, user_id, gen_random_uuid(), ' outage ' || id,"
		     "  decode(repeat('00', 32), 'hex') FROM o"
		     ")"
		     "INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at)"
		     " SELECT user_id, id, 1, 'outage', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', created_at FROM o;"
		     "COMMIT; ANALYZE orders.outbox",
		     FIRST_USER, from, to));
}

/* The median time of claiming ten, in ms. */
static double
claim_ms(const struct scene *s)
{
	return strtod(
		pool_sql(
			&s->pool,
			text("CREATE TEMP TABLE took (ms double precision); DO $$ DECLARE t timestamptz; BEGIN"
			     " FOR i IN 1 .. %d LOOP"
			     "  BEGIN"
			     "   t := clock_timestamp(); PERFORM orders.claim_due(10, 10000);"
			     "   RAISE EXCEPTION USING MESSAGE = extract(epoch FROM clock_timestamp() - t) * 1000;"
			     "  EXCEPTION WHEN raise_exception THEN INSERT INTO took VALUES (SQLERRM::double precision); END;"
			     " END LOOP; END $$;"
			     "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM took",
			     CLAIMS)),
		NULL);
}

struct waiting {
	const struct scene *s;
	long most;
};

static bool
has_gone_down_to(void *arg)
{
	const struct waiting *w = arg;

	return scene_owed(w->s) <= w->most;
}

/* Seldom and by what costs little: counting a million rows takes more of the processors than sending them. */
static bool
has_drained(void *arg)
{
	(void)poll(NULL, 0, 250);
	return strtol(pool_sql(&((const struct scene *)arg)->pool,
			       "SELECT waiting FROM orders.outbox_stats()"),
		      NULL, 10) <= 50;
}

static bool
is_small(void *arg)
{
	return strcmp(pool_sql(&((const struct scene *)arg)->pool,
			       "SELECT pg_relation_size('orders.outbox') < 4000000"),
		      "t") == 0;
}

/* What it stands for is elsewhere, so a million events must not take from requests what only it needs. In other rows it keeps its
 * rank: where the processors are the bound, workers would wait for it. */
static void
set_nice_of_emulator(int nice)
{
	if (geteuid() == 0) /* others could not take it back */
		(void)setpriority(PRIO_PROCESS, (id_t)atoi(test_env("ORDERS_TEST_SNS_PID")), nice);
}

static void
run_backlog(void)
{
	long n = full_or_quick(1000000, 10000);
	struct relay sns = relay_start(events_port());
	struct scene s = scene_start(&(const struct pool_options){ .workers = 8, .sns = sns.port });
	double peak = scene_peak(&s), few, many, drain_s;
	struct load *l = scene_load(
		&s,
		&(const struct load_options){
			.rate = peak * 0.15,
			.mix = { [LOAD_CREATE] = 4, [LOAD_CHANGE] = 2, [LOAD_GET] = 3, [LOAD_LIST] = 1 } });
	struct load_figures before, during;
	int64_t begun;
	long left;

	set_nice_of_emulator(15);
	(void)wait_until(20000, has_gone_down_to, &(struct waiting){ &s, 20 });
	begun = clock_us();
	go_on(full_or_quick(10000, 1500));
	before = load_figures(l, ALL_KINDS, begun, clock_us());
	relay_set(&sns, RELAY_DOWN);
	owe(&s, 1, FEW);
	few = claim_ms(&s);
	owe(&s, FEW + 1, n);
	many = claim_ms(&s);
	left = scene_owed(&s);
	begun = clock_us();
	relay_set(&sns, RELAY_UP);
	demand(wait_until(10000, has_gone_down_to, &(struct waiting){ &s, left - 1 }),
	       "SNS is back, and nothing goes");
	figure("the first gone after %.1f s", (double)(clock_us() - begun) / 1e6);
	begun = clock_us();
	demand(wait_until(1200000, has_drained, &s), "the backlog does not go");
	drain_s = (double)(clock_us() - begun) / 1e6;
	during = load_figures(l, ALL_KINDS, begun, clock_us());
	set_nice_of_emulator(0);
	figure("%ld events gone in %.0f s, %.0f/s", left, drain_s, (double)left / drain_s);
	demand_time((double)left / drain_s >= LEAST_PER_S, "%.0f events/s", (double)left / drain_s);
	figure("claiming ten takes %.2f ms of %ld, %.2f ms of %d", many, left, few, FEW);
	demand_time(many <= 2 * few + 0.5, "claiming does not cost what it takes: %.2f ms, %.2f ms", many,
		    few);
	demand_ratio("p99 meanwhile", during.p99_ms, before.p99_ms, 2, 15);
	demand(during.good == during.asked && before.good == before.asked, "%ld requests failed",
	       during.asked - during.good);
	if (!is_quick()) { /* autovacuum comes by once a minute */
		demand(wait_until(150000, is_small, &s), "the outbox stays bloated");
		figure("the outbox then has %s kB, its indexes %s kB",
		       pool_sql(&s.pool, "SELECT pg_relation_size('orders.outbox') / 1024"),
		       pool_sql(&s.pool, "SELECT pg_indexes_size('orders.outbox') / 1024"));
	}
	if (is_quick())
		scene_end(&s, 30000, false, true);
	else
		scene_end_counted(&s, 30000);
	relay_stop(&sns);
}

const struct row backlog_rows[] = {
	{ "backlog", "a long outage of SNS has left a backlog", run_backlog, 2400, ALONE },
	{ 0 },
};
