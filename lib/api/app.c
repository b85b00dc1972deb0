#include "api/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>
#include <unistd.h>

#include "api/answer.h"
#include "api/auth.h"
#include "api/meter.h"
#include "api/publish.h"
#include "base/clock.h"
#include "base/log.h"

/* The web server's, which asks here for what it has not got itself: files that are not installed, and methods that they have not. */
static enum rc
get_file(struct request *r)
{
	(void)r;
	return RC_NO_PATH;
}

static const struct route routes[] = {
	{ "GET", "/api/v1/orders", NEED_USER, list_orders },
	{ "POST", "/api/v1/orders", NEED_USER | NEED_JSON, create_order },
	{ "GET", "/api/v1/orders/{order_id}", NEED_USER, get_order },
	{ "GET", "/api/v1/orders/{order_id}/history", NEED_USER, get_history },
	{ "PATCH", "/api/v1/orders/{order_id}/status", NEED_USER | NEED_JSON, change_status },
	{ "GET", "/health", 0, get_health },
	{ "GET", "/ready", 0, get_ready },
	{ "GET", "/status", 0, get_status_page },
	{ "GET", "/metrics", 0, get_metrics },
	{ "GET", "/openapi.json", 0, get_file },
	{ "GET", "/docs", 0, get_file },
};

enum rc
app_check(void *ctx, const struct config *config, config_fault_fn *fault, void *arg)
{
	const char *key = auth_check_key(config), *conninfo = pg_check_conninfo(ctx, config->database_url);

	if (key)
		fault(arg, key);
	if (conninfo)
		fault(arg, "DATABASE_URL: wants a PostgreSQL URI that libpq understands");
	return key || conninfo ? RC_INVALID : RC_OK;
}

static int
close_app(struct app *app)
{
	if (app->slot)
		metrics_count(COUNT_WORKERS_LEFT, 1);
	pool_leave(app->slot);
	metrics_use(NULL, NULL);
	return 0;
}

struct app *
app_open(void *ctx, const struct config *config)
{
	struct app *app = talloc_zero(ctx, struct app);

	if (!app)
		return NULL;
	app->config = config;
	app->pool = pool_open(config->pool_file);
	if (!app->pool) {
		log_error("worker.no_pool_file", log_text("path", config->pool_file),
			  log_text("error", strerror(errno)));
		return NULL;
	}
	pool_bury_namesakes(app->pool);
	app->slot = pool_slot(app->pool);
	metrics_use(&app->pool->metrics, pool_worker(app->pool, app->slot));
	metrics_describe(VERSION, config->workers);
	log_watch(metrics_fault);
	if (app->slot)
		metrics_count(COUNT_WORKERS_STARTED, 1);
	talloc_set_destructor(app, close_app);
	app->meter = meter_open(app, routes, sizeof routes / sizeof *routes);
	app->pg = pg_open(app, config->database_url, &app->pool->breakers[NEIGHBOUR_DATABASE]);
	app->products = products_open(app, config, app->pool, app->slot);
	app->publisher = app->pg ? publisher_open(app, config, app->pool, app->slot, app->pg) : NULL;
	return app->meter && app->products && app->publisher ? app : NULL;
}

/* application/json or application/…+json, whatever parameters follow. */
static bool
is_json(const char *type)
{
	size_t len = strcspn(type, "; \t");

	return (len == 16 && strncasecmp(type, "application/json", len) == 0) ||
	       (len > 17 && strncasecmp(type, "application/", 12) == 0 &&
		strncasecmp(type + len - 5, "+json", 5) == 0);
}

/* What stands between a request and its handler, in the contract's order. */
static enum rc
gate(struct request *r, unsigned needs)
{
	const char *type = http_param(r->in, "CONTENT_TYPE", NULL);
	enum rc rc;

	if ((needs & NEED_USER) && (rc = auth_caller(r->app->config, r->in, &r->caller)))
		return rc;
	if (!(needs & NEED_JSON))
		return RC_OK;
	if (r->in->body_too_large)
		return RC_BODY_TOO_LARGE;
	if (type && *type && !is_json(type))
		return RC_MEDIA_TYPE;
	return r->in->body ? RC_OK : RC_BODY_UNREADABLE;
}

static enum rc
serve(struct request *r)
{
	/* Some web servers let a line break through, and it would be in the answer's fields and in the log. */
	bool broken = strpbrk(r->in->target, "\r\n") != NULL;
	enum rc rc = broken ? RC_NO_PATH
			    : route_match(routes, sizeof routes / sizeof *routes, r->in->method,
					  r->in->target, r->in->path_len, &r->match);

	meter_begin(r->app->meter, r->match.route, r->in->started_us);
	if (rc || (rc = gate(r, r->match.route->needs)))
		return rc;
	return r->match.route->handle(r);
}

void
app_answer(void *arg, struct http_request *in, struct http_response *out)
{
	struct app *app = arg;
	struct request *r = talloc_zero(in->ctx, struct request);
	enum rc rc;

	in->app_data = r;
	log_set_request_id(in->request_id);
	if (!r) { /* the answer is a 500 already */
		http_response_field(out, "X-Request-ID", in->request_id);
		log_error("request.no_memory");
		meter_end(app->meter, NULL, out->status, clock_us() - in->started_us);
		return;
	}
	*r = (struct request){ .app = app, .in = in, .out = out, .ctx = in->ctx };
	rc = serve(r);
	if (rc)
		answer_failure(r, rc);
	http_response_field(out, "X-Request-ID", in->request_id);
	r->database_us = pg_take_spent_us(app->pg);
	r->answered_us = clock_us() - in->started_us;
	meter_end(app->meter, r->match.route, out->status, r->answered_us);
}

static void
log_access(const struct request *r, int64_t publish_us)
{
	log_info("request", log_text("method", r->in->method),
		 log_text("route", r->match.pattern ? r->match.pattern : "-"),
		 log_i64("status", r->out->status), log_i64("duration_us", r->answered_us),
		 log_i64("product_us", r->product_us), log_i64("database_us", r->database_us),
		 log_i64("publish_us", publish_us),
		 r->caller.id ? log_i64("user_id", r->caller.id) : log_text(NULL, NULL),
		 r->order_id ? log_i64("order_id", r->order_id) : log_text(NULL, NULL));
}

/* One worker in ten seconds has a sample to take, and looks whether somebody died meanwhile. */
static void
end_turn(struct app *app)
{
	if (metrics_sample())
		pool_bury(app->pool);
	meter_idle();
}

int
app_after(void *arg, struct http_request *in, bool busy)
{
	struct app *app = arg;
	struct request *r = in->app_data;
	int wait_ms;

	app->requests++;
	if (r && r->event.version && !r->event_waits)
		publisher_add(app->publisher, &r->event);
	wait_ms = publisher_turn(app->publisher, busy);
	(void)pg_take_spent_us(app->pg);
	if (r)
		log_access(r, publisher_take_spent_us(app->publisher));
	log_set_request_id(NULL);
	end_turn(app);
	return wait_ms;
}

int
app_turn(void *arg)
{
	struct app *app = arg;
	int wait_ms = publisher_turn(app->publisher, false);

	/* It is no request's time. */
	(void)pg_take_spent_us(app->pg);
	(void)publisher_take_spent_us(app->publisher);
	end_turn(app);
	return wait_ms;
}

/* Resident memory in MiB, 0 when the kernel does not tell. */
static long
resident_mb(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f) {
		if (fscanf(f, "%*s %ld", &pages) != 1)
			pages = 0;
		(void)fclose(f);
	}
	return pages * sysconf(_SC_PAGESIZE) >> 20;
}

bool
app_retire(void *arg)
{
	const struct app *app = arg;
	const struct config *c = app->config;

	if (c->max_requests && app->requests >= c->max_requests)
		return true;
	return c->max_rss_mb && resident_mb() > c->max_rss_mb;
}
