#include "base/utf8.h"

/* The bytes that may follow a lead byte at once, and how many more 80…BF come then (RFC 3629 section 4). */
static const struct {
	unsigned char lead_from, lead_to, next_from, next_to, more;
} sequences[] = {
	{ 0xC2, 0xDF, 0x80, 0xBF, 0 }, { 0xE0, 0xE0, 0xA0, 0xBF, 1 }, { 0xE1, 0xEC, 0x80, 0xBF, 1 },
	{ 0xED, 0xED, 0x80, 0x9F, 1 }, { 0xEE, 0xEF, 0x80, 0xBF, 1 }, { 0xF0, 0xF0, 0x90, 0xBF, 2 },
	{ 0xF1, 0xF3, 0x80, 0xBF, 2 }, { 0xF4, 0xF4, 0x80, 0x8F, 2 },
};

/* Length of the sequence at s, 0 when it is none. */
static size_t
sequence(const unsigned char *s, size_t len)
{
	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
		size_t n = 2u + sequences[i].more;

		if (s[0] < sequences[i].lead_from || s[0] > sequences[i].lead_to)
			continue;
		if (len < n || s[1] < sequences[i].next_from || s[1] > sequences[i].next_to)
			return 0;
		for (size_t j = 2; j < n; j++)
			if ((s[j] & 0xC0) != 0x80)
				return 0;
		return n;
	}
	return 0;
}

bool
utf8_is_valid(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n)
		if ((n = sequence((const unsigned char *)s + i, len - i)) == 0)
			return false;
	return true;
}

size_t
utf8_length(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xC0) != 0x80;
	return n;
}
