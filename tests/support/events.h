/* The subscriber's end: events as they arrive in the pool's own SQS queue. */
#ifndef SUPPORT_EVENTS_H
#define SUPPORT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "support/pool.h"

#define EVENTS_MAX 256

struct arrived {
	const char *body;    /* what SNS delivered: the envelope */
	const char *message; /* the event */
	int64_t order_id;
	int version;
};

/* The emulator's port. */
int events_port(void);
/* Makes topic and queue and subscribes the one to the other. Names that end in .fifo are FIFO ones. */
void events_subscribe(const char *topic, const char *queue);

/* Everything about this order (0: about any) that has arrived, in the order of arrival; waits until it is at
 * least n, but not longer than limit_ms. Returns how many. */
size_t events_wait(const struct pool *p, int64_t order_id, size_t n, int limit_ms,
		   struct arrived out[static EVENTS_MAX]);

/* A call of SNS's query protocol; the answer's XML. */
struct answer sns_call(const char *form);
/* A call of SQS. */
struct answer sqs_call(const char *action, const char *json);

#endif
