/* Who is calling: the Authorization field, tokens, claims, staff. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/expect.h"

SHARED_POOL(.workers = 3);

#define NOT_AUTHENTICATED "Not authenticated"
#define BAD_TOKEN "Could not validate credentials"

/* The answer to a request with this Authorization field. */
static struct answer
list_with(const struct pool *p, const char *authorization)
{
	return ASK(p, .target = "/api/v1/orders",
		   .fields = authorization ? text("Authorization: %s\r\n", authorization) : NULL);
}

static struct answer
list_as(const struct pool *p, const char *token)
{
	return ASK(p, .target = "/api/v1/orders", .token = token);
}

/* Claims without sub and exp, so that a row can bring its own. */
static const char *
claims_with(const char *claims)
{
	return text("{\"email\":\"claims@example.com\"%s%s}", *claims ? "," : "", claims);
}

static void
expect_token(const struct pool *p, const char *reason, const char *token, bool good)
{
	struct answer a = list_as(p, token);

	if (good)
		EXPECT_ROW(reason, a, 200, "[]");
	else
		EXPECT_DETAIL_ROW(reason, a, 401, BAD_TOKEN);
}

Test(identity, wants_a_bearer_token)
{
	const struct {
		const char *authorization, *reason;
	} rows[] = {
		{ NULL, "no Authorization field" },
		{ "", "an empty one" },
		{ "Basic dXNlcjpwYXNz", "another scheme" },
		{ text("Token %s", token_of(1)), "another scheme with a good token" },
		{ text("Bearer%s", token_of(1)), "no blank behind the scheme" },
		{ token_of(1), "a token without a scheme" },
		{ "Bearer", "a scheme without a token" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = list_with(pool_shared(), rows[i].authorization);

		EXPECT_DETAIL_ROW(rows[i].reason, a, 401, NOT_AUTHENTICATED);
	}
}

Test(identity, is_wanted_on_every_orders_request)
{
	const struct {
		const char *method, *target, *body;
	} rows[] = {
		{ "GET", "/api/v1/orders", NULL },
		{ "GET", "/api/v1/orders?skip=0&limit=1", NULL },
		{ "POST", "/api/v1/orders", "{\"items\":[{\"product_id\":1,\"quantity\":1}]}" },
		{ "GET", "/api/v1/orders/1", NULL },
		{ "PATCH", "/api/v1/orders/1/status", "{\"status\":\"confirmed\"}" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = ASK(pool_shared(), .method = rows[i].method, .target = rows[i].target,
				      .body = rows[i].body);

		EXPECT_DETAIL_ROW(rows[i].target, a, 401, NOT_AUTHENTICATED);
	}
}

Test(identity, takes_the_scheme_in_any_case)
{
	static const char *const schemes[] = { "Bearer", "bearer", "BEARER", "bEaReR" };

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		struct answer a = list_with(pool_shared(), text("%s %s", schemes[i], token_of(new_user())));

		EXPECT_ROW(schemes[i], a, 200, "[]");
	}
}

Test(identity, refuses_what_is_no_token)
{
	const char *good = token_of(1), *dot = strchr(good, '.');
	const char *header = text("%.*s", (int)(dot - good), good);
	const char *claims = text("%.*s", (int)strcspn(dot + 1, "."), dot + 1),
		   *signature = strrchr(good, '.') + 1;
	const char *other = "{\"sub\":\"2\",\"exp\":9999999999}";
	const struct {
		const char *token, *reason;
	} rows[] = {
		{ "x", "one letter" },
		{ "x.y.z", "no base64url" },
		{ "..", "three empty parts" },
		{ header, "a header alone" },
		{ text("%s.%s", header, claims), "no signature at all" },
		{ text("%s.%s.", header, claims), "an empty signature" },
		{ text("%s.%s.%s.%s", header, claims, signature, signature), "four parts" },
		{ text("%s.%s.%s", header, base64url(other, strlen(other)), signature),
		  "the claims exchanged" },
		{ text("%s.%s.%.*s", header, claims, (int)strlen(signature) - 4, signature),
		  "a signature cut short" },
		{ text("%s.%s.%sAAAA", header, claims, signature), "a signature with more behind it" },
		{ text("%s x", good), "something behind the token" },
		{ token_signed("HS256", "{\"sub\":\"9\"}", "another-secret"), "another secret" },
		{ token_signed("HS256", "{\"sub\":\"9\"}", ""), "an empty secret" },
		{ token_of_claims("{\"sub\":\"9\""), "claims that are no JSON" },
		{ token_of_claims("[\"9\"]"), "claims that are no object" },
		{ token_of_claims("{}"), "no claims" },
		{ token_of_claims(text("{\"pad\":\"%0*d\"}", 9000, 0)),
		  "9 KB of nothing, without a subject" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_token(pool_shared(), rows[i].reason, rows[i].token, false);
}

Test(identity, takes_a_positive_63_bit_subject_and_nothing_else)
{
	static const struct {
		const char *claim;
		bool good;
		const char *reason;
	} rows[] = {
		{ "\"sub\":\"700\"", true, "a decimal string" },
		{ "\"sub\":700", true, "an integer" },
		{ "\"sub\":\"1\"", true, "the least" },
		{ "\"sub\":\"9223372036854775807\"", true, "the greatest, as a string" },
		{ "\"sub\":9223372036854775807", true, "the greatest, as an integer" },
		{ "", false, "absent" },
		{ "\"sub\":\"\"", false, "empty" },
		{ "\"sub\":\"0\"", false, "zero as a string" },
		{ "\"sub\":0", false, "zero" },
		{ "\"sub\":\"-9\"", false, "a negative string" },
		{ "\"sub\":-9", false, "a negative integer" },
		{ "\"sub\":\"+9\"", false, "a sign" },
		{ "\"sub\":\" 9\"", false, "a blank before it" },
		{ "\"sub\":\"9 \"", false, "a blank behind it" },
		{ "\"sub\":\"9\\n\"", false, "a line feed behind it" },
		{ "\"sub\":\"9\\u0000\"", false, "a NUL behind it" },
		{ "\"sub\":\"9.0\"", false, "a point" },
		{ "\"sub\":\"9.\"", false, "a point at the end" },
		{ "\"sub\":9.0", false, "a number with a point" },
		{ "\"sub\":9.5", false, "a fraction" },
		{ "\"sub\":9e0", false, "an exponent" },
		{ "\"sub\":\"9e0\"", false, "an exponent in a string" },
		{ "\"sub\":\"0x9\"", false, "hexadecimal" },
		{ "\"sub\":\"1_000\"", false, "an underscore" },
		{ "\"sub\":\"nine\"", false, "a word" },
		{ "\"sub\":\"\\u0669\"", false, "an Arabic digit" },
		{ "\"sub\":\"9223372036854775808\"", false, "64 bits, as a string" },
		{ "\"sub\":9223372036854775808", false, "64 bits, as an integer" },
		{ "\"sub\":18446744073709551625", false, "9 modulo 2^64" },
		{ "\"sub\":true", false, "a bool" },
		{ "\"sub\":null", false, "null" },
		{ "\"sub\":[\"9\"]", false, "an array" },
		{ "\"sub\":{\"id\":9}", false, "an object" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_token(pool_shared(), rows[i].reason, token_of_claims(claims_with(rows[i].claim)),
			     rows[i].good);
}

Test(identity, enforces_exp_and_nbf_without_leeway)
{
	long long now = wall_s();
	const struct {
		const char *claim;
		bool good;
		const char *reason;
	} rows[] = {
		{ "", true, "neither" },
		{ text("\"exp\":%lld", now + 60), true, "exp in a minute" },
		{ text("\"exp\":%lld.75", now + 60), true, "exp in a minute and a fraction" },
		{ text("\"exp\":%lld.5e0", now + 60), true, "the same with an exponent" },
		{ "\"exp\":1e20", true, "exp far away" },
		{ text("\"exp\":%lld", now), false, "exp now" },
		{ text("\"exp\":%lld", now - 1), false, "exp a second ago" },
		{ text("\"exp\":%lld.999", now - 2), false, "exp a second ago, as a fraction" },
		{ "\"exp\":0", false, "exp 1970" },
		{ "\"exp\":0.5", false, "exp 1970 and a half" },
		{ "\"exp\":-1", false, "exp before 1970" },
		{ text("\"exp\":\"%lld\"", now + 60), false, "exp a string" },
		{ "\"exp\":\"never\"", false, "exp a word" },
		{ "\"exp\":null", false, "exp null" },
		{ "\"exp\":true", false, "exp a bool" },
		{ text("\"exp\":[%lld]", now + 60), false, "exp an array" },
		{ text("\"nbf\":%lld", now), true, "nbf now" },
		{ text("\"nbf\":%lld.5", now - 60), true, "nbf a minute ago, as a fraction" },
		{ "\"nbf\":0", true, "nbf 1970" },
		{ text("\"nbf\":%lld", now + 60), false, "nbf in a minute" },
		{ text("\"nbf\":%lld.25", now + 60), false, "nbf in a minute, as a fraction" },
		{ text("\"nbf\":\"%lld\"", now - 60), false, "nbf a string" },
		{ "\"nbf\":null", false, "nbf null" },
		{ "\"nbf\":false", false, "nbf a bool" },
		{ text("\"nbf\":%lld,\"exp\":%lld", now - 60, now + 60), true, "both, and between them" },
		{ text("\"nbf\":%lld,\"exp\":%lld", now - 60, now - 30), false, "both, and after them" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_token(pool_shared(), rows[i].reason,
			     token_of_claims(claims_with(
				     text("\"sub\":\"701\"%s%s", *rows[i].claim ? "," : "", rows[i].claim))),
			     rows[i].good);
}

static bool
is_refused(void *token)
{
	return list_as(pool_shared(), token).status == 401;
}

Test(identity, counts_the_fraction_of_exp)
{
	struct timespec t;
	int64_t due;
	char *token;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	due = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 700;
	token = text("%s", token_of_claims(text("{\"sub\":\"9\",\"exp\":%lld.%03lld}", (long long)due / 1000,
						(long long)due % 1000)));
	cr_expect(!is_refused(token), "good until then");
	cr_expect(wait_until(3000, is_refused, token), "and not afterwards");
	(void)clock_gettime(CLOCK_REALTIME, &t);
	due -= (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	cr_expect(due <= 0, "it was refused %lld ms too early", (long long)due);
}

Test(identity, takes_an_address_of_up_to_320_bytes)
{
	static const struct {
		int letters, accents;
		bool good;
		const char *reason;
	} rows[] = {
		{ 308, 0, true, "320 bytes" },
		{ 309, 0, false, "321 bytes" },
		{ 0, 154, true, "320 bytes in 166 characters" },
		{ 1, 154, false, "321 bytes in 167 characters" },
		{ 100000 / 32, 0, false, "3 KiB" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *local = text("%.*s", rows[i].letters, text("%0*d", rows[i].letters + 1, 0));

		for (int n = 0; n < rows[i].accents; n++)
			local = text("%s\xc3\xa9", local);
		expect_token(pool_shared(), rows[i].reason,
			     token_of_claims(text("{\"sub\":\"702\",\"email\":\"%s@example.com\"}", local)),
			     rows[i].good);
	}
}

Test(identity, takes_only_the_algorithm_that_is_set)
{
	const char *claims = text("{\"sub\":\"703\",\"exp\":%lld}", (long long)wall_s() + 60);
	struct key_pair rsa = key_pair_new("RSA"), ec = key_pair_new("P-256");
	const struct {
		const char *header, *algorithm, *key;
		bool good;
		const char *reason;
	} rows[] = {
		{ "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, true, "the one" },
		{ "{\"typ\":\"JWT\",\"kid\":\"1\",\"alg\":\"HS256\"}", "HS256", TEST_SECRET, true,
		  "with a kid" },
		{ "{\"alg\":\"HS256\"}", "HS256", TEST_SECRET, true, "without typ" },
		{ "{\"alg\":\"HS384\",\"typ\":\"JWT\"}", "HS384", TEST_SECRET, false, "a longer digest" },
		{ "{\"alg\":\"HS512\",\"typ\":\"JWT\"}", "HS512", TEST_SECRET, false, "the longest digest" },
		{ "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "RS256", rsa.private_pem, false, "RSA" },
		{ "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "ES256", ec.private_pem, false, "ECDSA" },
		{ "{\"alg\":\"hs256\",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "hs256" },
		{ "{\"alg\":\"Hs256\",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "Hs256" },
		{ "{\"alg\":\"HS256 \",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "a blank behind it" },
		{ "{\"alg\":\"HS256\\u0000\",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false,
		  "a NUL behind it" },
		{ "{\"alg\":\"none\",\"typ\":\"JWT\"}", "none", "", false, "none" },
		{ "{\"alg\":\"None\",\"typ\":\"JWT\"}", "none", "", false, "None" },
		{ "{\"alg\":\"NONE\",\"typ\":\"JWT\"}", "none", "", false, "NONE" },
		{ "{\"alg\":\"none\",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false,
		  "none with a signature" },
		{ "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "none", "", false, "HS256 without a signature" },
		{ "{\"alg\":\"HS256\",\"alg\":\"none\"}", "none", "", false, "two, without a signature" },
		{ "{\"alg\":\"\",\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "empty" },
		{ "{\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "absent" },
		{ "{\"alg\":null,\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "null" },
		{ "{\"alg\":[\"HS256\"],\"typ\":\"JWT\"}", "HS256", TEST_SECRET, false, "an array" },
		{ "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "HS256", TEST_SECRET, false, "crit" },
		{ "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "HS256", TEST_SECRET, false,
		  "crit with b64" },
		{ "{\"alg\":\"HS256\",\"crit\":[]}", "HS256", TEST_SECRET, false, "an empty crit" },
		{ "{\"alg\":\"HS256\",\"crit\":null}", "HS256", TEST_SECRET, false, "crit null" },
		{ "{'alg':'HS256'}", "HS256", TEST_SECRET, false, "a header with single quotes" },
		{ "\"HS256\"", "HS256", TEST_SECRET, false, "a header that is no object" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_token(pool_shared(), rows[i].reason,
			     token_sign(rows[i].header, claims, rows[i].algorithm, rows[i].key),
			     rows[i].good);
}

Test(identity, does_not_mistake_a_public_key_for_a_secret)
{
	struct key_pair rsa = key_pair_new("RSA"), other = key_pair_new("RSA");
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 1, .settings = { "ALGORITHM=RS256", text("SECRET_KEY=%s", rsa.public_pem) } });
	const char *claims = text("{\"sub\":\"9\",\"exp\":%lld}", (long long)wall_s() + 60);
	const char *rs256 = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	const char *trimmed = text("%.*s", (int)strlen(rsa.public_pem) - 1, rsa.public_pem);
	const struct {
		const char *token, *reason;
	} rows[] = {
		{ token_signed("HS256", claims, rsa.public_pem), "HS256 with the public key" },
		{ token_signed("HS256", claims, trimmed),
		  "HS256 with the public key without its last line feed" },
		{ token_sign(rs256, claims, "HS256", rsa.public_pem), "the same that says RS256" },
		{ token_signed("HS512", claims, rsa.public_pem), "HS512 with the public key" },
		{ token_signed("RS384", claims, rsa.private_pem), "RS384 with the right key" },
		{ token_signed("RS512", claims, rsa.private_pem), "RS512 with the right key" },
		{ token_sign("{\"alg\":\"PS256\"}", claims, "RS256", rsa.private_pem), "PS256" },
		{ token_sign("{\"alg\":\"rs256\"}", claims, "RS256", rsa.private_pem), "rs256" },
		{ token_signed("RS256", claims, other.private_pem), "somebody else's key" },
		{ token_sign(rs256, claims, "none", ""), "no signature" },
	};

	expect_token(&p, "the private key", token_signed("RS256", claims, rsa.private_pem), true);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_token(&p, rows[i].reason, rows[i].token, false);
	cr_expect(pool_stop(&p));
}

/* Does a pool with this algorithm take what is signed with it, and only that? */
static void
expect_algorithm(const char *algorithm, const char *type)
{
	struct key_pair key = { TEST_SECRET, TEST_SECRET }, other = { "x", "x" };
	const char *claims = text("{\"sub\":\"9\",\"exp\":%lld}", (long long)wall_s() + 60), *token;
	struct pool p;

	if (*type) {
		key = key_pair_new(type);
		other = key_pair_new(type);
	}
	p = pool_start(&(const struct pool_options){
		.workers = 1,
		.settings = { text("ALGORITHM=%s", algorithm), text("SECRET_KEY=%s", key.public_pem) } });
	token = token_signed(algorithm, claims, key.private_pem);
	expect_token(&p, algorithm, token, true);
	expect_token(&p, text("%s with another key", algorithm),
		     token_signed(algorithm, claims, other.private_pem), false);
	expect_token(&p, text("%s without its last byte", algorithm),
		     text("%.*s", (int)strlen(token) - 2, token), false);
	cr_expect(pool_stop(&p));
}

Test(identity, verifies_HS384)
{
	expect_algorithm("HS384", "");
}
Test(identity, verifies_HS512)
{
	expect_algorithm("HS512", "");
}
Test(identity, verifies_RS256)
{
	expect_algorithm("RS256", "RSA");
}
Test(identity, verifies_RS384)
{
	expect_algorithm("RS384", "RSA");
}
Test(identity, verifies_RS512)
{
	expect_algorithm("RS512", "RSA");
}
Test(identity, verifies_ES256)
{
	expect_algorithm("ES256", "P-256");
}
Test(identity, verifies_ES384)
{
	expect_algorithm("ES384", "P-384");
}
Test(identity, verifies_ES512)
{
	expect_algorithm("ES512", "P-521");
}

Test(identity, reads_the_key_from_a_file_without_its_last_line_feed)
{
	char *path = text("%s/secret.%d", test_env("ORDERS_TEST_DIR"), (int)getpid());
	FILE *f = fopen(path, "we");
	struct pool p;

	cr_assert(f && fputs(TEST_SECRET "\n", f) >= 0 && fclose(f) == 0);
	p = pool_start(
		&(const struct pool_options){ .workers = 1, .settings = { text("SECRET_KEY=@%s", path) } });
	expect_token(&p, "the file's key", token_of(9), true);
	expect_token(&p, "with the line feed", token_signed("HS256", "{\"sub\":\"9\"}", TEST_SECRET "\n"),
		     false);
	expect_token(&p, "with the setting's text",
		     token_signed("HS256", "{\"sub\":\"9\"}", text("@%s", path)), false);
	cr_expect(pool_stop(&p));
}

Test(identity, checks_audience_and_issuer_where_they_are_set)
{
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 1, .settings = { "JWT_AUDIENCE=orders", "JWT_ISSUER=https://id.example" } });
	static const struct {
		const char *claims;
		bool good;
		const char *reason;
	} rows[] = {
		{ "\"aud\":\"orders\",\"iss\":\"https://id.example\"", true, "both" },
		{ "\"aud\":[\"orders\"],\"iss\":\"https://id.example\"", true, "aud as an array" },
		{ "\"aud\":[\"shop\",\"orders\",\"x\"],\"iss\":\"https://id.example\"", true,
		  "one of several" },
		{ "\"iss\":\"https://id.example\"", false, "no aud" },
		{ "\"aud\":\"orders\"", false, "no iss" },
		{ "", false, "neither" },
		{ "\"aud\":\"shop\",\"iss\":\"https://id.example\"", false, "another aud" },
		{ "\"aud\":\"order\",\"iss\":\"https://id.example\"", false, "a prefix of aud" },
		{ "\"aud\":\"orders2\",\"iss\":\"https://id.example\"", false, "aud with more behind it" },
		{ "\"aud\":\"Orders\",\"iss\":\"https://id.example\"", false, "aud in another case" },
		{ "\"aud\":\"\",\"iss\":\"https://id.example\"", false, "an empty aud" },
		{ "\"aud\":[],\"iss\":\"https://id.example\"", false, "aud an empty array" },
		{ "\"aud\":[\"shop\",\"stock\"],\"iss\":\"https://id.example\"", false,
		  "an array without it" },
		{ "\"aud\":[[\"orders\"]],\"iss\":\"https://id.example\"", false, "an array in the array" },
		{ "\"aud\":{\"orders\":1},\"iss\":\"https://id.example\"", false, "aud an object" },
		{ "\"aud\":null,\"iss\":\"https://id.example\"", false, "aud null" },
		{ "\"aud\":\"orders\",\"iss\":\"https://id.example/\"", false, "iss with a slash behind it" },
		{ "\"aud\":\"orders\",\"iss\":\"id.example\"", false, "another iss" },
		{ "\"aud\":\"orders\",\"iss\":null", false, "iss null" },
		{ "\"aud\":\"orders\",\"iss\":1", false, "iss a number" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_token(&p, rows[i].reason,
			     token_with(9, text("%s%s", *rows[i].claims ? "," : "", rows[i].claims)),
			     rows[i].good);
	cr_expect(pool_stop(&p));
}

Test(identity, ignores_audience_and_issuer_where_they_are_not_set)
{
	expect_token(pool_shared(), "any",
		     token_with(new_user(), ",\"aud\":\"whatever\",\"iss\":\"whoever\""), true);
}

/* Does this token make its bearer staff: can it read somebody else's order? */
static void
expect_staff(const struct pool *p, int64_t order_id, const char *reason, const char *claims, bool staff)
{
	struct answer a = ASK(p, .target = order_target(order_id), .token = token_with(new_user(), claims));

	cr_expect(a.status == (staff ? 200 : 404), "%s: %d %s", reason, a.status, a.body);
}

Test(identity, knows_staff_by_role_roles_and_scope)
{
	int64_t order_id = place_order(pool_shared(), new_user(), 3, 1);
	static const struct {
		const char *claims;
		bool staff;
		const char *reason;
	} rows[] = {
		{ "", false, "no role" },
		{ ",\"role\":\"admin\"", true, "role" },
		{ ",\"role\":\"customer\"", false, "another role" },
		{ ",\"role\":\"Admin\"", false, "another case" },
		{ ",\"role\":\"admins\"", false, "more behind it" },
		{ ",\"role\":\"adm\"", false, "a prefix" },
		{ ",\"role\":\"\"", false, "an empty role" },
		{ ",\"role\":null", false, "role null" },
		{ ",\"role\":true", false, "role a bool" },
		{ ",\"roles\":[\"admin\"]", true, "roles" },
		{ ",\"roles\":[\"customer\",\"admin\"]", true, "one of several" },
		{ ",\"roles\":[\"customer\"]", false, "others" },
		{ ",\"roles\":[]", false, "an empty array" },
		{ ",\"roles\":[\"admin customer\"]", false, "an array's element is one role" },
		{ ",\"scope\":\"admin\"", true, "scope" },
		{ ",\"scope\":\"openid admin email\"", true, "a word of scope" },
		{ ",\"scope\":\"openid administration\"", false, "a longer word of scope" },
		{ ",\"scope\":\"openid,admin\"", false, "blanks part words, commas do not" },
		{ ",\"scope\":\"\"", false, "an empty scope" },
		{ ",\"role\":\"customer\",\"roles\":[\"x\"],\"scope\":\"admin\"", true, "any of the three" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect_staff(pool_shared(), order_id, rows[i].reason, rows[i].claims, rows[i].staff);
}

Test(identity, takes_the_staff_roles_from_the_settings)
{
	struct pool p = pool_start(&(const struct pool_options){
		.workers = 1, .settings = { "STAFF_ROLES=support, warehouse" } });
	int64_t order_id = place_order(&p, new_user(), 3, 1);

	expect_staff(&p, order_id, "the first", ",\"role\":\"support\"", true);
	expect_staff(&p, order_id, "the second", ",\"roles\":[\"warehouse\"]", true);
	expect_staff(&p, order_id, "the default", ",\"role\":\"admin\"", false);
	expect_staff(&p, order_id, "the list itself", ",\"role\":\"support, warehouse\"", false);
	expect_staff(&p, order_id, "nothing", ",\"role\":\"\"", false);
	cr_expect(pool_stop(&p));
}

Test(identity, knows_no_staff_when_the_setting_is_empty)
{
	struct pool p = pool_start(
		&(const struct pool_options){ .workers = 1, .settings = { "STAFF_ROLES=" } });
	int64_t order_id = place_order(&p, new_user(), 3, 1);

	expect_staff(&p, order_id, "admin", ",\"role\":\"admin\"", false);
	expect_staff(&p, order_id, "nothing", ",\"role\":\"\",\"roles\":[\"\"],\"scope\":\"\"", false);
	cr_expect(pool_stop(&p));
}

Test(identity, lets_staff_read_and_change_every_order_and_others_their_own_only)
{
	struct pool *p = pool_shared();
	int64_t owner = new_user(), stranger = new_user(), staff = new_user();
	int64_t order_id = place_order(p, owner, 3, 1);
	struct answer own = ASK(p, .target = order_target(order_id), .token = token_of(owner));
	struct answer a;

	cr_assert(own.status == 200);
	a = ASK(p, .target = order_target(order_id), .token = token_of_staff(staff));
	EXPECT(a, 200, own.body);
	a = ASK(p, .target = order_target(order_id), .token = token_of(stranger));
	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	a = change_order(p, stranger, order_id, "confirmed");
	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	a = ASK(p, .method = "PATCH", .target = status_target(order_id), .token = token_of_staff(staff),
		.body = "{\"status\":\"confirmed\"}");
	cr_expect(a.status == 200, "%d %s", a.status, a.body);
	cr_expect_str_eq(json_get(a.body, "status"), "confirmed");
	cr_expect(json_get_i64(a.body, "user_id") == owner, "it stays the owner's");
	a = ASK(p, .target = "/api/v1/orders", .token = token_of_staff(staff));
	EXPECT(a, 200, "[]");
}
