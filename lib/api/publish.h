/*
 * Events on their way to SNS. What this worker's requests brought about is sent after the answer, together
 * with its neighbours while requests are waiting; what anybody left behind is swept up in between.
 */
#ifndef API_PUBLISH_H
#define API_PUBLISH_H

#include "api/app.h"

/* NULL: no memory. All are borrowed. */
struct publisher *publisher_open(void *ctx, const struct config *config, struct pool *pool, struct slot *slot,
				 struct pg *pg);

/* How long a new event is this worker's own to send: 0 while SNS is not to be tried. */
int publisher_lease_ms(struct publisher *p);

/* Takes an event over; what it points to may go afterwards. */
void publisher_add(struct publisher *p, const struct event *e);

/* Sends what is ready, sweeps when it is time; busy: a request is waiting. Returns the ms until the next turn. */
int publisher_turn(struct publisher *p, bool busy);

/* µs spent since the last time that this was asked. */
int64_t publisher_take_spent_us(struct publisher *p);

enum health publisher_health(struct publisher *p);

#endif
