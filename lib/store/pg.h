/* A connection to PostgreSQL that comes back by itself, and the table of the functions it calls. */
#ifndef STORE_PG_H
#define STORE_PG_H

#include <stdint.h>

#include "base/pool.h"
#include "rc.h"
#include "store/rows.h"

struct pg;

enum call {
	CALL_SCHEMA_VERSION,
	CALL_CREATE_ORDER,
	CALL_CHANGE_STATUS,
	CALL_GET_ORDER,
	CALL_LIST_ORDERS,
	CALL_LIST_ALL_ORDERS,
	CALL_GET_HISTORY,
	CALL_FIND_REPLAY,
	CALL_FIND_OWNER,
	CALL_CLAIM_DUE,
	CALL_PUBLISH_DONE,
	CALL_PUBLISH_FAILED,
	CALL_OUTBOX_STATS,
	CALL_OUTBOX_LIST,
	CALL_OUTBOX_EVENTS,
	CALL_OUTBOX_RETRY,
	CALL_OUTBOX_RETRY_PARKED,
	CALL_OUTBOX_DISCARD,
	CALL_ORDER_EVENTS,
	CALL_DATABASE_FACTS,
	CALLS
};

#define PG_CALL_MS                                                                                           \
	6000 /* that a call may take: above the role's statement_timeout, so that the server decides first */

/* NULL: no memory, or not a conninfo. Does not connect yet. Both are borrowed. The breaker is the pool's, and opens when servers say
 * nothing: that would cost each worker CONNECT_MS a request. */
struct pg *pg_open(void *ctx, const char *conninfo, struct breaker *breaker);

/* What libpq holds against conninfo, on ctx; NULL when it is fine. Never shows a password. */
const char *pg_check_conninfo(void *ctx, const char *conninfo);

/*
 * Calls a function with text params (NULL is SQL's NULL), connecting first where needed. A change whose
 * connection broke is called again on a new one: its key makes that safe and settles what became of it.
 * A commit that gets no answer in PG_CALL_MS, since a synchronous standby is gone for instance, keeps its connection; until that
 * gets one this worker makes no further commit there, each of which would take a connection of the server's too.
 * RC_DATABASE, RC_DUPLICATE (SQLSTATE 23505), RC_INTERNAL, RC_NO_MEMORY.
 */
enum rc pg_call(struct pg *pg, void *ctx, enum call call, const char *const *params,
		const struct rows **out) MUST_CHECK;

/* µs spent in calls since the last time that this was asked. */
int64_t pg_take_spent_us(struct pg *pg);

#endif
