/* Events that are owed to SNS. Everything given lives on ctx; RC_DATABASE, RC_INTERNAL, RC_NO_MEMORY. */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "order/order.h"
#include "store/pg.h"

/* What became of an attempt to send an event. */
struct failure {
	const char *error; /* NULL: it was taken */
	int retry_ms;	   /* negative: never again, it is parked */
};

/* Up to max events that are due, oldest first, each the first that its order owes; they are the caller's for
 * lease_ms. *attempts counts those of each, this one included. */
enum rc store_claim_due(struct pg *pg, void *ctx, int max, int lease_ms, struct event **out, int **attempts,
			size_t *n) MUST_CHECK;

/* How much is owed: waiting, parked, and since when the oldest that waits, µs since 1970 (0: none does). */
enum rc store_outbox_stats(struct pg *pg, void *ctx, int64_t *waiting, int64_t *parked,
			   int64_t *oldest_us) MUST_CHECK;

/* Takes what was sent off the books and puts the rest back, each call where it has something to do. */
enum rc store_settle_events(struct pg *pg, void *ctx, const struct event *events,
			    const struct failure *failures, size_t n) MUST_CHECK;

#endif
