/* Workers that die, hang, or cannot start. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/row.h"
#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/test.h"

#define WORKERS 8
#define BACK_MS 1000

static const struct load_options mixed = {
	.clients = 16,
	.mix = { [LOAD_CREATE] = 5,
		 [LOAD_REPEAT] = 1,
		 [LOAD_CHANGE] = 3,
		 [LOAD_GET] = 3,
		 [LOAD_LIST] = 1,
		 [LOAD_BAD] = 1 },
	.keep_alive = true,
};

#define RACES 20
#define AT_ONCE 6

/* Changes of one order to one status at the same time: one makes it, the others are judged by what that one has left. */
static void
race_changes(const struct scene *s)
{
	int wrong = 0;

	for (int race = 0; race < RACES; race++) {
		struct exchange x[AT_ONCE];
		int64_t user = new_user(), order = place_order(&s->pool, user, 3, 1);
		const struct ask a = { .method = "PATCH",
				       .target = status_target(order),
				       .token = token_of(user),
				       .body = "{\"status\":\"confirmed\"}" };
		int made = 0, other = 0;

		for (int i = 0; i < AT_ONCE; i++)
			x[i] = ask_send(s->pool.port, &a);
		for (int i = 0; i < AT_ONCE; i++) {
			int status = ask_receive(&x[i], 20000).status;

			made += status == 200;
			other += status != 200 && status != 400 && status != 503;
		}
		wrong += made != 1 || other > 0;
	}
	demand(wrong == 0, "of simultaneous changes not just one was made: %d times of %d", wrong, RACES);
}

/* Nothing is done to it: what the other rows are held against, and the only one that wants each event exactly once. */
static void
run_undisturbed(void)
{
	/* So many that two of them may sweep at a time. */
	struct scene s = scene_start(&(const struct pool_options){ .workers = 2 * WORKERS });
	struct load *l = scene_load(&s, &mixed);
	int64_t begun;
	struct load_figures f;

	go_on(500);
	begun = clock_us();
	go_on(full_or_quick(20000, 2000));
	f = load_figures(l, ALL_KINDS, begun, clock_us());
	figure("%.0f requests/s, p50 %.1f ms, p99 %.1f ms", f.per_s, f.p50_ms, f.p99_ms);
	demand(f.good == f.asked, "%ld of %ld requests failed", f.asked - f.good, f.asked);
	race_changes(&s);
	scene_end(&s, 15000, true, true);
}

static bool
is_dead(void *arg)
{
	return kill(*(pid_t *)arg, 0) != 0;
}

/* Kills one, and returns the ms until there are as many as before; -1: they do not come back. */
static int64_t
kill_one(const struct scene *s, unsigned *random)
{
	pid_t pids[POOL_PIDS];
	int n = pool_pids(&s->pool, "orders.fcgi", pids);
	int64_t started = clock_ms();
	pid_t victim;

	if (n == 0)
		return -1;
	victim = pids[rand_r(random) % n];
	(void)kill(victim, SIGKILL);
	if (!wait_until(BACK_MS, is_dead, &victim) || !pool_has_workers(&s->pool, WORKERS, 5 * BACK_MS))
		return -1;
	return clock_ms() - started;
}

static void
run_kill(void)
{
	struct scene s = scene_start(&(const struct pool_options){ .workers = WORKERS });
	struct load *l = scene_load(&s, &mixed);
	int64_t begun = clock_us(), end = clock_ms() + full_or_quick(60000, 3000), next = clock_ms(), back,
		slowest = 0;
	unsigned random = (unsigned)row_seed();
	struct load_figures f;
	int kills = 0;

	while (clock_ms() < end) {
		back = kill_one(&s, &random);
		kills++;
		slowest = back < 0 || back > slowest ? back : slowest;
		demand(back >= 0, "a worker that was killed did not come back");
		if (back < 0)
			break;
		next += 200;
		go_on(next > clock_ms() ? next - clock_ms() : 0);
	}
	f = load_figures(l, ALL_KINDS, begun, clock_us());
	figure("%d killed, the slowest back after %lld ms, %ld of %ld requests failed, p99 %.1f ms", kills,
	       (long long)slowest, f.asked - f.good, f.asked, f.p99_ms);
	demand_time(kills >= full_or_quick(60000, 3000) / 400, "only %d were killed", kills);
	demand_time(slowest <= BACK_MS, "a worker was away for %lld ms", (long long)slowest);
	demand(f.asked - f.good <= kills,
	       "%ld requests failed with %d workers killed: %ld refused, %ld cut, %ld other",
	       f.asked - f.good, kills, f.refused, f.cut, f.other);
	scene_end(&s, 20000, false, true);
}

#define DEADLINE_S 2 /* the default is 30 */

struct hanging {
	const struct scene *s;
	const char *pids_before; /* as a list of words */
	const char *file;
};

static const char *
pid_list(const struct scene *s)
{
	pid_t pids[POOL_PIDS];
	char *list = text(" ");

	for (int i = 0, n = pool_pids(&s->pool, "orders.fcgi", pids); i < n; i++)
		list = text("%s%d ", list, (int)pids[i]);
	return list;
}

/* Has one of those gone that were there before? */
static bool
one_is_replaced(void *arg)
{
	const struct hanging *h = arg;
	pid_t pids[POOL_PIDS];
	int n = pool_pids(&h->s->pool, "orders.fcgi", pids), old = 0;

	for (int i = 0; i < n; i++)
		old += strstr(h->pids_before, text(" %d ", (int)pids[i])) != NULL;
	return n == WORKERS && old < WORKERS;
}

static bool
is_taken(void *arg)
{
	return access(((const struct hanging *)arg)->file, F_OK) != 0;
}

static int64_t
hang_in(const struct scene *s, const char *library)
{
	struct hanging h = { s, pid_list(s),
			     text("%s/hang-%d.%s", test_env("ORDERS_TEST_DIR"), (int)getpid(), library) };
	int64_t started;
	int fd = open(h.file, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);

	if (fd < 0 || close(fd) != 0)
		give_up("%s cannot be made", h.file);
	demand(wait_until(5000, is_taken, &h), "no worker came by to hang in %s", library);
	started = clock_ms();
	if (!wait_until((DEADLINE_S + 2) * 1000, one_is_replaced, &h))
		return -1;
	return clock_ms() - started;
}

/* A request of which only half comes: the web server would not do that, whoever else reaches the socket may. */
static int64_t
hang_in_a_request(const struct scene *s)
{
	static const unsigned char half[] = { 1, 1, 0, 1, 0, 8, 0, 0, 0,   1, 0, 0, 0,
					      0, 0, 0, 1, 4, 0, 1, 0, 200, 0, 0, 5 };
	struct hanging h = { s, pid_list(s), NULL };
	int fd = fastcgi_dial(text("%s/run/orders.sock-0", s->pool.dir)); /* lighttpd numbers its pools */
	int64_t started = clock_ms();
	bool replaced;

	if (fd < 0 || send(fd, half, sizeof half, MSG_NOSIGNAL) != (ssize_t)sizeof half)
		give_up("the pool's socket cannot be reached");
	replaced = wait_until((DEADLINE_S + 2) * 1000, one_is_replaced, &h);
	(void)close(fd);
	return replaced ? clock_ms() - started : -1;
}

static void
run_hang(void)
{
	static const char *const libraries[] = { "libpq", "libcurl", "libfcgi" };
	struct scene s = scene_start(&(const struct pool_options){
		.workers = WORKERS,
		.settings = { text("LD_PRELOAD=%s", built("hang.so")),
			      text("ORDERS_TEST_HANG=%s/hang-%d", test_env("ORDERS_TEST_DIR"), (int)getpid()),
			      "PRODUCT_SERVICE_TIMEOUT=1", text("WORKER_DEADLINE=%d", DEADLINE_S) },
	});
	struct load *l = scene_load(&s, &mixed);
	int64_t begun = clock_us();
	struct load_figures f;

	go_on(500);
	for (size_t i = 0; i <= sizeof libraries / sizeof *libraries; i++) {
		bool library = i < sizeof libraries / sizeof *libraries;
		int64_t ms = library ? hang_in(&s, libraries[i]) : hang_in_a_request(&s);

		figure("%s: replaced after %.1f s", library ? libraries[i] : "half a request",
		       (double)ms / 1000);
		demand(ms >= 0, "%s: it is not replaced", library ? libraries[i] : "half a request");
		demand_time(ms <= DEADLINE_S * 1000 + BACK_MS,
			    "%s: not replaced within WORKER_DEADLINE and a second",
			    library ? libraries[i] : "half a request");
	}
	f = load_figures(l, ALL_KINDS, begun, clock_us());
	figure("WORKER_DEADLINE %d, %ld of %ld requests failed", DEADLINE_S, f.asked - f.good, f.asked);
	demand(f.asked - f.good <= 4, "%ld requests failed with 4 workers hanging", f.asked - f.good);
	scene_end(&s, 20000, false, true);
}

/* A program of its own: see memory.c. Its lines are kept where it fails. */
static void
run_memory(void)
{
	const char *log = text("%s/memory.log", test_env("ORDERS_TEST_DIR"));
	int status = system(
		text("SEED=%llu '%s' >'%s' 2>&1", (unsigned long long)row_seed(), built("memory"), log));
	char *said = read_file(log, NULL);
	long refused = 0, kinds = 0;

	for (char *at = said; at && (at = strstr(at, " refused:")); at++) {
		char *number = at;

		while (number > said && number[-1] >= '0' && number[-1] <= '9')
			number--;
		refused += strtol(number, NULL, 10);
		kinds++;
	}
	figure("%ld allocations refused in %ld kinds of work", refused, kinds);
	demand(status == 0 && refused > 0, "%s", said ? said : "");
}

const struct row worker_rows[] = {
	{ "memory", "the n-th allocation fails, for every n and each kind of request", run_memory, 900,
	  MANY },
	{ "undisturbed", "nothing", run_undisturbed, 120, ALONE },
	{ "kill", "kill -9 of a random worker every 200 ms", run_kill, 180, MANY },
	{ "hang", "a worker hangs inside libpq, libcurl, libfcgi, or on half a request", run_hang, 120,
	  MANY },
	{ 0 },
};
