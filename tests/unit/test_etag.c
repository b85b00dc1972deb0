/* Entity-tags in If-Match and If-None-Match. */
#include "http/etag.h"

#include "context.h"
#include "table.h"

TestSuite(etag, .init = open_ctx, .fini = close_ctx);

/* The list with each tag between < and >, a weak one with w before it; * for any. */
static const char *
told(const char *value)
{
	struct etags tags = etags_of(value);
	char *out = talloc_strdup(ctx, tags.any ? "*" : "");
	struct etag tag;

	while (etags_next(&tags, &tag))
		out = talloc_asprintf_append(out, "%s<%.*s>", tag.weak ? "w" : "", (int)tag.len, tag.opaque);
	cr_expect_not(etags_next(&tags, &tag), "the end is the end");
	return out;
}

Test(etag, reads_lists_as_rfc_9110_writes_them)
{
	static const struct {
		const char *value, *tags, *why;
	} rows[] = {
		{ "\"1\"", "<1>", "one" },
		{ "W/\"1\"", "w<1>", "a weak one" },
		{ "\"1\", \"2\",W/\"3\"\t,\t\"4\"", "<1><2>w<3><4>", "several" },
		{ "  \"1\" \t", "<1>", "blanks around" },
		{ ",, \"1\",,\"2\" ,", "<1><2>", "elements may be empty" },
		{ "\"\"", "<>", "the empty tag" },
		{ "\"a,b c\"", "", "a blank is no part of one" },
		{ "\"a,b\"", "<a,b>", "a comma is" },
		{ "\"!#~\"", "<!#~>", "the ends of what may stand in one" },
		{ "\"\xc3\xa9\"", "<\xc3\xa9>", "bytes above 7F" },
		{ "\"W/\"", "<W/>", "W/ within" },
		{ "\"\\\"", "<\\>", "a backslash escapes nothing" },
		{ "*", "*", "any" },
		{ " * ", "*", "any, with blanks" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(told(rows[i].value), rows[i].tags, rows[i].why);
}

Test(etag, takes_what_is_no_list_for_an_empty_one)
{
	static const char *const rows[] = {
		"",	      " ",	  ",",	      "1",	  "\"1",      "1\"",
		"'1'",	      "w/\"1\"",  "W/1",      "W /\"1\"", "W/ \"1\"", "\"1\" \"2\"",
		"\"1\"\"2\"", "\"1\",2",  "\"1\", *", "*, \"1\"", "**",	      "\"1\";q=1",
		"\"a\tb\"",   "\"\x7f\"", "W/",	      "W",	  "\"1\",\"", "\"1\", W/\"2",
		"\"1\",W/",
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(told(rows[i]), "", rows[i]);
}
