#include "base/utf8.h"

/* The bytes that may follow a lead byte at once, and how many more 80…BF come then (RFC 3629 section 4). */
static const struct {
	unsigned char lead_from, lead_to, next_from, next_to, more;
} sequences[] = {
	{ 0xC2, 0xDF, 0x80, 0xBF, 0 }, { 0xE0, 0xE0, 0xA0, 0xBF, 1 }, { 0xE1, 0xEC, 0x80, 0xBF, 1 },
	{ 0xED, 0xED, 0x80, 0x9F, 1 }, { 0xEE, 0xEF, 0x80, 0xBF, 1 }, { 0xF0, 0xF0, 0x90, 0xBF, 2 },
	{ 0xF1, 0xF3, 0x80, 0xBF, 2 }, { 0xF4, 0xF4, 0x80, 0x8F, 2 },
};

/* Length of the character at s or, when *good is false, of the mistake: as much as could have begun one. */
static size_t
sequence(const unsigned char *s, size_t len, bool *good)
{
	*good = s[0] < 0x80;
	for (size_t i = 0; s[0] >= 0x80 && i < sizeof sequences / sizeof *sequences; i++) {
		size_t n = 2u + sequences[i].more, j = 2;

		if (s[0] < sequences[i].lead_from || s[0] > sequences[i].lead_to)
			continue;
		if (len < 2 || s[1] < sequences[i].next_from || s[1] > sequences[i].next_to)
			return 1;
		while (j < n && j < len && (s[j] & 0xC0) == 0x80)
			j++;
		*good = j == n;
		return j;
	}
	return 1;
}

bool
utf8_is_valid(const char *s, size_t len)
{
	bool good = true;

	for (size_t i = 0; good && i < len;)
		i += sequence((const unsigned char *)s + i, len - i, &good);
	return good;
}

void
utf8_put_repaired(struct buf *b, const char *s, size_t len)
{
	bool good;

	for (size_t i = 0, n; i < len; i += n) {
		n = sequence((const unsigned char *)s + i, len - i, &good);
		buf_put(b, good ? s + i : "\xEF\xBF\xBD", good ? n : 3);
	}
}

size_t
utf8_length(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xC0) != 0x80;
	return n;
}
