#include "api/suspects.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FORGET_MS 600000

/* Its place or, where it has none yet, a free one; NULL: all are taken. */
static struct suspect *
find(struct suspects *s, const char *event_id)
{
	int64_t now = clock_ms();
	struct suspect *open = NULL;

	for (int i = 0; i < SUSPECTS_MAX; i++) {
		struct suspect *one = &s->list[i];
		bool is_free = one->strikes == 0 || one->until_ms <= now;

		if (!is_free && strcmp(one->event_id, event_id) == 0)
			return one;
		if (is_free && !open)
			open = one;
	}
	if (open) {
		*open = (struct suspect){ .strikes = 0 };
		(void)snprintf(open->event_id, sizeof open->event_id, "%s", event_id);
	}
	return open;
}

int
suspects_strike(struct suspects *s, const char *event_id)
{
	struct suspect *one = find(s, event_id);

	if (!one)
		return SUSPECT_FIRST_MS;
	one->until_ms = clock_ms() + FORGET_MS;
	if (++one->strikes < SUSPECT_STRIKES)
		return SUSPECT_FIRST_MS << (one->strikes - 1);
	one->strikes = 0;
	return -1;
}
