#include "http/etag.h"

#include <string.h>

static bool
is_etagc(char c)
{
	unsigned char u = (unsigned char)c;

	return u == 0x21 || (u >= 0x23 && u != 0x7F);
}

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* The entity-tag at p; returns what follows it, NULL when there is none. */
static const char *
read_tag(const char *p, struct etag *out)
{
	out->weak = p[0] == 'W' && p[1] == '/';
	p += out->weak ? 2 : 0;
	if (*p++ != '"')
		return NULL;
	out->opaque = p;
	while (is_etagc(*p))
		p++;
	out->len = (size_t)(p - out->opaque);
	return *p == '"' ? p + 1 : NULL;
}

/* Lists may have empty elements (RFC 9110 section 5.6.1.2). */
static const char *
skip_to_tag(const char *p)
{
	return p + strspn(p, " \t,");
}

static bool
is_list(const char *p)
{
	struct etag tag;

	for (p = skip_to_tag(p); *p; p = skip_to_tag(p)) {
		p = read_tag(p, &tag);
		if (!p)
			return false;
		p = skip_blanks(p);
		if (*p && *p != ',')
			return false;
	}
	return true;
}

struct etags
etags_of(const char *value)
{
	const char *p = skip_blanks(value);

	if (*p == '*' && !*skip_blanks(p + 1))
		return (struct etags){ .rest = "", .any = true };
	return (struct etags){ .rest = is_list(value) ? value : "" };
}

bool
etags_next(struct etags *e, struct etag *out)
{
	const char *p = skip_to_tag(e->rest);

	e->rest = *p ? read_tag(p, out) : p;
	return *p != '\0';
}
