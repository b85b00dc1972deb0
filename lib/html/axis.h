/* The axis of a plot: from which figure to which, and where a figure lies on it. */
#ifndef HTML_AXIS_H
#define HTML_AXIS_H

#include <stdbool.h>

struct axis {
	bool decades;	  /* it is logarithmic, from a power of ten to another */
	double low, high; /* its ends; with decades, their exponents */
	int steps;	  /* between figures to be written beside it */
};

/* An axis from 0, or with decades from below min, to a round figure that is not less than max: the first of tops that is not
 * (ascending, ends with 0), or when none is or tops is NULL, two, four, six … times a power of ten. */
struct axis axis_make(bool decades, const double *tops, double min, double max);

/* From 0, the lower end, to 1; what is beyond the ends is at them. */
double axis_height(const struct axis *a, double v);

/* The figure that is written at step i. */
double axis_figure(const struct axis *a, int i);

#endif
