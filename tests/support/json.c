#include "support/json.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "support/test.h"

struct holder {
	struct json_object *o;
};

static int
drop(struct holder *h)
{
	json_object_put(h->o);
	return 0;
}

struct json_object *
json_read(const char *s)
{
	struct json_tokener *tok = json_tokener_new_ex(512);
	struct json_object *o = json_tokener_parse_ex(tok, s, (int)strlen(s));
	struct holder *h;

	if (!o && json_tokener_get_error(tok) == json_tokener_continue)
		o = json_tokener_parse_ex(tok, "", 1); /* a bare number ends only with the text */
	json_tokener_free(tok);
	if (!o)
		return NULL;
	h = talloc(test_memory(), struct holder);
	h->o = o;
	talloc_set_destructor(h, drop);
	return o;
}

static struct json_object *
step(struct json_object *o, const char *name, size_t len)
{
	char key[128];

	if (!o || len >= sizeof key)
		return NULL;
	memcpy(key, name, len);
	key[len] = '\0';
	if (json_object_is_type(o, json_type_array))
		return isdigit((unsigned char)*key) ? json_object_array_get_idx(o, strtoul(key, NULL, 10))
						    : NULL;
	return json_object_is_type(o, json_type_object) ? json_object_object_get(o, key) : NULL;
}

static struct json_object *
walk(struct json_object *o, const char *path)
{
	while (o && *path) {
		size_t len = strcspn(path, ".");

		o = step(o, path, len);
		path += len + (path[len] == '.');
	}
	return o;
}

const char *
json_at(struct json_object *doc, const char *path)
{
	struct json_object *o = walk(doc, path);

	if (!o)
		return NULL;
	if (json_object_is_type(o, json_type_string))
		return json_object_get_string(o);
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

const char *
json_get(const char *s, const char *path)
{
	return json_at(json_read(s), path);
}

int64_t
json_get_i64(const char *s, const char *path)
{
	struct json_object *o = walk(json_read(s), path);

	return json_object_is_type(o, json_type_int) ? json_object_get_int64(o) : -1;
}

int
json_count(struct json_object *doc, const char *path)
{
	struct json_object *o = walk(doc, path);

	return json_object_is_type(o, json_type_array) ? (int)json_object_array_length(o) : -1;
}

const char *
json_quote(const char *s)
{
	struct json_object *o = json_object_new_string(s);
	char *quoted = text("%s", json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(o);
	return quoted;
}

/* Does s begin with shape? 0: a digit, x: a lower-case hex digit, anything else: itself. */
static size_t
has_shape(const char *s, const char *shape)
{
	size_t n = strlen(shape);

	for (size_t i = 0; i < n; i++)
		if (shape[i] == '0'   ? !isdigit((unsigned char)s[i])
		    : shape[i] == 'x' ? !isxdigit((unsigned char)s[i]) || isupper((unsigned char)s[i])
				      : s[i] != shape[i])
			return 0;
	return n;
}

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

static size_t
amount(const char *s)
{
	size_t n = digits(s);

	return n && s[n] == '.' && digits(s + n + 1) == 2 ? n + 3 : 0;
}

/* How many bytes of s the placeholder stands for; 0: none. *len: how long it is. */
static size_t
placeholder(const char *s, const char *pattern, size_t *len)
{
	static const struct {
		const char *name;
		const char *shape;
		size_t (*take)(const char *);
	} known[] = {
		{ "<int>", NULL, digits },
		{ "<money>", NULL, amount },
		{ "<time>", "0000-00-00T00:00:00.000000Z", NULL },
		{ "<uuid>", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", NULL },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		*len = strlen(known[i].name);
		if (strncmp(pattern, known[i].name, *len) == 0)
			return known[i].take ? known[i].take(s) : has_shape(s, known[i].shape);
	}
	*len = 0;
	return 0;
}

const char *
differs(const char *actual, const char *pattern)
{
	const char *a = actual ? actual : "(nothing)", *start = a, *p = pattern;
	size_t len, n;

	while (*p) {
		if (strncmp(p, "<any>", 5) == 0) {
			p += 5;
			while (*a && *a != *p)
				a++;
			continue;
		}
		n = placeholder(a, p, &len);
		if (n) {
			a += n;
			p += len;
			continue;
		}
		if (len || *a != *p)
			break;
		a++;
		p++;
	}
	if (!*p && !*a)
		return NULL;
	return text("differs at byte %td\n     got: %s\n  wanted: %s", a - start, start, pattern);
}
