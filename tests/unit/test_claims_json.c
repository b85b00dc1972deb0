/* The header and the claims of a JWT. */
#include "json/claims_json.h"

#include "context.h"
#include "table.h"

#define NOW INT64_C(1771940786) /* s */

TestSuite(claims_json, .init = open_ctx, .fini = close_ctx);

static const char *const admin[] = { "admin", NULL }, *const several[] = { "desk", "admin", NULL },
			 *const nobody[] = { NULL };

static enum rc
decode(const char *claims, const struct claims_rule *rule, struct caller *out)
{
	static const struct claims_rule usual = { .now_us = NOW * 1000000, .staff_roles = admin };

	return claims_decode(ctx, claims, strlen(claims), rule ? rule : &usual, out);
}

Test(claims_json, header_must_name_exactly_the_algorithm)
{
	static const struct {
		const char *header;
		size_t len;
		bool good;
		const char *why;
	} rows[] = {
		{ LITERAL("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), true, "" },
		{ LITERAL("{\"typ\":\"JWT\",\"kid\":\"1\",\"alg\":\"HS256\"}"), true,
		  "another order, a key id" },
		{ LITERAL("{\"alg\":\"\\u0048S256\"}"), true, "escaped" },
		{ LITERAL("{\"alg\":\"hs256\"}"), false, "another spelling" },
		{ LITERAL("{\"alg\":\"HS512\"}"), false, "another algorithm" },
		{ LITERAL("{\"alg\":\"HS256 \"}"), false, "a blank" },
		{ LITERAL("{\"alg\":\"HS256\\u0000\"}"), false, "a NUL" },
		{ LITERAL("{\"alg\":\"none\"}"), false, "none" },
		{ LITERAL("{\"alg\":\"None\"}"), false, "none" },
		{ LITERAL("{\"alg\":[\"HS256\"]}"), false, "a list" },
		{ LITERAL("{\"alg\":null}"), false, "null" },
		{ LITERAL("{\"ALG\":\"HS256\"}"), false, "another name" },
		{ LITERAL("{\"alg\":\"HS256\",\"alg\":\"none\"}"), false, "twice: the last counts" },
		{ LITERAL("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}"), false, "something critical" },
		{ LITERAL("{\"alg\":\"HS256\",\"crit\":[]}"), false, "crit at all" },
		{ LITERAL("{\"alg\":\"HS256\",\"crit\":null}"), false, "crit at all" },
		{ LITERAL("{\"alg\":\"HS256\",\"\\u0063rit\":[\"x\"]}"), false, "crit escaped" },
		{ LITERAL("{}"), false, "no algorithm" },
		{ LITERAL(""), false, "nothing" },
		{ LITERAL("[\"alg\",\"HS256\"]"), false, "no object" },
		{ LITERAL("{\"alg\":\"HS256\"} "), true, "white space" },
		{ LITERAL("{\"alg\":\"HS256\"}\0"), false, "a NUL behind it" },
		{ LITERAL("{'alg':'HS256'}"), false, "no JSON" },
		{ LITERAL("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), false, "not UTF-8" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		expect_int(jose_header_check(ctx, rows[i].header, rows[i].len, "HS256") == RC_OK,
			   rows[i].good, rows[i].header);
}

Test(claims_json, subject_is_a_positive_63_bit_integer)
{
	static const struct {
		const char *claims;
		int64_t id;
		const char *why;
	} rows[] = {
		{ "{\"sub\":\"9\"}", 9, "the contract's example" },
		{ "{\"sub\":9}", 9, "an integer" },
		{ "{\"sub\":\"9223372036854775807\"}", INT64_MAX, "the greatest" },
		{ "{\"sub\":9223372036854775807}", INT64_MAX, "the greatest" },
		{ "{\"sub\":\"9007199254740993\"}", INT64_C(9007199254740993), "no double has this value" },
		{ "{\"sub\":\"9223372036854775808\"}", 0, "one more" },
		{ "{\"sub\":9223372036854775808}", 0, "one more" },
		{ "{\"sub\":\"18446744073709551625\"}", 0, "9 when it wraps around" },
		{ "{\"sub\":\"0\"}", 0, "zero" },
		{ "{\"sub\":0}", 0, "zero" },
		{ "{\"sub\":-9}", 0, "negative" },
		{ "{\"sub\":\"-9\"}", 0, "negative" },
		{ "{\"sub\":\"+9\"}", 0, "a sign" },
		{ "{\"sub\":\" 9\"}", 0, "a blank" },
		{ "{\"sub\":\"9 \"}", 0, "a blank" },
		{ "{\"sub\":\"9.0\"}", 0, "a point" },
		{ "{\"sub\":\"9.\"}", 0, "a point" },
		{ "{\"sub\":9.0}", 0, "a float" },
		{ "{\"sub\":9e0}", 0, "an exponent" },
		{ "{\"sub\":9E0}", 0, "an exponent" },
		{ "{\"sub\":\"9e0\"}", 0, "an exponent" },
		{ "{\"sub\":\"\"}", 0, "empty" },
		{ "{\"sub\":\"nine\"}", 0, "a word" },
		{ "{\"sub\":\"9\\u0000\"}", 0, "a NUL" },
		{ "{\"sub\":true}", 0, "a bool" },
		{ "{\"sub\":null}", 0, "null" },
		{ "{\"sub\":[9]}", 0, "a list" },
		{ "{}", 0, "none" },
		{ "[]", 0, "no claims" },
		{ "9", 0, "no claims" },
		{ "{\"sub\":\"9\"", 0, "cut short" },
		{ "", 0, "nothing" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct caller c = { .id = -77 };

		expect_int(decode(rows[i].claims, NULL, &c), rows[i].id ? RC_OK : RC_BAD_TOKEN,
			   rows[i].claims);
		expect_int(c.id, rows[i].id ? rows[i].id : -77, rows[i].why);
	}
}

Test(claims_json, address_is_optional_text)
{
	static const struct {
		const char *claims, *email, *why;
	} rows[] = {
		{ "{\"sub\":\"9\",\"email\":\"user@example.com\"}", "user@example.com", "" },
		{ "{\"sub\":\"9\"}", "", "missing" },
		{ "{\"sub\":\"9\",\"email\":null}", "", "null" },
		{ "{\"sub\":\"9\",\"email\":\"\"}", "", "empty" },
		{ "{\"sub\":\"9\",\"email\":\"\\u00e9@b\"}", "\xc3\xa9@b", "escaped" },
		{ "{\"sub\":\"9\",\"email\":\"a\\u0000b\"}", NULL, "a NUL: no database takes it" },
		{ "{\"sub\":\"9\",\"email\":5}", NULL, "a number" },
		{ "{\"sub\":\"9\",\"email\":[\"a@b\"]}", NULL, "a list" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct caller c = { .email = NULL };

		expect_int(decode(rows[i].claims, NULL, &c), rows[i].email ? RC_OK : RC_BAD_TOKEN,
			   rows[i].why);
		expect_text(c.email ? c.email : "none", rows[i].email ? rows[i].email : "none", rows[i].why);
	}
}

Test(claims_json, address_has_up_to_320_bytes)
{
	for (int n = 320; n <= 321; n++) {
		char *claims = talloc_asprintf(ctx, "{\"sub\":\"9\",\"email\":\"%0*d\"}", n, 0);
		struct caller c;

		expect_int(decode(claims, NULL, &c), n == 320 ? RC_OK : RC_BAD_TOKEN, "length");
	}
	for (int n = 160; n <= 161; n++) { /* bytes, not characters */
		char *claims = talloc_strdup(ctx, "{\"sub\":\"9\",\"email\":\"");
		struct caller c;

		for (int i = 0; i < n; i++)
			claims = talloc_strdup_append_buffer(claims, "\xc3\xa9");
		claims = talloc_strdup_append_buffer(claims, "\"}");
		expect_int(decode(claims, NULL, &c), n == 160 ? RC_OK : RC_BAD_TOKEN, "length");
	}
}

Test(claims_json, are_current_between_nbf_and_exp)
{
	static const struct {
		const char *claims;
		bool good;
		const char *why;
	} rows[] = {
		{ "\"exp\":1771940787", true, "a second left" },
		{ "\"exp\":1771940786", false, "on that second it is over" },
		{ "\"exp\":1771940785", false, "a second ago" },
		{ "\"exp\":1771940786.5", true, "half a second left" },
		{ "\"exp\":1771940786.000001", true, "a microsecond left" },
		{ "\"exp\":1771940785.999999", false, "a microsecond ago" },
		{ "\"exp\":1.771940787e9", true, "an exponent" },
		{ "\"exp\":0", false, "1970" },
		{ "\"exp\":-1", false, "before" },
		{ "\"exp\":99999999999999999999", true, "beyond every clock" },
		{ "\"exp\":1e400", true, "beyond a double" },
		{ "\"exp\":-1e400", false, "below it" },
		{ "\"exp\":\"1771940787\"", false, "a string" },
		{ "\"exp\":null", false, "null" },
		{ "\"exp\":true", false, "a bool" },
		{ "\"exp\":[1771940787]", false, "a list" },
		{ "\"exp\":1771940785,\"exp\":1771940787", true, "twice: the last counts" },
		{ "\"nbf\":1771940786", true, "from this second on" },
		{ "\"nbf\":1771940787", false, "a second too early" },
		{ "\"nbf\":1771940786.000001", false, "a microsecond too early" },
		{ "\"nbf\":1771940785.999999", true, "a microsecond since" },
		{ "\"nbf\":-1e400", true, "always" },
		{ "\"nbf\":1e400", false, "never" },
		{ "\"nbf\":\"0\"", false, "a string" },
		{ "\"nbf\":null", false, "null" },
		{ "\"nbf\":1771940780,\"exp\":1771940790", true, "between both" },
		{ "\"iat\":99999999999", true, "when it was issued is no limit" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct caller c;
		const char *claims = talloc_asprintf(ctx, "{\"sub\":\"9\",%s}", rows[i].claims);

		expect_int(decode(claims, NULL, &c), rows[i].good ? RC_OK : RC_BAD_TOKEN, claims);
	}
}

Test(claims_json, must_name_the_audience_and_the_issuer_where_they_are_set)
{
	static const struct {
		const char *audience, *issuer, *claims;
		bool good;
		const char *why;
	} rows[] = {
		{ NULL, NULL, "\"aud\":5,\"iss\":[]", true, "nobody asks" },
		{ "orders", NULL, "\"aud\":\"orders\"", true, "" },
		{ "orders", NULL, "\"aud\":[\"other\",\"orders\"]", true, "one of several" },
		{ "orders", NULL, "\"aud\":\"Orders\"", false, "another spelling" },
		{ "orders", NULL, "\"aud\":\"orders2\"", false, "a longer one" },
		{ "orders", NULL, "\"aud\":\"order\"", false, "a shorter one" },
		{ "orders", NULL, "\"aud\":\"orders\\u0000\"", false, "a NUL" },
		{ "orders", NULL, "\"aud\":[]", false, "nobody" },
		{ "orders", NULL, "\"aud\":[\"other\"]", false, "another" },
		{ "orders", NULL, "\"aud\":[\"orders\",5]", false, "a list that is not one of strings" },
		{ "orders", NULL, "\"aud\":[[\"orders\"]]", false, "a list in a list" },
		{ "orders", NULL, "\"aud\":{\"orders\":1}", false, "an object" },
		{ "orders", NULL, "\"aud\":null", false, "null" },
		{ "orders", NULL, "\"x\":1", false, "none" },
		{ NULL, "https://issuer", "\"iss\":\"https://issuer\"", true, "" },
		{ NULL, "https://issuer", "\"iss\":\"https:\\/\\/issuer\"", true, "escaped" },
		{ NULL, "https://issuer", "\"iss\":\"https://issuer/\"", false, "another" },
		{ NULL, "https://issuer", "\"iss\":[\"https://issuer\"]", false,
		  "RFC 7519: one issuer, not a list" },
		{ NULL, "https://issuer", "\"iss\":null", false, "null" },
		{ NULL, "https://issuer", "\"x\":1", false, "none" },
		{ "a", "b", "\"aud\":\"a\",\"iss\":\"b\"", true, "both" },
		{ "a", "b", "\"aud\":\"a\"", false, "only one of them" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct claims_rule rule = { NOW * 1000000, rows[i].audience, rows[i].issuer, admin };
		struct caller c;
		const char *claims = talloc_asprintf(ctx, "{\"sub\":\"9\",%s}", rows[i].claims);

		expect_int(decode(claims, &rule, &c), rows[i].good ? RC_OK : RC_BAD_TOKEN, rows[i].why);
	}
}

Test(claims_json, make_staff_of_who_has_a_staff_role)
{
	static const struct {
		const char *const *roles;
		const char *claims;
		bool staff;
		const char *why;
	} rows[] = {
		{ admin, "\"x\":1", false, "no role" },
		{ admin, "\"role\":\"admin\"", true, "role" },
		{ admin, "\"role\":\"user\"", false, "another role" },
		{ admin, "\"role\":\"Admin\"", false, "another spelling" },
		{ admin, "\"role\":\"admins\"", false, "a longer one" },
		{ admin, "\"role\":\"admin user\"", false, "a role is one word" },
		{ admin, "\"role\":5", false, "a number" },
		{ admin, "\"role\":null", false, "null" },
		{ admin, "\"roles\":[\"user\",\"admin\"]", true, "roles" },
		{ admin, "\"roles\":[\"user\"]", false, "others" },
		{ admin, "\"roles\":[]", false, "none" },
		{ admin, "\"roles\":[5,\"admin\"]", true, "a number beside it" },
		{ admin, "\"roles\":{\"admin\":true}", false, "an object" },
		{ admin, "\"scope\":\"admin\"", true, "scope" },
		{ admin, "\"scope\":\"orders:read admin x\"", true, "one of several" },
		{ admin, "\"scope\":\"  admin\"", true, "more than one space" },
		{ admin, "\"scope\":\"orders:admin administrator\"", false, "parts of words" },
		{ admin, "\"scope\":\"\"", false, "empty" },
		{ admin, "\"role\":\"user\",\"scope\":\"admin\"", true, "any of the three" },
		{ several, "\"role\":\"desk\"", true, "several staff roles" },
		{ several, "\"roles\":[\"admin\"]", true, "several staff roles" },
		{ nobody, "\"role\":\"admin\",\"roles\":[\"\"],\"scope\":\"admin\"", false,
		  "nobody is staff" },
		{ nobody, "\"role\":\"\"", false, "nobody is staff" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct claims_rule rule = { .now_us = NOW * 1000000, .staff_roles = rows[i].roles };
		struct caller c = { 0 };
		const char *claims = talloc_asprintf(ctx, "{\"sub\":\"9\",%s}", rows[i].claims);

		expect_int(decode(claims, &rule, &c), RC_OK, rows[i].why);
		expect_int(c.staff, rows[i].staff, claims);
	}
}
