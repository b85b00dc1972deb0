#include "base/decimal.h"

#define EXPONENT_CAP 100000000 /* more than any text here has digits */
#define INT64_DIGITS 19

struct scan {
	const char *p, *end;
};

static bool
take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static size_t
digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

/* mantissa: digits with at most one point, that count × 10^tens once the point is ignored. */
static enum rc
scale(const char *mantissa, size_t len, bool negative, int64_t tens, int64_t *out, bool *exact)
{
	int64_t value = 0, before = 0; /* digits of the result still to come before the cut */
	bool cut = false;

	for (size_t i = 0; i < len; i++)
		before += mantissa[i] != '.';
	before += tens;
	for (size_t i = 0; i < len; i++) {
		if (mantissa[i] == '.')
			continue;
		if (before-- <= 0)
			cut = cut || mantissa[i] != '0';
		else if (__builtin_mul_overflow(value, 10, &value) ||
			 __builtin_sub_overflow(value, mantissa[i] - '0', &value))
			return RC_RANGE;
	}
	if (value && before > INT64_DIGITS)
		return RC_RANGE;
	for (; value && before > 0; before--)
		if (__builtin_mul_overflow(value, 10, &value))
			return RC_RANGE;
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return RC_RANGE;
	*out = value;
	*exact = !cut;
	return RC_OK;
}

enum rc
decimal_number(const char *text, size_t len, int places, int64_t *out, bool *exact)
{
	struct scan s = { text, text + len };
	bool negative = take(&s, '-'), below;
	const char *mantissa = s.p, *end;
	size_t whole = digits(&s), fraction = 0;
	int64_t exponent = 0;

	if (whole == 0 || (whole > 1 && *mantissa == '0'))
		return RC_SYNTAX;
	if (take(&s, '.') && (fraction = digits(&s)) == 0)
		return RC_SYNTAX;
	end = s.p;
	if (take(&s, 'e') || take(&s, 'E')) {
		below = take(&s, '-');
		if (!below)
			(void)take(&s, '+');
		if (s.p == s.end)
			return RC_SYNTAX;
		for (const char *from = s.p, *to = from + digits(&s); from < to; from++)
			if (exponent < EXPONENT_CAP)
				exponent = exponent * 10 + (*from - '0');
		exponent = below ? -exponent : exponent;
	}
	if (s.p != s.end)
		return RC_SYNTAX;
	return scale(mantissa, (size_t)(end - mantissa), negative, exponent - (int64_t)fraction + places, out,
		     exact);
}

enum rc
decimal_digits(const char *text, size_t len, int places, int64_t *out, bool *exact)
{
	struct scan s = { text, text + len };
	size_t whole = digits(&s), fraction = take(&s, '.') ? digits(&s) : 0;

	if (whole + fraction == 0 || s.p != s.end)
		return RC_SYNTAX;
	return scale(text, len, false, places - (int64_t)fraction, out, exact);
}
