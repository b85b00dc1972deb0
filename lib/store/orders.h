/* Changes of orders in PostgreSQL: one C function for one database function, one round trip, one commit. */
#ifndef STORE_ORDERS_H
#define STORE_ORDERS_H

#include "base/id.h"
#include "order/order.h"
#include "store/pg.h"

/* What each change carries into the database. */
struct change {
	int64_t caller;	 /* who asked for it */
	const char *key; /* Idempotency-Key, or the worker's own, which begins with a space */
	unsigned char digest[SHA256_SIZE]; /* of the request */
	char event_id[UUID_SIZE];
	const char *request_id;
	const char *traceparent;
	int lease_ms; /* for which the event is this worker's to send */
};

/* A step that an order is to take. */
struct step {
	enum status to;
	unsigned from;	  /* the statuses that it may have, as STATUS_BIT()s */
	bool any_version; /* else it has to have one of these */
	const int32_t *versions;
	size_t n_versions;
	const char *reason; /* NULL: none; so for the note */
	const char *note;
};

struct changed {
	struct order order;
	enum status old_status;
	bool event_waits; /* the sweep will send it: an earlier one of the order is owed, or may have been sent */
};

#define STORE_SCHEMA_VERSION 3

/* Everything that these give lives on ctx. All of them: RC_DATABASE, RC_INTERNAL, RC_NO_MEMORY. */

/* RC_NOT_READY: the database is older than this worker. */
enum rc store_ready(struct pg *pg, void *ctx) MUST_CHECK;

/* Stores o as order_place() made it, for its user_id, and fills in ids and times. RC_FOUND: c->key was this
 * very request before, out->order is what it made; RC_KEY_REUSED: another request. */
enum rc store_create_order(struct pg *pg, void *ctx, const struct change *c, const struct order *o,
			   struct changed *out) MUST_CHECK;

/* RC_NO_ORDER; RC_STALE: it has another version; RC_STATUS_STEP: another status; which one it has is in out->old_status then. RC_FOUND
 * and RC_KEY_REUSED as above. */
enum rc store_change_status(struct pg *pg, void *ctx, const struct change *c, int64_t owner, int64_t order_id,
			    const struct step *step, struct changed *out) MUST_CHECK;

/* RC_FOUND, RC_KEY_REUSED, or RC_OK: c->key is new. */
enum rc store_find_replay(struct pg *pg, void *ctx, const struct change *c, int64_t owner,
			  struct order *out) MUST_CHECK;

/* Whose an order is, and among whose rows caller's request under key (may be NULL) is remembered; 0: nobody. */
enum rc store_find_owner(struct pg *pg, void *ctx, int64_t order_id, int64_t caller, const char *key,
			 int64_t *owner, int64_t *key_owner) MUST_CHECK;

#endif
