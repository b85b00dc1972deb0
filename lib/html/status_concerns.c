/* What on the page /status wants somebody's attention, and from which figure on. docs/operations.md says what to do. */
#include "html/html.h"
#include "html/status_parts.h"

#define LONG_REQUEST_MS 3000 /* an answer that takes longer is one that somebody waits for */
#define OLD_EVENT_MS 30000   /* SNS is found again within seconds of its return */
#define OLD_LOOK_US INT64_C(60000000)

static void
open_item(struct buf *b, const char *level, const char *what)
{
	buf_puts(b, "<li class=\"");
	buf_puts(b, level);
	buf_puts(b, "\"><b>");
	html_text(b, what);
	buf_puts(b, "</b> ");
}

static int
close_item(struct buf *b)
{
	buf_puts(b, "</li>\n");
	return 1;
}

/* A web server that starts workers as requests come (mod_fcgid) may not have wanted all of them yet. */
static int
put_missing_workers(struct buf *b, const struct view *v)
{
	if ((int64_t)v->n_workers >= v->workers_wanted || v->totals.started < (uint64_t)v->workers_wanted)
		return 0;
	open_item(b, "bad", "workers");
	html_count(b, (int64_t)v->n_workers);
	buf_puts(b, " of ");
	html_count(b, v->workers_wanted);
	buf_puts(b, " are there");
	return close_item(b);
}

static int
put_neighbour(struct buf *b, const struct neighbour_view *n)
{
	if (!n->open && n->health != HEALTH_FAILING)
		return 0;
	open_item(b, "bad", n->name);
	buf_puts(b, "failing");
	if (n->failures) {
		buf_puts(b, n->failures == 1 ? ", once" : ", ");
		if (n->failures > 1) {
			html_count(b, n->failures);
			buf_puts(b, " times in a row");
		}
	}
	if (n->open)
		buf_puts(b, "; breaker open");
	return close_item(b);
}

static int
put_neighbours(struct buf *b, const struct view *v)
{
	int n = 0;

	for (size_t i = 0; i < NEIGHBOURS; i++)
		n += put_neighbour(b, &v->neighbours[i]);
	return n;
}

static int
put_errors(struct buf *b, const struct view *v)
{
	const struct sample_view *s = view_now(v);

	if (!s || !(s->errors_per_s > 0))
		return 0;
	open_item(b, "bad", "requests");
	html_rate(b, s->errors_per_s);
	buf_puts(b, " of ");
	html_rate(b, s->requests_per_s);
	buf_puts(b, " a second answered with a 5xx");
	return close_item(b);
}

static int
put_long_requests(struct buf *b, const struct view *v)
{
	const struct worker_view *longest = NULL;
	int n = 0;

	for (size_t i = 0; i < v->n_workers; i++) {
		const struct worker_view *w = &v->workers[i];

		if (w->doing != DOING_REQUEST || w->since_ms < LONG_REQUEST_MS)
			continue;
		n++;
		if (!longest || w->since_ms > longest->since_ms)
			longest = w;
	}
	if (!longest)
		return 0;
	open_item(b, "warn", "workers");
	html_count(b, n);
	buf_puts(b, n == 1 ? " at its request for " : " at their requests for up to ");
	html_duration(b, (double)longest->since_ms);
	if (longest->waits_for) {
		buf_puts(b, "; waits for ");
		html_text(b, longest->waits_for);
	}
	return close_item(b);
}

static int
put_outbox(struct buf *b, const struct view *v)
{
	const struct outbox_view *o = &v->outbox;
	int n = 0;

	if (o->waiting && o->age_ms >= OLD_EVENT_MS) {
		open_item(b, "warn", "outbox");
		html_count(b, o->waiting);
		buf_puts(b, o->waiting == 1 ? " event waits, for " : " events wait, the oldest for ");
		html_duration(b, (double)o->age_ms);
		n += close_item(b);
	}
	if (o->parked) {
		open_item(b, "warn", "outbox");
		html_count(b, o->parked);
		buf_puts(b, " parked: refused by SNS, somebody has to decide");
		n += close_item(b);
	}
	if (o->looked_at_us && v->at_us - o->looked_at_us > OLD_LOOK_US) {
		open_item(b, "warn", "outbox");
		buf_puts(b, "nobody has been able to look for ");
		html_duration(b, (double)(v->at_us - o->looked_at_us) / 1000);
		n += close_item(b);
	}
	return n;
}

int
status_put_concerns(struct buf *b, const struct view *v)
{
	static int (*const concerns[])(struct buf * b, const struct view *v) = {
		put_missing_workers, put_neighbours, put_errors, put_long_requests, put_outbox,
	};
	int n = 0;

	for (size_t i = 0; i < sizeof concerns / sizeof *concerns; i++)
		n += concerns[i](b, v);
	return n;
}
