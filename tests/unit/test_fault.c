/* 422, as pydantic 2 and FastAPI write it. */
#include "json/fault.h"

#include "table.h"

static void *ctx;
static struct faults f;

static void
open_faults(void)
{
	ctx = talloc_new(NULL);
	faults_init(&f, ctx);
}

static void
close_faults(void)
{
	talloc_free(ctx);
}

TestSuite(fault, .init = open_faults, .fini = close_faults);

static const char *
closed(void)
{
	struct why why = { 0 };
	enum rc rc = faults_close(&f, &why);

	cr_assert_eq(rc, f.n ? RC_INVALID : RC_OK);
	return rc ? why.text : "";
}

#define JSON(text)                                                                                           \
	{                                                                                                    \
		LITERAL(text)                                                                                \
	}
#define BODY(field)                                                                                          \
	{                                                                                                    \
		.part = "body", .name = field                                                                \
	}
#define ITEM(i, field)                                                                                       \
	{                                                                                                    \
		.part = "body", .list = "items", .index = i, .name = field                                   \
	}

/* The answers were taken from pydantic 2.13, with "body" put before its loc as FastAPI does. */
Test(fault, of_each_type_reads_as_pydantic_writes_it)
{
	static const struct {
		struct fault fault;
		const char *text;
	} rows[] = {
		{ { .type = FAULT_MISSING, .loc = { .part = "body" } },
		  "[{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\",\"input\":null}]" },
		{ { .type = FAULT_MISSING, .loc = ITEM(2, "quantity"), .input = JSON("{}") },
		  "[{\"type\":\"missing\",\"loc\":[\"body\",\"items\",2,\"quantity\"],\"msg\":\"Field required\",\"input\":{}}]" },
		{ { .type = FAULT_NOT_AN_OBJECT, .loc = { .part = "body" }, .input = JSON("[]") },
		  "[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid dictionary or object "
		  "to extract fields from\",\"input\":[]}]" },
		{ { .type = FAULT_NOT_AN_OBJECT, .loc = ITEM(0, NULL), .input = JSON("5") },
		  "[{\"type\":\"model_attributes_type\",\"loc\":[\"body\",\"items\",0],\"msg\":\"Input should be a valid "
		  "dictionary or object to extract fields from\",\"input\":5}]" },
		{ { .type = FAULT_NOT_A_LIST, .loc = BODY("items"), .input = JSON("{\"a\":1}") },
		  "[{\"type\":\"list_type\",\"loc\":[\"body\",\"items\"],\"msg\":\"Input should be a valid list\",\"input\":{\"a\":1}}]" },
		{ { .type = FAULT_TOO_SHORT,
		    .loc = BODY("items"),
		    .input = JSON("[]"),
		    .limit = 1,
		    .actual = 0 },
		  "[{\"type\":\"too_short\",\"loc\":[\"body\",\"items\"],\"msg\":\"List should have at least 1 item after validation, "
		  "not 0\",\"input\":[],\"ctx\":{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}}]" },
		{ { .type = FAULT_TOO_LONG,
		    .loc = BODY("items"),
		    .input = JSON("[0]"),
		    .limit = 100,
		    .actual = 101 },
		  "[{\"type\":\"too_long\",\"loc\":[\"body\",\"items\"],\"msg\":\"List should have at most 100 items after validation, "
		  "not 101\",\"input\":[0],\"ctx\":{\"field_type\":\"List\",\"max_length\":100,\"actual_length\":101}}]" },
		{ { .type = FAULT_INT_TYPE, .loc = ITEM(0, "product_id"), .input = JSON("null") },
		  "[{\"type\":\"int_type\",\"loc\":[\"body\",\"items\",0,\"product_id\"],\"msg\":\"Input should be a valid integer\","
		  "\"input\":null}]" },
		{ { .type = FAULT_INT_PARSING,
		    .loc = { .part = "query", .name = "limit" },
		    .input = JSON("\"x\"") },
		  "[{\"type\":\"int_parsing\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be a valid integer, unable to parse "
		  "string as an integer\",\"input\":\"x\"}]" },
		{ { .type = FAULT_INT_FROM_FLOAT, .loc = ITEM(0, "quantity"), .input = JSON("2.5") },
		  "[{\"type\":\"int_from_float\",\"loc\":[\"body\",\"items\",0,\"quantity\"],\"msg\":\"Input should be a valid integer, "
		  "got a number with a fractional part\",\"input\":2.5}]" },
		{ { .type = FAULT_GREATER_THAN, .loc = ITEM(0, "quantity"), .input = JSON("0"), .limit = 0 },
		  "[{\"type\":\"greater_than\",\"loc\":[\"body\",\"items\",0,\"quantity\"],\"msg\":\"Input should be greater than 0\","
		  "\"input\":0,\"ctx\":{\"gt\":0}}]" },
		{ { .type = FAULT_GREATER_THAN_EQUAL,
		    .loc = { .part = "query", .name = "limit" },
		    .input = JSON("\"0\""),
		    .limit = 1 },
		  "[{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be greater than or equal to 1\","
		  "\"input\":\"0\",\"ctx\":{\"ge\":1}}]" },
		{ { .type = FAULT_LESS_THAN_EQUAL,
		    .loc = ITEM(0, "product_id"),
		    .input = JSON("9223372036854775808"),
		    .limit = INT64_MAX },
		  "[{\"type\":\"less_than_equal\",\"loc\":[\"body\",\"items\",0,\"product_id\"],\"msg\":\"Input should be less than or "
		  "equal to 9223372036854775807\",\"input\":9223372036854775808,\"ctx\":{\"le\":9223372036854775807}}]" },
		{ { .type = FAULT_ENUM,
		    .loc = BODY("status"),
		    .input = JSON("5"),
		    .expected = "'a', 'b' or 'c'" },
		  "[{\"type\":\"enum\",\"loc\":[\"body\",\"status\"],\"msg\":\"Input should be 'a', 'b' or 'c'\",\"input\":5,"
		  "\"ctx\":{\"expected\":\"'a', 'b' or 'c'\"}}]" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		faults_init(&f, ctx);
		faults_add(&f, &rows[i].fault);
		expect_text(closed(), rows[i].text, "fault");
	}
}

Test(fault, of_syntax_stands_alone)
{
	faults_add(&f, &(struct fault){ .type = FAULT_MISSING, .loc = BODY("items") });
	faults_set_syntax(&f, &(struct json_error){ 17, "Invalid \\escape" });
	cr_expect_eq(f.n, 1);
	expect_text(
		closed(),
		"[{\"type\":\"json_invalid\",\"loc\":[\"body\",17],\"msg\":\"JSON decode error\",\"input\":{},"
		"\"ctx\":{\"error\":\"Invalid \\\\escape\"}}]",
		"syntax");
}

Test(fault, list_is_empty_without_one)
{
	struct why why = { 0 };

	cr_expect_eq(faults_close(&f, &why), RC_OK);
	cr_expect_null(why.text);
}

Test(fault, list_separates_its_faults)
{
	faults_add(&f, &(struct fault){ .type = FAULT_MISSING, .loc = BODY("a") });
	faults_add(&f, &(struct fault){ .type = FAULT_MISSING, .loc = BODY("b") });
	cr_expect_eq(f.n, 2);
	expect_text(
		closed(),
		"[{\"type\":\"missing\",\"loc\":[\"body\",\"a\"],\"msg\":\"Field required\",\"input\":null},"
		"{\"type\":\"missing\",\"loc\":[\"body\",\"b\"],\"msg\":\"Field required\",\"input\":null}]",
		"two");
}

static const struct int_rule quantity = { 1, INT32_MAX, true }, id = { 1, INT64_MAX, true },
			     limit = { 1, 100, false }, skip = { 0, INT64_MAX, false };

/* The type of the only fault, "" when there is none. */
static const char *
only_type(void)
{
	const char *text = closed(), *end;

	if (!f.n)
		return "";
	cr_expect_eq(f.n, 1, "%s", text);
	text += strlen("[{\"type\":\"");
	end = strchr(text, '"');
	return talloc_strndup(ctx, text, (size_t)(end - text));
}

Test(fault, integers_are_read_as_pydantic_reads_them)
{
	static const struct {
		const char *text;
		const struct int_rule *rule;
		const char *type;
		int64_t value;
		const char *why;
	} rows[] = {
		{ "1", &quantity, "", 1, "the least" },
		{ "2147483647", &quantity, "", INT32_MAX, "the greatest" },
		{ "2.0", &quantity, "", 2, "a float without a fraction" },
		{ "1e3", &quantity, "", 1000, "an exponent" },
		{ "\"7\"", &quantity, "", 7, "a string of digits" },
		{ "\"007\"", &quantity, "", 7, "leading zeros" },
		{ "\"+7\"", &quantity, "", 7, "a sign" },
		{ "\"\\u0037\"", &quantity, "", 7, "escaped digits" },
		{ "9007199254740993", &id, "", INT64_C(9007199254740993), "no double has this value" },
		{ "9223372036854775807", &id, "", INT64_MAX, "the greatest" },
		{ "\"9223372036854775807\"", &id, "", INT64_MAX, "as a string" },
		{ "0", &quantity, "greater_than", 0, "one too few" },
		{ "-0.0", &quantity, "greater_than", 0, "zero" },
		{ "-1", &quantity, "greater_than", 0, "negative" },
		{ "\"-0\"", &quantity, "greater_than", 0, "zero as a string" },
		{ "\"-5\"", &quantity, "greater_than", 0, "negative as a string" },
		{ "-99999999999999999999", &quantity, "greater_than", 0, "far below, not clamped" },
		{ "-1e400", &quantity, "greater_than", 0, "further below" },
		{ "\"-99999999999999999999\"", &quantity, "greater_than", 0, "far below as a string" },
		{ "2147483648", &quantity, "less_than_equal", 0, "one too many" },
		{ "9223372036854775808", &id, "less_than_equal", 0, "one too many for 64 bits" },
		{ "99999999999999999999", &id, "less_than_equal", 0, "far above, not clamped" },
		{ "18446744073709551617", &id, "less_than_equal", 0, "1 when it wraps around" },
		{ "1e400", &id, "less_than_equal", 0, "infinite as a double" },
		{ "\"9223372036854775808\"", &id, "less_than_equal", 0, "as a string" },
		{ "2.5", &quantity, "int_from_float", 0, "a fraction" },
		{ "1e-1", &quantity, "int_from_float", 0, "a fraction, written otherwise" },
		{ "true", &quantity, "int_type", 0, "a bool" },
		{ "false", &quantity, "int_type", 0, "a bool" },
		{ "null", &quantity, "int_type", 0, "nothing" },
		{ "[1]", &quantity, "int_type", 0, "a list" },
		{ "{}", &quantity, "int_type", 0, "an object" },
		{ "\"\"", &quantity, "int_parsing", 0, "an empty string" },
		{ "\"x\"", &quantity, "int_parsing", 0, "no digits" },
		{ "\"1.5\"", &quantity, "int_parsing", 0, "a fraction as a string" },
		{ "\"1.\"", &quantity, "int_parsing", 0, "a point" },
		{ "\"1e2\"", &quantity, "int_parsing", 0, "an exponent as a string" },
		{ "\"0x10\"", &quantity, "int_parsing", 0, "hex" },
		{ "\"--5\"", &quantity, "int_parsing", 0, "two signs" },
		{ "\"-\"", &quantity, "int_parsing", 0, "a sign alone" },
		{ "\"7\\u0000\"", &quantity, "int_parsing", 0, "a NUL" },
		{ "\"\xd9\xa3\"", &quantity, "int_parsing", 0, "another script's digit" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		static const struct loc loc = BODY("n");
		int64_t v = -77;
		bool good;

		faults_init(&f, ctx);
		good = faults_int(&f, loc, (struct json){ rows[i].text, strlen(rows[i].text) }, rows[i].rule,
				  &v);
		expect_text(only_type(), rows[i].type, rows[i].text);
		expect_int(good, !*rows[i].type, rows[i].text);
		expect_int(v, good ? rows[i].value : -77, rows[i].why);
	}
}

Test(fault, parameters_are_read_like_strings)
{
	static const struct {
		const char *text;
		size_t len;
		const struct int_rule *rule;
		int64_t value;
		const char *faults;
	} rows[] = {
		{ LITERAL("0"), &skip, 0, "" },
		{ LITERAL("9223372036854775807"), &skip, INT64_MAX, "" },
		{ LITERAL("100"), &limit, 100, "" },
		{ LITERAL("+5"), &limit, 5, "" },
		{ LITERAL("101"), &limit, 0,
		  "[{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be less than or equal to 100\","
		  "\"input\":\"101\",\"ctx\":{\"le\":100}}]" },
		{ LITERAL("0"), &limit, 0,
		  "[{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be greater than or equal to 1\","
		  "\"input\":\"0\",\"ctx\":{\"ge\":1}}]" },
		{ LITERAL("-1"), &skip, 0,
		  "[{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be greater than or equal to 0\","
		  "\"input\":\"-1\",\"ctx\":{\"ge\":0}}]" },
		{ LITERAL("99999999999999999999"), &skip, 0,
		  "[{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be less than or equal to "
		  "9223372036854775807\",\"input\":\"99999999999999999999\",\"ctx\":{\"le\":9223372036854775807}}]" },
		{ LITERAL(""), &skip, 0,
		  "[{\"type\":\"int_parsing\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be a valid integer, unable to parse string "
		  "as an integer\",\"input\":\"\"}]" },
		{ LITERAL("a\"b\0"), &skip, 0,
		  "[{\"type\":\"int_parsing\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be a valid integer, unable to parse string "
		  "as an integer\",\"input\":\"a\\\"b\\u0000\"}]" },
		/* what is not UTF-8 is replaced as Python's bytes.decode(errors="replace") does, and FastAPI with it */
		{ LITERAL("\xff"), &skip, 0,
		  "[{\"type\":\"int_parsing\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be a valid integer, unable to parse string "
		  "as an integer\",\"input\":\"\xef\xbf\xbd\"}]" },
		{ LITERAL("a\xf0\x9f\x9az\xc3\xa9\xed\xa0\x80"), &skip, 0,
		  "[{\"type\":\"int_parsing\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be a valid integer, unable to parse string "
		  "as an integer\",\"input\":\"a\xef\xbf\xbdz\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}]" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		static const struct loc loc = { .part = "query", .name = "n" };
		int64_t v = -77;
		bool good;

		faults_init(&f, ctx);
		good = faults_int_text(&f, loc, rows[i].text, rows[i].len, rows[i].rule, &v);
		expect_text(closed(), rows[i].faults, rows[i].text);
		expect_int(good, !*rows[i].faults, rows[i].text);
		expect_int(v, good ? rows[i].value : -77, rows[i].text);
	}
}

Test(fault, of_a_path_shows_what_came)
{
	static const struct loc loc = { .part = "path", .name = "order_id" };

	faults_add_not_an_int(&f, loc, LITERAL("ab\"c"));
	expect_text(
		closed(),
		"[{\"type\":\"int_parsing\",\"loc\":[\"path\",\"order_id\"],\"msg\":\"Input should be a valid integer, unable to parse "
		"string as an integer\",\"input\":\"ab\\\"c\"}]",
		"path");
}

Test(fault, list_without_memory_fails_as_a_whole)
{
	static const struct loc loc = { .part = "query", .name = "n" };
	struct why why = { 0 };
	int64_t v;

	(void)faults_int_text(&f, loc, LITERAL("x"), &skip, &v);
	limit_memory(ctx, 1);
	(void)faults_int_text(&f, loc, LITERAL("x"), &skip, &v);
	cr_expect_eq(faults_close(&f, &why), RC_NO_MEMORY);
	cr_expect_null(why.text);
}
