/* The figures of the page /status: now, and over the last hour. */
#include <math.h>

#include "html/html.h"
#include "html/status_parts.h"
#include "html/svg.h"

#define END_STEP_US INT64_C(10000000) /* plots move on once with each sample, not with each look at them */

static double
known(double v)
{
	return v < 0 ? NAN : v;
}

static double
requests_of(const struct sample_view *s)
{
	return s->requests_per_s;
}

static double
errors_of(const struct sample_view *s)
{
	return s->errors_per_s;
}

static double
p50_of(const struct sample_view *s)
{
	return known(s->p50_ms);
}

static double
p99_of(const struct sample_view *s)
{
	return known(s->p99_ms);
}

static double
waiting_of(const struct sample_view *s)
{
	return known((double)s->outbox_waiting);
}

static double
parked_of(const struct sample_view *s)
{
	return known((double)s->outbox_parked);
}

static double
age_of(const struct sample_view *s)
{
	return known((double)s->outbox_age_ms);
}

static void
put_rate(struct buf *b, double v)
{
	html_rate(b, v);
	buf_puts(b, "/s");
}

static void
put_whole(struct buf *b, double v)
{
	html_fixed(b, v, 0);
}

/* Half of each is a round duration, too; ms. */
static const double durations[] = { 2e3,  10e3,	 20e3,	60e3,	120e3,	600e3,	 1200e3, 3600e3,
				    72e5, 432e5, 864e5, 1728e5, 8640e5, 17280e5, 0 };

static const struct plot plots[] = {
	{ "requests",
	  "Requests",
	  "Requests answered a second",
	  false,
	  1,
	  NULL,
	  put_rate,
	  { { "all", requests_of } } },
	{ "errors",
	  "Errors",
	  "Requests answered with a 5xx a second",
	  false,
	  1,
	  NULL,
	  put_rate,
	  { { "5xx", errors_of } } },
	{ "latency",
	  "Latency",
	  "Time to the answer, on a logarithmic scale: of half the requests (p50) and of 99 in 100 (p99) it is less",
	  true,
	  10,
	  NULL,
	  html_duration,
	  { { "p50", p50_of }, { "p99", p99_of } } },
	{ "depth",
	  "Outbox",
	  "Events that wait to be published, and those that are parked",
	  false,
	  4,
	  NULL,
	  put_whole,
	  { { "waiting", waiting_of }, { "parked", parked_of } } },
	{ "age",
	  "Oldest event",
	  "For how long the oldest event that waits has waited",
	  false,
	  1000,
	  durations,
	  html_duration,
	  { { "age", age_of } } },
};

void
status_put_plots(struct buf *b, const struct view *v)
{
	int64_t end_us = (v->at_us / END_STEP_US + 1) * END_STEP_US;

	for (size_t i = 0; i < sizeof plots / sizeof *plots; i++)
		svg_plot(b, &plots[i], v->samples, v->n_samples, end_us);
}

size_t
status_busy(const struct view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_workers; i++)
		n += v->workers[i].doing != DOING_IDLE;
	return n;
}

static void
open_tile(struct buf *b, const char *name, bool bad)
{
	buf_puts(b, bad ? "<div class=\"bad\"><dt>" : "<div><dt>");
	html_text(b, name);
	buf_puts(b, "</dt><dd>");
}

static void
close_tile(struct buf *b)
{
	buf_puts(b, "</dd></div>\n");
}

static void
put_tile(struct buf *b, const char *name, plot_put_fn *put, double v, bool bad)
{
	open_tile(b, name, bad);
	put(b, v);
	close_tile(b);
}

void
status_put_tiles(struct buf *b, const struct view *v)
{
	static const struct sample_view nothing = {
		.requests_per_s = NAN, .errors_per_s = NAN, .p50_ms = -1, .p99_ms = -1
	};
	const struct sample_view *s = view_now(v) ? view_now(v) : &nothing;
	const struct outbox_view *o = &v->outbox;

	put_tile(b, "requests", put_rate, s->requests_per_s, false);
	put_tile(b, "errors", put_rate, s->errors_per_s, s->errors_per_s > 0);
	put_tile(b, "p50", html_duration, known(s->p50_ms), false);
	put_tile(b, "p99", html_duration, known(s->p99_ms), false);
	open_tile(b, "workers busy", false);
	html_count(b, (int64_t)status_busy(v));
	buf_puts(b, " <small>of ");
	html_count(b, (int64_t)v->n_workers);
	buf_puts(b, "</small>");
	close_tile(b);
	put_tile(b, "events waiting", put_whole, o->looked_at_us ? (double)o->waiting : NAN, false);
	put_tile(b, "oldest", html_duration, o->looked_at_us && o->waiting ? (double)o->age_ms : NAN, false);
	put_tile(b, "parked", put_whole, o->looked_at_us ? (double)o->parked : NAN, o->parked > 0);
}
