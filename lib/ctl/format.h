/* How quantities are written for people, and how people write them. */
#ifndef CTL_FORMAT_H
#define CTL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rc.h"

/* All of them write text of at most FORMAT_SIZE - 1 bytes of ASCII to out, which they return. */
#define FORMAT_SIZE 56

/* "0 s", "42 s", "2 min 5 s", "1 h 20 min", "3 d 4 h": the two largest units; below a second "250 ms". */
const char *format_span(char out[static FORMAT_SIZE], int64_t ms);
/* "0.8 ms", "12.5 ms", "1.25 s"; "-" for a negative one. */
const char *format_latency(char out[static FORMAT_SIZE], double ms);
/* "1,204,311". */
const char *format_count(char out[static FORMAT_SIZE], int64_t n);
/* "0.2/s", "12.3/s", "1,204/s". */
const char *format_rate(char out[static FORMAT_SIZE], double per_s);
/* "2.7 MiB" of KiB; "-" for 0. */
const char *format_memory(char out[static FORMAT_SIZE], long kb);
/* "2026-11-24 22:36:01Z" of µs since 1970; "-" for 0 and what has no date. */
const char *format_time(char out[static FORMAT_SIZE], int64_t t_us);
/* "22:36:01Z". */
const char *format_time_of_day(char out[static FORMAT_SIZE], int64_t t_us);

/* Appends one character for each value, from the lowest block for 0 to the full one for the greatest; a space for a
 * negative value, which is none. UTF-8. */
void format_sparkline(struct buf *b, const double *values, size_t n);

/* Reads "90", "90s", "1h", "1h30m", "2d": whole numbers of d, h, m, s, largest first, each once; without a unit seconds.
 * RC_SYNTAX: not one; RC_RANGE: 0, or more than max_s. */
enum rc duration_parse(const char *s, int64_t max_s, int64_t *out_s) MUST_CHECK;

#endif
