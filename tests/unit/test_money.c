/* Exact amounts. */
#include "order/money.h"

#include <inttypes.h>
#include <stdio.h>

#include "table.h"

struct row {
	const char *text;
	enum rc rc;
	int64_t cents;
	const char *why;
};

typedef enum rc parse_fn(const char *text, size_t len, struct money *out);

static void
check(parse_fn *parse, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct money m = { -7 };
		enum rc rc = parse(rows[i].text, strlen(rows[i].text), &m);

		cr_expect(rc == rows[i].rc, "%s: %s: rc %d, expected %d", rows[i].why, rows[i].text, rc,
			  rows[i].rc);
		cr_expect(m.cents == (rc ? -7 : rows[i].cents), "%s: %s: %" PRId64, rows[i].why, rows[i].text,
			  m.cents);
	}
}

Test(money, reads_a_json_number_with_its_own_digits)
{
	static const struct row rows[] = {
		{ "45.5", RC_OK, 4550, "the contract's example" },
		{ "45.10", RC_OK, 4510, "no binary float has this value" },
		{ "0.1", RC_OK, 10, "nor this" },
		{ "1.005e3", RC_OK, 100500, "an exponent that leaves it exact" },
		{ "455e-1", RC_OK, 4550, "a negative exponent" },
		{ "0", RC_OK, 0, "free" },
		{ "-0.0", RC_OK, 0, "zero is not negative" },
		{ "9999999999.99", RC_OK, MONEY_MAX_CENTS, "the greatest" },
		{ "9999999999.990000", RC_OK, MONEY_MAX_CENTS, "trailing zeros aside" },
		{ "10000000000", RC_RANGE, 0, "above the greatest" },
		{ "9999999999.995", RC_RANGE, 0, "three places" },
		{ "0.001", RC_RANGE, 0, "three places, all below a cent" },
		{ "1e-3", RC_RANGE, 0, "three places, written otherwise" },
		{ "-0.01", RC_RANGE, 0, "negative" },
		{ "-0.001", RC_RANGE, 0, "negative, below a cent" },
		{ "1e300", RC_RANGE, 0, "far too large" },
		{ "45,5", RC_SYNTAX, 0, "a comma" },
		{ "", RC_SYNTAX, 0, "nothing" },
		{ ".5", RC_SYNTAX, 0, "no JSON number" },
	};

	check(money_parse_number, rows, ROWS(rows));
}

Test(money, reads_a_string_of_digits)
{
	static const struct row rows[] = {
		{ "45.50", RC_OK, 4550, "the contract's example" },
		{ "45", RC_OK, 4500, "no point" },
		{ "9999999999.99", RC_OK, MONEY_MAX_CENTS, "the greatest" },
		{ "10000000000.00", RC_RANGE, 0, "above it" },
		{ "45.505", RC_RANGE, 0, "three places" },
		{ "45.500", RC_OK, 4550, "trailing zeros aside" },
		{ "4.55e1", RC_SYNTAX, 0, "an exponent" },
		{ "-1", RC_SYNTAX, 0, "a sign" },
		{ "1.2.3", RC_SYNTAX, 0, "two points" },
		{ "", RC_SYNTAX, 0, "nothing" },
		{ " 45", RC_SYNTAX, 0, "a space" },
	};

	check(money_parse_digits, rows, ROWS(rows));
}

Test(money, adds)
{
	struct money m = { -7 };

	cr_expect_eq(money_add((struct money){ MONEY_MAX_CENTS - 1 }, (struct money){ 1 }, &m), RC_OK);
	cr_expect_eq(m.cents, MONEY_MAX_CENTS);
	cr_expect_eq(money_add((struct money){ 0 }, (struct money){ 0 }, &m), RC_OK);
	cr_expect_eq(m.cents, 0);
}

Test(money, refuses_a_sum_that_overflows)
{
	static const struct {
		int64_t a, b;
		const char *why;
	} rows[] = {
		{ MONEY_MAX_CENTS, 1, "a cent above the greatest" },
		{ MONEY_MAX_CENTS, MONEY_MAX_CENTS, "twice the greatest" },
		{ INT64_MAX, 1, "beyond the integer" },
		{ INT64_MIN, -1, "below the integer" },
		{ 0, -1, "negative" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct money m = { -7 };

		expect_int(money_add((struct money){ rows[i].a }, (struct money){ rows[i].b }, &m), RC_RANGE,
			   rows[i].why);
		expect_int(m.cents, -7, rows[i].why);
	}
}

Test(money, refuses_a_product_that_overflows)
{
	static const struct {
		int64_t price;
		int32_t quantity;
		enum rc rc;
		int64_t cents;
		const char *why;
	} rows[] = {
		{ 4550, 2, RC_OK, 9100, "the contract's example" },
		{ 0, INT32_MAX, RC_OK, 0, "nothing, often" },
		{ MONEY_MAX_CENTS, 1, RC_OK, MONEY_MAX_CENTS, "the greatest, once" },
		{ MONEY_MAX_CENTS, 2, RC_RANGE, 0, "twice" },
		{ MONEY_MAX_CENTS, INT32_MAX, RC_RANGE, 0, "beyond the integer" },
		{ 466, INT32_MAX, RC_RANGE, 0, "a little above the greatest" },
		{ 465, INT32_MAX, RC_OK, INT64_C(465) * INT32_MAX, "a little below it" },
		{ 1, -1, RC_RANGE, 0, "negative" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct money m = { -7 };

		expect_int(money_times((struct money){ rows[i].price }, rows[i].quantity, &m), rows[i].rc,
			   rows[i].why);
		expect_int(m.cents, rows[i].rc ? -7 : rows[i].cents, rows[i].why);
	}
}

Test(money, writes_two_places)
{
	static const struct {
		int64_t cents;
		const char *text;
	} rows[] = {
		{ 0, "0.00" },	       { 1, "0.01" },
		{ 10, "0.10" },	       { 99, "0.99" },
		{ 100, "1.00" },       { 9100, "91.00" },
		{ 100000, "1000.00" }, { MONEY_MAX_CENTS, "9999999999.99" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[MONEY_SIZE];

		expect_int(money_format((struct money){ rows[i].cents }, text), strlen(rows[i].text),
			   rows[i].text);
		expect_text(text, rows[i].text, "format");
	}
}

Test(money, comes_back_from_its_own_text)
{
	uint64_t state = 99;

	for (int i = 0; i < 20000; i++) {
		struct money m = { (int64_t)(next_random(&state) % (uint64_t)(MONEY_MAX_CENTS + 1)) },
			     back = { -1 };
		char text[MONEY_SIZE], want[32];

		m.cents = i % 2 ? m.cents : m.cents >> m.cents % 40;
		(void)money_format(m, text);
		(void)snprintf(want, sizeof want, "%" PRId64 ".%02" PRId64, m.cents / 100, m.cents % 100);
		expect_text(text, want, "format");
		cr_expect(money_parse_number(text, strlen(text), &back) == RC_OK && back.cents == m.cents,
			  "%s", text);
		cr_expect(money_parse_digits(text, strlen(text), &back) == RC_OK && back.cents == m.cents,
			  "%s", text);
	}
}

Test(money, totals_agree_with_128_bit_arithmetic)
{
	uint64_t state = 7;

	for (int i = 0; i < 10000; i++) {
		struct money price = { (int64_t)(next_random(&state) % (uint64_t)(MONEY_MAX_CENTS + 1)) },
			     m = { 0 };
		int32_t quantity = (int32_t)(next_random(&state) % INT32_MAX >> next_random(&state) % 31) + 1;
		__int128 want;
		enum rc rc;

		price.cents >>= next_random(&state) % 40;
		want = (__int128)price.cents * quantity;
		rc = money_times(price, quantity, &m);
		cr_expect(want > MONEY_MAX_CENTS ? rc == RC_RANGE : rc == RC_OK && m.cents == (int64_t)want,
			  "%" PRId64 " × %d", price.cents, quantity);
	}
}
