#include "base/view.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"

/* Whoever looks may be root, and who writes is the pool's user: what is copied out of the mapping is bounded here. */

#define HOUR_US (3600 * INT64_C(1000000))

const char *
doing_name(enum doing d)
{
	static const char *const names[DOINGS] = { "starting",	 "idle",     "request",
						   "publishing", "sweeping", "stuck" };

	return (unsigned)d < DOINGS ? names[d] : "unknown";
}

static uint64_t
count(const struct pool *p, enum counter c)
{
	return atomic_load(&p->metrics.counters[c]);
}

/* The text of a place in a table of names; false: there is none, or none yet. */
static bool
read_name(const cell_word *cell, char text[static METRICS_TEXT_SIZE])
{
	uint64_t words[NAME_WORDS];

	if (!cell_read(cell, words, NAME_WORDS))
		return false;
	memcpy(text, words + 1, METRICS_TEXT_SIZE);
	text[METRICS_TEXT_SIZE - 1] = '\0';
	return true;
}

static long
resident_kb(int32_t pid)
{
	char path[32];
	FILE *f;
	long pages = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%*s %ld", &pages) != 1)
			pages = 0;
		(void)fclose(f);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static const char *
waits_for(const struct slot *s, const struct worker *w)
{
	static const char *const asked[] = { NULL, "product service", "database", "sns" };
	int32_t asks = atomic_load(&w->asks);

	if (atomic_load(&s->waits_for) == WAIT_ROW)
		return "row";
	return asks > 0 && (size_t)asks < sizeof asked / sizeof *asked ? asked[asks] : NULL;
}

static void
look_at_worker(const struct pool *p, int i, int32_t pid, char route_name[static METRICS_TEXT_SIZE],
	       struct worker_view *out)
{
	const struct worker *w = &p->metrics.workers_at[i];
	int32_t route = atomic_load(&w->route);

	*out = (struct worker_view){
		.pid = pid,
		.doing = (enum doing)atomic_load(&w->doing),
		.waits_for = waits_for(&p->slots[i], w),
		.since_ms = clock_ms() - atomic_load(&w->since_ms),
		.started_us = atomic_load(&w->started_us),
		.requests = atomic_load(&w->requests),
		.rss_kb = resident_kb(pid),
	};
	if (out->waits_for)
		out->waits_ms = clock_ms() - (atomic_load(&p->slots[i].waits_for) == WAIT_ROW
						      ? atomic_load(&p->slots[i].since_ms)
						      : atomic_load(&w->asks_since_us) / 1000);
	if (out->doing == DOING_REQUEST && route > 0 && route <= METRICS_ROUTES &&
	    read_name(p->metrics.routes[route - 1], route_name))
		out->route = route_name;
}

static bool
take_workers(const struct pool *p, struct view *v)
{
	char(*routes)[METRICS_TEXT_SIZE] = talloc_array_size(v, sizeof *routes, POOL_SLOTS);

	v->workers = talloc_array(v, struct worker_view, POOL_SLOTS);
	if (!v->workers || !routes)
		return false;
	for (int i = 0; i < POOL_SLOTS; i++) {
		int32_t pid = atomic_load(&p->slots[i].pid);

		if (pid && (kill(pid, 0) == 0 || errno == EPERM))
			look_at_worker(p, i, pid, routes[i], &v->workers[v->n_workers++]);
	}
	return true;
}

static void
take_neighbours(const struct pool *p, struct view *v)
{
	static const char *const names[NEIGHBOURS] = {
		[NEIGHBOUR_PRODUCT] = "product service",
		[NEIGHBOUR_SNS] = "sns",
		[NEIGHBOUR_DATABASE] = "database",
	};

	for (int i = 0; i < NEIGHBOURS; i++) {
		const struct breaker *b = &p->breakers[i];
		uint32_t failures = atomic_load(&b->failures), threshold = atomic_load(&b->threshold);
		bool open = threshold && failures >= threshold;
		uint32_t health = atomic_load(&b->health);
		int64_t retry = atomic_load(&b->retry_ms);

		v->neighbours[i] = (struct neighbour_view){
			.name = names[i],
			.health = health <= HEALTH_FAILING ? (enum health)health : HEALTH_UNKNOWN,
			.open = open,
			.failures = failures,
			.retry_in_ms = open && retry > clock_ms() ? retry - clock_ms() : 0,
			.opened = atomic_load(&b->opened),
			.refused = atomic_load(&b->refused),
		};
	}
}

/* Within the bucket that the quantile falls into, as far in as its rank; beyond the last bound, that bound. */
static double
quantile_ms(const uint64_t *older, const uint64_t *newer, double q)
{
	const uint64_t *a = older + SAMPLE_BUCKETS, *b = newer + SAMPLE_BUCKETS;
	double rank = q * (double)(newer[SAMPLE_REQUESTS] - older[SAMPLE_REQUESTS]), below = 0;

	for (int i = 0; i < METRICS_BUCKETS - 1; i++) {
		double n = (double)(b[i] - a[i]), from = i ? (double)metrics_bounds_us[i - 1] : 0;

		if (n > 0 && below + n >= rank)
			return (from + ((double)metrics_bounds_us[i] - from) * (rank - below) / n) / 1000;
		below += n;
	}
	return (double)metrics_bounds_us[METRICS_BUCKETS - 2] / 1000;
}

/* False: the two do not follow each other. */
static bool
compare(const uint64_t *older, const uint64_t *newer, struct sample_view *out)
{
	int64_t us = (int64_t)(newer[SAMPLE_AT_US] - older[SAMPLE_AT_US]);
	double s = (double)us / 1e6;
	bool any = newer[SAMPLE_REQUESTS] > older[SAMPLE_REQUESTS];

	if (us <= 0 || us > VIEW_GAP_US || newer[SAMPLE_REQUESTS] < older[SAMPLE_REQUESTS])
		return false;
	*out = (struct sample_view){
		.at_us = (int64_t)newer[SAMPLE_AT_US],
		.requests_per_s = (double)(newer[SAMPLE_REQUESTS] - older[SAMPLE_REQUESTS]) / s,
		.errors_per_s = (double)(newer[SAMPLE_ERRORS] - older[SAMPLE_ERRORS]) / s,
		.p50_ms = any ? quantile_ms(older, newer, 0.5) : -1,
		.p99_ms = any ? quantile_ms(older, newer, 0.99) : -1,
		.outbox_waiting = (int64_t)newer[SAMPLE_WAITING],
		.outbox_parked = (int64_t)newer[SAMPLE_PARKED],
		.outbox_age_ms = (int64_t)newer[SAMPLE_AGE_MS],
	};
	return true;
}

static bool
take_samples(const struct pool *p, struct view *v)
{
	uint64_t taken = atomic_load(&p->metrics.samples_taken), words[2][SAMPLE_WORDS];
	bool have_older = false;

	v->samples = talloc_array(v, struct sample_view, SAMPLES);
	for (uint64_t n = taken > SAMPLES ? taken - SAMPLES : 0; v->samples && n < taken; n++) {
		uint64_t *older = words[n % 2], *newer = words[1 - n % 2];

		if (!cell_read(p->metrics.samples[n % SAMPLES], newer, SAMPLE_WORDS) ||
		    (int64_t)newer[SAMPLE_AT_US] > v->at_us ||
		    (int64_t)newer[SAMPLE_AT_US] < v->at_us - HOUR_US - VIEW_GAP_US) {
			have_older = false;
			continue;
		}
		if (have_older && compare(older, newer, &v->samples[v->n_samples]))
			v->n_samples++;
		have_older = true;
	}
	return v->samples != NULL;
}

/* The text in the words from first to behind, ended by force. */
static const char *
text_in(uint64_t *words, size_t first, size_t behind)
{
	char *text = (char *)(words + first);

	text[(behind - first) * sizeof *words - 1] = '\0';
	return text;
}

/* The texts are those in words. */
static bool
read_fault(const cell_word *cell, uint64_t words[static FAULT_WORDS], struct fault_view *out)
{
	if (!cell_read(cell, words, FAULT_WORDS) || words[FAULT_LEVEL] > LOG_ERROR)
		return false;
	*out = (struct fault_view){
		.at_us = (int64_t)words[FAULT_AT_US],
		.level = log_level_name((enum log_level)words[FAULT_LEVEL]),
		.event = text_in(words, FAULT_EVENT, FAULT_TEXT),
		.text = text_in(words, FAULT_TEXT, FAULT_REQUEST_ID),
		.request_id = text_in(words, FAULT_REQUEST_ID, FAULT_WORDS),
		.pid = (int32_t)words[FAULT_PID],
		.first_us = (int64_t)words[FAULT_FIRST_US],
		.times = words[FAULT_TIMES],
	};
	return true;
}

static int
newest_first(const void *a, const void *b)
{
	int64_t x = ((const struct fault_view *)a)->at_us, y = ((const struct fault_view *)b)->at_us;

	return (x < y) - (x > y);
}

static bool
take_faults(const struct pool *p, struct view *v)
{
	uint64_t(*words)[FAULT_WORDS] = talloc_array_size(v, sizeof *words, FAULTS);

	v->faults = talloc_array(v, struct fault_view, FAULTS);
	if (!v->faults || !words)
		return false;
	for (size_t i = 0; i < FAULTS; i++)
		if (read_fault(p->metrics.faults[i], words[i], &v->faults[v->n_faults]))
			v->n_faults++;
	qsort(v->faults, v->n_faults, sizeof *v->faults, newest_first);
	return true;
}

static void
take_outbox(const struct pool *p, struct view *v)
{
	uint64_t words[OUTBOX_WORDS];
	int64_t oldest;

	if (!cell_read(p->metrics.outbox, words, OUTBOX_WORDS))
		return;
	oldest = (int64_t)words[OUTBOX_OLDEST_US];
	v->outbox = (struct outbox_view){
		.looked_at_us = (int64_t)words[OUTBOX_LOOKED_AT_US],
		.waiting = (int64_t)words[OUTBOX_WAITING],
		.parked = (int64_t)words[OUTBOX_PARKED],
		.age_ms = oldest && v->at_us > oldest ? (v->at_us - oldest) / 1000 : 0,
	};
}

static void
take_totals(const struct pool *p, struct totals_view *t)
{
	*t = (struct totals_view){
		.errors = count(p, COUNT_ERRORS),
		.replays = count(p, COUNT_REPLAYS),
		.published = count(p, COUNT_EVENTS_PUBLISHED),
		.failed = count(p, COUNT_EVENTS_FAILED),
		.parked = count(p, COUNT_EVENTS_PARKED),
		.started = count(p, COUNT_WORKERS_STARTED),
		.left = count(p, COUNT_WORKERS_LEFT),
		.stuck = count(p, COUNT_WORKERS_STUCK),
		.died = count(p, COUNT_WORKERS_DIED),
		.no_place_product = count(p, COUNT_NO_PLACE_PRODUCT),
		.no_place_row = count(p, COUNT_NO_PLACE_ROW),
		.dropped = count(p, COUNT_DROPPED),
	};
	for (int i = 0; i < METRICS_SERIES; i++) {
		const struct series *s = &p->metrics.series[i];

		for (int j = 0; j < METRICS_BUCKETS && atomic_load(&s->name[1]) == TIMED_REQUEST; j++)
			t->requests += atomic_load(&s->buckets[j]);
	}
}

const struct view *
view_take(void *ctx, const struct pool *p)
{
	struct view *v = talloc_zero(ctx, struct view);
	uint64_t version[VERSION_WORDS];

	if (!v)
		return NULL;
	v->at_us = clock_wall_us();
	v->started_us = atomic_load(&p->metrics.started_us);
	v->workers_wanted = atomic_load(&p->metrics.workers);
	v->version = cell_read(p->metrics.version, version, VERSION_WORDS)
			     ? talloc_strndup(v, (const char *)version, sizeof version)
			     : "";
	take_neighbours(p, v);
	take_totals(p, &v->totals);
	take_outbox(p, v);
	if (v->version && take_workers(p, v) && take_samples(p, v) && take_faults(p, v))
		return v;
	talloc_free(v);
	return NULL;
}

const struct sample_view *
view_now(const struct view *v)
{
	const struct sample_view *s = v->n_samples ? &v->samples[v->n_samples - 1] : NULL;

	return s && v->at_us - s->at_us <= VIEW_FRESH_US ? s : NULL;
}

static int
by_labels(const void *a, const void *b)
{
	return strcmp(((const struct series_view *)a)->labels, ((const struct series_view *)b)->labels);
}

int
view_series(void *ctx, const struct pool *p, enum timed what, struct series_view **out)
{
	struct series_view *all = talloc_zero_array(ctx, struct series_view, METRICS_SERIES);
	int n = 0;

	if (!all)
		return -1;
	for (int i = 0; i < METRICS_SERIES; i++) {
		const struct series *s = &p->metrics.series[i];

		if (atomic_load(&s->name[0]) == 0 || atomic_load(&s->name[1]) != (uint64_t)what ||
		    !read_name(s->name, all[n].labels))
			continue;
		all[n].sum_us = atomic_load(&s->sum_us);
		for (int j = 0; j < METRICS_BUCKETS; j++)
			all[n].buckets[j] = atomic_load(&s->buckets[j]) + (j ? all[n].buckets[j - 1] : 0);
		n += all[n].buckets[METRICS_BUCKETS - 1] > 0;
	}
	qsort(all, (size_t)n, sizeof *all, by_labels);
	*out = all;
	return n;
}
