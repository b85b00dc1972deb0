/*
 * What the store's tests have in common: a database of its own for each test, made from the migrated template that
 * run.sh has; a connection to it as the superuser; the store's own as the worker's role; other processes that call
 * the store at the same time.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "store/orders.h"
#include "store/outbox.h"
#include "store/reads.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))
#define LIMIT_MS 20000 /* that a condition may take to come true */
#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct {
	void *ctx;
	char name[64];
	const char *url; /* as the worker's role */
	PGconn *su;
	PGconn *watch; /* another one: in a transaction, what pg_stat_activity shows stands still */
	struct pg *pg;
	struct breaker breaker;
} db;

static inline const char *
need(const char *name)
{
	const char *value = getenv(name);

	cr_assert_not_null(value, "%s is not set: tests/support/run.sh does", name);
	return value;
}

static inline PGconn *
connect_as_superuser(const char *database)
{
	char *conninfo = talloc_asprintf(db.ctx, "%s dbname=%s", need("ORDERS_TEST_PG"), database);
	PGconn *conn = PQconnectdb(conninfo);

	cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
	return conn;
}

/* The first value of what the statement gives, "" for NULL and for no row. */
static inline const char *
query(PGconn *conn, const char *statement)
{
	PGresult *r = PQexec(conn, statement);
	ExecStatusType status = PQresultStatus(r);
	const char *value;

	cr_assert(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "%s: %s", statement,
		  PQerrorMessage(conn));
	value = talloc_strdup(db.ctx, PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return value;
}

__attribute__((format(printf, 1, 2))) static inline const char *
sql(const char *format, ...)
{
	va_list args;
	const char *statement;

	va_start(args, format);
	statement = talloc_vasprintf(db.ctx, format, args);
	va_end(args);
	return query(db.su, statement);
}

/* The SQLSTATE with which the statement is refused, "" when it is not. */
static inline const char *
sqlstate(PGconn *conn, const char *statement)
{
	PGresult *r = PQexec(conn, statement);
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	state = talloc_strdup(db.ctx, state ? state : "");
	PQclear(r);
	return state;
}

static inline void
open_db(void)
{
	PGconn *admin;

	db.ctx = talloc_new(NULL);
	admin = connect_as_superuser("postgres");
	(void)snprintf(db.name, sizeof db.name, "store_%d_%08x", (int)getpid(),
		       (unsigned)id_random(UINT32_MAX));
	(void)query(admin, talloc_asprintf(db.ctx, "CREATE DATABASE %s OWNER orders_owner TEMPLATE %s",
					   db.name, need("ORDERS_TEST_TEMPLATE")));
	PQfinish(admin);
	db.su = connect_as_superuser(db.name);
	db.watch = connect_as_superuser(db.name);
	db.url = talloc_asprintf(db.ctx, "%s%s", need("ORDERS_TEST_PG_URL"), db.name);
	db.pg = pg_open(db.ctx, db.url, &db.breaker);
}

static inline void
close_db(void)
{
	PGconn *admin = connect_as_superuser("postgres");

	PQfinish(db.su);
	PQfinish(db.watch);
	(void)query(admin, talloc_asprintf(db.ctx, "DROP DATABASE %s WITH (FORCE)", db.name));
	PQfinish(admin);
	talloc_free(db.ctx);
}

/* Asks until the statement gives the text. */
static inline bool
becomes(const char *statement, const char *wanted)
{
	int64_t deadline = clock_ms() + LIMIT_MS;

	while (strcmp(query(db.watch, statement), wanted) != 0) {
		if (clock_left_ms(deadline) == 0)
			return false;
		(void)poll(NULL, 0, 2);
	}
	return true;
}

/* The worker's connections to this database that wait for a lock. */
#define WAITING                                                                                                   \
	"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'orders_worker' " \
	"AND wait_event_type = 'Lock'"
#define TERMINATE                                                                                            \
	"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "  \
	"AND usename = 'orders_worker'"
#define CONNECTED                                                                                            \
	"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'orders_worker'"

/* A change that caller asks for under key, with a digest that the text decides. */
static inline struct change
change_by(int64_t caller, const char *key, const char *request)
{
	const struct part part = { request, strlen(request) };
	struct change c = {
		.caller = caller,
		.key = key,
		.request_id = "request-1",
		.traceparent = TRACEPARENT,
		.lease_ms = 60000,
	};

	cr_assert(id_sha256(&part, 1, c.digest));
	id_uuid(c.event_id);
	if (!key)
		c.key = talloc_asprintf(db.ctx, " %s", c.event_id);
	return c;
}

/* An order of user's with one line: quantity of a product at 45.50. Its item is on db.ctx. */
static inline struct order
order_of(int64_t user, int32_t quantity)
{
	struct item *item = talloc(db.ctx, struct item);

	*item = (struct item){
		.product_id = 3,
		.product_name = "USB-C Hub",
		.price = { 4550 },
		.subtotal = { INT64_C(4550) * quantity },
		.quantity = quantity,
	};
	return (struct order){
		.user_id = user,
		.email = "user@example.com",
		.status = STATUS_PENDING,
		.version = 1,
		.total = item->subtotal,
		.n = 1,
		.items = item,
	};
}

/* Stores one, whose event waits to be claimed where lease_ms is 0; returns its id. */
static inline int64_t
create(int64_t user, int lease_ms)
{
	struct change c = change_by(user, NULL, "create");
	struct order o = order_of(user, 2);
	struct changed made;

	c.lease_ms = lease_ms;
	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	return made.order.id;
}

/* A step from any version, for no reason. */
#define STEP(to_, from_) (&(const struct step){ .to = (to_), .from = (from_), .any_version = true })

/* A page of user's orders that were created from from_ on and before to_; what else is to be true of them follows. */
#define PAGE_WITHIN(user, from_, to_, ...)                                                                   \
	(&(const struct selection){                                                                          \
		.user_id = (user), .from_us = (from_), .to_us = (to_), .after_us = TIME_NONE, __VA_ARGS__ })
#define PAGE_OF(user, ...) PAGE_WITHIN(user, TIME_NONE, TIME_NONE, __VA_ARGS__)

/* Leads the user's order to a status; what comes of it is in *made. */
static inline enum rc
lead(int64_t user, int64_t order_id, enum status to, int lease_ms, struct changed *made)
{
	struct change c = change_by(user, NULL, "change");

	c.lease_ms = lease_ms;
	return store_change_status(db.pg, db.ctx, &c, user, order_id, STEP(to, status_predecessors(to)),
				   made);
}

static inline void
expect_money(struct money got, int64_t cents, const char *why)
{
	cr_expect(got.cents == cents, "%s: %lld cents, expected %lld", why, (long long)got.cents,
		  (long long)cents);
}

/* Another process that calls the store with a connection of its own. */
struct outcome {
	enum rc rc;
	int64_t order_id;
	enum status old_status;
	bool event_waits;
	int64_t took_ms;
};

typedef struct outcome job_fn(struct pg *pg, const void *arg);

struct job {
	pid_t pid;
	int from;
};

static inline struct job
start_job_at(const char *url, job_fn *run, const void *arg)
{
	struct job job;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	job = (struct job){ .pid = fork(), .from = ends[0] };
	cr_assert_geq(job.pid, 0);
	if (job.pid == 0) {
		struct pg *pg = pg_open(db.ctx, url, &db.breaker);
		int64_t deadline = clock_ms() + LIMIT_MS, started;
		struct outcome o;

		while (store_ready(pg, db.ctx) &&
		       clock_left_ms(deadline)) /* a busy machine may be slow to connect */
			(void)poll(NULL, 0, 10);
		started = clock_ms();
		o = run(pg, arg);
		o.took_ms = clock_ms() - started;
		_exit(write(ends[1], &o, sizeof o) != (ssize_t)sizeof o);
	}
	(void)close(ends[1]);
	return job;
}

static inline struct job
start_job(job_fn *run, const void *arg)
{
	return start_job_at(db.url, run, arg);
}

static inline struct outcome
end_job(struct job job)
{
	struct outcome o;
	int status;

	cr_assert_eq(read(job.from, &o, sizeof o), sizeof o, "the other process died");
	(void)close(job.from);
	cr_assert(waitpid(job.pid, &status, 0) == job.pid && status == 0);
	return o;
}

#endif
