/* Any bytes as a document, and as each body that comes from outside. */
#include "fuzz.h"

#include <json-c/json.h>

#include "base/utf8.h"
#include "order/reason.h"
#include "json/claims_json.h"
#include "json/json.h"
#include "json/product_json.h"
#include "json/request_json.h"

/* What we take, json-c takes too: it is the more lenient of the two. */
static bool
is_json_to_others(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	struct json_object *o;
	bool good;

	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	if (!o && json_tokener_get_error(tok) == json_tokener_continue)
		o = json_tokener_parse_ex(tok, "", 1); /* a number ends with the text */
	good = json_tokener_get_error(tok) == json_tokener_success;
	json_object_put(o);
	json_tokener_free(tok);
	return good;
}

/* A string that was read and is written is the same when it is read again. */
static void
check_string(void *ctx, struct json v)
{
	size_t len, again;
	const char *s = json_string(ctx, v, &len), *t;
	struct json_error err;
	struct json back;
	struct buf b;

	PROMISE(s && s[len] == '\0' && utf8_is_valid(s, len));
	buf_init(&b, ctx, SIZE_MAX / 2);
	json_put_string(&b, s, len);
	PROMISE(!b.failed && json_check(b.data, b.len, &back, &err) == RC_OK);
	t = json_string(ctx, back, &again);
	PROMISE(t && again == len && memcmp(s, t, len) == 0);
}

static void
walk(void *ctx, struct json v, int depth)
{
	struct json element = { 0 };
	int64_t n;

	PROMISE(v.len > 0);
	switch (json_kind(v)) {
	case JSON_STRING:
		check_string(ctx, v);
		break;
	case JSON_NUMBER:
		(void)!json_int64(v, &n);
		break;
	case JSON_ARRAY:
		while (json_next(v, &element)) {
			PROMISE(element.text > v.text && element.text + element.len < v.text + v.len);
			if (depth)
				walk(ctx, element, depth - 1);
		}
		break;
	case JSON_OBJECT:
		if (json_member(v, "a", &element) && depth)
			walk(ctx, element, depth - 1);
		break;
	default:
		break;
	}
}

/* A list of faults is JSON itself. */
static void
check_faults(struct faults *f)
{
	struct why why = { 0 };
	struct json_error err;
	struct json list;
	enum rc rc = faults_close(f, &why);

	PROMISE(rc == (f->n ? RC_INVALID : RC_OK));
	if (rc)
		PROMISE(json_check(why.text, strlen(why.text), &list, &err) == RC_OK &&
			json_kind(list) == JSON_ARRAY);
}

static void
check_bodies(void *ctx, const char *text, size_t len)
{
	static const char *const roles[] = { "admin", NULL };
	const struct claims_rule rule = { 1, "a", "i", roles };
	struct product product;
	struct caller caller;
	struct draft draft;
	struct status_change change = { .status = STATUS_COUNT };
	struct faults f;

	faults_init(&f, ctx);
	if (draft_decode(&f, text, len, &draft) == RC_OK) {
		for (size_t i = 0; !f.n && i < draft.n; i++)
			PROMISE(draft.wishes[i].product_id > 0 && draft.wishes[i].quantity > 0);
		check_faults(&f);
	}
	faults_init(&f, ctx);
	if (status_change_decode(&f, text, len, &change) == RC_OK) {
		PROMISE(f.n || change.status < STATUS_COUNT);
		PROMISE(f.n || !change.note || utf8_length(change.note, strlen(change.note)) <= NOTE_MAX);
		check_faults(&f);
	}
	if (product_decode(ctx, text, len, 7, &product) == RC_OK)
		PROMISE(product.id == 7 && *product.name && product.price.cents >= 0 &&
			product.price.cents <= MONEY_MAX_CENTS);
	if (claims_decode(ctx, text, len, &rule, &caller) == RC_OK)
		PROMISE(caller.id > 0 && strlen(caller.email) <= EMAIL_MAX);
	(void)!jose_header_check(ctx, text, len, "HS256");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	const char *text = talloc_memdup(ctx, data, size ? size : 1);
	struct json_error err;
	struct json doc;
	enum rc rc = json_check(text, size, &doc, &err);

	if (rc == RC_OK) {
		PROMISE(doc.text >= text && doc.text + doc.len <= text + size);
		PROMISE(is_json_to_others(doc.text, doc.len));
		walk(ctx, doc, 8);
	} else if (rc == RC_SYNTAX) {
		PROMISE(err.offset <= utf8_length(text, size) && *err.message);
	} else {
		PROMISE(rc == RC_RANGE || (rc == RC_BODY_UNREADABLE && !utf8_is_valid(text, size)));
	}
	check_bodies(ctx, text, size);
	talloc_free(ctx);
	return 0;
}
