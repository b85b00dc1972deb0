#include "ctl/table.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <talloc.h>
#include <wchar.h>

#define GAP 2
#define CELL_MAX (64u << 10)
#define CUT "..."

struct cell {
	const char *text; /* harmless */
	size_t width;
	enum paint paint;
};

/* Overrides of the writing direction, which make a line read as something that it does not say. */
static bool
turns_text_around(wchar_t wide)
{
	return (wide >= 0x202A && wide <= 0x202E) || (wide >= 0x2066 && wide <= 0x2069);
}

/* The character at s: its bytes, and its width or -1 where it is not to be shown. */
static size_t
character(const char *s, int *width)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n = mbrtowc(&wide, s, strlen(s), &state);

	if (n == 0 || n > strlen(s)) { /* (size_t)-1 and -2, too */
		*width = -1;
		return 1;
	}
	*width = turns_text_around(wide) ? -1 : wcwidth(wide);
	return n;
}

size_t
text_width(const char *s)
{
	size_t total = 0;
	int width;

	for (; *s; total += (size_t)(width < 0 ? 1 : width))
		s += character(s, &width);
	return total;
}

void
text_put(struct buf *b, const char *s, size_t width)
{
	size_t total = text_width(s), used = 0;
	bool cut = width && total > width;
	size_t room = cut ? width - (width > strlen(CUT) ? strlen(CUT) : 0) : total;

	while (*s) {
		int w;
		size_t n = character(s, &w);

		if (used + (size_t)(w < 0 ? 1 : w) > room)
			break;
		if (w < 0)
			buf_putc(b, '?');
		else
			buf_put(b, s, n);
		used += (size_t)(w < 0 ? 1 : w);
		s += n;
	}
	if (cut && width > strlen(CUT))
		buf_puts(b, CUT);
}

void
text_putf(struct buf *b, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = talloc_vasprintf(b->ctx, format, args);
	va_end(args);
	if (text)
		text_put(b, text, 0);
	else
		b->failed = true;
	talloc_free(text);
}

/* Select Graphic Rendition, ECMA-48 8.3.117. */
static const char *const colors[] = {
	[PAINT_GOOD] = "\033[32m",
	[PAINT_BAD] = "\033[31m",
	[PAINT_WARN] = "\033[33m",
	[PAINT_FAINT] = "\033[2m",
};

void
text_paint(struct buf *b, const char *s, enum paint paint, bool colored)
{
	bool painted = colored && paint != PAINT_NONE;

	if (painted)
		buf_puts(b, colors[paint]);
	text_put(b, s, 0);
	if (painted)
		buf_puts(b, "\033[0m");
}

void
table_init(struct table *t, void *ctx, const struct column *columns, size_t n_columns, bool colored)
{
	*t = (struct table){ .ctx = ctx, .columns = columns, .n_columns = n_columns, .colored = colored };
}

void
table_add_painted(struct table *t, const char *text, enum paint paint)
{
	struct buf harmless;
	struct cell *cells;

	buf_init(&harmless, t->ctx, CELL_MAX);
	buf_puts(&harmless, "");
	text_put(&harmless, text, 0);
	cells = talloc_realloc(t->ctx, t->cells, struct cell, (unsigned)t->n_cells + 1);
	if (!cells || harmless.failed) {
		t->failed = true;
		return;
	}
	t->cells = cells;
	cells[t->n_cells++] = (struct cell){
		.text = harmless.data ? harmless.data : "",
		.width = text_width(text),
		.paint = paint,
	};
}

void
table_add(struct table *t, const char *text)
{
	table_add_painted(t, text, PAINT_NONE);
}

void
table_addf(struct table *t, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = talloc_vasprintf(t->ctx, format, args);
	va_end(args);
	if (text)
		table_add(t, text);
	else
		t->failed = true;
}

/* At most left of them; returns what is left then. */
static size_t
put_spaces(struct buf *b, size_t n, size_t left)
{
	n = n < left ? n : left;
	for (size_t i = 0; i < n; i++)
		buf_putc(b, ' ');
	return left - n;
}

/* A cell, or as much of it as fits; returns what is left then. */
static size_t
put_cell(const struct table *t, struct buf *out, const struct cell *cell, size_t left)
{
	struct buf text;

	if (cell->width <= left) {
		text_paint(out, cell->text, cell->paint, t->colored);
		return left - cell->width;
	}
	if (left == 0)
		return 0;
	buf_init(&text, t->ctx, CELL_MAX);
	text_put(&text, cell->text, left);
	text_paint(out, text.data ? text.data : "", cell->paint, t->colored);
	out->failed = out->failed || text.failed;
	return 0;
}

/* One line: cells, or the titles. Behind the last cell that is not empty there is nothing. */
static void
put_line(const struct table *t, struct buf *out, const struct cell *cells, const size_t *widths, size_t room)
{
	size_t last = t->n_columns, left = room ? room : SIZE_MAX;

	while (last > 1 && cells[last - 1].width == 0)
		last--;
	for (size_t i = 0; i < last; i++) {
		size_t pad = widths[i] - cells[i].width;

		if (t->columns[i].right)
			left = put_spaces(out, pad, left);
		left = put_cell(t, out, &cells[i], left);
		if (i + 1 < last)
			left = put_spaces(out, (t->columns[i].right ? 0 : pad) + GAP, left);
	}
	buf_putc(out, '\n');
}

void
table_put(const struct table *t, struct buf *out, size_t width)
{
	size_t widths[TABLE_COLUMNS_MAX];
	struct cell titles[TABLE_COLUMNS_MAX];

	if (t->failed) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < t->n_columns; i++) {
		titles[i] = (struct cell){ t->columns[i].title, text_width(t->columns[i].title),
					   PAINT_FAINT };
		widths[i] = titles[i].width;
		for (size_t at = i; at < t->n_cells; at += t->n_columns)
			widths[i] = t->cells[at].width > widths[i] ? t->cells[at].width : widths[i];
	}
	put_line(t, out, titles, widths, width);
	for (size_t at = 0; at + t->n_columns <= t->n_cells; at += t->n_columns)
		put_line(t, out, t->cells + at, widths, width);
}
