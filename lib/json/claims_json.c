#include "json/claims_json.h"

#include <string.h>

#include "base/decimal.h"

/* What is read from, and whether memory for it was refused: then nothing that was found, or not, counts. */
struct reader {
	void *ctx;
	bool no_memory;
};

static const char *
string(struct reader *r, struct json v, size_t *len)
{
	const char *s = json_string(r->ctx, v, len);

	r->no_memory = r->no_memory || !s;
	return s;
}

static enum rc
verdict(const struct reader *r, bool good)
{
	return r->no_memory ? RC_NO_MEMORY : good ? RC_OK : RC_BAD_TOKEN;
}

/* Calls see() with each string that v is or, where it may be a list, holds, until it returns true. False:
 * none was seen; *good turns false when something else than a string was met. */
typedef bool see_fn(const void *arg, const char *s, size_t len);

static bool
see_string(struct reader *r, struct json v, see_fn *see, const void *arg, bool *good)
{
	const char *s;
	size_t len;

	if (json_kind(v) != JSON_STRING || !(s = string(r, v, &len))) {
		*good = false;
		return false;
	}
	return see(arg, s, len);
}

static bool
see_strings(struct reader *r, struct json v, see_fn *see, const void *arg, bool *good)
{
	struct json element = { 0 };
	bool seen = false;

	if (json_kind(v) != JSON_ARRAY)
		return see_string(r, v, see, arg, good);
	while (json_next(v, &element))
		seen = see_string(r, element, see, arg, good) || seen;
	return seen;
}

static bool
is_same(const void *arg, const char *s, size_t len)
{
	const char *wanted = arg;

	return strlen(wanted) == len && memcmp(wanted, s, len) == 0;
}

static bool
is_staff_role(const void *arg, const char *s, size_t len)
{
	for (const char *const *role = arg; *role; role++)
		if (is_same(*role, s, len))
			return true;
	return false;
}

static bool
has_staff_scope(const void *arg, const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		const char *space = memchr(s, ' ', (size_t)(end - s));
		size_t word = (size_t)((space ? space : end) - s);

		if (is_staff_role(arg, s, word))
			return true;
		s += word + 1;
	}
	return false;
}

enum rc
jose_header_check(void *ctx, const char *header, size_t len, const char *algorithm)
{
	struct reader r = { .ctx = ctx };
	struct json_error err;
	struct json doc, v;
	bool good = true;

	return verdict(&r, json_check(header, len, &doc, &err) == RC_OK && json_member(doc, "alg", &v) &&
				   see_string(&r, v, is_same, algorithm, &good) &&
				   !json_member(doc, "crit", &v));
}

/* A NumericDate in µs, saturated. */
static bool
numeric_date(struct json v, int64_t *out)
{
	bool exact;
	enum rc rc;

	if (json_kind(v) != JSON_NUMBER)
		return false;
	rc = decimal_number(v.text, v.len, 6, out, &exact);
	if (rc == RC_RANGE)
		*out = v.text[0] == '-' ? INT64_MIN : INT64_MAX;
	return rc != RC_SYNTAX;
}

static bool
is_current(struct json doc, int64_t now_us)
{
	struct json v;
	int64_t t;

	if (json_member(doc, "exp", &v) && (!numeric_date(v, &t) || t <= now_us))
		return false;
	return !json_member(doc, "nbf", &v) || (numeric_date(v, &t) && t <= now_us);
}

/* A positive integer, or a string of nothing but its decimal digits. */
static bool
subject(struct reader *r, struct json doc, int64_t *out)
{
	struct json v;
	const char *s;
	size_t len;
	bool exact;

	if (!json_member(doc, "sub", &v))
		return false;
	if (json_kind(v) == JSON_NUMBER)
		return !memchr(v.text, '.', v.len) && !memchr(v.text, 'e', v.len) &&
		       !memchr(v.text, 'E', v.len) && json_int64(v, out) == RC_OK && *out > 0;
	return json_kind(v) == JSON_STRING && (s = string(r, v, &len)) && !memchr(s, '.', len) &&
	       decimal_digits(s, len, 0, out, &exact) == RC_OK && *out > 0;
}

static bool
email(struct reader *r, struct json doc, const char **out)
{
	struct json v;
	size_t len;

	*out = "";
	if (!json_member(doc, "email", &v) || json_kind(v) == JSON_NULL)
		return true;
	return json_kind(v) == JSON_STRING && (*out = string(r, v, &len)) && len <= EMAIL_MAX &&
	       !memchr(*out, '\0', len);
}

static bool
is_staff(struct reader *r, struct json doc, const char *const *roles)
{
	static const struct {
		const char *claim;
		enum json_kind kind;
		see_fn *see;
	} claims[] = {
		{ "role", JSON_STRING, is_staff_role },
		{ "roles", JSON_ARRAY, is_staff_role },
		{ "scope", JSON_STRING, has_staff_scope },
	};
	struct json v;
	bool staff = false, good = true;

	for (size_t i = 0; !staff && i < sizeof claims / sizeof *claims; i++)
		staff = json_member(doc, claims[i].claim, &v) && json_kind(v) == claims[i].kind &&
			see_strings(r, v, claims[i].see, roles, &good);
	return staff;
}

/* RFC 7519: aud is a string or a list of them, iss a string. */
static bool
names(struct reader *r, struct json doc, const char *claim, const char *wanted, bool or_list)
{
	struct json v;
	bool good = true;

	return !wanted || (json_member(doc, claim, &v) && (or_list || json_kind(v) == JSON_STRING) &&
			   see_strings(r, v, is_same, wanted, &good) && good);
}

enum rc
claims_decode(void *ctx, const char *claims, size_t len, const struct claims_rule *rule, struct caller *out)
{
	struct json_error err;
	struct reader r = { .ctx = ctx };
	struct json doc;
	struct caller c;
	bool good;
	enum rc rc;

	good = json_check(claims, len, &doc, &err) == RC_OK && json_kind(doc) == JSON_OBJECT &&
	       subject(&r, doc, &c.id) && email(&r, doc, &c.email) && is_current(doc, rule->now_us) &&
	       names(&r, doc, "aud", rule->audience, true) && names(&r, doc, "iss", rule->issuer, false);
	c.staff = good && is_staff(&r, doc, rule->staff_roles);
	rc = verdict(&r, good);
	if (!rc)
		*out = c;
	return rc;
}
