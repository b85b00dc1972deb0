/* Plots of the last hour. */
#include "html/svg.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "html/html.h"
#include "support/xml.h"
#include "table.h"

#define END_US INT64_C(1771941900000000) /* 14:05:00 UTC */
#define AGO(s) (END_US - (s)*INT64_C(1000000))

static void *ctx;
static struct buf b;

static void
open_buf(void)
{
	ctx = talloc_new(NULL);
	buf_init(&b, ctx, 1 << 20);
}

static void
close_buf(void)
{
	talloc_free(ctx);
}

TestSuite(svg, .init = open_buf, .fini = close_buf);

static double
requests(const struct sample_view *s)
{
	return s->requests_per_s;
}

static double
errors(const struct sample_view *s)
{
	return s->errors_per_s;
}

static const struct plot linear = {
	.id = "p",
	.title = "A <plot>",
	.about = "What \"it\" shows",
	.least = 1,
	.put = html_rate,
	.lines = { { "all", requests }, { "5xx", errors } },
};

/* Draws it and leaves what was drawn in b, after checking what is so of every plot. */
static void
draw(const struct plot *p, const struct sample_view *samples, size_t n)
{
	const char *fault;

	buf_clear(&b);
	svg_plot(&b, p, samples, n, END_US);
	cr_assert_not(b.failed);
	fault = xml_fault(b.data, b.len);
	cr_assert(fault == NULL, "%s\n%s", fault, b.data);
	cr_expect(xml_count(b.data, "svg", "role", "img") == 1 &&
		  xml_count(b.data, "svg", "aria-labelledby", "p-title") == 1 &&
		  xml_count(b.data, "svg", "aria-describedby", "p-about") == 1);
	expect_text(xml_text(b.data, "title", "id", "p-title", 0), "A <plot>", "title");
	cr_expect(strstr(xml_text(b.data, "desc", "id", "p-about", 0), "What \"it\" shows"));
}

/* The data of the n-th path: 0 the area, 1 and 2 the lines. */
static const char *
path(int n)
{
	const char *at = b.data;
	char *d;

	for (int i = 0; i <= n && at; i++) {
		at = strstr(at, " d=\"");
		at = at ? at + 4 : NULL;
	}
	cr_assert(at != NULL, "path %d", n);
	d = talloc_strndup(ctx, at, strcspn(at, "\""));
	cr_assert(d != NULL);
	return d;
}

Test(svg, without_a_sample_says_so)
{
	draw(&linear, NULL, 0);
	expect_text(path(0), "", "area");
	expect_text(path(1), "", "line");
	expect_int(xml_count(b.data, "rect", "class", "minute"), 0, "columns");
	expect_int(xml_count(b.data, "rect", "class", "hatched"), 1, "gaps");
	cr_expect(strstr(b.data, "x=\"0.00%\" width=\"100.00%\""), "%s", b.data);
	expect_text(xml_text(b.data, "desc", "id", "p-about", 0),
		    "What \"it\" shows, from 13:05 to 14:05 UTC. No figures for 1 h.", "description");
	expect_text(xml_text(b.data, "figcaption", NULL, NULL, 0), "A <plot> all \u2013 5xx \u2013",
		    "caption");
}

Test(svg, shows_a_single_sample_as_a_point)
{
	static const struct sample_view one = { .at_us = AGO(10), .requests_per_s = 1.5, .errors_per_s = 0 };

	draw(&linear, &one, 1);
	expect_text(path(0), "M3590 250V1000H3590", "area: half of an axis up to 2, and three quarters");
	expect_text(path(1), "M3590 250h0", "line");
	expect_text(path(2), "M3590 1000h0", "second line");
	expect_int(xml_count(b.data, "rect", "class", "minute"), 1, "columns");
	expect_text(xml_text(b.data, "title", NULL, NULL, 2), "14:04 UTC all: 1.50 5xx: 0", "title");
	expect_text(xml_text(b.data, "figcaption", NULL, NULL, 0), "A <plot> all 1.50 5xx 0", "caption");
}

Test(svg, draws_a_full_hour_in_one_go)
{
	struct sample_view s[SAMPLES];

	for (int i = 0; i < SAMPLES; i++)
		s[i] = (struct sample_view){ .at_us = AGO((SAMPLES - 1 - i) * 10), .requests_per_s = i % 7 };
	draw(&linear, s, SAMPLES);
	expect_int(xml_count(b.data, "rect", "class", "hatched"), 0, "gaps");
	expect_int(xml_count(b.data, "rect", "class", "minute"), 60, "columns");
	cr_expect(strncmp(path(1), "M10 1000 20 833 30 667", 22) == 0, "%s", path(1));
	cr_expect(strchr(path(1) + 1, 'M') == NULL, "%s", path(1));
	cr_expect(b.len < 32768, "%zu bytes", b.len);
}

Test(svg, leaves_gaps_where_no_pool_ran)
{
	static const struct sample_view s[] = {
		{ .at_us = AGO(3600), .requests_per_s = 1 }, { .at_us = AGO(3590), .requests_per_s = 1 },
		{ .at_us = AGO(3540), .requests_per_s = 1 }, { .at_us = AGO(1800), .requests_per_s = 2 },
		{ .at_us = AGO(1790), .requests_per_s = 2 },
	};

	draw(&linear, s, ROWS(s));
	expect_text(path(1), "M0 500 10 500 60 500h0M1800 0 1810 0h0",
		    "a sample that comes late is no gap, half an hour is one");
	expect_text(path(0), "M0 500 10 500 60 500V1000H0M1800 0 1810 0V1000H1800", "the area goes along");
	expect_int(xml_count(b.data, "rect", "class", "hatched"), 2, "gaps");
	cr_expect(strstr(b.data, "x=\"1.66%\" width=\"48.05%\""),
		  "from the last to the step before the next");
	cr_expect(strstr(b.data, "13:06 to 13:34: no figures"), "%s", b.data);
	cr_expect(strstr(xml_text(b.data, "desc", NULL, NULL, 0), "No figures for 58 min 40 s."), "%s",
		  xml_text(b.data, "desc", NULL, NULL, 0));
	expect_text(xml_text(b.data, "figcaption", NULL, NULL, 0), "A <plot> all \u2013 5xx \u2013",
		    "the last is no figure of now");
}

Test(svg, leaves_a_gap_for_what_is_not_known)
{
	static const struct sample_view s[] = {
		{ .at_us = AGO(40), .requests_per_s = 1 },
		{ .at_us = AGO(30), .requests_per_s = NAN },
		{ .at_us = AGO(20), .requests_per_s = 1 },
		{ .at_us = AGO(10), .requests_per_s = 2 },
	};

	draw(&linear, s, ROWS(s));
	expect_text(path(1), "M3560 500h0M3580 500 3590 0h0", "two pieces");
	expect_text(xml_text(b.data, "title", NULL, NULL, 2),
		    "14:04 UTC all: 1.33 on average, at most 2 5xx: 0 on average, at most 0", "title");
}

Test(svg, leaves_out_what_is_not_of_this_hour)
{
	static const struct sample_view s[] = {
		{ .at_us = AGO(86400), .requests_per_s = 1000 },
		{ .at_us = AGO(3601), .requests_per_s = 1000 },
		{ .at_us = AGO(3600), .requests_per_s = 1 },
		{ .at_us = AGO(0), .requests_per_s = 2 },
		{ .at_us = AGO(-1), .requests_per_s = 1000 },
	};

	draw(&linear, s, ROWS(s));
	expect_text(path(1), "M0 500h0M3600 0h0", "the edges belong to it");
}

Test(svg, stays_in_its_frame_whatever_the_figures_are)
{
	static const double figures[] = { INFINITY, -INFINITY, NAN, -1,	     -DBL_MAX, DBL_MAX, 1e300,
					  1e15,	    1e-300,    0.5, DBL_MIN, 1e9,      0 };
	struct sample_view s[2] = { { .at_us = AGO(20), .requests_per_s = 1 }, { .at_us = AGO(10) } };
	struct plot p = linear;

	for (int decades = 0; decades < 2; decades++)
		for (size_t i = 0; i < ROWS(figures); i++) {
			p.decades = decades;
			s[1].requests_per_s = figures[i];
			draw(&p, s, ROWS(s));
			for (const char *at = path(1); *at; at++)
				if (*at == ' ') {
					long v = strtol(at + 1, NULL, 10);

					cr_expect((v >= 0 && v <= 1000) || v == 3590, "%g: %s", figures[i],
						  path(1));
				}
			cr_expect(!strstr(b.data, "inf") && !strstr(b.data, "nan"), "%g: %s", figures[i],
				  b.data);
			cr_expect(xml_count(b.data, "line", "class", "grid") < 16, "%g", figures[i]);
		}
}

Test(svg, has_round_figures_beside_its_axis)
{
	static const double tops[] = { 2, 10, 60, 0 };
	static const struct {
		double max, least;
		bool decades;
		const double *tops;
		const char *axis, *why;
	} rows[] = {
		{ 0, 1, false, NULL, "0 1 2", "nothing has happened" },
		{ 0, 4, false, NULL, "0 2 4", "whole things" },
		{ 4, 4, false, NULL, "0 2 4", "just fits" },
		{ 4.1, 4, false, NULL, "0 3 6", "one more" },
		{ 91, 1, false, NULL, "0 50 100", "two digits" },
		{ 12345, 1, false, NULL, "0 10,000 20,000", "many" },
		{ 0.05, 0.01, false, NULL, "0 0.03 0.06", "small" },
		{ 1.5, 1, false, tops, "0 1 2", "the plot's own" },
		{ 3, 1, false, tops, "0 5 10", "the next of them" },
		{ 70, 1, false, tops, "0 40 80", "beyond them" },
		{ 3, 1, true, NULL, "1 10 100", "two decades at least" },
		{ 2000, 10, true, NULL, "1 10 100 1,000 10,000", "as many as it takes" },
	};
	const char *axis;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sample_view s[] = { { .at_us = AGO(20), .requests_per_s = rows[i].max },
					   { .at_us = AGO(10), .requests_per_s = rows[i].decades ? 1 : 0 } };
		struct plot p = linear;

		p.least = rows[i].least;
		p.decades = rows[i].decades;
		p.tops = rows[i].tops;
		p.lines[1].name = NULL;
		draw(&p, s, ROWS(s));
		axis = xml_text(b.data, "svg", "class", "axis", 0);
		expect_text(axis, rows[i].axis, rows[i].why);
	}
}

Test(svg, names_each_quarter_of_an_hour)
{
	buf_clear(&b);
	draw(&linear, NULL, 0);
	expect_text(xml_text(b.data, "text", "y", "147", 0), "13:15", "the first");
	expect_int(xml_count(b.data, "text", "y", "147"), 4, "how many");
}
