/* What the workers of one pool know together. */
#include "base/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "table.h"

static const struct breaker_policy policy = {
	.threshold = 3, .first_ms = 2000, .cap_ms = 8000, .probe_ms = 5000
};

static char dir[] = "/tmp/orders-pool.XXXXXX", path[64], file[80];

static void
open_folder(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/pool", dir);
	(void)snprintf(file, sizeof file, "%s.%d", path, POOL_LAYOUT);
}

static void
remove_folder(void)
{
	(void)unlink(file);
	(void)rmdir(dir);
}

static bool
enter(struct pool *p, struct slot *self, enum wait w, int max, int patience_ms)
{
	const struct places places = {
		.max = max, .patience_ms = patience_ms, .wait_ms = patience_ms, .longest_ms = 60000
	};

	return pool_enter(p, self, w, &places);
}

/* A child that takes a slot in p, waits on the Product Service if it is to, and says so. It lives until it is
 * killed. */
static pid_t
start_worker(struct pool *p, bool waits)
{
	int ends[2];
	char said;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct slot *s = pool_slot(p);

		if (s && waits && !enter(p, s, WAIT_PRODUCT, 1000, 0))
			_exit(1);
		(void)!write(ends[1], "x", s ? 1 : 0);
		(void)close(ends[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	cr_assert_eq(read(ends[0], &said, 1), 1, "the worker has no slot");
	(void)close(ends[0]);
	return pid;
}

static void
kill_worker(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

TestSuite(pool, .init = open_folder, .fini = remove_folder);

Test(pool, lies_in_a_file_of_its_layout_for_its_owner_alone)
{
	struct pool *p = pool_open(path);
	struct stat st;

	cr_assert_not_null(p);
	cr_assert_eq(stat(file, &st), 0, "%s", file);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect_eq(st.st_size, sizeof *p);
	atomic_store(&p->sweep_ms, 0); /* the first look is some time away */
	cr_expect_gt(p->metrics.started_us, 0);
	atomic_store(&p->metrics.started_us, 0);
	for (size_t i = 0; i < sizeof *p; i++)
		cr_assert_eq(((const char *)p)[i], 0, "a new pool is idle");
}

Test(pool, is_shared_by_all_who_open_it)
{
	struct pool *a = pool_open(path), *b = pool_open(path), *other;

	cr_assert(a && b && a != b);
	pool_sweep_in(a, 12345);
	cr_expect_gt(pool_sweep_wait_ms(b), 12000);
	other = pool_open(NULL);
	cr_assert_not_null(other);
	cr_expect_lt(pool_sweep_wait_ms(other), 1000, "one without a file is its own");
}

Test(pool, file_outlives_its_workers)
{
	struct pool *p = pool_open(path);

	breaker_report(&p->breakers[NEIGHBOUR_SNS], &policy, false);
	p = pool_open(path);
	cr_expect_eq(atomic_load(&p->breakers[NEIGHBOUR_SNS].failures), 1);
}

Test(pool, says_why_it_has_no_file)
{
	char longer[5000];

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	cr_expect_null(pool_open("/nonexistent/pool"));
	cr_expect_eq(errno, ENOENT);
	cr_expect_null(pool_open(longer));
	cr_expect_eq(errno, ENAMETOOLONG);
	cr_assert_eq(symlink("/tmp/elsewhere", file), 0);
	cr_expect_null(pool_open(path), "a link that somebody put there");
	cr_expect_eq(errno, ELOOP);
}

Test(pool, has_layout_number_5_for_exactly_this_struct)
{
	/* Who changes struct pool changes POOL_LAYOUT, and then these. */
	cr_expect_eq(POOL_LAYOUT, 5);
	cr_expect_eq(sizeof(struct breaker), 48);
	cr_expect_eq(sizeof(struct slot), 24);
	cr_expect_eq(sizeof(struct worker), 64);
	cr_expect_eq(sizeof(struct series), 256);
	cr_expect_eq(sizeof(struct metrics), 209536, "%zu", sizeof(struct metrics));
	cr_expect_eq(sizeof(struct pool), 238400, "%zu", sizeof(struct pool));
	/* What these count and where it lies. */
	cr_expect_eq(COUNTERS, 12);
	cr_expect_eq(TIMED, 4);
	cr_expect_eq(SAMPLE_WORDS, 21);
	cr_expect_eq(OUTBOX_WORDS, 4);
	cr_expect_eq(FAULT_WORDS, 43);
	cr_expect_eq(DOINGS, 6);
}

Test(pool, is_looked_at_by_who_may_not_change_it)
{
	const struct pool *seen;
	struct pool *p;

	cr_expect_null(pool_open_to_look(path), "there is none, and none is made");
	cr_expect_eq(errno, ENOENT);
	cr_expect_eq(access(file, F_OK), -1);
	p = pool_open(path);
	seen = pool_open_to_look(path);
	cr_assert_not_null(seen);
	pool_sweep_in(p, 12345);
	cr_expect_eq(seen->sweep_ms, p->sweep_ms);
	pool_unmap(seen);
	cr_assert_eq(truncate(file, 100), 0);
	cr_expect_null(pool_open_to_look(path), "one that is only being made");
}

Test(pool, buries_the_dead_and_counts_them_once)
{
	struct pool *p = pool_open(path);
	pid_t pids[3];

	for (size_t i = 0; i < ROWS(pids); i++)
		pids[i] = start_worker(p, true);
	pool_bury(p);
	cr_expect_eq(p->metrics.counters[COUNT_WORKERS_DIED], 0, "all live");
	atomic_store(&pool_worker(p, &p->slots[1])->doing, DOING_STUCK);
	for (size_t i = 0; i < ROWS(pids); i++)
		kill_worker(pids[i]);
	pool_bury(p);
	pool_bury(p);
	cr_expect_eq(p->metrics.counters[COUNT_WORKERS_DIED], 2, "one was ended by its watchdog");
	for (size_t i = 0; i < ROWS(pids); i++) {
		cr_expect_eq(p->slots[i].pid, 0);
		cr_expect_eq(p->slots[i].waits_for, WAIT_NOTHING);
	}
}

Test(pool, counts_whom_it_has_no_place_for)
{
	struct pool *p = pool_open(NULL);
	struct slot *a = pool_slot(p), *b = pool_slot(p);

	cr_assert(enter(p, a, WAIT_PRODUCT, 1, 0));
	cr_assert_not(enter(p, b, WAIT_PRODUCT, 1, 0));
	pool_exit(a);
	cr_assert(enter(p, a, WAIT_ROW, 1, 0));
	cr_assert_not(enter(p, b, WAIT_ROW, 1, 0));
	cr_assert_not(enter(p, b, WAIT_ROW, 1, 0));
	cr_expect_eq(p->metrics.counters[COUNT_NO_PLACE_PRODUCT], 1);
	cr_expect_eq(p->metrics.counters[COUNT_NO_PLACE_ROW], 2);
}

Test(pool, gives_each_worker_a_slot)
{
	struct pool *p = pool_open(NULL);
	struct slot *slots[POOL_SLOTS];

	for (int i = 0; i < POOL_SLOTS; i++) {
		slots[i] = pool_slot(p);
		cr_assert_not_null(slots[i], "slot %d", i);
		cr_expect_eq(slots[i]->pid, getpid());
		cr_expect(i == 0 || slots[i] != slots[i - 1]);
	}
	cr_expect_null(pool_slot(p), "none is left");
	pool_leave(slots[17]);
	cr_expect_eq(pool_slot(p), slots[17], "one was given back");
	pool_leave(NULL);
}

Test(pool, takes_the_slots_of_the_dead_over)
{
	struct pool *p = pool_open(path);
	pid_t pid = start_worker(p, true);
	struct slot *mine = pool_slot(p);

	cr_expect_eq(mine, &p->slots[1], "the living keep theirs");
	cr_expect_eq(p->slots[0].pid, pid);
	cr_expect_neq(p->slots[0].waits_for, 0);
	kill_worker(pid);
	cr_expect_eq(pool_slot(p), &p->slots[0]);
	cr_expect_eq(p->slots[0].pid, getpid());
	cr_expect_eq(p->slots[0].waits_for, 0, "the dead wait on nobody");
}

/* A container that is started again has the pids that it had. */
Test(pool, knows_that_who_had_the_callers_own_pid_is_dead)
{
	struct pool *p = pool_open(path);
	pid_t other = start_worker(p, true);
	struct slot *former = pool_slot(p);

	p->slots[5].pid = getpid();
	pool_bury_namesakes(p);
	cr_expect_eq(former->pid, 0);
	cr_expect_eq(p->slots[5].pid, 0);
	cr_expect_eq(p->slots[0].pid, other);
	cr_expect_eq(p->metrics.counters[COUNT_WORKERS_DIED], 2);
	kill_worker(other);
}

Test(pool, lets_so_many_wait_on_a_neighbour_and_no_more)
{
	struct pool *p = pool_open(NULL);
	struct slot *a = pool_slot(p), *b = pool_slot(p), *c = pool_slot(p);

	cr_expect(enter(p, a, WAIT_PRODUCT, 2, 0));
	cr_expect(enter(p, b, WAIT_PRODUCT, 2, 0));
	cr_expect_not(enter(p, c, WAIT_PRODUCT, 2, 0), "both places are taken");
	cr_expect_eq(c->waits_for, 0, "who was refused does not wait");
	cr_expect(enter(p, c, WAIT_SNS, 1, 0), "another neighbour has places of its own");
	pool_exit(c);
	pool_exit(a);
	cr_expect(enter(p, c, WAIT_PRODUCT, 2, 0), "one left");
	pool_exit(NULL);
}

Test(pool, has_no_limit_without_one)
{
	struct pool *p = pool_open(NULL);
	struct slot *slots[10];

	for (size_t i = 0; i < ROWS(slots); i++) {
		slots[i] = pool_slot(p);
		cr_expect(enter(p, slots[i], WAIT_PRODUCT, 0, 0));
	}
	cr_expect(enter(p, NULL, WAIT_PRODUCT, 1, 0), "who has no slot is not counted");
}

Test(pool, gives_a_dead_holders_place_away)
{
	struct pool *p = pool_open(path);
	pid_t pid = start_worker(p, true);
	struct slot *mine = pool_slot(p);

	cr_expect_not(enter(p, mine, WAIT_PRODUCT, 1, 0));
	kill_worker(pid);
	cr_expect(enter(p, mine, WAIT_PRODUCT, 1, 0));
}

Test(pool, waits_for_a_place_with_patience)
{
	struct pool *p = pool_open(path);
	pid_t holder;
	struct slot *mine;

	(void)signal(SIGCHLD, SIG_IGN); /* the dead are gone at once */
	holder = start_worker(p, true);
	mine = pool_slot(p);
	if (fork() == 0) {
		while (atomic_load(&mine->since_ms) == 0) /* until it has been refused for the first time */
			(void)poll(NULL, 0, 1);
		(void)kill(holder, SIGKILL);
		_exit(0);
	}
	cr_expect(enter(p, mine, WAIT_PRODUCT, 1, 60000));
	cr_expect_eq(mine->waits_for, WAIT_PRODUCT);
}

Test(pool, has_places_for_each_order_that_is_waited_for)
{
	struct pool *p = pool_open(NULL);
	struct slot *a = pool_slot(p), *b = pool_slot(p), *c = pool_slot(p);
	const struct places seven = { .max = 1, .longest_ms = 60000, .which = 7 },
			    eight = { .max = 1, .longest_ms = 60000, .which = 8 };

	cr_expect(pool_enter(p, a, WAIT_ROW, &seven));
	cr_expect_not(pool_enter(p, b, WAIT_ROW, &seven));
	cr_expect(pool_enter(p, b, WAIT_ROW, &eight));
	cr_expect_not(pool_enter(p, c, WAIT_ROW, &eight));
	cr_expect(pool_enter(p, c, WAIT_PRODUCT, &seven), "other things have the same numbers");
}

Test(pool, refuses_at_once_when_all_have_waited_for_longer_than_patience)
{
	struct pool *p = pool_open(NULL);
	struct slot *a = pool_slot(p), *b = pool_slot(p);
	int64_t started;

	cr_assert(enter(p, a, WAIT_PRODUCT, 1, 0));
	atomic_store(&a->since_ms, clock_ms() - 30001);
	started = clock_ms();
	cr_expect_not(enter(p, b, WAIT_PRODUCT, 1, 30000));
	cr_expect_lt(clock_ms() - started, 20000);
}

Test(pool, chooses_one_of_all_to_sweep)
{
	enum { WORKERS = 8 };
	struct pool *p = pool_open(path);
	int go[2], chosen = 0;

	pool_sweep_in(p, 0);
	cr_assert_eq(pipe(go), 0);
	for (int i = 0; i < WORKERS; i++)
		if (fork() == 0) {
			char c;

			(void)close(go[1]);
			(void)!read(go[0], &c, 1); /* all at once, when the pipe is closed */
			_exit(pool_sweep_due(p, 10000));
		}
	(void)close(go[0]);
	(void)close(go[1]);
	for (int i = 0, status; i < WORKERS; i++) {
		cr_assert_gt(wait(&status), 0);
		chosen += WEXITSTATUS(status);
	}
	cr_expect_eq(chosen, 1);
	cr_expect_not(pool_sweep_due(p, 10000), "not before the interval is over");
	cr_expect_gt(pool_sweep_wait_ms(p), 9000);
}

Test(pool, sweeps_sooner_or_later_when_told)
{
	struct pool *p = pool_open(NULL);

	cr_expect(pool_sweep_wait_ms(p) > 0 && pool_sweep_wait_ms(p) < 1000,
		  "a new pool soon, but not at once");
	cr_expect_not(pool_sweep_due(p, 10000));
	pool_sweep_in(p, 0);
	cr_expect_eq(pool_sweep_wait_ms(p), 0);
	cr_expect(pool_sweep_due(p, 10000), "there is more");
	pool_sweep_in(p, 9000);
	cr_expect_not(pool_sweep_due(p, 10000));
	cr_expect(pool_sweep_wait_ms(p) > 8000 && pool_sweep_wait_ms(p) <= 9000);
}

Test(pool, waits_on_while_others_come_and_go)
{
	const struct places one = { .max = 1, .patience_ms = 300, .wait_ms = 5000, .longest_ms = 60000 };
	struct pool *p = pool_open(NULL);
	struct slot *busy = pool_slot(p), *mine;
	pid_t pid;
	int64_t started;

	cr_assert(pool_enter(p, busy, WAIT_ROW, &one));
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 50; i++) {
			atomic_store(&busy->since_ms, clock_ms()); /* one goes, the next has come */
			(void)poll(NULL, 0, 10);
		}
		pool_exit(busy);
		_exit(0);
	}
	mine = pool_slot(p);
	started = clock_ms();
	cr_expect(pool_enter(p, mine, WAIT_ROW, &one));
	cr_expect_gt(clock_ms() - started, 350, "it had to wait for longer than patience");
	cr_expect_eq(waitpid(pid, NULL, 0), pid);
}

Test(pool, knows_times_that_are_older_than_its_machines_clock)
{
	struct pool *p = pool_open(NULL);
	struct slot *before = pool_slot(p), *mine = pool_slot(p);
	struct breaker *b = &p->breakers[NEIGHBOUR_SNS];
	int64_t beyond = clock_ms() + 1000000; /* as read before the machine started anew */

	atomic_store(&p->sweep_ms, beyond);
	cr_expect_eq(pool_sweep_wait_ms(p), 0);
	cr_expect(pool_sweep_due(p, 10000));
	atomic_store(&b->failures, 100);
	atomic_store(&b->retry_ms, beyond);
	cr_expect_eq(breaker_retry_after_s(b), 1);
	cr_expect(breaker_is_willing(b, &policy));
	cr_expect(breaker_admits(b, &policy));
	cr_expect_not(breaker_admits(b, &policy), "but one at a time");
	atomic_store(&before->waits_for, WAIT_PRODUCT);
	atomic_store(&before->since_ms, beyond);
	cr_expect(enter(p, mine, WAIT_PRODUCT, 1, 0));
}

Test(pool, does_not_count_who_waits_for_longer_than_anybody_can)
{
	struct pool *p = pool_open(NULL);
	struct slot *stuck = pool_slot(p), *mine = pool_slot(p);

	cr_assert(enter(p, stuck, WAIT_PRODUCT, 1, 0));
	atomic_store(&stuck->since_ms, clock_ms() - 60001); /* longest_ms of enter() */
	cr_expect(enter(p, mine, WAIT_PRODUCT, 1, 0));
}
