#include "json/json.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "base/decimal.h"
#include "base/utf8.h"

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

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static char
peek(struct scan *s)
{
	s->p = skip_space(s->p, s->end);
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
	const char *value = skip_space(text, text + len), *value_end;
	bool good;

	if (!utf8_is_valid(text, len))
		return RC_BODY_UNREADABLE;
	good = scan_document(&s);
	value_end = s.p;
	s.p = skip_space(s.p, s.end);
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

/* From here on the text was checked: it is walked, not judged. */

static const char *
string_end(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

static const char *
value_end(const char *p, const char *end)
{
	size_t depth = 0;

	do {
		if (*p == '"') {
			p = string_end(p);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	} while (p < end && (depth || !strchr(",]} \t\r\n", *p)));
	return p;
}

enum json_kind
json_kind(struct json v)
{
	switch (v.text[0]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* The string that v is, to be put by the caller; NULL: no memory. json-c ignores that its buffer could not grow and would
 * give the beginning: so it gets one that never has to. */
static struct json_object *
unescape(struct json v)
{
	struct json_tokener *tok = v.len > INT_MAX - 1 ? NULL : json_tokener_new_ex(2);
	struct json_object *o = NULL;

	if (tok && printbuf_memset(tok->pb, 0, 0, (int)v.len + 1) == 0)
		o = json_tokener_parse_ex(tok, v.text, (int)v.len);
	if (tok)
		json_tokener_free(tok);
	return o;
}

/* The character at *p, which moves behind it; beyond ASCII: one that no name has. */
static char
next_character(const char **p)
{
	static const char escapes[] = "b\bf\fn\nr\rt\t";
	char hex[5] = "";
	const char *escape;
	unsigned long unit;

	if (*(*p)++ != '\\')
		return (*p)[-1];
	if (*(*p)++ == 'u') {
		memcpy(hex, *p, 4);
		*p += 4;
		unit = strtoul(hex, NULL, 16);
		return (char)(unit < 128 ? unit : '\0');
	}
	escape = strchr(escapes, (*p)[-1]);
	return escape ? escape[1] : (*p)[-1];
}

/* Without memory, which might be refused and a member overlooked. */
static bool
is_name(struct json key, const char *name)
{
	const char *p = key.text + 1, *end = key.text + key.len - 1;

	while (p < end && *name)
		if (next_character(&p) != *name++)
			return false;
	return p == end && !*name;
}

bool
json_member(struct json object, const char *name, struct json *out)
{
	const char *end = object.text + object.len - 1, *p = object.text + 1;
	bool found = false;

	if (json_kind(object) != JSON_OBJECT)
		return false;
	while (*(p = skip_space(p, end)) == '"') {
		struct json key = { p, 0 }, value;

		p = string_end(p);
		key.len = (size_t)(p - key.text);
		p = skip_space(p, end) + 1;
		value.text = skip_space(p, end);
		p = value_end(value.text, end);
		value.len = (size_t)(p - value.text);
		if (is_name(key, name)) {
			*out = value;
			found = true;
		}
		p = skip_space(p, end);
		p += *p == ',';
	}
	return found;
}

bool
json_next(struct json array, struct json *element)
{
	const char *end = array.text + array.len - 1;
	const char *p = skip_space(element->text ? element->text + element->len : array.text + 1, end);

	if (element->text && *p == ',')
		p = skip_space(p + 1, end);
	if (p == end)
		return false;
	element->text = p;
	element->len = (size_t)(value_end(p, end) - p);
	return true;
}

const char *
json_string(void *ctx, struct json v, size_t *len)
{
	struct json_object *o;
	char *copy = NULL;

	if (!memchr(v.text, '\\', v.len)) {
		*len = v.len - 2;
		return talloc_strndup(ctx, v.text + 1, *len);
	}
	o = unescape(v);
	if (o) {
		*len = (size_t)json_object_get_string_len(o);
		copy = talloc_memdup(ctx, json_object_get_string(o), *len + 1);
	}
	json_object_put(o);
	return copy;
}

enum rc
json_int64(struct json v, int64_t *out)
{
	bool exact;
	enum rc rc = decimal_number(v.text, v.len, 0, out, &exact);

	return rc ? rc : exact ? RC_OK : RC_SYNTAX;
}

/* The bytes that s has as a JSON string, without its quotes. */
static size_t
escaped_len(const char *s, size_t len)
{
	size_t n = len;

	for (size_t i = 0; i < len; i++)
		if (s[i] == '"' || s[i] == '\\' ||
		    ((unsigned char)s[i] < ' ' && s[i] && strchr("\b\f\n\r\t", s[i])))
			n++;
		else if ((unsigned char)s[i] < ' ')
			n += strlen("u0000");
	return n;
}

/* json-c ignores that its buffer could not grow and gives what fitted: hence the look at the length. */
void
json_put_string(struct buf *b, const char *s, size_t len)
{
	struct json_object *o;
	const char *text;
	size_t wanted = escaped_len(s, len), n;

	if (wanted == len) {
		buf_putc(b, '"');
		buf_put(b, s, len);
		buf_putc(b, '"');
		return;
	}
	o = len > INT_MAX ? NULL : json_object_new_string_len(s, (int)len);
	text = o ? json_object_to_json_string_length(
			   o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n)
		 : NULL;
	if (text && n == wanted + 2)
		buf_put(b, text, n);
	else
		b->failed = true;
	json_object_put(o);
}
