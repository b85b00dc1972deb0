#include "ctl/events.h"

#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "ctl/format.h"
#include "ctl/table.h"
#include "json/write.h"

#define LABEL "%-16s"

static enum paint
paint_of(const char *state)
{
	static const struct {
		const char *state;
		enum paint paint;
	} paints[] = {
		{ "waiting", PAINT_WARN },  { "parked", PAINT_BAD }, { "sent", PAINT_GOOD },
		{ "discarded", PAINT_BAD }, { "none", PAINT_FAINT },
	};

	for (size_t i = 0; i < sizeof paints / sizeof *paints; i++)
		if (strcmp(state, paints[i].state) == 0)
			return paints[i].paint;
	return PAINT_NONE;
}

/* "pending -> confirmed", "pending" of a creation. */
static const char *
step_of(void *ctx, const struct event_state *e)
{
	const char *to = status_name(e->new_status);
	const char *step = e->version == 1 ? to
					   : talloc_asprintf(ctx, "%s -> %s", status_name(e->old_status), to);

	return step ? step : to;
}

/* What keeps it, or what became of it. */
static const char *
remark(void *ctx, const struct event_state *e)
{
	const char *text = e->last_error;

	if (e->discarded_us)
		text = talloc_asprintf(ctx, "by %s: %s", e->discarded_by, e->discard_reason);
	else if (e->waits_for)
		text = talloc_asprintf(ctx, "behind version %d", e->waits_for);
	return text ? text : "";
}

/* How often a sweep tried is forgotten when it is sent. */
static bool
counts_attempts(const struct event_state *e)
{
	return strcmp(e->state, "sent") != 0 && strcmp(e->state, "none") != 0;
}

static const char *
attempts(char text[static FORMAT_SIZE], const struct event_state *e)
{
	return counts_attempts(e) ? format_count(text, e->attempts) : "";
}

/* How long until the next attempt; "now", and empty where there will be none. */
static const char *
next_attempt(char text[static FORMAT_SIZE], const struct event_state *e)
{
	int64_t left_ms = (e->next_attempt_us - clock_wall_us()) / 1000;

	if (!e->next_attempt_us || e->parked_us)
		return "";
	return left_ms > 0 ? format_span(text, left_ms) : "now";
}

/* Why the change was made: "fraud: seen before". */
static const char *
reason_of(void *ctx, const struct event_state *e)
{
	const char *text = e->reason ? e->reason : e->note;

	if (e->reason && e->note)
		text = talloc_asprintf(ctx, "%s: %s", e->reason, e->note);
	return text ? text : "";
}

static const struct column list_columns[] = {
	{ "ORDER", true },  { "USER", true }, { "VERSION", true }, { "STATUS", false },
	{ "SINCE", false }, { "BY", true },   { "EVENT", false },  { "STATE", false },
	{ "TRIES", true },  { "NEXT", true }, { "REMARK", false },
};
static const struct column order_columns[] = {
	{ "VERSION", true }, { "STATUS", false }, { "SINCE", false }, { "BY", true },	{ "REASON", false },
	{ "EVENT", false },  { "STATE", false },  { "TRIES", true },  { "NEXT", true }, { "REMARK", false },
};

#define N(array) (sizeof(array) / sizeof *(array))

void
events_put_table(struct ctl *c, const struct event_state *events, size_t n, bool of_one_order)
{
	char text[FORMAT_SIZE];
	struct table t;

	table_init(&t, c->ctx, of_one_order ? order_columns : list_columns,
		   of_one_order ? N(order_columns) : N(list_columns), c->colored);
	for (size_t i = 0; i < n; i++) {
		const struct event_state *e = &events[i];

		if (!of_one_order) {
			table_addf(&t, "%lld", (long long)e->order_id);
			table_addf(&t, "%lld", (long long)e->user_id);
		}
		table_addf(&t, "%d", e->version);
		table_add(&t, step_of(c->ctx, e));
		table_add(&t, format_time(text, e->changed_us));
		table_addf(&t, "%lld", (long long)e->changed_by);
		if (of_one_order)
			table_add(&t, reason_of(c->ctx, e));
		table_add(&t, e->event_id);
		table_add_painted(&t, e->state, paint_of(e->state));
		table_add(&t, attempts(text, e));
		table_add(&t, next_attempt(text, e));
		table_add(&t, remark(c->ctx, e));
	}
	table_put(&t, &c->out, c->width);
}

/* NULL and "": no line. */
static void
put_line(struct ctl *c, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	text_putf(&c->out, LABEL "%s", label, text);
	buf_putc(&c->out, '\n');
}

static void
put_time(struct ctl *c, const char *label, int64_t t_us)
{
	char text[FORMAT_SIZE];

	if (t_us)
		put_line(c, label, format_time(text, t_us));
}

static void
put_number(struct ctl *c, const char *label, int64_t n)
{
	text_putf(&c->out, LABEL "%lld", label, (long long)n);
	buf_putc(&c->out, '\n');
}

void
event_put_lines(struct ctl *c, const struct event_state *e)
{
	char text[FORMAT_SIZE];

	put_line(c, "Event", e->event_id);
	text_putf(&c->out, LABEL, "State");
	text_paint(&c->out, e->state, paint_of(e->state), c->colored);
	buf_putc(&c->out, '\n');
	text_putf(&c->out, LABEL "%lld of user %lld, version %d", "Order", (long long)e->order_id,
		  (long long)e->user_id, e->version);
	buf_putc(&c->out, '\n');
	put_line(c, "Status", step_of(c->ctx, e));
	put_time(c, "Changed at", e->changed_us);
	put_number(c, "Changed by", e->changed_by);
	put_line(c, "Reason", e->reason);
	put_line(c, "Note", e->note);
	put_line(c, "Request", e->request_id);
	put_line(c, "Attempts", attempts(text, e));
	put_line(c, "Last error", e->last_error);
	put_time(c, "Parked at", e->parked_us);
	put_line(c, "Next attempt", next_attempt(text, e));
	if (e->waits_for)
		put_number(c, "Behind version", e->waits_for);
	put_time(c, "Discarded at", e->discarded_us);
	put_line(c, "Discarded by", e->discarded_by);
	put_line(c, "Discarded for", e->discard_reason);
}

void
event_add_json(struct buf *b, const struct event_state *e)
{
	json_open_object(b, NULL);
	json_add_text(b, "event_id", e->event_id);
	json_add_text(b, "state", e->state);
	json_add_i64(b, "order_id", e->order_id);
	json_add_i64(b, "user_id", e->user_id);
	json_add_i64(b, "version", e->version);
	json_add_text(b, "old_status", e->version == 1 ? NULL : status_name(e->old_status));
	json_add_text(b, "new_status", status_name(e->new_status));
	json_add_time(b, "changed_at", e->changed_us);
	json_add_i64(b, "changed_by", e->changed_by);
	json_add_text(b, "reason", e->reason);
	json_add_text(b, "note", e->note);
	json_add_text(b, "request_id", e->request_id);
	if (counts_attempts(e))
		json_add_i64(b, "attempts", e->attempts);
	else
		json_add_null(b, "attempts");
	json_add_time(b, "next_attempt_at", e->parked_us ? 0 : e->next_attempt_us);
	json_add_time(b, "parked_at", e->parked_us);
	json_add_text(b, "last_error", e->last_error);
	if (e->waits_for)
		json_add_i64(b, "waits_for", e->waits_for);
	else
		json_add_null(b, "waits_for");
	json_add_time(b, "discarded_at", e->discarded_us);
	json_add_text(b, "discarded_by", e->discarded_by);
	json_add_text(b, "discard_reason", e->discard_reason);
	json_close(b, '}');
}
