/* Bearer tokens, signed here by OpenSSL. */
#include "api/auth.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/clock.h"
#include "context.h"
#include "table.h"
#include "vectors/jwt.h"

#define NOW INT64_C(1771940786) /* s */
#define SECRET "correct horse battery staple 123"
#define SUB_9 "{\"sub\":\"9\",\"email\":\"user@example.com\"}"

static const char *const admin[] = { "admin", NULL };
static struct config config = {
	.secret_key = SECRET, .secret_key_len = sizeof SECRET - 1, .algorithm = "HS256", .staff_roles = admin
};

static void
set_up(void)
{
	open_ctx();
	clock_set_wall_us(NOW * 1000000);
}

TestSuite(auth, .init = set_up, .fini = close_ctx);

/* RFC 7515, section 2: base64url without padding. */
static char *
base64url(const void *data, size_t len)
{
	char *text = talloc_size(ctx, len * 4 / 3 + 5);
	int n = EVP_EncodeBlock((unsigned char *)text, data, (int)len);

	while (n > 0 && text[n - 1] == '=')
		n--;
	text[n] = '\0';
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	return text;
}

static char *
unsigned_token(const char *header, const char *claims)
{
	return talloc_asprintf(ctx, "%s.%s", base64url(header, strlen(header)),
			       base64url(claims, strlen(claims)));
}

static const EVP_MD *
hash_of(const char *algorithm)
{
	return strcmp(algorithm + 2, "256") == 0   ? EVP_sha256()
	       : strcmp(algorithm + 2, "384") == 0 ? EVP_sha384()
						   : EVP_sha512();
}

static const char *
hmac(const char *header, const char *claims, const char *algorithm, const void *key, size_t key_len)
{
	const char *text = unsigned_token(header, claims);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len;

	cr_assert_not_null(HMAC(hash_of(algorithm), key, (int)key_len, (const unsigned char *)text,
				strlen(text), mac, &len));
	return talloc_asprintf(ctx, "%s.%s", text, base64url(mac, len));
}

/* The claims as base64url already. */
static const char *
hmac_part(const char *header, const char *claims)
{
	const char *text = talloc_asprintf(ctx, "%s.%s", base64url(header, strlen(header)), claims);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len;

	cr_assert_not_null(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)text,
				strlen(text), mac, &len));
	return talloc_asprintf(ctx, "%s.%s", text, base64url(mac, len));
}

static const char *
usual(const char *claims)
{
	return hmac("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, "HS256", SECRET, strlen(SECRET));
}

/* RFC 7518, section 3.4: r and s side by side, each as long as the curve's field. */
static size_t
flatten(unsigned char *signature, size_t len, int bits)
{
	const unsigned char *p = signature;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)len);
	int n = (bits + 7) / 8;

	cr_assert_not_null(s);
	cr_assert_eq(BN_bn2binpad(ECDSA_SIG_get0_r(s), signature, n), n);
	cr_assert_eq(BN_bn2binpad(ECDSA_SIG_get0_s(s), signature + n, n), n);
	ECDSA_SIG_free(s);
	return 2 * (size_t)n;
}

static const char *
sign(const char *algorithm, const char *claims, EVP_PKEY *key)
{
	const char *text = unsigned_token(talloc_asprintf(ctx, "{\"alg\":\"%s\"}", algorithm), claims);
	unsigned char signature[1024];
	size_t len = sizeof signature;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	cr_assert(EVP_DigestSignInit(md, NULL, hash_of(algorithm), NULL, key) == 1 &&
		  EVP_DigestSign(md, signature, &len, (const unsigned char *)text, strlen(text)) == 1);
	EVP_MD_CTX_free(md);
	if (*algorithm == 'E')
		len = flatten(signature, len, EVP_PKEY_get_bits(key));
	return talloc_asprintf(ctx, "%s.%s", text, base64url(signature, len));
}

static const char *
public_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *pem;
	long len;

	cr_assert_eq(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_get_mem_data(bio, &data);
	pem = talloc_strndup(ctx, data, (size_t)len);
	BIO_free(bio);
	return pem;
}

static struct config
with_key(const char *algorithm, const char *key)
{
	struct config c = config;

	c.algorithm = algorithm;
	c.secret_key = key;
	c.secret_key_len = strlen(key);
	return c;
}

static void
expect_rc(const struct config *c, const char *token, enum rc want, const char *why)
{
	struct caller caller = { .id = -77 };

	expect_int(auth_verify(c, ctx, token, &caller), want, why);
	expect_int(caller.id, want ? -77 : 9, why);
}

Test(auth, verifies_what_others_signed)
{
	for (size_t i = 0; i < ROWS(jwt_vectors); i++) {
		const struct jwt_vector *v = &jwt_vectors[i];
		struct config c = with_key(v->algorithm, "");
		const char *claims = "refused";
		size_t len = strlen(claims);

		c.secret_key = v->key;
		c.secret_key_len = v->key_len;
		cr_expect_null(auth_check_key(&c), "%s", v->source);
		expect_int(auth_claims(&c, ctx, v->token, &claims, &len), RC_OK, v->source);
		expect_text(talloc_strndup(ctx, claims, len), v->claims, v->source);
	}
}

Test(auth, refuses_any_change_of_what_others_signed)
{
	for (size_t i = 0; i < ROWS(jwt_vectors); i++) {
		const struct jwt_vector *v = &jwt_vectors[i];
		struct config c = with_key(v->algorithm, "");
		size_t len = strlen(v->token), claims_len;
		const char *claims;

		c.secret_key = v->key;
		c.secret_key_len = v->key_len;
		for (size_t at = 0; at < len; at += len / 40 + 1) {
			char *token = talloc_strdup(ctx, v->token);

			token[at] = token[at] == 'A' ? 'B' : 'A';
			cr_expect_eq(auth_claims(&c, ctx, token, &claims, &claims_len), RC_BAD_TOKEN,
				     "%s: byte %zu", v->source, at);
		}
	}
}

Test(auth, reads_the_caller)
{
	struct caller c;

	cr_assert_eq(auth_verify(&config, ctx,
				 usual("{\"sub\":\"9\",\"email\":\"user@example.com\",\"role\":\"admin\"}"),
				 &c),
		     RC_OK);
	cr_expect_eq(c.id, 9);
	cr_expect_str_eq(c.email, "user@example.com");
	cr_expect(c.staff);
}

Test(auth, takes_hmacs_of_exactly_the_configured_length)
{
	static const char *const algorithms[] = { "HS256", "HS384", "HS512" };

	for (size_t i = 0; i < ROWS(algorithms); i++)
		for (size_t j = 0; j < ROWS(algorithms); j++) {
			struct config c = with_key(algorithms[i], SECRET);
			const char *header = talloc_asprintf(ctx, "{\"alg\":\"%s\"}", algorithms[j]);

			expect_rc(&c, hmac(header, SUB_9, algorithms[j], SECRET, strlen(SECRET)),
				  i == j ? RC_OK : RC_BAD_TOKEN, header);
		}
}

Test(auth, falls_into_none_of_the_jwt_traps)
{
	const char *good = usual(SUB_9);
	const char *dot = strrchr(good, '.');
	const char *nul = hmac_part("{\"alg\":\"HS256\"}", base64url(LITERAL(SUB_9 "\0")));
	const struct {
		const char *token, *why;
	} rows[] = {
		{ "", "nothing" },
		{ ".", "a dot" },
		{ "..", "two dots" },
		{ "a.b.c", "no base64" },
		{ talloc_asprintf(ctx, "%s.", unsigned_token("{\"alg\":\"none\"}", SUB_9)), "none" },
		{ unsigned_token("{\"alg\":\"none\"}", SUB_9), "none without a signature" },
		{ talloc_asprintf(ctx, "%s.", unsigned_token("{\"alg\":\"None\"}", SUB_9)), "None" },
		{ talloc_asprintf(ctx, "%s.", unsigned_token("{\"alg\":\"HS256\"}", SUB_9)),
		  "an empty signature" },
		{ unsigned_token("{\"alg\":\"HS256\"}", SUB_9), "no signature" },
		{ hmac("{\"alg\":\"hs256\"}", SUB_9, "HS256", SECRET, strlen(SECRET)), "another spelling" },
		{ hmac("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", SUB_9, "HS256", SECRET, strlen(SECRET)),
		  "crit" },
		{ hmac("{\"alg\":\"HS256\"}", SUB_9, "HS256", "another", 7), "another key" },
		{ hmac("{\"alg\":\"HS256\"}", SUB_9, "HS256", "", 0), "an empty key" },
		{ hmac("{\"alg\":\"HS256\"}", SUB_9, "HS512", SECRET, strlen(SECRET)),
		  "another hash under the right name" },
		{ hmac("{\"alg\":\"HS512\"}", SUB_9, "HS256", SECRET, strlen(SECRET)),
		  "the right hash under another name" },
		{ hmac("{}", SUB_9, "HS256", SECRET, strlen(SECRET)), "no algorithm" },
		{ hmac("{\"alg\":\"HS256\"", SUB_9, "HS256", SECRET, strlen(SECRET)),
		  "a header that is no JSON" },
		{ hmac("{\"alg\":\"HS256\",\"alg\":\"none\"}", SUB_9, "HS256", SECRET, strlen(SECRET)),
		  "two algorithms" },
		{ usual("[]"), "claims that are no object" },
		{ usual("{\"sub\":\"9\""), "claims that are no JSON" },
		{ usual("{'sub':'9'}"), "claims that are nearly JSON" },
		{ usual(""), "no claims" },
		{ nul, "a NUL behind the claims" },
		{ usual("{\"sub\":\"9\",\"exp\":1771940786}"), "over, which libjwt does not look at" },
		{ usual("{\"sub\":\"9\",\"exp\":1771940785.9}"), "over, as a fraction" },
		{ usual("{\"sub\":\"9\",\"nbf\":1771940786.5}"), "too early, as a fraction" },
		{ usual("{\"sub\":\"9\",\"exp\":\"1771940787\"}"), "a time that is a string" },
		{ usual("{\"sub\":\"0\"}"), "nobody" },
		{ talloc_strndup(ctx, good, strlen(good) - 1), "cut short" },
		{ talloc_asprintf(ctx, "%s=", good), "padded" },
		{ talloc_asprintf(ctx, "%sA", good), "a longer signature" },
		{ talloc_asprintf(ctx, "%s.", good), "a dot behind it" },
		{ talloc_asprintf(ctx, "%s.x", good), "a fourth part" },
		{ talloc_asprintf(ctx, "%s ", good), "a blank behind it" },
		{ talloc_asprintf(ctx, "\t%s", good), "a tab before it" },
		{ talloc_asprintf(ctx, "%.*s\n%s", (int)(dot - good), good, dot), "a line feed inside" },
		{ talloc_asprintf(ctx, "%.*s", (int)(dot - good), good), "two parts" },
	};

	expect_rc(&config, good, RC_OK, "the pattern of them all is good");
	expect_rc(&config, usual("{\"sub\":\"9\",\"exp\":1771940786.5}"), RC_OK, "half a second left");
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_rc(&config, rows[i].token, RC_BAD_TOKEN, rows[i].why);
}

Test(auth, refuses_a_token_beyond_16_kib)
{
	const char *sound = usual(talloc_asprintf(ctx, "{\"sub\":\"9\",\"x\":\"%012180d\"}", 0));
	const char *longer = usual(talloc_asprintf(ctx, "{\"sub\":\"9\",\"x\":\"%012230d\"}", 0));

	cr_assert(strlen(sound) <= 16384 && strlen(sound) > 16300 && strlen(longer) > 16384 &&
		  strlen(longer) < 16450);
	expect_rc(&config, sound, RC_OK, "nearly 16 KiB");
	expect_rc(&config, longer, RC_BAD_TOKEN, "a little more");
}

Test(auth, remembers_what_was_verified_and_judges_the_rest_anew)
{
	const char *token = usual("{\"sub\":\"9\",\"exp\":1771940790,\"role\":\"desk\"}");
	static const char *const desk[] = { "desk", NULL };
	struct config other = config;
	struct caller c;

	for (int i = 0; i < 3; i++)
		expect_rc(&config, token, RC_OK, "again");
	clock_set_wall_us((NOW + 4) * 1000000);
	expect_rc(&config, token, RC_BAD_TOKEN, "it is over by now");
	clock_set_wall_us(NOW * 1000000);
	other.jwt_issuer = "x";
	expect_rc(&other, token, RC_BAD_TOKEN, "another issuer is wanted now");
	other = config;
	other.staff_roles = desk;
	cr_expect(auth_verify(&other, ctx, token, &c) == RC_OK && c.staff, "another role counts now");
	other = with_key("HS256", "another");
	expect_rc(&other, token, RC_BAD_TOKEN, "another key");
	other = with_key("HS512", SECRET);
	expect_rc(&other, token, RC_BAD_TOKEN, "another algorithm");
	expect_rc(&config, token, RC_OK, "and all as it was");
}

Test(auth, remembers_any_number_of_tokens)
{
	for (int round = 0; round < 2; round++)
		for (int i = 1; i <= 1000; i++) {
			struct caller c = { 0 };

			cr_expect_eq(
				auth_verify(&config, ctx, usual(talloc_asprintf(ctx, "{\"sub\":%d}", i)), &c),
				RC_OK);
			cr_expect_eq(c.id, i);
		}
}

Test(auth, of_rsa_goes_by_the_public_key)
{
	EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
	const char *pem = public_pem(key);
	static const char *const algorithms[] = { "RS256", "RS384", "RS512" };
	struct config c = with_key("RS256", pem);
	const char *good = sign("RS256", SUB_9, key);

	for (size_t i = 0; i < ROWS(algorithms); i++)
		for (size_t j = 0; j < ROWS(algorithms); j++) {
			c = with_key(algorithms[i], pem);
			cr_expect_null(auth_check_key(&c));
			expect_rc(&c, sign(algorithms[j], SUB_9, key), i == j ? RC_OK : RC_BAD_TOKEN,
				  algorithms[j]);
		}
	c = with_key("RS256", pem);
	expect_rc(&c, sign("RS256", SUB_9, other), RC_BAD_TOKEN, "another key");
	expect_rc(&c, hmac("{\"alg\":\"HS256\"}", SUB_9, "HS256", pem, strlen(pem)), RC_BAD_TOKEN,
		  "an HMAC made with the public key");
	expect_rc(&c, hmac("{\"alg\":\"RS256\"}", SUB_9, "HS256", pem, strlen(pem)), RC_BAD_TOKEN,
		  "and called RS256");
	expect_rc(&c, talloc_asprintf(ctx, "%s.", unsigned_token("{\"alg\":\"RS256\"}", SUB_9)), RC_BAD_TOKEN,
		  "no signature");
	expect_rc(&c, talloc_asprintf(ctx, "%s.x", good), RC_BAD_TOKEN, "a fourth part");
	expect_rc(&c, talloc_asprintf(ctx, "%s==", good), RC_BAD_TOKEN, "padded");
	expect_rc(&c, talloc_asprintf(ctx, "%s!garbage", good), RC_BAD_TOKEN, "something behind it");
	expect_rc(&c, talloc_asprintf(ctx, "%s\n", good), RC_BAD_TOKEN, "a line feed behind it");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

Test(auth, of_elliptic_curves_goes_by_the_public_key)
{
	static const struct {
		const char *algorithm, *curve;
	} rows[] = { { "ES256", "P-256" }, { "ES384", "P-384" }, { "ES512", "P-521" } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		EVP_PKEY *key = EVP_EC_gen(rows[i].curve), *other = EVP_EC_gen(rows[i].curve);
		const char *pem = public_pem(key), *good = sign(rows[i].algorithm, SUB_9, key);
		struct config c = with_key(rows[i].algorithm, pem);
		unsigned char der[256];
		size_t len = sizeof der;
		EVP_MD_CTX *md = EVP_MD_CTX_new();
		const char *text = unsigned_token(talloc_asprintf(ctx, "{\"alg\":\"%s\"}", rows[i].algorithm),
						  SUB_9);

		cr_expect_null(auth_check_key(&c), "%s", rows[i].algorithm);
		for (int n = 0; n < 20; n++) /* r or s may begin with zeros */
			expect_rc(&c, sign(rows[i].algorithm, SUB_9, key), RC_OK, rows[i].algorithm);
		expect_rc(&c, sign(rows[i].algorithm, SUB_9, other), RC_BAD_TOKEN, "another key");
		expect_rc(&c,
			  hmac(talloc_asprintf(ctx, "{\"alg\":\"%s\"}", rows[i].algorithm), SUB_9,
			       rows[i].algorithm, pem, strlen(pem)),
			  RC_BAD_TOKEN, "an HMAC made with the public key");
		cr_assert(EVP_DigestSignInit(md, NULL, hash_of(rows[i].algorithm), NULL, key) == 1 &&
			  EVP_DigestSign(md, der, &len, (const unsigned char *)text, strlen(text)) == 1);
		EVP_MD_CTX_free(md);
		expect_rc(&c, talloc_asprintf(ctx, "%s.%s", text, base64url(der, len)), RC_BAD_TOKEN,
			  "DER instead of r and s");
		expect_rc(&c,
			  talloc_asprintf(ctx, "%s.%s", text,
					  base64url(memset(der, 0, sizeof der),
						    2 * (size_t)(EVP_PKEY_get_bits(key) + 7) / 8)),
			  RC_BAD_TOKEN, "r and s of zeros");
		expect_rc(&c, talloc_asprintf(ctx, "%s.x", good), RC_BAD_TOKEN, "a fourth part");
		expect_rc(&c, talloc_asprintf(ctx, "%s!garbage", good), RC_BAD_TOKEN, "something behind it");
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

Test(auth, key_must_fit_the_algorithm)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024), *p256 = EVP_EC_gen("P-256"),
		 *p384 = EVP_EC_gen("P-384"), *p521 = EVP_EC_gen("P-521"), *bitcoin = EVP_EC_gen("secp256k1"),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	const struct {
		const char *algorithm, *key;
		bool good;
		const char *why;
	} rows[] = {
		{ "HS256", SECRET, true, "a secret" },
		{ "HS256", public_pem(rsa), false, "a public key is no secret" },
		{ "HS512", public_pem(p256), false, "a public key is no secret" },
		{ "RS256", public_pem(rsa), true, "" },
		{ "RS512", public_pem(rsa), true, "" },
		{ "RS256", public_pem(small), false, "1024 bits" },
		{ "RS256", public_pem(p256), false, "another kind" },
		{ "RS256", SECRET, false, "a secret is no key" },
		{ "RS256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", false,
		  "garbage in PEM" },
		{ "ES256", public_pem(p256), true, "" },
		{ "ES384", public_pem(p384), true, "" },
		{ "ES512", public_pem(p521), true, "" },
		{ "ES256", public_pem(p384), false, "another curve" },
		{ "ES512", public_pem(p384), false, "another curve" },
		{ "ES256", public_pem(bitcoin), false, "another curve of 256 bits" },
		{ "ES256", public_pem(rsa), false, "another kind" },
		{ "ES256", public_pem(ed), false, "another kind" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c = with_key(rows[i].algorithm, rows[i].key);
		const char *fault = auth_check_key(&c);

		cr_expect(!fault == rows[i].good, "%s: %s: %s", rows[i].algorithm, rows[i].why,
			  fault ? fault : "taken");
		cr_expect(!fault || strncmp(fault, "SECRET_KEY: ", 12) == 0, "%s", fault);
		cr_expect(!fault || !strstr(fault, rows[i].key), "%s shows the key", rows[i].why);
	}
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(p521);
	EVP_PKEY_free(bitcoin);
	EVP_PKEY_free(ed);
}

Test(auth, reads_the_field_as_rfc_6750_writes_it)
{
	const char *token = usual(SUB_9);
	const struct {
		const char *before, *token;
		enum rc rc;
		const char *why;
	} rows[] = {
		{ "HTTP_AUTHORIZATION=Bearer ", token, RC_OK, "" },
		{ "HTTP_AUTHORIZATION=bearer ", token, RC_OK, "the scheme is case-insensitive" },
		{ "HTTP_AUTHORIZATION=BEARER   ", token, RC_OK, "more than one space" },
		{ "HTTP_AUTHORIZATION=Bearer", token, RC_NOT_AUTHENTICATED, "no space" },
		{ "HTTP_AUTHORIZATION=Bearer\t", token, RC_NOT_AUTHENTICATED, "a tab" },
		{ "HTTP_AUTHORIZATION=Bearer ", "", RC_NOT_AUTHENTICATED, "no token" },
		{ "HTTP_AUTHORIZATION=Bearer", "", RC_NOT_AUTHENTICATED, "no token" },
		{ "HTTP_AUTHORIZATION=", "", RC_NOT_AUTHENTICATED, "empty" },
		{ "HTTP_AUTHORIZATION=Basic ", token, RC_NOT_AUTHENTICATED, "another scheme" },
		{ "HTTP_AUTHORIZATION=Bearers ", token, RC_NOT_AUTHENTICATED, "another scheme" },
		{ "HTTP_AUTHORIZATION= Bearer ", token, RC_NOT_AUTHENTICATED, "a blank in front" },
		{ "HTTP_AUTHORIZATION=", token, RC_NOT_AUTHENTICATED, "a token alone" },
		{ "HTTP_COOKIE=Bearer ", token, RC_NOT_AUTHENTICATED, "another field" },
		{ "HTTP_AUTHORIZATION=Bearer ", "x.y.z", RC_BAD_TOKEN, "no token of ours" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *params[] = { talloc_asprintf(ctx, "%s%s", rows[i].before, rows[i].token), NULL };
		const struct http_request r = { .ctx = ctx, .params = params };
		struct caller c = { .id = -77 };

		expect_int(auth_caller(&config, &r, &c), rows[i].rc, rows[i].why);
		expect_int(c.id, rows[i].rc ? -77 : 9, rows[i].why);
	}
}
