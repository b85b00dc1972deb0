/* ordersctl outbox retry, discard: what is done about events. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <talloc.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/progress.h"
#include "ctl/table.h"
#include "store/operator.h"
#include "store/outbox.h"
#include "json/write.h"

#define PARKED_BATCH 200
#define BY_MAX 255

/* One kind of change: to up to OUTBOX_BATCH events, and of which states an event is to be for it. */
struct change {
	const char *would, *doing; /* for --dry-run, for the bar */
	enum rc (*apply)(struct ctl *c, const char *const *ids, size_t n, struct event_outcome **out);
};

/* In words. done: something was changed; known: there is such an event. */
static const struct {
	const char *outcome;
	const char *text;
	bool good;
	enum paint paint;
} outcomes[] = {
	{ "retried", "due now", true, PAINT_GOOD },
	{ "discarded", "discarded", true, PAINT_GOOD },
	{ "would_retry", "would be due now", true, PAINT_NONE },
	{ "would_discard", "would be discarded", true, PAINT_NONE },
	{ "sent", "nothing to do: sent already", true, PAINT_FAINT },
	{ "discarded_before", "nothing to do: discarded before", true, PAINT_FAINT },
	{ "none", "nothing to do: no event was ever owed", true, PAINT_FAINT },
	{ "unknown", "unknown: no event has this id", false, PAINT_BAD },
};

static size_t
find_outcome(const char *outcome)
{
	size_t i = 0;

	while (i + 1 < sizeof outcomes / sizeof *outcomes && strcmp(outcomes[i].outcome, outcome) != 0)
		i++;
	return i;
}

static enum rc
apply_retry(struct ctl *c, const char *const *ids, size_t n, struct event_outcome **out)
{
	return store_outbox_retry(c->pg, c->ctx, ids, n, out);
}

/* Who acts: behind sudo the user who called it. */
static const char *
who(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *user = name && *name ? NULL : getpwuid(getuid());

	return name && *name ? name : user ? user->pw_name : "unknown";
}

static enum rc
apply_discard(struct ctl *c, const char *const *ids, size_t n, struct event_outcome **out)
{
	return store_outbox_discard(c->pg, c->ctx, ids, n, c->by, c->opt->reason, out);
}

static const struct change retry = { "would_retry", "retrying", apply_retry };
static const struct change discard = { "would_discard", "discarding", apply_discard };

/* What --dry-run says: events are found in the order of their ids, and some are not found. */
static enum rc
foresee(struct ctl *c, const struct change *change, const char *const *ids, size_t n,
	struct event_outcome **out)
{
	struct event_outcome *outcomes_of = talloc_zero_array(c->ctx, struct event_outcome, (unsigned)n);
	struct event_state *events;
	size_t found, at = 0;
	enum rc rc = store_outbox_events(c->pg, c->ctx, ids, n, &events, &found);

	if (rc || !outcomes_of)
		return rc ? rc : RC_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		bool is_next = at < found && strcasecmp(events[at].event_id, ids[i]) == 0;
		const char *state = is_next ? events[at++].state : "unknown";
		bool owed = strcmp(state, "waiting") == 0 || strcmp(state, "parked") == 0;

		(void)snprintf(outcomes_of[i].event_id, UUID_SIZE, "%s", ids[i]);
		outcomes_of[i].outcome = owed				   ? change->would
					 : strcmp(state, "discarded") == 0 ? "discarded_before"
									   : state;
	}
	*out = outcomes_of;
	return RC_OK;
}

static void
put_outcomes(struct ctl *c, struct table *t, const struct event_outcome *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = find_outcome(o[i].outcome);

		if (c->opt->json) {
			json_open_object(&c->out, NULL);
			json_add_text(&c->out, "event_id", o[i].event_id);
			json_add_text(&c->out, "outcome", o[i].outcome);
			json_close(&c->out, '}');
		} else {
			table_add(t, o[i].event_id);
			table_add_painted(t, outcomes[k].text, outcomes[k].paint);
		}
	}
}

/* The ids of the command line, in batches. 1: there is no event for one of them. What was done is said in any case. */
static int
change_each(struct ctl *c, const struct change *change)
{
	static const struct column columns[] = { { "EVENT", false }, { "OUTCOME", false } };
	const char *const *ids = (const char *const *)c->args;
	size_t n = (size_t)c->n_args;
	struct progress bar;
	struct table t;
	int status = EX_OK;
	enum rc rc = RC_OK;

	table_init(&t, c->ctx, columns, 2, c->colored);
	if (c->opt->json)
		json_open_array(&c->out, NULL);
	progress_begin(&bar, change->doing, (int64_t)n);
	for (size_t done = 0, batch; done < n; done += batch) {
		struct event_outcome *o;

		batch = n - done < OUTBOX_BATCH ? n - done : OUTBOX_BATCH;
		rc = c->opt->dry_run ? foresee(c, change, ids + done, batch, &o)
				     : change->apply(c, ids + done, batch, &o);
		if (rc)
			break;
		put_outcomes(c, &t, o, batch);
		for (size_t i = 0; i < batch; i++)
			status = outcomes[find_outcome(o[i].outcome)].good ? status : 1;
		progress_at(&bar, (int64_t)(done + batch));
	}
	progress_end(&bar);
	if (c->opt->json) {
		json_close(&c->out, ']');
		buf_putc(&c->out, '\n');
	} else {
		table_put(&t, &c->out, c->width);
	}
	return rc ? ctl_database_failed(rc) : status;
}

static void
put_parked(struct ctl *c, int64_t n)
{
	char text[FORMAT_SIZE];

	if (!c->opt->json) {
		buf_puts(&c->out, format_count(text, n));
		buf_puts(&c->out, c->opt->dry_run ? " parked events would be due now\n"
						  : " parked events are due now\n");
		return;
	}
	json_open_object(&c->out, NULL);
	json_add_i64(&c->out, c->opt->dry_run ? "would_retry" : "retried", n);
	json_close(&c->out, '}');
	buf_putc(&c->out, '\n');
}

/* All that were parked when it began. */
static int
retry_parked(struct ctl *c)
{
	int64_t done = 0, before_us = 0, n, waiting, parked, oldest_us;
	struct progress bar;
	enum rc rc = store_outbox_stats(c->pg, c->ctx, &waiting, &parked, &oldest_us);

	if (rc)
		return ctl_database_failed(rc);
	if (c->opt->dry_run) {
		put_parked(c, parked);
		return EX_OK;
	}
	progress_begin(&bar, retry.doing, parked);
	do {
		rc = store_outbox_retry_parked(c->pg, c->ctx, &before_us, PARKED_BATCH, &n);
		if (!rc)
			progress_at(&bar, done += n);
	} while (!rc && before_us);
	progress_end(&bar);
	put_parked(c, done);
	return rc ? ctl_database_failed(rc) : EX_OK;
}

int
ctl_outbox_retry(struct ctl *c)
{
	int status;

	if ((c->n_args == 0) != c->opt->parked) {
		ctl_say("outbox retry: ids of events, or --parked for all that are parked");
		return EX_USAGE;
	}
	status = ctl_database(c);
	if (status)
		return status;
	return c->opt->parked ? retry_parked(c) : change_each(c, &retry);
}

int
ctl_outbox_discard(struct ctl *c)
{
	int status;

	if (!c->opt->reason) {
		ctl_say("outbox discard: --reason TEXT says why, for who asks later");
		return EX_USAGE;
	}
	c->by = talloc_strndup(c->ctx, who(),
			       BY_MAX); /* now: root may become another user for the database */
	if (!c->by)
		return ctl_database_failed(RC_NO_MEMORY);
	status = ctl_database(c);
	return status ? status : change_each(c, &discard);
}
