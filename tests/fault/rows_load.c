/* More than the pool can do, and what must not grow however long it goes on. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/test.h"

#define OVER 5		/* times the peak */
#define ANSWER_MS 2000	/* in which whoever is answered is */
#define REFUSED_MS 1000 /* in which the rest is refused */

/* Clients that do not wait for each other, five times as many requests as the pool can answer. They are on the same machine here,
 * so what the pool can do is less by what they take of its processors; and since others may take some of them too, its peak is what it
 * is before and afterwards, in the mean. */
static void
run_overload(void)
{
	struct scene s = scene_start(&(const struct pool_options){ .workers = 4 });
	double peak = scene_measure_peak(&s);
	struct load *l;
	struct load_figures f, after;
	double taken = 0, share, left, offered;
	double least = (double)full_or_quick(80,
					     70); /* two seconds of a machine say less of it than a minute */
	int64_t begun, ended;

	l = scene_load(&s, &(const struct load_options){ .rate = peak * OVER,
							 .clients = 3000,
							 .mix = { [LOAD_CREATE] = 1 },
							 .timeout_ms = 10000,
							 .keep_alive = true });
	go_on(1000);
	begun = clock_us();
	(void)load_share(l, 1, &taken);
	go_on(full_or_quick(60000, 2500));
	ended = clock_us();
	share = load_share(l, ended - begun, &taken);
	load_stop(l);
	f = load_figures(l, ALL_KINDS, begun, ended);
	l = scene_load(&s, &(const struct load_options){ .rate = peak * 0.25, .mix = { [LOAD_CREATE] = 1 } });
	begun = clock_us() + ANSWER_MS * 1000;
	go_on(ANSWER_MS + full_or_quick(10000, 1000));
	after = load_figures(l, ALL_KINDS, begun, clock_us());
	load_stop(l);
	offered = peak * OVER;
	peak = (peak + scene_measure_peak(&s)) / 2;
	figure("peak %.0f/s, offered %.0f/s, answered %.0f/s (%.0f %%), p99 %.0f ms, slowest %.0f ms", peak,
	       offered, f.per_s, f.per_s / peak * 100, f.p99_ms, f.max_ms);
	left = peak * (1 - share);
	figure("%.0f %% of what the clients leave of the processors", f.per_s / left * 100);
	figure("%ld refused, p99 of them %.0f ms", f.refused, f.refused_p99_ms);
	figure("two seconds later p99 %.1f ms", after.p99_ms);
	demand_time(f.per_s >= least / 100 * left, "%.0f/s answered are less than %.0f %% of %.0f/s", f.per_s,
		    least, left);
	demand_time(f.p99_ms <= ANSWER_MS, "p99 of what was answered: %.0f ms", f.p99_ms);
	demand(f.refused > 0, "nobody was refused: the fault did not happen");
	demand_time(f.refused_p99_ms <= REFUSED_MS, "p99 of what was refused: %.0f ms", f.refused_p99_ms);
	demand(f.other == 0 && f.cut == 0, "%ld answers were neither good nor 503, %ld requests had none",
	       f.other, f.cut);
	demand(after.good == after.asked, "afterwards %ld of %ld failed", after.asked - after.good,
	       after.asked);
	demand_time(after.p99_ms < 200, "afterwards p99 is %.1f ms", after.p99_ms);
	scene_end(&s, 60000, false, true);
}

/* What a long life may leave behind. */
struct trace {
	long workers_kb;  /* memory of their own */
	long backends_kb; /* of the database's processes that serve them: prepared plans and caches */
	long descriptors;
	long run_files;
	long pids; /* their sum: the same workers */
};

static long
count_files(const char *pattern)
{
	glob_t g;
	long n = 0;

	if (glob(pattern, 0, NULL, &g) == 0)
		n = (long)g.gl_pathc;
	globfree(&g);
	return n;
}

static struct trace
take_trace(const struct scene *s)
{
	pid_t pids[POOL_PIDS];
	struct trace t = { .run_files = count_files(text("%s/run/*", s->pool.dir)) };
	char *list, *saved;

	for (int i = 0, n = pool_pids(&s->pool, "orders.fcgi", pids); i < n; i++) {
		t.pids += pids[i];
		t.workers_kb += own_kb(pids[i]);
		t.descriptors += count_files(text("/proc/%d/fd/*", (int)pids[i]));
	}
	list = text("%s",
		    pool_sql(&s->pool,
			     "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity "
			     "WHERE datname = current_database() AND application_name = 'orders.fcgi'"));
	for (char *pid = strtok_r(list, " ", &saved); pid; pid = strtok_r(NULL, " ", &saved))
		t.backends_kb += own_kb((pid_t)atoi(pid));
	return t;
}

struct progress {
	const struct load *l;
	long n;
};

static bool
has_made(void *arg)
{
	const struct progress *p = arg;

	return load_count(p->l) >= p->n || load_is_over(p->l);
}

static void
demand_flat(const char *what, long now, long then, long slack)
{
	demand(now <= then + slack, "%s: %ld at the end, %ld after the first twentieth", what, now, then);
}

static void
run_soak(void)
{
	long requests = full_or_quick(2000000, 10000);
	struct scene s = scene_start(&(const struct pool_options){ .workers = 8 });
	struct load *l = scene_load(&s, &(const struct load_options){ .clients = 16,
								      .mix = { [LOAD_CREATE] = 8,
									       [LOAD_REPEAT] = 2,
									       [LOAD_CHANGE] = 6,
									       [LOAD_GET] = 30,
									       [LOAD_LIST] = 4,
									       [LOAD_HEALTH] = 30,
									       [LOAD_BAD] = 20 },
								      .keep_alive = true,
								      .requests = requests });
	struct trace first, last;
	int64_t begun = clock_us();
	struct load_figures f;

	(void)wait_until(3600000, has_made, &(struct progress){ l, requests / 20 });
	first = take_trace(&s);
	(void)wait_until(3600000, has_made, &(struct progress){ l, requests - requests / 50 });
	last = take_trace(&s);
	(void)wait_until(3600000, has_made, &(struct progress){ l, requests });
	f = load_figures(l, ALL_KINDS, begun, clock_us());
	figure("%ld requests, %.0f/s, memory of 8 workers %+ld kB of %ld, of their backends %+ld kB of %ld, descriptors %+ld, files in run/ %+ld",
	       f.asked, f.per_s, last.workers_kb - first.workers_kb, first.workers_kb,
	       last.backends_kb - first.backends_kb, first.backends_kb, last.descriptors - first.descriptors,
	       last.run_files - first.run_files);
	demand(f.good == f.asked, "%ld requests failed", f.asked - f.good);
	demand(last.pids == first.pids, "there are other workers than at first");
	demand_flat("workers' memory", last.workers_kb, first.workers_kb, first.workers_kb / 20 + 8 * 128);
	demand_flat("backends' memory", last.backends_kb, first.backends_kb,
		    first.backends_kb / 20 + 8 * 512);
	demand_flat("descriptors", last.descriptors, first.descriptors,
		    8 * 2); /* of the request, and to SNS, which come and go */
	demand_flat("files in run/", last.run_files, first.run_files, 0);
	scene_end(&s, 60000, true, true);
}

const struct row load_rows[] = {
	{ "overload", "five times the requests that the pool can answer", run_overload, 240, ALONE },
	{ "soak", "requests of all kinds for a long time", run_soak, 3600, ALONE },
	{ 0 },
};
