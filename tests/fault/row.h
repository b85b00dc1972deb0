/*
 * What every row of `make fault` has: a real pool, loads on it, the audit at the end, and its line in the table. A row runs
 * in a process of its own; what ends that process ends the row alone.
 */
#ifndef FAULT_ROW_H
#define FAULT_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fault/load.h"
#include "support/pool.h"

/* How many rows of a kind QUICK runs at once. A full run has one after the other. */
enum company {
	ALONE = 1, /* it measures how fast the whole machine is */
	PAIR = 2,  /* it measures beside a load that leaves half of the machine */
	MANY = 4,  /* it measures nothing that others would disturb */
};

struct row {
	const char *name;  /* for ONLY */
	const char *fault; /* what is done to the service */
	void (*run)(void);
	int limit_s; /* then the row has failed, and is ended; QUICK's as well */
	enum company company;
};

/* Tables of rows, each ending with one that has no name. */
extern const struct row event_rows[], backlog_rows[], worker_rows[], pool_rows[], database_rows[],
	product_rows[], load_rows[];

/* In the row's process */

bool is_quick(void);
uint64_t row_seed(void);
/* The full run's value, or QUICK's. */
long full_or_quick(long full, long quick);

/* Adds a figure to the row's line. */
__attribute__((format(printf, 1, 2))) void figure(const char *format, ...);
/* What must be so; what is not is said below the row's line, and the row has failed. */
__attribute__((format(printf, 2, 3))) void demand(bool met, const char *format, ...);
/* The same of what depends on how fast the machine is: where nothing else is unmet, QUICK, whose windows are short, gives the row a
 * second chance. */
__attribute__((format(printf, 2, 3))) void demand_time(bool met, const char *format, ...);
/* Nothing could be found out, and why: the row neither holds nor fails. */
__attribute__((format(printf, 1, 2), noreturn)) void not_here(const char *format, ...);

/* A file that was built beside this program. */
const char *built(const char *name);

/* The memory of a process's own, and the most that it has ever had, libraries included, in kB; 0: it is gone. */
long own_kb(pid_t pid);
long peak_kb(pid_t pid);

/* Lets loads run for so long. */
void go_on(long ms);

#define LOADS_MAX 8

struct scene {
	struct pool pool;
	struct load *loads[LOADS_MAX];
	int n_loads;
};

/* A pool, with the sample products and the emulator unless the options say otherwise. */
struct scene scene_start(const struct pool_options *options);
/* Port, seed and users are filled in, so that no two loads of a scene share any. */
struct load *scene_load(struct scene *s, const struct load_options *options);
/* The good creations a second of sixteen clients for a moment, after a warm-up: what the pool can do at most. */
double scene_measure_peak(struct scene *s);
/* That of a pool of eight, measured once a run. */
double scene_peak(struct scene *s);
extern double *shared_peak; /* where it is kept for all rows; 0: not measured yet */
/* Ends the loads, audits, demands that nothing is violated, and ends the pool. */
void scene_end(struct scene *s, int owed_limit_ms, bool exactly_once, bool in_order);
/* The same where there are more events than the emulator gives back in good time: the messages in the queue are counted, not read. */
void scene_end_counted(struct scene *s, int owed_limit_ms);

/* Demands that a quantile is at most times the undisturbed one. Less than floor_ms more counts as noise of the machine. */
void demand_ratio(const char *name, double ms, double undisturbed_ms, double times, double floor_ms);

/* µs from at_us to the end of the first good answer to one of these kinds that was asked for after it; -1: none came in limit_ms. */
int64_t first_good_after(const struct load *l, unsigned kinds, int64_t at_us, int limit_ms);

/* Events owed by the pool's database. */
long scene_owed(const struct scene *s);

#define KIND(k) (1u << (k))
#define ALL_KINDS ((1u << LOAD_KINDS) - 1)

#endif
