/* What goes to PostgreSQL and comes back: array literals in, rows in binary format out. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "order/order.h"

struct rows;	  /* a result; freed with the context that it was asked for on */
struct pg_result; /* libpq's */

/* Empty rows, NULL without memory; then the result that they are to hold and to clear. For pg.c. */
struct rows *rows_new(void *ctx);
void rows_take(struct rows *r, struct pg_result *result);

int rows_count(const struct rows *r);
bool row_is_null(const struct rows *r, int row, int col);
int64_t row_i64(const struct rows *r, int row, int col); /* of a bigint or an integer */
bool row_bool(const struct rows *r, int row, int col);
int64_t row_time_us(const struct rows *r, int row, int col); /* µs since 1970 */
enum status row_status(const struct rows *r, int row, int col);
struct money row_money(const struct rows *r, int row, int col);
const char *row_text(const struct rows *r, int row, int col); /* lives as long as r; "" for NULL */
const char *row_text_or_null(const struct rows *r, int row, int col);
void row_uuid(const struct rows *r, int row, int col, char out[static UUID_SIZE]);

/* An integer as a parameter. */
struct number {
	char text[24];
};
const char *number(struct number *n, int64_t v);

/* Array literals: pg_array_open(), for each element one of the others, pg_array_close(). */
void pg_array_open(struct buf *b);
void pg_array_text(struct buf *b, const char *s); /* NULL is SQL's NULL */
void pg_array_i64(struct buf *b, int64_t v);
void pg_array_money(struct buf *b, struct money m);
void pg_array_close(struct buf *b);

#endif
