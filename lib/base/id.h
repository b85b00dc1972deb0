/* Identifiers (RFC 9562 version 7), W3C trace contexts, SHA-256. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_SIZE 37	    /* 36 characters and a NUL */
#define TRACEPARENT_SIZE 56 /* 00-{32}-{16}-{2} and a NUL */
#define SHA256_SIZE 32

/* Of the wall clock's millisecond and 74 random bits: what is made together lies together in an index. */
void id_uuid(char out[static UUID_SIZE]);

/* Uniform in 0 … below-1; below > 0. */
uint32_t id_random(uint32_t below);

/* Keeps a valid traceparent's trace id, flags and parent, makes a fresh sampled one out of anything else.
 * https://www.w3.org/TR/trace-context/#traceparent-header */
void id_traceparent(const char *received, char out[static TRACEPARENT_SIZE]);

/* Digests the parts one after the other, each preceded by its length, so that no two lists of parts
 * share a digest. Returns false when the library refuses. */
struct part {
	const void *data;
	size_t len;
};
bool id_sha256(const struct part *parts, size_t n, unsigned char out[static SHA256_SIZE]);

#endif
