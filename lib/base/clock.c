#include "base/clock.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static int64_t frozen_us = -1;

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_wall_us(void)
{
	return frozen_us >= 0 ? frozen_us : read_clock_us(CLOCK_REALTIME);
}

void
clock_set_wall_us(int64_t t_us)
{
	frozen_us = t_us;
}

int64_t
clock_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int
clock_left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_ms();

	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

bool
clock_has_come(int64_t at_ms, int64_t now_ms, int64_t longest_ms)
{
	return at_ms <= now_ms || at_ms - now_ms > longest_ms;
}

static void
digits(char *out, int n, int64_t v)
{
	while (n-- > 0) {
		out[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

enum rc
clock_rfc3339(int64_t t_us, char out[static RFC3339_SIZE])
{
	int64_t us = t_us % 1000000;
	time_t s = t_us / 1000000;
	struct tm tm;

	if (t_us < CLOCK_LEAST_US || t_us > CLOCK_GREATEST_US)
		return RC_RANGE;
	if (us < 0) {
		us += 1000000;
		s--;
	}
	if (!gmtime_r(&s, &tm))
		return RC_RANGE;
	digits(out, 4, tm.tm_year + 1900);
	out[4] = '-';
	digits(out + 5, 2, tm.tm_mon + 1);
	out[7] = '-';
	digits(out + 8, 2, tm.tm_mday);
	out[10] = 'T';
	digits(out + 11, 2, tm.tm_hour);
	out[13] = ':';
	digits(out + 14, 2, tm.tm_min);
	out[16] = ':';
	digits(out + 17, 2, tm.tm_sec);
	out[19] = '.';
	digits(out + 20, 6, us);
	out[26] = 'Z';
	out[27] = '\0';
	return RC_OK;
}

struct text {
	const char *p, *end;
};

static bool
skip(struct text *t, const char *one_of)
{
	for (; t->p < t->end && *one_of; one_of++)
		if (*t->p == *one_of) {
			t->p++;
			return true;
		}
	return false;
}

static bool
is_digit(const struct text *t)
{
	return t->p < t->end && *t->p >= '0' && *t->p <= '9';
}

/* Exactly n digits with a value between least and greatest. */
static bool
take_number(struct text *t, int n, int least, int greatest, int *out)
{
	*out = 0;
	for (; n > 0; n--) {
		if (!is_digit(t))
			return false;
		*out = *out * 10 + (*t->p++ - '0');
	}
	return *out >= least && *out <= greatest;
}

/* What follows the seconds' point, if there is one, in µs. */
static bool
take_fraction(struct text *t, int64_t *us)
{
	*us = 0;
	if (!skip(t, "."))
		return true;
	if (!is_digit(t))
		return false;
	for (int64_t unit = 100000; is_digit(t); unit /= 10)
		*us += unit * (*t->p++ - '0');
	return true;
}

/* Z, or the offset from UTC, in seconds. */
static bool
take_offset(struct text *t, int64_t *offset_s)
{
	bool west = t->p < t->end && *t->p == '-';
	int hours, minutes;

	*offset_s = 0;
	if (skip(t, "Zz"))
		return true;
	if (!skip(t, "+-") || !take_number(t, 2, 0, 23, &hours) || !skip(t, ":") ||
	    !take_number(t, 2, 0, 59, &minutes))
		return false;
	*offset_s = (west ? -60 : 60) * (int64_t)(hours * 60 + minutes);
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Leap seconds come at the end of a month of UTC only: t is the second after. */
static bool
is_after_leap_second(time_t t)
{
	struct tm tm;

	return t % 86400 == 0 && gmtime_r(&t, &tm) && tm.tm_mday == 1;
}

enum rc
clock_parse_rfc3339(const char *s, size_t len, int64_t *out_us)
{
	struct text t = { s, s + len };
	int year, month, day, hour, minute, second;
	int64_t us, offset_s, t_us;
	struct tm tm = { 0 };
	time_t t_s;

	if (!take_number(&t, 4, 0, 9999, &year) || !skip(&t, "-") || !take_number(&t, 2, 1, 12, &month) ||
	    !skip(&t, "-") || !take_number(&t, 2, 1, days_in_month(year, month), &day) || !skip(&t, "Tt") ||
	    !take_number(&t, 2, 0, 23, &hour) || !skip(&t, ":") || !take_number(&t, 2, 0, 59, &minute) ||
	    !skip(&t, ":") || !take_number(&t, 2, 0, 60, &second) || !take_fraction(&t, &us) ||
	    !take_offset(&t, &offset_s) || t.p != t.end)
		return RC_SYNTAX;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	t_s = timegm(&tm) - (time_t)offset_s;
	if (second == 60 && !is_after_leap_second(t_s))
		return RC_SYNTAX;
	t_us = (int64_t)t_s * 1000000 + us;
	if (t_us < CLOCK_LEAST_US || t_us > CLOCK_GREATEST_US)
		return RC_RANGE;
	*out_us = t_us;
	return RC_OK;
}
