#include "json/json.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "json/scan.h"

/* The text was checked by json_check(): here it is walked, not judged. */

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
	while (*(p = json_skip_space(p, end)) == '"') {
		struct json key = { p, 0 }, value;

		p = string_end(p);
		key.len = (size_t)(p - key.text);
		p = json_skip_space(p, end) + 1;
		value.text = json_skip_space(p, end);
		p = value_end(value.text, end);
		value.len = (size_t)(p - value.text);
		if (is_name(key, name)) {
			*out = value;
			found = true;
		}
		p = json_skip_space(p, end);
		p += *p == ',';
	}
	return found;
}

bool
json_next(struct json array, struct json *element)
{
	const char *end = array.text + array.len - 1;
	const char *p = json_skip_space(element->text ? element->text + element->len : array.text + 1, end);

	if (element->text && *p == ',')
		p = json_skip_space(p + 1, end);
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
