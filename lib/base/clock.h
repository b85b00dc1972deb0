/* Wall time, monotonic time and RFC 3339. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rc.h"

#define RFC3339_SIZE 28 /* "2026-02-24T13:46:26.414410Z" and a NUL */

/* The first and the last moment that it can write. */
#define CLOCK_LEAST_US (INT64_C(-62135596800) * 1000000)
#define CLOCK_GREATEST_US (INT64_C(253402300800) * 1000000 - 1)

/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);

/* From here on the wall shows t_us and stands still; a negative value sets it going again. */
void clock_set_wall_us(int64_t t_us);

/* CLOCK_MONOTONIC: the same for all processes of the machine. */
int64_t clock_us(void);
int64_t clock_ms(void);

/* Milliseconds from now to deadline_ms on clock_ms(), 0 when it has passed, at most INT_MAX. */
int clock_left_ms(int64_t deadline_ms);

/* Has at_ms on clock_ms() come by now_ms? So has one more than longest_ms away: a file may outlive the clock that it was read from,
 * which starts anew with the machine. */
bool clock_has_come(int64_t at_ms, int64_t now_ms, int64_t longest_ms);

/* Writes t_us, µs since 1970 UTC, as RFC 3339 with six digits and Z. RC_RANGE outside the years 1 to 9999. */
enum rc clock_rfc3339(int64_t t_us, char out[static RFC3339_SIZE]) MUST_CHECK;

/*
 * Reads a date-time of RFC 3339 section 5.6 with any offset; digits beyond µs are cut off, a leap second is
 * the next day's first. RC_SYNTAX: not one, or no such day or time; RC_RANGE: outside the years 1 to 9999, UTC.
 */
enum rc clock_parse_rfc3339(const char *s, size_t len, int64_t *out_us) MUST_CHECK;

#endif
