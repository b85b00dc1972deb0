#include "html/svg.h"

#include <math.h>

#include "html/axis.h"
#include "html/html.h"

/* Pixels: from the picture's edge to the plot's frame, the frame's height, where the times stand, all of it. */
#define TOP 10
#define HEIGHT 120
#define TIMES (TOP + HEIGHT + 17)
#define FULL (TOP + HEIGHT + 22)
#define AXIS_WIDTH 58
#define UNITS 1000 /* of the lines' own coordinates, for the frame's height; their width is PLOT_SPAN_S */
#define TICK_S 900
#define MINUTE_US INT64_C(60000000)
#define STEP_US (PLOT_STEP_S * INT64_C(1000000))
#define SPAN_US (PLOT_SPAN_S * INT64_C(1000000))
/* A sample tells of the step before it: between two that are further apart there is a gap. */
#define LATE_US (VIEW_GAP_US + STEP_US)

/* What all parts of one plot go by. */
struct frame {
	struct buf *b;
	const struct plot *plot;
	const struct sample_view *samples; /* those that are in the span */
	size_t n;
	int64_t from_us, end_us;
	struct axis axis;
};

static struct axis
find_axis(const struct frame *f)
{
	double min = f->plot->least, max = f->plot->least, v;

	for (size_t i = 0; i < f->n; i++)
		for (int l = 0; l < PLOT_LINES && f->plot->lines[l].name; l++) {
			v = f->plot->lines[l].value(&f->samples[i]);
			min = v < min ? v : min;
			max = v > max && isfinite(v) ? v : max;
		}
	return axis_make(f->plot->decades, f->plot->tops, min, max);
}

/* How much of the plot's width these µs are: name="12.34%". */
static void
put_width(struct buf *b, const char *name, int64_t us)
{
	int64_t share = us * 10000 / SPAN_US;

	buf_puts(b, name);
	buf_puts(b, "=\"");
	buf_put_i64(b, share / 100);
	buf_putc(b, '.');
	buf_putc(b, (char)('0' + share / 10 % 10));
	buf_putc(b, (char)('0' + share % 10));
	buf_puts(b, "%\"");
}

static void
put_pixels(struct buf *b, const char *name, int64_t n)
{
	buf_puts(b, name);
	buf_puts(b, "=\"");
	buf_put_i64(b, n);
	buf_putc(b, '"');
}

/* The values beside the axis, and on the other side of the edge the lines that go with them. */
static void
put_ticks(const struct frame *f, bool labels)
{
	for (int i = 0; i <= f->axis.steps; i++) {
		double v = axis_figure(&f->axis, i);
		int64_t y = TOP + HEIGHT - (int64_t)(axis_height(&f->axis, v) * HEIGHT + 0.5);

		if (labels) {
			buf_puts(f->b, "<text x=\"52\" text-anchor=\"end\" ");
			put_pixels(f->b, "y", y + 4);
			buf_putc(f->b, '>');
			f->plot->put(f->b, v);
			buf_puts(f->b, "</text>");
		} else {
			buf_puts(f->b, i ? "<line class=\"grid\" x2=\"100%\" "
					 : "<line class=\"base\" x2=\"100%\" ");
			put_pixels(f->b, "y1", y);
			put_pixels(f->b, " y2", y);
			buf_puts(f->b, "/>");
		}
	}
}

/* Each quarter of an hour; at the edges what would reach over them ends or begins there. */
static void
put_times(const struct frame *f)
{
	int64_t tick_us = TICK_S * INT64_C(1000000), at = (f->from_us / tick_us + 1) * tick_us;

	for (; at <= f->end_us; at += tick_us) {
		int64_t x = at - f->from_us;

		buf_puts(f->b, "<line class=\"grid\" ");
		put_width(f->b, "x1", x);
		put_width(f->b, " x2", x);
		put_pixels(f->b, " y1", TOP);
		put_pixels(f->b, " y2", TOP + HEIGHT + 4);
		buf_puts(f->b, "/><text ");
		put_width(f->b, "x", x);
		put_pixels(f->b, " y", TIMES);
		buf_puts(f->b, x < SPAN_US / 16		    ? " text-anchor=\"start\">"
			       : x > SPAN_US - SPAN_US / 16 ? " text-anchor=\"end\">"
							    : " text-anchor=\"middle\">");
		html_minute(f->b, at);
		buf_puts(f->b, "</text>");
	}
}

/* What gaps are filled with. */
static void
put_hatch(const struct frame *f)
{
	buf_puts(f->b, "<pattern class=\"gap\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
		       "patternTransform=\"rotate(45)\" id=\"");
	buf_puts(f->b, f->plot->id);
	buf_puts(f->b, "-gap\"><line y2=\"7\"/></pattern>");
}

/* In the middle of a gap that has room for it. */
static void
put_gap_text(const struct frame *f, int64_t from_us, int64_t to_us)
{
	if (to_us - from_us < SPAN_US / 3)
		return;
	buf_puts(f->b, "<text class=\"gone\" text-anchor=\"middle\" ");
	put_width(f->b, "x", (from_us + to_us) / 2 - f->from_us);
	put_pixels(f->b, " y", TOP + HEIGHT / 2 + 4);
	buf_puts(f->b, ">no figures</text>");
}

static void
put_gap(const struct frame *f, int64_t from_us, int64_t to_us)
{
	buf_puts(f->b, "<rect class=\"hatched\" fill=\"url(#");
	buf_puts(f->b, f->plot->id);
	buf_puts(f->b, "-gap)\" ");
	put_width(f->b, "x", from_us - f->from_us);
	put_width(f->b, " width", to_us - from_us);
	put_pixels(f->b, " y", TOP);
	put_pixels(f->b, " height", HEIGHT);
	buf_puts(f->b, "><title>");
	html_minute(f->b, from_us);
	buf_puts(f->b, " to ");
	html_minute(f->b, to_us);
	buf_puts(f->b, ": no figures; no pool ran, or nobody in it was free</title></rect>");
	put_gap_text(f, from_us, to_us);
}

/* A sample tells of the step before it. Returns the time without any, µs. */
static int64_t
put_gaps(const struct frame *f)
{
	int64_t known_us = f->from_us, sum = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (f->samples[i].at_us - known_us > LATE_US) {
			put_gap(f, known_us, f->samples[i].at_us - STEP_US);
			sum += f->samples[i].at_us - STEP_US - known_us;
		}
		known_us = f->samples[i].at_us;
	}
	if (f->end_us - known_us > LATE_US) {
		put_gap(f, known_us, f->end_us);
		sum += f->end_us - known_us;
	}
	return sum;
}

static void
put_point(const struct frame *f, int64_t at_us, double v)
{
	buf_put_i64(f->b, (at_us - f->from_us) / 1000000);
	buf_putc(f->b, ' ');
	buf_put_i64(f->b, UNITS - (int64_t)(axis_height(&f->axis, v) * UNITS + 0.5));
}

/* One line of path data: pieces with a gap between them, each closed along the base when they are filled. A point by itself is
 * a line of no length, which the round end of the pen makes visible. */
static void
put_path(const struct frame *f, plot_value_fn *value, bool filled)
{
	int64_t last_us = 0, first_s = 0;
	bool down = false;

	for (size_t i = 0; i <= f->n; i++) {
		double v = i < f->n ? value(&f->samples[i]) : NAN;
		bool goes_on = down && !isnan(v) && f->samples[i].at_us - last_us <= LATE_US;

		if (down && !goes_on) {
			buf_puts(f->b, filled ? "V1000H" : "h0");
			if (filled)
				buf_put_i64(f->b, first_s);
		}
		down = !isnan(v);
		if (!down)
			continue;
		buf_puts(f->b, goes_on ? " " : "M");
		put_point(f, f->samples[i].at_us, v);
		first_s = goes_on ? first_s : (f->samples[i].at_us - f->from_us) / 1000000;
		last_us = f->samples[i].at_us;
	}
}

static void
put_lines(const struct frame *f)
{
	static const char *const classes[PLOT_LINES] = { "line", "line second" };
	const struct plot_line *lines = f->plot->lines;

	buf_puts(f->b, "<svg width=\"100%\" viewBox=\"0 0 3600 1000\" preserveAspectRatio=\"none\"");
	put_pixels(f->b, " y", TOP);
	put_pixels(f->b, " height", HEIGHT);
	buf_puts(f->b, "><path class=\"area\" d=\"");
	if (!f->plot->decades)
		put_path(f, lines[0].value, true);
	for (int l = 0; l < PLOT_LINES && lines[l].name; l++) {
		buf_puts(f->b, "\"/><path vector-effect=\"non-scaling-stroke\" class=\"");
		buf_puts(f->b, classes[l]);
		buf_puts(f->b, "\" d=\"");
		put_path(f, lines[l].value, false);
	}
	buf_puts(f->b, "\"/></svg>");
}

/* What a line says of the samples from first on that come before to_us: "p99: 4.1 ms, at most 12 ms". Nothing without any. */
static void
put_summary(const struct frame *f, const struct plot_line *line, size_t first, int64_t to_us)
{
	double sum = 0, max = 0, v;
	int n = 0;

	for (size_t i = first; i < f->n && f->samples[i].at_us < to_us; i++) {
		v = line->value(&f->samples[i]);
		if (isnan(v))
			continue;
		sum += v;
		max = n++ && max > v ? max : v;
	}
	buf_puts(f->b, "\n");
	html_text(f->b, line->name);
	buf_puts(f->b, ": ");
	f->plot->put(f->b, n ? sum / n : NAN);
	if (n > 1) {
		buf_puts(f->b, " on average, at most ");
		f->plot->put(f->b, max);
	}
}

/* For the pointer: a column for each minute of the clock, with its figures as a title. */
static void
put_columns(const struct frame *f)
{
	size_t i = 0;

	for (int64_t at = f->from_us / MINUTE_US * MINUTE_US; i < f->n; at += MINUTE_US) {
		int64_t left = at < f->from_us ? f->from_us : at,
			right = at + MINUTE_US < f->end_us ? at + MINUTE_US : f->end_us;

		if (right == left)
			break;
		if (f->samples[i].at_us >= at + MINUTE_US)
			continue;
		buf_puts(f->b, "<rect class=\"minute\" ");
		put_width(f->b, "x", left - f->from_us);
		put_width(f->b, " width", right - left);
		put_pixels(f->b, " y", TOP);
		put_pixels(f->b, " height", HEIGHT);
		buf_puts(f->b, "><title>");
		html_minute(f->b, at);
		buf_puts(f->b, " UTC");
		for (int l = 0; l < PLOT_LINES && f->plot->lines[l].name; l++)
			put_summary(f, &f->plot->lines[l], i, at + MINUTE_US);
		buf_puts(f->b, "</title></rect>");
		while (i < f->n && f->samples[i].at_us < at + MINUTE_US)
			i++;
	}
}

/* For whoever cannot see the picture. */
static void
put_description(const struct frame *f, int64_t unknown_us)
{
	html_text(f->b, f->plot->about);
	buf_puts(f->b, ", from ");
	html_minute(f->b, f->from_us);
	buf_puts(f->b, " to ");
	html_minute(f->b, f->end_us);
	buf_puts(f->b, " UTC.");
	for (int l = 0; f->n && l < PLOT_LINES && f->plot->lines[l].name; l++)
		put_summary(f, &f->plot->lines[l], 0, INT64_MAX);
	if (unknown_us) {
		buf_puts(f->b, "\nNo figures for ");
		html_duration(f->b, (double)unknown_us / 1000);
		buf_puts(f->b, ".");
	}
}

static void
put_caption(const struct frame *f)
{
	bool fresh = f->n && f->end_us - f->samples[f->n - 1].at_us <= VIEW_FRESH_US;

	buf_puts(f->b, "<figcaption><b>");
	html_text(f->b, f->plot->title);
	buf_puts(f->b, "</b>");
	for (int l = 0; l < PLOT_LINES && f->plot->lines[l].name; l++) {
		buf_puts(f->b, l ? " <span class=\"key second\">" : " <span class=\"key\">");
		html_text(f->b, f->plot->lines[l].name);
		buf_puts(f->b, " <strong>");
		f->plot->put(f->b, fresh ? f->plot->lines[l].value(&f->samples[f->n - 1]) : NAN);
		buf_puts(f->b, "</strong></span>");
	}
	buf_puts(f->b, "</figcaption>");
}

static void
put_chart(const struct frame *f)
{
	struct buf *b = f->b;

	buf_puts(b, "<svg class=\"axis\" aria-hidden=\"true\"");
	put_pixels(b, " width", AXIS_WIDTH);
	put_pixels(b, " height", FULL);
	buf_putc(b, '>');
	put_ticks(f, true);
	buf_puts(b, "</svg><svg class=\"chart\" role=\"img\" width=\"100%\"");
	put_pixels(b, " height", FULL);
	buf_puts(b, " aria-labelledby=\"");
	buf_puts(b, f->plot->id);
	buf_puts(b, "-title\" aria-describedby=\"");
	buf_puts(b, f->plot->id);
	buf_puts(b, "-about\"><title id=\"");
	buf_puts(b, f->plot->id);
	buf_puts(b, "-title\">");
	html_text(b, f->plot->title);
	buf_puts(b, "</title>");
}

void
svg_plot(struct buf *b, const struct plot *p, const struct sample_view *samples, size_t n, int64_t end_us)
{
	struct frame f = {
		.b = b, .plot = p, .samples = samples, .n = n, .from_us = end_us - SPAN_US, .end_us = end_us
	};
	int64_t unknown_us;

	while (f.n && f.samples->at_us < f.from_us) {
		f.samples++;
		f.n--;
	}
	while (f.n && f.samples[f.n - 1].at_us > end_us)
		f.n--;
	f.axis = find_axis(&f);
	buf_puts(b, "<figure class=\"plot ");
	buf_puts(b, p->id);
	buf_puts(b, "\">");
	put_caption(&f);
	put_chart(&f);
	put_ticks(&f, false);
	put_times(&f);
	put_hatch(&f);
	unknown_us = put_gaps(&f);
	put_lines(&f);
	put_columns(&f);
	buf_puts(b, "<desc id=\"");
	buf_puts(b, p->id);
	buf_puts(b, "-about\">");
	put_description(&f, unknown_us);
	buf_puts(b, "</desc></svg></figure>\n");
}
