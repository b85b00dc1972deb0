#include "base/metrics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

const int64_t metrics_bounds_us[METRICS_BUCKETS - 1] = { 500,	  1000,	   2500,    5000,    10000,
							 25000,	  50000,   100000,  250000,  500000,
							 1000000, 2500000, 5000000, 10000000 };

static struct metrics *metrics;
static struct worker *worker;

static void
add(cell_word *counter, uint64_t n)
{
	(void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void
metrics_use(struct metrics *m, struct worker *self)
{
	metrics = m;
	worker = self;
}

void
metrics_describe(const char *version, int workers)
{
	uint64_t words[VERSION_WORDS];

	if (!metrics)
		return;
	cell_put_text(words, VERSION_WORDS, version);
	cell_write(metrics->version, words, VERSION_WORDS);
	atomic_store(&metrics->workers, workers);
}

/*
 * The place of a name in a table of them that begin with a cell, each stride words long: whoever comes first takes it by the
 * name's sum, and everybody who comes later writes the same words, should the first one have died over them. Negative: the table is full.
 */
static int
find_name(cell_word *table, size_t stride, size_t n, const uint64_t words[static NAME_WORDS])
{
	uint64_t sum = cell_sum(words, NAME_WORDS), found[NAME_WORDS];

	for (size_t i = 0; i < n; i++) {
		size_t at = (sum + i) % n;
		cell_word *cell = table + at * stride;
		uint64_t taken = 0;

		if (!atomic_compare_exchange_strong(&cell[0], &taken, sum) && taken != sum)
			continue;
		if (!cell_read(cell, found, NAME_WORDS))
			cell_write(cell, words, NAME_WORDS);
		return (int)at;
	}
	return -1;
}

struct series *
metrics_series(enum timed what, const char *labels)
{
	uint64_t words[NAME_WORDS] = { (uint64_t)what };
	int at;

	if (!metrics)
		return NULL;
	cell_put_text(words + 1, NAME_WORDS - 1, labels);
	at = find_name((cell_word *)metrics->series, sizeof(struct series) / sizeof(cell_word),
		       METRICS_SERIES, words);
	if (at < 0)
		metrics_count(COUNT_DROPPED, 1);
	return at < 0 ? NULL : &metrics->series[at];
}

int
metrics_route(const char *name)
{
	uint64_t words[NAME_WORDS] = { 0 };

	cell_put_text(words + 1, NAME_WORDS - 1, name);
	return metrics ? find_name(metrics->routes[0], NAME_WORDS + 1, METRICS_ROUTES, words) : -1;
}

void
metrics_observe(struct series *s, int64_t duration_us)
{
	int i = 0;

	if (!s)
		return;
	while (i < METRICS_BUCKETS - 1 && duration_us > metrics_bounds_us[i])
		i++;
	add(&s->buckets[i], 1);
	add(&s->sum_us, duration_us > 0 ? (uint64_t)duration_us : 0);
}

void
metrics_time(struct series **known, enum timed what, const char *first, const char *second,
	     int64_t duration_us)
{
	static const struct {
		const char *first, *second;
	} names[TIMED] = {
		[TIMED_PRODUCT] = { "outcome", NULL },
		[TIMED_DATABASE] = { "call", "outcome" },
		[TIMED_SNS] = { "action", "outcome" },
	};
	char labels[METRICS_TEXT_SIZE];

	if (!metrics)
		return;
	if (!*known) {
		int len = snprintf(labels, sizeof labels, "%s=\"%s\"", names[what].first, first);

		if (second)
			(void)snprintf(labels + len, sizeof labels - (size_t)len, ",%s=\"%s\"",
				       names[what].second, second);
		*known = metrics_series(what, labels);
	}
	metrics_observe(*known, duration_us);
}

size_t
metrics_outcome(const struct outcome_name *names, size_t n, enum rc rc)
{
	size_t i = 0;

	while (i < n - 1 && names[i].rc != rc)
		i++;
	return i;
}

void
metrics_count(enum counter c, uint64_t n)
{
	if (metrics)
		add(&metrics->counters[c], n);
}

void
metrics_doing(enum doing doing, int route, int64_t since_ms)
{
	if (!worker ||
	    (doing == DOING_IDLE && atomic_load_explicit(&worker->doing, memory_order_relaxed) == DOING_IDLE))
		return; /* it has been idle for longer */
	atomic_store_explicit(&worker->doing, (int32_t)doing, memory_order_relaxed);
	atomic_store_explicit(&worker->route, route + 1, memory_order_relaxed);
	atomic_store_explicit(&worker->since_ms, since_ms, memory_order_relaxed);
}

void
metrics_answered(void)
{
	if (worker)
		add(&worker->requests, 1);
}

int64_t
metrics_asks(enum asks whom)
{
	int64_t now = clock_us();

	if (worker) {
		atomic_store_explicit(&worker->asks_since_us, now, memory_order_relaxed);
		atomic_store_explicit(&worker->asks, (int32_t)whom, memory_order_relaxed);
	}
	return now;
}

void
metrics_outbox(int64_t waiting, int64_t parked, int64_t oldest_us)
{
	const uint64_t words[OUTBOX_WORDS] = {
		[OUTBOX_LOOKED_AT_US] = (uint64_t)clock_wall_us(),
		[OUTBOX_WAITING] = (uint64_t)waiting,
		[OUTBOX_PARKED] = (uint64_t)parked,
		[OUTBOX_OLDEST_US] = (uint64_t)oldest_us,
	};

	if (metrics)
		cell_write(metrics->outbox, words, OUTBOX_WORDS);
}

/* True for one of all who ask late_ms after the time at *at; the next comes interval_ms later. A time further away was read before the
 * machine started anew. */
static bool
is_due(_Atomic int64_t *at, int interval_ms, int late_ms, int longest_ms)
{
	int64_t now = clock_ms(), due = atomic_load_explicit(at, memory_order_relaxed);

	return (due <= now - late_ms || due - now > longest_ms) &&
	       atomic_compare_exchange_strong(at, &due, now + interval_ms);
}

bool
metrics_look_due(int interval_ms, int late_ms)
{
	return metrics && is_due(&metrics->look_ms, interval_ms, late_ms, METRICS_LOOK_MAX_MS);
}

void
metrics_look_in(int delay_ms)
{
	if (metrics)
		atomic_store(&metrics->look_ms, clock_ms() + delay_ms);
}

/* The figures of the outbox, unless they are too old to be said of now. */
static void
sample_outbox(uint64_t words[static SAMPLE_WORDS])
{
	uint64_t outbox[OUTBOX_WORDS], now = words[SAMPLE_AT_US];
	bool known = cell_read(metrics->outbox, outbox, OUTBOX_WORDS) && outbox[OUTBOX_LOOKED_AT_US] &&
		     now - outbox[OUTBOX_LOOKED_AT_US] < METRICS_LOOK_MAX_MS * 1000u;
	uint64_t oldest = known && outbox[OUTBOX_OLDEST_US] ? outbox[OUTBOX_OLDEST_US] : now;

	words[SAMPLE_WAITING] = known ? outbox[OUTBOX_WAITING] : UINT64_MAX;
	words[SAMPLE_PARKED] = known ? outbox[OUTBOX_PARKED] : UINT64_MAX;
	words[SAMPLE_AGE_MS] = !known ? UINT64_MAX : now > oldest ? (now - oldest) / 1000 : 0;
}

bool
metrics_sample(void)
{
	uint64_t words[SAMPLE_WORDS] = { 0 }, number;

	if (!metrics || !is_due(&metrics->sample_ms, SAMPLE_MS, 0, SAMPLE_MS))
		return false;
	words[SAMPLE_AT_US] = (uint64_t)clock_wall_us();
	words[SAMPLE_ERRORS] = atomic_load(&metrics->counters[COUNT_ERRORS]);
	sample_outbox(words);
	for (int i = 0; i < METRICS_SERIES; i++) {
		struct series *s = &metrics->series[i];

		if (atomic_load(&s->name[0]) == 0 || atomic_load(&s->name[1]) != TIMED_REQUEST)
			continue;
		for (int j = 0; j < METRICS_BUCKETS; j++)
			words[SAMPLE_BUCKETS + j] += atomic_load(&s->buckets[j]);
	}
	for (int j = 0; j < METRICS_BUCKETS; j++)
		words[SAMPLE_REQUESTS] += words[SAMPLE_BUCKETS + j];
	number = atomic_fetch_add(&metrics->samples_taken, 1);
	cell_write(metrics->samples[number % SAMPLES], words, SAMPLE_WORDS);
	return true;
}

/* Where the kind of words is kept, which then go on with its count; else in place of what has not come for the longest time. */
static cell_word *
find_fault(uint64_t words[static FAULT_WORDS])
{
	uint64_t kept[FAULT_WORDS], oldest_us = UINT64_MAX;
	cell_word *oldest = metrics->faults[0];

	for (size_t i = 0; i < FAULTS; i++) {
		bool good = cell_read(metrics->faults[i], kept, FAULT_WORDS);

		if (good && kept[FAULT_LEVEL] == words[FAULT_LEVEL] &&
		    memcmp(kept + FAULT_EVENT, words + FAULT_EVENT,
			   (FAULT_REQUEST_ID - FAULT_EVENT) * sizeof *kept) == 0) {
			words[FAULT_FIRST_US] = kept[FAULT_FIRST_US];
			words[FAULT_TIMES] = kept[FAULT_TIMES] + 1;
			return metrics->faults[i];
		}
		if (!good)
			kept[FAULT_AT_US] = 0;
		if (kept[FAULT_AT_US] < oldest_us) {
			oldest_us = kept[FAULT_AT_US];
			oldest = metrics->faults[i];
		}
	}
	return oldest;
}

/* Called by a signal handler, too: atomic words and plain memory alone. */
void
metrics_fault(enum log_level level, const char *event, const char *text, const char *request_id)
{
	uint64_t words[FAULT_WORDS] = { 0 };

	if (!metrics)
		return;
	words[FAULT_AT_US] = words[FAULT_FIRST_US] = (uint64_t)clock_wall_us();
	words[FAULT_TIMES] = 1;
	words[FAULT_LEVEL] = (uint64_t)level;
	words[FAULT_PID] = (uint64_t)getpid();
	cell_put_text(words + FAULT_EVENT, FAULT_TEXT - FAULT_EVENT, event);
	cell_put_text(words + FAULT_TEXT, FAULT_REQUEST_ID - FAULT_TEXT, text);
	cell_put_text(words + FAULT_REQUEST_ID, FAULT_WORDS - FAULT_REQUEST_ID, request_id);
	cell_write(find_fault(words), words, FAULT_WORDS);
}

void
metrics_stuck(void)
{
	metrics_count(COUNT_WORKERS_STUCK, 1);
	metrics_fault(LOG_ERROR, "worker.stuck", "ended by its watchdog", "");
	if (worker)
		atomic_store(&worker->doing, DOING_STUCK);
}
