#include "html/axis.h"

#include <math.h>

#define LEAST 1e-3 /* that has a logarithm here */
#define MOST 1e12  /* that html_fixed() shows: nothing that is measured comes near */
#define DECADES_MAX 8
#define ROUNDING 1e-9

static double
exponent(double v)
{
	return log10(v > LEAST ? v : LEAST);
}

/* The first of tops that is not less, or 0. */
static double
first_top(const double *tops, double v)
{
	while (tops && *tops > 0 && *tops < v)
		tops++;
	return tops ? *tops : 0;
}

/* An even number of a power of ten: half of it is a round figure, too. */
static double
round_up(double v)
{
	double power = pow(10, floor(log10(v)));

	return power * 2 * ceil(v / power / 2 - ROUNDING);
}

struct axis
axis_make(bool decades, const double *tops, double min, double max)
{
	struct axis a = { .decades = decades, .steps = 2 };

	max = fmin(max, MOST);
	if (!decades) {
		a.high = first_top(tops, max);
		if (a.high == 0)
			a.high = round_up(max);
		return a;
	}
	a.low = floor(exponent(min) + ROUNDING);
	a.high = fmax(ceil(exponent(max) - ROUNDING), a.low + 2);
	a.high = fmin(a.high, a.low + DECADES_MAX);
	a.steps = (int)(a.high - a.low);
	return a;
}

double
axis_height(const struct axis *a, double v)
{
	double h = ((a->decades ? exponent(v) : v) - a->low) / (a->high - a->low);

	return h > 1 ? 1 : h > 0 ? h : 0; /* a NaN is at the lower end */
}

double
axis_figure(const struct axis *a, int i)
{
	return a->decades ? pow(10, a->low + i) : a->high * i / a->steps;
}
