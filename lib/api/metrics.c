/* GET /metrics: the pool's figures as Prometheus reads them, text format 0.0.4. */
#include <stdio.h>
#include <talloc.h>

#include "api/answer.h"
#include "base/view.h"

#define TEXT_MAX (4u << 20) /* every series there can be, with the longest labels */

enum kind { COUNTER, GAUGE, HISTOGRAM };

static void
put_family(struct buf *b, enum kind kind, const char *name, const char *help)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram" };
	const char *const words[] = { "# HELP ", name, " ", help, "\n# TYPE ", name, " ", kinds[kind], "\n" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		buf_puts(b, words[i]);
}

/* name{label="value"} n; a NULL label: name n. Values are our own words. */
static void
put_u64(struct buf *b, const char *name, const char *label, const char *value, uint64_t n)
{
	char line[160];
	int len = label ? snprintf(line, sizeof line, "%s{%s=\"%s\"} %llu\n", name, label, value,
				   (unsigned long long)n)
			: snprintf(line, sizeof line, "%s %llu\n", name, (unsigned long long)n);

	buf_put(b, line, (size_t)len);
}

/* Seconds of µs since 1970, or for that long. */
static void
put_seconds(struct buf *b, const char *name, int64_t us)
{
	char line[160];
	int len = snprintf(line, sizeof line, "%s %lld.%06lld\n", name, (long long)(us / 1000000),
			   (long long)(us % 1000000));

	buf_put(b, line, (size_t)len);
}

static void
put_histogram(struct buf *b, const char *name, const struct series_view *s)
{
	char line[320];
	int len;

	for (int i = 0; i < METRICS_BUCKETS; i++) {
		char bound[24] = "+Inf";

		if (i < METRICS_BUCKETS - 1)
			(void)snprintf(bound, sizeof bound, "%g", (double)metrics_bounds_us[i] / 1e6);
		len = snprintf(line, sizeof line, "%s_bucket{%s,le=\"%s\"} %llu\n", name, s->labels, bound,
			       (unsigned long long)s->buckets[i]);
		buf_put(b, line, (size_t)len);
	}
	len = snprintf(line, sizeof line, "%s_sum{%s} %.6f\n%s_count{%s} %llu\n", name, s->labels,
		       (double)s->sum_us / 1e6, name, s->labels,
		       (unsigned long long)s->buckets[METRICS_BUCKETS - 1]);
	buf_put(b, line, (size_t)len);
}

/* What has a number and a duration: two families. */
static enum rc
put_timed(struct buf *b, const struct pool *p, enum timed what)
{
	static const struct {
		const char *total, *total_help, *duration, *duration_help;
	} families[TIMED] = {
		[TIMED_REQUEST] = { "orders_http_requests_total", "Requests answered.",
				    "orders_http_request_duration_seconds",
				    "From reading a request to its answer." },
		[TIMED_PRODUCT] = { "orders_product_requests_total", "Products looked up.",
				    "orders_product_request_duration_seconds", "Looking one product up." },
		[TIMED_DATABASE] = { "orders_database_calls_total", "Calls of the database's functions.",
				     "orders_database_call_duration_seconds",
				     "One call, connecting and repeating it included." },
		[TIMED_SNS] = { "orders_sns_requests_total", "Requests to SNS.",
				"orders_sns_request_duration_seconds", "One request to SNS." },
	};
	struct series_view *all;
	int n = view_series(b->ctx, p, what, &all);

	if (n < 0)
		return RC_NO_MEMORY;
	put_family(b, COUNTER, families[what].total, families[what].total_help);
	for (int i = 0; i < n; i++) {
		char name[2 * METRICS_TEXT_SIZE];

		(void)snprintf(name, sizeof name, "%s{%s}", families[what].total, all[i].labels);
		put_u64(b, name, NULL, NULL, all[i].buckets[METRICS_BUCKETS - 1]);
	}
	put_family(b, HISTOGRAM, families[what].duration, families[what].duration_help);
	for (int i = 0; i < n; i++)
		put_histogram(b, families[what].duration, &all[i]);
	return RC_OK;
}

static void
put_counters(struct buf *b, const struct totals_view *t)
{
	const struct {
		const char *name, *label, *value, *help; /* help: a family begins */
		uint64_t n;
	} rows[] = {
		{ "orders_replays_total", NULL, NULL,
		  "Requests answered with what their Idempotency-Key had done before.", t->replays },
		{ "orders_places_refused_total", "for", "product",
		  "Requests refused since too many workers waited for the same already.",
		  t->no_place_product },
		{ "orders_places_refused_total", "for", "row", NULL, t->no_place_row },
		{ "orders_events_total", "outcome", "published",
		  "Attempts to send an event; failed ones are repeated, parked ones never.", t->published },
		{ "orders_events_total", "outcome", "failed", NULL, t->failed },
		{ "orders_events_total", "outcome", "parked", NULL, t->parked },
		{ "orders_workers_started_total", NULL, NULL, "Workers that began to serve.", t->started },
		{ "orders_workers_ended_total", "how", "left",
		  "Workers that ended: in order, by their watchdog, or killed.", t->left },
		{ "orders_workers_ended_total", "how", "stuck", NULL, t->stuck },
		{ "orders_workers_ended_total", "how", "died", NULL, t->died },
		{ "orders_series_dropped_total", NULL, NULL,
		  "Observations that had no room among the series.", t->dropped },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].help)
			put_family(b, COUNTER, rows[i].name, rows[i].help);
		put_u64(b, rows[i].name, rows[i].label, rows[i].value, rows[i].n);
	}
}

static void
put_workers(struct buf *b, const struct view *v)
{
	uint64_t doing[DOINGS] = { 0 }, resident_kb = 0;

	for (size_t i = 0; i < v->n_workers; i++) {
		if ((unsigned)v->workers[i].doing < DOINGS)
			doing[v->workers[i].doing]++;
		resident_kb += (uint64_t)v->workers[i].rss_kb;
	}
	put_family(b, GAUGE, "orders_http_requests_in_flight",
		   "Requests that workers are at, this one included.");
	put_u64(b, "orders_http_requests_in_flight", NULL, NULL, doing[DOING_REQUEST]);
	put_family(b, GAUGE, "orders_workers", "Workers by what they do.");
	for (int d = 0; d < DOINGS; d++)
		put_u64(b, "orders_workers", "state", doing_name((enum doing)d), doing[d]);
	put_family(b, GAUGE, "orders_workers_wanted", "Workers that there are to be; 0: not known.");
	put_u64(b, "orders_workers_wanted", NULL, NULL, (uint64_t)v->workers_wanted);
	put_family(b, GAUGE, "orders_workers_resident_memory_bytes",
		   "Memory of all workers; what they share counts for each.");
	put_u64(b, "orders_workers_resident_memory_bytes", NULL, NULL, resident_kb << 10);
}

static void
put_neighbours(struct buf *b, const struct view *v)
{
	static const char *const names[NEIGHBOURS] = {
		[NEIGHBOUR_PRODUCT] = "product",
		[NEIGHBOUR_SNS] = "sns",
		[NEIGHBOUR_DATABASE] = "database",
	};

	put_family(b, GAUGE, "orders_breaker_open", "1: nobody but a probe asks this neighbour.");
	for (int i = 0; i < NEIGHBOURS; i++)
		put_u64(b, "orders_breaker_open", "neighbour", names[i], v->neighbours[i].open);
	put_family(b, COUNTER, "orders_breaker_opened_total", "How often that began.");
	for (int i = 0; i < NEIGHBOURS; i++)
		put_u64(b, "orders_breaker_opened_total", "neighbour", names[i], v->neighbours[i].opened);
	put_family(b, COUNTER, "orders_breaker_refused_total", "Requests and calls that it kept away.");
	for (int i = 0; i < NEIGHBOURS; i++)
		put_u64(b, "orders_breaker_refused_total", "neighbour", names[i], v->neighbours[i].refused);
}

/* Not a word of it before somebody has looked: 0 would be a lie. */
static void
put_outbox(struct buf *b, const struct outbox_view *o)
{
	if (!o->looked_at_us)
		return;
	put_family(b, GAUGE, "orders_outbox_events", "Events that are owed to SNS, parked ones aside.");
	put_u64(b, "orders_outbox_events", NULL, NULL, (uint64_t)o->waiting);
	put_family(b, GAUGE, "orders_outbox_parked_events", "Events that SNS will never take.");
	put_u64(b, "orders_outbox_parked_events", NULL, NULL, (uint64_t)o->parked);
	put_family(b, GAUGE, "orders_outbox_oldest_event_age_seconds",
		   "Since when the oldest of those is owed.");
	put_seconds(b, "orders_outbox_oldest_event_age_seconds", o->age_ms * 1000);
	put_family(b, GAUGE, "orders_outbox_looked_at_timestamp_seconds", "When the pool learnt this.");
	put_seconds(b, "orders_outbox_looked_at_timestamp_seconds", o->looked_at_us);
}

/* From the pool's mapping alone: neither database nor network. */
enum rc
get_metrics(struct request *r)
{
	const struct view *v = view_take(r->ctx, r->app->pool);
	struct buf b;
	enum rc rc = RC_OK;

	if (!v)
		return RC_NO_MEMORY;
	buf_init(&b, r->ctx, TEXT_MAX);
	put_family(&b, GAUGE, "orders_build_info", "1, with the version of the worker that started last.");
	put_u64(&b, "orders_build_info", "version", v->version, 1);
	put_family(&b, GAUGE, "orders_pool_start_time_seconds", "When the pool began to count.");
	put_seconds(&b, "orders_pool_start_time_seconds", v->started_us);
	for (int what = 0; !rc && what < TIMED; what++)
		rc = put_timed(&b, r->app->pool, (enum timed)what);
	put_counters(&b, &v->totals);
	put_workers(&b, v);
	put_neighbours(&b, v);
	put_outbox(&b, &v->outbox);
	return rc ? rc : answer_body(r, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &b);
}
