#include "store/rows.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

struct rows {
	PGresult *result;
};

static int
close_rows(struct rows *r)
{
	PQclear(r->result);
	return 0;
}

struct rows *
rows_new(void *ctx)
{
	struct rows *r = talloc_zero(ctx, struct rows);

	if (r)
		talloc_set_destructor(r, close_rows);
	return r;
}

void
rows_take(struct rows *r, PGresult *result)
{
	r->result = result;
}

/* Values in binary format: https://www.postgresql.org/docs/15/libpq-exec.html, big-endian. */

#define EPOCH_2000_US (INT64_C(946684800) * 1000000)

int
rows_count(const struct rows *r)
{
	return PQntuples(r->result);
}

bool
row_is_null(const struct rows *r, int row, int col)
{
	return PQgetisnull(r->result, row, col);
}

int64_t
row_i64(const struct rows *r, int row, int col)
{
	uint64_t wide;
	uint32_t narrow;

	if (PQgetlength(r->result, row, col) == (int)sizeof wide) {
		memcpy(&wide, PQgetvalue(r->result, row, col), sizeof wide);
		return (int64_t)be64toh(wide);
	}
	if (PQgetlength(r->result, row, col) != (int)sizeof narrow)
		return 0;
	memcpy(&narrow, PQgetvalue(r->result, row, col), sizeof narrow);
	return (int32_t)be32toh(narrow);
}

bool
row_bool(const struct rows *r, int row, int col)
{
	return PQgetlength(r->result, row, col) == 1 && PQgetvalue(r->result, row, col)[0];
}

int64_t
row_time_us(const struct rows *r, int row, int col)
{
	return row_i64(r, row, col) + EPOCH_2000_US;
}

static uint16_t
word(const char *p)
{
	uint16_t w;

	memcpy(&w, p, sizeof w);
	return be16toh(w);
}

/* numeric: count of base-10000 digits, weight of the first, sign, display scale, digits. The columns are
 * numeric(12,2), so at most two places follow the point. */
struct money
row_money(const struct rows *r, int row, int col)
{
	const char *p = PQgetvalue(r->result, row, col);
	int n = PQgetlength(r->result, row, col) < 8 ? 0 : word(p);
	int weight = n ? (int16_t)word(p + 2) : 0;
	struct money m = { 0 };

	for (int i = 0; i < n && 8 + 2 * i + 1 < PQgetlength(r->result, row, col); i++) {
		int64_t digit = word(p + 8 + 2 * i);

		if (weight - i < 0) {
			m.cents += weight - i == -1 ? digit / 100 : 0;
			continue;
		}
		digit *= 100;
		for (int tens = 0; tens < weight - i && tens < 3; tens++)
			digit *= 10000;
		m.cents += digit;
	}
	return m;
}

const char *
row_text(const struct rows *r, int row, int col)
{
	return PQgetvalue(r->result, row, col);
}

const char *
row_text_or_null(const struct rows *r, int row, int col)
{
	return row_is_null(r, row, col) ? NULL : row_text(r, row, col);
}

enum status
row_status(const struct rows *r, int row, int col)
{
	const char *name = row_text(r, row, col);
	enum status s = STATUS_PENDING; /* for NULL: the type in the database has the same names */

	(void)!status_parse(name, strlen(name), &s);
	return s;
}

void
row_uuid(const struct rows *r, int row, int col, char out[static UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	const char *p = PQgetvalue(r->result, row, col);
	size_t n = 0;

	if (PQgetlength(r->result, row, col) == 16)
		for (int i = 0; i < 16; i++) {
			if (i == 4 || i == 6 || i == 8 || i == 10)
				out[n++] = '-';
			out[n++] = hex[(unsigned char)p[i] >> 4];
			out[n++] = hex[p[i] & 15];
		}
	out[n] = '\0';
}

const char *
number(struct number *n, int64_t v)
{
	(void)snprintf(n->text, sizeof n->text, "%lld", (long long)v);
	return n->text;
}

/* Array literals: https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO */

void
pg_array_open(struct buf *b)
{
	buf_clear(b);
	buf_putc(b, '{');
}

static void
separate(struct buf *b)
{
	if (b->len > 1)
		buf_putc(b, ',');
}

void
pg_array_text(struct buf *b, const char *s)
{
	separate(b);
	if (!s) {
		buf_puts(b, "NULL");
		return;
	}
	buf_putc(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *s);
	}
	buf_putc(b, '"');
}

void
pg_array_i64(struct buf *b, int64_t v)
{
	separate(b);
	buf_put_i64(b, v);
}

void
pg_array_money(struct buf *b, struct money m)
{
	char text[MONEY_SIZE];

	separate(b);
	buf_put(b, text, money_format(m, text));
}

void
pg_array_close(struct buf *b)
{
	buf_putc(b, '}');
}
