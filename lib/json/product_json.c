#include "json/product_json.h"

#include <string.h>

#include "base/utf8.h"
#include "json/json.h"

static enum rc
decode_name(void *ctx, struct json doc, const char **out)
{
	struct json v;
	const char *name;
	size_t len;

	if (!json_member(doc, "name", &v) || json_kind(v) != JSON_STRING)
		return RC_PRODUCT_INVALID;
	if (!(name = json_string(ctx, v, &len)))
		return RC_NO_MEMORY;
	if (len == 0 || utf8_length(name, len) > PRODUCT_NAME_MAX || memchr(name, '\0', len))
		return RC_PRODUCT_INVALID;
	*out = name;
	return RC_OK;
}

static enum rc
decode_price(void *ctx, struct json doc, struct money *out)
{
	struct json v;
	const char *text;
	size_t len;

	if (!json_member(doc, "price", &v))
		return RC_PRODUCT_INVALID;
	if (json_kind(v) == JSON_NUMBER)
		return money_parse_number(v.text, v.len, out) ? RC_PRODUCT_INVALID : RC_OK;
	if (json_kind(v) != JSON_STRING)
		return RC_PRODUCT_INVALID;
	if (!(text = json_string(ctx, v, &len)))
		return RC_NO_MEMORY;
	return money_parse_digits(text, len, out) ? RC_PRODUCT_INVALID : RC_OK;
}

/* Stock beyond int64_t is as much as anyone can ask for. */
static enum rc
decode_stock(struct json doc, int64_t *out)
{
	struct json v;
	enum rc rc;

	*out = 0;
	if (!json_member(doc, "stock_quantity", &v))
		return RC_OK;
	if (json_kind(v) != JSON_NUMBER)
		return RC_PRODUCT_INVALID;
	rc = json_int64(v, out);
	if (rc == RC_RANGE)
		*out = v.text[0] == '-' ? INT64_MIN : INT64_MAX;
	return rc == RC_SYNTAX ? RC_PRODUCT_INVALID : RC_OK;
}

enum rc
product_decode(void *ctx, const char *body, size_t len, int64_t id, struct product *out)
{
	struct json_error err;
	struct json doc, v;
	struct product p;
	enum rc rc;

	if (json_check(body, len, &doc, &err) || !json_member(doc, "id", &v) || json_kind(v) != JSON_NUMBER ||
	    json_int64(v, &p.id) || p.id != id)
		return RC_PRODUCT_INVALID;
	if ((rc = decode_name(ctx, doc, &p.name)) || (rc = decode_price(ctx, doc, &p.price)) ||
	    (rc = decode_stock(doc, &p.stock)))
		return rc;
	*out = p;
	return RC_OK;
}
