/* A connection to PostgreSQL that comes back by itself, and the table of the functions it calls. */
#ifndef STORE_PG_H
#define STORE_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "order/order.h"
#include "rc.h"

struct pg;
struct rows;	/* a result, in binary format; freed with the context that it was asked for on */

enum call {
	CALL_SCHEMA_VERSION,
	CALL_CREATE_ORDER,
	CALL_CHANGE_STATUS,
	CALL_GET_ORDER,
	CALL_LIST_ORDERS,
	CALL_FIND_REPLAY,
	CALL_FIND_OWNER,
	CALL_CLAIM_DUE,
	CALL_PUBLISH_DONE,
	CALL_PUBLISH_FAILED,
};

#define PG_PARAMS_MAX 14

/* NULL: no memory. Does not connect yet. conninfo is borrowed. */
struct pg *pg_open(void *ctx, const char *conninfo);

/* What libpq holds against conninfo, on ctx; NULL when it is fine. Never shows a password. */
const char *pg_check_conninfo(void *ctx, const char *conninfo);

/*
 * Calls a function with text params (NULL is SQL's NULL), connecting first where needed. A change whose
 * connection broke is called again on a new one: its key makes that safe and settles what became of it.
 * RC_DATABASE, RC_DUPLICATE (SQLSTATE 23505), RC_INTERNAL, RC_NO_MEMORY.
 */
enum rc pg_call(struct pg *pg, void *ctx, enum call call, const char *const *params,
		const struct rows **out) MUST_CHECK;

/* µs spent in calls since the last time that this was asked. */
int64_t pg_take_spent_us(struct pg *pg);

int rows_count(const struct rows *r);
bool row_is_null(const struct rows *r, int row, int col);
int64_t row_i64(const struct rows *r, int row, int col);	/* of a bigint or an integer */
bool row_bool(const struct rows *r, int row, int col);
int64_t row_time_us(const struct rows *r, int row, int col);	/* µs since 1970 */
enum status row_status(const struct rows *r, int row, int col);
struct money row_money(const struct rows *r, int row, int col);
const char *row_text(const struct rows *r, int row, int col);	/* lives as long as r */
void row_uuid(const struct rows *r, int row, int col, char out[static 37]);

/* Array literals: pg_array_open(), for each element one of the others, pg_array_close(). */
void pg_array_open(struct buf *b);
void pg_array_text(struct buf *b, const char *s);	/* NULL is SQL's NULL */
void pg_array_i64(struct buf *b, int64_t v);
void pg_array_money(struct buf *b, struct money m);
void pg_array_close(struct buf *b);

#endif
