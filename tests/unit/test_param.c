/* The parameters of a query. */
#include "json/param.h"

#include "base/clock.h"
#include "context.h"
#include "table.h"

TestSuite(param, .init = open_ctx, .fini = close_ctx);

/* What is held against p, "" when nothing is. */
static const char *
faults_of(struct faults *f)
{
	struct why why = { .text = "" };
	enum rc rc = faults_close(f, &why);

	cr_assert_eq(rc, f->n ? RC_INVALID : RC_OK);
	return why.text;
}

Test(param, reads_a_moment_with_its_offset)
{
	static const struct {
		const char *text, *utc, *why;
	} rows[] = {
		{ "2026-02-24T13:46:26Z", "2026-02-24T13:46:26.000000Z", "UTC" },
		{ "2026-02-24T13:46:26.414410Z", "2026-02-24T13:46:26.414410Z", "as answers have it" },
		{ "2026-02-24t13:46:26z", "2026-02-24T13:46:26.000000Z", "small letters" },
		{ "2026-02-24 13:46:26Z", "2026-02-24T13:46:26.000000Z", "a blank for the T" },
		{ "2026-02-24T13:46:26+01:00", "2026-02-24T12:46:26.000000Z", "east" },
		{ "2026-02-24T13:46:26 01:00", "2026-02-24T12:46:26.000000Z", "a + that came as a blank" },
		{ "2026-02-24 13:46:26.5 01:00", "2026-02-24T12:46:26.500000Z", "both blanks" },
		{ "2026-02-24T13:46:26-05:30", "2026-02-24T19:16:26.000000Z", "west" },
		{ "2026-02-24T13:46:26.1Z", "2026-02-24T13:46:26.100000Z", "one digit" },
		{ "2026-02-24T13:46:26.4144109999Z", "2026-02-24T13:46:26.414410Z",
		  "more digits are cut off" },
		{ "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z", "a leap day" },
		{ "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z", "the first" },
		{ "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z", "the last" },
		{ "0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00.000000Z", "before the first" },
		{ "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z", "behind the last" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct param p = { "created_from", rows[i].text, strlen(rows[i].text) };
		char utc[RFC3339_SIZE];
		int64_t us = 0;
		struct faults f;

		faults_init(&f, ctx);
		cr_expect(param_time(&f, &p, &us), "%s: %s", rows[i].why, faults_of(&f));
		cr_assert_eq(clock_rfc3339(us, utc), RC_OK);
		expect_text(utc, rows[i].utc, rows[i].why);
	}
}

Test(param, tells_what_is_wrong_with_a_moment)
{
	static const struct {
		const char *text, *reason; /* NULL: there is no offset */
	} rows[] = {
		{ "", "input is too short" },
		{ "x", "input is too short" },
		{ "2026-02-2", "input is too short" },
		{ "1767225600", "invalid date separator, expected `-`" }, /* seconds are not RFC 3339 */
		{ "20x6-02-24T13:46:26Z", "invalid character in year" },
		{ "+026-02-24T13:46:26Z", "invalid character in year" },
		{ "2026/02/24", "invalid date separator, expected `-`" },
		{ "2026-02/24", "invalid date separator, expected `-`" },
		{ "2026-x2-24", "invalid character in month" },
		{ "2026-2-24T13", "invalid character in month" },
		{ "2026-02-2x", "invalid character in day" },
		{ "2026-00-24", "month value is outside expected range of 1-12" },
		{ "2026-13-24T13:46:26Z", "month value is outside expected range of 1-12" },
		{ "2026-99-99", "month value is outside expected range of 1-12" },
		{ "2026-02-00", "day value is outside expected range" },
		{ "2026-02-29T13:46:26Z", "day value is outside expected range" },
		{ "2026-04-31", "day value is outside expected range" },
		{ "0000-01-01T00:00:00Z", "year 0 is out of range" },
		{ "2026-02-24T24:00:00Z", "unexpected extra characters at the end of the input" },
		{ "2026-02-24T13:60:00Z", "unexpected extra characters at the end of the input" },
		{ "2026-02-24T13:46Z", "unexpected extra characters at the end of the input" },
		{ "2026-02-24T13:46:26.Z", "unexpected extra characters at the end of the input" },
		{ "2026-02-24T13:46:26Zx", "unexpected extra characters at the end of the input" },
		{ "2026-02-24T13:46:26+1:00", "unexpected extra characters at the end of the input" },
		{ "2026-02-24T13:46:26+24:00", "unexpected extra characters at the end of the input" },
		{ "2026-02-24x", "unexpected extra characters at the end of the input" },
		{ "2026-02-24", NULL },
		{ "2026-02-24T13:46:26", NULL },
		{ "2026-02-24 13:46:26.414410", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct param p = { "created_to", rows[i].text, strlen(rows[i].text) };
		const char *reason = rows[i].reason;
		int64_t us = 7;
		struct faults f;

		faults_init(&f, ctx);
		cr_expect_not(param_time(&f, &p, &us), "%s", rows[i].text);
		expect_int(us, 7, rows[i].text);
		expect_text(
			faults_of(&f),
			reason ? talloc_asprintf(
					 ctx,
					 "[{\"type\":\"datetime_from_date_parsing\",\"loc\":[\"query\","
					 "\"created_to\"],\"msg\":\"Input should be a valid datetime or "
					 "date, %s\",\"input\":\"%s\",\"ctx\":{\"error\":\"%s\"}}]",
					 reason, rows[i].text, reason)
			       : talloc_asprintf(
					 ctx,
					 "[{\"type\":\"timezone_aware\",\"loc\":[\"query\",\"created_to\"],"
					 "\"msg\":\"Input should have timezone info\",\"input\":\"%s\"}]",
					 rows[i].text),
			rows[i].text);
	}
}

Test(param, with_any_bytes_is_a_fault_in_json)
{
	const struct param p = { "created_to", LITERAL("2026-02-24\0\"\xff") };
	struct faults f;
	int64_t us;

	faults_init(&f, ctx);
	cr_expect_not(param_time(&f, &p, &us));
	cr_expect_not_null(strstr(faults_of(&f), "\"input\":\"2026-02-24\\u0000\\\"\xef\xbf\xbd\""));
}

Test(param, reads_a_status)
{
	static const char *const wrong[] = { "", "Shipped", "shipped ", "shipped,pending", "5" };
	enum status s = STATUS_COUNT;
	struct faults f;

	faults_init(&f, ctx);
	cr_expect(param_status(&f, &(const struct param){ "status", LITERAL("shipped") }, &s));
	cr_expect_eq(s, STATUS_SHIPPED);
	for (size_t i = 0; i < ROWS(wrong); i++) {
		faults_init(&f, ctx);
		cr_expect_not(
			param_status(&f, &(const struct param){ "status", wrong[i], strlen(wrong[i]) }, &s));
		expect_text(
			faults_of(&f),
			talloc_asprintf(
				ctx,
				"[{\"type\":\"enum\",\"loc\":[\"query\",\"status\"],\"msg\":\"Input should "
				"be 'pending', 'confirmed', 'shipped', 'delivered' or 'cancelled'\","
				"\"input\":\"%s\",\"ctx\":{\"expected\":\"'pending', 'confirmed', "
				"'shipped', 'delivered' or 'cancelled'\"}}]",
				wrong[i]),
			wrong[i]);
	}
	cr_expect_eq(s, STATUS_SHIPPED);
}

Test(param, needs_memory)
{
	const struct param p = { "created_from", LITERAL("2026-02-24T13:46:26Z") };
	struct why why;
	struct faults f;
	int64_t us;

	faults_init(&f, ctx);
	limit_memory(ctx, 1);
	cr_expect_not(param_time(&f, &p, &us));
	cr_expect_eq(faults_close(&f, &why), RC_NO_MEMORY);
}
