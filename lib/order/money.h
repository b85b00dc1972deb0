/* Exact amounts with two decimal places. A struct, so that + and < do not compile. */
#ifndef ORDER_MONEY_H
#define ORDER_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "rc.h"

struct money {
	int64_t cents; /* 0 … MONEY_MAX_CENTS */
};

#define MONEY_MAX_CENTS INT64_C(999999999999) /* 9999999999.99, what numeric(12,2) holds */
#define MONEY_SIZE 14			      /* its text and a NUL */

/* A JSON number (RFC 8259), exponents included. RC_SYNTAX: not one; RC_RANGE: negative, too large, or
 * more than two decimal places that are not zeros. */
enum rc money_parse_number(const char *text, size_t len, struct money *out) MUST_CHECK;

/* Digits with at most one point and nothing else. The same codes. */
enum rc money_parse_digits(const char *text, size_t len, struct money *out) MUST_CHECK;

/* RC_RANGE when the result is more than an amount can be. */
enum rc money_add(struct money a, struct money b, struct money *out) MUST_CHECK;
enum rc money_times(struct money a, int32_t quantity, struct money *out) MUST_CHECK;

/* "91.00"; returns the length without the NUL. */
size_t money_format(struct money m, char out[static MONEY_SIZE]);

#endif
