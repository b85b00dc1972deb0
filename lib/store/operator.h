/* What an operator asks of the database and does there (ordersctl): the outbox, an event, the events of an order. */
#ifndef STORE_OPERATOR_H
#define STORE_OPERATOR_H

#include "base/id.h"
#include "order/status.h"
#include "store/pg.h"

/* Everything that these give lives on ctx. All of them: RC_DATABASE, RC_INTERNAL, RC_NO_MEMORY. */

/* A change of an order and what became of its event. Times are µs since 1970; 0, and NULL for a text: there is none. */
struct event_state {
	char event_id[UUID_SIZE];
	int64_t user_id, order_id;
	int32_t version;
	enum status old_status; /* version 1 has none */
	enum status new_status;
	int64_t changed_us, changed_by;
	const char *reason, *note;
	const char *state; /* waiting, parked, sent, discarded, none */
	const char *request_id;
	int32_t attempts;
	int64_t next_attempt_us, parked_us;
	const char *last_error;
	int32_t waits_for; /* version of the event that has to go before this one; 0: none */
	int64_t discarded_us;
	const char *discarded_by, *discard_reason;
};

/* Up to limit events that are owed, those that are parked or those that are not; owed the longest first. */
enum rc store_outbox_list(struct pg *pg, void *ctx, bool parked, int limit, struct event_state **out,
			  size_t *n) MUST_CHECK;

/* Those of these ids (UUIDs) that are events', in this order; sent ones as well. */
enum rc store_outbox_events(struct pg *pg, void *ctx, const char *const *ids, size_t n_ids,
			    struct event_state **out, size_t *n) MUST_CHECK;

/* All changes of owner's order, oldest first. */
enum rc store_order_events(struct pg *pg, void *ctx, int64_t owner, int64_t order_id,
			   struct event_state **out, size_t *n) MUST_CHECK;

#define OUTBOX_BATCH 100 /* ids that one call takes */

/* What was done about an event: "retried", "discarded"; or why nothing: "sent", "discarded_before", "unknown" and the other states. */
struct event_outcome {
	char event_id[UUID_SIZE];
	const char *outcome;
};

/* Up to OUTBOX_BATCH events are due now; one outcome each, in this order. */
enum rc store_outbox_retry(struct pg *pg, void *ctx, const char *const *ids, size_t n_ids,
			   struct event_outcome **out) MUST_CHECK;

/*
 * Up to limit events that were parked before *before_us are due now: *retried of them, less than were found when somebody else was
 * faster. *before_us is 0 for the first call, which sets it to now, and 0 again when none was found.
 */
enum rc store_outbox_retry_parked(struct pg *pg, void *ctx, int64_t *before_us, int limit,
				  int64_t *retried) MUST_CHECK;

/* Up to OUTBOX_BATCH events are given up for good, by somebody for a reason (1 to 255 characters each). */
enum rc store_outbox_discard(struct pg *pg, void *ctx, const char *const *ids, size_t n_ids, const char *by,
			     const char *reason, struct event_outcome **out) MUST_CHECK;

/* What the database says of itself and of the role that asks. */
struct database_facts {
	int64_t server_version; /* 150014 */
	const char *role;
	bool standby;	      /* it takes no changes */
	int64_t now_us;	      /* its clock */
	bool schema;	      /* the schema is there, and the role may look into it */
	int64_t functions;    /* of the schema */
	int64_t refused;      /* of these, which the role may not call */
	int64_t tables_open;  /* tables of the schema that the role can read or change by itself */
	int64_t statement_ms; /* its statement_timeout; 0: none */
};

enum rc store_database_facts(struct pg *pg, void *ctx, struct database_facts *out) MUST_CHECK;

/* What the deployed schema says that it is. RC_DATABASE, too, where there is none. */
enum rc store_schema_version(struct pg *pg, void *ctx, int64_t *out) MUST_CHECK;

#endif
