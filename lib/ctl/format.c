#include "ctl/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *
format_span(char out[static FORMAT_SIZE], int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	const size_t n = sizeof units / sizeof *units;
	size_t i = 0;

	ms = ms < 0 ? 0 : ms;
	while (i < n && ms < units[i].ms)
		i++;
	if (i == n)
		(void)snprintf(out, FORMAT_SIZE, ms ? "%" PRId64 " ms" : "%" PRId64 " s", ms);
	else if (i + 1 < n && ms % units[i].ms >= units[i + 1].ms)
		(void)snprintf(out, FORMAT_SIZE, "%" PRId64 " %s %" PRId64 " %s", ms / units[i].ms,
			       units[i].name, ms % units[i].ms / units[i + 1].ms, units[i + 1].name);
	else
		(void)snprintf(out, FORMAT_SIZE, "%" PRId64 " %s", ms / units[i].ms, units[i].name);
	return out;
}

const char *
format_latency(char out[static FORMAT_SIZE], double ms)
{
	if (ms < 0)
		(void)snprintf(out, FORMAT_SIZE, "-");
	else if (ms < 999.95)
		(void)snprintf(out, FORMAT_SIZE, "%.1f ms", ms);
	else
		(void)snprintf(out, FORMAT_SIZE, "%.2f s", ms / 1000);
	return out;
}

const char *
format_count(char out[static FORMAT_SIZE], int64_t n)
{
	char digits[24];
	size_t len, used = 0;

	(void)snprintf(digits, sizeof digits, "%" PRId64, n);
	len = strlen(digits);
	for (size_t i = 0; i < len; i++) {
		out[used++] = digits[i];
		if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
			out[used++] = ',';
	}
	out[used] = '\0';
	return out;
}

const char *
format_rate(char out[static FORMAT_SIZE], double per_s)
{
	if (per_s < 999.95)
		(void)snprintf(out, FORMAT_SIZE, "%.1f/s", per_s);
	else {
		(void)format_count(out, (int64_t)(per_s + 0.5));
		(void)snprintf(out + strlen(out), FORMAT_SIZE - strlen(out), "/s");
	}
	return out;
}

const char *
format_memory(char out[static FORMAT_SIZE], long kb)
{
	if (kb <= 0)
		(void)snprintf(out, FORMAT_SIZE, "-");
	else
		(void)snprintf(out, FORMAT_SIZE, "%.1f MiB", (double)kb / 1024);
	return out;
}

const char *
format_time(char out[static FORMAT_SIZE], int64_t t_us)
{
	char text[RFC3339_SIZE];

	if (t_us == 0 || clock_rfc3339(t_us, text))
		(void)snprintf(out, FORMAT_SIZE, "-");
	else
		(void)snprintf(out, FORMAT_SIZE, "%.10s %.8sZ", text, text + 11);
	return out;
}

const char *
format_time_of_day(char out[static FORMAT_SIZE], int64_t t_us)
{
	char text[FORMAT_SIZE];

	(void)format_time(text, t_us);
	(void)snprintf(out, FORMAT_SIZE, "%s", text[1] ? text + 11 : text);
	return out;
}

void
format_sparkline(struct buf *b, const double *values, size_t n)
{
	static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = values[i] > most ? values[i] : most;
	for (size_t i = 0; i < n; i++)
		buf_puts(b, values[i] < 0 ? " " : blocks[most > 0 ? (int)(values[i] / most * 7 + 0.5) : 0]);
}

enum rc
duration_parse(const char *s, int64_t max_s, int64_t *out_s)
{
	static const struct {
		char name;
		int64_t s;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	int64_t total = 0;
	size_t unit = 0;

	if (!*s)
		return RC_SYNTAX;
	while (*s) {
		int64_t n = 0;
		size_t digits = strspn(s, "0123456789");

		if (digits == 0)
			return RC_SYNTAX;
		for (size_t i = 0; i < digits; i++)
			n = n > max_s ? n : n * 10 + (s[i] - '0');
		s += digits;
		while (unit < 4 && *s && *s != units[unit].name)
			unit++;
		if (unit == 4 || (!*s && unit > 0))
			return RC_SYNTAX; /* a unit that is none, comes again or too late; a number without one behind others */
		n = n > max_s ? n : n * (*s ? units[unit].s : 1);
		total = n > max_s || total > max_s ? max_s + 1 : total + n;
		unit++;
		s += *s != '\0';
	}
	if (total < 1 || total > max_s)
		return RC_RANGE;
	*out_s = total;
	return RC_OK;
}
