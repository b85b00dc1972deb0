#include "order/reason.h"

#include <string.h>

const char *
reason_find(const char *name, size_t len)
{
	static const char *const reasons[] = {
		"customer", "declined", "fraud", "inventory", "staff", "other"
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strlen(reasons[i]) == len && memcmp(reasons[i], name, len) == 0)
			return reasons[i];
	return NULL;
}
