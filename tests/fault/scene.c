#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/audit.h"
#include "fault/row.h"
#include "support/events.h"
#include "support/test.h"

#define USERS 50
#define WARM_UP_MS 700
#define PEAK_MS full_or_quick(5000, 2000)

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

static long
status_kb(pid_t pid, const char *name)
{
	char *status = read_file(text("/proc/%d/status", (int)pid), NULL);
	char *at = status ? strstr(status, name) : NULL;

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

long
own_kb(pid_t pid)
{
	return status_kb(pid, "RssAnon:");
}

long
peak_kb(pid_t pid)
{
	return status_kb(pid, "VmHWM:");
}

void
go_on(long ms)
{
	(void)wait_until((int)ms, never, NULL);
}

const char *
built(const char *name)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		give_up("/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return text("%s/%s", self, name);
}

struct scene
scene_start(const struct pool_options *options)
{
	struct pool_options o = *options;
	size_t n = 0;

	if (!o.workers)
		o.workers = 8;
	while (o.settings[n])
		n++;
	o.settings[n] = "LOG_LEVEL=warn";
	return (struct scene){ .pool = pool_start(&o) };
}

struct load *
scene_load(struct scene *s, const struct load_options *options)
{
	struct load_options o = *options;

	if (s->n_loads == LOADS_MAX)
		give_up("more loads than a scene has room for");
	o.port = s->pool.port;
	o.seed = row_seed() * 10 + (uint64_t)s->n_loads;
	o.users = o.users ? o.users : USERS;
	o.first_user = 1 + (int64_t)s->n_loads * USERS;
	return s->loads[s->n_loads++] = load_start(&o);
}

double
scene_measure_peak(struct scene *s)
{
	struct load *l = scene_load(s, &(const struct load_options){ .clients = 16,
								     .mix = { [LOAD_CREATE] = 1 },
								     .keep_alive = true });
	struct load_figures f;
	int64_t from;

	go_on(WARM_UP_MS);
	from = clock_us();
	go_on(PEAK_MS);
	f = load_figures(l, ALL_KINDS, from, clock_us());
	load_stop(l);
	if (f.good == 0)
		give_up("the pool answers nothing:\n%s", pool_log(&s->pool));
	return f.per_s;
}

double
scene_peak(struct scene *s)
{
	if (*shared_peak <= 0)
		*shared_peak = scene_measure_peak(s);
	return *shared_peak;
}

static void
demand_audit(struct scene *s, int owed_limit_ms, bool exactly_once, bool in_order)
{
	struct audit a = { 0 };
	const struct audit_options o = {
		.p = &s->pool,
		.loads = (const struct load *const *)s->loads,
		.n_loads = s->n_loads,
		.exactly_once = exactly_once,
		.in_order = in_order,
		.limit_ms = owed_limit_ms,
	};

	(void)audit(&a, &o);
	figure("%ld orders acknowledged of %ld, %ld changes, %ld events, %ld of them again", a.acked_orders,
	       a.stored_orders, a.changes, a.distinct, a.delivered - a.distinct);
	demand(a.acked_orders > 0, "no order was acknowledged");
	if (scene_owed(s) > 0)
		demand(false, "owed: %s",
		       pool_sql(
			       &s->pool,
			       "SELECT string_agg(format('order %s version %s, %s attempts, due in %s, %s', order_id, version, attempts, "
			       "next_attempt_at - now(), last_error), '; ') FROM (SELECT * FROM orders.outbox LIMIT 5) AS o"));
	for (int i = 0; i < a.n; i++)
		demand(a.invariants[i].violations == 0, "violated: %s: %ld times", a.invariants[i].name,
		       a.invariants[i].violations);
}

static void
stop_loads(struct scene *s)
{
	for (int i = 0; i < s->n_loads; i++)
		load_stop(s->loads[i]);
}

static void
stop_pool(struct scene *s)
{
	demand(pool_stop(&s->pool), "the pool had to be killed");
	/* Lest vacuuming it should disturb the next row. */
	(void)database_sql("postgres", text("DROP DATABASE %s WITH (FORCE)", s->pool.database));
}

void
scene_end(struct scene *s, int owed_limit_ms, bool exactly_once, bool in_order)
{
	stop_loads(s);
	demand_audit(s, owed_limit_ms, exactly_once, in_order);
	stop_pool(s);
}

void
scene_end_counted(struct scene *s, int owed_limit_ms)
{
	struct answer a;
	const char *messages;
	long changes, n;

	stop_loads(s);
	demand(pool_sql_becomes(&s->pool, "SELECT count(*) FROM orders.outbox", "0", owed_limit_ms),
	       "%ld events are still owed", scene_owed(s));
	changes = strtol(pool_sql(&s->pool, "SELECT count(*) FROM orders.order_changes"), NULL, 10);
	a = sqs_call("GetQueueAttributes", text("{\"QueueUrl\":\"http://127.0.0.1:%d/000000000000/%s\","
						"\"AttributeNames\":[\"ApproximateNumberOfMessages\"]}",
						events_port(), s->pool.queue));
	messages = strstr(a.body, "\"ApproximateNumberOfMessages\":\"");
	n = messages ? strtol(messages + strlen("\"ApproximateNumberOfMessages\":\""), NULL, 10) : -1;
	figure("%ld changes, %ld messages in the queue", changes, n);
	demand(n >= changes, "%ld messages for %ld changes", n, changes);
	stop_pool(s);
}

void
demand_ratio(const char *name, double ms, double undisturbed_ms, double times, double floor_ms)
{
	figure("%s %.1f ms (undisturbed %.1f)", name, ms, undisturbed_ms);
	demand_time(ms <= undisturbed_ms * times || ms <= undisturbed_ms + floor_ms,
		    "%s: %.1f ms is more than %.1f times %.1f ms", name, ms, times, undisturbed_ms);
}

struct wanted_good {
	const struct load *l;
	unsigned kinds;
	int64_t at_us, best_us;
	long seen;
};

static bool
is_good_after(void *arg)
{
	struct wanted_good *w = arg;

	for (long n = load_count(w->l); w->seen < n; w->seen++) {
		const struct load_record *r = load_record(w->l, w->seen);
		int64_t end = r->started_us + r->took_us;

		if (!(w->kinds & KIND(r->kind)) || r->started_us < w->at_us || r->wrong || r->status < 200 ||
		    r->status > 299)
			continue;
		if (w->best_us < 0 || end < w->best_us)
			w->best_us = end;
	}
	return w->best_us >= 0;
}

int64_t
first_good_after(const struct load *l, unsigned kinds, int64_t at_us, int limit_ms)
{
	struct wanted_good w = { .l = l, .kinds = kinds, .at_us = at_us, .best_us = -1 };

	return wait_until(limit_ms, is_good_after, &w) ? w.best_us - at_us : -1;
}

long
scene_owed(const struct scene *s)
{
	return strtol(pool_sql(&s->pool, "SELECT count(*) FROM orders.outbox WHERE parked_at IS NULL"), NULL,
		      10);
}
