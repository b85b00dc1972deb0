#include "remote/product.h"

#include <stdio.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "remote/curl.h"
#include "json/product_json.h"

#define PARALLEL 16
#define BODY_MAX (1u << 20)
#define PATIENCE_MS 50 /* for a place among those that wait, before the answer is 503 */
#define PROBE_MS 1000  /* in which a probe wants a first answer, all but one of them: then the next may ask */
#define CAP_MS 750     /* of the back-off: with a probe that hangs, under 2 s until the first good answer */
#define GRACE_MS 500   /* for ending a look-up whose time is over */

static const struct outcome_name outcomes[] = {
	{ RC_OK, "ok" },
	{ RC_STOCK, "ok" }, /* a good answer, whatever it says */
	{ RC_PRODUCT_MISSING, "not_found" },
	{ RC_PRODUCT_TIMEOUT, "timeout" },
	{ RC_PRODUCT_DOWN, "unavailable" },
	{ RC_PRODUCT_INVALID, "invalid" },
	{ RC_NO_MEMORY, "error" },
	{ RC_OK, "dropped" }, /* no rc's: what becomes of the request was certain without it */
};
#define OUTCOMES (sizeof outcomes / sizeof *outcomes)
#define DROPPED (OUTCOMES - 1)

struct products {
	const struct config *config;
	struct pool *pool;
	struct slot *slot;
	struct breaker *breaker;
	struct breaker_policy policy;
	CURLM *multi;
	struct transfer transfers[PARALLEL];
	struct series *timed[OUTCOMES]; /* the pool's counts of look-ups */
};

/* One product of one request. */
struct lookup {
	int64_t id;
	bool done;
	int64_t started_us; /* 0: not yet */
	enum rc rc;
	struct why why;
	struct transfer *transfer; /* while it is on its way */
};

struct fetch {
	struct products *p;
	void *ctx;
	const struct draft *draft;
	const struct trace *trace;
	struct product *products;
	struct curl_slist *headers;
	struct lookup lookups[ORDER_ITEMS_MAX];
	size_t n;
	int64_t deadline;
	int spared_ms;	  /* of its time, by which a probe ends earlier */
	bool answered;	  /* by the Product Service itself, to one look-up at least */
	bool unreachable; /* there was no answer, or one that says so of somebody behind */
	bool probe;	  /* the breaker is open, and nothing was answered yet */
};

static int
close_products(struct products *p)
{
	for (size_t i = 0; i < PARALLEL; i++)
		transfer_close(&p->transfers[i]);
	if (p->multi)
		(void)curl_multi_cleanup(p->multi);
	return 0;
}

/* As many as may wait at a time, so that it opens when all of them have waited in vain, within reason. */
static uint32_t
failures_to_open(const struct config *c)
{
	return c->product_max_workers == 0 || c->product_max_workers > 5 ? 5
	       : c->product_max_workers < 3				 ? 3
									 : (uint32_t)c->product_max_workers;
}

struct products *
products_open(void *ctx, const struct config *config, struct pool *pool, struct slot *slot)
{
	struct products *p = talloc_zero(ctx, struct products);

	if (!p)
		return NULL;
	p->config = config;
	p->pool = pool;
	p->slot = slot;
	p->breaker = &pool->breakers[NEIGHBOUR_PRODUCT];
	p->policy = (struct breaker_policy){
		.threshold = failures_to_open(config),
		.first_ms = 250,
		.cap_ms = CAP_MS,
		.probe_ms = PROBE_MS + GRACE_MS,
	};
	p->multi = transfer_library_init() ? curl_multi_init() : NULL;
	talloc_set_destructor(p, close_products);
	return p->multi ? p : NULL;
}

/* Every look-up of a request sends the same fields. */
static bool
gather_headers(struct fetch *f)
{
	char id[96], parent[96];
	const char *const lines[] = { id, parent, "Accept: application/json" };
	struct curl_slist *longer;

	(void)snprintf(id, sizeof id, "X-Request-ID: %s", f->trace->request_id);
	(void)snprintf(parent, sizeof parent, "traceparent: %s", f->trace->traceparent);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		longer = curl_slist_append(f->headers, lines[i]);
		if (!longer)
			return false;
		f->headers = longer;
	}
	return true;
}

static bool
start(struct fetch *f, size_t i, struct transfer *t)
{
	char url[2048];
	struct lookup *l = &f->lookups[i];
	int len = snprintf(url, sizeof url, "%s/api/v1/products/%lld", f->p->config->product_url,
			   (long long)l->id);

	if (len < 0 || (size_t)len >= sizeof url || !transfer_again(t, f->ctx, url, BODY_MAX) ||
	    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, f->headers) ||
	    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, (void *)l) ||
	    curl_multi_add_handle(f->p->multi, t->easy) != CURLM_OK)
		return false;
	l->transfer = t;
	l->started_us = clock_us();
	return true;
}

static struct transfer *
idle_transfer(struct fetch *f)
{
	for (size_t i = 0; i < PARALLEL; i++) {
		bool taken = false;

		for (size_t j = 0; j < f->n; j++)
			taken = taken || f->lookups[j].transfer == &f->p->transfers[i];
		if (!taken)
			return &f->p->transfers[i];
	}
	return NULL;
}

static enum rc
start_some(struct fetch *f)
{
	struct transfer *t;

	for (size_t i = 0; i < f->n; i++) {
		if (f->lookups[i].started_us)
			continue;
		if (!(t = idle_transfer(f)))
			return RC_OK;
		if (!start(f, i, t))
			return RC_NO_MEMORY;
	}
	return RC_OK;
}

static void
stop(struct fetch *f, struct lookup *l)
{
	(void)curl_multi_remove_handle(f->p->multi, l->transfer->easy);
	l->transfer = NULL;
}

static enum rc
judge_transport(const struct transfer *t, CURLcode code, long status)
{
	if (t->too_large)
		return RC_PRODUCT_INVALID;
	if ((code || status != 200) && transfer_no_memory(t))
		return RC_NO_MEMORY; /* what curl then sent, and got, says nothing */
	if (code == CURLE_OK)
		return RC_OK;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return RC_PRODUCT_TIMEOUT;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
		return RC_PRODUCT_INVALID;
	default:
		return RC_PRODUCT_DOWN;
	}
}

static enum rc
judge_status(long status)
{
	return status == 200   ? RC_OK
	       : status == 404 ? RC_PRODUCT_MISSING
	       : status >= 500 ? RC_PRODUCT_DOWN
			       : RC_PRODUCT_INVALID;
}

static void
count_lookup(struct fetch *f, const struct lookup *l, size_t outcome)
{
	metrics_time(&f->p->timed[outcome], TIMED_PRODUCT, outcomes[outcome].name, NULL,
		     clock_us() - l->started_us);
}

static void
finish(struct fetch *f, struct lookup *l, CURLcode code)
{
	const struct transfer *t = l->transfer;
	struct product *product = &f->products[l - f->lookups];
	long status = transfer_status(t);

	l->rc = judge_transport(t, code, status);
	if (l->rc == RC_PRODUCT_DOWN || l->rc == RC_PRODUCT_TIMEOUT || (!l->rc && status > 500))
		f->unreachable = true;
	else if (l->rc != RC_NO_MEMORY)
		f->answered = true;
	if (!l->rc)
		l->rc = judge_status(status);
	if (!l->rc)
		l->rc = product_decode(f->ctx, t->body.data ? t->body.data : "", t->body.len, l->id, product);
	transfer_drop_body(l->transfer); /* a hundred of them may be 1 MiB each */
	if (!l->rc)
		l->rc = draft_check_stock(f->draft, product, &l->why);
	if (l->rc && l->rc != RC_STOCK && l->rc != RC_PRODUCT_MISSING)
		log_warn("product.fault", log_i64("product_id", l->id), log_i64("status", status),
			 log_text("error", code ? curl_easy_strerror(code) : NULL));
	count_lookup(f, l, metrics_outcome(outcomes, DROPPED, l->rc));
	l->why.product_id = l->id;
	l->done = true;
	stop(f, l);
}

/* True when there was one: its place is free for the next. */
static bool
finish_some(struct fetch *f)
{
	CURLMsg *m;
	void *l;
	int left;
	bool some = false;

	while ((m = curl_multi_info_read(f->p->multi, &left)))
		if (m->msg == CURLMSG_DONE && !curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &l)) {
			finish(f, l, m->data.result);
			some = true;
		}
	return some;
}

/* True as soon as it is certain what becomes of the request: rc. */
static bool
is_certain(const struct fetch *f, enum rc *rc, struct why *why)
{
	*rc = RC_OK;
	for (size_t i = 0; !*rc && i < f->n; i++) {
		if (!f->lookups[i].done)
			return false;
		if ((*rc = f->lookups[i].rc))
			*why = f->lookups[i].why;
	}
	return true;
}

/* It is back: everybody may ask again, and this request has all of its time. */
static void
end_probe(struct fetch *f)
{
	f->probe = false;
	f->deadline += f->spared_ms;
	breaker_report(f->p->breaker, &f->p->policy, true);
}

static enum rc
run(struct fetch *f, struct why *why)
{
	enum rc rc;
	int running, left;
	bool some;

	for (;;) {
		if ((rc = start_some(f)))
			return rc;
		if (curl_multi_perform(f->p->multi, &running) != CURLM_OK)
			return RC_NO_MEMORY;
		some = finish_some(f);
		if (f->probe && f->answered)
			end_probe(f);
		if (is_certain(f, &rc, why))
			return rc;
		if ((left = clock_left_ms(f->deadline)) == 0)
			return f->probe ? RC_PRODUCT_DOWN : RC_PRODUCT_TIMEOUT;
		if (!some && curl_multi_poll(f->p->multi, NULL, 0, left, NULL) != CURLM_OK)
			return RC_NO_MEMORY;
	}
}

/* False: too many wait already, or the breaker keeps everybody but a probe away. */
static bool
enter(struct products *p, bool *probe)
{
	const struct places places = {
		.max = p->config->product_max_workers,
		.patience_ms = PATIENCE_MS,
		.wait_ms = PATIENCE_MS,
		.longest_ms = p->config->product_timeout_ms + GRACE_MS,
	};

	if (!breaker_is_willing(p->breaker, &p->policy)) {
		breaker_refused(p->breaker);
		return false;
	}
	if (!pool_enter(p->pool, p->slot, WAIT_PRODUCT, &places))
		return false;
	*probe = breaker_is_open(p->breaker, &p->policy);
	if (breaker_admits(p->breaker, &p->policy))
		return true;
	pool_exit(p->slot);
	breaker_refused(p->breaker);
	return false;
}

/* What is still on its way: its time is over, or what becomes of the request is certain without it. */
static void
give_up(struct fetch *f, struct lookup *l)
{
	size_t late = metrics_outcome(outcomes, DROPPED, RC_PRODUCT_TIMEOUT);

	if (!l->transfer)
		return;
	count_lookup(f, l, clock_left_ms(f->deadline) ? DROPPED : late);
	stop(f, l);
}

/* A failure is one that the whole of the request met with: part of a service that is there is for its clients to judge. */
static void
report(const struct fetch *f, enum rc rc)
{
	if (rc != RC_NO_MEMORY)
		breaker_report(f->p->breaker, &f->p->policy,
			       f->answered || (!f->unreachable && rc != RC_PRODUCT_TIMEOUT &&
					       rc != RC_PRODUCT_DOWN));
}

enum rc
products_fetch(struct products *p, void *ctx, const struct draft *d, const struct trace *trace,
	       struct product out[static ORDER_ITEMS_MAX], size_t *n, struct why *why)
{
	struct fetch f = { .p = p, .ctx = ctx, .draft = d, .trace = trace, .products = out };
	int limit_ms = p->config->product_timeout_ms;
	int64_t ids[ORDER_ITEMS_MAX];
	enum rc rc;

	if (!enter(p, &f.probe))
		return RC_PRODUCT_DOWN;
	if (f.probe && limit_ms > PROBE_MS && !breaker_is_patient(p->breaker, limit_ms))
		f.spared_ms = limit_ms - PROBE_MS;
	f.deadline = clock_ms() + limit_ms - f.spared_ms;
	f.n = draft_products(d, ids);
	for (size_t i = 0; i < f.n; i++)
		f.lookups[i].id = ids[i];
	(void)metrics_asks(ASKS_PRODUCT);
	rc = gather_headers(&f) ? run(&f, why) : RC_NO_MEMORY;
	(void)metrics_asks(ASKS_NOBODY);
	for (size_t i = 0; i < f.n; i++)
		give_up(&f, &f.lookups[i]);
	curl_slist_free_all(f.headers);
	pool_exit(p->slot);
	report(&f, rc);
	*n = f.n;
	return rc;
}

int
products_retry_after_s(struct products *p)
{
	return breaker_retry_after_s(p->breaker);
}

enum health
products_health(struct products *p)
{
	return (enum health)atomic_load(&p->breaker->health);
}
