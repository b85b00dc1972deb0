/*
 * What the workers of one pool know together: a file that each of them maps. Every field is an atomic
 * word on its own and every claim runs out by itself, so a worker may die at any instruction.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/breaker.h"
#include "base/metrics.h"
#include "base/suspects.h"
#include "rc.h"

/* A change of struct pool gets a new number, so that old and new workers never share one. */
#define POOL_LAYOUT 5
#define POOL_SLOTS METRICS_WORKERS /* workers that are told apart; further ones work too, uncounted */

enum neighbour { NEIGHBOUR_PRODUCT, NEIGHBOUR_SNS, NEIGHBOUR_DATABASE, NEIGHBOURS };
/* What a worker may be waiting for, of which only so many of a pool should at a time. */
enum wait { WAIT_NOTHING, WAIT_PRODUCT, WAIT_ROW, WAIT_SNS };

struct slot {
	_Atomic int32_t pid;	   /* 0: free */
	_Atomic int32_t waits_for; /* enum wait */
	_Atomic int64_t since_ms;
	_Atomic int64_t which; /* of those things: an order's id; 0: there is but one */
};

struct pool {
	struct breaker breakers[NEIGHBOURS];
	_Atomic int64_t sweep_ms;   /* clock_ms() of the pool's next look for waiting events */
	_Atomic int64_t slots_used; /* those behind have never been anybody's */
	struct slot slots[POOL_SLOTS];
	struct suspects suspects;
	struct metrics metrics;
};

/* Maps the file path.POOL_LAYOUT, created with mode 0600 when it is missing (zeros are an idle pool);
 * a NULL path gives a mapping of the caller's own. Never unmapped. NULL with errno set on failure. */
struct pool *pool_open(const char *path);

/* Maps the pool that lies there for reading alone; NULL with errno set when there is none. pool_unmap() ends it. */
const struct pool *pool_open_to_look(const char *path);
void pool_unmap(const struct pool *p);

/* Could the caller open it? It is not made: whoever tests the settings may not be whom the workers run as.
 * false with errno set. */
bool pool_check(const char *path);

/* The caller's slot: free ones and those of the dead are taken over. NULL when none is left. */
struct slot *pool_slot(struct pool *p);
void pool_leave(struct slot *s);
/* For a worker that starts: frees the slots of dead processes that had its pid, of a container's former life for instance. */
void pool_bury_namesakes(struct pool *p);
/* What the worker of that slot is at; NULL without one. */
struct worker *pool_worker(struct pool *p, const struct slot *s);
/* Frees the slots of the dead, and counts those who were not ended by their watchdog. */
void pool_bury(struct pool *p);

struct places {
	int max;	 /* that wait at a time; 0: any number */
	int patience_ms; /* that everybody may have waited for already before it is not worth waiting for a place */
	int wait_ms;	/* for a place, at most, while others come free */
	int longest_ms; /* nobody waits longer: who seems to is dead */
	int64_t which;	/* each has places of its own */
};

/* Takes one of the places for waiting for w; false when none came free in wait_ms, at once when all have been taken for longer
 * than patience_ms. A dead holder's place is free. */
bool pool_enter(struct pool *p, struct slot *self, enum wait w, const struct places *places);
void pool_exit(struct slot *self);

/* Has the pool's next look for waiting events been due for late_ms? */
bool pool_sweep_is_due(struct pool *p, int late_ms);
/* True for one caller of the pool in interval_ms: it is the one to look for waiting events. */
bool pool_sweep_due(struct pool *p, int interval_ms);
/* Puts the pool's next look delay_ms away, for whoever comes first; 0 when there is more. */
void pool_sweep_in(struct pool *p, int delay_ms);
int pool_sweep_wait_ms(struct pool *p);

#endif
