#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "ctl/format.h"
#include "ctl/pool_show.h"
#include "ctl/table.h"

#define PLOT_MAX 60
#define LABEL "%-12s"

const struct pool *
pool_find(void *ctx, const char *path, const char **why)
{
	const struct pool *p = pool_open_to_look(path);

	if (p)
		return p;
	if (errno == ENOENT)
		*why = talloc_asprintf(
			ctx, "no pool of this version runs at %s: POOL_FILE or RUN_DIR says where it is",
			path);
	else
		*why = talloc_asprintf(ctx, "the pool at %s cannot be looked at: %s%s", path, strerror(errno),
				       errno == EACCES ? "; it is for root, and for the pool's own user"
						       : "");
	return NULL;
}

/* Appends one line, no wider than the terminal. */
__attribute__((format(printf, 4, 5))) static void
line(struct buf *out, void *ctx, const struct pool_show *how, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = talloc_vasprintf(ctx, format, args);
	va_end(args);
	text_put(out, text ? text : "", how->width);
	buf_putc(out, '\n');
	out->failed = out->failed || !text;
	talloc_free(text);
}

static void
put_head(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	char up[FORMAT_SIZE], now[FORMAT_SIZE], wanted[FORMAT_SIZE] = "";

	if (v->workers_wanted)
		(void)snprintf(wanted, sizeof wanted, " of %d", v->workers_wanted);
	line(out, ctx, how, "orders.fcgi %s   up %s   %zu%s workers   %s", *v->version ? v->version : "-",
	     format_span(up, (v->at_us - v->started_us) / 1000), v->n_workers, wanted,
	     format_time(now, v->at_us));
}

static void
put_requests(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	const struct sample_view *s = view_now(v);
	const struct totals_view *t = &v->totals;
	double per_s = how->rate, errors_per_s = how->errors;
	char rate[FORMAT_SIZE], errors[FORMAT_SIZE], p50[FORMAT_SIZE], p99[FORMAT_SIZE];
	char n[4][FORMAT_SIZE];

	if (per_s < 0 && s) {
		per_s = s->requests_per_s;
		errors_per_s = s->errors_per_s;
	}
	if (per_s >= 0)
		line(out, ctx, how, LABEL "%s, 5xx %s; p50 %s, p99 %s", "Requests", format_rate(rate, per_s),
		     format_rate(errors, errors_per_s), format_latency(p50, s ? s->p50_ms : -1),
		     format_latency(p99, s ? s->p99_ms : -1));
	else
		line(out, ctx, how, LABEL "no rate yet: a sample is taken every 10 s", "Requests");
	line(out, ctx, how, LABEL "%s requests, %s answered 5xx, %s replayed", "Since start",
	     format_count(n[0], (int64_t)t->requests), format_count(n[1], (int64_t)t->errors),
	     format_count(n[2], (int64_t)t->replays));
	line(out, ctx, how, LABEL "%s published, %s attempts failed, %s parked", "Events",
	     format_count(n[0], (int64_t)t->published), format_count(n[1], (int64_t)t->failed),
	     format_count(n[2], (int64_t)t->parked));
	line(out, ctx, how, LABEL "%s started, %s left, %s stuck, %s died", "Workers",
	     format_count(n[0], (int64_t)t->started), format_count(n[1], (int64_t)t->left),
	     format_count(n[2], (int64_t)t->stuck), format_count(n[3], (int64_t)t->died));
}

static void
put_outbox(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	const struct outbox_view *o = &v->outbox;
	char waiting[FORMAT_SIZE], parked[FORMAT_SIZE], age[FORMAT_SIZE], looked[FORMAT_SIZE];

	if (!o->looked_at_us) {
		line(out, ctx, how, LABEL "nobody has looked yet", "Outbox");
		return;
	}
	line(out, ctx, how, LABEL "%s waiting%s%s, %s parked   (%s ago)", "Outbox",
	     format_count(waiting, o->waiting), o->waiting ? ", the oldest for " : "",
	     o->waiting ? format_span(age, o->age_ms) : "", format_count(parked, o->parked),
	     format_span(looked, (v->at_us - o->looked_at_us) / 1000));
}

/* One character for each minute of the last hour, of what value() says of a sample. */
static void
put_plot(struct buf *out, const struct view *v, const char *label,
	 double (*value)(const struct sample_view *))
{
	double values[PLOT_MAX], most = 0;
	char text[FORMAT_SIZE];
	struct buf *b = out;

	for (size_t i = 0; i < PLOT_MAX; i++)
		values[i] = -1;
	for (size_t i = 0; i < v->n_samples; i++) {
		int64_t minutes = (v->at_us - v->samples[i].at_us) / 60000000;
		double x = value(&v->samples[i]);
		size_t at;

		if (minutes < 0 || minutes >= PLOT_MAX || x < 0)
			continue;
		at = (size_t)(PLOT_MAX - 1 - minutes);
		values[at] = x > values[at] ? x : values[at];
		most = x > most ? x : most;
	}
	(void)snprintf(text, sizeof text, LABEL, label);
	buf_puts(b, text);
	format_sparkline(b, values, PLOT_MAX);
	(void)snprintf(text, sizeof text, " max %.1f\n", most);
	buf_puts(b, text);
}

static double
requests_of(const struct sample_view *s)
{
	return s->requests_per_s;
}

static double
p99_of(const struct sample_view *s)
{
	return s->p99_ms;
}

static double
waiting_of(const struct sample_view *s)
{
	return (double)s->outbox_waiting;
}

static void
put_plots(struct buf *out, const struct view *v, const struct pool_show *how)
{
	if (!how->plots || v->n_samples < 2 || (how->width && how->width < 12 + PLOT_MAX + 12))
		return;
	buf_putc(out, '\n');
	put_plot(out, v, "Requests/s", requests_of);
	put_plot(out, v, "p99 ms", p99_of);
	put_plot(out, v, "Waiting", waiting_of);
}

static bool
put_neighbours(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	static const struct column columns[] = {
		{ "NEIGHBOUR", false }, { "HEALTH", false }, { "BREAKER", false }, { "FAILURES", true },
		{ "RETRY IN", true },	{ "OPENED", true },  { "REFUSED", true },
	};
	static const enum paint paints[] = {
		[HEALTH_UNKNOWN] = PAINT_FAINT, [HEALTH_OK] = PAINT_GOOD, [HEALTH_FAILING] = PAINT_BAD
	};
	char text[FORMAT_SIZE];
	struct table t;

	table_init(&t, ctx, columns, sizeof columns / sizeof *columns, how->colored);
	for (int i = 0; i < NEIGHBOURS; i++) {
		const struct neighbour_view *n = &v->neighbours[i];

		table_add(&t, n->name);
		table_add_painted(&t, health_name(n->health), paints[n->health]);
		table_add_painted(&t, n->open ? "open" : "closed", n->open ? PAINT_BAD : PAINT_NONE);
		table_addf(&t, "%u", n->failures);
		table_add(&t, n->open ? format_span(text, n->retry_in_ms) : "");
		table_add(&t, format_count(text, (int64_t)n->opened));
		table_add(&t, format_count(text, (int64_t)n->refused));
	}
	buf_putc(out, '\n');
	table_put(&t, out, how->width);
	return !t.failed;
}

static bool
put_workers(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	static const struct column columns[] = {
		{ "PID", true },      { "DOING", false }, { "FOR", true }, { "WAITS FOR", false },
		{ "REQUESTS", true }, { "MEMORY", true }, { "UP", true },  { "ROUTE", false },
	};
	char text[FORMAT_SIZE];
	struct table t;

	table_init(&t, ctx, columns, sizeof columns / sizeof *columns, how->colored);
	for (size_t i = 0; i < v->n_workers; i++) {
		const struct worker_view *w = &v->workers[i];

		table_addf(&t, "%d", w->pid);
		table_add_painted(&t, doing_name(w->doing),
				  w->doing == DOING_STUCK  ? PAINT_BAD
				  : w->doing == DOING_IDLE ? PAINT_FAINT
							   : PAINT_NONE);
		table_add(&t, format_span(text, w->since_ms));
		table_add(&t, w->waits_for ? w->waits_for : "");
		table_add(&t, format_count(text, (int64_t)w->requests));
		table_add(&t, format_memory(text, w->rss_kb));
		table_add(&t, format_span(text, (v->at_us - w->started_us) / 1000));
		table_add(&t, w->route ? w->route : "");
	}
	buf_putc(out, '\n');
	table_put(&t, out, how->width);
	return !t.failed;
}

static bool
put_faults(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	static const struct column columns[] = {
		{ "TIME", false }, { "LEVEL", false }, { "PID", true },
		{ "TIMES", true }, { "EVENT", false }, { "TEXT", false },
	};
	char text[FORMAT_SIZE];
	struct table t;

	if (v->n_faults == 0 || how->faults == 0)
		return true;
	table_init(&t, ctx, columns, sizeof columns / sizeof *columns, how->colored);
	for (size_t i = 0; i < v->n_faults && i < how->faults; i++) {
		const struct fault_view *f = &v->faults[i];

		table_add(&t, v->at_us - f->at_us < INT64_C(86400000000) ? format_time_of_day(text, f->at_us)
									 : format_time(text, f->at_us));
		table_add_painted(&t, f->level, strcmp(f->level, "error") == 0 ? PAINT_BAD : PAINT_WARN);
		table_addf(&t, "%d", f->pid);
		table_addf(&t, "%llu", (unsigned long long)f->times);
		table_add(&t, f->event);
		table_add(&t, f->text);
	}
	buf_putc(out, '\n');
	table_put(&t, out, how->width);
	return !t.failed;
}

bool
pool_show_text(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how)
{
	put_head(out, ctx, v, how);
	buf_putc(out, '\n');
	put_requests(out, ctx, v, how);
	put_outbox(out, ctx, v, how);
	put_plots(out, v, how);
	return put_neighbours(out, ctx, v, how) && put_workers(out, ctx, v, how) &&
	       put_faults(out, ctx, v, how) && !out->failed;
}
