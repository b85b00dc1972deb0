#include "store/orders.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "store/order_rows.h"

#define LITERAL_MAX (256u << 10) /* of an array parameter: 100 names of 255 characters fit */

/* Digests go as bytea's hex format. */
struct digest_literal {
	char text[2 + 2 * SHA256_SIZE + 1];
};

static const char *
digest(struct digest_literal *d, const struct change *c)
{
	(void)snprintf(d->text, sizeof d->text, "\\x");
	for (int i = 0; i < SHA256_SIZE; i++)
		(void)snprintf(d->text + 2 + 2 * i, 3, "%02x", c->digest[i]);
	return d->text;
}

enum rc
store_ready(struct pg *pg, void *ctx)
{
	const struct rows *r;
	enum rc rc = pg_call(pg, ctx, CALL_SCHEMA_VERSION, NULL, &r);

	if (rc)
		return rc;
	return rows_count(r) == 1 && row_i64(r, 0, 0) >= STORE_SCHEMA_VERSION ? RC_OK : RC_NOT_READY;
}

/* What a call that knows the key answers: RC_FOUND, RC_KEY_REUSED, or RC_OK when it was this very change,
 * whose answer had been lost on the way. */
static enum rc
read_replay(void *ctx, const struct rows *r, const struct change *c, struct changed *out)
{
	char event_id[UUID_SIZE];
	enum rc rc;

	if (order_rows_are(r, "key_reused"))
		return RC_KEY_REUSED;
	if ((rc = order_rows_one(ctx, r, &out->order)))
		return rc;
	row_uuid(r, 0, ORDER_EVENT, event_id);
	if (strcmp(event_id, c->event_id) != 0)
		return RC_FOUND;
	out->old_status = row_status(r, 0, ORDER_OLD_STATUS);
	out->event_waits = true;
	return RC_OK;
}

static enum rc
find_replay(struct pg *pg, void *ctx, const struct change *c, int64_t owner, const struct rows **out)
{
	struct number user, caller;
	struct digest_literal d;
	const char *const params[] = { number(&user, owner), number(&caller, c->caller), c->key,
				       digest(&d, c) };

	return pg_call(pg, ctx, CALL_FIND_REPLAY, params, out);
}

enum rc
store_find_replay(struct pg *pg, void *ctx, const struct change *c, int64_t owner, struct order *out)
{
	const struct rows *r;
	struct changed found;
	enum rc rc = find_replay(pg, ctx, c, owner, &r);

	if (rc || rows_count(r) == 0)
		return rc;
	rc = read_replay(ctx, r, c, &found);
	if (rc == RC_FOUND)
		*out = found.order;
	return rc;
}

/* The items as one array literal for each column. */
struct columns {
	struct buf products, names, prices, quantities, subtotals;
};

static bool
open_columns(void *ctx, const struct order *o, struct columns *c)
{
	struct buf *all[] = { &c->products, &c->names, &c->prices, &c->quantities, &c->subtotals };
	bool good = true;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		buf_init(all[i], ctx, LITERAL_MAX);
		pg_array_open(all[i]);
	}
	for (size_t i = 0; i < o->n; i++) {
		pg_array_i64(&c->products, o->items[i].product_id);
		pg_array_text(&c->names, o->items[i].product_name);
		pg_array_money(&c->prices, o->items[i].price);
		pg_array_i64(&c->quantities, o->items[i].quantity);
		pg_array_money(&c->subtotals, o->items[i].subtotal);
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		pg_array_close(all[i]);
		good = good && !all[i]->failed;
	}
	return good;
}

/* Columns of create_order(): order_id, created_at, line, item_id; the lines come in any order. */
static enum rc
read_created(const struct rows *r, const struct order *o, struct order *out)
{
	*out = *o;
	if (rows_count(r) != (int)o->n)
		return RC_INTERNAL;
	out->id = row_i64(r, 0, 0);
	out->created_us = out->updated_us = row_time_us(r, 0, 1);
	for (int row = 0; row < (int)o->n; row++) {
		int64_t line = row_i64(r, row, 2);

		if (line < 1 || line > (int64_t)o->n)
			return RC_INTERNAL;
		out->items[line - 1].id = row_i64(r, row, 3);
		out->items[line - 1].created_us = out->created_us;
	}
	return RC_OK;
}

enum rc
store_create_order(struct pg *pg, void *ctx, const struct change *c, const struct order *o,
		   struct changed *out)
{
	const struct rows *r;
	struct columns items;
	struct number user, lease;
	struct digest_literal d;
	char total[MONEY_SIZE];
	enum rc rc;

	if (!open_columns(ctx, o, &items))
		return RC_NO_MEMORY;
	(void)money_format(o->total, total);
	rc = pg_call(pg, ctx, CALL_CREATE_ORDER,
		     (const char *const[]){ number(&user, o->user_id), o->email, total, items.products.data,
					    items.names.data, items.prices.data, items.quantities.data,
					    items.subtotals.data, c->key, digest(&d, c), c->event_id,
					    c->request_id, c->traceparent, number(&lease, c->lease_ms) },
		     &r);
	if (rc == RC_DUPLICATE) {
		if ((rc = find_replay(pg, ctx, c, o->user_id, &r)))
			return rc;
		return rows_count(r) ? read_replay(ctx, r, c, out) : RC_INTERNAL;
	}
	if (rc)
		return rc;
	out->event_waits = false;
	return read_created(r, o, &out->order);
}

/* "{pending,confirmed}" */
static void
put_statuses(struct buf *b, unsigned bits)
{
	pg_array_open(b);
	for (int s = 0; s < STATUS_COUNT; s++)
		if (bits & STATUS_BIT(s))
			pg_array_text(b, status_name((enum status)s));
	pg_array_close(b);
}

static void
put_versions(struct buf *b, const struct step *step)
{
	pg_array_open(b);
	for (size_t i = 0; i < step->n_versions; i++)
		pg_array_i64(b, step->versions[i]);
	pg_array_close(b);
}

static enum rc
read_changed(void *ctx, const struct rows *r, const struct change *c, struct changed *out)
{
	if (rows_count(r) == 0)
		return RC_NO_ORDER;
	if (order_rows_are(r, "replayed") || order_rows_are(r, "key_reused"))
		return read_replay(ctx, r, c, out);
	out->old_status = row_status(r, 0, ORDER_OLD_STATUS);
	if (order_rows_are(r, "stale"))
		return RC_STALE;
	if (order_rows_are(r, "refused"))
		return RC_STATUS_STEP;
	out->event_waits = row_bool(r, 0, ORDER_EVENT_WAITS);
	return order_rows_one(ctx, r, &out->order);
}

enum rc
store_change_status(struct pg *pg, void *ctx, const struct change *c, int64_t owner, int64_t order_id,
		    const struct step *step, struct changed *out)
{
	const struct rows *r;
	struct number user, order, caller, lease;
	struct digest_literal d;
	struct buf statuses, versions;
	enum rc rc;

	buf_init(&statuses, ctx, LITERAL_MAX);
	buf_init(&versions, ctx, LITERAL_MAX);
	put_statuses(&statuses, step->from);
	put_versions(&versions, step);
	if (statuses.failed || versions.failed)
		return RC_NO_MEMORY;
	for (int attempt = 0;; attempt++) {
		rc = pg_call(pg, ctx, CALL_CHANGE_STATUS,
			     (const char *const[]){
				     number(&user, owner), number(&order, order_id),
				     number(&caller, c->caller), status_name(step->to), statuses.data, c->key,
				     digest(&d, c), c->event_id, c->request_id, c->traceparent,
				     number(&lease, c->lease_ms), step->any_version ? NULL : versions.data,
				     step->reason, step->note },
			     &r);
		if (rc != RC_DUPLICATE)
			break;
		if (attempt) /* the key is there, and yet it is not */
			return RC_INTERNAL;
	}
	return rc ? rc : read_changed(ctx, r, c, out);
}

enum rc
store_find_owner(struct pg *pg, void *ctx, int64_t order_id, int64_t caller, const char *key, int64_t *owner,
		 int64_t *key_owner)
{
	const struct rows *r;
	struct number order, who;
	const char *const params[] = { number(&order, order_id), number(&who, caller), key };
	enum rc rc = pg_call(pg, ctx, CALL_FIND_OWNER, params, &r);

	if (rc)
		return rc;
	if (rows_count(r) != 1)
		return RC_INTERNAL;
	*owner = row_is_null(r, 0, 0) ? 0 : row_i64(r, 0, 0);
	*key_owner = row_is_null(r, 0, 1) ? 0 : row_i64(r, 0, 1);
	return RC_OK;
}
