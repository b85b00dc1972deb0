/* UTF-8, RFC 3629. */
#include "base/utf8.h"

#include <stdlib.h>

#include "table.h"

struct row {
	const char *text;
	size_t len;
	const char *why;
};

Test(utf8, takes_what_rfc_3629_allows)
{
	static const struct {
		struct row row;
		size_t characters;
	} rows[] = {
		{ { LITERAL(""), "nothing" }, 0 },
		{ { LITERAL("abc"), "ASCII" }, 3 },
		{ { LITERAL("a\0b"), "NUL is a character" }, 3 },
		{ { LITERAL("\x7f"), "DEL" }, 1 },
		{ { LITERAL("\xc2\x80"), "first of two bytes" }, 1 },
		{ { LITERAL("\xdf\xbf"), "last of two" }, 1 },
		{ { LITERAL("\xe0\xa0\x80"), "first of three" }, 1 },
		{ { LITERAL("\xed\x9f\xbf"), "last before the surrogates" }, 1 },
		{ { LITERAL("\xee\x80\x80"), "first behind them" }, 1 },
		{ { LITERAL("\xef\xbf\xbf"), "last of three" }, 1 },
		{ { LITERAL("\xf0\x90\x80\x80"), "first of four" }, 1 },
		{ { LITERAL("\xf4\x8f\xbf\xbf"), "U+10FFFF" }, 1 },
		{ { LITERAL("\xef\xbb\xbf{}"), "a byte order mark is a character" }, 3 },
		{ { LITERAL("Caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x9a\x80"), "a mixture" }, 9 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		cr_expect(utf8_is_valid(rows[i].row.text, rows[i].row.len), "%s", rows[i].row.why);
		expect_int(utf8_length(rows[i].row.text, rows[i].row.len), rows[i].characters,
			   rows[i].row.why);
	}
}

Test(utf8, refuses_everything_else)
{
	static const struct row rows[] = {
		{ LITERAL("\x80"), "a continuation alone" },
		{ LITERAL("a\xbf"), "behind ASCII" },
		{ LITERAL("\xc0\x80"), "overlong NUL" },
		{ LITERAL("\xc1\xbf"), "overlong" },
		{ LITERAL("\xe0\x9f\xbf"), "overlong, three bytes" },
		{ LITERAL("\xf0\x8f\xbf\xbf"), "overlong, four bytes" },
		{ LITERAL("\xed\xa0\x80"), "first surrogate" },
		{ LITERAL("\xed\xbf\xbf"), "last surrogate" },
		{ LITERAL("\xf4\x90\x80\x80"), "above U+10FFFF" },
		{ LITERAL("\xf5\x80\x80\x80"), "no lead byte" },
		{ LITERAL("\xfe"), "never in UTF-8" },
		{ LITERAL("\xff"), "never in UTF-8" },
		{ LITERAL("\xc3"), "cut short: 1 of 2" },
		{ LITERAL("\xe6\x97"), "cut short: 2 of 3" },
		{ LITERAL("\xf0\x9f\x9a"), "cut short: 3 of 4" },
		{ LITERAL("\xc3\x28"), "second byte is ASCII" },
		{ LITERAL("\xe6\x97\x41"), "third byte is ASCII" },
		{ LITERAL("\xf0\x9f\x9a\x41"), "fourth byte is ASCII" },
		{ LITERAL("\xff\xfe{\0}\0"), "UTF-16" },
		{ LITERAL("Caf\xe9"), "Latin-1" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *tight = malloc(rows[i].len);

		memcpy(tight, rows[i].text, rows[i].len);
		cr_expect_not(utf8_is_valid(tight, rows[i].len), "%s", rows[i].why);
		free(tight);
	}
}

/* Every code point, encoded here by arithmetic. */
Test(utf8, takes_every_scalar_value_and_no_surrogate)
{
	for (uint32_t c = 0; c <= 0x110100; c++) {
		char s[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool want = (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff;

		for (size_t i = n; i-- > 1;)
			s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		s[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c >> 6 * (n - 1));
		if (utf8_is_valid(s, n) != want || utf8_length(s, n) != 1)
			cr_expect(false, "U+%04X", c);
	}
}

/* The answers are those of Python 3.11's bytes.decode(errors="replace"). */
Test(utf8, repairs_what_is_none)
{
#define X "\xef\xbf\xbd"
	static const struct {
		struct row row;
		const char *text;
	} rows[] = {
		{ { LITERAL("abc"), "nothing to repair" }, "abc" },
		{ { LITERAL("\xc3\xa9\xf0\x9f\x9a\x80"), "nothing to repair" }, "\xc3\xa9\xf0\x9f\x9a\x80" },
		{ { LITERAL("a\xff"
			    "b"),
		    "no byte of UTF-8" },
		  "a" X "b" },
		{ { LITERAL("\xff\xfe"), "two of them" }, X X },
		{ { LITERAL("\x80\x80"), "continuations" }, X X },
		{ { LITERAL("\xf0\x9f\x9a"
			    "z"),
		    "cut short: one mistake" },
		  X "z" },
		{ { LITERAL("\xe6\x97"), "cut short at the end" }, X },
		{ { LITERAL("\xc3"), "cut short at the end" }, X },
		{ { LITERAL("\xc3\xc3\xa9"), "a character behind it" }, X "\xc3\xa9" },
		{ { LITERAL("\xed\xa0\x80"), "a surrogate: three mistakes" }, X X X },
		{ { LITERAL("\xc0\x80"), "overlong: two mistakes" }, X X },
		{ { LITERAL("\xf4\x90\x80\x80"), "above U+10FFFF: four" }, X X X X },
		{ { LITERAL("\xf0\x90\x80\xe6\x97\xa5"), "a character behind it" }, X "\xe6\x97\xa5" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		void *ctx = talloc_new(NULL);
		struct buf b;

		buf_init(&b, ctx, 100);
		utf8_put_repaired(&b, rows[i].row.text, rows[i].row.len);
		expect_text(b.data, rows[i].text, rows[i].row.why);
		cr_expect(utf8_is_valid(b.data, b.len), "%s", rows[i].row.why);
		talloc_free(ctx);
	}
}
