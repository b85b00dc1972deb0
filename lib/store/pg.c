#include "store/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "store/hosts.h"

#define CONNECT_MS 3000 /* shared by the hosts that are tried */
#define DUPLICATE_PREPARED "42P05"
#define UNKNOWN_PREPARED "26000"
#define PAUSE_MS 100 /* between attempts to settle what became of a change, with jitter */

static const struct {
	const char *name;
	const char *sql;
	int params;
	bool changes;
} calls[] = {
	[CALL_SCHEMA_VERSION] = { "schema_version", "SELECT orders.schema_version()", 0, false },
	[CALL_CREATE_ORDER] = { "create_order",
				"SELECT * FROM orders.create_order($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
				14, true },
	[CALL_CHANGE_STATUS] = { "change_status",
				 "SELECT * FROM orders.change_status($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)", 11,
				 true },
	[CALL_GET_ORDER] = { "get_order", "SELECT * FROM orders.get_order($1,$2)", 2, false },
	[CALL_LIST_ORDERS] = { "list_orders", "SELECT * FROM orders.list_orders($1,$2,$3)", 3, false },
	[CALL_FIND_REPLAY] = { "find_replay", "SELECT * FROM orders.find_replay($1,$2,$3,$4)", 4, false },
	[CALL_FIND_OWNER] = { "find_owner", "SELECT * FROM orders.find_owner($1,$2,$3)", 3, false },
	[CALL_CLAIM_DUE] = { "claim_due", "SELECT * FROM orders.claim_due($1,$2)", 2, false },
	[CALL_PUBLISH_DONE] = { "publish_done", "SELECT orders.publish_done($1,$2,$3)", 3, false },
	[CALL_PUBLISH_FAILED] = { "publish_failed", "SELECT orders.publish_failed($1,$2,$3,$4,$5)", 5,
				  false },
};

/* SQLSTATEs and classes of them, the first that fits. lost: the connection is of no more use. */
static const struct {
	const char *prefix;
	enum rc rc;
	bool lost;
} states[] = {
	{ "23505", RC_DUPLICATE, false }, /* unique_violation */
	{ "0A000", RC_DATABASE, true },	  /* the function was replaced by one with another result */
	{ "25006", RC_DATABASE, true },	  /* read_only_sql_transaction: no primary any more */
	{ "08", RC_DATABASE, true },	  /* connection exceptions */
	{ "57014", RC_DATABASE, false },  /* query_canceled: statement_timeout */
	{ "57P", RC_DATABASE, true },	  /* shutdown, crash, cannot connect now */
	{ "53", RC_DATABASE, false },	  /* disk full, out of memory, too many connections */
	{ "55P03", RC_DATABASE, false },  /* lock_not_available: lock_timeout */
	{ "40", RC_DATABASE, false },	  /* deadlock, serialization failure */
	{ "58", RC_DATABASE, false },	  /* I/O error */
	{ "42", RC_DATABASE, false },	  /* not migrated, or not permitted */
	{ "3F", RC_DATABASE, false },	  /* no such schema */
};

#define CALLS (sizeof calls / sizeof *calls)

struct pg {
	bool prepared[CALLS]; /* on this connection */
	bool unnamed;	      /* a pooler shuffles connections: what is prepared here is not found there */
	PGconn *conn;	      /* NULL while there is none */
	const char *conninfo;
	struct host *hosts;
	size_t n_hosts, host; /* the one that was good last */
	int64_t spent_us;
};

static void
disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	memset(pg->prepared, 0, sizeof pg->prepared);
}

static int
close_pg(struct pg *pg)
{
	disconnect(pg);
	return 0;
}

struct pg *
pg_open(void *ctx, const char *conninfo)
{
	struct pg *pg = talloc_zero(ctx, struct pg);

	if (!pg)
		return NULL;
	pg->conninfo = conninfo;
	talloc_set_destructor(pg, close_pg);
	return hosts_parse(pg, conninfo, &pg->hosts, &pg->n_hosts) ? NULL : pg;
}

const char *
pg_check_conninfo(void *ctx, const char *conninfo)
{
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &error);
	const char *fault = options ? NULL : talloc_strdup(ctx, error ? error : "");

	if (!options && (!error || !fault))
		fault = "out of memory";
	PQconninfoFree(options);
	PQfreemem(error);
	return fault;
}

/* Waits until the socket is ready for events, or for the deadline. */
static bool
wait_for(const struct pg *pg, short events, int64_t deadline)
{
	struct pollfd p = { .fd = PQsocket(pg->conn), .events = events };

	return p.fd >= 0 && poll(&p, 1, clock_left_ms(deadline)) > 0;
}

static void
log_fault(const struct pg *pg, const char *event, const char *call)
{
	char text[200];
	const char *message = PQerrorMessage(pg->conn);
	size_t len = strcspn(message, "\n");

	len = len < sizeof text ? len : sizeof text - 1;
	memcpy(text, message, len);
	text[len] = '\0';
	log_warn(event, log_text("call", call), log_text("error", text));
}

static void
log_notice(void *arg, const char *message)
{
	(void)arg;
	log_warn("database.notice", log_text("message", message));
}

static bool
flush(struct pg *pg, int64_t deadline)
{
	int left;

	while ((left = PQflush(pg->conn)) > 0)
		if (!wait_for(pg, POLLIN | POLLOUT, deadline) || !PQconsumeInput(pg->conn))
			return false;
	return left == 0;
}

/* The first result; the rest, which a single statement does not have, are dropped. NULL: too late. */
static PGresult *
receive(struct pg *pg, int64_t deadline)
{
	PGresult *first = NULL, *next;

	for (;;) {
		while (PQisBusy(pg->conn))
			if (!wait_for(pg, POLLIN, deadline) || !PQconsumeInput(pg->conn)) {
				PQclear(first);
				return NULL;
			}
		next = PQgetResult(pg->conn);
		if (!next)
			return first;
		if (!first)
			first = next;
		else
			PQclear(next);
	}
}

static bool
has_state(const PGresult *result, const char *state)
{
	const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return got && strcmp(got, state) == 0;
}

/*
 * Names the calls on a new connection. Behind a pooler another worker may have done it there: the name says what it is. What
 * is wrong with one, the call itself will say. False: the connection broke.
 */
static bool
prepare_all(struct pg *pg, int64_t deadline)
{
	for (size_t i = 0; !pg->unnamed && i < CALLS; i++) {
		PGresult *result;

		if (!PQsendPrepare(pg->conn, calls[i].name, calls[i].sql, calls[i].params, NULL) ||
		    !flush(pg, deadline) || !(result = receive(pg, deadline)))
			return false;
		pg->prepared[i] = PQresultStatus(result) == PGRES_COMMAND_OK ||
				  has_state(result, DUPLICATE_PREPARED);
		PQclear(result);
	}
	return true;
}

static enum rc
connect_to(struct pg *pg, const struct host *h, int64_t deadline)
{
	/* What stands behind dbname, the conninfo, counts more than it, and what stands before it less. Looking for a Kerberos
	 * ticket on each connection is for those who ask for it: the library that does it crashes without memory
	 * (libgssapi_krb5 1.20). */
	const char *gss = getenv("PGGSSENCMODE");
	const struct {
		const char *keyword, *value;
	} params[] = {
		{ "client_encoding", "UTF8" },
		{ "tcp_user_timeout", "10000" },
		{ "gssencmode", gss ? gss : "disable" },
		{ "dbname", pg->conninfo },
		{ "host", h->host },
		{ "hostaddr", h->hostaddr },
		{ "port", h->port },
		{ "fallback_application_name", "orders.fcgi" },
	};
	const char *keywords[sizeof params / sizeof *params + 1] = { NULL },
							      *values[sizeof params / sizeof *params + 1];
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
		keywords[i] = params[i].keyword;
		values[i] = params[i].value;
	}
	pg->conn = PQconnectStartParams(keywords, values, 1);
	if (!pg->conn)
		return RC_NO_MEMORY;
	(void)PQsetNoticeProcessor(pg->conn, log_notice, NULL);
	while (PQstatus(pg->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
	       state != PGRES_POLLING_FAILED &&
	       wait_for(pg, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
		state = PQconnectPoll(pg->conn);
	if (state == PGRES_POLLING_OK && PQsetnonblocking(pg->conn, 1) == 0 && prepare_all(pg, deadline))
		return RC_OK;
	log_fault(pg, clock_left_ms(deadline) ? "database.unreachable" : "database.connect_timeout", NULL);
	disconnect(pg);
	return RC_DATABASE;
}

/* The host that was good last comes first; each has its share of the time that is left. */
static enum rc
connect_any(struct pg *pg, int64_t deadline)
{
	enum rc rc = RC_DATABASE;

	for (size_t i = 0; i < pg->n_hosts; i++) {
		size_t h = (pg->host + i) % pg->n_hosts;

		rc = connect_to(pg, &pg->hosts[h],
				clock_ms() + clock_left_ms(deadline) / (int)(pg->n_hosts - i));
		if (!rc) {
			pg->host = h;
			break;
		}
	}
	return rc;
}

/* A server that went away while the connection was idle has said so by now. */
static bool
is_connected(struct pg *pg)
{
	if (!pg->conn)
		return false;
	if (wait_for(pg, POLLIN, 0) && (!PQconsumeInput(pg->conn) || PQstatus(pg->conn) == CONNECTION_BAD))
		disconnect(pg);
	return pg->conn != NULL;
}

static enum rc
judge(struct pg *pg, PGresult *result, enum call call, bool *lost)
{
	ExecStatusType status = PQresultStatus(result);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return RC_OK;
	if (!state) { /* libpq's own words: the connection broke, or there is no memory */
		log_fault(pg, "database.lost", calls[call].name);
		*lost = true;
		return RC_DATABASE;
	}
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (strncmp(state, states[i].prefix, strlen(states[i].prefix)) != 0)
			continue;
		*lost = states[i].lost;
		if (states[i].rc != RC_DUPLICATE)
			log_warn("database.refused", log_text("call", calls[call].name),
				 log_text("sqlstate", state),
				 log_text("error", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
		return states[i].rc;
	}
	log_error("database.error", log_text("call", calls[call].name), log_text("sqlstate", state),
		  log_text("error", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
	return RC_INTERNAL;
}

static PGresult *
execute(struct pg *pg, enum call call, const char *const *params, int64_t deadline)
{
	int n = calls[call].params, sent;

	if (pg->prepared[call] && !pg->unnamed)
		sent = PQsendQueryPrepared(pg->conn, calls[call].name, n, params, NULL, NULL, 1);
	else
		sent = PQsendQueryParams(pg->conn, calls[call].sql, n, NULL, params, NULL, NULL, 1);
	return sent && flush(pg, deadline) ? receive(pg, deadline) : NULL;
}

/* *lost: the connection broke or hung, and nobody here knows what became of the call. */
static enum rc
call_once(struct pg *pg, void *ctx, enum call call, const char *const *params, int64_t deadline,
	  const struct rows **out, bool *lost)
{
	struct rows *rows = rows_new(ctx); /* now: without memory nothing is called */
	PGresult *result;
	enum rc rc;

	*lost = false;
	if (!rows)
		return RC_NO_MEMORY;
	result = execute(pg, call, params, deadline);
	if (result && has_state(result, UNKNOWN_PREPARED)) { /* refused before it began */
		log_info("database.pooled");
		pg->unnamed = true;
		PQclear(result);
		result = execute(pg, call, params, deadline);
	}
	if (!result) {
		log_fault(pg, clock_left_ms(deadline) ? "database.lost" : "database.timeout",
			  calls[call].name);
		*lost = true;
		rc = RC_DATABASE;
	} else {
		rc = judge(pg, result, call, lost);
	}
	if (*lost || PQstatus(pg->conn) == CONNECTION_BAD) {
		*lost = *lost || rc;
		disconnect(pg);
	}
	rows_take(rows, result);
	if (rc)
		talloc_free(rows);
	else
		*out = rows;
	return rc;
}

/*
 * A read is tried on a second connection; a change until it is settled or the time is over. Once it is in doubt, being
 * refused for a while settles nothing: the first call may still hold the very lock that the second one waits for.
 */
static enum rc
call_until(struct pg *pg, void *ctx, enum call call, const char *const *params, const struct rows **out)
{
	int64_t deadline = clock_ms() + PG_CALL_MS, connect_by;
	bool lost, in_doubt = false;
	enum rc rc;

	for (int attempt = 0;; attempt++) {
		connect_by = clock_ms() + CONNECT_MS;
		rc = is_connected(pg) ? RC_OK
				      : connect_any(pg, connect_by < deadline ? connect_by : deadline);
		if (!rc) {
			rc = call_once(pg, ctx, call, params, deadline, out, &lost);
			if (!lost && (!in_doubt || rc != RC_DATABASE))
				return rc;
			in_doubt = in_doubt || calls[call].changes;
		} else if (!in_doubt) {
			return rc;
		}
		if ((attempt > 0 && !in_doubt) || clock_left_ms(deadline) == 0)
			return rc;
		if (attempt > 0)
			(void)poll(NULL, 0, 1 + (int)id_random(PAUSE_MS));
	}
}

enum rc
pg_call(struct pg *pg, void *ctx, enum call call, const char *const *params, const struct rows **out)
{
	int64_t started = clock_us();
	enum rc rc = call_until(pg, ctx, call, params, out);

	pg->spent_us += clock_us() - started;
	return rc;
}

int64_t
pg_take_spent_us(struct pg *pg)
{
	int64_t spent = pg->spent_us;

	pg->spent_us = 0;
	return spent;
}
