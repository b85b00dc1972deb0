/* Bodies: JSON, its shape, media types, sizes; faults as FastAPI with pydantic 2 writes them. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <string.h>

#include "support/expect.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"
#define OBJECT "Input should be a valid dictionary or object to extract fields from"
#define INTEGER "Input should be a valid integer"
#define PARSE INTEGER ", unable to parse string as an integer"
#define FLOAT INTEGER ", got a number with a fractional part"
#define UNREADABLE "There was an error parsing the body"
#define STATUSES "'pending', 'confirmed', 'shipped', 'delivered' or 'cancelled'"

struct row {
	const char *body, *faults;
};

static void
expect_faults(const char *method, const char *target, const struct row *rows, size_t n)
{
	const char *token = token_of(new_user());

	for (size_t i = 0; i < n; i++) {
		struct answer a = ASK(pool_shared(), .method = method, .target = target, .token = token,
				      .body = rows[i].body);

		EXPECT_ROW(rows[i].body, a, 422, text("{\"detail\":[%s]}", rows[i].faults));
	}
}

#define ITEM(n, member) "[\"body\",\"items\"," #n ",\"" member "\"]"
#define FAULT(type, loc, msg, input)                                                                         \
	"{\"type\":\"" type "\",\"loc\":" loc ",\"msg\":\"" msg "\",\"input\":" input "}"
#define FAULT_CTX(type, loc, msg, input, ctx)                                                                \
	"{\"type\":\"" type "\",\"loc\":" loc ",\"msg\":\"" msg "\",\"input\":" input ",\"ctx\":" ctx "}"
#define OF_ITEM(product, quantity) "{\"items\":[{\"product_id\":" product ",\"quantity\":" quantity "}]}"

Test(validation, names_what_is_wrong_with_the_shape_of_an_order)
{
	static const struct row rows[] = {
		{ "null", FAULT("missing", "[\"body\"]", "Field required", "null") },
		{ "[]", FAULT("model_attributes_type", "[\"body\"]", OBJECT, "[]") },
		{ "\"x\"", FAULT("model_attributes_type", "[\"body\"]", OBJECT, "\"x\"") },
		{ "5", FAULT("model_attributes_type", "[\"body\"]", OBJECT, "5") },
		{ "true", FAULT("model_attributes_type", "[\"body\"]", OBJECT, "true") },
		{ "{}", FAULT("missing", "[\"body\",\"items\"]", "Field required", "{}") },
		{ "{\"Items\":[]}",
		  FAULT("missing", "[\"body\",\"items\"]", "Field required", "{\"Items\":[]}") },
		{ "{\"items\":null}",
		  FAULT("list_type", "[\"body\",\"items\"]", "Input should be a valid list", "null") },
		{ "{\"items\":{}}",
		  FAULT("list_type", "[\"body\",\"items\"]", "Input should be a valid list", "{}") },
		{ "{\"items\":\"3\"}",
		  FAULT("list_type", "[\"body\",\"items\"]", "Input should be a valid list", "\"3\"") },
		{ "{\"items\":7}",
		  FAULT("list_type", "[\"body\",\"items\"]", "Input should be a valid list", "7") },
		{ "{\"items\":[]}",
		  FAULT_CTX("too_short", "[\"body\",\"items\"]",
			    "List should have at least 1 item after validation, not 0", "[]",
			    "{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}") },
		{ "{\"items\":[5]}", FAULT("model_attributes_type", "[\"body\",\"items\",0]", OBJECT, "5") },
		{ "{\"items\":[null]}",
		  FAULT("model_attributes_type", "[\"body\",\"items\",0]", OBJECT, "null") },
		{ "{\"items\":[[]]}",
		  FAULT("model_attributes_type", "[\"body\",\"items\",0]", OBJECT, "[]") },
		{ "{\"items\":[{}]}",
		  FAULT("missing", ITEM(0, "product_id"), "Field required",
			"{}") "," FAULT("missing", ITEM(0, "quantity"), "Field required", "{}") },
		{ "{\"items\":[{\"product_id\":3}]}",
		  FAULT("missing", ITEM(0, "quantity"), "Field required", "{\"product_id\":3}") },
		{ "{\"items\":[{\"quantity\":3}]}",
		  FAULT("missing", ITEM(0, "product_id"), "Field required", "{\"quantity\":3}") },
		/* of two members with one name the last one counts */
		{ "{\"items\":[{\"product_id\":3,\"quantity\":1}],\"items\":7}",
		  FAULT("list_type", "[\"body\",\"items\"]", "Input should be a valid list", "7") },
	};

	expect_faults("POST", ORDERS, rows, sizeof rows / sizeof *rows);
}

Test(validation, names_what_is_wrong_with_a_product_id)
{
	static const struct row rows[] = {
		{ OF_ITEM("0", "1"), FAULT_CTX("greater_than", ITEM(0, "product_id"),
					       "Input should be greater than 0", "0", "{\"gt\":0}") },
		{ OF_ITEM("-1", "1"), FAULT_CTX("greater_than", ITEM(0, "product_id"),
						"Input should be greater than 0", "-1", "{\"gt\":0}") },
		{ OF_ITEM("\"0\"", "1"), FAULT_CTX("greater_than", ITEM(0, "product_id"),
						   "Input should be greater than 0", "\"0\"", "{\"gt\":0}") },
		{ OF_ITEM("-9223372036854775809", "1"),
		  FAULT_CTX("greater_than", ITEM(0, "product_id"), "Input should be greater than 0",
			    "-9223372036854775809", "{\"gt\":0}") },
		{ OF_ITEM("9223372036854775808", "1"),
		  FAULT_CTX("less_than_equal", ITEM(0, "product_id"),
			    "Input should be less than or equal to 9223372036854775807",
			    "9223372036854775808", "{\"le\":9223372036854775807}") },
		{ OF_ITEM("18446744073709551619", "1"), /* 3 modulo 2^64 */
		  FAULT_CTX("less_than_equal", ITEM(0, "product_id"),
			    "Input should be less than or equal to 9223372036854775807",
			    "18446744073709551619", "{\"le\":9223372036854775807}") },
		{ OF_ITEM("\"9223372036854775808\"", "1"),
		  FAULT_CTX("less_than_equal", ITEM(0, "product_id"),
			    "Input should be less than or equal to 9223372036854775807",
			    "\"9223372036854775808\"", "{\"le\":9223372036854775807}") },
		{ OF_ITEM("1.5", "1"), FAULT("int_from_float", ITEM(0, "product_id"), FLOAT, "1.5") },
		{ OF_ITEM("\"1.5\"", "1"), FAULT("int_parsing", ITEM(0, "product_id"), PARSE, "\"1.5\"") },
		{ OF_ITEM("\"abc\"", "1"), FAULT("int_parsing", ITEM(0, "product_id"), PARSE, "\"abc\"") },
		{ OF_ITEM("\"\"", "1"), FAULT("int_parsing", ITEM(0, "product_id"), PARSE, "\"\"") },
		{ OF_ITEM("\"3x\"", "1"), FAULT("int_parsing", ITEM(0, "product_id"), PARSE, "\"3x\"") },
		{ OF_ITEM("\"0x3\"", "1"), FAULT("int_parsing", ITEM(0, "product_id"), PARSE, "\"0x3\"") },
		{ OF_ITEM("\"caf\xc3\xa9\"", "1"),
		  FAULT("int_parsing", ITEM(0, "product_id"), PARSE, "\"caf\xc3\xa9\"") },
		{ OF_ITEM("true", "1"), FAULT("int_type", ITEM(0, "product_id"), INTEGER, "true") },
		{ OF_ITEM("false", "1"), FAULT("int_type", ITEM(0, "product_id"), INTEGER, "false") },
		{ OF_ITEM("null", "1"), FAULT("int_type", ITEM(0, "product_id"), INTEGER, "null") },
		{ OF_ITEM("[3]", "1"), FAULT("int_type", ITEM(0, "product_id"), INTEGER, "[3]") },
		{ OF_ITEM("{}", "1"), FAULT("int_type", ITEM(0, "product_id"), INTEGER, "{}") },
	};

	expect_faults("POST", ORDERS, rows, sizeof rows / sizeof *rows);
}

Test(validation, names_what_is_wrong_with_a_quantity)
{
	static const struct row rows[] = {
		{ OF_ITEM("3", "0"), FAULT_CTX("greater_than", ITEM(0, "quantity"),
					       "Input should be greater than 0", "0", "{\"gt\":0}") },
		{ OF_ITEM("3", "-2"), FAULT_CTX("greater_than", ITEM(0, "quantity"),
						"Input should be greater than 0", "-2", "{\"gt\":0}") },
		{ OF_ITEM("3", "2147483648"), FAULT_CTX("less_than_equal", ITEM(0, "quantity"),
							"Input should be less than or equal to 2147483647",
							"2147483648", "{\"le\":2147483647}") },
		{ OF_ITEM("3", "4294967298"), /* 2 modulo 2^32 */
		  FAULT_CTX("less_than_equal", ITEM(0, "quantity"),
			    "Input should be less than or equal to 2147483647", "4294967298",
			    "{\"le\":2147483647}") },
		{ OF_ITEM("3", "99999999999999999999"),
		  FAULT_CTX("less_than_equal", ITEM(0, "quantity"),
			    "Input should be less than or equal to 2147483647", "99999999999999999999",
			    "{\"le\":2147483647}") },
		{ OF_ITEM("3", "2.5"), FAULT("int_from_float", ITEM(0, "quantity"), FLOAT, "2.5") },
		{ OF_ITEM("3", "0.1"), FAULT("int_from_float", ITEM(0, "quantity"), FLOAT, "0.1") },
		{ OF_ITEM("3", "true"), FAULT("int_type", ITEM(0, "quantity"), INTEGER, "true") },
		{ OF_ITEM("3", "null"), FAULT("int_type", ITEM(0, "quantity"), INTEGER, "null") },
		{ OF_ITEM("3", "\"two\""), FAULT("int_parsing", ITEM(0, "quantity"), PARSE, "\"two\"") },
		{ OF_ITEM("3", "\"2.5\""), FAULT("int_parsing", ITEM(0, "quantity"), PARSE, "\"2.5\"") },
	};
	struct answer a;

	expect_faults("POST", ORDERS, rows, sizeof rows / sizeof *rows);
	a = ASK(pool_shared(), .target = ORDERS, .token = token_of(new_user()),
		.body = OF_ITEM("24", "2147483647"));
	EXPECT_DETAIL(a, 400, "Insufficient stock for product 24. Available: 1000000, requested: 2147483647");
}

Test(validation, names_every_fault_items_in_order_product_before_quantity)
{
	static const struct row rows[] = {
		{ "{\"items\":[{\"quantity\":0,\"product_id\":-1},{\"product_id\":3,\"quantity\":1},7,{\"product_id\":\"x\"}]}",
		  FAULT_CTX("greater_than", ITEM(0, "product_id"), "Input should be greater than 0", "-1", "{\"gt\":0}") "," FAULT_CTX(
			  "greater_than", ITEM(0, "quantity"), "Input should be greater than 0", "0",
			  "{\"gt\":0}") "," FAULT("model_attributes_type", "[\"body\",\"items\",2]", OBJECT,
						  "7") "," FAULT("int_parsing", ITEM(3, "product_id"), PARSE,
								 "\"x\"") "," FAULT("missing",
										    ITEM(3, "quantity"),
										    "Field required",
										    "{\"product_id\":\"x\"}") },
	};

	expect_faults("POST", ORDERS, rows, 1);
}

Test(validation, says_how_many_items_are_too_many)
{
	char *items = text("{\"product_id\":3,\"quantity\":1}"), *list;
	struct answer a;

	for (int i = 1; i < 101; i++)
		items = text("%s,{\"product_id\":3,\"quantity\":1}", items);
	list = text("[%s]", items);
	a = ASK(pool_shared(), .target = ORDERS, .token = token_of(new_user()),
		.body = text("{\"items\":%s}", list));
	EXPECT(a, 422,
	       text("{\"detail\":[{\"type\":\"too_long\",\"loc\":[\"body\",\"items\"],\"msg\":\"List should have at most 100 items after "
		    "validation, not 101\",\"input\":%s,\"ctx\":{\"field_type\":\"List\",\"max_length\":100,\"actual_length\":101}}]}",
		    list));
}

Test(validation, wants_a_body)
{
	struct answer a = ASK(pool_shared(), .method = "POST", .target = ORDERS,
			      .token = token_of(new_user()));

	EXPECT(a, 422, "{\"detail\":[" FAULT("missing", "[\"body\"]", "Field required", "null") "]}");
	a = ASK(pool_shared(), .method = "PATCH", .target = status_target(1), .token = token_of(new_user()));
	EXPECT(a, 422, "{\"detail\":[" FAULT("missing", "[\"body\"]", "Field required", "null") "]}");
}

Test(validation, takes_JSON_by_RFC_8259_and_says_where_it_ends_to_be)
{
	static const struct {
		const char *body;
		int offset; /* in characters */
		const char *error;
	} rows[] = {
		{ "{", 1, "Expecting property name enclosed in double quotes" },
		{ "}", 0, "Expecting value" },
		{ "[", 1, "Expecting value" },
		{ "  ", 2, "Expecting value" },
		{ "\n", 1, "Expecting value" },
		{ "{\"items\":", 9, "Expecting value" },
		{ "{\"items\":}", 9, "Expecting value" },
		{ "{\"items\":[}", 10, "Expecting value" },
		{ "{\"items\":[1 2]}", 12, "Expecting ',' delimiter" },
		{ "{\"items\":[],}", 12, "Expecting property name enclosed in double quotes" },
		{ "{,}", 1, "Expecting property name enclosed in double quotes" },
		{ "{\"a\" 1}", 5, "Expecting ':' delimiter" },
		{ "{\"a\":1 \"b\":2}", 7, "Expecting ',' delimiter" },
		{ "{items:[]}", 1, "Expecting property name enclosed in double quotes" },
		{ "{'items':[]}", 1, "Expecting property name enclosed in double quotes" },
		{ "{\"a\":'b'}", 5, "Expecting value" },
		{ "{\"items\":[]}x", 12, "Extra data" },
		{ "{\"items\":[]}{}", 12, "Extra data" },
		{ "{\"a\":1}//", 7, "Extra data" },
		{ "/* c */ {}", 0, "Expecting value" },
		{ "tru", 0, "Expecting value" },
		{ "True", 0, "Expecting value" },
		{ "None", 0, "Expecting value" },
		{ "undefined", 0, "Expecting value" },
		{ "{\"a\":\"b", 5, "Unterminated string starting at" },
		{ "\"abc", 0, "Unterminated string starting at" },
		{ "\"a\nb\"", 2, "Invalid control character at" },
		{ "\"\t\"", 1, "Invalid control character at" },
		{ "\"\\x\"", 1, "Invalid \\\\escape" },
		{ "\"\\u12\"", 2, "Invalid \\\\uXXXX escape" },
		{ "\"\\u12g4\"", 2, "Invalid \\\\uXXXX escape" },
		{ "NaN", 0, "Expecting value" },
		{ "{\"a\":NaN}", 5, "Expecting value" },
		{ "[Infinity]", 1, "Expecting value" },
		{ "[-Infinity]", 1, "Expecting value" },
		{ "-", 0, "Expecting value" },
		{ "+1", 0, "Expecting value" },
		{ "01", 1, "Extra data" },
		{ "-01", 2, "Extra data" },
		{ "1.", 1, "Extra data" },
		{ ".5", 0, "Expecting value" },
		{ "1e", 1, "Extra data" },
		{ "0x10", 1, "Extra data" },
		{ "--1", 0, "Expecting value" },
		{ "{\"items\":[{\"product_id\":01,\"quantity\":1}]}", 25, "Expecting ',' delimiter" },
		{ "{\"a\":1.}", 6, "Expecting ',' delimiter" },
		{ "{\"\xc3\xa9\xf0\x9f\x8c\xb6\":x}", 6, "Expecting value" }, /* characters, not bytes */
		{ "\xc3\xa9", 0, "Expecting value" },
		{ "\f{}", 0, "Expecting value" },
		{ "{\"a\":\xc2\xa0"
		  "1}",
		  5, "Expecting value" },
	};
	const char *token = token_of(new_user());

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int patch = 0; patch < 2; patch++) {
			struct answer a = ASK(pool_shared(), .method = patch ? "PATCH" : "POST",
					      .target = patch ? status_target(1) : ORDERS, .token = token,
					      .body = rows[i].body);

			EXPECT_ROW(
				rows[i].body, a, 422,
				text("{\"detail\":[{\"type\":\"json_invalid\",\"loc\":[\"body\",%d],\"msg\":\"JSON decode error\",\"input\":{},"
				     "\"ctx\":{\"error\":\"%s\"}}]}",
				     rows[i].offset, rows[i].error));
		}
}

Test(validation, takes_a_body_with_a_NUL_for_what_it_is)
{
	static const char body[] = "{\"items\":[]}\0{";
	struct answer a = ASK(pool_shared(), .target = ORDERS, .token = token_of(new_user()), .body = body,
			      .body_len = sizeof body - 1);

	EXPECT(a, 422,
	       "{\"detail\":[{\"type\":\"json_invalid\",\"loc\":[\"body\",12],\"msg\":\"JSON decode error\",\"input\":{},"
	       "\"ctx\":{\"error\":\"Extra data\"}}]}");
}

Test(validation, cannot_read_what_is_not_UTF_8_or_nested_without_end)
{
	char *deep = text("%0100000d", 0);
	const char *token = token_of(new_user());
	static const char utf16[] = "\xff\xfe{\0}\0";
	const struct {
		const char *body;
		size_t len;
		const char *reason;
	} rows[] = {
		{ "\xff", 1, "no UTF-8 at all" },
		{ "{\"items\":[],\"x\":\"caf\xe9\"}", 0, "Latin-1" },
		{ "{\"x\":\"\xc3\"}", 0, "half a character" },
		{ "{\"x\":\"\xc0\xaf\"}", 0, "an overlong form" },
		{ "{\"x\":\"\xed\xa0\x80\"}", 0, "a surrogate" },
		{ "{\"x\":\"\xf4\x90\x80\x80\"}", 0, "beyond Unicode" },
		{ utf16, sizeof utf16 - 1, "UTF-16" },
		{ memset(deep, '[', strlen(deep)), 0, "100,000 brackets" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int patch = 0; patch < 2; patch++) {
			struct answer a = ASK(pool_shared(), .method = patch ? "PATCH" : "POST",
					      .target = patch ? status_target(1) : ORDERS, .token = token,
					      .body = rows[i].body, .body_len = rows[i].len);

			EXPECT_DETAIL_ROW(rows[i].reason, a, 400, UNREADABLE);
		}
}

Test(validation, names_what_is_wrong_with_a_status)
{
	static const char enum_ctx[] = "{\"expected\":\"" STATUSES "\"}";
	static const struct {
		const char *body, *input; /* of the status; NULL: see faults */
		const char *faults;
	} rows[] = {
		{ "{\"status\":\"done\"}", "\"done\"", NULL },
		{ "{\"status\":\"\"}", "\"\"", NULL },
		{ "{\"status\":\"Confirmed\"}", "\"Confirmed\"", NULL },
		{ "{\"status\":\"confirmed \"}", "\"confirmed \"", NULL },
		{ "{\"status\":\"confirm\"}", "\"confirm\"", NULL },
		{ "{\"status\":1}", "1", NULL },
		{ "{\"status\":true}", "true", NULL },
		{ "{\"status\":null}", "null", NULL },
		{ "{\"status\":[\"confirmed\"]}", "[\"confirmed\"]", NULL },
		{ "{\"status\":{}}", "{}", NULL },
		{ "{\"status\":\"caf\xc3\xa9\"}", "\"caf\xc3\xa9\"", NULL },
		{ "{}", NULL, FAULT("missing", "[\"body\",\"status\"]", "Field required", "{}") },
		{ "{\"state\":\"confirmed\"}", NULL,
		  FAULT("missing", "[\"body\",\"status\"]", "Field required", "{\"state\":\"confirmed\"}") },
		{ "null", NULL, FAULT("missing", "[\"body\"]", "Field required", "null") },
		{ "[]", NULL, FAULT("model_attributes_type", "[\"body\"]", OBJECT, "[]") },
		{ "\"confirmed\"", NULL,
		  FAULT("model_attributes_type", "[\"body\"]", OBJECT, "\"confirmed\"") },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *faults = rows[i].faults ? rows[i].faults
						    : text(FAULT_CTX("enum", "[\"body\",\"status\"]",
								     "Input should be " STATUSES, "%s", "%s"),
							   rows[i].input, enum_ctx);

		expect_faults("PATCH", status_target(1), &(const struct row){ rows[i].body, faults }, 1);
	}
}

Test(validation, takes_a_status_that_is_escaped_and_members_that_it_does_not_know)
{
	int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 1);
	struct answer a = ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id),
			      .token = token_of(user),
			      .body = "{\"status\":\"c\\u006fnfirmed\",\"version\":7}");

	cr_expect(a.status == 200, "%d %s", a.status, a.body);
}

Test(validation, names_faults_of_path_and_body_together)
{
	static const struct row rows[] = {
		{ "{\"status\":\"done\"}",
		  FAULT("int_parsing", "[\"path\",\"order_id\"]", PARSE,
			"\"x\"") "," FAULT_CTX("enum", "[\"body\",\"status\"]", "Input should be " STATUSES,
					       "\"done\"", "{\"expected\":\"" STATUSES "\"}") },
		{ "{}", FAULT("int_parsing", "[\"path\",\"order_id\"]", PARSE, "\"x\"") "," FAULT(
				"missing", "[\"body\",\"status\"]", "Field required", "{}") },
		/* of a body that is no JSON FastAPI says nothing else */
		{ "{",
		  "{\"type\":\"json_invalid\",\"loc\":[\"body\",1],\"msg\":\"JSON decode error\",\"input\":{},\"ctx\":{\"error\":"
		  "\"Expecting property name enclosed in double quotes\"}}" },
	};

	expect_faults("PATCH", "/api/v1/orders/x/status", rows, sizeof rows / sizeof *rows);
}

Test(validation, takes_JSON_media_types_alone)
{
	static const struct {
		const char *type; /* NULL: the field is absent */
		bool good;
	} rows[] = {
		{ NULL, true },
		{ "", true },
		{ "application/json", true },
		{ "application/json; charset=utf-8", true },
		{ "application/json;charset=UTF-8", true },
		{ "application/json ; x=y", true },
		{ "Application/JSON", true },
		{ "application/vnd.api+json", true },
		{ "application/problem+JSON; a=b", true },
		{ "text/plain", false },
		{ "text/json", false },
		{ "application/xml", false },
		{ "application/x-www-form-urlencoded", false },
		{ "multipart/form-data; boundary=x", false },
		{ "application/jsonp", false },
		{ "application/jso", false },
		{ "json", false },
		{ "image/svg+json", false },
		{ "application/json/x", false },
		{ "text/plain; application/json", false },
		{ "application/xml; x=application/json", false },
		{ "*/*", false },
		{ ";", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 1);
		const char *fields = rows[i].type ? text("Content-Type: %s\r\n", rows[i].type) : NULL;
		struct answer post = ASK(pool_shared(), .target = ORDERS, .token = token_of(user), .type = "",
					 .fields = fields, .body = OF_ITEM("3", "1"));
		struct answer patch = ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id),
					  .token = token_of(user), .type = "", .fields = fields,
					  .body = "{\"status\":\"confirmed\"}");

		if (rows[i].good) {
			cr_expect(post.status == 201, "%s: %d %s", rows[i].type, post.status, post.body);
			cr_expect(patch.status == 200, "%s: %d %s", rows[i].type, patch.status, patch.body);
		} else {
			EXPECT_DETAIL_ROW(rows[i].type, post, 415, "Unsupported Media Type");
			EXPECT_DETAIL_ROW(rows[i].type, patch, 415, "Unsupported Media Type");
		}
	}
}

Test(validation, takes_a_body_of_1_MiB_and_no_more)
{
	size_t limit = 1u << 20;
	char *order = text("%-*s", (int)limit, OF_ITEM("3", "2")), *more = text("%s ", order);
	char *status = text("%-*s", (int)limit, "{\"status\":\"confirmed\"}"),
	     *more_status = text("%s ", status);
	int64_t user = new_user(), order_id;
	struct answer a = ASK(pool_shared(), .target = ORDERS, .token = token_of(user), .body = order);

	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	order_id = order_id_of(&a);
	a = ASK(pool_shared(), .target = ORDERS, .token = token_of(user), .body = more);
	EXPECT_DETAIL(a, 413, "Request body too large");
	a = ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id), .token = token_of(user),
		.body = more_status);
	EXPECT_DETAIL(a, 413, "Request body too large");
	a = ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id), .token = token_of(user),
		.body = status);
	cr_expect(a.status == 200, "%d %s", a.status, a.body);
	a = ASK(pool_shared(), .target = "/health");
	EXPECT(a, 200, "{\"status\":\"healthy\"}"); /* nothing of it is left in the pipe */
}
