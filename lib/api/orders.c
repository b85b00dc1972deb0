#include <talloc.h>

#include "api/answer.h"
#include "api/idempotency.h"
#include "base/clock.h"
#include "json/request_json.h"

/* What subscribers hear of a new order. */
static void
note_created(struct request *r, const struct change *c, const struct changed *made)
{
	const struct order *o = &made->order;

	r->event = (struct event){
		.id = talloc_strdup(r->ctx, c->event_id),
		.user_id = o->user_id,
		.order_id = o->id,
		.version = o->version,
		.at_us = o->created_us,
		.request_id = c->request_id,
		.traceparent = c->traceparent,
		.email = o->email,
		.status = o->status,
		.total = o->total,
		.n = o->n,
		.items = o->items,
	};
	r->event_waits = made->event_waits || c->lease_ms == 0 || !r->event.id;
}

/* Has this key done something already? A member of staff may have used it on somebody else's order. */
static enum rc
find_replay(struct request *r, const struct change *c, struct order *out)
{
	int64_t owner, key_owner = 0;
	enum rc rc;

	if (r->caller.staff &&
	    (rc = store_find_owner(r->app->pg, r->ctx, 0, r->caller.id, c->key, &owner, &key_owner)))
		return rc;
	if (key_owner && key_owner != r->caller.id)
		return RC_KEY_REUSED;
	return store_find_replay(r->app->pg, r->ctx, c, r->caller.id, out);
}

static enum rc
fetch_products(struct request *r, const struct draft *draft, struct product *products, size_t *n)
{
	const struct trace trace = { r->in->request_id, r->in->traceparent };
	int64_t started = clock_us();
	enum rc rc = products_fetch(r->app->products, r->ctx, draft, &trace, products, n, &r->why);

	r->product_us = clock_us() - started;
	return rc;
}

enum rc
create_order(struct request *r)
{
	struct faults f;
	struct draft draft;
	struct product products[ORDER_ITEMS_MAX];
	struct order order = { .user_id = r->caller.id, .email = r->caller.email };
	struct item *items = talloc_array(r->ctx, struct item, ORDER_ITEMS_MAX);
	struct change change;
	struct changed made;
	size_t n;
	bool key_given;
	enum rc rc;

	if (!items)
		return RC_NO_MEMORY;
	if ((rc = change_init(r, &change, &key_given)))
		return rc;
	faults_init(&f, r->ctx);
	if ((rc = draft_decode(&f, r->in->body, r->in->body_len, &draft)) || (rc = faults_close(&f, &r->why)))
		return rc;
	if (key_given && (rc = find_replay(r, &change, &made.order))) {
		if (rc == RC_FOUND)
			answer_is_replay(r);
		return rc == RC_FOUND ? answer_order(r, HTTP_CREATED, &made.order) : rc;
	}
	if ((rc = fetch_products(r, &draft, products, &n)))
		return rc;
	if ((rc = order_place(&draft, products, n, items, &order)))
		return rc;
	rc = store_create_order(r->app->pg, r->ctx, &change, &order, &made);
	if (rc == RC_FOUND)
		answer_is_replay(r);
	else if (rc)
		return rc;
	else
		note_created(r, &change, &made);
	return answer_order(r, HTTP_CREATED, &made.order);
}
