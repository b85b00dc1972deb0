/* What the pool counts of the requests that this worker answers. */
#ifndef API_METER_H
#define API_METER_H

#include "api/app.h"

struct meter;

/* For requests of these routes, n of them, which are borrowed. NULL: no memory. */
struct meter *meter_open(void *ctx, const struct route *routes, size_t n);

/* The worker is at a request of this route; NULL: of none. */
void meter_begin(struct meter *m, const struct route *route, int64_t started_us);
/* Counts it, answered with this status. Before the answer goes out, so that whoever has it finds it counted. */
void meter_end(struct meter *m, const struct route *route, int status, int64_t duration_us);
/* The worker waits for requests. */
void meter_idle(void);

#endif
