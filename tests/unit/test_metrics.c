/* What a pool counts, and how it is read and written down. */
#include "base/metrics.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/app.h"
#include "api/meter.h"
#include "base/clock.h"
#include "base/view.h"
#include "table.h"

#define S INT64_C(1000000)
#define NOW (1771940786 * S)

static void *ctx;
static struct pool *pool;
static struct slot *slot;

static void
open_pool(void)
{
	ctx = talloc_new(NULL);
	clock_set_wall_us(NOW);
	pool = pool_open(NULL);
	cr_assert_not_null(pool);
	slot = pool_slot(pool);
	metrics_use(&pool->metrics, pool_worker(pool, slot));
	metrics_describe("1.2.3", 7);
	log_watch(metrics_fault);
	log_set_level(LOG_ERROR + 1); /* heard of all the same */
}

static void
close_pool(void)
{
	metrics_use(NULL, NULL);
	log_watch(NULL);
	talloc_free(ctx);
}

TestSuite(metrics, .init = open_pool, .fini = close_pool);

static const struct view *
look(void)
{
	const struct view *v = view_take(ctx, pool);

	cr_assert_not_null(v);
	return v;
}

Test(metrics, cell_that_is_torn_is_known_as_one)
{
	cell_word cell[4] = { 0 };
	const uint64_t words[3] = { 1, 2, 3 };
	uint64_t got[3];

	cr_expect_not(cell_read(cell, got, 3), "nobody has written it");
	cell_write(cell, words, 3);
	cr_expect(cell_read(cell, got, 3));
	cr_expect_arr_eq(got, words, sizeof words);
	for (int i = 0; i < 4; i++) {
		cell_write(cell, words, 3);
		cell[i] ^= 4;
		cr_expect_not(cell_read(cell, got, 3), "word %d is another's", i);
	}
	cell_write(cell, (const uint64_t[3]){ 0, 0, 0 }, 3);
	cr_expect(cell_read(cell, got, 3), "zeros that somebody wrote");
}

Test(metrics, cell_keeps_a_text_as_far_as_it_fits)
{
	static const struct {
		const char *text, *kept;
	} rows[] = {
		{ "", "" },
		{ "short", "short" },
		{ "fifteen bytes..", "fifteen bytes.." },
		{ "sixteen bytes...", "sixteen bytes.." },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t words[2] = { UINT64_MAX, UINT64_MAX };

		cell_put_text(words, 2, rows[i].text);
		expect_text((const char *)words, rows[i].kept, rows[i].text);
	}
}

Test(metrics, put_a_duration_into_the_least_bucket_that_holds_it)
{
	static const struct {
		int64_t us;
		int bucket;
	} rows[] = {
		{ -5, 0 },   { 0, 0 },	       { 500, 0 },	 { 501, 1 },	    { 1000, 1 },
		{ 1001, 2 }, { 10000000, 13 }, { 10000001, 14 }, { 86400 * S, 14 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char labels[24];
		struct series *s;

		(void)snprintf(labels, sizeof labels, "row=\"%zu\"", i);
		s = metrics_series(TIMED_SNS, labels);
		metrics_observe(s, rows[i].us);
		for (int b = 0; b < METRICS_BUCKETS; b++)
			cr_expect_eq(s->buckets[b], b == rows[i].bucket, "%lld in bucket %d",
				     (long long)rows[i].us, b);
		cr_expect_eq(s->sum_us, rows[i].us > 0 ? (uint64_t)rows[i].us : 0);
	}
}

Test(metrics, are_one_series_for_one_set_of_labels_whoever_asks)
{
	struct series *a = metrics_series(TIMED_DATABASE, "call=\"x\""),
		      *b = metrics_series(TIMED_SNS, "call=\"x\"");

	cr_assert(a && b && a != b, "another family has its own");
	if (fork() == 0) {
		metrics_observe(metrics_series(TIMED_DATABASE, "call=\"x\""), 1);
		_exit(0);
	}
	(void)wait(NULL);
	cr_expect_eq(a->buckets[0], 1);
}

Test(metrics, survive_who_died_over_a_name)
{
	struct series *s = metrics_series(TIMED_SNS, "a=\"b\""), *again;
	struct series_view *all;

	s->name[2] = 0; /* half-written */
	metrics_observe(s, 1);
	cr_expect_eq(view_series(ctx, pool, TIMED_SNS, &all), 0, "nobody knows what it is");
	again = metrics_series(TIMED_SNS, "a=\"b\"");
	cr_expect_eq(again, s);
	cr_assert_eq(view_series(ctx, pool, TIMED_SNS, &all), 1);
	expect_text(all[0].labels, "a=\"b\"", "labels");
}

Test(metrics, that_find_no_room_are_dropped_and_counted)
{
	char labels[24];

	for (int i = 0; i < METRICS_SERIES; i++) {
		(void)snprintf(labels, sizeof labels, "i=\"%d\"", i);
		cr_assert_not_null(metrics_series(TIMED_SNS, labels), "%d", i);
	}
	cr_expect_null(metrics_series(TIMED_SNS, "one=\"more\""));
	cr_expect_not_null(metrics_series(TIMED_SNS, "i=\"100\""), "those that there are are found");
	metrics_observe(NULL, 1);
	cr_expect_eq(look()->totals.dropped, 1);
	for (int i = 0; i < METRICS_ROUTES; i++) {
		(void)snprintf(labels, sizeof labels, "GET /%d", i);
		cr_assert_geq(metrics_route(labels), 0);
	}
	cr_expect_lt(metrics_route("GET /more"), 0);
}

Test(metrics, call_an_outcome_by_the_first_name_that_fits_or_by_the_last)
{
	static const struct outcome_name names[] = {
		{ RC_OK, "ok" },
		{ RC_DATABASE, "unavailable" },
		{ RC_DATABASE, "never" },
		{ RC_INTERNAL, "error" },
	};

	cr_expect_eq(metrics_outcome(names, 4, RC_OK), 0);
	cr_expect_eq(metrics_outcome(names, 4, RC_DATABASE), 1);
	cr_expect_eq(metrics_outcome(names, 4, RC_INTERNAL), 3);
	cr_expect_eq(metrics_outcome(names, 4, RC_NO_MEMORY), 3);
}

Test(metrics, of_nobody_are_not_counted)
{
	struct series *known = NULL;

	metrics_use(NULL, NULL);
	metrics_count(COUNT_REPLAYS, 1);
	metrics_time(&known, TIMED_SNS, "a", "b", 1);
	cr_expect_null(known);
	cr_expect_null(metrics_series(TIMED_SNS, "a=\"b\""));
	cr_expect_lt(metrics_route("GET /"), 0);
	cr_expect_not(metrics_sample());
	cr_expect_not(metrics_look_due(1, 0));
	metrics_doing(DOING_IDLE, -1, 0);
	metrics_fault(LOG_ERROR, "x", "", "");
	cr_expect_gt(metrics_asks(ASKS_SNS), 0, "it is the clock all the same");
	cr_expect_eq(look()->totals.replays, 0);
	cr_expect_eq(look()->n_faults, 0);
}

Test(metrics, tell_what_a_worker_does_and_whom_it_waits_for)
{
	const struct worker_view *w;

	metrics_doing(DOING_REQUEST, metrics_route("GET /x/{id}"), clock_ms() - 250);
	(void)metrics_asks(ASKS_DATABASE);
	metrics_answered();
	w = look()->workers;
	cr_assert_eq(look()->n_workers, 1);
	cr_expect_eq(w->pid, getpid());
	cr_expect_eq(w->doing, DOING_REQUEST);
	expect_text(w->route, "GET /x/{id}", "route");
	expect_text(w->waits_for, "database", "neighbour");
	cr_expect(w->since_ms >= 250 && w->since_ms < 10000, "%lld", (long long)w->since_ms);
	cr_expect(w->waits_ms >= 0 && w->waits_ms < 10000, "%lld", (long long)w->waits_ms);
	cr_expect_eq(w->started_us, NOW);
	cr_expect_eq(w->requests, 1);
	cr_expect_gt(w->rss_kb, 100);
	atomic_store(&slot->waits_for, WAIT_ROW);
	expect_text(look()->workers->waits_for, "row", "the row that the database waits for");
	pool_exit(slot);
	(void)metrics_asks(ASKS_NOBODY);
	metrics_doing(DOING_IDLE, -1, clock_ms() - 5000);
	metrics_doing(DOING_IDLE, -1, clock_ms());
	w = look()->workers;
	cr_expect_null(w->waits_for);
	cr_expect_null(w->route);
	cr_expect_geq(w->since_ms, 5000, "it has been idle all the time");
	atomic_store(&slot->pid, 0);
	cr_expect_eq(look()->n_workers, 0);
}

/* Whoever can write to the mapping can seal any words. */
Test(metrics, of_somebody_hostile_are_bounded)
{
	uint64_t name[NAME_WORDS], fault[FAULT_WORDS];
	struct series_view *all;
	const struct view *v;

	memset(name, 'x', sizeof name);
	memset(fault, 'x', sizeof fault);
	fault[FAULT_LEVEL] = LOG_ERROR;
	name[0] = TIMED_SNS;
	cell_write(pool->metrics.routes[0], name, NAME_WORDS);
	cell_write(pool->metrics.series[0].name, name, NAME_WORDS);
	cell_write(pool->metrics.faults[0], fault, FAULT_WORDS);
	atomic_store(&pool->metrics.series[0].buckets[0], 1);
	metrics_doing(DOING_REQUEST, 0, clock_ms());
	v = look();
	cr_expect_eq(strnlen(v->workers[0].route, METRICS_TEXT_SIZE), METRICS_TEXT_SIZE - 1);
	cr_assert_eq(v->n_faults, 1);
	cr_expect_eq(strnlen(v->faults[0].event, FAULT_WORDS * 8), (FAULT_TEXT - FAULT_EVENT) * 8 - 1);
	cr_expect_eq(strnlen(v->faults[0].text, FAULT_WORDS * 8), (FAULT_REQUEST_ID - FAULT_TEXT) * 8 - 1);
	cr_expect_eq(strnlen(v->faults[0].request_id, (FAULT_WORDS - FAULT_REQUEST_ID) * 8),
		     (FAULT_WORDS - FAULT_REQUEST_ID) * 8 - 1);
	cr_assert_eq(view_series(ctx, pool, TIMED_SNS, &all), 1);
	cr_expect_eq(strnlen(all[0].labels, METRICS_TEXT_SIZE), METRICS_TEXT_SIZE - 1);

	fault[FAULT_LEVEL] = LOG_ERROR + 1;
	cell_write(pool->metrics.faults[0], fault, FAULT_WORDS);
	atomic_store(&pool->metrics.workers_at[0].doing, DOINGS);
	atomic_store(&pool->metrics.workers_at[0].route, METRICS_ROUTES + 1);
	atomic_store(&pool->metrics.workers_at[0].asks, INT32_MAX);
	atomic_store(&pool->breakers[NEIGHBOUR_SNS].health, HEALTH_FAILING + 1);
	v = look();
	cr_expect_eq(v->n_faults, 0, "there is no such level");
	expect_text(doing_name(v->workers[0].doing), "unknown", "doing");
	cr_expect_null(v->workers[0].route);
	cr_expect_null(v->workers[0].waits_for);
	cr_expect_eq(v->neighbours[NEIGHBOUR_SNS].health, HEALTH_UNKNOWN);
}

Test(metrics, tell_of_breakers)
{
	static const struct breaker_policy policy = {
		.threshold = 2, .first_ms = 4000, .cap_ms = 8000, .probe_ms = 5000
	};
	struct breaker *b = &pool->breakers[NEIGHBOUR_SNS];

	breaker_report(b, &policy, false);
	cr_expect_not(look()->neighbours[NEIGHBOUR_SNS].open);
	breaker_report(b, &policy, false);
	breaker_refused(b);
	atomic_store(&b->retry_ms, clock_ms() + 3000);
	cr_expect(look()->neighbours[NEIGHBOUR_SNS].open);
	cr_expect_eq(look()->neighbours[NEIGHBOUR_SNS].failures, 2);
	cr_expect_eq(look()->neighbours[NEIGHBOUR_SNS].opened, 1);
	cr_expect_eq(look()->neighbours[NEIGHBOUR_SNS].refused, 1);
	cr_expect_gt(look()->neighbours[NEIGHBOUR_SNS].retry_in_ms, 1000);
	cr_expect_eq(look()->neighbours[NEIGHBOUR_SNS].health, HEALTH_FAILING);
	cr_expect_not(look()->neighbours[NEIGHBOUR_DATABASE].open, "nobody has asked it");
	breaker_report(b, &policy, true);
	cr_expect_not(look()->neighbours[NEIGHBOUR_SNS].open);
	cr_expect_eq(look()->neighbours[NEIGHBOUR_SNS].retry_in_ms, 0);
}

Test(metrics, know_how_old_the_oldest_event_is_by_now)
{
	cr_expect_eq(look()->outbox.looked_at_us, 0);
	metrics_outbox(12, 3, NOW - 40 * S);
	clock_set_wall_us(NOW + 5 * S);
	cr_expect_eq(look()->outbox.looked_at_us, NOW);
	cr_expect_eq(look()->outbox.waiting, 12);
	cr_expect_eq(look()->outbox.parked, 3);
	cr_expect_eq(look()->outbox.age_ms, 45000);
	metrics_outbox(0, 3, 0);
	cr_expect_eq(look()->outbox.age_ms, 0);
}

Test(metrics, have_the_outbox_looked_at_by_one)
{
	cr_expect(metrics_look_due(5000, 0));
	cr_expect_not(metrics_look_due(5000, 0));
	metrics_look_in(-3000);
	cr_expect_not(metrics_look_due(5000, 10000),
		      "who has a request waiting leaves it to others for a while");
	cr_expect(metrics_look_due(5000, 2000));
}

/* n requests of so many µs each, and then a sample at that time. */
static void
sample(int64_t at_us, int n, int64_t us)
{
	struct series *s = metrics_series(TIMED_REQUEST, "route=\"/\"");

	for (int i = 0; i < n; i++)
		metrics_observe(s, us);
	clock_set_wall_us(at_us);
	atomic_store(&pool->metrics.sample_ms, 0);
	cr_assert(metrics_sample());
	cr_assert_not(metrics_sample(), "one in an interval");
}

Test(metrics, are_sampled_for_rates_and_quantiles)
{
	const struct sample_view *s;

	sample(NOW, 1000, 3000);
	cr_expect_eq(look()->n_samples, 0, "there is nothing to compare it with");
	metrics_count(COUNT_ERRORS, 20);
	metrics_outbox(5, 1, NOW - 2 * S);
	sample(NOW + 10 * S, 200, 7000);
	sample(NOW + 20 * S, 0, 0);
	s = look()->samples;
	cr_assert_eq(look()->n_samples, 2);
	cr_expect_eq(s[0].at_us, NOW + 10 * S);
	cr_expect_float_eq(s[0].requests_per_s, 20, 1e-9);
	cr_expect_float_eq(s[0].errors_per_s, 2, 1e-9);
	cr_expect_float_eq(s[0].p50_ms, 7.5, 1e-9, "the middle of the bucket from 5 to 10 ms");
	cr_expect_float_eq(s[0].p99_ms, 9.95, 1e-9);
	cr_expect_eq(s[0].outbox_waiting, 5);
	cr_expect_eq(s[0].outbox_parked, 1);
	cr_expect_eq(s[0].outbox_age_ms, 12000);
	cr_expect_float_eq(s[1].requests_per_s, 0, 1e-9);
	cr_expect_float_eq(s[1].p99_ms, -1, 1e-9);
	sample(NOW + 100 * S, 1, 11 * S);
	cr_expect_eq(look()->n_samples, 2, "a gap: no pool ran, and a rate over it would be of neither side");
	sample(NOW + 110 * S, 1, 11 * S);
	cr_expect_eq(look()->n_samples, 3);
	cr_expect_float_eq(look()->samples[2].p50_ms, 10000, 1e-9, "beyond the last bound");
	cr_expect_eq(look()->samples[2].outbox_waiting, -1, "too old to be of now");
	cr_expect_eq(look()->samples[2].outbox_age_ms, -1);
}

Test(metrics, are_kept_for_an_hour)
{
	for (int i = 0; i < 400; i++)
		sample(NOW + i * 10 * S, 1, 1);
	cr_expect_eq(look()->n_samples, SAMPLES - 1);
	cr_expect_eq(look()->samples[0].at_us, NOW + 410 * S);
	cr_expect_eq(look()->samples[SAMPLES - 2].at_us, NOW + 3990 * S);
	clock_set_wall_us(NOW + 3990 * S + 1800 * S);
	cr_expect(look()->n_samples >= 179 && look()->n_samples <= 187, "%zu: half of them are older",
		  look()->n_samples);
	clock_set_wall_us(NOW);
	cr_expect_eq(look()->n_samples, 0, "of a future that the clock was put back from");
}

Test(metrics, leave_a_torn_sample_out)
{
	for (int i = 0; i < 5; i++)
		sample(NOW + i * 10 * S, 10, 1);
	cr_assert_eq(look()->n_samples, 4);
	pool->metrics.samples[2][1 + SAMPLE_REQUESTS]++;
	cr_expect_eq(look()->n_samples, 2, "the one and the one that was compared with it");
}

Test(metrics, remember_the_last_warnings_and_errors)
{
	const struct fault_view *f;

	log_set_request_id("r-1");
	log_warn("sns.refused", log_text("hint", "look there"), log_i64("n", 1),
		 log_text("error", "403: no"));
	log_set_request_id(NULL);
	clock_set_wall_us(NOW + S);
	log_error("sns.topic_gone", log_text("arn", "arn:x"), log_text("hint", "subscribe again"));
	clock_set_wall_us(NOW + 2 * S);
	log_warn("other", log_text("arn", "arn:x"), log_i64("n", 1));
	clock_set_wall_us(NOW + 3 * S);
	log_warn("bare", log_text("error", ""));
	clock_set_wall_us(NOW + 4 * S);
	log_warn("unsafe", log_text("error", "a\x1b[1mb\xff<\"c\n"));
	log_info("request");
	cr_assert_eq(look()->n_faults, 5);
	f = look()->faults;
	expect_text(f->text, "a?[1mb?<'c?", "what a terminal or a page might take for more than text");
	f++;
	expect_text(f[3].event, "sns.refused", "the oldest comes last");
	expect_text(f[3].text, "403: no", "the error");
	expect_text(f[3].level, "warn", "level");
	expect_text(f[3].request_id, "r-1", "request");
	cr_expect_eq(f[3].at_us, NOW);
	cr_expect_eq(f[3].pid, getpid());
	expect_text(f[2].text, "subscribe again", "or the hint");
	expect_text(f[2].level, "error", "level");
	expect_text(f[2].request_id, "", "between requests");
	expect_text(f[1].text, "arn:x", "or what there is");
	expect_text(f[0].text, "", "or nothing");
}

Test(metrics, keep_a_warning_that_repeats_once_and_the_others_beside_it)
{
	const struct fault_view *f;

	clock_set_wall_us(NOW);
	log_warn("rare", log_text("error", "once"));
	for (int i = 0; i < 100; i++) {
		clock_set_wall_us(NOW + i * S);
		log_set_request_id(i == 99 ? "r-99" : NULL);
		log_warn("sns.unavailable", log_text("error", "refused"));
	}
	log_set_request_id(NULL);
	log_error("sns.unavailable", log_text("error", "refused"));
	cr_assert_eq(look()->n_faults, 3, "the level tells them apart");
	f = look()->faults;
	f += strcmp(f->level, "error") == 0;
	expect_text(f->event, "sns.unavailable", "event");
	cr_expect_eq(f->times, 100);
	cr_expect_eq(f->first_us, NOW);
	cr_expect_eq(f->at_us, NOW + 99 * S);
	expect_text(f->request_id, "r-99", "the last one's");
	expect_text(look()->faults[2].event, "rare", "that came before all of them");
	for (int i = 0; i < FAULTS; i++) {
		clock_set_wall_us(NOW + (100 + i) * S);
		log_warn("more", log_text("error", talloc_asprintf(ctx, "%d", i)));
	}
	cr_expect_eq(look()->n_faults, FAULTS);
	expect_text(look()->faults[0].text, "31", "the newest");
	expect_text(look()->faults[FAULTS - 1].text, "0", "the oldest: what came before is gone");
	pool->metrics.faults[5][3]++;
	cr_expect_eq(look()->n_faults, FAULTS - 1, "a torn one is left out");
}

Test(metrics, remember_a_worker_that_its_watchdog_ended)
{
	metrics_stuck();
	cr_expect_eq(look()->totals.stuck, 1);
	expect_text(look()->faults[0].event, "worker.stuck", "event");
	expect_text(doing_name(look()->workers[0].doing), "stuck", "state");
}

Test(metrics, are_looked_at_without_memory)
{
	void *small = talloc_new(NULL);
	struct series_view *all;

	limit_memory(small, 2000);
	cr_expect_null(view_take(small, pool));
	cr_expect_eq(view_series(small, pool, TIMED_SNS, &all), -1);
	talloc_free(small);
}

/* The text of /metrics. */
static const char *
metrics_text(void)
{
	struct app app = { .pool = pool };
	struct http_response out;
	struct request r = { .app = &app, .ctx = ctx, .out = &out };

	http_response_init(&out, ctx);
	cr_assert_eq(get_metrics(&r), RC_OK);
	expect_text(out.type, "text/plain; version=0.0.4; charset=utf-8", "type");
	return out.body;
}

static bool
has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

Test(metrics, are_written_as_prometheus_reads_them)
{
	static const char *const lines[] = {
		"orders_build_info{version=\"1.2.3\"} 1",
		"orders_pool_start_time_seconds 1771940786.000000",
		"orders_workers{state=\"starting\"} 1",
		"orders_workers{state=\"request\"} 0",
		"orders_workers_wanted 7",
		"orders_http_requests_in_flight 0",
		"# TYPE orders_http_requests_total counter",
		"orders_http_requests_total{route=\"/x/{id}\",method=\"GET\",status=\"200\"} 3",
		"orders_http_requests_total{route=\"/x/{id}\",method=\"GET\",status=\"503\"} 1",
		"orders_http_requests_total{route=\"other\",method=\"other\",status=\"404\"} 1",
		"# TYPE orders_http_request_duration_seconds histogram",
		"orders_http_request_duration_seconds_bucket{route=\"/x/{id}\",method=\"GET\",status=\"200\",le=\"0.0005\"} 1",
		"orders_http_request_duration_seconds_bucket{route=\"/x/{id}\",method=\"GET\",status=\"200\",le=\"0.01\"} 2",
		"orders_http_request_duration_seconds_bucket{route=\"/x/{id}\",method=\"GET\",status=\"200\",le=\"10\"} 2",
		"orders_http_request_duration_seconds_bucket{route=\"/x/{id}\",method=\"GET\",status=\"200\",le=\"+Inf\"} 3",
		"orders_http_request_duration_seconds_sum{route=\"/x/{id}\",method=\"GET\",status=\"200\"} 20.007100",
		"orders_http_request_duration_seconds_count{route=\"/x/{id}\",method=\"GET\",status=\"200\"} 3",
		"orders_database_calls_total{call=\"get_order\",outcome=\"ok\"} 1",
		"orders_product_requests_total{outcome=\"timeout\"} 1",
		"orders_sns_requests_total{action=\"Publish\",outcome=\"throttled\"} 1",
		"orders_breaker_open{neighbour=\"sns\"} 0",
		"orders_events_total{outcome=\"parked\"} 0",
		"orders_workers_ended_total{how=\"died\"} 0",
		"orders_outbox_events 4",
		"orders_outbox_parked_events 2",
		"orders_outbox_oldest_event_age_seconds 1.500000",
		"orders_outbox_looked_at_timestamp_seconds 1771940786.000000",
	};
	static const struct route routes[] = { { "GET", "/x/{id}", 0, NULL } };
	struct meter *m = meter_open(ctx, routes, 1);
	struct series *known[3] = { NULL };
	const char *text;

	cr_expect_null(strstr(metrics_text(), "orders_outbox"), "nobody has looked: 0 would be a lie");
	meter_end(m, &routes[0], 200, 100);
	meter_end(m, &routes[0], 200, 7000);
	meter_end(m, &routes[0], 200, 20 * S);
	meter_end(m, &routes[0], 503, 1);
	meter_end(m, NULL, 404, 1);
	metrics_time(&known[0], TIMED_DATABASE, "get_order", "ok", 1);
	metrics_time(&known[1], TIMED_PRODUCT, "timeout", NULL, 1);
	metrics_time(&known[2], TIMED_SNS, "Publish", "throttled", 1);
	metrics_outbox(4, 2, NOW - S * 3 / 2);
	text = metrics_text();
	for (size_t i = 0; i < ROWS(lines); i++)
		cr_expect(has_line(text, lines[i]), "%s\n%s", lines[i], text);
	cr_expect_eq(look()->totals.errors, 1);
	cr_expect_eq(look()->totals.requests, 5);
}

Test(metrics, of_a_route_have_a_series_for_every_status)
{
	static const struct route routes[] = { { "GET", "/x", 0, NULL } };
	struct meter *m = meter_open(ctx, routes, 1);
	struct series_view *all;

	for (int round = 0; round < 2; round++)
		for (int status = 400; status < 420; status++)
			meter_end(m, &routes[0], status, 1);
	cr_assert_eq(view_series(ctx, pool, TIMED_REQUEST, &all), 20);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(all[i].buckets[0], 2, "%s", all[i].labels);
	expect_text(all[19].labels, "route=\"/x\",method=\"GET\",status=\"419\"", "sorted");
	meter_begin(m, &routes[0], clock_us());
	expect_text(look()->workers[0].route, "GET /x", "route");
	meter_begin(m, NULL, clock_us());
	expect_text(look()->workers[0].route, "other", "no route");
	meter_idle();
	cr_expect_eq(look()->workers[0].doing, DOING_IDLE);
}

Test(metrics, of_a_route_that_find_no_room_are_dropped_one_by_one)
{
	static const struct route routes[] = { { "GET", "/x", 0, NULL } };
	struct meter *m = meter_open(ctx, routes, 1);
	char labels[24];

	meter_end(m, &routes[0], 200, 1);
	for (int i = 1; i < METRICS_SERIES; i++) {
		(void)snprintf(labels, sizeof labels, "i=\"%d\"", i);
		cr_assert_not_null(metrics_series(TIMED_SNS, labels), "%d", i);
	}
	for (int round = 0; round < 3; round++)
		for (int status = 400; status < 420; status++)
			meter_end(m, &routes[0], status, 1);
	meter_end(m, &routes[0], 200, 1);
	cr_expect_eq(look()->totals.dropped, 60);
	cr_expect_eq(look()->totals.requests, 2, "what has a series is counted there");
}

Test(metrics, lose_no_count_to_who_counts_at_the_same_time)
{
	enum { WORKERS = 4, TIMES = 20000 };
	struct series *s = metrics_series(TIMED_REQUEST, "route=\"/\"");

	for (int i = 0; i < WORKERS; i++)
		if (fork() == 0) {
			for (int j = 0; j < TIMES; j++) {
				metrics_observe(s, 700);
				metrics_count(COUNT_REPLAYS, 1);
			}
			_exit(0);
		}
	for (int i = 0; i < WORKERS; i++)
		cr_assert_gt(wait(NULL), 0);
	cr_expect_eq(s->buckets[1], WORKERS * TIMES);
	cr_expect_eq(s->sum_us, WORKERS * TIMES * 700);
	cr_expect_eq(look()->totals.replays, WORKERS * TIMES);
}
