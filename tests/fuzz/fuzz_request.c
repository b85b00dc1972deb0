/* Any params and any body as a request: lines up to an empty one, then what is read. */
#include "fuzz.h"

#include "api/app.h"
#include "api/auth.h"
#include "base/clock.h"
#include "http/etag.h"
#include "json/param.h"

struct source {
	const char *at, *end;
};

static int
read_source(void *arg, char *to, int len)
{
	struct source *s = arg;
	int n = s->end - s->at < len ? (int)(s->end - s->at) : len;

	n = n > 100 ? 100 : n;
	memcpy(to, s->at, (size_t)n);
	s->at += n;
	return n;
}

static const struct route routes[] = {
	{ "GET", "/api/v1/orders", 0, NULL },
	{ "POST", "/api/v1/orders", 0, NULL },
	{ "GET", "/api/v1/orders/{order_id}", 0, NULL },
	{ "GET", "/api/v1/orders/{order_id}/history", 0, NULL },
	{ "PATCH", "/api/v1/orders/{order_id}/status", 0, NULL },
};

static void
check_query(struct http_request *r, const char *name)
{
	static const struct int_rule rule = { 1, 100, false };
	const struct loc loc = { .part = "query", .name = name };
	size_t len = 0;
	const char *value = NULL;
	struct json_error err;
	struct why why;
	struct json list;
	struct faults f;
	int64_t n = 0;

	PROMISE(http_query(r, name, &value, &len) == RC_OK);
	if (!value)
		return;
	PROMISE(value[len] == '\0');
	faults_init(&f, r->ctx);
	if (faults_int_text(&f, loc, value, len, &rule, &n))
		PROMISE(n >= 1 && n <= 100);
	else
		PROMISE(faults_close(&f, &why) == RC_INVALID &&
			json_check(why.text, strlen(why.text), &list, &err) == RC_OK);
}

static void
check_filters(struct http_request *r)
{
	struct param p = { .name = "created_from" };
	struct json_error err;
	struct why why;
	struct json list;
	struct faults f;
	enum status s = STATUS_COUNT;
	int64_t us = INT64_MAX;

	PROMISE(http_query(r, p.name, &p.text, &p.len) == RC_OK);
	if (!p.text)
		return;
	faults_init(&f, r->ctx);
	if (param_time(&f, &p, &us))
		PROMISE(us >= CLOCK_LEAST_US && us <= CLOCK_GREATEST_US);
	if (param_status(&f, &p, &s))
		PROMISE(s < STATUS_COUNT);
	if (faults_close(&f, &why))
		PROMISE(json_check(why.text, strlen(why.text), &list, &err) == RC_OK);
}

static void
check_condition(struct http_request *r)
{
	const char *value;
	struct etags tags;
	struct etag tag;
	size_t n = 0;

	PROMISE(http_param_list(r, "HTTP_IF_MATCH", &value) == RC_OK);
	if (!value)
		return;
	for (tags = etags_of(value); etags_next(&tags, &tag); n++)
		PROMISE(tag.opaque > value && tag.opaque + tag.len < value + strlen(value) &&
			!memchr(tag.opaque, '"', tag.len));
	PROMISE(n <= strlen(value) / 2 && (!tags.any || n == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	char *text = talloc_strndup(ctx, (const char *)data, size), *line, *rest = text, *params[33];
	struct source body = { (const char *)data, (const char *)data + size };
	struct route_match match;
	struct http_request r;
	struct caller caller;
	size_t n = 0;
	enum rc rc;

	while (n < 32 && (line = strsep(&rest, "\n")) && *line)
		params[n++] = line;
	params[n] = NULL;
	if (rest)
		body.at += rest - text;
	rc = http_request_init(&r, ctx, params, read_source, &body);
	PROMISE(rc == RC_OK && r.path_len <= strlen(r.target));
	PROMISE(*r.request_id && strlen(r.request_id) < REQUEST_ID_SIZE &&
		strlen(r.traceparent) == TRACEPARENT_SIZE - 1);
	PROMISE(!r.body || (r.body_len <= HTTP_BODY_MAX && r.body[r.body_len] == '\0'));
	check_query(&r, "skip");
	check_query(&r, "limit");
	check_query(&r, "after");
	check_filters(&r);
	check_condition(&r);
	rc = route_match(routes, sizeof routes / sizeof *routes, r.method, r.target, r.path_len, &match);
	PROMISE((rc == RC_OK) == (match.route != NULL));
	if (match.value && rc == RC_OK)
		PROMISE(match.value >= r.target && match.value + match.value_len <= r.target + r.path_len);
	(void)!auth_caller(
		&(const struct config){ .secret_key = "k", .secret_key_len = 1, .algorithm = "HS256" }, &r,
		&caller);
	talloc_free(ctx);
	return 0;
}
