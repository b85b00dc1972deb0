/* Decimal text → scaled integers. */
#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

struct row {
	const char *text;
	int places;
	enum rc rc;
	int64_t value;
	bool exact;
	const char *why;
};

typedef enum rc read_fn(const char *text, size_t len, int places, int64_t *out, bool *exact);

static void
check(read_fn *read, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		size_t len = strlen(r->text);
		char *tight = malloc(len + 1); /* a byte too far is seen by the sanitizer */
		int64_t value = -77;
		bool exact = false;
		enum rc rc;

		memcpy(tight, r->text, len);
		rc = read(tight, len, r->places, &value, &exact);
		cr_expect(rc == r->rc, "%s: %s: rc %d, expected %d", r->why, r->text, rc, r->rc);
		if (r->rc) {
			cr_expect(value == -77, "%s: %s: written without success", r->why, r->text);
		} else {
			cr_expect(value == r->value, "%s: %s: %" PRId64 ", expected %" PRId64, r->why,
				  r->text, value, r->value);
			cr_expect(exact == r->exact, "%s: %s: exact is %d", r->why, r->text, exact);
		}
		free(tight);
	}
}

Test(decimal, reads_what_rfc_8259_calls_a_number)
{
	static const struct row rows[] = {
		{ "0", 2, RC_OK, 0, true, "zero" },
		{ "-0", 2, RC_OK, 0, true, "negative zero" },
		{ "-0.00", 2, RC_OK, 0, true, "negative zero with places" },
		{ "45.5", 2, RC_OK, 4550, true, "one place" },
		{ "45.50", 2, RC_OK, 4550, true, "two places" },
		{ "45.500000000000000000000000", 2, RC_OK, 4550, true, "trailing zeros" },
		{ "45.501", 2, RC_OK, 4550, false, "cut" },
		{ "-45.509", 2, RC_OK, -4550, false, "cut towards zero" },
		{ "0.001", 2, RC_OK, 0, false, "cut to nothing" },
		{ "1e2", 0, RC_OK, 100, true, "exponent" },
		{ "1E+2", 0, RC_OK, 100, true, "capital, plus" },
		{ "1e-2", 2, RC_OK, 1, true, "negative exponent" },
		{ "1e-3", 2, RC_OK, 0, false, "below the places" },
		{ "1000e-3", 0, RC_OK, 1, true, "zeros taken away again" },
		{ "1.5e1", 0, RC_OK, 15, true, "fraction and exponent" },
		{ "1.25e1", 0, RC_OK, 12, false, "half a unit is left" },
		{ "12345678901234567890e-10", 2, RC_OK, 123456789012, false, "more digits than an int64" },
		{ "0e999999999999999999999", 2, RC_OK, 0, true, "zero is zero whatever the exponent" },
		{ "0.000e-999999999999999999999", 2, RC_OK, 0, true, "zero below" },
		{ "1e-999999999999999999999", 2, RC_OK, 0, false, "next to nothing" },
		{ "1e00002", 0, RC_OK, 100, true, "zeros in the exponent" },
		{ "9223372036854775807", 0, RC_OK, INT64_MAX, true, "the greatest" },
		{ "-9223372036854775808", 0, RC_OK, INT64_MIN, true, "the least" },
		{ "9223372036854775807.9", 0, RC_OK, INT64_MAX, false, "cut to the greatest" },
		{ "0.000000000000000000009223372036854775807e21", 18, RC_OK, INT64_MAX, true,
		  "places and exponent" },
	};

	check(decimal_number, rows, ROWS(rows));
}

Test(decimal, refuses_what_an_int64_cannot_hold)
{
	static const struct row rows[] = {
		{ "9223372036854775808", 0, RC_RANGE, 0, false, "one too many" },
		{ "-9223372036854775809", 0, RC_RANGE, 0, false, "one too few" },
		{ "18446744073709551617", 0, RC_RANGE, 0, false, "1 when it wraps around" },
		{ "92233720368547758.08", 2, RC_RANGE, 0, false, "scaled over the edge" },
		{ "1e19", 0, RC_RANGE, 0, false, "by its exponent" },
		{ "1e20", 0, RC_RANGE, 0, false, "by its exponent, more zeros than digits fit" },
		{ "1e400", 2, RC_RANGE, 0, false, "infinite as a double" },
		{ "-1e400", 2, RC_RANGE, 0, false, "and negative" },
		{ "1e99999999999999999999999999", 2, RC_RANGE, 0, false, "the exponent itself is too much" },
		{ "0.0000000001e400", 2, RC_RANGE, 0, false, "leading zeros" },
	};

	check(decimal_number, rows, ROWS(rows));
}

Test(decimal, refuses_what_is_no_number)
{
	static const char *const texts[] = { "",      "-",     "+1",	  "01",	      "-01",	   "00",
					     ".5",    "1.",    "1.e5",	  "1e",	      "1e+",	   "1e-",
					     "1.5e",  "e5",    "0x10",	  " 1",	      "1 ",	   "1,5",
					     "--1",   "1.2.3", "NaN",	  "Infinity", "-Infinity", "1_000",
					     "1e1.5", "1e5e5", "\xd9\xa3" };

	for (size_t i = 0; i < ROWS(texts); i++) {
		const struct row row = { texts[i], 2, RC_SYNTAX, 0, false, "not RFC 8259" };

		check(decimal_number, &row, 1);
	}
}

Test(decimal, reads_digits_with_at_most_one_point)
{
	static const struct row rows[] = {
		{ "45.50", 2, RC_OK, 4550, true, "a price" },
		{ "45.", 2, RC_OK, 4500, true, "nothing behind the point" },
		{ ".5", 2, RC_OK, 50, true, "nothing before it" },
		{ "007", 0, RC_OK, 7, true, "leading zeros" },
		{ "0.005", 2, RC_OK, 0, false, "cut" },
		{ "9223372036854775807", 0, RC_OK, INT64_MAX, true, "the greatest" },
		{ "9223372036854775808", 0, RC_RANGE, 0, false, "one too many" },
		{ "", 2, RC_SYNTAX, 0, false, "nothing" },
		{ ".", 2, RC_SYNTAX, 0, false, "a point alone" },
		{ "1.2.3", 2, RC_SYNTAX, 0, false, "two points" },
		{ "..1", 2, RC_SYNTAX, 0, false, "two points in front" },
		{ "-1", 2, RC_SYNTAX, 0, false, "a sign" },
		{ "+1", 2, RC_SYNTAX, 0, false, "a sign" },
		{ "1e2", 2, RC_SYNTAX, 0, false, "an exponent" },
		{ " 1", 2, RC_SYNTAX, 0, false, "a space" },
		{ "1\n", 2, RC_SYNTAX, 0, false, "a line feed" },
		{ "\xd9\xa3", 2, RC_SYNTAX, 0, false, "another script's digit" },
	};

	check(decimal_digits, rows, ROWS(rows));
}

Test(decimal, agrees_with_128_bit_arithmetic_on_random_numbers)
{
	uint64_t state = 20260224;

	for (int i = 0; i < 20000; i++) {
		uint64_t mantissa = next_random(&state) >> next_random(&state) % 64;
		int places = (int)(next_random(&state) % 7), fraction = (int)(next_random(&state) % 6);
		int exponent = (int)(next_random(&state) % 13) - 6, tens = exponent - fraction + places;
		__int128 want = mantissa;
		bool exact, want_exact = true;
		char text[64];
		int64_t got;
		enum rc rc;
		uint64_t unit = 1;

		for (int j = 0; j < fraction; j++)
			unit *= 10;
		(void)snprintf(text, sizeof text, "%" PRIu64 "%s%.*" PRIu64 "e%d", mantissa / unit,
			       fraction ? "." : "", fraction, fraction ? mantissa % unit : 0, exponent);
		if (!fraction)
			(void)snprintf(text, sizeof text, "%" PRIu64 "e%d", mantissa, exponent);
		for (; tens > 0; tens--)
			want *= 10;
		for (; tens < 0; tens++) {
			want_exact = want_exact && want % 10 == 0;
			want /= 10;
		}
		rc = decimal_number(text, strlen(text), places, &got, &exact);
		if (want > INT64_MAX)
			cr_expect(rc == RC_RANGE, "%s × 10^%d: rc %d", text, places, rc);
		else
			cr_expect(rc == RC_OK && got == (int64_t)want && exact == want_exact,
				  "%s × 10^%d: rc %d, %" PRId64 ", exact %d", text, places, rc, got, exact);
	}
}
