#include "json/request_json.h"

#include <string.h>

#include "base/utf8.h"
#include "order/reason.h"

static const struct int_rule product_id_rule = { 1, INT64_MAX, true };
static const struct int_rule quantity_rule = { 1, INT32_MAX, true };

static void
add(struct faults *f, enum fault_type type, struct loc loc, struct json input)
{
	faults_add(f, &(struct fault){ .type = type, .loc = loc, .input = input });
}

/* A body that is an object: *usable. FastAPI takes no body and null alike. */
static enum rc
open_body(struct faults *f, const char *body, size_t len, struct json *out, bool *usable)
{
	static const struct loc here = { .part = "body" };
	struct json_error err;
	struct json doc = { 0 };
	enum rc rc = len ? json_check(body, len, &doc, &err) : RC_OK;

	*usable = false;
	if (rc == RC_SYNTAX)
		faults_set_syntax(f, &err);
	else if (rc)
		return RC_BODY_UNREADABLE;
	else if (!doc.text || json_kind(doc) == JSON_NULL)
		add(f, FAULT_MISSING, here, (struct json){ 0 });
	else if (json_kind(doc) != JSON_OBJECT)
		add(f, FAULT_NOT_AN_OBJECT, here, doc);
	else
		*usable = true;
	*out = doc;
	return RC_OK;
}

static bool
int_member(struct faults *f, struct json item, struct loc loc, const struct int_rule *rule, int64_t *out)
{
	struct json v;

	if (json_member(item, loc.name, &v))
		return faults_int(f, loc, v, rule, out);
	add(f, FAULT_MISSING, loc, item);
	return false;
}

static void
decode_item(struct faults *f, struct json item, int64_t index, struct wish *out)
{
	struct loc loc = { .part = "body", .list = "items", .index = index };
	int64_t quantity;

	if (json_kind(item) != JSON_OBJECT) {
		add(f, FAULT_NOT_AN_OBJECT, loc, item);
		return;
	}
	loc.name = "product_id";
	(void)int_member(f, item, loc, &product_id_rule, &out->product_id);
	loc.name = "quantity";
	if (int_member(f, item, loc, &quantity_rule, &quantity))
		out->quantity = (int32_t)quantity;
}

static void
decode_items(struct faults *f, struct json list, struct draft *out)
{
	struct fault fault = { .loc = { .part = "body", .name = "items" }, .input = list };
	struct json item = { 0 };

	while (json_next(list, &item))
		fault.actual++;
	fault.type = fault.actual == 0 ? FAULT_TOO_SHORT : FAULT_TOO_LONG;
	fault.limit = fault.actual == 0 ? 1 : ORDER_ITEMS_MAX;
	if (fault.actual == 0 || fault.actual > ORDER_ITEMS_MAX) {
		faults_add(f, &fault);
		return;
	}
	item = (struct json){ 0 };
	for (out->n = 0; json_next(list, &item); out->n++)
		decode_item(f, item, (int64_t)out->n, &out->wishes[out->n]);
}

enum rc
draft_decode(struct faults *f, const char *body, size_t len, struct draft *out)
{
	static const struct loc loc = { .part = "body", .name = "items" };
	struct json doc, list;
	bool usable;
	enum rc rc = open_body(f, body, len, &doc, &usable);

	if (rc || !usable)
		return rc;
	if (!json_member(doc, "items", &list))
		add(f, FAULT_MISSING, loc, doc);
	else if (json_kind(list) != JSON_ARRAY)
		add(f, FAULT_NOT_A_LIST, loc, list);
	else
		decode_items(f, list, out);
	return RC_OK;
}

/* The text of a member that is a string; *out stays NULL where it is anything else. */
static enum rc
read_string(struct faults *f, struct json v, const char **out, size_t *len)
{
	if (json_kind(v) == JSON_STRING && !(*out = json_string(f->text.ctx, v, len)))
		return RC_NO_MEMORY;
	return RC_OK;
}

static void
add_enum(struct faults *f, struct loc loc, struct json v, const char *expected)
{
	faults_add(f, &(struct fault){ .type = FAULT_ENUM, .loc = loc, .input = v, .expected = expected });
}

static enum rc
decode_status(struct faults *f, struct json doc, enum status *out)
{
	static const struct loc loc = { .part = "body", .name = "status" };
	const char *name = NULL;
	size_t len = 0;
	struct json v;
	enum rc rc;

	if (!json_member(doc, "status", &v)) {
		add(f, FAULT_MISSING, loc, doc);
		return RC_OK;
	}
	if ((rc = read_string(f, v, &name, &len)))
		return rc;
	if (!name || !status_parse(name, len, out))
		add_enum(f, loc, v, STATUS_NAMES);
	return RC_OK;
}

/* null is as good as absent. */
static bool
is_given(struct json doc, const char *name, struct json *out)
{
	return json_member(doc, name, out) && json_kind(*out) != JSON_NULL;
}

static enum rc
decode_reason(struct faults *f, struct json doc, const char **out)
{
	static const struct loc loc = { .part = "body", .name = "reason" };
	const char *name = NULL;
	size_t len = 0;
	struct json v;
	enum rc rc;

	if (!is_given(doc, "reason", &v))
		return RC_OK;
	if ((rc = read_string(f, v, &name, &len)))
		return rc;
	*out = name ? reason_find(name, len) : NULL;
	if (!*out)
		add_enum(f, loc, v, REASON_NAMES);
	return RC_OK;
}

static enum rc
decode_note(struct faults *f, struct json doc, const char **out)
{
	struct fault fault = { .loc = { .part = "body", .name = "note" }, .limit = NOTE_MAX };
	const char *note = NULL;
	size_t len = 0;
	enum rc rc;

	if (!is_given(doc, "note", &fault.input))
		return RC_OK;
	if ((rc = read_string(f, fault.input, &note, &len)))
		return rc;
	if (note && utf8_length(note, len) <= NOTE_MAX && !memchr(note, '\0', len)) {
		*out = note;
		return RC_OK;
	}
	fault.type = !note				 ? FAULT_STRING_TYPE
		     : utf8_length(note, len) > NOTE_MAX ? FAULT_STRING_TOO_LONG
							 : FAULT_STRING_NUL;
	faults_add(f, &fault);
	return RC_OK;
}

enum rc
status_change_decode(struct faults *f, const char *body, size_t len, struct status_change *out)
{
	struct status_change change = { 0 };
	struct json doc;
	bool usable;
	enum rc rc = open_body(f, body, len, &doc, &usable);

	if (rc || !usable)
		return rc;
	if ((rc = decode_status(f, doc, &change.status)) || (rc = decode_reason(f, doc, &change.reason)) ||
	    (rc = decode_note(f, doc, &change.note)))
		return rc;
	if (!f->n)
		*out = change;
	return RC_OK;
}
