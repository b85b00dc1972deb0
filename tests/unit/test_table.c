/* Text for terminals: widths, what is made harmless, columns. */
#include "ctl/table.h"

#include <locale.h>

#include "table.h"

static void *ctx;

static void
set_up(void)
{
	cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
	ctx = talloc_new(NULL);
}

static void
tear_down(void)
{
	talloc_free(ctx);
}

TestSuite(table, .init = set_up, .fini = tear_down);

static const char *
put(const char *s, size_t width)
{
	struct buf b;

	buf_init(&b, ctx, 10000);
	buf_puts(&b, "");
	text_put(&b, s, width);
	cr_assert_not(b.failed);
	return b.data;
}

Test(table, knows_how_wide_text_is)
{
	static const struct {
		const char *text;
		size_t width;
		const char *why;
	} rows[] = {
		{ "", 0, "nothing" },
		{ "abc", 3, "ASCII" },
		{ "\u00e9", 1, "two bytes, one column" },
		{ "e\u0301", 1, "a combining accent takes none" },
		{ "\u6f22\u5b57", 4, "two columns each" },
		{ "\u2588", 1, "a block" },
		{ "a\tb", 3, "a control character is a question mark" },
		{ "\xff\xfe", 2, "no UTF-8" },
		{ "\xe6\xbc", 2, "half a character" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_int(text_width(rows[i].text), rows[i].width, rows[i].why);
}

Test(table, makes_harmless_what_a_terminal_would_obey)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "\033[2J\033]0;title\007", "?[2J?]0;title?" },
		{ "a\r\nb\tc\x7f", "a??b?c?" },
		{ "\xc2\x9b"
		  "31m",
		  "?31m" },
		{ "\xffzz\xc3", "?zz?" },
		{ "pay \u202edloc\u202c", "pay ?dloc?" },
		{ "\u2066x\u2069", "?x?" },
		{ "caf\u00e9 \u6f22", "caf\u00e9 \u6f22" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(put(rows[i].text, 0), rows[i].shown, "harmless");
}

Test(table, cuts_what_is_too_wide)
{
	static const struct {
		const char *text;
		size_t width;
		const char *shown;
	} rows[] = {
		{ "abcdef", 6, "abcdef" },
		{ "abcdefg", 6, "abc..." },
		{ "abcdefg", 4, "a..." },
		{ "abcdefg", 3, "abc" },
		{ "abcdefg", 1, "a" },
		{ "\u6f22\u6f22\u6f22\u6f22", 7, "\u6f22\u6f22..." },
		{ "\u6f22\u6f22\u6f22", 5, "\u6f22..." },
		{ "\u00e9\u00e9\u00e9", 3, "\u00e9\u00e9\u00e9" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(put(rows[i].text, rows[i].width), rows[i].shown, rows[i].text);
}

static const struct column columns[] = {
	{ "ID", true }, { "NAME", false }, { "N", true }, { "TEXT", false }
};

static struct table
two_rows(bool colored)
{
	struct table t;

	table_init(&t, ctx, columns, ROWS(columns), colored);
	table_addf(&t, "%d", 7);
	table_add(&t, "caf\u00e9");
	table_add(&t, "1,000");
	table_add(&t, "");
	table_addf(&t, "%d", 1234);
	table_add_painted(&t, "\u6f22", PAINT_GOOD);
	table_add(&t, "2");
	table_add(&t, "end\n");
	return t;
}

static const char *
print(const struct table *t, size_t width)
{
	struct buf b;

	buf_init(&b, ctx, 10000);
	table_put(t, &b, width);
	cr_assert_not(b.failed);
	return b.data;
}

Test(table, aligns_by_width_and_ends_lines_with_their_last_cell)
{
	struct table t = two_rows(false);

	expect_text(print(&t, 0),
		    "  ID  NAME      N  TEXT\n"
		    "   7  caf\u00e9  1,000\n"
		    "1234  \u6f22        2  end?\n",
		    "aligned");
}

/* No line is wider than the terminal, wherever its edge is. */
Test(table, keeps_lines_within_the_edge)
{
	struct table t = two_rows(false);

	expect_text(print(&t, 21),
		    "  ID  NAME      N  TE\n   7  caf\u00e9  1,000\n1234  \u6f22        2  en\n",
		    "in a cell");
	for (size_t width = 1; width < 30; width++) {
		char *lines = talloc_strdup(ctx, print(&t, width));

		for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
			cr_expect(text_width(line) <= width, "%zu: '%s'", width, line);
	}
}

Test(table, paints_where_colours_are_wanted)
{
	struct table t = two_rows(true);
	const char *painted = print(&t, 0);

	cr_expect(strstr(painted, "\033[32m\u6f22\033[0m  ") != NULL, "%s", painted);
	t.colored = false;
	cr_expect(strchr(print(&t, 0), '\033') == NULL);
}

Test(table, says_when_there_is_no_memory)
{
	void *little = talloc_new(NULL);
	struct table t;
	struct buf b;

	table_init(&t, little, columns, ROWS(columns), false);
	limit_memory(little, 100);
	table_add(&t, "a cell");
	cr_expect(t.failed);
	buf_init(&b, ctx, 100);
	table_put(&t, &b, 0);
	cr_expect(b.failed);
	talloc_free(little);
}
