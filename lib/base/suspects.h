/*
 * Events that SNS refused by themselves, in words that tell nobody whose fault it is, while it took others: of a proxy that
 * does not like a product's name, for instance. Once proves little, since two proxies side by side may be of two minds. Any
 * worker may send an event the next time, so they are counted in the pool's mapping.
 */
#ifndef BASE_SUSPECTS_H
#define BASE_SUSPECTS_H

#include <stdatomic.h>
#include <stdint.h>

#define SUSPECTS_MAX 256      /* that are counted at a time; further ones have to wait for a place */
#define SUSPECT_STRIKES 5     /* such refusals of one event prove that it is its own fault */
#define SUSPECT_FIRST_MS 2000 /* until the next attempt after the first of them, doubled by each one more */

/* Zeros: nobody is one. */
struct suspects {
	struct suspect {
		_Atomic uint64_t word;	  /* the event and its strikes; 0: free */
		_Atomic int64_t until_ms; /* clock_ms() at which it is forgotten: somebody else has sent it */
	} list[SUSPECTS_MAX];
};

/* One more such refusal of the event of that UUID. Returns the ms until it may be tried again; -1: it has had them all, and is
 * forgotten. */
int suspects_strike(struct suspects *s, const char *event_id);

#endif
