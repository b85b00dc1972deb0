#include <math.h>

#include "ctl/pool_show.h"
#include "json/write.h"

static void
add_workers(struct buf *b, const struct view *v)
{
	json_open_array(b, "workers");
	for (size_t i = 0; i < v->n_workers; i++) {
		const struct worker_view *w = &v->workers[i];

		json_open_object(b, NULL);
		json_add_i64(b, "pid", w->pid);
		json_add_text(b, "doing", doing_name(w->doing));
		json_add_i64(b, "since_ms", w->since_ms);
		json_add_text(b, "route", w->route);
		json_add_text(b, "waits_for", w->waits_for);
		if (w->waits_for)
			json_add_i64(b, "waits_ms", w->waits_ms);
		json_add_time(b, "started_at", w->started_us);
		json_add_i64(b, "requests", (int64_t)w->requests);
		json_add_i64(b, "rss_kb", w->rss_kb);
		json_close(b, '}');
	}
	json_close(b, ']');
}

static void
add_neighbours(struct buf *b, const struct view *v)
{
	json_open_array(b, "neighbours");
	for (int i = 0; i < NEIGHBOURS; i++) {
		const struct neighbour_view *n = &v->neighbours[i];

		json_open_object(b, NULL);
		json_add_text(b, "name", n->name);
		json_add_text(b, "health", health_name(n->health));
		json_add_text(b, "breaker", n->open ? "open" : "closed");
		json_add_i64(b, "failures", n->failures);
		json_add_i64(b, "retry_in_ms", n->retry_in_ms);
		json_add_i64(b, "opened", (int64_t)n->opened);
		json_add_i64(b, "refused", (int64_t)n->refused);
		json_close(b, '}');
	}
	json_close(b, ']');
}

static void
add_totals(struct buf *b, const struct totals_view *t)
{
	const struct {
		const char *name;
		uint64_t n;
	} totals[] = {
		{ "requests", t->requests },
		{ "errors", t->errors },
		{ "replays", t->replays },
		{ "events_published", t->published },
		{ "event_attempts_failed", t->failed },
		{ "events_parked", t->parked },
		{ "workers_started", t->started },
		{ "workers_left", t->left },
		{ "workers_stuck", t->stuck },
		{ "workers_died", t->died },
		{ "places_refused_product", t->no_place_product },
		{ "places_refused_row", t->no_place_row },
		{ "series_dropped", t->dropped },
	};

	json_open_object(b, "totals");
	for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
		json_add_i64(b, totals[i].name, (int64_t)totals[i].n);
	json_close(b, '}');
}

static void
add_outbox(struct buf *b, const struct outbox_view *o)
{
	if (!o->looked_at_us) {
		json_add_null(b, "outbox");
		return;
	}
	json_open_object(b, "outbox");
	json_add_i64(b, "waiting", o->waiting);
	json_add_i64(b, "parked", o->parked);
	json_add_i64(b, "oldest_age_ms", o->age_ms);
	json_add_time(b, "looked_at", o->looked_at_us);
	json_close(b, '}');
}

/* -1 says that it is not known. */
static void
add_known(struct buf *b, const char *name, int64_t v)
{
	if (v < 0)
		json_add_null(b, name);
	else
		json_add_i64(b, name, v);
}

static void
add_samples(struct buf *b, const struct view *v)
{
	json_open_array(b, "samples");
	for (size_t i = 0; i < v->n_samples; i++) {
		const struct sample_view *s = &v->samples[i];

		json_open_object(b, NULL);
		json_add_time(b, "at", s->at_us);
		json_add_number(b, "requests_per_s", s->requests_per_s);
		json_add_number(b, "errors_per_s", s->errors_per_s);
		json_add_number(b, "p50_ms", s->p50_ms < 0 ? NAN : s->p50_ms);
		json_add_number(b, "p99_ms", s->p99_ms < 0 ? NAN : s->p99_ms);
		add_known(b, "outbox_waiting", s->outbox_waiting);
		add_known(b, "outbox_parked", s->outbox_parked);
		add_known(b, "outbox_age_ms", s->outbox_age_ms);
		json_close(b, '}');
	}
	json_close(b, ']');
}

static void
add_faults(struct buf *b, const struct view *v)
{
	json_open_array(b, "faults");
	for (size_t i = 0; i < v->n_faults; i++) {
		const struct fault_view *f = &v->faults[i];

		json_open_object(b, NULL);
		json_add_time(b, "at", f->at_us);
		json_add_text(b, "level", f->level);
		json_add_i64(b, "pid", f->pid);
		json_add_i64(b, "times", (int64_t)f->times);
		json_add_time(b, "first_at", f->first_us);
		json_add_text(b, "event", f->event);
		json_add_text(b, "text", *f->text ? f->text : NULL);
		json_add_text(b, "request_id", *f->request_id ? f->request_id : NULL);
		json_close(b, '}');
	}
	json_close(b, ']');
}

void
pool_show_json(struct buf *b, const struct view *v)
{
	json_open_object(b, NULL);
	json_add_text(b, "version", *v->version ? v->version : NULL);
	json_add_time(b, "at", v->at_us);
	json_add_time(b, "started_at", v->started_us);
	add_known(b, "workers_wanted", v->workers_wanted ? v->workers_wanted : -1);
	add_workers(b, v);
	add_neighbours(b, v);
	add_totals(b, &v->totals);
	add_outbox(b, &v->outbox);
	add_samples(b, v);
	add_faults(b, v);
	json_close(b, '}');
}
