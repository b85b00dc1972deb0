/* The bodies that clients send. */
#include "json/request_json.h"

#include "context.h"
#include "table.h"

TestSuite(request_json, .init = open_ctx, .fini = close_ctx);

#define MISSING(loc, input)                                                                                  \
	"{\"type\":\"missing\",\"loc\":[" loc "],\"msg\":\"Field required\",\"input\":" input "}"
#define NO_OBJECT(loc, input)                                                                                \
	"{\"type\":\"model_attributes_type\",\"loc\":[" loc                                                  \
	"],\"msg\":\"Input should be a valid dictionary or object to "                                       \
	"extract fields from\",\"input\":" input "}"
#define NO_LIST(input)                                                                                                   \
	"{\"type\":\"list_type\",\"loc\":[\"body\",\"items\"],\"msg\":\"Input should be a valid list\",\"input\":" input \
	"}"
#define INT_TYPE(loc, input)                                                                                 \
	"{\"type\":\"int_type\",\"loc\":[" loc                                                               \
	"],\"msg\":\"Input should be a valid integer\",\"input\":" input "}"
#define INT_PARSING(loc, input)                                                                              \
	"{\"type\":\"int_parsing\",\"loc\":[" loc                                                            \
	"],\"msg\":\"Input should be a valid integer, unable to parse string as "                            \
	"an integer\",\"input\":" input "}"
#define FROM_FLOAT(loc, input)                                                                               \
	"{\"type\":\"int_from_float\",\"loc\":[" loc                                                         \
	"],\"msg\":\"Input should be a valid integer, got a number with a "                                  \
	"fractional part\",\"input\":" input "}"
#define GREATER(loc, input)                                                                                  \
	"{\"type\":\"greater_than\",\"loc\":[" loc                                                           \
	"],\"msg\":\"Input should be greater than 0\",\"input\":" input ",\"ctx\":{\"gt\":0}}"
#define LESS_EQUAL(loc, limit, input)                                                                        \
	"{\"type\":\"less_than_equal\",\"loc\":[" loc                                                        \
	"],\"msg\":\"Input should be less than or equal to " limit "\",\"input\":" input                     \
	",\"ctx\":{\"le\":" limit "}}"
#define SYNTAX(offset, message)                                                                              \
	"{\"type\":\"json_invalid\",\"loc\":[\"body\"," offset                                               \
	"],\"msg\":\"JSON decode error\",\"input\":{},\"ctx\":{\"error\":\"" message "\"}}"
#define STATUSES "'pending', 'confirmed', 'shipped', 'delivered' or 'cancelled'"
#define NO_STATUS(input)                                                                                     \
	"{\"type\":\"enum\",\"loc\":[\"body\",\"status\"],\"msg\":\"Input should be " STATUSES               \
	"\",\"input\":" input ",\"ctx\":{\"expected\":\"" STATUSES "\"}}"
#define ID(i) "\"body\",\"items\"," #i ",\"product_id\""
#define QUANTITY(i) "\"body\",\"items\"," #i ",\"quantity\""

static const char *
faults_of(struct faults *f)
{
	struct why why = { 0 };

	cr_assert_eq(faults_close(f, &why), f->n ? RC_INVALID : RC_OK);
	return f->n ? why.text : "";
}

Test(request_json, reads_a_draft)
{
	static const struct {
		const char *body;
		struct draft draft;
		const char *why;
	} rows[] = {
		{ "{\"items\":[{\"product_id\":3,\"quantity\":2}]}",
		  { 1, { { 3, 2 } } },
		  "the contract's example" },
		{ " { \"items\" : [ { \"quantity\" : 1 , \"product_id\" : 7 } , { \"product_id\" : \"3\", \"quantity\":\"2\" } ] } ",
		  { 2, { { 7, 1 }, { 3, 2 } } },
		  "white space, another order, strings of digits" },
		{ "{\"x\":[],\"items\":[{\"product_id\":9223372036854775807,\"quantity\":2147483647,\"note\":\"?\"}]}",
		  { 1, { { INT64_MAX, INT32_MAX } } },
		  "the greatest; unknown members" },
		{ "{\"items\":5,\"items\":[{\"product_id\":1,\"product_id\":2,\"quantity\":2.0}]}",
		  { 1, { { 2, 2 } } },
		  "a name twice: the last counts" },
		{ "{\"items\":[{\"product_id\":3,\"quantity\":1},{\"product_id\":3,\"quantity\":1}]}",
		  { 2, { { 3, 1 }, { 3, 1 } } },
		  "the same product twice" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct faults f;
		struct draft d = { 0 };

		faults_init(&f, ctx);
		expect_int(draft_decode(&f, rows[i].body, strlen(rows[i].body), &d), RC_OK, rows[i].why);
		expect_text(faults_of(&f), "", rows[i].why);
		expect_int(d.n, rows[i].draft.n, rows[i].why);
		for (size_t j = 0; j < d.n; j++) {
			expect_int(d.wishes[j].product_id, rows[i].draft.wishes[j].product_id, rows[i].why);
			expect_int(d.wishes[j].quantity, rows[i].draft.wishes[j].quantity, rows[i].why);
		}
	}
}

struct row {
	const char *body, *faults;
};

/* The answers to bodies that are JSON were taken from pydantic 2.13, save where the contract wants otherwise: a
 * bool is no integer, and all too great numbers are too great, however they are written. */
Test(request_json, tells_every_fault_of_a_draft)
{
	static const struct row rows[] = {
		{ "", "[" MISSING("\"body\"", "null") "]" },
		{ "null", "[" MISSING("\"body\"", "null") "]" },
		{ " ", "[" SYNTAX("1", "Expecting value") "]" },
		{ "[]", "[" NO_OBJECT("\"body\"", "[]") "]" },
		{ "\"x\"", "[" NO_OBJECT("\"body\"", "\"x\"") "]" },
		{ "5", "[" NO_OBJECT("\"body\"", "5") "]" },
		{ "true", "[" NO_OBJECT("\"body\"", "true") "]" },
		{ "{}", "[" MISSING("\"body\",\"items\"", "{}") "]" },
		{ "{\"item\":[]}", "[" MISSING("\"body\",\"items\"", "{\"item\":[]}") "]" },
		{ "{\"items\":null}", "[" NO_LIST("null") "]" },
		{ "{\"items\":{\"a\":1}}", "[" NO_LIST("{\"a\":1}") "]" },
		{ "{\"items\":\"abc\"}", "[" NO_LIST("\"abc\"") "]" },
		{ "{\"items\":[]}",
		  "[{\"type\":\"too_short\",\"loc\":[\"body\",\"items\"],\"msg\":\"List should have at least 1 item after validation, "
		  "not 0\",\"input\":[],\"ctx\":{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}}]" },
		{ "{\"items\":[5]}", "[" NO_OBJECT("\"body\",\"items\",0", "5") "]" },
		{ "{\"items\":[null,[]]}", "[" NO_OBJECT("\"body\",\"items\",0", "null") "," NO_OBJECT(
						   "\"body\",\"items\",1", "[]") "]" },
		{ "{\"items\":[{}]}", "[" MISSING(ID(0), "{}") "," MISSING(QUANTITY(0), "{}") "]" },
		{ "{\"items\":[{\"quantity\":0}]}",
		  "[" MISSING(ID(0), "{\"quantity\":0}") "," GREATER(QUANTITY(0), "0") "]" },
		{ "{\"items\":[{\"product_id\":1,\"quantity\":1},{\"quantity\":\"x\",\"product_id\":2.5},7]}",
		  "[" FROM_FLOAT(ID(1), "2.5") "," INT_PARSING(QUANTITY(1), "\"x\"") "," NO_OBJECT(
			  "\"body\",\"items\",2", "7") "]" },
		{ "{\"items\":[{\"product_id\":true,\"quantity\":null}]}",
		  "[" INT_TYPE(ID(0), "true") "," INT_TYPE(QUANTITY(0), "null") "]" },
		{ "{\"items\":[{\"product_id\":[1],\"quantity\":{}}]}",
		  "[" INT_TYPE(ID(0), "[1]") "," INT_TYPE(QUANTITY(0), "{}") "]" },
		{ "{\"items\":[{\"product_id\":0,\"quantity\":-1}]}",
		  "[" GREATER(ID(0), "0") "," GREATER(QUANTITY(0), "-1") "]" },
		{ "{\"items\":[{\"product_id\":9223372036854775808,\"quantity\":2147483648}]}",
		  "[" LESS_EQUAL(ID(0), "9223372036854775807", "9223372036854775808") "," LESS_EQUAL(
			  QUANTITY(0), "2147483647", "2147483648") "]" },
		{ "{\"items\":[{\"product_id\":\"99999999999999999999\",\"quantity\":\"-99999999999999999999\"}]}",
		  "[" LESS_EQUAL(ID(0), "9223372036854775807", "\"99999999999999999999\"") "," GREATER(
			  QUANTITY(0), "\"-99999999999999999999\"") "]" },
		{ "{\"items\":[{\"product_id\":1e30,\"quantity\":-1e30}]}",
		  "[" LESS_EQUAL(ID(0), "9223372036854775807", "1e30") "," GREATER(QUANTITY(0),
										   "-1e30") "]" },
		{ "{\"items\":[{\"product_id\":\"\",\"quantity\":\"1.5\"}]}",
		  "[" INT_PARSING(ID(0), "\"\"") "," INT_PARSING(QUANTITY(0), "\"1.5\"") "]" },
		{ "{'items':[]}", "[" SYNTAX("1", "Expecting property name enclosed in double quotes") "]" },
		{ "{\"items\":[{\"product_id\":NaN,\"quantity\":1}]}",
		  "[" SYNTAX("24", "Expecting value") "]" },
		{ "{\"items\":[{\"product_id\":01,\"quantity\":1}]}",
		  "[" SYNTAX("25", "Expecting ',' delimiter") "]" },
		{ "{\"items\":[{\"product_id\":-01,\"quantity\":1}]}",
		  "[" SYNTAX("26", "Expecting ',' delimiter") "]" },
		{ "{\"items\":[{\"product_id\":1.,\"quantity\":1}]}",
		  "[" SYNTAX("25", "Expecting ',' delimiter") "]" },
		{ "{\"items\":\"\xc3\xa9\t\"}", "[" SYNTAX("11", "Invalid control character at") "]" },
		{ "{\"items\":\"\\x\"}", "[" SYNTAX("10", "Invalid \\\\escape") "]" },
		{ "{\"items\":[]} {}", "[" SYNTAX("13", "Extra data") "]" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct faults f;
		struct draft d;

		faults_init(&f, ctx);
		expect_int(draft_decode(&f, rows[i].body, strlen(rows[i].body), &d), RC_OK, rows[i].body);
		expect_text(faults_of(&f), rows[i].faults, rows[i].body);
	}
}

/* {"items":[item, …]}, n times. */
static char *
repeat(const char *item, int n)
{
	char *body = talloc_strdup(ctx, "{\"items\":[");

	for (int i = 0; i < n; i++)
		body = talloc_asprintf_append_buffer(body, "%s%s", i ? "," : "", item);
	return talloc_strdup_append_buffer(body, "]}");
}

Test(request_json, takes_100_lines)
{
	const char *body = repeat("{\"product_id\":7,\"quantity\":3}", 100);
	struct faults f;
	struct draft d;

	faults_init(&f, ctx);
	cr_expect_eq(draft_decode(&f, body, strlen(body), &d), RC_OK);
	cr_expect_eq(f.n, 0);
	cr_expect_eq(d.n, 100);
	cr_expect(d.wishes[99].product_id == 7 && d.wishes[99].quantity == 3);
}

Test(request_json, of_101_lines_says_only_that)
{
	static const char *const items[] = { "{\"product_id\":7,\"quantity\":3}", "0" };

	for (size_t i = 0; i < ROWS(items); i++) {
		const char *body = repeat(items[i], 101);
		const char *list = talloc_strndup(ctx, body + 9, strlen(body) - 10), *want;
		struct faults f;
		struct draft d;

		want = talloc_asprintf(
			ctx,
			"[{\"type\":\"too_long\",\"loc\":[\"body\",\"items\"],\"msg\":\"List should have at most "
			"100 items after validation, not 101\",\"input\":%s,\"ctx\":{\"field_type\":\"List\","
			"\"max_length\":100,\"actual_length\":101}}]",
			list);
		faults_init(&f, ctx);
		cr_expect_eq(draft_decode(&f, body, strlen(body), &d), RC_OK);
		expect_text(faults_of(&f), want, items[i]);
	}
}

Test(request_json, names_each_of_200_faults)
{
	const char *body = repeat("{}", 100), *p;
	struct faults f;
	struct draft d;
	int n = 0;

	faults_init(&f, ctx);
	cr_expect_eq(draft_decode(&f, body, strlen(body), &d), RC_OK);
	cr_expect_eq(f.n, 200);
	for (p = faults_of(&f); (p = strstr(p, "\"type\":\"missing\"")); p++)
		n++;
	cr_expect_eq(n, 200);
}

Test(request_json, says_when_a_body_cannot_be_read)
{
	char *deep = talloc_zero_size(ctx, 10001);
	static const struct {
		const char *body;
		size_t len;
		const char *why;
	} rows[] = { { LITERAL("{\"items\":\"\xff\"}"), "not UTF-8" }, { LITERAL("\xff"), "not UTF-8" } };
	struct faults f;
	struct draft d;
	struct status_change s;

	for (size_t i = 0; i < ROWS(rows); i++) {
		faults_init(&f, ctx);
		expect_int(draft_decode(&f, rows[i].body, rows[i].len, &d), RC_BODY_UNREADABLE, rows[i].why);
		expect_int(status_change_decode(&f, rows[i].body, rows[i].len, &s), RC_BODY_UNREADABLE,
			   rows[i].why);
		expect_int(f.n, 0, rows[i].why);
	}
	memset(deep, '[', 10000);
	cr_expect_eq(draft_decode(&f, deep, 10000, &d), RC_BODY_UNREADABLE,
		     "nested too deeply, as in Python");
}

Test(request_json, reads_a_status)
{
	static const struct {
		const char *body;
		enum status status;
	} rows[] = {
		{ "{\"status\":\"pending\"}", STATUS_PENDING },
		{ "{\"status\":\"confirmed\"}", STATUS_CONFIRMED },
		{ "{\"status\":\"shipped\"}", STATUS_SHIPPED },
		{ "{\"status\":\"delivered\",\"notes\":1}", STATUS_DELIVERED },
		{ "{\"status\":\"\\u0063ancelled\"}", STATUS_CANCELLED },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct status_change s = { .status = STATUS_COUNT };
		struct faults f;

		faults_init(&f, ctx);
		expect_int(status_change_decode(&f, rows[i].body, strlen(rows[i].body), &s), RC_OK,
			   rows[i].body);
		expect_text(faults_of(&f), "", rows[i].body);
		expect_int(s.status, rows[i].status, rows[i].body);
	}
}

Test(request_json, tells_every_fault_of_a_status)
{
	static const struct row rows[] = {
		{ "", "[" MISSING("\"body\"", "null") "]" },
		{ "[]", "[" NO_OBJECT("\"body\"", "[]") "]" },
		{ "{}", "[" MISSING("\"body\",\"status\"", "{}") "]" },
		{ "{\"status\":\"x\"}", "[" NO_STATUS("\"x\"") "]" },
		{ "{\"status\":\"Pending\"}", "[" NO_STATUS("\"Pending\"") "]" },
		{ "{\"status\":\"\"}", "[" NO_STATUS("\"\"") "]" },
		{ "{\"status\":\"pending\\u0000\"}", "[" NO_STATUS("\"pending\\u0000\"") "]" },
		{ "{\"status\":5}", "[" NO_STATUS("5") "]" },
		{ "{\"status\":null}", "[" NO_STATUS("null") "]" },
		{ "{\"status\":[\"pending\"]}", "[" NO_STATUS("[\"pending\"]") "]" },
		{ "{\"status\":pending}", "[" SYNTAX("10", "Expecting value") "]" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct status_change s = { .status = STATUS_COUNT };
		struct faults f;

		faults_init(&f, ctx);
		expect_int(status_change_decode(&f, rows[i].body, strlen(rows[i].body), &s), RC_OK,
			   rows[i].body);
		expect_text(faults_of(&f), rows[i].faults, rows[i].body);
		expect_int(s.status, STATUS_COUNT, rows[i].body);
	}
}

Test(request_json, reads_a_reason_and_a_note)
{
	static const struct {
		const char *body, *reason, *note; /* NULL: none */
	} rows[] = {
		{ "{\"status\":\"cancelled\"}", NULL, NULL },
		{ "{\"status\":\"cancelled\",\"reason\":null,\"note\":null}", NULL, NULL },
		{ "{\"status\":\"cancelled\",\"reason\":\"fraud\"}", "fraud", NULL },
		{ "{\"note\":\"\",\"status\":\"cancelled\"}", NULL, "" },
		{ "{\"note\":\"a \\\"b\\\" \\u00e9\\n\",\"reason\":\"\\u006fther\",\"status\":\"cancelled\"}",
		  "other", "a \"b\" \xc3\xa9\n" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct status_change s = { .reason = "x", .note = "x" };
		struct faults f;

		faults_init(&f, ctx);
		expect_int(status_change_decode(&f, rows[i].body, strlen(rows[i].body), &s), RC_OK,
			   rows[i].body);
		expect_text(faults_of(&f), "", rows[i].body);
		expect_int(s.status, STATUS_CANCELLED, rows[i].body);
		expect_text(s.reason ? s.reason : "-", rows[i].reason ? rows[i].reason : "-", rows[i].body);
		expect_text(s.note ? s.note : "-", rows[i].note ? rows[i].note : "-", rows[i].body);
	}
}

/* n times the character. */
static const char *
note_of(const char *character, int n)
{
	char *note = talloc_strdup(ctx, "");

	while (n-- > 0)
		note = talloc_strdup_append_buffer(note, character);
	return note;
}

Test(request_json, counts_the_characters_of_a_note)
{
	static const char *const characters[] = { "x", "\xc3\xa9", "\xf0\x9f\x9a\x80", "\\u00e9",
						  "\\ud83d\\ude80" };

	for (size_t i = 0; i < ROWS(characters); i++)
		for (int n = 255; n <= 256; n++) {
			const char *note = note_of(characters[i], n);
			const char *body = talloc_asprintf(ctx, "{\"status\":\"pending\",\"note\":\"%s\"}",
							   note);
			struct status_change s = { .note = NULL };
			struct faults f;

			faults_init(&f, ctx);
			expect_int(status_change_decode(&f, body, strlen(body), &s), RC_OK, body);
			expect_text(faults_of(&f),
				    n == 255
					    ? ""
					    : talloc_asprintf(
						      ctx,
						      "[{\"type\":\"string_too_long\",\"loc\":[\"body\","
						      "\"note\"],\"msg\":\"String should have at most 255 "
						      "characters\",\"input\":\"%s\",\"ctx\":{\"max_length\":"
						      "255}}]",
						      note),
				    body);
			cr_expect_eq(!s.note, n == 256);
		}
}

#define NO_REASON(input)                                                                                               \
	"{\"type\":\"enum\",\"loc\":[\"body\",\"reason\"],\"msg\":\"Input should be 'customer', 'declined', 'fraud', " \
	"'inventory', 'staff' or 'other'\",\"input\":" input                                                           \
	",\"ctx\":{\"expected\":\"'customer', 'declined', 'fraud', "                                                   \
	"'inventory', 'staff' or 'other'\"}}"
#define NO_STRING(input)                                                                                                    \
	"{\"type\":\"string_type\",\"loc\":[\"body\",\"note\"],\"msg\":\"Input should be a valid string\",\"input\":" input \
	"}"

Test(request_json, tells_every_fault_of_a_reason_and_a_note)
{
	static const struct row rows[] = {
		{ "{\"status\":\"pending\",\"reason\":\"whim\"}", "[" NO_REASON("\"whim\"") "]" },
		{ "{\"status\":\"pending\",\"reason\":\"\"}", "[" NO_REASON("\"\"") "]" },
		{ "{\"status\":\"pending\",\"reason\":\"Fraud\"}", "[" NO_REASON("\"Fraud\"") "]" },
		{ "{\"status\":\"pending\",\"reason\":1}", "[" NO_REASON("1") "]" },
		{ "{\"status\":\"pending\",\"reason\":[\"fraud\"]}", "[" NO_REASON("[\"fraud\"]") "]" },
		{ "{\"status\":\"pending\",\"note\":1}", "[" NO_STRING("1") "]" },
		{ "{\"status\":\"pending\",\"note\":false}", "[" NO_STRING("false") "]" },
		{ "{\"status\":\"pending\",\"note\":{}}", "[" NO_STRING("{}") "]" },
		{ "{\"status\":\"pending\",\"note\":\"a\\u0000b\"}",
		  "[{\"type\":\"value_error\",\"loc\":[\"body\",\"note\"],\"msg\":\"Value error, NUL characters are not "
		  "allowed\",\"input\":\"a\\u0000b\",\"ctx\":{\"error\":{}}}]" },
		{ "{\"note\":2,\"reason\":3,\"status\":4}",
		  "[" NO_STATUS("4") "," NO_REASON("3") "," NO_STRING("2") "]" },
		{ "{\"note\":2}", "[" MISSING("\"body\",\"status\"", "{\"note\":2}") "," NO_STRING("2") "]" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct status_change s = { .status = STATUS_COUNT };
		struct faults f;

		faults_init(&f, ctx);
		expect_int(status_change_decode(&f, rows[i].body, strlen(rows[i].body), &s), RC_OK,
			   rows[i].body);
		expect_text(faults_of(&f), rows[i].faults, rows[i].body);
		expect_int(s.status, STATUS_COUNT, rows[i].body);
	}
}

Test(request_json, a_status_needs_memory)
{
	static const char body[] = "{\"status\":\"pending\"}";
	struct status_change s;
	struct faults f;

	faults_init(&f, ctx);
	limit_memory(ctx, 1);
	cr_expect_eq(status_change_decode(&f, body, strlen(body), &s), RC_NO_MEMORY);
}
