#include "base/buf.h"

#include <string.h>
#include <talloc.h>

void
buf_init(struct buf *b, void *ctx, size_t limit)
{
	*b = (struct buf){ .ctx = ctx, .limit = limit };
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Room for more bytes and a NUL, or NULL with failed set. */
static char *
reserve(struct buf *b, size_t more)
{
	size_t cap;
	char *data;

	if (b->failed || more > b->limit - b->len) {
		b->failed = true;
		return NULL;
	}
	if (more < b->cap - b->len)
		return b->data + b->len;
	cap = b->cap ? b->cap : 256;
	while (cap <= b->len + more)
		cap *= 2;
	data = talloc_realloc_size(b->ctx, b->data, cap);
	if (!data) {
		b->failed = true;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

void
buf_put(struct buf *b, const void *data, size_t len)
{
	char *to = reserve(b, len);

	if (!to)
		return;
	if (len)
		memcpy(to, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_put_i64(struct buf *b, int64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (v < 0)
		buf_putc(b, '-');
	buf_put(b, digits + at, sizeof digits - at);
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void
buf_put_urlencoded(struct buf *b, const char *s, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t plain = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_unreserved(c))
			continue;
		buf_put(b, s + plain, i - plain);
		buf_put(b, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
		plain = i + 1;
	}
	buf_put(b, s + plain, len - plain);
}
