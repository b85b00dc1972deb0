/*
 * Whether a neighbour answers, as the workers of a pool know it together: nobody asks one that has failed over and over, but for a
 * probe now and then. In memory that they share, zeros at first; a worker may die at any instruction.
 */
#ifndef BASE_BREAKER_H
#define BASE_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum health { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_FAILING };

struct breaker {
	_Atomic uint32_t health;    /* enum health, of the last attempt */
	_Atomic uint32_t failures;  /* in a row */
	_Atomic int64_t retry_ms;   /* clock_ms() before which nobody tries while it is open */
	_Atomic int64_t patient_ms; /* clock_ms() until which a probe is under way that may take its time */
	_Atomic uint32_t threshold; /* its policy's, as last reported: for who looks */
	_Atomic uint64_t opened;    /* how often */
	_Atomic uint64_t refused;   /* whom it kept away */
};

/* When a breaker opens and how long it keeps closed doors. */
struct breaker_policy {
	uint32_t threshold; /* failures in a row that open it */
	uint32_t first_ms;  /* back-off after the first of them, doubled by each one more, with full jitter */
	uint32_t cap_ms;    /* the longest back-off */
	uint32_t probe_ms;  /* a probe that has said nothing for so long is dead */
};

/* May the caller try now? Yes while the breaker is closed; while it is open one caller at a time, and
 * only after the back-off. Each yes must be followed by breaker_report(). */
bool breaker_admits(struct breaker *b, const struct breaker_policy *policy);
void breaker_report(struct breaker *b, const struct breaker_policy *policy, bool ok);
bool breaker_is_open(struct breaker *b, const struct breaker_policy *policy);
/* Would breaker_admits() say yes now? */
bool breaker_is_willing(struct breaker *b, const struct breaker_policy *policy);

/* It kept somebody away who would have asked. */
void breaker_refused(struct breaker *b);

/* May this probe take longer_ms, rather than a moment? True for one at a time: a neighbour that is back but slow must be found
 * out, and so must one that is back while a probe still hangs. */
bool breaker_is_patient(struct breaker *b, int longer_ms);

/* Seconds for Retry-After: at least 1. */
int breaker_retry_after_s(struct breaker *b);

const char *health_name(enum health h);

#endif
