#include "order/status.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned next;
} machine[STATUS_COUNT] = {
	[STATUS_PENDING] = { "pending", STATUS_BIT(STATUS_CONFIRMED) | STATUS_BIT(STATUS_CANCELLED) },
	[STATUS_CONFIRMED] = { "confirmed", STATUS_BIT(STATUS_SHIPPED) | STATUS_BIT(STATUS_CANCELLED) },
	[STATUS_SHIPPED] = { "shipped", STATUS_BIT(STATUS_DELIVERED) | STATUS_BIT(STATUS_CANCELLED) },
	[STATUS_DELIVERED] = { "delivered", 0 },
	[STATUS_CANCELLED] = { "cancelled", 0 },
};

const char *
status_name(enum status s)
{
	return machine[s].name;
}

bool
status_parse(const char *name, size_t len, enum status *out)
{
	for (int s = 0; s < STATUS_COUNT; s++)
		if (strlen(machine[s].name) == len && memcmp(machine[s].name, name, len) == 0) {
			*out = (enum status)s;
			return true;
		}
	return false;
}

unsigned
status_predecessors(enum status to)
{
	unsigned bits = 0;

	for (int s = 0; s < STATUS_COUNT; s++)
		if (machine[s].next & STATUS_BIT(to))
			bits |= STATUS_BIT(s);
	return bits;
}

enum rc
status_judge(enum status from, enum status to, struct why *why)
{
	if (machine[from].next & STATUS_BIT(to))
		return RC_OK;
	why->from = machine[from].name;
	why->to = machine[to].name;
	return machine[from].next ? RC_STATUS_STEP : RC_STATUS_FINAL;
}
