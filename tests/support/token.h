/* JSON Web Tokens for tests: good ones in a word, bad ones out of any header, claims and key. */
#ifndef SUPPORT_TOKEN_H
#define SUPPORT_TOKEN_H

#include <stddef.h>
#include <stdint.h>

/* What pools verify with unless they are told otherwise. */
#define TEST_SECRET "a-secret-key-that-tests-alone-know"

/* HS256 with TEST_SECRET, for an hour: sub as a string, email user<N>@example.com. */
const char *token_of(int64_t user);
/* The same with role admin. */
const char *token_of_staff(int64_t user);
/* The same with further claims: ",\"name\":value…". */
const char *token_with(int64_t user, const char *claims);
/* The same with exactly these claims. */
const char *token_of_claims(const char *claims);

/* header.claims.signature: header and claims are JSON texts. algorithm says how it is signed, whatever the
 * header claims: HS…, RS…, ES… 256, 384, 512, or "none". key: the secret, or a PEM private key. */
const char *token_sign(const char *header, const char *claims, const char *algorithm, const char *key);
/* With the header that goes with the algorithm. */
const char *token_signed(const char *algorithm, const char *claims, const char *key);

/* A fresh pair, PEM. type: "RSA", "P-256", "P-384", "P-521". */
struct key_pair {
	const char *private_pem;
	const char *public_pem;
};
struct key_pair key_pair_new(const char *type);

const char *base64url(const void *bytes, size_t len);

/* Seconds since 1970. */
int64_t wall_s(void);

#endif
