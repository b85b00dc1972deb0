/*
 * Text and figures as a page shows them: escaped, never in the forms of a locale. What is written is well-formed XML as well as
 * HTML, so that a parser that forgives nothing can judge it.
 */
#ifndef HTML_HTML_H
#define HTML_HTML_H

#include <stdint.h>

#include "base/buf.h"

/* In a text or in an attribute between double quotes: what has a meaning in HTML is escaped; what is no UTF-8, or a control
 * character, is U+FFFD. NULL: nothing. */
void html_text(struct buf *b, const char *s);

/* With that many decimals, 0 to 3, and commas between thousands; a NaN, or what no figure here can be (1e12), is a dash. */
void html_fixed(struct buf *b, double v, int decimals);
void html_count(struct buf *b, int64_t n);

/* With two or three digits that matter: 0.25, 3.1, 42, 1,240. */
void html_rate(struct buf *b, double v);

/* With its unit: 0.8 ms, 42 ms, 3.1 s, 2 min 5 s, 3 h 12 min, 4 d 7 h. A NaN is a dash; what is negative is 0. */
void html_duration(struct buf *b, double ms);

/* UTC: "14:05", "14:05:09", and "2026-02-24 14:05:09". */
void html_minute(struct buf *b, int64_t at_us);
void html_clock(struct buf *b, int64_t at_us);
void html_date(struct buf *b, int64_t at_us);
/* The clock alone where it is the day of now_us. */
void html_moment(struct buf *b, int64_t at_us, int64_t now_us);

#endif
