/* Text and figures as a page shows them. */
#include "html/html.h"

#include <math.h>

#include "table.h"

static void *ctx;
static struct buf b;

static void
open_buf(void)
{
	ctx = talloc_new(NULL);
	buf_init(&b, ctx, 1 << 16);
}

static void
close_buf(void)
{
	talloc_free(ctx);
}

TestSuite(html, .init = open_buf, .fini = close_buf);

static const char *
written(void)
{
	cr_assert_not(b.failed);
	return b.data ? b.data : "";
}

Test(html, escapes_whatever_a_text_holds)
{
	static const struct {
		const char *text, *html, *why;
	} rows[] = {
		{ NULL, "", "nothing" },
		{ "", "", "an empty text" },
		{ "12 orders, 3 \u20ac", "12 orders, 3 \u20ac", "nothing to escape" },
		{ "<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
		  "a script" },
		{ "a\"b & c", "a&quot;b &amp; c", "an attribute's end" },
		{ "&lt;", "&amp;lt;", "what looks escaped already" },
		{ "]]>", "]]&gt;", "the end of a section of XML" },
		{ "a\x01\x1b[31m\x7f\tb\n", "a\uFFFD\uFFFD[31m\uFFFD\uFFFDb\uFFFD", "control characters" },
		{ "a\xff<\xc3", "a\uFFFD&lt;\uFFFD", "no UTF-8" },
		{ "\xc0\xbcscript>", "\uFFFD\uFFFDscript&gt;", "an overlong <" },
		{ "\xef\xbf\xbe|\xef\xbf\xbf|\xef\xbf\xbd", "\uFFFD|\uFFFD|\uFFFD",
		  "what is no character of XML" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&b);
		html_text(&b, "");
		html_text(&b, rows[i].text);
		expect_text(b.len ? written() : "", rows[i].html, rows[i].why);
	}
}

Test(html, says_when_there_is_no_memory_for_a_text)
{
	buf_init(&b, ctx, 8);
	html_text(&b, "<<");
	cr_expect_not(b.failed);
	html_text(&b, "<");
	cr_expect(b.failed);
	buf_init(&b, ctx, 8);
	html_text(&b, "\xff\xff\xff");
	cr_expect(b.failed, "repaired, it is too long");
}

Test(html, writes_figures_the_same_in_every_locale)
{
	static const struct {
		double v;
		int decimals;
		const char *html;
	} rows[] = {
		{ 0, 0, "0" },
		{ 0, 2, "0.00" },
		{ 0.004, 2, "0.00" },
		{ -0.004, 2, "0.00" },
		{ 0.005, 2, "0.01" },
		{ 9.996, 2, "10.00" },
		{ 1.05, 3, "1.050" },
		{ -1234.56, 1, "-1,234.6" },
		{ 999999.5, 0, "1,000,000" },
		{ 12345678.25, 2, "12,345,678.25" },
		{ NAN, 1, "\u2013" },
		{ INFINITY, 1, "\u2013" },
		{ -INFINITY, 1, "\u2013" },
		{ 1e12, 0, "\u2013" },
		{ 999999999999.0, 3, "999,999,999,999.000" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&b);
		html_fixed(&b, rows[i].v, rows[i].decimals);
		expect_text(written(), rows[i].html, rows[i].html);
	}
}

Test(html, parts_thousands)
{
	static const struct {
		int64_t n;
		const char *html;
	} rows[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ -1000, "-1,000" },
		{ 5869120, "5,869,120" },
		{ INT64_MAX, "9,223,372,036,854,775,807" },
		{ INT64_MIN, "-9,223,372,036,854,775,808" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&b);
		html_count(&b, rows[i].n);
		expect_text(written(), rows[i].html, rows[i].html);
	}
}

Test(html, shows_of_a_rate_what_matters)
{
	static const struct {
		double v;
		const char *html;
	} rows[] = {
		{ 0, "0" },	     { 0.1, "0.10" },	{ 0.001, "0.00" }, { 3, "3" },
		{ 3.14159, "3.14" }, { 9.96, "10.0" },	{ 42.25, "42.3" }, { 99.6, "100" },
		{ 1240.4, "1,240" }, { NAN, "\u2013" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&b);
		html_rate(&b, rows[i].v);
		expect_text(written(), rows[i].html, rows[i].html);
	}
}

Test(html, says_durations_in_the_units_that_people_use)
{
	static const struct {
		double ms;
		const char *html;
	} rows[] = {
		{ -5, "0 ms" },		 { 0, "0 ms" },	       { 0.52, "0.5 ms" },
		{ 3, "3 ms" },		 { 3.14, "3.1 ms" },   { 9.96, "10 ms" },
		{ 999.4, "999 ms" },	 { 999.6, "1.0 s" },   { 1000, "1 s" },
		{ 1234, "1.2 s" },	 { 59940, "59.9 s" },  { 59960, "1 min" },
		{ 125000, "2 min 5 s" }, { 3599600, "1 h" },   { 11520000, "3 h 12 min" },
		{ 86400e3, "1 d" },	 { 371e6, "4 d 7 h" }, { 1e11, "1,157 d 9 h" },
		{ 1e12, "\u2013" },	 { NAN, "\u2013" },    { INFINITY, "\u2013" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&b);
		html_duration(&b, rows[i].ms);
		expect_text(written(), rows[i].html, rows[i].html);
	}
}

Test(html, shows_times_in_utc)
{
	html_minute(&b, INT64_C(1771941909414410));
	buf_putc(&b, '|');
	html_clock(&b, INT64_C(1771941909414410));
	buf_putc(&b, '|');
	html_date(&b, INT64_C(1771941909414410));
	buf_putc(&b, '|');
	html_clock(&b, INT64_MAX);
	expect_text(written(), "14:05|14:05:09|2026-02-24 14:05:09|\u2013", "times");
}
