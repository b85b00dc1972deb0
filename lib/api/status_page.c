/* GET /status: the pool for an operator's eyes. */
#include "api/answer.h"
#include "api/auth.h"
#include "api/local.h"
#include "base/view.h"
#include "html/status_html.h"

#define POLICY_MAX 1024

/* A browser cannot be told to send a token along with an address, so whoever sits at the machine needs none. */
static enum rc
check_caller(struct request *r)
{
	enum rc rc;

	if (local_request(r->in))
		return RC_OK;
	if ((rc = auth_caller(r->app->config, r->in, &r->caller)))
		return rc;
	return r->caller.staff ? RC_OK : RC_FORBIDDEN;
}

/* Touches neither database nor network: it is there to tell when those are not. */
enum rc
get_status_page(struct request *r)
{
	const struct view *view;
	struct buf body, policy;
	enum rc rc;

	if ((rc = check_caller(r)))
		return rc;
	view = view_take(r->ctx, r->app->pool);
	if (!view)
		return RC_NO_MEMORY;
	buf_init(&body, r->ctx, STATUS_HTML_MAX);
	buf_init(&policy, r->ctx, POLICY_MAX);
	status_html(&body, view);
	status_html_policy(&policy);
	if (policy.failed)
		return RC_NO_MEMORY;
	http_response_field(r->out, "Cache-Control", "no-store");
	http_response_field(r->out, "Content-Security-Policy", policy.data);
	http_response_field(r->out, "X-Content-Type-Options", "nosniff");
	http_response_field(r->out, "Referrer-Policy", "no-referrer");
	return answer_body(r, HTTP_OK, "text/html; charset=utf-8", &body);
}
