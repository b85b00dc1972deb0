#include "api/publish.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "api/suspects.h"
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
#define SWEEP_MAX 100		  /* events that a sweep takes, with one claim and one settlement */
#define SWEEP_AFTER_FAULT_MS 2000 /* of the database */
#define OVERDUE_MS 200		  /* that nobody was idle when it was time to look: then somebody busy does */
#define LOOK_MS 5000		  /* between the pool's looks at how much the outbox owes */
#define LOOK_LATE_MS 10000	  /* that nobody was idle for one: then somebody busy does */
#define LOOK_AFTER_FAULT_MS 30000 /* of one of them */
#define SWEEPERS 1		  /* their places are not those of who publishes what it has made itself */
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
	struct suspects suspects;
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
	p->sweepers.max = (p->places.max + 3) / 4;
	p->sweepers.which = SWEEPERS; /* those that publish must not keep them out, however slow SNS is */
	if (p->places.max > p->sweepers.max)
		p->places.max -= p->sweepers.max;
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

/* Events on their way, and what has become of them. */
struct lot {
	struct publisher *p;
	void *ctx;
	const struct event *events;
	const int *attempts; /* NULL: one each */
	struct failure *failures;
	size_t n, done;
	const char *error; /* why the rest was not sent */
	bool took;	   /* the last request took something */
	/* The last event was refused alone, and it is not clear yet whether SNS refuses it or everybody. */
	bool unclear;
	struct sns_fault doubt; /* in these words */
};

static void
fail_one(struct lot *l, size_t i, const struct sns_fault *fault, int retry_ms)
{
	l->failures[i] = (struct failure){ .error = describe(l->ctx, fault), .retry_ms = retry_ms };
	log_warn(retry_ms < 0 ? "sns.parked" : "sns.message_failed", log_text("event_id", l->events[i].id),
		 log_i64("order_id", l->events[i].order_id), log_text("error", l->failures[i].error));
}

/* SNS refuses this one while it takes others. */
static void
suspect(struct lot *l, size_t i, const struct sns_fault *fault)
{
	fail_one(l, i, fault, suspects_strike(&l->p->suspects, l->events[i].id));
}

static int
attempt_of(const struct lot *l, size_t i)
{
	return l->attempts ? l->attempts[i] : 1;
}

static void
judge_entries(struct lot *l, const struct sns_fault *results, size_t n)
{
	bool took = false;

	for (size_t i = 0; i < n; i++)
		took = took || !results[i].rc;
	if (took && l->unclear)
		suspect(l, l->done - 1, &l->doubt);
	for (size_t i = 0; i < n; i++) {
		size_t at = l->done + i;

		l->failures[at] = (struct failure){ 0 };
		if (results[i].unexplained && took)
			suspect(l, at, &results[i]);
		else if (results[i].rc)
			fail_one(l, at, &results[i],
				 results[i].rc == RC_SNS_MESSAGE ? -1 : retry_delay_ms(attempt_of(l, at)));
	}
	l->took = took;
	l->unclear = false;
}

/* The next event was refused alone, in words that do not say whose fault it is. Beside others that are taken it is its own.
 * False: the one before it was, too, so SNS takes nothing. */
static bool
doubt(struct lot *l, const struct sns_fault *fault)
{
	bool again = l->unclear;

	/* Behind the others that wait, lest it be among the first again. */
	l->failures[l->done] = (struct failure){ .error = describe(l->ctx, fault),
						 .retry_ms = retry_delay_ms(attempt_of(l, l->done)) };
	l->error = l->failures[l->done].error;
	if (l->took)
		suspect(l, l->done, fault);
	l->unclear = !l->took;
	l->doubt = *fault;
	l->took = false;
	l->done++;
	return !again;
}

/* What became of those that were tried. */
static void
count_tried(const struct failure *failures, size_t n)
{
	for (size_t i = 0; i < n; i++)
		metrics_count(!failures[i].error	 ? COUNT_EVENTS_PUBLISHED
			      : failures[i].retry_ms < 0 ? COUNT_EVENTS_PARKED
							 : COUNT_EVENTS_FAILED,
			      1);
}

static void
settle(struct publisher *p, void *ctx, const struct event *events, const struct failure *failures, size_t n)
{
	if (store_settle_events(p->pg, ctx, events, failures, n))
		log_warn("outbox.unsettled", log_i64("events", (int64_t)n));
}

/* Sends as many of the lot as one request carries. False: SNS did not take it upon itself to judge them. */
static bool
send_some(struct lot *l)
{
	struct sns_fault results[SNS_BATCH_MAX], fault = { .rc = RC_NO_MEMORY };
	struct breaker *breaker = l->p->breaker;
	size_t left = l->n - l->done, sent = left < SNS_BATCH_MAX ? left : SNS_BATCH_MAX;
	enum rc rc = sns_publish(l->p->sns, l->ctx, l->events + l->done, &sent, results, &fault);

	if (rc == RC_SNS_REFUSED && fault.unexplained)
		return doubt(l, &fault);
	if (rc != RC_NO_MEMORY)
		breaker_report(breaker, &policy, rc == RC_OK);
	if (rc) {
		metrics_count(COUNT_EVENTS_FAILED, sent);
		l->unclear = false;
		l->error = report_failure(&fault, left, l->ctx);
		return false;
	}
	judge_entries(l, results, sent);
	l->done += sent;
	return true;
}

/* Sends them while SNS and the lease allow it; the rest is due again at once, for whoever sweeps. */
static void
send_all(struct publisher *p, void *ctx, const struct event *events, const int *attempts, size_t n,
	 int64_t until_ms)
{
	struct failure failures[SWEEP_MAX];
	struct lot l = { .p = p,
			 .ctx = ctx,
			 .events = events,
			 .attempts = attempts,
			 .failures = failures,
			 .n = n,
			 .error = "SNS is not tried now" };
	bool more = true;

	while (more && l.done < n && clock_ms() < until_ms &&
	       (l.unclear || breaker_admits(p->breaker, &policy)))
		more = send_some(&l);
	if (l.unclear) {
		breaker_report(p->breaker, &policy, false);
		(void)report_failure(&l.doubt, n - l.done + 1, ctx);
	}
	count_tried(failures, l.done);
	give_back(l.error, n - l.done, failures + l.done);
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
