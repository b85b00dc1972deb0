/* JSON, strictly RFC 8259. */
#include "json/json.h"

#include <stdlib.h>

#include "context.h"
#include "table.h"

TestSuite(json, .init = open_ctx, .fini = close_ctx);

/* A copy with nothing behind it, so that a byte too far is seen by the sanitizer. Freed with ctx. */
static const char *
tight(const char *text, size_t len)
{
	return talloc_memdup(ctx, text, len);
}

static struct json
parse(const char *text)
{
	struct json_error err = { 0, "" };
	struct json doc = { NULL, 0 };

	cr_assert_eq(json_check(text, strlen(text), &doc, &err), RC_OK, "%s: %s", text, err.message);
	return doc;
}

Test(json, takes_what_rfc_8259_allows)
{
	static const struct {
		const char *text;
		enum json_kind kind;
		const char *value, *why;
	} rows[] = {
		{ "null", JSON_NULL, "null", "" },
		{ "true", JSON_BOOL, "true", "" },
		{ "false", JSON_BOOL, "false", "" },
		{ "0", JSON_NUMBER, "0", "" },
		{ "-0", JSON_NUMBER, "-0", "" },
		{ "-0.0e-0", JSON_NUMBER, "-0.0e-0", "its own digits" },
		{ "123456789012345678901234567890", JSON_NUMBER, "123456789012345678901234567890",
		  "a big integer" },
		{ "1E+400", JSON_NUMBER, "1E+400", "beyond a double" },
		{ "45.10", JSON_NUMBER, "45.10", "the zero stays" },
		{ "\"\"", JSON_STRING, "\"\"", "" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE80\"", JSON_STRING,
		  "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE80\"", "every escape" },
		{ "\"\\ud800\"", JSON_STRING, "\"\\ud800\"", "a lone surrogate is syntax" },
		{ "\"\x7f\xc2\x80\xf4\x8f\xbf\xbf\"", JSON_STRING, "\"\x7f\xc2\x80\xf4\x8f\xbf\xbf\"",
		  "characters" },
		{ "[]", JSON_ARRAY, "[]", "" },
		{ " \t\r\n[ 1 , 2 ] \t\r\n", JSON_ARRAY, "[ 1 , 2 ]", "white space around" },
		{ "{}", JSON_OBJECT, "{}", "" },
		{ "{\"a\":{\"b\":[{},[],\"]}\"]}}", JSON_OBJECT, "{\"a\":{\"b\":[{},[],\"]}\"]}}", "nested" },
		{ "{\"a\":1,\"a\":2}", JSON_OBJECT, "{\"a\":1,\"a\":2}", "a name twice" },
		{ "{\"\":0}", JSON_OBJECT, "{\"\":0}", "an empty name" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t len = strlen(rows[i].text);
		struct json_error err;
		struct json doc;

		cr_expect(json_check(tight(rows[i].text, len), len, &doc, &err) == RC_OK, "%s", rows[i].text);
		expect_int(json_kind(doc), rows[i].kind, rows[i].text);
		expect_text(talloc_strndup(ctx, doc.text, doc.len), rows[i].value, rows[i].why);
	}
}

/* Offsets and messages are those of json.loads() in Python 3.11. */
Test(json, refuses_everything_else_in_pythons_words)
{
	static const char value[] = "Expecting value",
			  name[] = "Expecting property name enclosed in double quotes",
			  comma[] = "Expecting ',' delimiter", colon[] = "Expecting ':' delimiter",
			  extra[] = "Extra data", open[] = "Unterminated string starting at",
			  escape[] = "Invalid \\escape", hex[] = "Invalid \\uXXXX escape",
			  control[] = "Invalid control character at";
	static const struct {
		const char *text;
		size_t len, offset;
		const char *message;
	} rows[] = {
		{ LITERAL(""), 0, value },
		{ LITERAL(" "), 1, value },
		{ LITERAL("\n\t "), 3, value },
		/* what json-c takes, strict or not */
		{ LITERAL("{'a':1}"), 1, name },
		{ LITERAL("['a']"), 1, value },
		{ LITERAL("NaN"), 0, value },
		{ LITERAL("[NaN]"), 1, value },
		{ LITERAL("Infinity"), 0, value },
		{ LITERAL("-Infinity"), 0, value },
		{ LITERAL("-01"), 2, extra },
		{ LITERAL("[-01]"), 3, comma },
		{ LITERAL("01"), 1, extra },
		{ LITERAL("[01]"), 2, comma },
		{ LITERAL("1."), 1, extra },
		{ LITERAL("[1.]"), 2, comma },
		{ LITERAL("1.e5"), 1, extra },
		{ LITERAL("\"a\tb\""), 2, control },
		{ LITERAL("\"a\nb\""), 2, control },
		{ LITERAL("\"\0\""), 1, control },
		{ LITERAL("\"\x1f\""), 1, control },
		{ LITERAL("True"), 0, value },
		{ LITERAL("nUll"), 0, value },
		{ LITERAL("/* c */ 1"), 0, value },
		{ LITERAL("// c"), 0, value },
		/* numbers */
		{ LITERAL(".5"), 0, value },
		{ LITERAL("+1"), 0, value },
		{ LITERAL("-"), 0, value },
		{ LITERAL("--1"), 0, value },
		{ LITERAL("-x"), 0, value },
		{ LITERAL("[-]"), 1, value },
		{ LITERAL("[1,2,-]"), 5, value },
		{ LITERAL("1e"), 1, extra },
		{ LITERAL("1e+"), 1, extra },
		{ LITERAL("[-1.5e]"), 5, comma },
		{ LITERAL("0x10"), 1, extra },
		/* words */
		{ LITERAL("nul"), 0, value },
		{ LITERAL("tru"), 0, value },
		{ LITERAL("falsy"), 0, value },
		{ LITERAL("nulll"), 4, extra },
		/* arrays */
		{ LITERAL("["), 1, value },
		{ LITERAL("[1"), 2, comma },
		{ LITERAL("[1,"), 3, value },
		{ LITERAL("[1,]"), 3, value },
		{ LITERAL("[,]"), 1, value },
		{ LITERAL("[1 2]"), 3, comma },
		{ LITERAL("[1}"), 2, comma },
		{ LITERAL("[[[]"), 4, comma },
		{ LITERAL("]"), 0, value },
		/* objects */
		{ LITERAL("{"), 1, name },
		{ LITERAL("{,}"), 1, name },
		{ LITERAL("{1:2}"), 1, name },
		{ LITERAL("{\"a\""), 4, colon },
		{ LITERAL("{\"a\" 1}"), 5, colon },
		{ LITERAL("{\"a\":}"), 5, value },
		{ LITERAL("{\"a\":1"), 6, comma },
		{ LITERAL("{\"a\":1,"), 7, name },
		{ LITERAL("{\"a\":1,}"), 7, name },
		{ LITERAL("{\"a\":1,,\"b\":2}"), 7, name },
		{ LITERAL("{\"a\":1 \"b\":2}"), 7, comma },
		{ LITERAL("{\"a\":1]"), 6, comma },
		{ LITERAL("{\"a\":\0}"), 5, value },
		{ LITERAL("{\"a\":{\"b\":}}"), 10, value },
		{ LITERAL("{\"a"), 1, open },
		{ LITERAL("}"), 0, value },
		/* strings */
		{ LITERAL("\""), 0, open },
		{ LITERAL("\"abc"), 0, open },
		{ LITERAL("\"a\\"), 0, open },
		{ LITERAL("\"\\\""), 0, open },
		{ LITERAL("\"a\\x\""), 2, escape },
		{ LITERAL("\"a\\'\""), 2, escape },
		{ LITERAL("\"a\\\0\""), 2, escape },
		{ LITERAL("\"\\u"), 2, hex },
		{ LITERAL("\"\\u1"), 2, hex },
		{ LITERAL("\"\\u12\""), 2, hex },
		{ LITERAL("\"\\u123\""), 2, hex },
		{ LITERAL("\"\\u1234"), 2, hex },
		{ LITERAL("\"\\u12G4\""), 2, hex },
		{ LITERAL("\"\\u00\0\0\""), 2, hex },
		/* behind the value */
		{ LITERAL("[1]]"), 3, extra },
		{ LITERAL("{} {}"), 3, extra },
		{ LITERAL("{}x"), 2, extra },
		{ LITERAL("1 2"), 2, extra },
		{ LITERAL("\"a\" \"b\""), 4, extra },
		{ LITERAL("{\"a\":1}}"), 7, extra },
		{ LITERAL("1\0"), 1, extra },
		/* white space that is none */
		{ LITERAL("\v1"), 0, value },
		{ LITERAL("\xc2\xa0"
			  "1"),
		  0, value },
		/* offsets count characters */
		{ LITERAL("\xc3\xbc"), 0, value },
		{ LITERAL("\"\xc3\xbc\" x"), 4, extra },
		{ LITERAL("[\"\xc3\xa4\xc3\xb6\xc3\xbc\",]"), 7, value },
		{ LITERAL("\"\xc3\xa4\xc3\xb6\xc3\xbc\n\""), 4, control },
		{ LITERAL("[\"\xe6\x97\xa5\xe6\x9c\xac\", nope]"), 7, value },
		{ LITERAL("[\"\xf0\x9f\x9a\x80\",]"), 5, value },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct json_error err = { 999, "none" };
		struct json doc = { NULL, 0 };
		enum rc rc = json_check(tight(rows[i].text, rows[i].len), rows[i].len, &doc, &err);

		expect_int(rc, RC_SYNTAX, rows[i].text);
		expect_int(err.offset, rows[i].offset, rows[i].text);
		expect_text(err.message, rows[i].message, rows[i].text);
		cr_expect_null(doc.text, "%s", rows[i].text);
	}
}

Test(json, says_when_it_is_not_utf_8)
{
	static const struct {
		const char *text;
		size_t len;
		const char *why;
	} rows[] = {
		{ LITERAL("\"\xff\""), "no byte of UTF-8" },
		{ LITERAL("\"\xed\xa0\x80\""), "a surrogate" },
		{ LITERAL("\xff\xfe{\0}\0"), "UTF-16" },
		{ LITERAL("{\0}\0"), "UTF-16 without a mark is control characters" },
		{ LITERAL("nope\xc3"), "before anything else is said" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct json_error err;
		struct json doc;
		enum rc rc = json_check(tight(rows[i].text, rows[i].len), rows[i].len, &doc, &err);

		expect_int(rc, i == 3 ? RC_SYNTAX : RC_BODY_UNREADABLE, rows[i].why);
	}
}

/* n times open, then n times close. */
static char *
nest(size_t n, const char *open, const char *inside, const char *close)
{
	size_t before = strlen(open), after = strlen(close), middle = strlen(inside);
	char *text = talloc_zero_size(ctx, n * (before + after) + middle + 1);

	for (size_t i = 0; i < n; i++) {
		memcpy(text + i * before, open, before);
		memcpy(text + n * before + middle + i * after, close, after);
	}
	memcpy(text + n * before, inside, middle);
	return text;
}

Test(json, nests_up_to_its_depth)
{
	static const struct {
		const char *open, *inside, *close;
		size_t n;
		enum rc rc;
		const char *why;
	} rows[] = {
		{ "[", "", "]", JSON_DEPTH_MAX, RC_OK, "arrays" },
		{ "[", "", "]", JSON_DEPTH_MAX + 1, RC_RANGE, "one more" },
		{ "[", "1", "]", JSON_DEPTH_MAX, RC_OK, "with something inside" },
		{ "{\"a\":", "1", "}", JSON_DEPTH_MAX, RC_OK, "objects" },
		{ "{\"a\":", "1", "}", JSON_DEPTH_MAX + 1, RC_RANGE, "one more" },
		{ "[{\"a\":", "1", "}]", JSON_DEPTH_MAX / 2, RC_OK, "in turn" },
		{ "[{\"a\":", "1", "}]", JSON_DEPTH_MAX / 2 + 1, RC_RANGE, "in turn, one more" },
		{ "[", "", "", 300000, RC_RANGE, "without end: no stack is used" },
		{ "[", "", "", JSON_DEPTH_MAX, RC_SYNTAX, "never closed" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *text = nest(rows[i].n, rows[i].open, rows[i].inside, rows[i].close);
		struct json_error err;
		struct json doc;

		expect_int(json_check(text, strlen(text), &doc, &err), rows[i].rc, rows[i].why);
	}
}

Test(json, knows_at_each_level_what_it_is_in)
{
	struct json_error err;
	struct json doc;
	char *text = nest(100, "[{\"a\":", "0", "}]");

	cr_expect_eq(json_check(text, strlen(text), &doc, &err), RC_OK);
	*strrchr(text, '}') = ']';
	cr_expect_eq(json_check(text, strlen(text), &doc, &err), RC_SYNTAX);
}

Test(json, finds_members)
{
	static const struct {
		const char *object, *name, *value, *why;
	} rows[] = {
		{ "{\"a\":1}", "a", "1", "the only one" },
		{ "{ \"a\" : 1 , \"b\" : [ 2 ] }", "b", "[ 2 ]", "white space" },
		{ "{\"a\":\"}\",\"b\":2}", "b", "2", "a brace in a string" },
		{ "{\"a\":\"\\\"\",\"b\":2}", "b", "2", "an escaped quote" },
		{ "{\"a\":\"\\\\\",\"b\":2}", "b", "2", "an escaped backslash at the end" },
		{ "{\"a\":[{\"b\":1}],\"b\":2}", "b", "2", "the same name further inside" },
		{ "{\"a\":1,\"a\":2,\"b\":3}", "a", "2", "the last of that name" },
		{ "{\"\\u0061\":1}", "a", "1", "a name with an escape" },
		{ "{\"\\u0061b\":1}", "a", NULL, "a longer one" },
		{ "{\"a\\u0000\":1}", "a", NULL, "a NUL behind it" },
		{ "{\"a\":1}", "b", NULL, "no such name" },
		{ "{\"a\":1}", "A", NULL, "another case" },
		{ "{\"ab\":1}", "a", NULL, "a prefix" },
		{ "{\"a\":1}", "ab", NULL, "an extension" },
		{ "{\"\":1}", "", "1", "the empty name" },
		{ "{}", "a", NULL, "an empty object" },
		{ "{ }", "a", NULL, "an empty object with a blank" },
		{ "[\"a\",1]", "a", NULL, "an array" },
		{ "\"a\"", "a", NULL, "a string" },
		{ "1", "a", NULL, "a number" },
		{ "{\"a\":null}", "a", "null", "null is a value" },
		{ "{\"a\":-1.5e3}", "a", "-1.5e3", "a number" },
		{ "{\"a\":{}}", "a", "{}", "an empty object" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct json doc = parse(rows[i].object), v = { NULL, 0 };

		cr_expect(json_member(doc, rows[i].name, &v) == (rows[i].value != NULL), "%s", rows[i].why);
		if (rows[i].value && v.text)
			expect_text(talloc_strndup(ctx, v.text, v.len), rows[i].value, rows[i].why);
		else
			cr_expect_null(v.text, "%s", rows[i].why);
	}
}

Test(json, steps_through_arrays)
{
	static const struct {
		const char *array;
		const char *elements[6];
	} rows[] = {
		{ "[]", { NULL } },
		{ "[ ]", { NULL } },
		{ "[1]", { "1" } },
		{ "[ 1 , \"a,b]\" , [2,[3]] , {\"a\":[4]} , null ]",
		  { "1", "\"a,b]\"", "[2,[3]]", "{\"a\":[4]}", "null" } },
		{ "[\"\\\"\",\"\\\\\"]", { "\"\\\"\"", "\"\\\\\"" } },
		{ "[1,2,3,4,5]", { "1", "2", "3", "4", "5" } },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct json doc = parse(rows[i].array), v = { 0 };
		size_t n = 0;

		while (json_next(doc, &v)) {
			cr_assert_not_null(rows[i].elements[n], "%s has too many", rows[i].array);
			expect_text(talloc_strndup(ctx, v.text, v.len), rows[i].elements[n], rows[i].array);
			n++;
		}
		cr_expect_null(rows[i].elements[n], "%s has too few", rows[i].array);
	}
}

Test(json, unescapes_strings)
{
	static const struct {
		const char *text, *bytes;
		size_t len;
		const char *why;
	} rows[] = {
		{ "\"\"", LITERAL(""), "empty" },
		{ "\"abc\"", LITERAL("abc"), "plain" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", LITERAL("\"\\/\b\f\n\r\t"), "the short escapes" },
		{ "\"\\u0041\\u00e9\\u65E5\"", LITERAL("A\xc3\xa9\xe6\x97\xa5"), "one, two and three bytes" },
		{ "\"\\ud83d\\ude80\"", LITERAL("\xf0\x9f\x9a\x80"), "a pair of surrogates" },
		{ "\"a\\u0000b\"", LITERAL("a\0b"), "a NUL" },
		{ "\"\\ud800x\"", LITERAL("\xef\xbf\xbdx"), "a lone surrogate is no character" },
		{ "\"\xc3\xa9\"", LITERAL("\xc3\xa9"), "raw" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t len = 999;
		const char *s = json_string(ctx, parse(rows[i].text), &len);

		cr_assert_not_null(s, "%s", rows[i].why);
		expect_int(len, rows[i].len, rows[i].why);
		cr_expect(memcmp(s, rows[i].bytes, rows[i].len + 1) == 0, "%s", rows[i].why);
	}
}

Test(json, strings_need_memory)
{
	static const char *const texts[] = { "\"plain\"", "\"\\u0041\"" };
	void *poor = talloc_new(ctx);

	limit_memory(poor, 1);
	for (size_t i = 0; i < ROWS(texts); i++) {
		size_t len;

		cr_expect_null(json_string(poor, parse(texts[i]), &len), "%s", texts[i]);
	}
}

Test(json, reads_integers_however_they_are_written)
{
	static const struct {
		const char *text;
		enum rc rc;
		int64_t value;
	} rows[] = {
		{ "0", RC_OK, 0 },
		{ "-5", RC_OK, -5 },
		{ "2.0", RC_OK, 2 },
		{ "1e3", RC_OK, 1000 },
		{ "1500e-2", RC_OK, 15 },
		{ "9223372036854775807", RC_OK, INT64_MAX },
		{ "-9223372036854775808", RC_OK, INT64_MIN },
		{ "9223372036854775808", RC_RANGE, 0 },
		{ "99999999999999999999", RC_RANGE, 0 },
		{ "1e400", RC_RANGE, 0 },
		{ "2.5", RC_SYNTAX, 0 },
		{ "1e-1", RC_SYNTAX, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t v = 0;

		expect_int(json_int64(parse(rows[i].text), &v), rows[i].rc, rows[i].text);
		if (!rows[i].rc)
			expect_int(v, rows[i].value, rows[i].text);
	}
}

Test(json, writes_strings)
{
	static const struct {
		const char *raw;
		size_t len;
		const char *text;
	} rows[] = {
		{ LITERAL(""), "\"\"" },
		{ LITERAL("plain /path"), "\"plain /path\"" },
		{ LITERAL("\"\\"), "\"\\\"\\\\\"" },
		{ LITERAL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ LITERAL("\x01\x1f"), "\"\\u0001\\u001f\"" },
		{ LITERAL("a\0b"), "\"a\\u0000b\"" },
		{ LITERAL("\x7f\xc3\xa9\xf0\x9f\x9a\x80"), "\"\x7f\xc3\xa9\xf0\x9f\x9a\x80\"" },
		{ LITERAL("a/\n"), "\"a/\\n\"" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct buf b;

		buf_init(&b, ctx, 100);
		json_put_string(&b, rows[i].raw, rows[i].len);
		cr_assert_not(b.failed);
		expect_text(b.data, rows[i].text, "string");
	}
}

Test(json, reads_back_what_it_writes)
{
	uint64_t state = 17;

	for (int i = 0; i < 3000; i++) {
		size_t n = next_random(&state) % 20, len = 0, back_len;
		char raw[80];
		const char *back;
		struct json_error err;
		struct json doc;
		struct buf b;

		for (size_t j = 0; j < n; j++) {
			static const char *const pieces[] = { "\"",   "\\", "/",	"\n",
							      "\x01", "a",  "\xc3\xa9", "\xf0\x9f\x9a\x80",
							      "\x7f", "{" };
			const char *piece = pieces[next_random(&state) % ROWS(pieces)];

			memcpy(raw + len, piece, strlen(piece));
			len += strlen(piece);
		}
		buf_init(&b, ctx, 1000);
		json_put_string(&b, raw, len);
		cr_assert_eq(json_check(b.data, b.len, &doc, &err), RC_OK, "%s", b.data);
		back = json_string(ctx, doc, &back_len);
		cr_expect(back_len == len && memcmp(back, raw, len) == 0, "%s", b.data);
	}
}

Test(json, a_string_too_long_for_its_buffer_fails_it)
{
	struct buf b;

	buf_init(&b, ctx, 4);
	json_put_string(&b, "abc", 3);
	cr_expect(b.failed);
	buf_init(&b, ctx, 4);
	json_put_string(&b, "\n\n\n", 3);
	cr_expect(b.failed);
}
