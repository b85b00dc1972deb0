/*
 * Events that SNS refused by themselves, in words that tell nobody whose fault it is, while it took others: of a proxy that
 * does not like a product's name, for instance. Once proves little, since two proxies side by side may be of two minds.
 */
#ifndef API_SUSPECTS_H
#define API_SUSPECTS_H

#include <stdint.h>

#include "base/id.h"

#define SUSPECTS_MAX 256      /* that are counted at a time; further ones have to wait for a place */
#define SUSPECT_STRIKES 5     /* such refusals of one event prove that it is its own fault */
#define SUSPECT_FIRST_MS 2000 /* until the next attempt after the first of them, doubled by each one more */

/* Zeros: nobody is one. */
struct suspects {
	struct suspect {
		char event_id[UUID_SIZE];
		int strikes;	  /* 0: free */
		int64_t until_ms; /* clock_ms() at which it is forgotten: somebody else has sent it */
	} list[SUSPECTS_MAX];
};

/* One more such refusal. Returns the ms until the event may be tried again; -1: it has had them all, and is forgotten. */
int suspects_strike(struct suspects *s, const char *event_id);

#endif
