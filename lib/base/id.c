#include "base/id.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

/* From a stock, since several are wanted for each request; a child begins with one of its own. getrandom() of up to
 * 256 bytes never fails nor is cut short once the kernel is seeded. */
static void
random_bytes(unsigned char *out, size_t len)
{
	static unsigned char stock[256];
	static size_t left;
	static pid_t owner;

	if (len > left || owner != getpid()) {
		if (getrandom(stock, sizeof stock, 0) != (ssize_t)sizeof stock)
			abort();
		left = sizeof stock;
		owner = getpid();
	}
	left -= len;
	memcpy(out, stock + left, len);
	memset(stock + left, 0, len);
}

static void
hex(char *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
}

void
id_uuid(char out[static UUID_SIZE])
{
	uint64_t ms = (uint64_t)(clock_wall_us() / 1000);
	unsigned char b[16];

	random_bytes(b, sizeof b);
	for (int i = 5; i >= 0; i--, ms >>= 8)
		b[i] = (unsigned char)ms;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x70);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	hex(out, b, 4);
	hex(out + 9, b + 4, 2);
	hex(out + 14, b + 6, 2);
	hex(out + 19, b + 8, 2);
	hex(out + 24, b + 10, 6);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[36] = '\0';
}

uint32_t
id_random(uint32_t below)
{
	unsigned char bytes[sizeof(uint64_t)];
	uint64_t r;

	random_bytes(bytes, sizeof bytes);
	memcpy(&r, bytes, sizeof r);
	return (uint32_t)(r % below);
}

static bool
is_lower_hex(const char *s, size_t n)
{
	bool all_zero = true;

	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)s[i]) || isupper((unsigned char)s[i]))
			return false;
		all_zero = all_zero && s[i] == '0';
	}
	return n == 2 || !all_zero;
}

static bool
is_traceparent(const char *s)
{
	return s && strlen(s) == TRACEPARENT_SIZE - 1 && strncmp(s, "00-", 3) == 0 &&
	       is_lower_hex(s + 3, 32) && s[35] == '-' && is_lower_hex(s + 36, 16) && s[52] == '-' &&
	       is_lower_hex(s + 53, 2);
}

void
id_traceparent(const char *received, char out[static TRACEPARENT_SIZE])
{
	unsigned char ids[24];

	if (is_traceparent(received)) {
		memcpy(out, received, TRACEPARENT_SIZE);
		return;
	}
	random_bytes(ids, sizeof ids);
	ids[0] |= 1; /* an id of zeros alone is invalid */
	ids[16] |= 1;
	memcpy(out, "00-", 3);
	hex(out + 3, ids, 16);
	out[35] = '-';
	hex(out + 36, ids + 16, 8);
	memcpy(out + 52, "-01", 4);
}

bool
id_sha256(const struct part *parts, size_t n, unsigned char out[static SHA256_SIZE])
{
	static EVP_MD_CTX *ctx;
	static EVP_MD *md;
	bool ok;

	if (!ctx)
		ctx = EVP_MD_CTX_new();
	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	ok = ctx && md && EVP_DigestInit_ex(ctx, md, NULL);
	for (size_t i = 0; ok && i < n; i++) {
		uint64_t len = parts[i].len;

		ok = EVP_DigestUpdate(ctx, &len, sizeof len) &&
		     EVP_DigestUpdate(ctx, parts[i].data, parts[i].len);
	}
	return ok && EVP_DigestFinal_ex(ctx, out, NULL);
}
