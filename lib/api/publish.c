#include "api/publish.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "remote/sns.h"
#include "store/outbox.h"

#define LEASE_MS 5000  /* for publishing and settling; then somebody else may */
#define SETTLE_MS 3000 /* of it, for publishing and settling */
#define GATHER_MS                                                                                            \
	100 /* that a new event waits for others while requests are waiting, beside the one at work */
#define SWEEP_MS 500		  /* between the pool's looks for waiting events */
#define SWEEP_MAX 40		  /* events that a sweep takes, with one claim and one settlement */
#define SWEEP_AFTER_FAULT_MS 2000 /* of the database */
#define OVERDUE_MS 200		  /* that nobody was idle when it was time to look: then somebody busy does */
#define LOOK_MS 5000		  /* between the pool's looks at how much the outbox owes */
#define LOOK_LATE_MS 10000	  /* that nobody was idle for one: then somebody busy does */
#define LOOK_AFTER_FAULT_MS 30000 /* of one of them */
#define AGAIN_MS 20		  /* until the next try to get a place among those that publish */
#define RETRY_FIRST_MS 250
#define BACK_OFF_CAP_MS                                                                                      \
	1000 /* with a probe that hangs and a sweep, under 4 s from SNS's return to the first event */

static const struct breaker_policy policy = {
	.threshold = 1,
	.first_ms = RETRY_FIRST_MS,
	.cap_ms = BACK_OFF_CAP_MS,
	.probe_ms = 5000,
};

struct publisher {
	struct pool *pool;
	struct slot *slot;
	struct places places; /* among those that publish: SNS may be slow */
	struct places
		sweepers; /* among those that look for waiting events: a backlog must leave time for requests */
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
publisher_open(void *ctx, const struct config *config, struct pool *pool, struct slot *slot, struct pg *pg)
{
	struct publisher *p = talloc_zero(ctx, struct publisher);

	if (!p)
		return NULL;
	p->pool = pool;
	p->slot = slot;
	p->places = (struct places){ .max = config_half_pool(config),
				     .longest_ms = LEASE_MS + 2 * PG_CALL_MS };
	p->sweepers = p->places;
	p->sweepers.max = (p->places.max + 1) / 2;
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

/* NULL is copied, too; false without memory. */
static bool
copy_text(void *ctx, const char **to, const char *from)
{
	*to = talloc_strdup(ctx, from);
	return !from || *to;
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
	if (!copy_text(memory, &to->id, e->id) || !copy_text(memory, &to->request_id, e->request_id) ||
	    !copy_text(memory, &to->traceparent, e->traceparent) ||
	    !copy_text(memory, &to->email, e->email) || !copy_text(memory, &to->reason, e->reason) ||
	    !copy_text(memory, &to->note, e->note) || (e->n && !copy_items(memory, to, e))) {
		talloc_free(memory);
		return;
	}
	if (p->n++ == 0)
		p->gathered_since_ms = clock_ms();
}

static int
retry_delay_ms(int attempts)
{
	int ceiling = attempts > 3 ? BACK_OFF_CAP_MS : RETRY_FIRST_MS << attempts;

	return 1 + (int)id_random((uint32_t)(ceiling < BACK_OFF_CAP_MS ? ceiling : BACK_OFF_CAP_MS));
}

static const char *
describe(void *ctx, const struct sns_fault *f)
{
	const char *text = talloc_asprintf(ctx, "%s%s%s", f->code, *f->code ? ": " : "", f->message);

	return text ? text : "no memory";
}

/* The events are due again at once: it is the breaker that waits. */
static void
give_back(const char *error, size_t n, struct failure *failures)
{
	for (size_t i = 0; i < n; i++)
		failures[i] = (struct failure){ .error = error, .retry_ms = 0 };
}

/* SNS refuses every signature of a clock that is wrong, and says so in several ways. */
static void
report_clock(const struct sns_fault *fault, const char *error, int64_t now_us)
{
	char here[RFC3339_SIZE], there[RFC3339_SIZE];
	bool known = fault->answered_us && clock_rfc3339(fault->answered_us, there) == RC_OK;
	const struct log_field fields[] = {
		log_text("local_time", clock_rfc3339(now_us, here) == RC_OK ? here : NULL),
		log_text("aws_time", known ? there : NULL),
		log_text("hint", "set the clock, by NTP for instance: AWS allows 5 minutes"),
		log_text("error", error),
	};

	log_write(LOG_ERROR, "sns.clock", fields, sizeof fields / sizeof *fields);
}

/* The whole request failed. */
static const char *
report_failure(const struct sns_fault *fault, size_t n, void *ctx)
{
	const char *error = describe(ctx, fault);
	const char *event = fault->rc == RC_SNS_REFUSED	    ? "sns.refused"
			    : fault->rc == RC_SNS_THROTTLED ? "sns.throttled"
							    : "sns.unavailable";
	int64_t now_us = clock_wall_us();

	if (sns_fault_blames_clock(fault, now_us))
		report_clock(fault, error, now_us);
	else
		log_warn(event, log_i64("events", (int64_t)n), log_text("error", error),
			 log_text("hint", sns_fault_hint(fault)));
	return error;
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

static void
count_entries(const struct sns_fault *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		metrics_count(!results[i].rc			? COUNT_EVENTS_PUBLISHED
			      : results[i].rc == RC_SNS_MESSAGE ? COUNT_EVENTS_PARKED
								: COUNT_EVENTS_FAILED,
			      1);
}

static void
settle(struct publisher *p, void *ctx, const struct event *events, const struct failure *failures, size_t n)
{
	if (store_settle_events(p->pg, ctx, events, failures, n))
		log_warn("outbox.unsettled", log_i64("events", (int64_t)n));
}

/* Sends as many of n events as one request carries; returns how many SNS has judged, 0 when it did not answer: then *error says why. */
static size_t
send_some(struct publisher *p, void *ctx, const struct event *events, const int *attempts, size_t n,
	  struct failure *failures, const char **error)
{
	struct sns_fault results[SNS_BATCH_MAX], fault = { .rc = RC_NO_MEMORY };
	size_t sent = n < SNS_BATCH_MAX ? n : SNS_BATCH_MAX;
	enum rc rc = sns_publish(p->sns, ctx, events, &sent, results, &fault);

	if (rc != RC_NO_MEMORY)
		breaker_report(p->breaker, &policy, rc == RC_OK);
	if (rc) {
		metrics_count(COUNT_EVENTS_FAILED, sent);
		*error = report_failure(&fault, n, ctx);
		return 0;
	}
	count_entries(results, sent);
	judge_entries(events, attempts, results, sent, failures, ctx);
	return sent;
}

/* Sends them while SNS and the lease allow it; the rest is due again at once, for whoever sweeps. */
static void
send_all(struct publisher *p, void *ctx, const struct event *events, const int *attempts, size_t n,
	 int64_t until_ms)
{
	struct failure failures[SWEEP_MAX];
	const char *error = "SNS is not tried now";
	size_t done = 0, sent = 1;

	while (sent && done < n && clock_ms() < until_ms && breaker_admits(p->breaker, &policy)) {
		sent = send_some(p, ctx, events + done, attempts ? attempts + done : NULL, n - done,
				 failures + done, &error);
		done += sent;
	}
	give_back(error, n - done, failures + done);
	settle(p, ctx, events, failures, n);
}

static bool
enter(struct publisher *p, const struct places *places)
{
	return pool_enter(p->pool, p->slot, WAIT_SNS, places);
}

/* Those that found no place in time, or have waited until their lease is nearly over, are left to whoever sweeps. */
static void
send_gathered(struct publisher *p, int64_t age_ms)
{
	bool entered = enter(p, &p->places);

	if (!entered && p->n < SNS_BATCH_MAX && age_ms < GATHER_MS)
		return;
	metrics_doing(DOING_PUBLISHING, -1, clock_ms());
	send_all(p, p->memory, p->gathered, NULL, p->n,
		 entered ? p->gathered_since_ms + LEASE_MS - SETTLE_MS : 0);
	if (entered)
		pool_exit(p->slot);
	talloc_free(p->memory);
	p->memory = NULL;
	p->n = 0;
}

/* False: the database is not to be asked now. */
static bool
sweep(struct publisher *p)
{
	void *ctx = talloc_new(p);
	struct event *events;
	int *attempts;
	int64_t until = clock_ms() + LEASE_MS - SETTLE_MS;
	int most = breaker_is_open(p->breaker, &policy) ? SNS_BATCH_MAX : SWEEP_MAX;
	size_t n = 0;
	bool good = true;

	if (ctx && breaker_is_willing(p->breaker, &policy)) {
		if (store_claim_due(p->pg, ctx, most, LEASE_MS, &events, &attempts, &n)) {
			pool_sweep_in(p->pool, SWEEP_AFTER_FAULT_MS);
			good = false;
		}
		if (n) {
			pool_sweep_in(p->pool, 0);
			metrics_doing(DOING_SWEEPING, -1, clock_ms());
			send_all(p, ctx, events, attempts, n, until);
		}
	}
	talloc_free(ctx);
	return good;
}

/* How much is owed, for those who watch. What cannot be learnt, the database being away, stays as it was, with its time. */
static void
look_at_outbox(struct publisher *p)
{
	void *ctx = talloc_new(p);
	int64_t waiting, parked, oldest_us;

	if (ctx && store_outbox_stats(p->pg, ctx, &waiting, &parked, &oldest_us) == RC_OK)
		metrics_outbox(waiting, parked, oldest_us);
	else
		metrics_look_in(LOOK_AFTER_FAULT_MS);
	talloc_free(ctx);
}

/* Returns the ms until the next look. */
static int
sweep_if_due(struct publisher *p, bool busy)
{
	if (!pool_sweep_is_due(p->pool, busy ? OVERDUE_MS : 0))
		return pool_sweep_wait_ms(p->pool);
	if (!enter(p, &p->sweepers))
		return AGAIN_MS;
	if (pool_sweep_due(p->pool, SWEEP_MS)) {
		if (sweep(p) && metrics_look_due(LOOK_MS, busy ? LOOK_LATE_MS : 0))
			look_at_outbox(p);
	}
	pool_exit(p->slot);
	return pool_sweep_wait_ms(p->pool);
}

int
publisher_turn(struct publisher *p, bool busy)
{
	int64_t started = clock_us(), age_ms = clock_ms() - p->gathered_since_ms;
	int wait_ms;

	if (p->n && (!busy || p->n == SNS_BATCH_MAX || age_ms >= GATHER_MS))
		send_gathered(p, age_ms);
	wait_ms = sweep_if_due(p, busy);
	p->spent_us += clock_us() - started;
	return p->n && wait_ms > AGAIN_MS ? AGAIN_MS : wait_ms;
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
