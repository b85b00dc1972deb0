/* Breakers. */
#include "base/breaker.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pool.h"
#include "table.h"

static const struct breaker_policy policy = {
	.threshold = 3, .first_ms = 2000, .cap_ms = 8000, .probe_ms = 5000
};

Test(breaker, opens_after_so_many_failures_in_a_row)
{
	struct breaker b = { 0 };

	for (uint32_t i = 0; i < policy.threshold; i++) {
		cr_expect_not(breaker_is_open(&b, &policy), "after %u", i);
		cr_expect(breaker_is_willing(&b, &policy));
		cr_expect(breaker_admits(&b, &policy));
		breaker_report(&b, &policy, false);
	}
	cr_expect(breaker_is_open(&b, &policy));
	cr_expect_eq(b.health, HEALTH_FAILING);
	atomic_store(&b.retry_ms, clock_ms() + 6000); /* whatever the jitter was */
	cr_expect_not(breaker_is_willing(&b, &policy));
	cr_expect_not(breaker_admits(&b, &policy));
}

Test(breaker, counts_how_often_it_opens)
{
	struct breaker b = { 0 };

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < policy.threshold + 5; i++)
			breaker_report(&b, &policy, false);
		breaker_report(&b, &policy, true);
	}
	cr_expect_eq(b.opened, 3);
	cr_expect_eq(b.threshold, policy.threshold);
}

Test(breaker, forgets_failures_that_are_not_in_a_row)
{
	struct breaker b = { 0 };

	for (int i = 0; i < 10; i++) {
		breaker_report(&b, &policy, false);
		breaker_report(&b, &policy, false);
		breaker_report(&b, &policy, true);
		cr_expect_not(breaker_is_open(&b, &policy));
		cr_expect_eq(b.health, HEALTH_OK);
	}
}

static void
open_breaker(struct breaker *b)
{
	for (uint32_t i = 0; i < policy.threshold; i++)
		breaker_report(b, &policy, false);
}

Test(breaker, lets_one_probe_through_after_the_back_off)
{
	struct breaker b = { 0 };

	open_breaker(&b);
	atomic_store(&b.retry_ms, clock_ms() - 1);
	cr_expect(breaker_is_willing(&b, &policy));
	cr_expect(breaker_is_willing(&b, &policy), "asking alone takes nothing");
	cr_expect(breaker_admits(&b, &policy));
	cr_expect_not(breaker_admits(&b, &policy), "a second one waits for the first");
	cr_expect_not(breaker_is_willing(&b, &policy));
}

Test(breaker, gives_a_probe_up_that_says_nothing)
{
	struct breaker b = { 0 };
	int64_t before;

	open_breaker(&b);
	atomic_store(&b.retry_ms, clock_ms() - 1);
	before = clock_ms();
	cr_assert(breaker_admits(&b, &policy));
	cr_expect(b.retry_ms >= before + policy.probe_ms && b.retry_ms <= clock_ms() + policy.probe_ms);
}

Test(breaker, closes_with_the_first_success)
{
	struct breaker b = { 0 };

	open_breaker(&b);
	breaker_report(&b, &policy, true);
	cr_expect_not(breaker_is_open(&b, &policy));
	cr_expect(breaker_admits(&b, &policy));
	cr_expect(breaker_admits(&b, &policy), "for everybody");
	cr_expect_eq(b.health, HEALTH_OK);
}

Test(breaker, backs_off_for_twice_as_long_each_time_up_to_the_cap)
{
	static const struct {
		uint32_t failures;
		int64_t ceiling;
	} rows[] = { { 3, 2000 },  { 4, 4000 },	  { 5, 8000 },	       { 6, 8000 },
		     { 20, 8000 }, { 100, 8000 }, { 4000000000, 8000 } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t least = INT64_MAX, most = 0;

		for (int j = 0; j < 200; j++) {
			struct breaker b = { .failures = rows[i].failures - 1 };
			int64_t before = clock_ms(), wait;

			breaker_report(&b, &policy, false);
			wait = b.retry_ms - before;
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
			cr_assert(wait >= 1 && b.retry_ms - clock_ms() <= rows[i].ceiling, "%u: %lld",
				  rows[i].failures, (long long)wait);
		}
		/* Full jitter: 200 draws miss the lowest or the highest fifth about once in 10^19. */
		cr_expect(least < rows[i].ceiling / 5 && most > rows[i].ceiling * 4 / 5, "%u: %lld to %lld",
			  rows[i].failures, (long long)least, (long long)most);
	}
}

Test(breaker, of_one_probe_among_many_processes)
{
	struct pool *p = pool_open(NULL);
	struct breaker *b = &p->breakers[NEIGHBOUR_SNS];
	int go[2], admitted = 0;

	open_breaker(b);
	atomic_store(&b->retry_ms, clock_ms() - 1);
	cr_assert_eq(pipe(go), 0);
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			char c;

			(void)close(go[1]);
			(void)!read(go[0], &c, 1);
			_exit(breaker_admits(b, &policy));
		}
	(void)close(go[0]);
	(void)close(go[1]);
	for (int i = 0, status; i < 8; i++) {
		cr_assert_gt(wait(&status), 0);
		admitted += WEXITSTATUS(status);
	}
	cr_expect_eq(admitted, 1);
}

Test(breaker, lets_one_probe_at_a_time_take_longer)
{
	struct breaker b = { 0 };

	cr_expect(breaker_is_patient(&b, 30));
	cr_expect_not(breaker_is_patient(&b, 30), "one at a time");
	(void)poll(NULL, 0, 40);
	cr_expect(breaker_is_patient(&b, 10000), "whoever it was may have died");
	atomic_store(&b.patient_ms, clock_ms() + 1000000);
	cr_expect(breaker_is_patient(&b, 10000), "said before the machine started anew");
}

Test(breaker, tells_when_to_come_back)
{
	static const struct {
		int64_t in_ms;
		int least, most;
		const char *why;
	} rows[] = {
		{ -5000, 1, 1, "at least a second" },
		{ 1, 1, 1, "at least a second" },
		{ 10500, 10, 11, "rounded up" },
		{ 12000, 11, 12, "a dozen seconds" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct breaker b = { .retry_ms = clock_ms() + rows[i].in_ms };
		int s = breaker_retry_after_s(&b);

		cr_expect(s >= rows[i].least && s <= rows[i].most, "%s: %d", rows[i].why, s);
	}
}

Test(breaker, health_has_names)
{
	cr_expect_str_eq(health_name(HEALTH_UNKNOWN), "unknown");
	cr_expect_str_eq(health_name(HEALTH_OK), "ok");
	cr_expect_str_eq(health_name(HEALTH_FAILING), "failing");
}
