/* Quantities as people write and read them; the bar of long work. */
#include "ctl/format.h"

#include <math.h>

#include "ctl/progress.h"
#include "table.h"

Test(format, writes_spans_in_their_two_largest_units)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },
		{ -5, "0 s" },
		{ 1, "1 ms" },
		{ 999, "999 ms" },
		{ 1000, "1 s" },
		{ 1999, "1 s" },
		{ 59999, "59 s" },
		{ 60000, "1 min" },
		{ 125000, "2 min 5 s" },
		{ 3600000, "1 h" },
		{ 3659000, "1 h" },
		{ 4800000, "1 h 20 min" },
		{ 86400000, "1 d" },
		{ 273600000, "3 d 4 h" },
		{ INT64_MAX, "106751991167 d 7 h" },
		{ 86400000 + 60000, "1 d" },
	};
	char text[FORMAT_SIZE];

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(format_span(text, rows[i].ms), rows[i].text, "a span");
}

Test(format, writes_numbers)
{
	char text[FORMAT_SIZE];

	expect_text(format_count(text, 0), "0", "a count");
	expect_text(format_count(text, 999), "999", "a count");
	expect_text(format_count(text, 1000), "1,000", "a count");
	expect_text(format_count(text, 1204311), "1,204,311", "a count");
	expect_text(format_count(text, -1000), "-1,000", "a count");
	expect_text(format_count(text, INT64_MIN), "-9,223,372,036,854,775,808", "the longest");
	expect_text(format_rate(text, 0), "0.0/s", "a rate");
	expect_text(format_rate(text, 999.94), "999.9/s", "a rate");
	expect_text(format_rate(text, 999.96), "1,000/s", "a rate that is rounded up");
	expect_text(format_latency(text, -1), "-", "no latency");
	expect_text(format_latency(text, 0.84), "0.8 ms", "a latency");
	expect_text(format_latency(text, 999.96), "1.00 s", "a latency that is rounded up");
	expect_text(format_memory(text, 0), "-", "unknown");
	expect_text(format_memory(text, 2745), "2.7 MiB", "memory");
	expect_text(format_memory(text, 1024000), "1000.0 MiB", "the kernel's kB are KiB");
	expect_text(format_time(text, INT64_C(1771940786414410)), "2026-02-24 13:46:26Z", "a time");
	expect_text(format_time(text, 0), "-", "none");
	expect_text(format_time(text, INT64_MAX), "-", "no date has it");
	expect_text(format_time_of_day(text, INT64_C(1771940786414410)), "13:46:26Z", "a time of day");
	expect_text(format_time_of_day(text, 0), "-", "none");
}

Test(format, plots_values_from_nothing_to_the_greatest)
{
	static const double some[] = { 0, 1, 3.5, 7, -1, 7 }, nothing[] = { 0, 0 };
	void *ctx = talloc_new(NULL);
	struct buf b;

	buf_init(&b, ctx, 100);
	format_sparkline(&b, some, ROWS(some));
	expect_text(b.data, "\u2581\u2582\u2585\u2588 \u2588", "values");
	buf_clear(&b);
	format_sparkline(&b, nothing, ROWS(nothing));
	expect_text(b.data, "\u2581\u2581", "all of them nothing");
	talloc_free(ctx);
}

Test(format, reads_durations)
{
	static const struct {
		const char *text;
		enum rc rc;
		int64_t s;
	} rows[] = {
		{ "90", RC_OK, 90 },
		{ "90s", RC_OK, 90 },
		{ "30m", RC_OK, 1800 },
		{ "1h", RC_OK, 3600 },
		{ "1h30m", RC_OK, 5400 },
		{ "1d12h", RC_OK, 129600 },
		{ "2d3h4m5s", RC_OK, 183845 },
		{ "0001h", RC_OK, 3600 },
		{ "1000000s", RC_OK, 1000000 },
		{ "1000001", RC_RANGE, 0 },
		{ "12d", RC_RANGE, 0 },
		{ "11d999999s", RC_RANGE, 0 },
		{ "99999999999999999999999h", RC_RANGE, 0 },
		{ "0", RC_RANGE, 0 },
		{ "0h0m", RC_RANGE, 0 },
		{ "", RC_SYNTAX, 0 },
		{ "h", RC_SYNTAX, 0 },
		{ "1x", RC_SYNTAX, 0 },
		{ "-1h", RC_SYNTAX, 0 },
		{ "1.5h", RC_SYNTAX, 0 },
		{ "1h30", RC_SYNTAX, 0 },
		{ "30m1h", RC_SYNTAX, 0 },
		{ "1h1h", RC_SYNTAX, 0 },
		{ "1s1s", RC_SYNTAX, 0 },
		{ " 1h", RC_SYNTAX, 0 },
		{ "1h ", RC_SYNTAX, 0 },
		{ "1H", RC_SYNTAX, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t s = 0;

		expect_int(duration_parse(rows[i].text, 1000000, &s), rows[i].rc, rows[i].text);
		expect_int(s, rows[i].s, rows[i].text);
	}
}

Test(format, draws_a_bar)
{
	const struct progress p = { .what = "retrying", .total = 1000, .started_ms = 1000 };
	const struct progress unknown = { .what = "retrying" };
	char text[PROGRESS_SIZE];

	expect_text(progress_text(text, &p, 0, 1000), "retrying [                    ]   0 %  0 of 1,000",
		    "nothing yet");
	expect_text(progress_text(text, &p, 500, 3000),
		    "retrying [##########          ]  50 %  500 of 1,000  2 s left", "half of it");
	expect_text(progress_text(text, &p, 1000, 5000),
		    "retrying [####################] 100 %  1,000 of 1,000  0 s left", "all of it");
	expect_text(progress_text(text, &p, 1001, 5000), "retrying  1,001", "more than was thought");
	expect_text(progress_text(text, &unknown, 7, 5000), "retrying  7", "of who knows how many");
}
