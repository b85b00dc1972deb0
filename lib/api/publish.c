#include "api/publish.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "remote/sns.h"
#include "store/outbox.h"

#define LEASE_MS 10000 /* for publishing and settling; then somebody else may */
#define SETTLE_MS 5000 /* of it, for publishing and settling */
#define GATHER_MS                                                                                            \
	100 /* that a new event waits for others while requests are waiting, beside the one at work */
#define SWEEP_MS 500		  /* between the pool's looks for waiting events */
#define SWEEP_AFTER_FAULT_MS 2000 /* of the database */
#define RETRY_FIRST_MS 500
#define RETRY_CAP_MS 60000

static const struct breaker_policy policy = {
	.threshold = 1,
	.first_ms = 250,
	.cap_ms = 4000,
	.probe_ms = 5000,
};

/* SNS asks for less: the same, and slower. */
static const struct breaker_policy throttled = {
	.threshold = 1,
	.first_ms = 500,
	.cap_ms = 60000,
	.probe_ms = 5000,
};

struct publisher {
	struct pool *pool;
	struct breaker *breaker;
	struct pg *pg;
	struct sns *sns;
	void *memory; /* of the gathered events */
	struct event gathered[SNS_BATCH_MAX];
	size_t n;
	int64_t gathered_since_ms;
	int64_t spent_us;
};

struct publisher *
publisher_open(void *ctx, const struct config *config, struct pool *pool, struct pg *pg)
{
	struct publisher *p = talloc_zero(ctx, struct publisher);

	if (!p)
		return NULL;
	p->pool = pool;
	p->breaker = &pool->breakers[NEIGHBOUR_SNS];
	p->pg = pg;
	p->sns = sns_open(p, config);
	return p->sns ? p : NULL;
}

int
publisher_lease_ms(struct publisher *p)
{
	return breaker_is_open(p->breaker, &policy) ? 0 : LEASE_MS;
}

static bool
copy_items(void *ctx, struct event *to, const struct event *from)
{
	struct item *items = talloc_memdup(ctx, from->items, from->n * sizeof *items);

	if (!items)
		return false;
	for (size_t i = 0; i < from->n; i++)
		if (!(items[i].product_name = talloc_strdup(items, from->items[i].product_name)))
			return false;
	to->items = items;
	return true;
}

/* Without memory the event waits in the outbox until its lease is over. */
void
publisher_add(struct publisher *p, const struct event *e)
{
	struct event *to = &p->gathered[p->n];
	void *memory;

	if (!p->memory && !(p->memory = talloc_new(p)))
		return;
	memory = talloc_new(p->memory);
	if (!memory)
		return;
	*to = *e;
	to->id = talloc_strdup(memory, e->id);
	to->request_id = talloc_strdup(memory, e->request_id);
	to->traceparent = talloc_strdup(memory, e->traceparent);
	to->email = talloc_strdup(memory, e->email);
	if (!to->id || !to->request_id || !to->traceparent || !to->email ||
	    (e->n && !copy_items(memory, to, e))) {
		talloc_free(memory);
		return;
	}
	if (p->n++ == 0)
		p->gathered_since_ms = clock_ms();
}

static int
retry_delay_ms(int attempts)
{
	int ceiling = attempts > 7 ? RETRY_CAP_MS : RETRY_FIRST_MS << attempts;

	return 1 + (int)id_random((uint32_t)(ceiling < RETRY_CAP_MS ? ceiling : RETRY_CAP_MS));
}

static const char *
describe(void *ctx, const struct sns_fault *f)
{
	const char *text = talloc_asprintf(ctx, "%s%s%s", f->code, *f->code ? ": " : "", f->message);

	return text ? text : "no memory";
}

/* The whole request failed: the events are due again at once, it is the breaker that waits. */
static void
give_back(const struct sns_fault *fault, size_t n, struct failure *failures, void *ctx)
{
	const char *error = describe(ctx, fault);

	log_warn(fault->rc == RC_SNS_REFUSED ? "sns.refused" : "sns.unavailable",
		 log_i64("events", (int64_t)n), log_text("error", error));
	for (size_t i = 0; i < n; i++)
		failures[i] = (struct failure){ .error = error, .retry_ms = 0 };
}

static void
judge_entries(const struct event *events, const int *attempts, const struct sns_fault *results, size_t n,
	      struct failure *failures, void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		bool parked = results[i].rc == RC_SNS_MESSAGE;

		failures[i] = (struct failure){ 0 };
		if (!results[i].rc)
			continue;
		failures[i].error = describe(ctx, &results[i]);
		failures[i].retry_ms = parked ? -1 : retry_delay_ms(attempts ? attempts[i] : 1);
		log_warn(parked ? "sns.parked" : "sns.message_failed", log_text("event_id", events[i].id),
			 log_i64("order_id", events[i].order_id), log_text("error", failures[i].error));
	}
}

/* Sends events and settles what became of them; returns how many SNS has judged, 0 when it did not answer. */
static size_t
send_some(struct publisher *p, void *ctx, const struct event *events, const int *attempts, size_t n)
{
	struct sns_fault results[SNS_BATCH_MAX], fault = { .rc = RC_NO_MEMORY };
	struct failure failures[SNS_BATCH_MAX];
	size_t sent = n;
	enum rc rc = sns_publish(p->sns, ctx, events, &sent, results, &fault);

	if (rc != RC_NO_MEMORY)
		breaker_report(p->breaker, rc == RC_SNS_THROTTLED ? &throttled : &policy, rc == RC_OK);
	if (rc) {
		give_back(&fault, n, failures, ctx);
		sent = n;
	} else {
		judge_entries(events, attempts, results, sent, failures, ctx);
	}
	if (store_settle_events(p->pg, ctx, events, failures, sent))
		log_warn("outbox.unsettled", log_i64("events", (int64_t)sent));
	return rc ? 0 : sent;
}

static void
send_all(struct publisher *p, void *ctx, const struct event *events, const int *attempts, size_t n)
{
	struct failure failures[SNS_BATCH_MAX];
	const struct sns_fault closed = { .message = "SNS is not tried now" };
	size_t sent;

	while (n && breaker_admits(p->breaker, &policy)) {
		sent = send_some(p, ctx, events, attempts, n);
		if (!sent)
			return;
		events += sent;
		attempts = attempts ? attempts + sent : NULL;
		n -= sent;
	}
	if (n) {
		give_back(&closed, n, failures, ctx);
		if (store_settle_events(p->pg, ctx, events, failures, n))
			log_warn("outbox.unsettled", log_i64("events", (int64_t)n));
	}
}

/* What a long request has kept waiting until its lease is nearly over is left to whoever sweeps it. */
static void
send_gathered(struct publisher *p)
{
	if (clock_ms() - p->gathered_since_ms < LEASE_MS - SETTLE_MS)
		send_all(p, p->memory, p->gathered, NULL, p->n);
	talloc_free(p->memory);
	p->memory = NULL;
	p->n = 0;
}

static void
sweep(struct publisher *p)
{
	void *ctx = talloc_new(p);
	struct event *events;
	int *attempts;
	size_t n = 0;

	if (ctx && breaker_is_willing(p->breaker, &policy)) {
		if (store_claim_due(p->pg, ctx, SNS_BATCH_MAX, LEASE_MS, &events, &attempts, &n))
			pool_sweep_in(p->pool, SWEEP_AFTER_FAULT_MS);
		if (n) {
			pool_sweep_in(p->pool, 0);
			send_all(p, ctx, events, attempts, n);
		}
	}
	talloc_free(ctx);
}

int
publisher_turn(struct publisher *p, bool busy)
{
	int64_t started = clock_us();

	if (p->n && (!busy || p->n == SNS_BATCH_MAX || clock_ms() - p->gathered_since_ms >= GATHER_MS))
		send_gathered(p);
	if (pool_sweep_due(p->pool, SWEEP_MS))
		sweep(p);
	p->spent_us += clock_us() - started;
	return pool_sweep_wait_ms(p->pool);
}

int64_t
publisher_take_spent_us(struct publisher *p)
{
	int64_t spent = p->spent_us;

	p->spent_us = 0;
	return spent;
}

enum health
publisher_health(struct publisher *p)
{
	return (enum health)atomic_load(&p->breaker->health);
}
