/* Who asks, and what they may do. */
#ifndef ORDER_ACCESS_H
#define ORDER_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "order/status.h"

#define EMAIL_MAX 320 /* bytes */

struct caller {
	int64_t id; /* positive */
	bool staff;
	const char *email; /* "" when unknown */
};

/* Which statuses an order may have now for the caller to lead it to `to`, as STATUS_BIT()s: the
 * machine's, and for an owner who is not staff under cancel_only just pending → cancelled. */
unsigned access_predecessors(const struct caller *c, bool cancel_only, enum status to);

/* Why a change from → to that access_predecessors() did not allow is refused: RC_FORBIDDEN before the
 * machine's own reasons. RC_OK when it was allowed after all. */
enum rc access_judge(const struct caller *c, bool cancel_only, enum status from, enum status to,
		     struct why *why) MUST_CHECK;

#endif
