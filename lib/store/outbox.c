#include "store/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

#include "base/id.h"

#define LITERAL_MAX (64u << 10)

/* The columns of orders.event_line. */
enum {
	COL_USER,
	COL_ORDER,
	COL_VERSION,
	COL_EVENT,
	COL_CHANGED_AT,
	COL_CHANGED_BY,
	COL_OLD_STATUS,
	COL_NEW_STATUS,
	COL_EMAIL,
	COL_TOTAL,
	COL_REQUEST_ID,
	COL_TRACEPARENT,
	COL_ATTEMPTS,
	COL_LINE,
	COL_PRODUCT,
	COL_NAME,
	COL_PRICE,
	COL_QUANTITY,
	COL_REASON,
	COL_NOTE,
};

static bool
same_event(const struct rows *r, int row, const struct event *e)
{
	return row_i64(r, row, COL_ORDER) == e->order_id && row_i64(r, row, COL_USER) == e->user_id &&
	       row_i64(r, row, COL_VERSION) == e->version;
}

static int
read_event(const struct rows *r, int row, char *id, struct item *items, struct event *out)
{
	row_uuid(r, row, COL_EVENT, id);
	*out = (struct event){
		.id = id,
		.user_id = row_i64(r, row, COL_USER),
		.order_id = row_i64(r, row, COL_ORDER),
		.version = (int32_t)row_i64(r, row, COL_VERSION),
		.at_us = row_time_us(r, row, COL_CHANGED_AT),
		.request_id = row_text(r, row, COL_REQUEST_ID),
		.traceparent = row_text(r, row, COL_TRACEPARENT),
		.email = row_text(r, row, COL_EMAIL),
		.status = row_status(r, row, COL_NEW_STATUS),
		.old_status = row_status(r, row, COL_OLD_STATUS),
		.changed_by = row_i64(r, row, COL_CHANGED_BY),
		.reason = row_text_or_null(r, row, COL_REASON),
		.note = row_text_or_null(r, row, COL_NOTE),
		.total = row_money(r, row, COL_TOTAL),
		.items = items,
	};
	for (; row < rows_count(r) && same_event(r, row, out); row++)
		if (!row_is_null(r, row, COL_LINE))
			items[out->n++] = (struct item){
				.product_id = row_i64(r, row, COL_PRODUCT),
				.product_name = row_text(r, row, COL_NAME),
				.price = row_money(r, row, COL_PRICE),
				.quantity = (int32_t)row_i64(r, row, COL_QUANTITY),
			};
	return row;
}

enum rc
store_claim_due(struct pg *pg, void *ctx, int max, int lease_ms, struct event **out, int **attempts,
		size_t *n)
{
	const struct rows *r;
	struct event *events;
	struct item *items;
	char(*ids)[UUID_SIZE], limit[12], lease[12];
	int *tries;
	size_t used = 0, count;
	enum rc rc;

	(void)snprintf(limit, sizeof limit, "%d", max);
	(void)snprintf(lease, sizeof lease, "%d", lease_ms);
	rc = pg_call(pg, ctx, CALL_CLAIM_DUE, (const char *const[]){ limit, lease }, &r);
	if (rc)
		return rc;
	count = (size_t)rows_count(r);
	events = talloc_array_size(ctx, sizeof *events, (unsigned)count);
	items = talloc_array_size(ctx, sizeof *items, (unsigned)count);
	ids = talloc_array_size(ctx, sizeof *ids, (unsigned)count);
	tries = talloc_array_size(ctx, sizeof *tries, (unsigned)count);
	if (count && (!events || !items || !ids || !tries))
		return RC_NO_MEMORY;
	*n = 0;
	for (int row = 0; row < (int)count; used += events[(*n)++].n) {
		tries[*n] = (int)row_i64(r, row, COL_ATTEMPTS);
		row = read_event(r, row, ids[*n], items + used, &events[*n]);
	}
	*out = events;
	*attempts = tries;
	return RC_OK;
}

enum rc
store_outbox_stats(struct pg *pg, void *ctx, int64_t *waiting, int64_t *parked, int64_t *oldest_us)
{
	const struct rows *r;
	enum rc rc = pg_call(pg, ctx, CALL_OUTBOX_STATS, NULL, &r);

	if (rc)
		return rc;
	if (rows_count(r) != 1)
		return RC_INTERNAL;
	*waiting = row_i64(r, 0, 0);
	*parked = row_i64(r, 0, 1);
	*oldest_us = row_is_null(r, 0, 2) ? 0 : row_time_us(r, 0, 2);
	return RC_OK;
}

struct columns {
	struct buf users, orders, versions, delays, errors;
};

struct settlement {
	const struct event *event;
	const struct failure *failure;
};

static int
by_key(const void *a, const void *b)
{
	const struct event *x = ((const struct settlement *)a)->event,
			   *y = ((const struct settlement *)b)->event;

	if (x->user_id != y->user_id)
		return x->user_id < y->user_id ? -1 : 1;
	if (x->order_id != y->order_id)
		return x->order_id < y->order_id ? -1 : 1;
	return (x->version > y->version) - (x->version < y->version);
}

/* Everybody locks rows in the order of their key: whose lease was over settles what another has claimed since, and the two
 * must not wait for each other. NULL: no memory. */
static struct settlement *
in_order(void *ctx, const struct event *events, const struct failure *failures, size_t n)
{
	struct settlement *list = talloc_array_size(ctx, sizeof *list, (unsigned)n + 1);

	for (size_t i = 0; list && i < n; i++)
		list[i] = (struct settlement){ &events[i], &failures[i] };
	if (list)
		qsort(list, n, sizeof *list, by_key);
	return list;
}

/* The events that were taken, or those that were not. */
static int
open_columns(void *ctx, const struct settlement *list, size_t n, bool failed, struct columns *c)
{
	struct buf *all[] = { &c->users, &c->orders, &c->versions, &c->delays, &c->errors };
	int count = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		buf_init(all[i], ctx, LITERAL_MAX);
		pg_array_open(all[i]);
	}
	for (size_t i = 0; i < n; i++) {
		const struct event *e = list[i].event;
		const struct failure *f = list[i].failure;

		if (!f->error == failed)
			continue;
		count++;
		pg_array_i64(&c->users, e->user_id);
		pg_array_i64(&c->orders, e->order_id);
		pg_array_i64(&c->versions, e->version);
		if (f->retry_ms < 0)
			pg_array_text(&c->delays, NULL);
		else
			pg_array_i64(&c->delays, f->retry_ms);
		pg_array_text(&c->errors, f->error);
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		pg_array_close(all[i]);
		if (all[i]->failed)
			return -1;
	}
	return count;
}

enum rc
store_settle_events(struct pg *pg, void *ctx, const struct event *events, const struct failure *failures,
		    size_t n)
{
	static const enum call settle[] = { CALL_PUBLISH_DONE, CALL_PUBLISH_FAILED };
	const struct settlement *list = in_order(ctx, events, failures, n);
	const struct rows *r;
	struct columns c;
	enum rc rc = RC_OK, one;

	if (!list)
		return RC_NO_MEMORY;
	for (int failed = 0; failed < 2; failed++) {
		int count = open_columns(ctx, list, n, failed, &c);

		if (count < 0)
			return RC_NO_MEMORY;
		if (count == 0)
			continue;
		one = pg_call(pg, ctx, settle[failed],
			      (const char *const[]){ c.users.data, c.orders.data, c.versions.data,
						     c.delays.data, c.errors.data },
			      &r);
		rc = rc ? rc : one;
	}
	return rc;
}
