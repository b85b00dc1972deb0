#include "store/reads.h"

#include <talloc.h>

#include "base/clock.h"
#include "store/order_rows.h"

enum rc
store_get_order(struct pg *pg, void *ctx, int64_t owner, int64_t order_id, struct order *out)
{
	const struct rows *r;
	struct number user, order;
	const char *const params[] = { number(&user, owner), number(&order, order_id) };
	enum rc rc = pg_call(pg, ctx, CALL_GET_ORDER, params, &r);

	if (rc)
		return rc;
	return rows_count(r) ? order_rows_one(ctx, r, out) : RC_NO_ORDER;
}

struct moment {
	char text[RFC3339_SIZE];
};

/* NULL for TIME_NONE. What has no text is a bug: moments come from texts or from the database. */
static const char *
moment(struct moment *m, int64_t t_us)
{
	return t_us == TIME_NONE || clock_rfc3339(t_us, m->text) ? NULL : m->text;
}

enum rc
store_list_orders(struct pg *pg, void *ctx, const struct selection *s, struct order **out, size_t *n)
{
	const struct rows *r;
	struct number user, after, skip, limit;
	struct moment from, to, after_at;
	const char *status = s->by_status ? status_name(s->status) : NULL;
	const char *older = s->after ? number(&after, s->after) : NULL;
	enum rc rc;

	if (s->user_id)
		rc = pg_call(pg, ctx, CALL_LIST_ORDERS,
			     (const char *const[]){ number(&user, s->user_id), status,
						    moment(&from, s->from_us), moment(&to, s->to_us), older,
						    moment(&after_at, s->after_us), number(&skip, s->skip),
						    number(&limit, s->limit) },
			     &r);
	else
		rc = pg_call(pg, ctx, CALL_LIST_ALL_ORDERS,
			     (const char *const[]){ status, moment(&from, s->from_us), moment(&to, s->to_us),
						    older, number(&skip, s->skip), number(&limit, s->limit) },
			     &r);
	if (rc)
		return rc;
	if (rows_count(r) && order_rows_are(r, "no_after"))
		return RC_NO_ORDER;
	return order_rows_all(ctx, r, out, n);
}

/* Columns of get_history(): version, old_status, new_status, changed_at, changed_by, reason, note. */
enum rc
store_get_history(struct pg *pg, void *ctx, int64_t owner, int64_t order_id, struct past **out, size_t *n)
{
	const struct rows *r;
	struct number user, order;
	const char *const params[] = { number(&user, owner), number(&order, order_id) };
	struct past *past;
	enum rc rc = pg_call(pg, ctx, CALL_GET_HISTORY, params, &r);

	if (rc)
		return rc;
	if (rows_count(r) == 0)
		return RC_NO_ORDER;
	past = talloc_array_size(ctx, sizeof *past, (unsigned)rows_count(r));
	if (!past)
		return RC_NO_MEMORY;
	for (int row = 0; row < rows_count(r); row++)
		past[row] = (struct past){
			.version = (int32_t)row_i64(r, row, 0),
			.old_status = row_status(r, row, 1),
			.new_status = row_status(r, row, 2),
			.changed_us = row_time_us(r, row, 3),
			.changed_by = row_i64(r, row, 4),
			.reason = row_text_or_null(r, row, 5),
			.note = row_text_or_null(r, row, 6),
		};
	*out = past;
	*n = (size_t)rows_count(r);
	return RC_OK;
}
