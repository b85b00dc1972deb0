/* The Product Service: several products at a time, one deadline for all of them together. */
#ifndef REMOTE_PRODUCT_H
#define REMOTE_PRODUCT_H

#include "base/config.h"
#include "base/pool.h"
#include "order/order.h"

struct products;

/* What a request passes on to the neighbours it asks. */
struct trace {
	const char *request_id;
	const char *traceparent;
};

/* NULL: no memory. All three are borrowed; slot may be NULL. */
struct products *products_open(void *ctx, const struct config *config, struct pool *pool, struct slot *slot);

/* Fetches each distinct product of d, checks its stock and writes them to out; *n of them, names on ctx. The
 * first fault in the request's order decides as soon as it is certain: RC_PRODUCT_MISSING, RC_STOCK,
 * RC_PRODUCT_TIMEOUT, RC_PRODUCT_DOWN, RC_PRODUCT_INVALID; RC_NO_MEMORY. */
enum rc products_fetch(struct products *p, void *ctx, const struct draft *d, const struct trace *trace,
		       struct product out[static ORDER_ITEMS_MAX], size_t *n, struct why *why) MUST_CHECK;

/* Seconds after which a client that was refused may try again. */
int products_retry_after_s(struct products *p);

enum health products_health(struct products *p);

#endif
