/* The pool's own life: workers that cannot start, new binaries and settings, restarts of the web server. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/fastcgi.h"
#include "support/test.h"

#define WORKERS 4

/* A folder with what this pool runs: the worker's binary, which may be exchanged, and a file of settings. */
struct installed {
	char *worker, *settings;
};

/* As an installation does it: written beside, and renamed. */
static void
put_file(const char *path, const char *content, mode_t mode)
{
	const char *beside = text("%s.new", path);
	FILE *f = fopen(beside, "we");

	if (!f || fputs(content, f) < 0 || fclose(f) != 0 || chmod(beside, mode) != 0 ||
	    rename(beside, path) != 0)
		give_up("%s cannot be written", path);
}

static void
put_worker(const struct installed *i, int build)
{
	if (system(text("cp '%s' '%s.new' && printf %%s 'build %d' >>'%s.new' && mv '%s.new' '%s'",
			test_env("ORDERS_TEST_WORKER"), i->worker, build, i->worker, i->worker, i->worker)) !=
	    0)
		give_up("%s cannot be installed", i->worker);
}

static void
put_settings(const struct installed *i, int generation)
{
	put_file(i->settings,
		 text("# of this generation\nJWT_AUDIENCE=\nFAULT_GENERATION='%d'\n", generation), 0644);
}

static struct scene
start(struct installed *i)
{
	char *dir = text("%s/installed-%d", test_env("ORDERS_TEST_DIR"), (int)getpid());

	(void)mkdir(dir, 0711);
	i->worker = text("%s/orders.fcgi", dir);
	i->settings = text("%s/orders.env", dir);
	put_worker(i, 0);
	put_settings(i, 0);
	return scene_start(&(const struct pool_options){
		.workers = WORKERS,
		/* Who finds no place at a slow Product Service is refused, renewal or not: none of these rows is about that. */
		.settings = { text("ORDERS_FCGI=%s", i->worker), text("ORDERS_ENV=%s", i->settings),
			      "PRODUCT_MAX_WORKERS=100" } });
}

static struct ran
command(const struct scene *s, const char *name)
{
	const char *const argv[] = { text("%s/spawn.sh", test_env("ORDERS_TEST_ROOT")), name, NULL };

	return program_run(argv, pool_environment(&(const struct pool_options){ 0 }, &s->pool), NULL);
}

static pid_t
supervisor(const struct scene *s)
{
	char *pid = read_file(text("%s/run/spawn.pid", s->pool.dir), NULL);

	return pid ? (pid_t)atoi(pid) : 0;
}

/* ms of processor that it and all that it has waited for have used. */
static long
used_ms(pid_t pid)
{
	char *stat = read_file(text("/proc/%d/stat", (int)pid), NULL), *at = stat ? strrchr(stat, ')') : NULL;
	long user = 0, system = 0, children_user = 0, children_system = 0;

	if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld", &user, &system,
			  &children_user, &children_system) != 4)
		give_up("/proc/%d/stat", (int)pid);
	return (user + system + children_user + children_system) * 1000 / sysconf(_SC_CLK_TCK);
}

static int
count_lines(const char *log, const char *word)
{
	int n = 0;

	for (const char *p = log; (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

/* All workers die, and what is there instead of their binary leaves at once. */
static void
run_crash_loop(void)
{
	struct installed i;
	struct scene s = start(&i);
	struct load *l = scene_load(&s, &(const struct load_options){ .clients = 4,
								      .mix = { [LOAD_CREATE] = 1 },
								      .pause_ms = 100,
								      .timeout_ms = 5000 });
	long ms = full_or_quick(20000, 4000), used;
	pid_t pids[POOL_PIDS];
	int64_t back;
	int lines;

	go_on(700);
	put_file(
		i.worker,
		"#!/bin/sh\necho 'orders.fcgi: error while loading shared libraries: libpq.so.5' >&2\nexit 127\n",
		0755);
	for (int n = pool_pids(&s.pool, "orders.fcgi", pids); n > 0; n--)
		(void)kill(pids[n - 1], SIGKILL);
	used = used_ms(supervisor(&s));
	go_on(ms);
	used = used_ms(supervisor(&s)) - used;
	lines = count_lines(pool_log(&s.pool), "spawn.sh: ");
	demand(pool_pids(&s.pool, "orders.fcgi", pids) == 0, "there are workers: the fault did not happen");
	put_worker(&i, 1);
	back = first_good_after(l, KIND(LOAD_CREATE), clock_us(), 15000);
	figure("%.0f %% of a processor while it lasts, %d lines, back %.1f s after its cause was gone",
	       (double)used * 100 / (double)ms, lines, (double)back / 1e6);
	demand_time(used * 100 / ms < 25, "%ld ms of processor in %ld ms", used, ms);
	demand(lines >= 1 && lines <= 2, "%d lines in the log: %s", lines, pool_log(&s.pool));
	demand(back >= 0, "it does not come back");
	demand_time(back <= 7000000, "back after %.1f s", (double)back / 1e6);
	demand(pool_has_workers(&s.pool, WORKERS, 10000), "not all workers are back");
	scene_end(&s, 30000, false, true);
}

/* Every request of these counts: they cannot be sent a second time by the client. */
static const struct load_options busy = {
	.clients = 12,
	.mix = { [LOAD_CREATE] = 2, [LOAD_CHANGE] = 1, [LOAD_GET] = 6, [LOAD_LIST] = 1, [LOAD_HEALTH] = 10 },
};

static void
demand_none_lost(const struct scene *s, const struct load *l, int64_t begun, long least)
{
	struct load_figures f = load_figures(l, ALL_KINDS, begun, clock_us());

	figure("%ld requests, %ld failed, p99 %.1f ms", f.asked, f.asked - f.good, f.p99_ms);
	demand(f.good == f.asked, "%ld refused, %ld cut, %ld other; the log says: %s", f.refused, f.cut,
	       f.other, pool_log(&s->pool));
	demand(load_count(l) >= least, "%ld requests are too few to tell", load_count(l));
	demand(pool_has_workers(&s->pool, WORKERS, 10000), "there are not as many workers as before");
}

static bool
is_of_generation(pid_t pid, int generation, int build)
{
	size_t len;
	char *env = read_file(text("/proc/%d/environ", (int)pid), &len),
	     *wanted = text("FAULT_GENERATION=%d", generation);
	bool found = false;

	for (char *p = env; env && p < env + len; p += strlen(p) + 1)
		found = found || strcmp(p, wanted) == 0;
	return found && system(text("tail -c %zu /proc/%d/exe | grep -qx 'build %d'",
				    strlen(text("build %d", build)), (int)pid, build)) == 0;
}

struct enough {
	const struct load *l;
	long n;
};

static bool
is_enough(void *arg)
{
	const struct enough *e = arg;

	return load_count(e->l) >= e->n;
}

/* Puts the nth binary and settings into service; says itself what went wrong. */
typedef void renew_fn(const struct scene *s, int n);

static void
renew_often(const char *what, renew_fn *renew)
{
	struct installed i;
	struct scene s = start(&i);
	struct load *l = scene_load(&s, &busy);
	int64_t begun = clock_us();
	long least = full_or_quick(50000, 5000);
	int times = (int)full_or_quick(20, 3);

	for (int n = 1; n <= times; n++) {
		pid_t pids[POOL_PIDS];
		int workers;

		/* Requests come between renewals, not behind the last. */
		(void)wait_until(300000, is_enough, &(struct enough){ l, least * n / (times + 1) });
		put_worker(&i, n);
		put_settings(&i, n);
		renew(&s, n);
		demand(pool_has_workers(&s.pool, WORKERS, 10000), "%s %d: the old workers stay", what, n);
		workers = pool_pids(&s.pool, "orders.fcgi", pids);
		for (int w = 0; w < workers; w++)
			demand(is_of_generation(pids[w], n, n),
			       "%s %d: a worker is not of the new binary and settings", what, n);
	}
	(void)wait_until(300000, is_enough, &(struct enough){ l, least });
	figure("%d times", times);
	demand_none_lost(&s, l, begun, least);
	scene_end(&s, 30000, false, true);
}

static void
reload(const struct scene *s, int n)
{
	struct ran r = command(s, "reload");

	demand(r.status == 0, "reload %d: status %d, %s", n, r.status, r.err);
}

static void
run_reload(void)
{
	renew_often("reload", reload);
}

struct replaced {
	const struct scene *s;
	pid_t before;
};

static bool
is_replaced(void *arg)
{
	const struct replaced *r = arg;
	pid_t now = supervisor(r->s);

	return now && now != r->before && command(r->s, "status").status == 0;
}

static void
restart(const struct scene *s, int n)
{
	struct replaced r = { s, supervisor(s) };

	(void)kill(s->pool.pid, SIGUSR1);
	demand(wait_until(20000, is_replaced, &r), "restart %d: there is no new pool: %s", n,
	       pool_log(&s->pool));
}

static void
run_restart(void)
{
	renew_often("restart", restart);
}

/* Kills one of those that keep the pool, by the name of its process; the supervisor's own, or not. */
static void
kill_keeper(const struct scene *s, const char *name, bool is_supervisor)
{
	pid_t pids[POOL_PIDS];
	int n = pool_pids(&s->pool, name, pids);

	for (int i = 0; i < n; i++)
		if ((pids[i] == supervisor(s)) == is_supervisor) {
			(void)kill(pids[i], SIGKILL);
			return;
		}
	demand(false, "there is no %s to be killed", name);
}

/* What keeps the workers is killed, one after the other; the last, whom lighttpd has started, is not started again. */
static void
run_kill_keepers(void)
{
	static const struct {
		const char *name;
		bool is_supervisor;
	} keepers[] = {
		{ "spawn.sh", true }, { "multiwatch", false }, { "spawn.sh", true }, { "spawn.sh", false }
	};
	struct installed i;
	struct scene s = start(&i);
	struct load *l = scene_load(&s, &busy);
	int64_t begun = clock_us();
	struct load_figures f;

	for (size_t k = 0; k < sizeof keepers / sizeof *keepers; k++) {
		go_on(1000);
		kill_keeper(&s, keepers[k].name, keepers[k].is_supervisor);
		go_on(3000);
		demand(pool_has_workers(&s.pool, WORKERS, 10000), "%s: the workers do not come back",
		       keepers[k].name);
	}
	f = load_figures(l, ALL_KINDS, begun, clock_us());
	figure("the longest time without an answer %.1f s", (double)f.longest_gap_us / 1e6);
	demand_time(f.longest_gap_us < 3000000, "%.1f s without an answer", (double)f.longest_gap_us / 1e6);
	demand_none_lost(&s, l, begun, 1000);
	scene_end(&s, 30000, false, true);
}

const struct row pool_rows[] = {
	{ "kill-keepers", "kill -9 of supervisor, multiwatch, and whom lighttpd started", run_kill_keepers,
	  120, MANY },
	{ "crash-loop", "workers leave at once, over and over", run_crash_loop, 120, MANY },
	{ "reload", "new binary and settings under load, spawn.sh reload", run_reload, 600, MANY },
	{ "restart", "the same, by a graceful restart of lighttpd", run_restart, 600, MANY },
	{ 0 },
};
