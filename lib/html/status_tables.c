/* The tables of the page /status: workers, neighbours, totals, faults. */
#include <string.h>

#include "html/html.h"
#include "html/status_parts.h"

static void
open_cell(struct buf *b, const char *kind)
{
	buf_puts(b, "<td class=\"");
	buf_puts(b, kind);
	buf_puts(b, "\">");
}

static void
put_count_cell(struct buf *b, const char *kind, int64_t n)
{
	open_cell(b, kind);
	html_count(b, n);
	buf_puts(b, "</td>");
}

static void
put_duration_cell(struct buf *b, const char *kind, int64_t ms)
{
	open_cell(b, kind);
	html_duration(b, (double)ms);
	buf_puts(b, "</td>");
}

/* kind: "num" for figures, "wide" for what a narrow page leaves out. */
struct column {
	const char *kind, *name;
};

static void
open_table(struct buf *b, const char *id, const char *title, const struct column *columns)
{
	buf_puts(b, "<section aria-labelledby=\"");
	buf_puts(b, id);
	buf_puts(b, "\"><h2 id=\"");
	buf_puts(b, id);
	buf_puts(b, "\">");
	html_text(b, title);
	buf_puts(b, "</h2>\n<table aria-labelledby=\"");
	buf_puts(b, id);
	buf_puts(b, "\"><thead><tr>");
	for (; columns->name; columns++) {
		buf_puts(b, "<th scope=\"col\" class=\"");
		buf_puts(b, columns->kind);
		buf_puts(b, "\">");
		html_text(b, columns->name);
		buf_puts(b, "</th>");
	}
	buf_puts(b, "</tr></thead><tbody>\n");
}

static void
close_table(struct buf *b)
{
	buf_puts(b, "</tbody></table></section>\n");
}

static void
put_empty_row(struct buf *b, int columns, const char *text)
{
	buf_puts(b, "<tr><td class=\"empty\" colspan=\"");
	buf_put_i64(b, columns);
	buf_puts(b, "\">");
	html_text(b, text);
	buf_puts(b, "</td></tr>\n");
}

static void
put_worker(struct buf *b, const struct worker_view *w, int64_t at_us)
{
	buf_puts(b, "<tr class=\"");
	html_text(b, doing_name(w->doing));
	buf_puts(b, "\"><th scope=\"row\" class=\"num\">");
	buf_put_i64(b, w->pid);
	buf_puts(b, "</th><td class=\"doing\"><span class=\"mark\"></span>");
	html_text(b, doing_name(w->doing));
	if (w->route) {
		buf_puts(b, " <code>");
		html_text(b, w->route);
		buf_puts(b, "</code>");
	}
	if (w->waits_for) {
		buf_puts(b, " <span class=\"waits\">waits for ");
		html_text(b, w->waits_for);
		buf_putc(b, ' ');
		html_duration(b, (double)w->waits_ms);
		buf_puts(b, "</span>");
	}
	buf_puts(b, "</td>");
	put_duration_cell(b, "num", w->since_ms);
	put_count_cell(b, "num wide", (int64_t)w->requests);
	open_cell(b, "num wide");
	html_fixed(b, (double)w->rss_kb / 1024, 1);
	buf_puts(b, " MiB</td>");
	put_duration_cell(b, "num wide", (at_us - w->started_us) / 1000);
	buf_puts(b, "</tr>\n");
}

void
status_put_workers(struct buf *b, const struct view *v)
{
	static const struct column columns[] = {
		{ "num", "pid" },	  { "", "doing" },
		{ "num", "since" },	  { "num wide", "requests" },
		{ "num wide", "memory" }, { "num wide", "up" },
		{ NULL, NULL },
	};

	open_table(b, "workers", "Workers", columns);
	for (size_t i = 0; i < v->n_workers; i++)
		put_worker(b, &v->workers[i], v->at_us);
	if (!v->n_workers)
		put_empty_row(b, 6, "none");
	close_table(b);
}

static void
put_breaker(struct buf *b, const struct neighbour_view *n)
{
	buf_puts(b, n->open ? "open" : "closed");
	if (n->open) {
		buf_puts(b, ", retry ");
		if (n->retry_in_ms > 0) {
			buf_puts(b, "in ");
			html_duration(b, (double)n->retry_in_ms);
		} else {
			buf_puts(b, "now");
		}
	}
}

void
status_put_neighbours(struct buf *b, const struct view *v)
{
	static const struct column columns[] = {
		{ "", "dependency" },	  { "", "last answer" },
		{ "", "breaker" },	  { "num wide", "failures" },
		{ "num wide", "opened" }, { "num wide", "refused" },
		{ NULL, NULL },
	};

	open_table(b, "dependencies", "Dependencies", columns);
	for (size_t i = 0; i < NEIGHBOURS; i++) {
		const struct neighbour_view *n = &v->neighbours[i];

		buf_puts(b, "<tr class=\"");
		html_text(b, health_name(n->health));
		buf_puts(b, n->open ? " open\"><th scope=\"row\">" : "\"><th scope=\"row\">");
		html_text(b, n->name);
		buf_puts(b, "</th><td><span class=\"mark\"></span>");
		html_text(b, health_name(n->health));
		buf_puts(b, "</td><td>");
		put_breaker(b, n);
		buf_puts(b, "</td>");
		put_count_cell(b, "num wide", n->failures);
		put_count_cell(b, "num wide", (int64_t)n->opened);
		put_count_cell(b, "num wide", (int64_t)n->refused);
		buf_puts(b, "</tr>\n");
	}
	close_table(b);
}

static void
put_total(struct buf *b, const char *name, uint64_t n)
{
	buf_puts(b, "<div><dt>");
	html_text(b, name);
	buf_puts(b, "</dt><dd>");
	html_count(b, (int64_t)n);
	buf_puts(b, "</dd></div>");
}

static void
put_totals(struct buf *b, const char *title, const char *const names[], const uint64_t figures[], size_t n)
{
	buf_puts(b, "<h3>");
	html_text(b, title);
	buf_puts(b, "</h3><dl>");
	for (size_t i = 0; i < n; i++)
		put_total(b, names[i], figures[i]);
	buf_puts(b, "</dl>\n");
}

void
status_put_totals(struct buf *b, const struct view *v)
{
	static const char *const requests[] = { "answered", "with a 5xx", "replayed" };
	static const char *const events[] = { "published", "failed", "parked" };
	static const char *const workers[] = { "started", "left in order", "stuck", "died" };
	static const char *const places[] = { "product service", "row" };
	const struct totals_view *t = &v->totals;

	buf_puts(
		b,
		"<section class=\"totals\" aria-labelledby=\"totals\"><h2 id=\"totals\">Since the pool's start</h2>\n");
	put_totals(b, "requests", requests, (const uint64_t[]){ t->requests, t->errors, t->replays }, 3);
	put_totals(b, "events", events, (const uint64_t[]){ t->published, t->failed, t->parked }, 3);
	put_totals(b, "workers", workers, (const uint64_t[]){ t->started, t->left, t->stuck, t->died }, 4);
	put_totals(b, "turned away", places, (const uint64_t[]){ t->no_place_product, t->no_place_row }, 2);
	buf_puts(b, "</section>\n");
}

/* A neighbour that is down is said once a second. */
static void
put_times(struct buf *b, const struct fault_view *f)
{
	if (f->times == 1)
		return;
	buf_puts(b, " <span class=\"times\">");
	html_count(b, (int64_t)f->times);
	buf_puts(b, " times since ");
	html_moment(b, f->first_us, f->at_us);
	buf_puts(b, "</span>");
}

static void
put_fault(struct buf *b, const struct fault_view *f, int64_t now_us)
{
	buf_puts(b, "<tr class=\"");
	html_text(b, f->level);
	buf_puts(b, "\"><td class=\"time\">");
	html_moment(b, f->at_us, now_us);
	buf_puts(b, "</td><td><span class=\"mark\"></span>");
	html_text(b, f->level);
	buf_puts(b, "</td><td><code>");
	html_text(b, f->event);
	buf_puts(b, "</code> ");
	html_text(b, f->text);
	put_times(b, f);
	buf_puts(b, "</td><td class=\"num wide\">");
	buf_put_i64(b, f->pid);
	buf_puts(b, "</td><td class=\"id wide\"><code>");
	html_text(b, f->request_id);
	buf_puts(b, "</code></td></tr>\n");
}

void
status_put_faults(struct buf *b, const struct view *v)
{
	static const struct column columns[] = {
		{ "", "UTC" },	       { "", "level" },	      { "", "event" },
		{ "num wide", "pid" }, { "wide", "request" }, { NULL, NULL },
	};

	open_table(b, "faults", "Recent warnings and errors", columns);
	for (size_t i = 0; i < v->n_faults; i++)
		put_fault(b, &v->faults[i], v->at_us);
	if (!v->n_faults)
		put_empty_row(b, 5, "none");
	close_table(b);
}
