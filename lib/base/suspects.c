#include "base/suspects.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define FORGET_MS 600000
/* The lowest byte of a word; the others are of the event's id, where it is random. */
#define STRIKES UINT64_C(0xff)

static uint64_t
word_of(const char *event_id)
{
	const char *last = strrchr(event_id, '-');

	return strtoull(last ? last + 1 : event_id, NULL, 16) << 8;
}

/* A suspect's place as it was seen. */
struct found {
	struct suspect *place; /* NULL: all are taken by others */
	uint64_t word, strikes;
};

static struct found
find(struct suspects *s, uint64_t event)
{
	int64_t now = clock_ms();
	struct found open = { 0 };

	for (int i = 0; i < SUSPECTS_MAX; i++) {
		struct suspect *one = &s->list[i];
		uint64_t word = atomic_load(&one->word);
		bool is_free = word == 0 || clock_has_come(atomic_load(&one->until_ms), now, FORGET_MS);

		if (!is_free && (word & ~STRIKES) == event)
			return (struct found){ one, word, word & STRIKES };
		if (is_free && !open.place)
			open = (struct found){ one, word, 0 };
	}
	return open;
}

int
suspects_strike(struct suspects *s, const char *event_id)
{
	uint64_t event = word_of(event_id), next;
	struct found f;

	do {
		f = find(s, event);
		if (!f.place)
			return SUSPECT_FIRST_MS;
		next = f.strikes + 1 < SUSPECT_STRIKES ? event | (f.strikes + 1) : 0;
		atomic_store(&f.place->until_ms, clock_ms() + FORGET_MS);
	} while (!atomic_compare_exchange_strong(&f.place->word, &f.word, next));
	return next ? SUSPECT_FIRST_MS << f.strikes : -1;
}
