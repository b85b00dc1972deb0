#include "api/one_order.h"

#include <talloc.h>

#include "base/decimal.h"

enum rc
path_order_id(struct request *r, struct faults *f, int64_t *out)
{
	static const struct loc loc = { .part = "path", .name = "order_id" };
	const char *text = r->match.value;
	size_t len = r->match.value_len;
	bool exact;

	*out = 0;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9') {
			faults_add_not_an_int(f, loc, text, len);
			return RC_OK;
		}
	for (; len > 1 && *text == '0'; len--)
		text++;
	r->why.text = talloc_strndup(r->ctx, text, len);
	if (!r->why.text)
		return RC_NO_MEMORY;
	if (decimal_digits(text, len, 0, out, &exact))
		*out = 0;
	r->order_id = *out;
	return RC_OK;
}

enum rc
find_owner(struct request *r, int64_t order_id, const char *key, int64_t *owner)
{
	int64_t key_owner;
	enum rc rc;

	*owner = r->caller.id;
	if (!r->caller.staff)
		return order_id ? RC_OK : RC_NO_ORDER;
	rc = store_find_owner(r->app->pg, r->ctx, order_id, r->caller.id, key, owner, &key_owner);
	if (rc)
		return rc;
	if (key_owner && key_owner != *owner)
		return RC_KEY_REUSED;
	return *owner ? RC_OK : RC_NO_ORDER;
}
