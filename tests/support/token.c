#include "support/token.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <talloc.h>
#include <time.h>

#include "support/test.h"

int64_t
wall_s(void)
{
	return (int64_t)time(NULL);
}

const char *
base64url(const void *bytes, size_t len)
{
	char *s = talloc_array(test_memory(), char, (unsigned)(len / 3 * 4 + 5));

	(void)EVP_EncodeBlock((unsigned char *)s, bytes, (int)len);
	for (char *p = s; *p; p++)
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
	s[strcspn(s, "=")] = '\0';
	return s;
}

static const EVP_MD *
digest(const char *algorithm)
{
	const char *bits = algorithm + 2;

	return strcmp(bits, "256") == 0	  ? EVP_sha256()
	       : strcmp(bits, "384") == 0 ? EVP_sha384()
					  : EVP_sha512();
}

/* DER → r and s, each as wide as the curve's field (RFC 7518 section 3.4). */
static size_t
raw_ecdsa(const char *algorithm, unsigned char *signature, size_t len)
{
	int width = strcmp(algorithm, "ES256") == 0 ? 32 : strcmp(algorithm, "ES384") == 0 ? 48 : 66;
	const unsigned char *p = signature;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);

	if (!sig)
		give_up("ECDSA signature");
	(void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, width);
	(void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + width, width);
	ECDSA_SIG_free(sig);
	return (size_t)width * 2;
}

static size_t
sign_with_key(const char *algorithm, const char *pem, const char *data, unsigned char *out, size_t max)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = max;

	if (!key || EVP_DigestSignInit(ctx, NULL, digest(algorithm), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, out, &len, (const unsigned char *)data, strlen(data)) != 1)
		give_up("cannot sign with %s", algorithm);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return algorithm[0] == 'E' ? raw_ecdsa(algorithm, out, len) : len;
}

const char *
token_sign(const char *header, const char *claims, const char *algorithm, const char *key)
{
	const char *data = text("%s.%s", base64url(header, strlen(header)),
				base64url(claims, strlen(claims)));
	unsigned char signature[1024];
	unsigned len = 0;
	size_t n;

	if (strcmp(algorithm, "none") == 0)
		return text("%s.", data);
	if (algorithm[0] == 'H') {
		(void)HMAC(digest(algorithm), key, (int)strlen(key), (const unsigned char *)data,
			   strlen(data), signature, &len);
		n = len;
	} else {
		n = sign_with_key(algorithm, key, data, signature, sizeof signature);
	}
	return text("%s.%s", data, base64url(signature, n));
}

const char *
token_signed(const char *algorithm, const char *claims, const char *key)
{
	return token_sign(text("{\"alg\":\"%s\",\"typ\":\"JWT\"}", algorithm), claims, algorithm, key);
}

const char *
token_of_claims(const char *claims)
{
	return token_signed("HS256", claims, TEST_SECRET);
}

const char *
token_with(int64_t user, const char *claims)
{
	return token_of_claims(text("{\"sub\":\"%lld\",\"email\":\"user%lld@example.com\",\"exp\":%lld%s}",
				    (long long)user, (long long)user, (long long)wall_s() + 3600, claims));
}

const char *
token_of(int64_t user)
{
	return token_with(user, "");
}

const char *
token_of_staff(int64_t user)
{
	return token_with(user, ",\"role\":\"admin\"");
}

static const char *
pem_text(BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	const char *copy = text("%.*s", (int)len, data);

	BIO_free(bio);
	return copy;
}

struct key_pair
key_pair_new(const char *type)
{
	EVP_PKEY *key = strcmp(type, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(type);
	BIO *private_bio = BIO_new(BIO_s_mem()), *public_bio = BIO_new(BIO_s_mem());
	struct key_pair pair;

	if (!key || PEM_write_bio_PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_PUBKEY(public_bio, key) != 1)
		give_up("cannot make a key of type %s", type);
	EVP_PKEY_free(key);
	pair.private_pem = pem_text(private_bio);
	pair.public_pem = pem_text(public_bio);
	return pair;
}
