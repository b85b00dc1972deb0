#include <talloc.h>

#include "api/answer.h"
#include "api/condition.h"
#include "api/idempotency.h"
#include "api/one_order.h"
#include "base/log.h"
#include "json/order_json.h"
#include "json/request_json.h"

#define PATIENCE_MS 100 /* that a change of an order takes when all is well */
#define WAIT_MS 1000	/* for a place among those that change it */

/* The order that the path names, and among whose rows it is. */
static enum rc
locate(struct request *r, int64_t *id, int64_t *owner)
{
	struct faults f;
	enum rc rc;

	faults_init(&f, r->ctx);
	if ((rc = path_order_id(r, &f, id)) || (rc = faults_close(&f, &r->why)))
		return rc;
	return find_owner(r, *id, NULL, owner);
}

enum rc
get_order(struct request *r)
{
	struct condition known;
	struct order order;
	int64_t id, owner;
	enum rc rc;

	if ((rc = locate(r, &id, &owner)) || (rc = condition_read(r, "HTTP_IF_NONE_MATCH", WEAK, &known)) ||
	    (rc = store_get_order(r->app->pg, r->ctx, owner, id, &order)))
		return rc;
	return condition_names(&known, order.version) ? answer_not_modified(r, &order)
						      : answer_order(r, HTTP_OK, &order);
}

enum rc
get_history(struct request *r)
{
	struct past *past;
	struct buf body;
	int64_t id, owner;
	size_t n;
	enum rc rc;

	if ((rc = locate(r, &id, &owner)) ||
	    (rc = store_get_history(r->app->pg, r->ctx, owner, id, &past, &n)))
		return rc;
	buf_init(&body, r->ctx, ANSWER_MAX);
	history_encode(&body, past, n);
	return answer_list(r, &body);
}

/* What subscribers hear of a new status. */
static void
note_changed(struct request *r, const struct change *c, const struct step *step, const struct changed *made)
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
		.reason = step->reason,
		.note = step->note,
	};
	r->event_waits = made->event_waits || c->lease_ms == 0 || !r->event.id;
}

/* The order in the path and the step in the body; every fault of both. */
static enum rc
read_step(struct request *r, bool cancel_only, int64_t *id, struct step *step)
{
	struct status_change wanted = { .status = STATUS_PENDING };
	struct condition condition;
	struct faults f;
	enum rc rc;

	faults_init(&f, r->ctx);
	if ((rc = path_order_id(r, &f, id)) ||
	    (rc = status_change_decode(&f, r->in->body, r->in->body_len, &wanted)) ||
	    (rc = faults_close(&f, &r->why)) || (rc = condition_read(r, "HTTP_IF_MATCH", STRONG, &condition)))
		return rc;
	*step = (struct step){
		.to = wanted.status,
		.from = access_predecessors(&r->caller, cancel_only, wanted.status),
		.any_version = !condition.given || condition.any,
		.versions = condition.versions,
		.n_versions = condition.n,
		.reason = wanted.reason,
		.note = wanted.note,
	};
	return RC_OK;
}

/* Why it was not done, though there is such an order: 403 comes first, then 412, then the rest. */
static enum rc
judge(struct request *r, bool cancel_only, enum rc refused, enum status from, enum status to)
{
	enum rc rc = access_judge(&r->caller, cancel_only, from, to, &r->why);

	return refused == RC_STALE && rc != RC_FORBIDDEN ? RC_STALE : rc;
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
	struct change change;
	struct changed made;
	struct step step;
	int64_t id, owner;
	enum rc rc;

	if ((rc = change_init(r, &change, &key_given)) || (rc = read_step(r, cancel_only, &id, &step)) ||
	    (rc = find_owner(r, id, key_given ? change.key : NULL, &owner)))
		return rc;
	places.which = id;
	if (!pool_enter(r->app->pool, r->app->slot, WAIT_ROW, &places)) {
		log_warn("order.crowded");
		return RC_DATABASE;
	}
	rc = store_change_status(r->app->pg, r->ctx, &change, owner, id, &step, &made);
	pool_exit(r->app->slot);
	if (rc == RC_STATUS_STEP || rc == RC_STALE)
		return judge(r, cancel_only, rc, made.old_status, step.to);
	if (rc == RC_FOUND)
		answer_is_replay(r);
	else if (rc)
		return rc;
	else
		note_changed(r, &change, &step, &made);
	return answer_order(r, HTTP_OK, &made.order);
}
