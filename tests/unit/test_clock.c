/* Times. */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "table.h"

#define S INT64_C(1000000)

Test(clock, writes_rfc_3339_in_microseconds)
{
	static const struct {
		int64_t t_us;
		const char *text, *why;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z", "the epoch" },
		{ 1, "1970-01-01T00:00:00.000001Z", "a microsecond later" },
		{ -1, "1969-12-31T23:59:59.999999Z", "a microsecond earlier" },
		{ -S, "1969-12-31T23:59:59.000000Z", "a second earlier" },
		{ 1771940786 * S + 414410, "2026-02-24T13:46:26.414410Z", "the contract's example" },
		{ 951782400 * S, "2000-02-29T00:00:00.000000Z", "a leap day" },
		{ 2147483648 * S, "2038-01-19T03:14:08.000000Z", "beyond 31 bits" },
		{ -62135596800 * S, "0001-01-01T00:00:00.000000Z", "the first" },
		{ 253402300800 * S - 1, "9999-12-31T23:59:59.999999Z", "the last" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[RFC3339_SIZE] = "";

		expect_int(clock_rfc3339(rows[i].t_us, text), RC_OK, rows[i].why);
		expect_text(text, rows[i].text, rows[i].why);
	}
}

Test(clock, refuses_years_of_more_or_fewer_digits)
{
	static const int64_t times[] = { -62135596800 * S - 1, 253402300800 * S, INT64_MIN, INT64_MAX };

	for (size_t i = 0; i < ROWS(times); i++) {
		char text[RFC3339_SIZE] = "untouched";

		expect_int(clock_rfc3339(times[i], text), RC_RANGE, "out of range");
		expect_text(text, "untouched", "out of range");
	}
}

Test(clock, agrees_with_strftime)
{
	uint64_t state = 5;

	for (int i = 0; i < 20000; i++) {
		int64_t t = (int64_t)(next_random(&state) % UINT64_C(315537897600)) - 62135596800;
		int64_t us = (int64_t)(next_random(&state) % 1000000);
		char text[RFC3339_SIZE], want[64];
		time_t s = t;
		struct tm tm;
		int n;

		(void)gmtime_r(&s, &tm);
		n = snprintf(want, sizeof want, "%04d", tm.tm_year + 1900);
		n += (int)strftime(want + n, sizeof want - (size_t)n, "-%m-%dT%H:%M:%S", &tm);
		(void)snprintf(want + n, sizeof want - (size_t)n, ".%06dZ", (int)us);
		cr_expect_eq(clock_rfc3339(t * S + us, text), RC_OK);
		cr_expect_str_eq(text, want);
	}
}

Test(clock, stands_still_when_a_test_wants_it)
{
	int64_t then = 1771940786 * S;

	clock_set_wall_us(then);
	cr_expect_eq(clock_wall_us(), then);
	clock_set_wall_us(0);
	cr_expect_eq(clock_wall_us(), 0, "the epoch is a time like any other");
	clock_set_wall_us(-1);
	cr_expect_gt(clock_wall_us(), then, "it goes again");
}

Test(clock, counts_down_to_a_deadline)
{
	int64_t now = clock_ms();

	cr_expect_eq(clock_left_ms(now - 1), 0, "it has passed");
	cr_expect_eq(clock_left_ms(INT64_MIN / 2), 0, "long ago");
	cr_expect_eq(clock_left_ms(now + ((int64_t)1 << 40)), INT_MAX, "no int holds it");
	cr_expect(clock_left_ms(now + 60000) > 50000 && clock_left_ms(now + 60000) <= 60000);
}

Test(clock, has_one_monotonic_time_in_two_units)
{
	int64_t ms = clock_ms(), us = clock_us(), later = clock_ms();

	cr_expect(ms <= us / 1000 && us / 1000 <= later);
}

Test(clock, reads_rfc_3339_with_any_offset)
{
	static const struct {
		const char *text;
		enum rc rc;
		int64_t t_us;
		const char *why;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", RC_OK, 0, "the epoch" },
		{ "2026-02-24T13:46:26.414410Z", RC_OK, 1771940786 * S + 414410, "the contract's example" },
		{ "2026-02-24t13:46:26.414410z", RC_OK, 1771940786 * S + 414410, "in lower case" },
		{ "2026-02-24T13:46:26.4144109Z", RC_OK, 1771940786 * S + 414410,
		  "digits beyond are cut off" },
		{ "2026-02-24T13:46:26.4Z", RC_OK, 1771940786 * S + 400000, "fewer digits" },
		{ "2026-02-24T15:46:26+02:00", RC_OK, 1771940786 * S, "east" },
		{ "2026-02-24T08:16:26-05:30", RC_OK, 1771940786 * S, "west" },
		{ "2026-02-24T13:46:26-00:00", RC_OK, 1771940786 * S, "unknown" },
		{ "2016-12-31T23:59:60Z", RC_OK, 1483228800 * S, "a leap second is the next day's first" },
		{ "2024-02-29T00:00:00Z", RC_OK, 1709164800 * S, "a leap day" },
		{ "2000-02-29T00:00:00Z", RC_OK, 951782400 * S, "of a century" },
		{ "0001-01-01T00:00:00Z", RC_OK, -62135596800 * S, "the first" },
		{ "9999-12-31T23:59:59.999999Z", RC_OK, 253402300800 * S - 1, "the last" },
		{ "0001-01-01T00:00:00+00:01", RC_RANGE, 0, "before the first" },
		{ "9999-12-31T23:59:59-00:01", RC_RANGE, 0, "behind the last" },
		{ "2023-02-29T00:00:00Z", RC_SYNTAX, 0, "no such day" },
		{ "1900-02-29T00:00:00Z", RC_SYNTAX, 0, "no such day" },
		{ "2026-04-31T00:00:00Z", RC_SYNTAX, 0, "no such day" },
		{ "2026-13-01T00:00:00Z", RC_SYNTAX, 0, "no such month" },
		{ "2026-00-01T00:00:00Z", RC_SYNTAX, 0, "no such month" },
		{ "2026-01-00T00:00:00Z", RC_SYNTAX, 0, "no such day" },
		{ "2026-01-01T24:00:00Z", RC_SYNTAX, 0, "no such hour" },
		{ "2026-01-01T00:60:00Z", RC_SYNTAX, 0, "no such minute" },
		{ "2026-01-01T00:00:61Z", RC_SYNTAX, 0, "no such second" },
		{ "2026-01-01T00:00:00+24:00", RC_SYNTAX, 0, "no such offset" },
		{ "2026-01-01T00:00:00+00:60", RC_SYNTAX, 0, "no such offset" },
		{ "2026-01-01T00:00:00", RC_SYNTAX, 0, "no offset" },
		{ "2026-01-01T00:00:00.Z", RC_SYNTAX, 0, "no digit behind the point" },
		{ "2026-01-01T00:00Z", RC_SYNTAX, 0, "no seconds" },
		{ "2026-01-01", RC_SYNTAX, 0, "no time" },
		{ "2026-1-01T00:00:00Z", RC_SYNTAX, 0, "one digit" },
		{ "2026-01-01T00:00:00Zx", RC_SYNTAX, 0, "something behind it" },
		{ "2026-01-01T00:00:00+0200", RC_SYNTAX, 0, "no colon" },
		{ " 2026-01-01T00:00:00Z", RC_SYNTAX, 0, "a blank" },
		{ "1990-12-31T15:59:60.5-08:00", RC_OK, 662688000 * S + 500000, "a leap second elsewhere" },
		{ "1969-12-31T23:59:59.999999Z", RC_OK, -1, "before the epoch" },
		{ "2026-02-24T13:46:26.4144109999999999999999999Z", RC_OK, 1771940786 * S + 414410,
		  "more digits than a number holds" },
		{ "1990-12-31T23:59:60+01:00", RC_SYNTAX, 0, "no leap second in UTC" },
		{ "2026-02-24T13:46:60Z", RC_SYNTAX, 0, "no leap second" },
		{ "2026-02-24 13:46:26Z", RC_SYNTAX, 0, "a blank for T" },
		{ "2026-02-24T13:46:26,5Z", RC_SYNTAX, 0, "a comma" },
		{ "2026-02-24T13:46:26+01", RC_SYNTAX, 0, "hours alone" },
		{ "26-02-24T13:46:26Z", RC_SYNTAX, 0, "two digits" },
		{ "+2026-02-24T13:46:26Z", RC_SYNTAX, 0, "a sign" },
		{ "2026-02-24T13:46:2\xd9\xa6Z", RC_SYNTAX, 0, "another script's digit" },
		{ "0000-12-31T23:59:59Z", RC_RANGE, 0, "before the first" },
		{ "", RC_SYNTAX, 0, "nothing" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t len = strlen(rows[i].text);
		char *tight = talloc_memdup(NULL, rows[i].text, len ? len : 1);
		int64_t t_us = -77;

		expect_int(clock_parse_rfc3339(tight, len, &t_us), rows[i].rc, rows[i].text);
		expect_int(t_us, rows[i].rc ? -77 : rows[i].t_us, rows[i].why);
		talloc_free(tight);
	}
}

Test(clock, reads_what_it_writes)
{
	uint64_t state = 3;

	for (int i = 0; i < 20000; i++) {
		int64_t t = (int64_t)(next_random(&state) % UINT64_C(315537897600000000)) -
			    INT64_C(62135596800000000),
			back = 0;
		char text[RFC3339_SIZE];

		cr_assert_eq(clock_rfc3339(t, text), RC_OK);
		cr_expect(clock_parse_rfc3339(text, strlen(text), &back) == RC_OK && back == t, "%s", text);
	}
}

Test(clock, knows_times_of_another_clock)
{
	static const struct {
		int64_t at_ms, now_ms;
		bool come;
		const char *why;
	} rows[] = {
		{ 999, 1000, true, "it has passed" },
		{ 1000, 1000, true, "now" },
		{ 1001, 1000, false, "not yet" },
		{ 1500, 1000, false, "as far away as can be" },
		{ 1501, 1000, true, "further away than anything" },
		{ INT64_MAX, 1000, true, "so is this" },
		{ 0, 1000, true, "nobody has written one" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_int(clock_has_come(rows[i].at_ms, rows[i].now_ms, 500), rows[i].come, rows[i].why);
}
