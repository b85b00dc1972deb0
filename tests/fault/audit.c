#include "fault/audit.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "base/buf.h"
#include "order/status.h"
#include "support/events.h"
#include "support/test.h"

#define COPY_BYTES (1u << 20)

static const char *const kinds[LOAD_KINDS] = {
	[LOAD_CREATE] = "create", [LOAD_REPEAT] = "repeat", [LOAD_CHANGE] = "change", [LOAD_GET] = "get",
	[LOAD_LIST] = "list",	  [LOAD_HEALTH] = "health", [LOAD_BAD] = "bad",
};

/* Their violations count only where the caller asks for it. */
#define ONCE "no event is delivered twice"
#define IN_ORDER "events of an order arrive in order"

static const char tables[] =
	"SET client_min_messages = warning;"
	"SET statement_timeout = 0; SET lock_timeout = 0;"
	"DROP SCHEMA IF EXISTS audit CASCADE; CREATE SCHEMA audit;"
	"CREATE UNLOGGED TABLE audit.answers (id bigint GENERATED ALWAYS AS IDENTITY, kind text, status integer,"
	" user_id bigint, key text, order_id bigint, total numeric, lines integer, items text, to_status text);"
	"CREATE UNLOGGED TABLE audit.messages (arrival bigint GENERATED ALWAYS AS IDENTITY, sent_ms bigint,"
	" subject text, attribute text, message jsonb);";

static PGconn *
connect_to(const struct audit_options *o)
{
	PGconn *db = PQconnectdb(text("%s dbname=%s connect_timeout=10",
				      o->conninfo ? o->conninfo : test_env("ORDERS_TEST_PG"),
				      o->p->database));

	if (PQstatus(db) != CONNECTION_OK)
		give_up("audit: %s", PQerrorMessage(db));
	return db;
}

static PGresult *
run(PGconn *db, const char *sql)
{
	PGresult *r = PQexec(db, sql);
	ExecStatusType s = PQresultStatus(r);

	if (s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK && s != PGRES_COPY_IN)
		give_up("audit: %.60s: %s", sql, PQerrorMessage(db));
	return r;
}

static bool
nothing_is_owed(void *db)
{
	PGresult *r = run(db, "SELECT FROM orders.outbox LIMIT 1");
	bool none = PQntuples(r) == 0;

	PQclear(r);
	return none;
}

const char *
audit_mailbox(const char *database)
{
	return text("%s/mailbox-%s", test_env("ORDERS_TEST_DIR"), database);
}

/* A file, and not a table: whatever becomes of the database, what has been received cannot be received again. */
static void
receive(const struct audit_options *o)
{
	int port = o->sns_port ? o->sns_port : events_port();
	const char *command = text(
		"'%s' '%s/tests/fault/receive.mjs' http://127.0.0.1:%d http://127.0.0.1:%d/000000000000/%s copy >>'%s'",
		test_env("ORDERS_TEST_NODE"), test_env("ORDERS_TEST_ROOT"), port, port, o->p->queue,
		audit_mailbox(o->p->database));

	if (o->p->queue[0] && system(command) != 0)
		give_up("audit: the queue cannot be received: %s", command);
}

/* COPY */

static void
copy_begin(PGconn *db, const char *sql)
{
	PQclear(run(db, sql));
}

static void
copy_put(PGconn *db, const char *bytes, size_t len)
{
	if (PQputCopyData(db, bytes, (int)len) != 1)
		give_up("audit: %s", PQerrorMessage(db));
}

static void
copy_end(PGconn *db)
{
	PGresult *r;

	if (PQputCopyEnd(db, NULL) != 1)
		give_up("audit: %s", PQerrorMessage(db));
	while ((r = PQgetResult(db))) {
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			give_up("audit: %s", PQerrorMessage(db));
		PQclear(r);
	}
}

static void
copy_messages(PGconn *db, const char *path)
{
	FILE *f = fopen(path, "re");
	char *bytes = talloc_array(NULL, char, COPY_BYTES);
	size_t n;

	copy_begin(db, "COPY audit.messages (sent_ms, subject, attribute, message) FROM STDIN");
	while (f && (n = fread(bytes, 1, COPY_BYTES, f)) > 0)
		copy_put(db, bytes, n);
	if (f && (ferror(f) || fclose(f) != 0))
		give_up("audit: %s: %s", path, strerror(errno));
	copy_end(db);
	talloc_free(bytes);
}

/* "3x2,16x1" */
static void
put_items(struct buf *b, const struct load_record *r)
{
	for (int i = 0; i < r->lines; i++) {
		buf_puts(b, i ? "," : "");
		buf_put_i64(b, r->items[i].product);
		buf_putc(b, 'x');
		buf_put_i64(b, r->items[i].quantity);
	}
}

static void
put_answer(struct buf *b, const char *key_prefix, const struct load_record *r)
{
	char rest[160];

	buf_puts(b, kinds[r->kind]);
	(void)snprintf(rest, sizeof rest, "\t%d\t%lld\t", r->status, (long long)r->user);
	buf_puts(b, rest);
	if (r->key) {
		buf_puts(b, key_prefix);
		buf_put_i64(b, r->key);
	} else {
		buf_puts(b, "\\N");
	}
	(void)snprintf(rest, sizeof rest, "\t%lld\t%lld.%02d\t%u\t", (long long)r->order_id,
		       (long long)(r->total_cents / 100), (int)(r->total_cents % 100), r->lines);
	buf_puts(b, rest);
	put_items(b, r);
	(void)snprintf(rest, sizeof rest, "\t%s\n",
		       r->kind == LOAD_CHANGE ? status_name((enum status)r->to) : "\\N");
	buf_puts(b, rest);
}

/* Returns how many answers were wrong. */
static long
copy_answers(PGconn *db, const struct load *l)
{
	long n = load_count(l), wrong = 0;
	char *prefix = text("%s", load_key(l, 0));
	struct buf b;

	*strrchr(prefix, '0') = '\0';
	buf_init(&b, NULL, COPY_BYTES);
	copy_begin(
		db,
		"COPY audit.answers (kind, status, user_id, key, order_id, total, lines, items, to_status) FROM STDIN");
	for (long i = 0; i < n; i++) {
		const struct load_record *r = load_record(l, i);

		wrong += r->wrong;
		if (r->status < 200 || r->status > 299 || r->kind > LOAD_CHANGE)
			continue;
		put_answer(&b, prefix, r);
		if (b.len > COPY_BYTES / 2) {
			copy_put(db, b.data, b.len);
			buf_clear(&b);
		}
	}
	if (b.failed)
		give_up("audit: no memory");
	if (b.len)
		copy_put(db, b.data, b.len);
	copy_end(db);
	talloc_free(b.data);
	return wrong;
}

/* Judging */

static void
add_invariant(struct audit *a, const char *name, long violations)
{
	if (a->n == AUDIT_INVARIANTS)
		give_up("audit: more than %d invariants", AUDIT_INVARIANTS);
	a->invariants[a->n].name = text("%s", name);
	a->invariants[a->n++].violations = violations;
	a->violations += violations;
}

static void
set_figure(struct audit *a, const char *name, long n)
{
	const struct {
		const char *name;
		long *figure;
	} figures[] = {
		{ "acked_orders", &a->acked_orders },	{ "acked_changes", &a->acked_changes },
		{ "stored_orders", &a->stored_orders }, { "changes", &a->changes },
		{ "delivered", &a->delivered },		{ "distinct", &a->distinct },
	};

	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		if (strcmp(figures[i].name, name) == 0)
			*figures[i].figure = n;
}

static void
judge(struct audit *a, PGconn *db, const struct audit_options *o)
{
	const char *path = text("%s/tests/fault/audit.sql", test_env("ORDERS_TEST_ROOT"));
	const char *sql = read_file(path, NULL);
	PGresult *r;

	if (!sql)
		give_up("audit: %s: %s", path, strerror(errno));
	r = run(db, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) == 0)
		give_up("audit: %s finds nothing to say", path);
	for (int i = 0; i < PQntuples(r); i++) {
		const char *name = PQgetvalue(r, i, 1);
		long n = atol(PQgetvalue(r, i, 2));

		if (PQgetvalue(r, i, 0)[0] != 't')
			set_figure(a, name, n);
		else if ((o->exactly_once || strcmp(name, ONCE) != 0) &&
			 (o->in_order || strcmp(name, IN_ORDER) != 0))
			add_invariant(a, name, n);
	}
	PQclear(r);
}

bool
audit(struct audit *out, const struct audit_options *o)
{
	PGconn *db = connect_to(o);
	long wrong = 0;

	*out = (struct audit){ 0 };
	PQclear(run(db, tables));
	(void)wait_until(o->limit_ms, nothing_is_owed, db);
	receive(o);
	copy_messages(db, audit_mailbox(o->p->database));
	for (int i = 0; i < o->n_loads; i++)
		wrong += copy_answers(db, o->loads[i]);
	PQclear(run(db, "ANALYZE audit.answers, audit.messages"));
	judge(out, db, o);
	add_invariant(out, "no answer is wrong", wrong);
	PQfinish(db);
	return out->violations == 0;
}

long
audit_of(const struct audit *a, const char *name)
{
	for (int i = 0; i < a->n; i++)
		if (strcmp(a->invariants[i].name, name) == 0)
			return a->invariants[i].violations;
	give_up("audit: there is no invariant '%s'", name);
}
