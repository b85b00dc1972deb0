/* How often an event may be refused while others are taken. */
#include "base/suspects.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "table.h"

static struct suspects *s;

static void
set_up(void)
{
	s = calloc(1, sizeof *s);
}

static void
tear_down(void)
{
	free(s);
}

TestSuite(suspects, .init = set_up, .fini = tear_down);

static const char *
event(int n)
{
	static char id[UUID_SIZE];

	(void)snprintf(id, sizeof id, "6f0c0000-0000-4000-8000-%012d", n);
	return id;
}

Test(suspects, wait_longer_each_time_and_not_for_ever)
{
	static const int delays[] = { 2000, 4000, 8000, 16000, -1, 2000 };

	for (size_t i = 0; i < ROWS(delays); i++)
		expect_int(suspects_strike(s, event(1)), delays[i], "so many times");
}

Test(suspects, are_counted_each_for_itself)
{
	for (int n = 0; n < SUSPECTS_MAX; n++)
		expect_int(suspects_strike(s, event(n)), 2000, event(n));
	for (int n = SUSPECTS_MAX - 1; n >= 0; n--)
		expect_int(suspects_strike(s, event(n)), 4000, event(n));
}

Test(suspects, that_find_no_place_wait_until_another_is_done_with)
{
	for (int n = 0; n < SUSPECTS_MAX; n++)
		(void)suspects_strike(s, event(n));
	for (int i = 0; i < SUSPECT_STRIKES + 1; i++)
		expect_int(suspects_strike(s, event(SUSPECTS_MAX)), SUSPECT_FIRST_MS, "no place");
	for (int i = 1; i < SUSPECT_STRIKES; i++)
		(void)suspects_strike(s, event(7));
	expect_int(suspects_strike(s, event(SUSPECTS_MAX)), SUSPECT_FIRST_MS, "a place");
	expect_int(suspects_strike(s, event(SUSPECTS_MAX)), 2 * SUSPECT_FIRST_MS, "its second");
	expect_int(suspects_strike(s, event(8)), 2 * SUSPECT_FIRST_MS, "the others keep theirs");
}

Test(suspects, are_forgotten_when_nothing_is_heard_of_them)
{
	for (int n = 0; n < SUSPECTS_MAX; n++)
		(void)suspects_strike(s, event(n));
	for (int n = 0; n < SUSPECTS_MAX; n++)
		s->list[n].until_ms = 1;
	expect_int(suspects_strike(s, event(3)), SUSPECT_FIRST_MS, "long ago");
	expect_int(suspects_strike(s, event(3)), 2 * SUSPECT_FIRST_MS, "and again");
	for (int n = 0; n < SUSPECTS_MAX; n++)
		s->list[n].until_ms = INT64_MAX / 2;
	expect_int(suspects_strike(s, event(3)), SUSPECT_FIRST_MS, "before the machine started anew");
}

/* Each may die at any instruction, and all may strike at once. */
Test(suspects, are_counted_by_several_workers_together)
{
	struct suspects *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int parked = 0;

	for (int worker = 0; worker < 4; worker++)
		if (fork() == 0) {
			int n = 0;

			for (int i = 0; i < 25 * SUSPECT_STRIKES; i++)
				n += suspects_strike(shared, event(1)) < 0;
			_exit(n);
		}
	for (int worker = 0, status; worker < 4; worker++) {
		cr_assert(wait(&status) > 0 && WIFEXITED(status));
		parked += WEXITSTATUS(status);
	}
	expect_int(parked, 100, "once for each five of all");
}
