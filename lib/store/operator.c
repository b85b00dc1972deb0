#include "store/operator.h"

#include <stdio.h>
#include <talloc.h>

#include "base/clock.h"

#define LITERAL_MAX (64u << 10)

/* The columns of orders.event_state. */
enum {
	COL_EVENT,
	COL_USER,
	COL_ORDER,
	COL_VERSION,
	COL_OLD_STATUS,
	COL_NEW_STATUS,
	COL_CHANGED_AT,
	COL_CHANGED_BY,
	COL_REASON,
	COL_NOTE,
	COL_STATE,
	COL_REQUEST_ID,
	COL_ATTEMPTS,
	COL_NEXT_ATTEMPT_AT,
	COL_PARKED_AT,
	COL_LAST_ERROR,
	COL_WAITS_FOR,
	COL_DISCARDED_AT,
	COL_DISCARDED_BY,
	COL_DISCARD_REASON,
};

static int64_t
time_or_0(const struct rows *r, int row, int col)
{
	return row_is_null(r, row, col) ? 0 : row_time_us(r, row, col);
}

static void
read_state(const struct rows *r, int row, struct event_state *out)
{
	*out = (struct event_state){
		.user_id = row_i64(r, row, COL_USER),
		.order_id = row_i64(r, row, COL_ORDER),
		.version = (int32_t)row_i64(r, row, COL_VERSION),
		.old_status = row_status(r, row, COL_OLD_STATUS),
		.new_status = row_status(r, row, COL_NEW_STATUS),
		.changed_us = row_time_us(r, row, COL_CHANGED_AT),
		.changed_by = row_i64(r, row, COL_CHANGED_BY),
		.reason = row_text_or_null(r, row, COL_REASON),
		.note = row_text_or_null(r, row, COL_NOTE),
		.state = row_text(r, row, COL_STATE),
		.request_id = row_text_or_null(r, row, COL_REQUEST_ID),
		.attempts = (int32_t)row_i64(r, row, COL_ATTEMPTS),
		.next_attempt_us = time_or_0(r, row, COL_NEXT_ATTEMPT_AT),
		.parked_us = time_or_0(r, row, COL_PARKED_AT),
		.last_error = row_text_or_null(r, row, COL_LAST_ERROR),
		.waits_for = (int32_t)row_i64(r, row, COL_WAITS_FOR),
		.discarded_us = time_or_0(r, row, COL_DISCARDED_AT),
		.discarded_by = row_text_or_null(r, row, COL_DISCARDED_BY),
		.discard_reason = row_text_or_null(r, row, COL_DISCARD_REASON),
	};
	row_uuid(r, row, COL_EVENT, out->event_id);
}

static enum rc
call_states(struct pg *pg, void *ctx, enum call call, const char *const *params, struct event_state **out,
	    size_t *n)
{
	const struct rows *r;
	struct event_state *states;
	enum rc rc = pg_call(pg, ctx, call, params, &r);

	if (rc)
		return rc;
	states = talloc_array_size(ctx, sizeof *states, (unsigned)rows_count(r));
	if (rows_count(r) && !states)
		return RC_NO_MEMORY;
	for (int row = 0; row < rows_count(r); row++)
		read_state(r, row, &states[row]);
	*out = states;
	*n = (size_t)rows_count(r);
	return RC_OK;
}

enum rc
store_outbox_list(struct pg *pg, void *ctx, bool parked, int limit, struct event_state **out, size_t *n)
{
	struct number count;

	return call_states(pg, ctx, CALL_OUTBOX_LIST,
			   (const char *const[]){ parked ? "true" : "false", number(&count, limit) }, out, n);
}

static const char *
uuid_array(struct buf *b, void *ctx, const char *const *ids, size_t n)
{
	buf_init(b, ctx, LITERAL_MAX);
	pg_array_open(b);
	for (size_t i = 0; i < n; i++)
		pg_array_text(b, ids[i]);
	pg_array_close(b);
	return b->failed ? NULL : b->data;
}

enum rc
store_outbox_events(struct pg *pg, void *ctx, const char *const *ids, size_t n_ids, struct event_state **out,
		    size_t *n)
{
	struct buf array;
	const char *events = uuid_array(&array, ctx, ids, n_ids);

	return events ? call_states(pg, ctx, CALL_OUTBOX_EVENTS, &events, out, n) : RC_NO_MEMORY;
}

enum rc
store_order_events(struct pg *pg, void *ctx, int64_t owner, int64_t order_id, struct event_state **out,
		   size_t *n)
{
	struct number user, order;

	return call_states(pg, ctx, CALL_ORDER_EVENTS,
			   (const char *const[]){ number(&user, owner), number(&order, order_id) }, out, n);
}

/* Columns: event_id, outcome; a row for each id. */
static enum rc
call_outcomes(struct pg *pg, void *ctx, enum call call, const char *const *params, size_t n,
	      struct event_outcome **out)
{
	const struct rows *r;
	struct event_outcome *outcomes;
	enum rc rc = pg_call(pg, ctx, call, params, &r);

	if (rc)
		return rc;
	if ((size_t)rows_count(r) != n)
		return RC_INTERNAL;
	outcomes = talloc_array_size(ctx, sizeof *outcomes, (unsigned)n);
	if (n && !outcomes)
		return RC_NO_MEMORY;
	for (int row = 0; row < (int)n; row++) {
		row_uuid(r, row, 0, outcomes[row].event_id);
		outcomes[row].outcome = row_text(r, row, 1);
	}
	*out = outcomes;
	return RC_OK;
}

enum rc
store_outbox_retry(struct pg *pg, void *ctx, const char *const *ids, size_t n_ids, struct event_outcome **out)
{
	struct buf array;
	const char *events = uuid_array(&array, ctx, ids, n_ids);

	return events ? call_outcomes(pg, ctx, CALL_OUTBOX_RETRY, &events, n_ids, out) : RC_NO_MEMORY;
}

enum rc
store_outbox_discard(struct pg *pg, void *ctx, const char *const *ids, size_t n_ids, const char *by,
		     const char *reason, struct event_outcome **out)
{
	struct buf array;
	const char *events = uuid_array(&array, ctx, ids, n_ids);

	return events ? call_outcomes(pg, ctx, CALL_OUTBOX_DISCARD,
				      (const char *const[]){ events, by, reason }, n_ids, out)
		      : RC_NO_MEMORY;
}

enum rc
store_outbox_retry_parked(struct pg *pg, void *ctx, int64_t *before_us, int limit, int64_t *retried)
{
	const struct rows *r;
	struct number count;
	char before[RFC3339_SIZE];
	enum rc rc;

	if (*before_us && (rc = clock_rfc3339(*before_us, before)))
		return rc;
	rc = pg_call(pg, ctx, CALL_OUTBOX_RETRY_PARKED,
		     (const char *const[]){ *before_us ? before : NULL, number(&count, limit) }, &r);
	if (rc)
		return rc;
	if (rows_count(r) != 1)
		return RC_INTERNAL;
	*retried = row_i64(r, 0, 0);
	*before_us = time_or_0(r, 0, 1);
	return RC_OK;
}

enum rc
store_database_facts(struct pg *pg, void *ctx, struct database_facts *out)
{
	const struct rows *r;
	enum rc rc = pg_call(pg, ctx, CALL_DATABASE_FACTS, NULL, &r);

	if (rc)
		return rc;
	if (rows_count(r) != 1)
		return RC_INTERNAL;
	*out = (struct database_facts){
		.server_version = row_i64(r, 0, 0),
		.role = row_text(r, 0, 1),
		.standby = row_bool(r, 0, 2),
		.now_us = row_time_us(r, 0, 3),
		.schema = row_bool(r, 0, 4),
		.functions = row_i64(r, 0, 5),
		.refused = row_i64(r, 0, 6),
		.tables_open = row_i64(r, 0, 7),
		.statement_ms = row_i64(r, 0, 8),
	};
	return RC_OK;
}

enum rc
store_schema_version(struct pg *pg, void *ctx, int64_t *out)
{
	const struct rows *r;
	enum rc rc = pg_call(pg, ctx, CALL_SCHEMA_VERSION, NULL, &r);

	if (rc)
		return rc;
	if (rows_count(r) != 1)
		return RC_INTERNAL;
	*out = row_i64(r, 0, 0);
	return RC_OK;
}
