#include "order/money.h"

#include "base/decimal.h"

static enum rc
within(int64_t cents, struct money *out)
{
	if (cents < 0 || cents > MONEY_MAX_CENTS)
		return RC_RANGE;
	out->cents = cents;
	return RC_OK;
}

enum rc
money_parse_number(const char *text, size_t len, struct money *out)
{
	int64_t cents;
	bool exact;
	enum rc rc = decimal_number(text, len, 2, &cents, &exact);

	return rc ? rc : exact ? within(cents, out) : RC_RANGE;
}

enum rc
money_parse_digits(const char *text, size_t len, struct money *out)
{
	int64_t cents;
	bool exact;
	enum rc rc = decimal_digits(text, len, 2, &cents, &exact);

	return rc ? rc : exact ? within(cents, out) : RC_RANGE;
}

enum rc
money_add(struct money a, struct money b, struct money *out)
{
	int64_t cents;

	return __builtin_add_overflow(a.cents, b.cents, &cents) ? RC_RANGE : within(cents, out);
}

enum rc
money_times(struct money a, int32_t quantity, struct money *out)
{
	int64_t cents;

	return __builtin_mul_overflow(a.cents, (int64_t)quantity, &cents) ? RC_RANGE : within(cents, out);
}

size_t
money_format(struct money m, char out[static MONEY_SIZE])
{
	char reversed[MONEY_SIZE];
	int64_t rest = m.cents;
	size_t n = 0, len;

	do {
		if (n == 2)
			reversed[n++] = '.';
		reversed[n++] = (char)('0' + rest % 10);
		rest /= 10;
	} while ((rest || n < 4) && n < MONEY_SIZE - 1);
	for (len = 0; n > 0;)
		out[len++] = reversed[--n];
	out[len] = '\0';
	return len;
}
