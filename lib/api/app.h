/* What the worker holds, what a request is while it is being answered, and who handles it. */
#ifndef API_APP_H
#define API_APP_H

#include "base/config.h"
#include "base/pool.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "order/access.h"
#include "remote/product.h"
#include "store/orders.h"
#include "store/reads.h"

struct publisher;
struct meter;

struct app {
	const struct config *config;
	struct pool *pool;
	struct slot *slot;
	struct pg *pg;
	struct products *products;
	struct publisher *publisher;
	struct meter *meter;
	int64_t requests; /* answered so far */
};

struct request {
	struct app *app;
	struct http_request *in;
	struct http_response *out;
	void *ctx; /* in->ctx */
	struct route_match match;
	struct caller caller;
	struct why why;
	struct event event; /* what has to be published; version 0: nothing */
	bool event_waits;   /* it is left to the sweep */
	int64_t order_id;   /* for the log; so are the times */
	int64_t product_us;
	int64_t database_us;
	int64_t answered_us;
};

/* What a route needs before its handler is called. */
enum { NEED_USER = 1, NEED_JSON = 2 };

/* Checks the settings that only libraries can judge: keys, conninfo. One line each, as config_load(). */
enum rc app_check(void *ctx, const struct config *config, config_fault_fn *fault, void *arg) MUST_CHECK;

/* NULL: no memory, or no pool file (logged). */
struct app *app_open(void *ctx, const struct config *config);

/* The functions of struct fcgi_app; arg is the struct app. */
void app_answer(void *arg, struct http_request *in, struct http_response *out);
int app_after(void *arg, struct http_request *in, bool busy);
int app_turn(void *arg);
bool app_retire(void *arg);

/* Handlers, one an endpoint. */
enum rc create_order(struct request *r);
enum rc list_orders(struct request *r);
enum rc get_order(struct request *r);
enum rc get_history(struct request *r);
enum rc change_status(struct request *r);
enum rc get_health(struct request *r);
enum rc get_ready(struct request *r);
enum rc get_status_page(struct request *r);
enum rc get_metrics(struct request *r);

#endif
