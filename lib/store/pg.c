#include "store/pg.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/calls.h"
#include "store/conn.h"

#define CONNECT_MS 3000 /* shared by the hosts that are tried */
#define STUCK_MS 300000 /* then a commit without an answer is given up */
#define DUPLICATE_PREPARED "42P05"
#define UNKNOWN_PREPARED "26000"
#define PAUSE_MS 100 /* between attempts to settle what became of a change, with jitter */

static const struct outcome_name outcomes[] = {
	{ RC_OK, "ok" },
	{ RC_DATABASE, "unavailable" },
	{ RC_DUPLICATE, "duplicate" },
	{ RC_INTERNAL, "error" },
};
#define OUTCOMES (sizeof outcomes / sizeof *outcomes)

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

static const struct breaker_policy policy = {
	.threshold = 2, .first_ms = 250, .cap_ms = 500, .probe_ms = CONNECT_MS + 500
};

struct pg {
	bool prepared[CALLS]; /* on this connection */
	bool unnamed;	      /* a pooler is between: what is prepared here is not found there */
	PGconn *conn;	      /* NULL while there is none */
	const char *conninfo;
	struct breaker *breaker;
	struct host *hosts;
	size_t n_hosts, host; /* the one that was good last */
	PGconn *stuck;	      /* with a commit that got no answer, on stuck_host; NULL: none */
	size_t stuck_host;
	int64_t stuck_until_ms;
	int64_t spent_us;
	struct series *timed[CALLS][OUTCOMES]; /* the pool's counts of each call */
};

static void
forget_stuck(struct pg *pg)
{
	PQfinish(pg->stuck);
	pg->stuck = NULL;
}

static void
lose(struct pg *pg)
{
	pg->conn = NULL;
	memset(pg->prepared, 0, sizeof pg->prepared);
}

static void
disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	lose(pg);
}

static void
set_aside(struct pg *pg)
{
	forget_stuck(pg);
	pg->stuck = pg->conn;
	pg->stuck_host = pg->host;
	pg->stuck_until_ms = clock_ms() + STUCK_MS;
	lose(pg);
}

/* Does a commit of ours still wait where we are connected now? */
static bool
is_stuck(struct pg *pg)
{
	if (pg->stuck &&
	    (pg->host != pg->stuck_host || clock_ms() >= pg->stuck_until_ms || !PQconsumeInput(pg->stuck) ||
	     PQstatus(pg->stuck) == CONNECTION_BAD || !PQisBusy(pg->stuck)))
		forget_stuck(pg);
	return pg->stuck != NULL;
}

static int
close_pg(struct pg *pg)
{
	disconnect(pg);
	forget_stuck(pg);
	return 0;
}

struct pg *
pg_open(void *ctx, const char *conninfo, struct breaker *breaker)
{
	struct pg *pg = talloc_zero(ctx, struct pg);

	if (!pg)
		return NULL;
	pg->conninfo = conninfo;
	pg->breaker = breaker;
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

/* Sends a statement that has no parameters, or the call i to be prepared; NULL: the connection broke or hung. */
static PGresult *
ask(struct pg *pg, const char *sql, size_t i, int64_t deadline)
{
	int sent = sql ? PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0)
		       : PQsendPrepare(pg->conn, calls[i].name, calls[i].sql, calls[i].params, NULL);

	return sent && conn_flush(pg->conn, deadline) ? conn_receive(pg->conn, deadline) : NULL;
}

/*
 * Is there a pooler between, such as PgBouncer? It makes up the process that it names in its greeting, so another one answers.
 * Names are not for use there: the next transaction may be on a connection that does not know them or, worse, has them from a
 * worker of another version. False: the connection is of no use.
 */
static bool
find_pooler(struct pg *pg, int64_t deadline)
{
	PGresult *result = ask(pg, "SELECT pg_catalog.pg_backend_pid()", 0, deadline);
	bool good = result && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;

	if (good)
		pg->unnamed = strtol(PQgetvalue(result, 0, 0), NULL, 10) != PQbackendPID(pg->conn);
	PQclear(result);
	return good;
}

/*
 * Names the calls on a new connection. What is wrong with one, the call itself will say; but a name that is taken there was
 * given by somebody else, and nobody knows to what. False: the connection broke.
 */
static bool
prepare_all(struct pg *pg, int64_t deadline)
{
	for (size_t i = 0; !pg->unnamed && i < CALLS; i++) {
		PGresult *result;

		if (calls[i].flags & RARE)
			continue;
		result = ask(pg, NULL, i, deadline);
		if (!result)
			return false;
		pg->prepared[i] = PQresultStatus(result) == PGRES_COMMAND_OK;
		pg->unnamed = result_has_state(result, DUPLICATE_PREPARED);
		PQclear(result);
	}
	return true;
}

static enum rc
connect_to(struct pg *pg, const struct host *h, int64_t deadline)
{
	bool good;

	pg->conn = conn_open(pg->conninfo, h, deadline, &good);
	if (!pg->conn)
		return RC_NO_MEMORY;
	if (good && find_pooler(pg, deadline) && prepare_all(pg, deadline))
		return RC_OK;
	conn_log(pg->conn, clock_left_ms(deadline) ? "database.unreachable" : "database.connect_timeout",
		 NULL);
	disconnect(pg);
	return RC_DATABASE;
}

/* The host that was good last comes first; each has its share of the time left. *silent: none was good, and one said nothing in its time. */
static enum rc
connect_any(struct pg *pg, int64_t deadline, bool *silent)
{
	enum rc rc = RC_DATABASE;

	*silent = false;
	for (size_t i = 0; rc && i < pg->n_hosts; i++) {
		size_t h = (pg->host + i) % pg->n_hosts;
		int64_t by = clock_ms() + clock_left_ms(deadline) / (int)(pg->n_hosts - i);

		rc = connect_to(pg, &pg->hosts[h], by);
		if (!rc)
			pg->host = h;
		*silent = rc && (*silent || clock_left_ms(by) == 0);
	}
	return rc;
}

/* A server that went away while the connection was idle has said so by now. */
static bool
is_connected(struct pg *pg)
{
	if (!pg->conn)
		return false;
	if (conn_wait(pg->conn, POLLIN, 0) &&
	    (!PQconsumeInput(pg->conn) || PQstatus(pg->conn) == CONNECTION_BAD))
		disconnect(pg);
	return pg->conn != NULL;
}

static enum rc
judge(struct pg *pg, PGresult *result, enum call call, bool *lost)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (result_is_good(result))
		return RC_OK;
	if (!state) { /* libpq's own words: the connection broke, or there is no memory */
		conn_log(pg->conn, "database.lost", calls[call].name);
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
	return sent && conn_flush(pg->conn, deadline) ? conn_receive(pg->conn, deadline) : NULL;
}

/* *lost: the connection broke or hung, and nobody here knows what became of the call. */
static enum rc
call_once(struct pg *pg, void *ctx, enum call call, const char *const *params, int64_t deadline,
	  const struct rows **out, bool *lost)
{
	struct rows *rows = rows_new(ctx); /* now: without memory nothing is called */
	PGresult *result;
	bool late = false;
	enum rc rc;

	*lost = false;
	if (!rows)
		return RC_NO_MEMORY;
	result = execute(pg, call, params, deadline);
	if (result && result_has_state(result, UNKNOWN_PREPARED)) { /* refused before it began */
		log_info("database.pooled");
		pg->unnamed = true;
		PQclear(result);
		result = execute(pg, call, params, deadline);
	}
	if (!result) {
		late = clock_left_ms(deadline) == 0;
		conn_log(pg->conn, late ? "database.timeout" : "database.lost", calls[call].name);
		*lost = true;
		rc = RC_DATABASE;
	} else {
		rc = judge(pg, result, call, lost);
	}
	if (late)
		breaker_report(pg->breaker, &policy, false);
	if (late && (calls[call].flags & WAITS)) {
		set_aside(pg);
	} else if (*lost || PQstatus(pg->conn) == CONNECTION_BAD) {
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

/* Connected already, or now. Who has less than the usual time leaves it to others to find out whether anybody answers. */
static enum rc
reach(struct pg *pg, int64_t deadline)
{
	bool in_time = clock_left_ms(deadline) >= CONNECT_MS, silent;
	int64_t by = clock_ms() + CONNECT_MS;
	enum rc rc;

	if (is_connected(pg))
		return RC_OK;
	if (in_time ? !breaker_admits(pg->breaker, &policy) : breaker_is_open(pg->breaker, &policy)) {
		breaker_refused(pg->breaker);
		return RC_DATABASE;
	}
	rc = connect_any(pg, in_time ? by : deadline, &silent);
	if (in_time && rc != RC_NO_MEMORY)
		breaker_report(pg->breaker, &policy, !silent);
	return rc;
}

/*
 * A read is tried on a second connection; a change until it is settled or the time is over. Once it is in doubt, being
 * refused for a while settles nothing: the first call may still hold the very lock that the second one waits for.
 */
static enum rc
call_until(struct pg *pg, void *ctx, enum call call, const char *const *params, const struct rows **out)
{
	int64_t deadline = clock_ms() + PG_CALL_MS;
	bool lost, in_doubt = false;
	enum rc rc;

	for (int attempt = 0;; attempt++) {
		rc = reach(pg, deadline);
		if (!rc && (calls[call].flags & WAITS) && is_stuck(pg)) {
			log_warn("database.stuck", log_text("call", calls[call].name));
			return RC_DATABASE;
		}
		if (!rc) {
			rc = call_once(pg, ctx, call, params, deadline, out, &lost);
			if (!lost && (!in_doubt || rc != RC_DATABASE))
				return rc;
			in_doubt = in_doubt || (calls[call].flags & CHANGES);
		} else if (!in_doubt) {
			return rc;
		}
		if ((attempt > 0 && !in_doubt) || clock_left_ms(deadline) == 0)
			break;
		if (attempt > 0)
			(void)poll(NULL, 0, 1 + (int)id_random(PAUSE_MS));
	}
	if (in_doubt)
		log_warn("database.in_doubt", log_text("call", calls[call].name));
	return rc;
}

enum rc
pg_call(struct pg *pg, void *ctx, enum call call, const char *const *params, const struct rows **out)
{
	int64_t started = metrics_asks(ASKS_DATABASE);
	enum rc rc = call_until(pg, ctx, call, params, out);
	int64_t spent = metrics_asks(ASKS_NOBODY) - started;
	size_t i = metrics_outcome(outcomes, OUTCOMES, rc);

	pg->spent_us += spent;
	metrics_time(&pg->timed[call][i], TIMED_DATABASE, calls[call].name, outcomes[i].name, spent);
	return rc;
}

int64_t
pg_take_spent_us(struct pg *pg)
{
	int64_t spent = pg->spent_us;

	pg->spent_us = 0;
	return spent;
}
