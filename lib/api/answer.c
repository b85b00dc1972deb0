#include "api/answer.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "json/order_json.h"

#define RETRY_AFTER_S 1

static void
challenge(struct request *r)
{
	http_response_field(r->out, "WWW-Authenticate", "Bearer");
}

static void
allow(struct request *r)
{
	http_response_field(r->out, "Allow", r->match.allow);
}

static void
retry_soon(struct request *r)
{
	char seconds[12];

	(void)snprintf(seconds, sizeof seconds, "%d", RETRY_AFTER_S);
	http_response_field(r->out, "Retry-After", seconds);
}

static void
retry_products(struct request *r)
{
	char seconds[12];

	(void)snprintf(seconds, sizeof seconds, "%d", products_retry_after_s(r->app->products));
	http_response_field(r->out, "Retry-After", seconds);
}

/* To the same path without its last slash. */
static void
redirect(struct request *r)
{
	const char *target = r->in->target;
	char *to = talloc_asprintf(r->ctx, "%.*s%s", (int)r->in->path_len - 1, target,
				   target + r->in->path_len);

	if (to)
		http_response_field(r->out, "Location", to);
	else
		r->out->fields.failed = true;
}

/* In a sentence: %p product_id, %a available, %r requested, %f from, %t to, %x text. Where detail is NULL,
 * why.text is the JSON of the detail. */
static const struct {
	enum rc rc;
	int status;
	const char *detail;
	void (*fields)(struct request *r);
} failures[] = {
	{ RC_NO_PATH, 404, "Not Found", NULL },
	{ RC_NO_METHOD, 405, "Method Not Allowed", allow },
	{ RC_TRAILING_SLASH, 307, "", redirect },
	{ RC_NOT_AUTHENTICATED, 401, "Not authenticated", challenge },
	{ RC_BAD_TOKEN, 401, "Could not validate credentials", challenge },
	{ RC_BODY_TOO_LARGE, 413, "Request body too large", NULL },
	{ RC_MEDIA_TYPE, 415, "Unsupported Media Type", NULL },
	{ RC_BODY_UNREADABLE, 400, "There was an error parsing the body", NULL },
	{ RC_INVALID, 422, NULL, NULL },
	{ RC_BAD_KEY, 400, "Invalid Idempotency-Key", NULL },
	{ RC_KEY_REUSED, 422, "Idempotency-Key was already used with a different request", NULL },
	{ RC_PRODUCT_MISSING, 404, "Product %p not found", NULL },
	{ RC_STOCK, 400, "Insufficient stock for product %p. Available: %a, requested: %r", NULL },
	{ RC_PRODUCT_TIMEOUT, 504, "Product service request timed out", retry_products },
	{ RC_PRODUCT_DOWN, 503, "Product service unavailable", retry_products },
	{ RC_PRODUCT_INVALID, 502, "Product service returned an invalid response", NULL },
	{ RC_TOTAL_TOO_LARGE, 400, "Order total is too large", NULL },
	{ RC_NO_ORDER, 404, "Order %x not found", NULL },
	{ RC_STALE, 412, "Precondition Failed", NULL },
	{ RC_STATUS_FINAL, 400, "Cannot update order in %f status", NULL },
	{ RC_STATUS_STEP, 400, "Cannot change order status from %f to %t", NULL },
	{ RC_FORBIDDEN, 403, "Not enough permissions", NULL },
	{ RC_DATABASE, 503, "Database unavailable", retry_soon },
	{ RC_INTERNAL, 500, "Internal Server Error", NULL },
};

static void
put_sentence(struct buf *b, const char *sentence, const struct why *why)
{
	for (const char *p = sentence; *p; p++) {
		if (*p != '%') {
			buf_putc(b, *p);
			continue;
		}
		switch (*++p) {
		case 'p':
			buf_put_i64(b, why->product_id);
			break;
		case 'a':
			buf_put_i64(b, why->available);
			break;
		case 'r':
			buf_put_i64(b, why->requested);
			break;
		case 'f':
			buf_puts(b, why->from);
			break;
		case 't':
			buf_puts(b, why->to);
			break;
		default:
			buf_puts(b, why->text);
		}
	}
}

static void
put_detail(struct buf *b, const char *detail, const struct why *why)
{
	buf_puts(b, "{\"detail\":");
	if (detail) {
		buf_putc(b, '"');
		put_sentence(b, detail, why);
		buf_putc(b, '"');
	} else {
		buf_puts(b, why->text);
	}
	buf_putc(b, '}');
}

void
answer_failure(struct request *r, enum rc rc)
{
	size_t last = sizeof failures / sizeof *failures - 1, i = 0;
	struct buf body;

	while (i < last && failures[i].rc != rc)
		i++;
	buf_clear(&r->out->fields);
	buf_init(&body, r->ctx, ANSWER_MAX);
	r->out->status = failures[i].status;
	r->out->type = NULL;
	if (failures[i].fields)
		failures[i].fields(r);
	if (!failures[i].detail || *failures[i].detail)
		put_detail(&body, failures[i].detail, &r->why);
	r->out->body = body.data;
	r->out->body_len = body.len;
	if (body.failed || r->out->fields.failed)
		http_response_fail(r->out);
}

enum rc
answer_body(struct request *r, int status, const char *type, const struct buf *body)
{
	if (body->failed || r->out->fields.failed)
		return RC_NO_MEMORY;
	r->out->status = status;
	r->out->type = type;
	r->out->body = body->data;
	r->out->body_len = body->len;
	return RC_OK;
}

enum rc
answer_json(struct request *r, int status, const struct buf *body)
{
	return answer_body(r, status, NULL, body);
}

/* Every answer that is a single order has them. */
static void
put_order_fields(struct request *r, const struct order *o)
{
	char etag[16];

	r->order_id = o->id;
	(void)snprintf(etag, sizeof etag, "\"%d\"", (int)o->version);
	http_response_field(r->out, "ETag", etag);
	http_response_field(r->out, "Cache-Control", "no-store");
}

enum rc
answer_order(struct request *r, int status, const struct order *o)
{
	struct buf body;
	char location[64];

	buf_init(&body, r->ctx, ANSWER_MAX);
	order_encode(&body, o);
	put_order_fields(r, o);
	if (status == HTTP_CREATED) {
		(void)snprintf(location, sizeof location, "/api/v1/orders/%lld", (long long)o->id);
		http_response_field(r->out, "Location", location);
	}
	return answer_json(r, status, &body);
}

enum rc
answer_not_modified(struct request *r, const struct order *o)
{
	put_order_fields(r, o);
	r->out->status = HTTP_NOT_MODIFIED;
	r->out->body = NULL;
	r->out->body_len = 0;
	return r->out->fields.failed ? RC_NO_MEMORY : RC_OK;
}

enum rc
answer_list(struct request *r, const struct buf *list)
{
	http_response_field(r->out, "Cache-Control", "no-store");
	return answer_json(r, HTTP_OK, list);
}

void
answer_is_replay(struct request *r)
{
	http_response_field(r->out, "Idempotent-Replayed", "true");
	metrics_count(COUNT_REPLAYS, 1);
}
