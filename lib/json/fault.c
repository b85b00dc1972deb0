#include "json/fault.h"

#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"

#define FAULTS_MAX_BYTES (16u << 20)

static const struct {
	const char *type;
	const char *msg; /* %d: limit, %a: actual, %e: expected */
	const char *ctx; /* likewise; NULL: none */
} kinds[] = {
	[FAULT_MISSING] = { "missing", "Field required", NULL },
	[FAULT_NOT_AN_OBJECT] = { "model_attributes_type",
				  "Input should be a valid dictionary or object to extract fields from",
				  NULL },
	[FAULT_NOT_A_LIST] = { "list_type", "Input should be a valid list", NULL },
	[FAULT_TOO_SHORT] = { "too_short", "List should have at least %d item after validation, not %a",
			      "{\"field_type\":\"List\",\"min_length\":%d,\"actual_length\":%a}" },
	[FAULT_TOO_LONG] = { "too_long", "List should have at most %d items after validation, not %a",
			     "{\"field_type\":\"List\",\"max_length\":%d,\"actual_length\":%a}" },
	[FAULT_INT_TYPE] = { "int_type", "Input should be a valid integer", NULL },
	[FAULT_INT_PARSING] = { "int_parsing",
				"Input should be a valid integer, unable to parse string as an integer",
				NULL },
	[FAULT_INT_FROM_FLOAT] = { "int_from_float",
				   "Input should be a valid integer, got a number with a fractional part",
				   NULL },
	[FAULT_GREATER_THAN] = { "greater_than", "Input should be greater than %d", "{\"gt\":%d}" },
	[FAULT_GREATER_THAN_EQUAL] = { "greater_than_equal", "Input should be greater than or equal to %d",
				       "{\"ge\":%d}" },
	[FAULT_LESS_THAN_EQUAL] = { "less_than_equal", "Input should be less than or equal to %d",
				    "{\"le\":%d}" },
	[FAULT_ENUM] = { "enum", "Input should be %e", "{\"expected\":\"%e\"}" },
	[FAULT_STRING_TYPE] = { "string_type", "Input should be a valid string", NULL },
	[FAULT_STRING_TOO_LONG] = { "string_too_long", "String should have at most %d characters",
				    "{\"max_length\":%d}" },
	[FAULT_STRING_NUL] = { "value_error", "Value error, NUL characters are not allowed",
			       "{\"error\":{}}" },
	[FAULT_TIME] = { "datetime_from_date_parsing", "Input should be a valid datetime or date, %e",
			 "{\"error\":\"%e\"}" },
	[FAULT_TIME_ZONE] = { "timezone_aware", "Input should have timezone info", NULL },
};

void
faults_init(struct faults *f, void *ctx)
{
	buf_init(&f->text, ctx, FAULTS_MAX_BYTES);
	f->n = 0;
}

static void
put_template(struct buf *b, const char *template, const struct fault *fault)
{
	for (const char *p = template; *p; p++) {
		if (*p != '%') {
			buf_putc(b, *p);
			continue;
		}
		switch (*++p) {
		case 'd':
			buf_put_i64(b, fault->limit);
			break;
		case 'a':
			buf_put_i64(b, fault->actual);
			break;
		default:
			buf_puts(b, fault->expected);
		}
	}
}

static void
put_name(struct buf *b, const char *name)
{
	buf_putc(b, '"');
	buf_puts(b, name);
	buf_putc(b, '"');
}

static void
put_loc(struct buf *b, const struct loc *loc)
{
	put_name(b, loc->part);
	if (loc->list) {
		buf_putc(b, ',');
		put_name(b, loc->list);
		buf_putc(b, ',');
		buf_put_i64(b, loc->index);
	}
	if (loc->name) {
		buf_putc(b, ',');
		put_name(b, loc->name);
	}
}

static void
open_fault(struct faults *f, const char *type)
{
	buf_puts(&f->text, f->n++ ? ",{\"type\":" : "[{\"type\":");
	put_name(&f->text, type);
	buf_puts(&f->text, ",\"loc\":[");
}

void
faults_add(struct faults *f, const struct fault *fault)
{
	struct buf *b = &f->text;

	open_fault(f, kinds[fault->type].type);
	put_loc(b, &fault->loc);
	buf_puts(b, "],\"msg\":\"");
	put_template(b, kinds[fault->type].msg, fault);
	buf_puts(b, "\",\"input\":");
	if (fault->input.text)
		buf_put(b, fault->input.text, fault->input.len);
	else
		buf_puts(b, "null");
	if (kinds[fault->type].ctx) {
		buf_puts(b, ",\"ctx\":");
		put_template(b, kinds[fault->type].ctx, fault);
	}
	buf_putc(b, '}');
}

void
faults_set_syntax(struct faults *f, const struct json_error *err)
{
	struct buf *b = &f->text;

	faults_init(f, b->ctx);
	open_fault(f, "json_invalid");
	buf_puts(b, "\"body\",");
	buf_put_i64(b, (int64_t)err->offset);
	buf_puts(b, "],\"msg\":\"JSON decode error\",\"input\":{},\"ctx\":{\"error\":");
	json_put_string(b, err->message, strlen(err->message));
	buf_puts(b, "}}");
}

enum rc
faults_close(struct faults *f, struct why *why)
{
	if (f->n)
		buf_putc(&f->text, ']');
	if (f->text.failed) /* what was not read may be a fault too */
		return RC_NO_MEMORY;
	if (!f->n)
		return RC_OK;
	why->text = f->text.data;
	return RC_INVALID;
}

static bool
add(struct faults *f, enum fault_type type, struct loc loc, struct json input, int64_t limit)
{
	faults_add(f, &(struct fault){ .type = type, .loc = loc, .input = input, .limit = limit });
	return false;
}

/* Beyond int64_t counts as beyond either bound. */
static bool
judge(struct faults *f, struct loc loc, struct json v, const struct int_rule *rule, enum rc rc, bool negative,
      int64_t value, int64_t *out)
{
	if (rc == RC_RANGE ? negative : value < rule->least)
		return rule->above ? add(f, FAULT_GREATER_THAN, loc, v, rule->least - 1)
				   : add(f, FAULT_GREATER_THAN_EQUAL, loc, v, rule->least);
	if (rc == RC_RANGE || value > rule->greatest)
		return add(f, FAULT_LESS_THAN_EQUAL, loc, v, rule->greatest);
	*out = value;
	return true;
}

/* RC_SYNTAX unless text is decimal digits, with or without a sign. */
static enum rc
read_digits(const char *text, size_t len, bool *negative, int64_t *value)
{
	size_t sign = len > 0 && (*text == '-' || *text == '+');
	bool exact;
	enum rc rc;

	*negative = sign && *text == '-';
	if (memchr(text, '.', len))
		return RC_SYNTAX;
	rc = decimal_digits(text + sign, len - sign, 0, value, &exact);
	if (!rc && *negative)
		*value = -*value;
	return rc;
}

bool
faults_int(struct faults *f, struct loc loc, struct json v, const struct int_rule *rule, int64_t *out)
{
	bool negative = v.text[0] == '-';
	const char *text;
	size_t len;
	int64_t value = 0;
	enum rc rc;

	switch (json_kind(v)) {
	case JSON_NUMBER:
		rc = json_int64(v, &value);
		if (rc == RC_SYNTAX)
			return add(f, FAULT_INT_FROM_FLOAT, loc, v, 0);
		break;
	case JSON_STRING:
		text = json_string(f->text.ctx, v, &len);
		if (!text) {
			f->text.failed = true;
			return false;
		}
		rc = read_digits(text, len, &negative, &value);
		if (rc == RC_SYNTAX)
			return add(f, FAULT_INT_PARSING, loc, v, 0);
		break;
	default:
		return add(f, FAULT_INT_TYPE, loc, v, 0);
	}
	return judge(f, loc, v, rule, rc, negative, value, out);
}

struct json
faults_quote(struct faults *f, const char *text, size_t len)
{
	struct buf valid, quoted;

	buf_init(&valid, f->text.ctx, FAULTS_MAX_BYTES);
	buf_init(&quoted, f->text.ctx, FAULTS_MAX_BYTES);
	utf8_put_repaired(&valid, text, len);
	json_put_string(&quoted, valid.len ? valid.data : "", valid.len);
	f->text.failed = f->text.failed || valid.failed || quoted.failed;
	return (struct json){ quoted.failed ? NULL : quoted.data, quoted.len };
}

void
faults_add_not_an_int(struct faults *f, struct loc loc, const char *text, size_t len)
{
	(void)add(f, FAULT_INT_PARSING, loc, faults_quote(f, text, len), 0);
}

bool
faults_int_text(struct faults *f, struct loc loc, const char *text, size_t len, const struct int_rule *rule,
		int64_t *out)
{
	bool negative;
	int64_t value = 0;
	enum rc rc = read_digits(text, len, &negative, &value);

	if (rc == RC_SYNTAX)
		return add(f, FAULT_INT_PARSING, loc, faults_quote(f, text, len), 0);
	return judge(f, loc, faults_quote(f, text, len), rule, rc, negative, value, out);
}
