/* Text for terminals: what other people wrote made harmless, aligned by the width that it has there, and cut to it. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A locale that knows UTF-8 has to be set: setlocale(LC_CTYPE, "C.UTF-8"). */

/* Columns of a terminal that s takes. */
size_t text_width(const char *s);

/* Appends s with '?' for every control character, C1 ones and bytes that are no UTF-8 included, and no wider than width; what is
 * cut ends in "...". width 0: any. */
void text_put(struct buf *b, const char *s, size_t width);

/* The same of what printf(3) would write, of any width. */
__attribute__((format(printf, 2, 3))) void text_putf(struct buf *b, const char *format, ...);

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_BAD, PAINT_WARN, PAINT_FAINT };

/* The same in a colour, when colours are wanted. */
void text_paint(struct buf *b, const char *s, enum paint paint, bool colored);

struct column {
	const char *title;
	bool right; /* aligned */
};

#define TABLE_COLUMNS_MAX 12

struct table {
	void *ctx;
	const struct column *columns;
	size_t n_columns;
	struct cell *cells; /* row by row */
	size_t n_cells;
	bool colored;
	bool failed; /* no memory */
};

/* Both are borrowed. */
void table_init(struct table *t, void *ctx, const struct column *columns, size_t n_columns, bool colored);
/* The next cell, row by row; text is copied. */
void table_add(struct table *t, const char *text);
void table_add_painted(struct table *t, const char *text, enum paint paint);
__attribute__((format(printf, 2, 3))) void table_addf(struct table *t, const char *format, ...);
/* Appends the titles and the rows, two spaces between columns. Lines are cut at width; 0: never. */
void table_put(const struct table *t, struct buf *out, size_t width);

#endif
