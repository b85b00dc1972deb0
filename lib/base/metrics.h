/*
 * What a pool counts: a part of its mapping. Counters are shared by all workers, so nothing goes back when one dies; each is
 * one word, and what takes more is a cell (cell.h). Tables have their size from the start: what does not fit is counted as dropped.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/cell.h"
#include "base/log.h"
#include "rc.h"

#define METRICS_WORKERS 1024 /* POOL_SLOTS */
#define METRICS_SERIES 256
#define METRICS_ROUTES 32
#define METRICS_BUCKETS 15   /* the last one has no bound */
#define METRICS_TEXT_SIZE 96 /* of a series' labels, or a route, with a NUL */

/* What has a number of times and a duration, each with labels. */
enum timed { TIMED_REQUEST, TIMED_PRODUCT, TIMED_DATABASE, TIMED_SNS, TIMED };

enum counter {
	COUNT_ERRORS,  /* requests answered with a 5xx */
	COUNT_REPLAYS, /* answered with what a key did before */
	COUNT_EVENTS_PUBLISHED,
	COUNT_EVENTS_FAILED, /* an attempt to send one, which will be tried again */
	COUNT_EVENTS_PARKED,
	COUNT_WORKERS_STARTED,
	COUNT_WORKERS_LEFT,	/* in order */
	COUNT_WORKERS_STUCK,	/* ended by their watchdog */
	COUNT_WORKERS_DIED,	/* otherwise */
	COUNT_NO_PLACE_PRODUCT, /* requests that found no place among those that wait */
	COUNT_NO_PLACE_ROW,
	COUNT_DROPPED, /* observations for which no series was left */
	COUNTERS
};

enum doing {
	DOING_STARTING,
	DOING_IDLE,
	DOING_REQUEST,
	DOING_PUBLISHING,
	DOING_SWEEPING,
	DOING_STUCK,
	DOINGS
};
enum asks { ASKS_NOBODY, ASKS_PRODUCT, ASKS_DATABASE, ASKS_SNS };

/* What a worker is at, for those who look: beside its slot, with a line of the processor's cache to itself. */
struct worker {
	_Alignas(64) _Atomic int32_t doing; /* enum doing */
	_Atomic int32_t route;		    /* metrics_route() + 1; 0: none */
	_Atomic int32_t asks;		    /* enum asks */
	_Atomic int64_t since_ms;	    /* clock_ms(): doing that */
	_Atomic int64_t asks_since_us;	    /* clock_us() */
	_Atomic int64_t started_us;	    /* wall */
	_Atomic uint64_t requests;	    /* answered since then */
};

#define VERSION_WORDS 2
#define NAME_WORDS (METRICS_TEXT_SIZE / 8 + 1) /* enum timed, text */

struct series {
	_Alignas(64) cell_word name[NAME_WORDS + 1];
	cell_word buckets[METRICS_BUCKETS]; /* how many fell into each, not into those below it */
	cell_word sum_us;
};

/* Once every 10 s, everything since the pool's start: two of them tell what was in between. */
enum {
	SAMPLE_AT_US, /* wall */
	SAMPLE_REQUESTS,
	SAMPLE_ERRORS,
	SAMPLE_WAITING, /* of the outbox; the next two, too: UINT64_MAX where it is not known */
	SAMPLE_PARKED,
	SAMPLE_AGE_MS,
	SAMPLE_BUCKETS, /* of all requests */
	SAMPLE_WORDS = SAMPLE_BUCKETS + METRICS_BUCKETS
};
#define SAMPLES 360
#define SAMPLE_MS 10000
#define METRICS_LOOK_MAX_MS 60000 /* between two looks at the outbox: older figures are not those of now */

enum { OUTBOX_LOOKED_AT_US, OUTBOX_WAITING, OUTBOX_PARKED, OUTBOX_OLDEST_US, OUTBOX_WORDS };

/* A kind of warning or error: one level, event and text, as it came last. */
enum {
	FAULT_AT_US,
	FAULT_FIRST_US,
	FAULT_TIMES,
	FAULT_LEVEL, /* enum log_level */
	FAULT_PID,
	FAULT_EVENT,
	FAULT_TEXT = FAULT_EVENT + 5,
	FAULT_REQUEST_ID = FAULT_TEXT + 24,
	FAULT_WORDS = FAULT_REQUEST_ID + 9
};
#define FAULTS 32

struct metrics {
	_Atomic int64_t started_us;	      /* wall, when counting began */
	_Atomic int32_t workers;	      /* wanted; 0: unknown */
	cell_word version[VERSION_WORDS + 1]; /* of the worker that started last */
	cell_word counters[COUNTERS];
	cell_word outbox[OUTBOX_WORDS + 1];
	_Atomic int64_t look_ms; /* clock_ms() of the next look at the outbox */
	_Atomic int64_t sample_ms;
	_Atomic uint64_t samples_taken;
	cell_word routes[METRICS_ROUTES][NAME_WORDS + 1];
	struct worker workers_at[METRICS_WORKERS];
	struct series series[METRICS_SERIES];
	cell_word samples[SAMPLES][SAMPLE_WORDS + 1];
	cell_word faults[FAULTS][FAULT_WORDS + 1];
};

/* The bounds of all buckets but the last, ascending; each is the largest that belongs to it. */
extern const int64_t metrics_bounds_us[METRICS_BUCKETS - 1];

/* From here on this process counts there; it is self that asks somebody. Both may be NULL, and are at first: then nothing is
 * counted. */
void metrics_use(struct metrics *m, struct worker *self);
/* What the pool is: the caller's version, and how many workers there are to be. */
void metrics_describe(const char *version, int workers);

/* The series of these labels, a="x",b="y" as they are to be shown; NULL when nothing is counted or no room is left. */
struct series *metrics_series(enum timed what, const char *labels);
/* s may be NULL. */
void metrics_observe(struct series *s, int64_t duration_us);
void metrics_count(enum counter c, uint64_t n);

/* The same in the series of what's own labels with these values (call and outcome, action and outcome, outcome and NULL), which is
 * looked for once and kept in *known. */
void metrics_time(struct series **known, enum timed what, const char *first, const char *second,
		  int64_t duration_us);

/* What an outcome is called, and which rc it is of; the last name is also that of every other rc. */
struct outcome_name {
	enum rc rc;
	const char *name;
};
/* Which of n names is rc's, from 0 on: the first that fits. */
size_t metrics_outcome(const struct outcome_name *names, size_t n, enum rc rc);

/* A number for a route, or whatever requests are told apart by; negative when no room is left. */
int metrics_route(const char *name);
void metrics_doing(enum doing doing, int route, int64_t since_ms);
void metrics_answered(void);

/* This worker waits for somebody until metrics_asks(ASKS_NOBODY). Returns clock_us(). */
int64_t metrics_asks(enum asks whom);

/* Figures of the outbox, as they were now. oldest_us: wall; 0: there is none. */
void metrics_outbox(int64_t waiting, int64_t parked, int64_t oldest_us);
/* True for one caller of the pool in interval_ms, once it has been due for late_ms. */
bool metrics_look_due(int interval_ms, int late_ms);
void metrics_look_in(int delay_ms);

/* Takes a sample when it is time for the next; true for whoever did. */
bool metrics_sample(void);

/* For log_watch(). */
void metrics_fault(enum log_level level, const char *event, const char *text, const char *request_id);
/* The watchdog ends this worker: for a signal handler. */
void metrics_stuck(void);

#endif
