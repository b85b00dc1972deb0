/* When AWS keys are fetched anew: before they expire, after a failure, when AWS refuses them. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/keys.h"

TestSuite(refresh, .init = keys_set_up, .fini = keys_tear_down, .timeout = 60);

/* From the earliest moment of a refresh on it is certain to be due 5 minutes later. */
#define END (NOW + 60 * MIN)
#define EARLIEST (END - 15 * MIN)
#define LATEST (END - 10 * MIN)

static void
open_with_keys(const char *name)
{
	use_container();
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys(name, END)) });
	open_credentials();
	expect_keys(name, "the first");
	expect_asked(1, "the first");
}

Test(refresh, are_kept_until_shortly_before_they_expire)
{
	open_with_keys("old");
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("new", END + 60 * MIN)) });
	for (int64_t t = NOW; t < EARLIEST; t += 5 * MIN) {
		clock_set_wall_us(t);
		expect_keys("old", "they are good for long");
	}
	clock_set_wall_us(EARLIEST - 1);
	expect_keys("old", "15 minutes before the end");
	expect_asked(0, "too early");
	clock_set_wall_us(LATEST);
	expect_keys("new", "10 minutes before the end");
	expect_asked(1, "the refresh");
	expect_keys("new", "and again");
	expect_asked(0, "once");
}

Test(refresh, are_not_refreshed_by_a_whole_pool_at_once)
{
	enum { WORKERS = 60 };
	struct credentials *pool[WORKERS];
	struct aws_keys keys;
	int early;

	use_container();
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("old", END)) });
	for (int i = 0; i < WORKERS; i++) {
		pool[i] = credentials_open(scene.ctx, &scene.config);
		cr_assert_eq(credentials_get(pool[i], clock_ms() + PLENTY_MS, &keys), RC_OK);
	}
	server_forget(scene.server);
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("new", END + 60 * MIN)) });
	clock_set_wall_us((EARLIEST + LATEST) / 2);
	for (int i = 0; i < WORKERS; i++)
		cr_assert_eq(credentials_get(pool[i], clock_ms() + PLENTY_MS, &keys), RC_OK);
	early = server_asked(scene.server);
	cr_expect(early > 5 && early < WORKERS - 5, "%d of %d half-way", early, (int)WORKERS);
	clock_set_wall_us(LATEST);
	for (int i = 0; i < WORKERS; i++)
		cr_assert_eq(credentials_get(pool[i], clock_ms() + PLENTY_MS, &keys), RC_OK);
	expect_asked(WORKERS, "each once");
}

/* The instance has new keys only 5 minutes before the old ones expire. */
Test(refresh, that_come_again_unchanged_are_not_asked_for_on_every_call)
{
	open_with_keys("old");
	clock_set_wall_us(LATEST);
	for (int i = 0; i < 5; i++)
		expect_keys("old", "the same again");
	expect_asked(1, "once");
	clock_set_wall_us(LATEST + 2 * MIN);
	for (int i = 0; i < 5; i++)
		expect_keys("old", "the same again");
	expect_asked(1, "once more, two minutes later");
}

Test(refresh, survive_a_refresh_that_fails)
{
	open_with_keys("old");
	SAYS(scene.server, { TO("GET /v1/credentials ", 500, "") });
	clock_set_wall_us(LATEST);
	for (int i = 0; i < 5; i++)
		expect_keys("old", "they are still good");
	expect_asked(1, "it backs off");
	cr_expect_not_null(strstr(logged(), "credentials.not_refreshed"));

	clock_set_wall_us(LATEST + 1 * S);
	expect_keys("old", "still");
	expect_asked(1, "a second later it asks again");
	clock_set_wall_us(END - 1);
	expect_keys("old", "to the last");
	expect_asked(1, "and again");

	clock_set_wall_us(END);
	expect_keys(NULL, "they have expired");
	clock_set_wall_us(END + 30 * S);
	expect_keys(NULL, "they have expired");
	expect_asked(1, "it goes on asking");
	expect_keys(NULL, "they have expired");
	expect_asked(0, "but not on every call");

	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("new", END + 60 * MIN)) });
	clock_set_wall_us(END + 61 * S);
	expect_keys("new", "the source is back");
}

Test(refresh, are_asked_for_again_after_ever_longer_pauses_up_to_half_a_minute)
{
	int64_t t = NOW, previous = 0;
	int asked;

	use_container();
	open_credentials(); /* everything is 404 */
	expect_keys(NULL, "down");
	expect_asked(1, "at once");
	for (int i = 0; i < 10; i++) {
		int64_t pause = 0, most = i > 4 ? 30 * S : S << i;

		do {
			pause += 100000;
			clock_set_wall_us(t + pause);
			expect_keys(NULL, "down");
		} while ((asked = server_asked(scene.server)) == 0 && pause < 60 * S);
		server_forget(scene.server);
		cr_expect(asked == 1 && pause >= most / 2 && pause <= most + 100000, "pause %d: %d ms", i,
			  (int)(pause / 1000));
		previous = t;
		t += pause;
	}
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("x", END)) });
	clock_set_wall_us(previous - 60 * MIN);
	expect_keys("x", "a clock that was set back makes nobody wait");
}

Test(refresh, leave_time_for_publishing_while_the_old_ones_are_good)
{
	int64_t started, took;
	struct aws_keys keys;

	open_with_keys("old");
	SAYS(scene.server, { "", .act = HANG });
	clock_set_wall_us(LATEST);
	started = clock_ms();
	cr_expect_eq(credentials_get(scene.credentials, started + 1200, &keys), RC_OK);
	took = clock_ms() - started;
	cr_expect(took >= 500 && took < 1100, "%d of 1200 ms", (int)took);
	cr_expect_str_eq(keys.id, "AKIAold");
}

Test(refresh, that_aws_refuses_are_replaced)
{
	open_with_keys("old");
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("new", END)) });
	credentials_refused(scene.credentials);
	expect_keys("old", "these were fetched just now");
	clock_set_wall_us(NOW + 4 * S);
	credentials_refused(scene.credentials);
	expect_keys("old", "4 s ago");
	expect_asked(0, "not more often than every few seconds");

	clock_set_wall_us(NOW + 6 * S);
	expect_keys("new", "6 s ago");
	expect_asked(1, "fetched");
	expect_keys("new", "once");
	expect_asked(0, "once");

	clock_set_wall_us(NOW + 20 * MIN);
	SAYS(scene.server, { TO("GET /v1/credentials ", 500, "") });
	credentials_refused(scene.credentials);
	for (int i = 0; i < 3; i++) {
		expect_keys("new", "nothing better is to be had");
		credentials_refused(scene.credentials);
	}
	expect_asked(1, "and it backs off");
	SAYS(scene.server, { TO("GET /v1/credentials ", 200, json_keys("newer", END)) });
	clock_set_wall_us(NOW + 21 * MIN);
	expect_keys("newer", "later there is");
}
