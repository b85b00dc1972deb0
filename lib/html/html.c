#include "html/html.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define DASH "\u2013"
#define DAY_US INT64_C(86400000000)
/* Up to here a double has digits for three decimals; as a duration in ms it is 30 years. */
#define FIGURE_MAX 1e12

static const char *
entity(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default: /* XML has no way to write most control characters */
		return c < ' ' || c == 0x7f ? "\uFFFD" : NULL;
	}
}

/* Two characters of UTF-8 are none of XML's: U+FFFE and U+FFFF. */
static bool
is_no_character(const char *s, size_t left)
{
	return left >= 3 && memcmp(s, "\xef\xbf", 2) == 0 && ((unsigned char)s[2] & 0xfe) == 0xbe;
}

static void
put_escaped(struct buf *b, const char *s, size_t len)
{
	size_t plain = 0, wide;
	const char *to;

	for (size_t i = 0; i < len; i += wide) {
		wide = is_no_character(s + i, len - i) ? 3 : 1;
		to = wide == 3 ? "\uFFFD" : entity((unsigned char)s[i]);
		if (!to)
			continue;
		buf_put(b, s + plain, i - plain);
		buf_puts(b, to);
		plain = i + wide;
	}
	buf_put(b, s + plain, len - plain);
}

void
html_text(struct buf *b, const char *s)
{
	struct buf repaired;

	if (!s)
		return;
	if (utf8_is_valid(s, strlen(s))) {
		put_escaped(b, s, strlen(s));
		return;
	}
	buf_init(&repaired, b->ctx, b->limit);
	utf8_put_repaired(&repaired, s, strlen(s));
	b->failed = b->failed || repaired.failed;
	if (repaired.data)
		put_escaped(b, repaired.data, repaired.len);
}

/* Of figures that html_fixed() shows. */
static bool
is_whole(double v)
{
	return fabs(v) < FIGURE_MAX && v == (double)(int64_t)v;
}

/* Not printf's: its point is the locale's. */
void
html_fixed(struct buf *b, double v, int decimals)
{
	static const int64_t scales[] = { 1, 10, 100, 1000 };
	int64_t scale = scales[decimals], scaled;

	if (isnan(v) || v <= -FIGURE_MAX || v >= FIGURE_MAX) {
		buf_puts(b, DASH);
		return;
	}
	scaled = (int64_t)(fabs(v) * (double)scale + 0.5);
	if (v < 0 && scaled)
		buf_putc(b, '-');
	html_count(b, scaled / scale);
	if (decimals)
		buf_putc(b, '.');
	for (scale /= 10; scale > 0; scale /= 10)
		buf_putc(b, (char)('0' + scaled / scale % 10));
}

void
html_count(struct buf *b, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu",
			   (unsigned long long)(n < 0 ? 0 - (uint64_t)n : (uint64_t)n));

	if (n < 0)
		buf_putc(b, '-');
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_putc(b, ',');
		buf_putc(b, digits[i]);
	}
}

void
html_rate(struct buf *b, double v)
{
	html_fixed(b, v, fabs(v) >= 99.5 || is_whole(v) ? 0 : fabs(v) >= 9.95 ? 1 : 2);
}

/* A coarse unit and what is left in the next finer one. */
static void
put_two_units(struct buf *b, int64_t s)
{
	static const struct {
		int64_t s, finer;
		const char *unit, *finer_unit;
	} rows[] = {
		{ 86400, 3600, " d", " h" },
		{ 3600, 60, " h", " min" },
		{ 60, 1, " min", " s" },
	};
	size_t i = s >= rows[0].s ? 0 : s >= rows[1].s ? 1 : 2;

	html_count(b, s / rows[i].s);
	buf_puts(b, rows[i].unit);
	if (s % rows[i].s / rows[i].finer == 0)
		return;
	buf_putc(b, ' ');
	buf_put_i64(b, s % rows[i].s / rows[i].finer);
	buf_puts(b, rows[i].finer_unit);
}

void
html_duration(struct buf *b, double ms)
{
	if (isnan(ms) || ms >= FIGURE_MAX) {
		buf_puts(b, DASH);
	} else if (ms >= 59950) {
		put_two_units(b, (int64_t)(ms / 1000 + 0.5));
	} else if (ms >= 999.5) {
		html_fixed(b, ms / 1000, is_whole(ms / 1000) ? 0 : 1);
		buf_puts(b, " s");
	} else {
		html_fixed(b, ms > 0 ? ms : 0, ms <= 0 || ms >= 9.95 || is_whole(ms) ? 0 : 1);
		buf_puts(b, " ms");
	}
}

/* The characters from first to last of the time in RFC 3339, with a blank for its T. */
static void
put_time(struct buf *b, int64_t at_us, size_t first, size_t last)
{
	char text[RFC3339_SIZE];

	if (clock_rfc3339(at_us, text)) {
		buf_puts(b, DASH);
		return;
	}
	text[10] = ' ';
	buf_put(b, text + first, last - first + 1);
}

void
html_minute(struct buf *b, int64_t at_us)
{
	put_time(b, at_us, 11, 15);
}

void
html_clock(struct buf *b, int64_t at_us)
{
	put_time(b, at_us, 11, 18);
}

void
html_moment(struct buf *b, int64_t at_us, int64_t now_us)
{
	if (at_us / DAY_US == now_us / DAY_US)
		html_clock(b, at_us);
	else
		html_date(b, at_us);
}

void
html_date(struct buf *b, int64_t at_us)
{
	put_time(b, at_us, 0, 18);
}
