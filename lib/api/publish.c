#include "api/publish.h"

#include <talloc.h>

#include "api/sender.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "remote/sns.h"
#include "store/outbox.h"

#define LEASE_MS 5000		  /* for publishing and settling; then somebody else may */
#define SETTLE_MS 3000		  /* of it, for the last request and settling */
#define GATHER_MS 100		  /* that a new event waits for others while requests are waiting */
#define SWEEP_MS 500		  /* between the pool's looks for waiting events */
#define SWEEP_MAX 100		  /* events that a sweep takes, with one claim and one settlement */
#define SWEEP_AFTER_FAULT_MS 2000 /* of the database */
#define OVERDUE_MS 200		  /* that nobody was idle when it was time to look: then somebody busy does */
#define LOOK_MS 5000		  /* between the pool's looks at how much the outbox owes */
#define LOOK_LATE_MS 10000	  /* that nobody was idle for one: then somebody busy does */
#define LOOK_AFTER_FAULT_MS 30000 /* of one of them */
#define SWEEPERS 1		  /* their places are not those of who publishes what it has made itself */
#define AGAIN_MS 20		  /* until the next try to get a place among those that publish */

struct publisher {
	struct pool *pool;
	struct slot *slot;
	struct places places;	/* among those that publish: SNS may be slow */
	struct places sweepers; /* among those that sweep: a backlog must leave time for requests */
	struct pg *pg;
	struct sender *sender;
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
	p->sweepers.max = (p->places.max + 3) / 4;
	p->sweepers.which = SWEEPERS; /* those that publish must not keep them out, however slow SNS is */
	if (p->places.max > p->sweepers.max)
		p->places.max -= p->sweepers.max;
	p->pg = pg;
	p->sender = sender_open(p, config, pool);
	return p->sender ? p : NULL;
}

int
publisher_lease_ms(struct publisher *p)
{
	return sender_keeps_away(p->sender) ? 0 : LEASE_MS;
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

/* While SNS and the lease allow it; what is left is for whoever sweeps. */
static void
send_and_settle(struct publisher *p, void *ctx, const struct event *events, const int *attempts, size_t n,
		int64_t until_ms)
{
	struct failure failures[SWEEP_MAX];

	sender_send(p->sender, ctx, events, attempts, n, until_ms, failures);
	if (store_settle_events(p->pg, ctx, events, failures, n))
		log_warn("outbox.unsettled", log_i64("events", (int64_t)n));
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
	send_and_settle(p, p->memory, p->gathered, NULL, p->n,
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
	int most = sender_is_cut_off(p->sender) ? SNS_BATCH_MAX : SWEEP_MAX;
	size_t n = 0;
	bool good = true;

	if (ctx && sender_is_willing(p->sender)) {
		if (store_claim_due(p->pg, ctx, most, LEASE_MS, &events, &attempts, &n)) {
			pool_sweep_in(p->pool, SWEEP_AFTER_FAULT_MS);
			good = false;
		}
		if (n) {
			pool_sweep_in(p->pool, 0);
			metrics_doing(DOING_SWEEPING, -1, clock_ms());
			send_and_settle(p, ctx, events, attempts, n, until);
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
	return sender_health(p->sender);
}
