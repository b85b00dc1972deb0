/* Decimal text → scaled integers, without a binary float in between. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rc.h"

/* Reads a JSON number (RFC 8259 section 6, exponents included) and writes value × 10^places, cut towards
 * zero; *exact tells whether anything was cut. RC_SYNTAX: not a number; RC_RANGE: beyond int64_t. */
enum rc decimal_number(const char *text, size_t len, int places, int64_t *out, bool *exact) MUST_CHECK;

/* The same for digits with at most one point and nothing else. */
enum rc decimal_digits(const char *text, size_t len, int places, int64_t *out, bool *exact) MUST_CHECK;

#endif
