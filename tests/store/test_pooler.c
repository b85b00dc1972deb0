/* PgBouncer between the worker and PostgreSQL, in both of its modes: docs/pgbouncer.ini. */
#include "db.h"

TestSuite(pooler, .init = open_db, .fini = close_db, .timeout = 60);

static const char *const modes[] = { "ORDERS_TEST_SESSION_URL", "ORDERS_TEST_TRANSACTION_URL" };

static const char *
pooled(const char *mode)
{
	return talloc_asprintf(db.ctx, "%s%s", need(mode), db.name);
}

static PGconn *
connect_through(const char *url)
{
	PGconn *conn = PQconnectdb(url);

	cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
	return conn;
}

/* Of names that somebody gave, maybe a worker of another version, to what means something else there. */
#define POISON                                                                                                                             \
	"PREPARE %s AS SELECT 'found', 1::bigint, 1::bigint, 'other@example.com', 'pending'::orders.order_status, 1, 1.00, now(), now(), " \
	"1, 1::bigint, 1::bigint, 'other', 1.00, 1, 1.00, now(), NULL::orders.order_status, NULL::uuid, false FROM (SELECT $1, $2) AS t"

Test(pooler, gives_no_answer_of_a_statement_that_somebody_else_prepared)
{
	static const char *const names[] = { "get_order", "list_orders" };
	int64_t id = create(9, 0);

	for (size_t i = 0; i < ROWS(modes); i++) {
		struct pg *pg = pg_open(db.ctx, pooled(modes[i]), &db.breaker);
		PGconn *other = connect_through(pooled(modes[i]));
		struct order o;

		for (size_t n = 0; n < ROWS(names); n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)query(other, talloc_asprintf(db.ctx, POISON, names[n]));
#pragma GCC diagnostic pop
		}
		if (strstr(modes[i], "TRANSACTION"))
			cr_expect_str_eq(sql(CONNECTED), "1",
					 "one connection that all have, and so its names");
		else
			PQfinish(other), other = NULL;
		cr_assert_eq(store_get_order(pg, db.ctx, 9, id, &o), RC_OK, "%s", modes[i]);
		cr_expect(o.id == id && strcmp(o.email, "user@example.com") == 0, "%s: %s", modes[i],
			  o.email);
		cr_expect_eq(store_get_order(pg, db.ctx, 8, id, &o), RC_NO_ORDER);
		talloc_free(pg);
		PQfinish(other);
		(void)sql(TERMINATE);
		cr_assert(becomes(CONNECTED, "0"));
	}
}

Test(pooler, leaves_no_statement_behind)
{
	const char *url = pooled("ORDERS_TEST_TRANSACTION_URL");
	struct pg *a = pg_open(db.ctx, url, &db.breaker), *b = pg_open(db.ctx, url, &db.breaker);
	PGconn *conn;

	for (int i = 0; i < 3; i++) {
		cr_expect_eq(store_ready(a, db.ctx), RC_OK);
		cr_expect_eq(store_ready(b, db.ctx), RC_OK);
	}
	cr_expect_str_eq(sql(CONNECTED), "1", "for both of them");
	conn = connect_through(url);
	cr_expect_str_eq(query(conn, "SELECT count(*) FROM pg_prepared_statements"), "0");
	PQfinish(conn);
}

Test(pooler, is_not_suspected_where_there_is_none)
{
	(void)sql(
		"CREATE FUNCTION public.prepared() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM pg_prepared_statements'");
	(void)sql(
		"CREATE OR REPLACE FUNCTION orders.schema_version() RETURNS integer LANGUAGE sql SECURITY DEFINER "
		"AS 'SELECT CASE WHEN public.prepared() >= 10 THEN 3 ELSE 0 END'");
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK, "the calls are prepared");
	cr_expect_eq(store_ready(pg_open(db.ctx, pooled("ORDERS_TEST_SESSION_URL"), &db.breaker), db.ctx),
		     RC_NOT_READY, "and are not");
}

struct task {
	int64_t user;
};

static struct outcome
place_and_lead(struct pg *pg, const void *arg)
{
	const struct task *t = arg;
	struct outcome o = { .rc = RC_OK };

	db.pg = pg;
	for (int i = 0; i < 20 && !o.rc; i++) {
		struct changed made;
		struct order seen;
		int64_t id = create(t->user, 60000);

		o.rc = lead(t->user, id, STATUS_CONFIRMED, 60000, &made);
		if (!o.rc &&
		    (made.order.id != id || made.order.user_id != t->user || made.order.version != 2))
			o.rc = RC_INTERNAL;
		if (!o.rc)
			o.rc = store_get_order(pg, db.ctx, t->user, id, &seen);
		if (!o.rc && (seen.id != id || seen.status != STATUS_CONFIRMED || seen.n != 1))
			o.rc = RC_INTERNAL;
	}
	return o;
}

Test(pooler, gives_each_worker_its_own_answers)
{
	for (size_t i = 0; i < ROWS(modes); i++) {
		struct job jobs[8];
		struct task tasks[ROWS(jobs)];

		for (size_t j = 0; j < ROWS(jobs); j++) {
			tasks[j] = (struct task){ .user = (int64_t)(100 * (i + 1) + j) };
			jobs[j] = start_job_at(pooled(modes[i]), place_and_lead, &tasks[j]);
		}
		for (size_t j = 0; j < ROWS(jobs); j++)
			cr_expect_eq(end_job(jobs[j]).rc, RC_OK, "%s", modes[i]);
	}
	cr_expect_str_eq(
		sql("SELECT count(*) || ' ' || count(DISTINCT user_id) FROM orders.orders WHERE version = 2"),
		"320 16");
}

/* The connection behind the pooler goes, in the middle of a change. */
static struct outcome
place(struct pg *pg, const void *arg)
{
	struct change c = change_by(9, "key-1", "create");
	struct order o = order_of(9, 2);
	struct changed made = { .order.id = 0 };
	struct outcome out;

	(void)arg;
	out.rc = store_create_order(pg, db.ctx, &c, &o, &made);
	out.order_id = made.order.id;
	return out;
}

Test(pooler, settles_what_became_of_a_change_whose_connection_went)
{
	for (size_t i = 0; i < ROWS(modes); i++) {
		struct job job;
		struct outcome o;

		(void)sql("TRUNCATE orders.orders, orders.order_items, orders.order_changes, orders.outbox");
		(void)sql("BEGIN");
		(void)sql("LOCK TABLE orders.outbox IN SHARE MODE");
		job = start_job_at(pooled(modes[i]), place, NULL);
		cr_assert(becomes(WAITING, "1"), "%s", modes[i]);
		(void)query(db.watch, TERMINATE);
		(void)sql("COMMIT");
		o = end_job(job);
		cr_expect_eq(o.rc, RC_OK, "%s", modes[i]);
		cr_expect_str_eq(sql("SELECT count(*) || ' ' || min(id) FROM orders.orders"),
				 talloc_asprintf(db.ctx, "1 %lld", (long long)o.order_id), "%s", modes[i]);
		(void)sql(TERMINATE);
		cr_assert(becomes(CONNECTED, "0"));
	}
}

Test(pooler, is_no_way_in_for_those_it_does_not_know)
{
	for (size_t i = 0; i < ROWS(modes); i++) {
		const char *url = pooled(modes[i]);
		const char *refused = talloc_asprintf(db.ctx, "%s?options=-csearch_path%%3Dpublic", url);
		PGconn *conn = PQconnectdb(refused);

		cr_expect_not_null(strstr(PQerrorMessage(conn), "unsupported startup parameter"), "%s",
				   PQerrorMessage(conn));
		PQfinish(conn);
		cr_expect_eq(store_ready(pg_open(db.ctx, refused, &db.breaker), db.ctx), RC_DATABASE);
	}
}
