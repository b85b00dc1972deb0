#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#define YEAR_1_US (-62135596800LL * 1000000)
#define YEAR_10000_US (253402300800LL * 1000000)

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

	if (t_us < YEAR_1_US || t_us >= YEAR_10000_US)
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
