#include "api/condition.h"

#include <string.h>
#include <talloc.h>

#include "base/decimal.h"
#include "http/etag.h"

/* 0: it is not the entity-tag of any version. */
static int32_t
version_of(const struct etag *tag)
{
	int64_t version;
	bool exact;

	if (tag->len == 0 || tag->opaque[0] == '0' || memchr(tag->opaque, '.', tag->len) ||
	    decimal_digits(tag->opaque, tag->len, 0, &version, &exact) || version > INT32_MAX)
		return 0;
	return (int32_t)version;
}

enum rc
condition_read(struct request *r, const char *name, enum comparison comparison, struct condition *out)
{
	const char *value;
	struct etags tags;
	struct etag tag;
	int32_t version;
	enum rc rc = http_param_list(r->in, name, &value);

	if (rc)
		return rc;
	*out = (struct condition){ .given = value != NULL };
	if (!value)
		return RC_OK;
	tags = etags_of(value);
	out->any = tags.any;
	out->versions = talloc_array(r->ctx, int32_t, (unsigned)strlen(value) / 2 + 1); /* more than fit in */
	if (!out->versions)
		return RC_NO_MEMORY;
	while (etags_next(&tags, &tag)) {
		version = comparison == STRONG && tag.weak ? 0 : version_of(&tag);
		if (version)
			out->versions[out->n++] = version;
	}
	return RC_OK;
}

bool
condition_names(const struct condition *c, int32_t version)
{
	bool found = c->any;

	for (size_t i = 0; i < c->n; i++)
		found = found || c->versions[i] == version;
	return found;
}
