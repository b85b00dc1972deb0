/*
 * Events to SNS, and whose fault it is when one is not taken: the event's, which is parked or tried again by itself, or that of
 * SNS, the network or the credentials, which concerns all of them and is the breaker's affair.
 */
#ifndef API_SENDER_H
#define API_SENDER_H

#include "base/config.h"
#include "base/pool.h"
#include "store/outbox.h"

struct sender;

/* NULL: no memory. All are borrowed; the pool has SNS's breaker and the suspects. */
struct sender *sender_open(void *ctx, const struct config *config, struct pool *pool);

/* SNS is failing: events are for whoever finds that it is back. */
bool sender_is_cut_off(struct sender *s);
/* The same of a new event, which then counts as kept away. */
bool sender_keeps_away(struct sender *s);
/* An attempt would be made now: SNS is well, or a probe is due. */
bool sender_is_willing(struct sender *s);
enum health sender_health(struct sender *s);

/* Sends the n events, in order, until SNS as a whole fails or clock_ms() is until_ms. attempts: how often each has been tried, this
 * time included, NULL for once each. failures, n of them, are for store_settle_events(): what was not tried is due again at
 * once; their texts are of ctx. */
void sender_send(struct sender *s, void *ctx, const struct event *events, const int *attempts, size_t n,
		 int64_t until_ms, struct failure *failures);

#endif
