#include "json/param.h"

#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "json/request_json.h"

#define DATE_SIZE 10  /* 2026-02-24 */
#define OFFSET_SIZE 6 /* +01:00 */

static bool
add(struct faults *f, const struct param *p, enum fault_type type, const char *expected)
{
	faults_add(f, &(struct fault){ .type = type,
				       .loc = { .part = "query", .name = p->name },
				       .input = faults_quote(f, p->text, p->len),
				       .expected = expected });
	return false;
}

bool
param_int(struct faults *f, const struct param *p, const struct int_rule *rule, int64_t *out)
{
	const struct loc loc = { .part = "query", .name = p->name };

	return faults_int_text(f, loc, p->text, p->len, rule, out);
}

bool
param_status(struct faults *f, const struct param *p, enum status *out)
{
	return status_parse(p->text, p->len, out) || add(f, p, FAULT_ENUM, STATUS_NAMES);
}

/*
 * pydantic tries a text that is no date-time as a date, and says what is wrong with that: the words of its library,
 * https://docs.rs/speedate/latest/speedate/enum.ParseError.html. NULL: it begins with a date.
 */
static const char *
date_fault(const char *text, size_t len)
{
	static const char shape[] = "YYYY-MM-DD";
	static const struct {
		char place;
		const char *fault;
	} characters[] = {
		{ 'Y', "invalid character in year" },
		{ 'M', "invalid character in month" },
		{ 'D', "invalid character in day" },
		{ '-', "invalid date separator, expected `-`" },
	};
	char midnight[] = "YYYY-MM-DDT00:00:00Z";
	int64_t us;
	enum rc rc;

	if (len < DATE_SIZE)
		return "input is too short";
	for (size_t i = 0, c; i < DATE_SIZE; i++) {
		if (shape[i] == '-' ? text[i] == '-' : text[i] >= '0' && text[i] <= '9')
			continue;
		for (c = 0; characters[c].place != shape[i];)
			c++;
		return characters[c].fault;
	}
	if (memcmp(text + 5, "01", 2) < 0 || memcmp(text + 5, "12", 2) > 0)
		return "month value is outside expected range of 1-12";
	memcpy(midnight, text, DATE_SIZE);
	rc = clock_parse_rfc3339(midnight, sizeof midnight - 1, &us);
	return !rc ? NULL : rc == RC_RANGE ? "year 0 is out of range" : "day value is outside expected range";
}

/* A copy with T and + where a blank may stand for them, and room for one byte more. */
static char *
repair(void *ctx, const char *text, size_t len)
{
	char *copy = talloc_size(ctx, len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	if (len > DATE_SIZE && copy[DATE_SIZE] == ' ')
		copy[DATE_SIZE] = 'T';
	if (len > DATE_SIZE + OFFSET_SIZE && copy[len - OFFSET_SIZE] == ' ')
		copy[len - OFFSET_SIZE] = '+';
	return copy;
}

bool
param_time(struct faults *f, const struct param *p, int64_t *out_us)
{
	const char *fault = date_fault(p->text, p->len);
	char *text;
	int64_t us;
	enum rc rc;

	if (fault)
		return add(f, p, FAULT_TIME, fault);
	if (p->len == DATE_SIZE)
		return add(f, p, FAULT_TIME_ZONE, NULL);
	text = repair(f->text.ctx, p->text, p->len);
	if (!text) {
		f->text.failed = true;
		return false;
	}
	rc = clock_parse_rfc3339(text, p->len, &us);
	if (rc == RC_SYNTAX) {
		text[p->len] = 'Z';
		rc = clock_parse_rfc3339(text, p->len + 1, &us);
		return rc == RC_SYNTAX
			       ? add(f, p, FAULT_TIME, "unexpected extra characters at the end of the input")
			       : add(f, p, FAULT_TIME_ZONE, NULL);
	}
	if (rc == RC_RANGE)
		us = *text == '0' ? CLOCK_LEAST_US : CLOCK_GREATEST_US;
	*out_us = us;
	return true;
}
