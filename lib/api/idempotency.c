#include "api/idempotency.h"

#include <string.h>
#include <talloc.h>

#include "api/publish.h"

#define KEY_MAX 255

static bool
is_key(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (n == KEY_MAX || s[n] <= ' ' || s[n] > '~')
			return false;
	return n > 0;
}

enum rc
change_init(struct request *r, struct change *out, bool *given)
{
	int times;
	const char *key = http_param(r->in, "HTTP_IDEMPOTENCY_KEY", &times);
	const struct part parts[] = {
		{ r->in->method, strlen(r->in->method) },
		{ r->in->target, r->in->path_len },
		{ r->in->body, r->in->body_len },
	};

	*given = key != NULL;
	if (key && (times > 1 || !is_key(key)))
		return RC_BAD_KEY;
	*out = (struct change){
		.caller = r->caller.id,
		.request_id = r->in->request_id,
		.traceparent = r->in->traceparent,
		.lease_ms = publisher_lease_ms(r->app->publisher),
	};
	id_uuid(out->event_id);
	out->key = key ? key : talloc_asprintf(r->ctx, " %s", out->event_id);
	if (!out->key)
		return RC_NO_MEMORY;
	return id_sha256(parts, sizeof parts / sizeof *parts, out->digest) ? RC_OK : RC_INTERNAL;
}
