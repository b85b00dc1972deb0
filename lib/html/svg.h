/* The figures of the last hour as plots: SVG that takes the width it is given, with text that keeps its size. */
#ifndef HTML_SVG_H
#define HTML_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

#define PLOT_SPAN_S 3600
#define PLOT_STEP_S 10 /* from one sample to the next, as a rule */
#define PLOT_LINES 2

/* A figure of a sample; NaN: it has none. */
typedef double plot_value_fn(const struct sample_view *s);
/* A figure with its unit. */
typedef void plot_put_fn(struct buf *b, double v);

struct plot_line {
	const char *name; /* NULL: there is no such line */
	plot_value_fn *value;
};

struct plot {
	const char *id; /* a word, of which the page has no other */
	const char *title;
	const char *about; /* what is shown, in which unit */
	bool decades;	   /* the axis is logarithmic */
	double least;	   /* the axis reaches at least to this */
	const double *tops; /* where it may end, ascending, then 0; NULL: at 2, 4, 6 … times a power of ten */
	plot_put_fn *put;   /* beside the axis, and in titles */
	struct plot_line lines[PLOT_LINES]; /* the second one is dashed */
};

/* The samples, oldest first, of the PLOT_SPAN_S before end_us, of which older ones are no part. */
void svg_plot(struct buf *b, const struct plot *p, const struct sample_view *samples, size_t n,
	      int64_t end_us);

#endif
