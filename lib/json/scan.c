#include "json/scan.h"

#include <limits.h>
#include <string.h>

#include "base/utf8.h"
#include "json/json.h"

#define EXPECTING_VALUE "Expecting value"
#define EXPECTING_NAME "Expecting property name enclosed in double quotes"
#define EXPECTING_COLON "Expecting ':' delimiter"
#define EXPECTING_COMMA "Expecting ',' delimiter"

struct scan {
	const char *start, *p, *end;
	const char *fault_at;
	const char *fault;
	size_t depth;
	unsigned char in_object[JSON_DEPTH_MAX / CHAR_BIT]; /* a bit for each level: object or array */
};

static bool
fail(struct scan *s, const char *at, const char *fault)
{
	s->fault_at = at;
	s->fault = fault;
	return false;
}

const char *
json_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static char
peek(struct scan *s)
{
	s->p = json_skip_space(s->p, s->end);
	return s->p < s->end ? *s->p : '\0';
}

static bool
is_digit(const struct scan *s, size_t ahead)
{
	return (size_t)(s->end - s->p) > ahead && s->p[ahead] >= '0' && s->p[ahead] <= '9';
}

static void
skip_digits(struct scan *s)
{
	while (is_digit(s, 0))
		s->p++;
}

/* The longest prefix that is a number; what follows it is judged by whoever comes next. */
static bool
scan_number(struct scan *s)
{
	const char *start = s->p;
	size_t sign;

	s->p += *s->p == '-';
	if (!is_digit(s, 0))
		return fail(s, start, EXPECTING_VALUE);
	if (*s->p == '0')
		s->p++;
	else
		skip_digits(s);
	if (s->p < s->end && *s->p == '.' && is_digit(s, 1)) {
		s->p++;
		skip_digits(s);
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		sign = s->end - s->p > 1 && (s->p[1] == '+' || s->p[1] == '-');
		if (is_digit(s, 1 + sign)) {
			s->p += 1 + sign;
			skip_digits(s);
		}
	}
	return true;
}

static bool
scan_escape(struct scan *s)
{
	if (s->p[1] != 'u') {
		if (!strchr("\"\\/bfnrt", s->p[1]) || !s->p[1])
			return fail(s, s->p, "Invalid \\escape");
		s->p += 2;
		return true;
	}
	for (int i = 2; i < 6; i++)
		if (s->end - s->p <= 6 || !s->p[i] || !strchr("0123456789abcdefABCDEF", s->p[i]))
			return fail(s, s->p + 1, "Invalid \\uXXXX escape");
	s->p += 6;
	return true;
}

static bool
scan_string(struct scan *s)
{
	const char *start = s->p++;

	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < ' ')
			return fail(s, s->p, "Invalid control character at");
		if (*s->p != '\\')
			s->p++;
		else if (s->end - s->p < 2)
			break;
		else if (!scan_escape(s))
			return false;
	}
	if (s->end - s->p < 1 || *s->p != '"')
		return fail(s, start, "Unterminated string starting at");
	s->p++;
	return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return fail(s, s->p, EXPECTING_VALUE);
	s->p += len;
	return true;
}

static bool
is_in_object(const struct scan *s)
{
	return s->in_object[(s->depth - 1) / CHAR_BIT] >> (s->depth - 1) % CHAR_BIT & 1;
}

static bool
push(struct scan *s, bool object)
{
	unsigned char bit = (unsigned char)(1u << s->depth % CHAR_BIT);
	unsigned char *byte = &s->in_object[s->depth / CHAR_BIT];

	if (s->depth == JSON_DEPTH_MAX)
		return false; /* and no fault: too deep */
	*byte = (unsigned char)(object ? *byte | bit : *byte & ~bit);
	s->depth++;
	s->p++;
	return true;
}

static bool
scan_name(struct scan *s)
{
	if (peek(s) != '"')
		return fail(s, s->p, EXPECTING_NAME);
	if (!scan_string(s))
		return false;
	if (peek(s) != ':')
		return fail(s, s->p, EXPECTING_COLON);
	s->p++;
	return true;
}

/* Up to where a value ends or, with *open, where the first value inside it begins. */
static bool
scan_value(struct scan *s, bool *open)
{
	char c = peek(s);

	*open = false;
	switch (c) {
	case '{':
	case '[':
		if (!push(s, c == '{'))
			return false;
		if (peek(s) == (c == '{' ? '}' : ']')) {
			s->p++;
			s->depth--;
			return true;
		}
		*open = true;
		return c == '[' || scan_name(s);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (c != '-' && !is_digit(s, 0))
			return fail(s, s->p, EXPECTING_VALUE);
		return scan_number(s);
	}
}

/* A value ended: closes what ends with it. *more: another one follows. */
static bool
scan_after(struct scan *s, bool *more)
{
	char c;

	while (s->depth) {
		c = peek(s);
		if (c == ',') {
			s->p++;
			*more = true;
			return !is_in_object(s) || scan_name(s);
		}
		if (c != (is_in_object(s) ? '}' : ']'))
			return fail(s, s->p, EXPECTING_COMMA);
		s->p++;
		s->depth--;
	}
	*more = false;
	return true;
}

static bool
scan_document(struct scan *s)
{
	bool open, more = true;

	while (more)
		if (!scan_value(s, &open) || (!open && !scan_after(s, &more)))
			return false;
	return true;
}

enum rc
json_check(const char *text, size_t len, struct json *out, struct json_error *err)
{
	struct scan s = { .start = text, .p = text, .end = text + len };
	const char *value = json_skip_space(text, text + len), *value_end;
	bool good;

	if (!utf8_is_valid(text, len))
		return RC_BODY_UNREADABLE;
	good = scan_document(&s);
	value_end = s.p;
	s.p = json_skip_space(s.p, s.end);
	if (good && s.p < s.end)
		good = fail(&s, s.p, "Extra data");
	if (good) {
		*out = (struct json){ value, (size_t)(value_end - value) };
		return RC_OK;
	}
	if (!s.fault)
		return RC_RANGE;
	err->message = s.fault;
	err->offset = utf8_length(text, (size_t)(s.fault_at - text));
	return RC_SYNTAX;
}
