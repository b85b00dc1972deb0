#include <talloc.h>

#include "api/answer.h"
#include "api/idempotency.h"
#include "api/one_order.h"
#include "base/log.h"
#include "json/request_json.h"

#define PATIENCE_MS 100 /* that a change of an order takes when all is well */
#define WAIT_MS 1000	/* for a place among those that change it */

enum rc
get_order(struct request *r)
{
	struct faults f;
	struct order order;
	int64_t id, owner;
	enum rc rc;

	faults_init(&f, r->ctx);
	if ((rc = path_order_id(r, &f, &id)) || (rc = faults_close(&f, &r->why)))
		return rc;
	if ((rc = find_owner(r, id, NULL, &owner)))
		return rc;
	rc = store_get_order(r->app->pg, r->ctx, owner, id, &order);
	return rc ? rc : answer_order(r, HTTP_OK, &order);
}

/* What subscribers hear of a new status. */
static void
note_changed(struct request *r, const struct change *c, const struct changed *made)
{
	const struct order *o = &made->order;

	r->event = (struct event){
		.id = talloc_strdup(r->ctx, c->event_id),
		.user_id = o->user_id,
		.order_id = o->id,
		.version = o->version,
		.at_us = o->updated_us,
		.request_id = c->request_id,
		.traceparent = c->traceparent,
		.email = o->email,
		.status = o->status,
		.old_status = made->old_status,
		.changed_by = c->caller,
	};
	r->event_waits = made->event_waits || c->lease_ms == 0 || !r->event.id;
}

enum rc
change_status(struct request *r)
{
	/* An order that is locked for long must not hold more than half of the pool. */
	struct places places = {
		.max = config_half_pool(r->app->config),
		.patience_ms = PATIENCE_MS,
		.wait_ms = WAIT_MS,
		.longest_ms = PG_CALL_MS,
	};
	bool cancel_only = r->app->config->owner_updates == OWNER_UPDATES_CANCEL, key_given;
	struct faults f;
	struct change change;
	struct changed made;
	enum status to = STATUS_PENDING;
	int64_t id, owner;
	enum rc rc;

	if ((rc = change_init(r, &change, &key_given)))
		return rc;
	faults_init(&f, r->ctx);
	if ((rc = path_order_id(r, &f, &id)) ||
	    (rc = status_change_decode(&f, r->in->body, r->in->body_len, &to)) ||
	    (rc = faults_close(&f, &r->why)))
		return rc;
	if ((rc = find_owner(r, id, key_given ? change.key : NULL, &owner)))
		return rc;
	places.which = id;
	if (!pool_enter(r->app->pool, r->app->slot, WAIT_ROW, &places)) {
		log_warn("order.crowded");
		return RC_DATABASE;
	}
	rc = store_change_status(r->app->pg, r->ctx, &change, owner, id, to,
				 access_predecessors(&r->caller, cancel_only, to), &made);
	pool_exit(r->app->slot);
	if (rc == RC_STATUS_STEP)
		return access_judge(&r->caller, cancel_only, made.old_status, to, &r->why);
	if (rc == RC_FOUND)
		answer_is_replay(r);
	else if (rc)
		return rc;
	else
		note_changed(r, &change, &made);
	return answer_order(r, HTTP_OK, &made.order);
}
