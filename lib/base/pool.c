#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"

#define FIRST_SWEEP_MS 500     /* after the pool's start */
#define LONGEST_SWEEP_MS 15000 /* whatever is further away outlived its clock */

static bool
file_name(char name[static PATH_MAX], const char *path)
{
	int n = snprintf(name, PATH_MAX, "%s.%d", path, POOL_LAYOUT);

	if (n >= 0 && n < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

bool
pool_check(const char *path)
{
	char name[PATH_MAX], *slash;
	int fd;

	if (!file_name(name, path))
		return false;
	fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return close(fd) == 0;
	if (errno != ENOENT)
		return false;
	slash = strrchr(name, '/');
	if (slash)
		slash[slash == name] = '\0';
	return access(slash ? name : ".", W_OK | X_OK) == 0;
}

struct pool *
pool_open(const char *path)
{
	char name[PATH_MAX];
	struct pool *p;
	int64_t never = 0;
	int fd = -1;

	if (path) {
		if (!file_name(name, path))
			return NULL;
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return NULL;
		/* With its blocks: on a full disk the first word written to a hole would end the worker. */
		if ((errno = posix_fallocate(fd, 0, sizeof *p)) != 0) {
			(void)close(fd);
			return NULL;
		}
	}
	p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED,
		 fd, 0);
	if (fd >= 0)
		(void)close(fd);
	if (p == MAP_FAILED)
		return NULL;
	(void)atomic_compare_exchange_strong(&p->sweep_ms, &never, clock_ms() + FIRST_SWEEP_MS);
	never = 0;
	(void)atomic_compare_exchange_strong(&p->metrics.started_us, &never, clock_wall_us());
	return p;
}

const struct pool *
pool_open_to_look(const char *path)
{
	char name[PATH_MAX];
	void *p = MAP_FAILED;
	struct stat st;
	int fd = file_name(name, path) ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (fd < 0)
		return NULL;
	/* Behind the end of a shorter file reading would end the process. */
	if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct pool))
		p = mmap(NULL, sizeof(struct pool), PROT_READ, MAP_SHARED, fd, 0);
	else
		errno = ENOENT; /* it is only being made */
	(void)close(fd);
	return p == MAP_FAILED ? NULL : p;
}

void
pool_unmap(const struct pool *p)
{
	(void)munmap((void *)p, sizeof *p);
}

static bool
is_alive(int32_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

static void
use_slots(struct pool *p, int64_t n)
{
	int64_t used = atomic_load(&p->slots_used);

	while (used < n && !atomic_compare_exchange_weak(&p->slots_used, &used, n))
		;
}

struct slot *
pool_slot(struct pool *p)
{
	pool_bury(p);
	for (int i = 0; i < POOL_SLOTS; i++) {
		struct slot *s = &p->slots[i];
		int32_t pid = atomic_load(&s->pid);

		if ((pid == 0 || !is_alive(pid)) && atomic_compare_exchange_strong(&s->pid, &pid, getpid())) {
			struct worker *w = pool_worker(p, s);

			use_slots(p, i + 1);
			atomic_store(&s->waits_for, WAIT_NOTHING);
			atomic_store(&w->doing, DOING_STARTING);
			atomic_store(&w->asks, ASKS_NOBODY);
			atomic_store(&w->since_ms, clock_ms());
			atomic_store(&w->started_us, clock_wall_us());
			atomic_store(&w->requests, 0);
			return s;
		}
	}
	return NULL;
}

void
pool_leave(struct slot *s)
{
	if (!s)
		return;
	atomic_store(&s->waits_for, WAIT_NOTHING);
	atomic_store(&s->pid, 0);
}

struct worker *
pool_worker(struct pool *p, const struct slot *s)
{
	return s ? &p->metrics.workers_at[s - p->slots] : NULL;
}

/* Taken over first: nobody else then has the slot while it is cleared. */
static void
bury(struct pool *p, struct slot *s, int32_t pid)
{
	if (!atomic_compare_exchange_strong(&s->pid, &pid, getpid()))
		return;
	if (atomic_load(&pool_worker(p, s)->doing) != DOING_STUCK)
		(void)atomic_fetch_add(&p->metrics.counters[COUNT_WORKERS_DIED], 1);
	pool_leave(s);
}

void
pool_bury(struct pool *p)
{
	for (int i = 0; i < POOL_SLOTS; i++) {
		int32_t pid = atomic_load(&p->slots[i].pid);

		if (pid && !is_alive(pid))
			bury(p, &p->slots[i], pid);
	}
}

void
pool_bury_namesakes(struct pool *p)
{
	for (int i = 0; i < POOL_SLOTS; i++)
		if (atomic_load(&p->slots[i].pid) == getpid())
			bury(p, &p->slots[i], getpid());
}

/* How many others wait for w, and for how long the one who came last has: shorter waits are still normal. With
 * only_living the dead do not count, which takes a look at each process. */
static int
count_waiting(struct pool *p, const struct slot *self, enum wait w, const struct places *places,
	      bool only_living, int64_t *shortest_ms)
{
	int64_t now = clock_ms(), used = atomic_load(&p->slots_used);
	int count = 0;

	*shortest_ms = INT64_MAX;
	for (int i = 0; i < used; i++) {
		struct slot *s = &p->slots[i];
		int64_t waited = now - atomic_load(&s->since_ms);

		if (s == self || atomic_load(&s->waits_for) != (int32_t)w ||
		    atomic_load(&s->which) != places->which || waited < 0 || waited > places->longest_ms ||
		    (only_living && !is_alive(atomic_load(&s->pid))))
			continue;
		count++;
		if (waited < *shortest_ms)
			*shortest_ms = waited;
	}
	return count;
}

bool
pool_enter(struct pool *p, struct slot *self, enum wait w, const struct places *places)
{
	int64_t deadline = clock_ms() + places->wait_ms, shortest;

	if (!self || places->max <= 0)
		return true;
	for (;;) {
		atomic_store(&self->since_ms, clock_ms());
		atomic_store(&self->which, places->which);
		atomic_store(&self->waits_for, (int32_t)w);
		if (count_waiting(p, self, w, places, false, &shortest) < places->max ||
		    count_waiting(p, self, w, places, true, &shortest) < places->max)
			return true;
		atomic_store(&self->waits_for, WAIT_NOTHING);
		if (shortest > places->patience_ms || clock_left_ms(deadline) == 0) {
			if (w != WAIT_SNS) /* who sweeps comes again, request or not */
				(void)atomic_fetch_add(
					&p->metrics.counters[w == WAIT_ROW ? COUNT_NO_PLACE_ROW
									   : COUNT_NO_PLACE_PRODUCT],
					1);
			return false;
		}
		(void)poll(NULL, 0, 1 + (int)id_random(3));
	}
}

void
pool_exit(struct slot *self)
{
	if (self)
		atomic_store(&self->waits_for, WAIT_NOTHING);
}

bool
pool_sweep_is_due(struct pool *p, int late_ms)
{
	return clock_has_come(atomic_load(&p->sweep_ms), clock_ms() - late_ms, LONGEST_SWEEP_MS);
}

bool
pool_sweep_due(struct pool *p, int interval_ms)
{
	int64_t now = clock_ms(), due = atomic_load(&p->sweep_ms);

	return clock_has_come(due, now, LONGEST_SWEEP_MS) &&
	       atomic_compare_exchange_strong(&p->sweep_ms, &due, now + interval_ms);
}

void
pool_sweep_in(struct pool *p, int delay_ms)
{
	atomic_store(&p->sweep_ms, clock_ms() + delay_ms);
}

int
pool_sweep_wait_ms(struct pool *p)
{
	int64_t due = atomic_load(&p->sweep_ms);

	return clock_has_come(due, clock_ms(), LONGEST_SWEEP_MS) ? 0 : clock_left_ms(due);
}
