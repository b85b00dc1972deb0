/*
 * A byte buffer that grows on a talloc context up to a limit. A failed append is remembered and the
 * rest are ignored, so a writer checks once, at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	void *ctx;
	char *data; /* NUL-terminated once anything was put, the NUL not counted; NULL before */
	size_t len;
	size_t cap;
	size_t limit; /* bytes that len never exceeds */
	bool failed;  /* no memory, or the limit was reached */
};

void buf_init(struct buf *b, void *ctx, size_t limit);
void buf_clear(struct buf *b);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_put_i64(struct buf *b, int64_t v);
/* Bytes outside RFC 3986's unreserved set as %XX. */
void buf_put_urlencoded(struct buf *b, const char *s, size_t len);

#endif
