#include "order/access.h"

static bool
is_forbidden(const struct caller *c, bool cancel_only, enum status from, enum status to)
{
	return cancel_only && !c->staff && (from != STATUS_PENDING || to != STATUS_CANCELLED);
}

unsigned
access_predecessors(const struct caller *c, bool cancel_only, enum status to)
{
	unsigned bits = status_predecessors(to);

	for (int from = 0; from < STATUS_COUNT; from++)
		if (is_forbidden(c, cancel_only, (enum status)from, to))
			bits &= ~STATUS_BIT(from);
	return bits;
}

enum rc
access_judge(const struct caller *c, bool cancel_only, enum status from, enum status to, struct why *why)
{
	return is_forbidden(c, cancel_only, from, to) ? RC_FORBIDDEN : status_judge(from, to, why);
}
