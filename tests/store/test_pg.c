/* A connection that comes back by itself. */
#include "db.h"
#include "support/relay.h"

TestSuite(pg, .init = open_db, .fini = close_db);

/* The database behind a relay. */
static struct relay
open_relay(const char **url)
{
	const char *host = strstr(db.url, "@127.0.0.1:"), *rest;
	struct relay r;

	cr_assert_not_null(host, "the worker's URL goes over TCP");
	host += strlen("@127.0.0.1:");
	rest = host + strspn(host, "0123456789");
	r = relay_start(atoi(host));
	*url = talloc_asprintf(db.ctx, "%.*s%d%s", (int)(host - db.url), db.url, r.port, rest);
	return r;
}

Test(pg, tells_what_libpq_holds_against_a_conninfo)
{
	static const struct {
		const char *conninfo;
		bool good;
	} rows[] = {
		{ "postgresql://u:p@h:5432/d", true },
		{ "postgresql://a,b:5433/d?target_session_attrs=primary", true },
		{ "postgresql://h/d?sslmode=verify-full&connect_timeout=3", true },
		{ "postgresql://h/d?prepared_statement_cache_size=0", false },
		{ "postgresql://u:s3cret@h/d?nonsense=1", false },
		{ "postgresql://u:s3cret@h:port%/d", false },
		{ "postgresql://[::1/d", false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *fault = pg_check_conninfo(db.ctx, rows[i].conninfo);

		cr_expect(!fault == rows[i].good, "%s: %s", rows[i].conninfo, fault ? fault : "taken");
		cr_expect(!fault || !strstr(fault, "s3cret"), "%s", fault);
	}
}

Test(pg, does_not_connect_before_it_is_asked)
{
	(void)pg_open(db.ctx, db.url, &db.breaker);
	cr_expect_str_eq(sql(CONNECTED), "0");
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK);
	cr_expect_str_eq(sql(CONNECTED), "1");
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK);
	cr_expect_str_eq(sql(CONNECTED), "1", "and then once");
}

Test(pg, counts_the_time_that_calls_take)
{
	cr_expect_eq(pg_take_spent_us(db.pg), 0);
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK);
	cr_expect_gt(pg_take_spent_us(db.pg), 0);
	cr_expect_eq(pg_take_spent_us(db.pg), 0, "taken is taken");
}

Test(pg, is_ready_when_the_schema_is_as_new_as_the_worker)
{
	static const struct {
		const char *version;
		enum rc rc;
		const char *why;
	} rows[] = { { "2", RC_NOT_READY, "older" },
		     { "3", RC_OK, "the same" },
		     { "4", RC_OK, "newer: rolled out before the workers" } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)sql(
			"CREATE OR REPLACE FUNCTION orders.schema_version() RETURNS integer LANGUAGE sql AS 'SELECT %s'",
			rows[i].version);
		cr_expect_eq(store_ready(db.pg, db.ctx), rows[i].rc, "%s", rows[i].why);
	}
	(void)sql("DROP SCHEMA orders CASCADE");
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_DATABASE, "not migrated");
}

Test(pg, is_not_there_when_nobody_listens)
{
	const char *url;
	struct relay r = open_relay(&url);
	struct pg *pg = pg_open(db.ctx, url, &db.breaker);
	int64_t started = clock_ms();

	relay_set(&r, RELAY_DOWN);
	cr_expect_eq(store_ready(pg, db.ctx), RC_DATABASE);
	cr_expect_lt(clock_ms() - started, 3000, "refused is refused");
	relay_set(&r, RELAY_UP);
	cr_expect_eq(store_ready(pg, db.ctx), RC_OK, "it is back");
	relay_stop(&r);
}

/* url with a further host before its own. */
static const char *
before(const char *url, int port)
{
	const char *host = strstr(url, "127.0.0.1:");

	cr_assert_not_null(host);
	return talloc_asprintf(db.ctx, "%.*s127.0.0.1:%d,%s", (int)(host - url), url, port, host);
}

Test(pg, goes_on_to_the_next_host_when_one_refuses_or_says_nothing)
{
	const char *url;
	struct relay r = open_relay(&url);
	struct pg *pg = pg_open(db.ctx, before(db.url, r.port), &db.breaker);
	int64_t started = clock_ms();

	relay_set(&r, RELAY_FROZEN);
	cr_expect_eq(store_ready(pg, db.ctx), RC_OK);
	cr_expect_lt(clock_ms() - started, 2500, "a hanging host has half of the time");
	(void)sql(
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orders.fcgi'");
	started = clock_ms();
	cr_expect_eq(store_ready(pg, db.ctx), RC_OK);
	cr_expect_lt(clock_ms() - started, 1000, "the one that was good is tried first");
	relay_set(&r, RELAY_DOWN);
	pg = pg_open(db.ctx, before(db.url, r.port), &db.breaker);
	cr_expect_eq(store_ready(pg, db.ctx), RC_OK);
	relay_stop(&r);
}

Test(pg, takes_the_host_that_can_be_written_to)
{
	const char *url = talloc_asprintf(db.ctx, "%s?target_session_attrs=read-write",
					  before(db.url, atoi(strstr(db.url, "127.0.0.1:") + 10)));
	struct pg *pg = pg_open(db.ctx, url, &db.breaker);

	cr_expect_eq(store_ready(pg, db.ctx), RC_OK);
	(void)sql("ALTER DATABASE %s SET default_transaction_read_only = on", db.name);
	pg = pg_open(db.ctx, url, &db.breaker);
	cr_expect_eq(store_ready(pg, db.ctx), RC_DATABASE, "neither of the two");
}

Test(pg, gives_up_on_a_server_that_says_nothing)
{
	const char *url;
	struct relay r = open_relay(&url);
	struct pg *pg = pg_open(db.ctx, url, &db.breaker);
	int64_t started = clock_ms();

	relay_set(&r, RELAY_FROZEN);
	cr_expect_eq(store_ready(pg, db.ctx), RC_DATABASE);
	cr_expect(clock_ms() - started >= 2500 && clock_ms() - started < 9000, "%lld ms",
		  (long long)(clock_ms() - started));
	relay_set(&r, RELAY_UP);
	cr_expect_eq(store_ready(pg, db.ctx), RC_OK);
	relay_stop(&r);
}

Test(pg, refuses_a_database_or_a_password_that_is_wrong)
{
	struct pg *pg = pg_open(db.ctx, talloc_asprintf(db.ctx, "%sx", db.url), &db.breaker);

	cr_expect_eq(store_ready(pg, db.ctx), RC_DATABASE, "no such database");
	pg = pg_open(db.ctx, talloc_asprintf(db.ctx, "%s?password=wrong", db.url), &db.breaker);
	cr_expect_eq(store_ready(pg, db.ctx), RC_DATABASE, "another password");
}

Test(pg, comes_back_after_it_was_terminated_between_calls)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct order o;

	(void)sql(TERMINATE);
	cr_assert(becomes(CONNECTED, "0"));
	cr_expect_eq(store_get_order(db.pg, db.ctx, 9, id, &o), RC_OK, "a read");
	(void)sql(TERMINATE);
	cr_assert(becomes(CONNECTED, "0"));
	cr_expect_eq(lead(9, id, STATUS_CONFIRMED, 0, &made), RC_OK, "a change");
	(void)sql(TERMINATE);
	cr_assert(becomes(CONNECTED, "0"));
	(void)create(9, 0);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "2");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.order_changes"), "3");
}

static struct outcome
create_one(struct pg *pg, const void *arg)
{
	struct change c = change_by(9, arg, "request");
	struct order o = order_of(9, 2);
	struct changed made = { 0 };
	enum rc rc = store_create_order(pg, db.ctx, &c, &o, &made);

	return (struct outcome){ .rc = rc,
				 .order_id = rc ? 0 : made.order.id,
				 .event_waits = made.event_waits };
}

static struct outcome
confirm(struct pg *pg, const void *arg)
{
	const int64_t *id = arg;
	struct change c = change_by(9, NULL, "request");
	struct changed made = { 0 };
	enum rc rc = store_change_status(pg, db.ctx, &c, 9, *id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made);

	return (struct outcome){
		.rc = rc, .order_id = *id, .old_status = made.old_status, .event_waits = made.event_waits
	};
}

Test(pg, does_a_change_again_whose_connection_was_terminated)
{
	struct outcome o;
	struct job job;

	/* The worker waits for a key that somebody holds, and is terminated there: nothing of it was committed. */
	(void)sql("BEGIN");
	(void)sql(
		"SELECT count(*) FROM orders.create_order(9, 'a@b', 1, '{1}', '{x}', '{1}', '{1}', '{1}', 'key', "
		"decode(repeat('00', 32), 'hex'), gen_random_uuid(), 'r', 't', 0)");
	job = start_job(create_one, "key");
	cr_assert(becomes(WAITING, "1"));
	cr_assert_str_eq(query(db.watch, TERMINATE), "1");
	cr_assert(becomes(WAITING, "0"));
	(void)sql("ROLLBACK");
	o = end_job(job);
	cr_expect_eq(o.rc, RC_OK, "%d", o.rc);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "1");
	cr_expect_str_eq(sql("SELECT id FROM orders.orders"),
			 talloc_asprintf(db.ctx, "%lld", (long long)o.order_id));
}

Test(pg, settles_a_create_whose_answer_was_lost_behind_the_commit)
{
	const char *url;
	struct relay r = open_relay(&url);
	struct pg *pg = pg_open(db.ctx, url, &db.breaker);
	struct change c = change_by(9, NULL, "request");
	struct order o = order_of(9, 2), back;
	struct changed made;

	cr_assert_eq(store_ready(pg, db.ctx),
		     RC_OK); /* connected: the next bytes back are the answer to the change */
	relay_set(&r, RELAY_CUT_ANSWER);
	cr_expect_eq(store_create_order(pg, db.ctx, &c, &o, &made), RC_OK, "settled: it was committed");
	cr_expect_eq(relay_cuts(&r), 1);
	cr_expect(made.event_waits, "the sweep will send it");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "1");
	cr_expect_eq(store_get_order(pg, db.ctx, 9, made.order.id, &back), RC_OK);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "1", "its event is owed once");
	relay_stop(&r);
}

Test(pg, settles_a_step_whose_answer_was_lost_behind_the_commit)
{
	const char *url;
	struct relay r = open_relay(&url);
	struct pg *pg = pg_open(db.ctx, url, &db.breaker);
	struct change c = change_by(9, NULL, "request");
	struct changed made;
	int64_t id = create(9, 0);

	cr_assert_eq(store_ready(pg, db.ctx), RC_OK);
	relay_set(&r, RELAY_CUT_ANSWER);
	cr_expect_eq(store_change_status(pg, db.ctx, &c, 9, id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made),
		     RC_OK);
	cr_expect_eq(relay_cuts(&r), 1);
	cr_expect_eq(made.old_status, STATUS_PENDING);
	cr_expect_eq(made.order.status, STATUS_CONFIRMED);
	cr_expect(made.event_waits);
	cr_expect_str_eq(sql("SELECT version FROM orders.orders"), "2");
	relay_stop(&r);
}

Test(pg, reads_again_what_was_lost)
{
	const char *url;
	struct relay r = open_relay(&url);
	struct pg *pg = pg_open(db.ctx, url, &db.breaker);
	int64_t id = create(9, 0);
	struct order o;

	cr_assert_eq(store_ready(pg, db.ctx), RC_OK);
	relay_set(&r, RELAY_CUT_ANSWER);
	cr_expect_eq(store_get_order(pg, db.ctx, 9, id, &o), RC_OK);
	cr_expect_eq(relay_cuts(&r), 1);
	relay_stop(&r);
}

Test(pg, goes_on_after_a_statement_timeout)
{
	int64_t id = create(9, 0);
	struct outcome o;

	(void)sql("ALTER ROLE orders_worker IN DATABASE %s SET statement_timeout = '300ms'", db.name);
	(void)sql("BEGIN");
	(void)sql("SELECT 1 FROM orders.orders FOR UPDATE");
	o = end_job(start_job(confirm, &id));
	cr_expect_eq(o.rc, RC_DATABASE);
	cr_expect(o.took_ms >= 250 && o.took_ms < 1900, "before lock_timeout: %lld ms", (long long)o.took_ms);
	(void)sql("ROLLBACK");
	o = end_job(start_job(confirm, &id));
	cr_expect_eq(o.rc, RC_OK);
}

Test(pg, keeps_its_connection_after_a_refusal)
{
	int64_t id = create(9, 0);
	struct change c = change_by(9, "key", "x");
	struct order o = order_of(9, 1);
	struct changed made;
	const char *pid = sql(
		"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'orders_worker'");

	o.items[0].quantity = 2; /* the subtotal is wrong now */
	cr_expect_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_INTERNAL);
	cr_expect_eq(lead(9, id, STATUS_CONFIRMED, 0, &made), RC_OK);
	cr_expect_str_eq(
		sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'orders_worker'"),
		pid);
}

Test(pg, looks_for_another_server_when_this_one_only_reads)
{
	struct pg *pg = pg_open(db.ctx, db.url, &db.breaker);
	int64_t id = create(9, 0), started;
	struct order o;

	(void)sql("ALTER ROLE orders_worker IN DATABASE %s SET default_transaction_read_only = on", db.name);
	cr_expect_eq(store_get_order(pg, db.ctx, 9, id, &o), RC_OK, "reads go on");
	started = clock_ms();
	{
		struct change c = change_by(9, NULL, "x");
		struct changed made;

		cr_expect_eq(store_change_status(pg, db.ctx, &c, 9, id,
						 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made),
			     RC_DATABASE);
		cr_expect_lt(clock_ms() - started, 9000);
		(void)sql("ALTER ROLE orders_worker IN DATABASE %s RESET default_transaction_read_only",
			  db.name);
		cr_expect_eq(store_change_status(pg, db.ctx, &c, 9, id,
						 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made),
			     RC_OK, "on a new connection");
	}
}

Test(pg, writes_array_literals)
{
	struct buf b;

	buf_init(&b, db.ctx, 100);
	pg_array_open(&b);
	pg_array_close(&b);
	cr_expect_str_eq(b.data, "{}");
	pg_array_open(&b);
	pg_array_text(&b, "a\"b\\c");
	pg_array_text(&b, NULL);
	pg_array_text(&b, "");
	pg_array_i64(&b, INT64_MIN);
	pg_array_money(&b, (struct money){ 4550 });
	pg_array_close(&b);
	cr_expect_str_eq(b.data, "{\"a\\\"b\\\\c\",NULL,\"\",-9223372036854775808,45.50}");
}
