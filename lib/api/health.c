#include "api/answer.h"
#include "api/publish.h"

#define BODY_MAX 1024

enum rc
get_health(struct request *r)
{
	struct buf body;

	buf_init(&body, r->ctx, BODY_MAX);
	buf_puts(&body, "{\"status\":\"healthy\"}");
	return answer_json(r, HTTP_OK, &body);
}

static void
put_check(struct buf *b, const char *name, enum health h)
{
	buf_puts(b, name);
	buf_puts(b, health_name(h));
}

/* Only the database decides: without the others most requests can still be served, or served later. */
enum rc
get_ready(struct request *r)
{
	enum rc rc = store_ready(r->app->pg, r->ctx);
	struct buf body;

	if (rc == RC_NO_MEMORY)
		return rc;
	buf_init(&body, r->ctx, BODY_MAX);
	buf_puts(&body, rc ? "{\"status\":\"not ready\",\"checks\":{" : "{\"status\":\"ready\",\"checks\":{");
	put_check(&body, "\"database\":\"", rc ? HEALTH_FAILING : HEALTH_OK);
	put_check(&body, "\",\"product_service\":\"", products_health(r->app->products));
	put_check(&body, "\",\"sns\":\"", publisher_health(r->app->publisher));
	buf_puts(&body, "\"}}");
	if (rc)
		http_response_field(r->out, "Retry-After", "1");
	return answer_json(r, rc ? 503 : HTTP_OK, &body);
}
