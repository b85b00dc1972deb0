#include "api/auth.h"

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/id.h"
#include "json/claims_json.h"

#define TOKEN_MAX 16384
#define VERIFIED_MAX 256
#define VERIFY_MEMORY (256u << 10) /* more than a token of TOKEN_MAX takes */
#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define PEM_MARK "-----BEGIN "

/* The curve that an ECDSA algorithm goes with (RFC 7518 section 3.4): others have as many bits. */
static bool
is_curve_of(const EVP_PKEY *key, const char *algorithm)
{
	const char *curve = strcmp(algorithm, "ES256") == 0   ? SN_X9_62_prime256v1
			    : strcmp(algorithm, "ES384") == 0 ? SN_secp384r1
							      : SN_secp521r1;
	char name[64];

	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof name, NULL) &&
	       strcmp(name, curve) == 0;
}

static EVP_PKEY *
read_public_key(const struct config *config)
{
	BIO *bio = BIO_new_mem_buf(config->secret_key, (int)config->secret_key_len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return key;
}

const char *
auth_check_key(const struct config *config)
{
	EVP_PKEY *key;
	bool fits;

	if (config_is_hmac(config))
		return strstr(config->secret_key, PEM_MARK)
			       ? "SECRET_KEY: holds a PEM key, which ALGORITHM must go with: RS… or ES…"
			       : NULL;
	key = read_public_key(config);
	if (!key)
		return "SECRET_KEY: wants a PEM public key for this ALGORITHM";
	if (config->algorithm[0] == 'R')
		fits = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048;
	else
		fits = is_curve_of(key, config->algorithm);
	EVP_PKEY_free(key);
	return fits ? NULL
		    : "SECRET_KEY: wants a key that ALGORITHM can be verified with: RSA of 2048 bits or "
		      "more, or the algorithm's own curve";
}

static enum rc
decode_part(void *ctx, const char *part, size_t len, const char **out, size_t *out_len)
{
	size_t padded = (len + 3) / 4 * 4;
	unsigned char *raw = talloc_size(ctx, padded / 4 * 3 + 1);
	char *text = talloc_size(ctx, padded + 1);
	int n;

	if (!raw || !text)
		return RC_NO_MEMORY;
	if (len % 4 == 1)
		return RC_BAD_TOKEN;
	for (size_t i = 0; i < padded; i++) {
		char c = i < len ? part[i] : '=';

		text[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	n = EVP_DecodeBlock(raw, (unsigned char *)text, (int)padded);
	if (n < 0)
		return RC_BAD_TOKEN;
	*out = (char *)raw;
	*out_len = (size_t)n - (padded - len);
	return RC_OK;
}

/* RFC 7515 section 7.1: three parts of base64url. libjwt also takes signatures with something behind them. */
static bool
is_compact(const char *token)
{
	for (int part = 0; part < 3; part++) {
		size_t len = strspn(token, BASE64URL);

		if (len == 0 || token[len] != (part < 2 ? '.' : '\0'))
			return false;
		token += len + 1;
	}
	return true;
}

/* libjwt believes the token's own algorithm, in any spelling, and ignores crit: the header is judged
 * before it sees the token. */
static enum rc
check_header(const struct config *config, void *ctx, const char *token)
{
	const char *header;
	size_t len;
	enum rc rc = decode_part(ctx, token, strcspn(token, "."), &header, &len);

	return rc ? rc : jose_header_check(ctx, header, len, config->algorithm);
}

static bool
libjwt_accepts(const struct config *config, const char *token)
{
	jwt_t *jwt = NULL;
	bool good = jwt_decode(&jwt, token, (const unsigned char *)config->secret_key,
			       (int)config->secret_key_len) == 0 &&
		    jwt_get_alg(jwt) != JWT_ALG_NONE;

	jwt_free(jwt);
	return good;
}

/*
 * libjwt has one word for a signature that is wrong and for one that it, or a library below it, had no memory to
 * check. A good token must not be refused for that: the refusal counts when there is memory and it comes again.
 */
static enum rc
check_signature(const struct config *config, void *ctx, const char *token)
{
	enum rc rc = check_header(config, ctx, token);
	void *probe;

	if (rc || libjwt_accepts(config, token))
		return rc;
	probe = talloc_size(ctx, VERIFY_MEMORY);
	if (!probe)
		return RC_NO_MEMORY;
	talloc_free(probe);
	return libjwt_accepts(config, token) ? RC_OK : RC_BAD_TOKEN;
}

/*
 * A token comes again with each request of its bearer, and the same bytes stay signed under the same key: the
 * digests of the last ones are kept. What its claims say is judged each time.
 */
static enum rc
verify(const struct config *config, void *ctx, const char *token)
{
	static unsigned char verified[VERIFIED_MAX][SHA256_SIZE];
	const struct part parts[] = {
		{ config->algorithm, strlen(config->algorithm) },
		{ config->secret_key, config->secret_key_len },
		{ token, strlen(token) },
	};
	unsigned char digest[SHA256_SIZE], *kept;
	enum rc rc;

	if (!id_sha256(parts, sizeof parts / sizeof *parts, digest))
		return check_signature(config, ctx, token);
	kept = verified[digest[0] % VERIFIED_MAX];
	if (memcmp(kept, digest, sizeof digest) == 0)
		return RC_OK;
	if ((rc = check_signature(config, ctx, token)))
		return rc;
	memcpy(kept, digest, sizeof digest);
	return RC_OK;
}

/* The claims are the token's own text: what libjwt gives back, another library has parsed and written. */
enum rc
auth_claims(const struct config *config, void *ctx, const char *token, const char **claims, size_t *len)
{
	const char *part;
	enum rc rc;

	if (strlen(token) > TOKEN_MAX || !is_compact(token))
		return RC_BAD_TOKEN;
	if ((rc = verify(config, ctx, token)))
		return rc;
	part = strchr(token, '.') + 1;
	return decode_part(ctx, part, strcspn(part, "."), claims, len);
}

enum rc
auth_verify(const struct config *config, void *ctx, const char *token, struct caller *out)
{
	const struct claims_rule rule = {
		.now_us = clock_wall_us(),
		.audience = config->jwt_audience,
		.issuer = config->jwt_issuer,
		.staff_roles = config->staff_roles,
	};
	const char *claims;
	size_t len;
	enum rc rc = auth_claims(config, ctx, token, &claims, &len);

	return rc ? rc : claims_decode(ctx, claims, len, &rule, out);
}

enum rc
auth_caller(const struct config *config, const struct http_request *r, struct caller *out)
{
	const char *field = http_param(r, "HTTP_AUTHORIZATION", NULL);

	if (!field || strncasecmp(field, "Bearer", 6) != 0 || field[6] != ' ')
		return RC_NOT_AUTHENTICATED;
	field += 6;
	while (*field == ' ')
		field++;
	return *field ? auth_verify(config, r->ctx, field, out) : RC_NOT_AUTHENTICATED;
}
