/* The page /status, of pools that do well and of those that do not. */
#include "html/status_html.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "support/example_view.h"
#include "support/test.h"
#include "support/xml.h"
#include "table.h"

#define HOSTILE "</title><script>alert(1)</script><b a=\"'&\x01\xff"

static void *ctx;
static struct buf b;

static void
open_buf(void)
{
	ctx = talloc_new(NULL);
	buf_init(&b, ctx, STATUS_HTML_MAX);
}

static void
close_buf(void)
{
	talloc_free(ctx);
}

TestSuite(status_html, .init = open_buf, .fini = close_buf);

static void
write_page(const struct view *v)
{
	const char *fault;

	buf_clear(&b);
	status_html(&b, v);
	cr_assert_not(b.failed);
	fault = xml_fault(b.data, b.len);
	cr_assert(fault == NULL, "%s", fault);
}

static const char *
concerns(void)
{
	return xml_text(b.data, "section", "class", "verdict", 0);
}

Test(status_html, shows_each_worker_neighbour_and_fault)
{
	static const struct {
		const char *section;
		size_t rows[EXAMPLE_VIEWS];
	} tables[] = { { "workers", { 8, 7, 1 } },
		       { "dependencies", { 3, 3, 3 } },
		       { "faults", { 1, 5, 1 } } };

	for (int kind = 0; kind < EXAMPLE_VIEWS; kind++) {
		write_page(example_view(ctx, (enum example_view)kind));
		for (size_t i = 0; i < ROWS(tables); i++)
			cr_expect(xml_text(b.data, "table", "aria-labelledby", tables[i].section, 0) != NULL,
				  "%s", tables[i].section);
		expect_int(xml_count(b.data, "svg", "role", "img"), 5, "plots");
		expect_int(xml_count(b.data, "tr", NULL, NULL),
			   3 + tables[0].rows[kind] + tables[1].rows[kind] + tables[2].rows[kind], "rows");
	}
}

Test(status_html, says_in_words_what_a_worker_does)
{
	static const char *const texts[] = {
		"41207 idle 12 ms 812,044 11.0 MiB 2 d 4 h",
		"41208 request POST /api/v1/orders waits for product service 28 ms 31 ms 809,317 11.2 MiB 2 d 4 h",
		"41210 publishing waits for sns 8 ms 9 ms 810,423 11.1 MiB 2 d 4 h",
		"60431 starting 240 ms 0 7.2 MiB 0 ms",
	};
	const char *workers;

	write_page(example_view(ctx, EXAMPLE_VIEW_CALM));
	workers = xml_text(b.data, "table", "aria-labelledby", "workers", 0);
	for (size_t i = 0; i < ROWS(texts); i++)
		cr_expect(strstr(workers, texts[i]), "%s\nnot in %s", texts[i], workers);
}

Test(status_html, shows_the_figures_of_now)
{
	write_page(example_view(ctx, EXAMPLE_VIEW_NIGHT));
	expect_text(
		xml_text(b.data, "section", "class", "now", 0),
		"requests 82.7/s errors 4.85/s p50 4.7 ms p99 1.0 s workers busy 5 of 7 events waiting 11,894 "
		"oldest 10 min 34 s parked 2",
		"figures");
	expect_text(xml_text(b.data, "header", NULL, NULL, 0),
		    "Orders version 0.1.0, up 2 d 4 h since 2026-02-22 10:03:09 UTC as of 14:05:09 UTC",
		    "header");
	write_page(example_view(ctx, EXAMPLE_VIEW_EMPTY));
	expect_text(
		xml_text(b.data, "section", "class", "now", 0),
		"requests \u2013/s errors \u2013/s p50 \u2013 p99 \u2013 workers busy 0 of 0 events waiting \u2013 "
		"oldest \u2013 parked \u2013",
		"nothing is known yet");
}

Test(status_html, does_not_show_old_figures_as_those_of_now)
{
	struct view *v = example_view(ctx, EXAMPLE_VIEW_CALM);

	v->at_us += 120 * INT64_C(1000000);
	write_page(v);
	cr_expect(strncmp(xml_text(b.data, "section", "class", "now", 0), "requests \u2013/s", 14) == 0);
	v->samples[v->n_samples - 1].errors_per_s = 0.5;
	write_page(v);
	cr_expect_null(strstr(concerns(), "5xx"), "%s", concerns());
}

Test(status_html, says_that_all_is_well_when_it_is)
{
	write_page(example_view(ctx, EXAMPLE_VIEW_CALM));
	expect_text(concerns(), "All is well.", "verdict");
	expect_text(xml_text(b.data, "title", NULL, NULL, 0), "Orders: status", "title");
}

static void
lose_a_worker(struct view *v)
{
	v->n_workers--;
}

static void
fail_once(struct view *v)
{
	v->neighbours[NEIGHBOUR_DATABASE].health = HEALTH_FAILING;
	v->neighbours[NEIGHBOUR_DATABASE].failures = 1;
}

static void
open_breaker(struct view *v)
{
	v->neighbours[NEIGHBOUR_SNS] = (struct neighbour_view){
		"sns", HEALTH_FAILING, true, 1206, 418, 1, 1
	};
}

static void
answer_errors(struct view *v)
{
	v->samples[v->n_samples - 1].errors_per_s = 0.5;
	v->samples[v->n_samples - 1].requests_per_s = 20;
}

static void
take_long(struct view *v)
{
	v->workers[1].since_ms = 3000;
}

static void
take_long_alone(struct view *v)
{
	v->workers[2].since_ms = 65000;
	v->workers[1].since_ms = 3000;
}

static void
wait_long(struct view *v)
{
	v->outbox.age_ms = 30000;
}

static void
park_one(struct view *v)
{
	v->outbox.parked = 1;
}

static void
look_no_more(struct view *v)
{
	v->outbox.looked_at_us = v->at_us - 61 * INT64_C(1000000);
}

Test(status_html, says_what_wants_attention)
{
	static const struct {
		void (*change)(struct view *v);
		const char *text;
	} rows[] = {
		{ lose_a_worker, "workers 7 of 8 are there" },
		{ fail_once, "database failing, once" },
		{ open_breaker, "sns failing, 1,206 times in a row; breaker open" },
		{ answer_errors, "requests 0.50 of 20 a second answered with a 5xx" },
		{ take_long, "workers 1 at its request for 3 s; waits for product service" },
		{ take_long_alone, "workers 2 at their requests for up to 1 min 5 s" },
		{ wait_long, "outbox 4 events wait, the oldest for 30 s" },
		{ park_one, "outbox 1 parked: refused by SNS, somebody has to decide" },
		{ look_no_more, "outbox nobody has been able to look for 1 min 1 s" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct view *v = example_view(ctx, EXAMPLE_VIEW_CALM);

		rows[i].change(v);
		write_page(v);
		expect_text(concerns(), rows[i].text, rows[i].text);
		expect_text(xml_text(b.data, "title", NULL, NULL, 0), "(1) Orders: status", "title");
	}
	write_page(example_view(ctx, EXAMPLE_VIEW_NIGHT));
	expect_int(xml_count(b.data, "li", NULL, NULL), 7, "all at once");
}

Test(status_html, misses_no_worker_that_nobody_has_started_yet)
{
	struct view *v = example_view(ctx, EXAMPLE_VIEW_CALM);

	v->n_workers = 2;
	v->totals.started = 7;
	write_page(v);
	expect_text(concerns(), "All is well.", "verdict");
}

Test(status_html, says_how_often_and_since_when_something_was_said)
{
	struct view *v = example_view(ctx, EXAMPLE_VIEW_NIGHT);

	v->faults[2].first_us -= 2 * INT64_C(86400000000);
	v->faults[2].times = 2;
	v->n_faults = 3;
	write_page(v);
	expect_text(
		xml_text(b.data, "table", "aria-labelledby", "faults", 0),
		"UTC level event pid request 14:05:06 warn sns.unavailable Failed to connect to "
		"sns.eu-central-1.amazonaws.com port 443 1,206 times since 13:45:03 60017 "
		"7b0f2c1e-5b7b-4b1e-9a58-0f2d3a6f1c77 14:05:02 warn product.timeout no answer within 5 s 41207 "
		"checkout-81f3 14:04:08 warn product.fault price of product 1207 is \"n/a\" "
		"2 times since 2026-02-22 14:04:08 41208 checkout-81e9",
		"faults");
}

Test(status_html, escapes_every_text)
{
	struct view *v = example_view(ctx, EXAMPLE_VIEW_NIGHT);

	v->version = HOSTILE;
	v->workers[0].route = v->workers[0].waits_for = HOSTILE;
	v->workers[0].since_ms = 60000;
	v->neighbours[0].name = HOSTILE;
	v->faults[0] = (struct fault_view){ 0, HOSTILE, HOSTILE, HOSTILE, HOSTILE, -1, 0, 1 };
	write_page(v);
	expect_int(xml_count(b.data, "script", NULL, NULL), 1, "scripts");
	cr_expect(strstr(xml_text(b.data, "table", "aria-labelledby", "faults", 0),
			 "</title><script>alert(1)</script><b a=\"'&\uFFFD\uFFFD"));
}

Test(status_html, has_names_that_are_its_own_and_nothing_from_elsewhere)
{
	static const char *const strangers[] = {
		"http:", "https:",  "//",	"src=",	      "href=",	   "url(h",	 "url(d",
		"url(/", "@import", "style=\"", "onclick=\"", "onload=\"", "javascript:"
	};
	const char *at;

	write_page(example_view(ctx, EXAMPLE_VIEW_CALM));
	for (size_t i = 0; i < ROWS(strangers); i++)
		cr_expect(strstr(b.data, strangers[i]) == NULL, "%s", strangers[i]);
	for (at = b.data; (at = strstr(at, " id=\"")); at++) {
		char *id = talloc_strndup(ctx, at, strcspn(at + 5, "\"") + 6);

		cr_expect(strstr(b.data, id) == at, "%s twice", id);
	}
	for (at = b.data; (at = strstr(at, "aria-labelledby=\"")); at++) {
		const char *id = at + strlen("aria-labelledby=\"");

		cr_expect(strstr(b.data, talloc_asprintf(ctx, " id=\"%.*s\"", (int)strcspn(id, "\""), id)),
			  "%.40s", at);
	}
}

/* What a pool of the largest size can say at the most. */
static struct view *
largest(void)
{
	struct view *v = example_view(ctx, EXAMPLE_VIEW_NIGHT);
	char *longest = talloc_array(v, char, 256);

	cr_assert(longest != NULL);
	memset(longest, '"', 255);
	longest[255] = '\0';
	v->version = longest;
	v->n_workers = POOL_SLOTS;
	v->workers = talloc_array(v, struct worker_view, POOL_SLOTS);
	v->n_faults = FAULTS;
	v->faults = talloc_array(v, struct fault_view, FAULTS);
	v->n_samples = SAMPLES;
	v->samples = talloc_array(v, struct sample_view, SAMPLES);
	cr_assert(v->workers && v->faults && v->samples);
	for (int i = 0; i < POOL_SLOTS; i++)
		v->workers[i] = (struct worker_view){ INT32_MIN,
						      DOING_REQUEST,
						      longest + 255 - METRICS_TEXT_SIZE,
						      "product service",
						      INT64_MAX,
						      INT64_MAX,
						      0,
						      UINT64_MAX,
						      LONG_MAX };
	for (int i = 0; i < FAULTS; i++)
		v->faults[i] = (struct fault_view){
			0, longest + 250, longest + 215, longest + 63 + i, longest + 191, INT32_MIN,
			0, UINT64_MAX
		};
	for (int i = 0; i < SAMPLES; i++)
		v->samples[i] = (struct sample_view){ v->at_us - (int64_t)(SAMPLES - i) * 9900000,
						      123456.7,
						      123456.7,
						      123456.7,
						      123456.7,
						      INT64_MAX / 2,
						      INT64_MAX / 2,
						      INT64_MAX / 2 };
	return v;
}

Test(status_html, is_never_larger_than_it_may_be)
{
	write_page(largest());
	cr_expect(b.len < STATUS_HTML_MAX / 2, "%zu bytes", b.len);
}

Test(status_html, says_when_there_is_no_memory)
{
	const struct view *v = example_view(ctx, EXAMPLE_VIEW_NIGHT);

	for (size_t limit = 1; limit < 100000; limit += 1777) {
		buf_init(&b, ctx, limit);
		status_html(&b, v);
		cr_expect(b.failed, "%zu", limit);
	}
	buf_init(&b, ctx, 10);
	status_html_policy(&b);
	cr_expect(b.failed);
}

/* What a browser digests: all between the tags. */
static const char *
digest_of(const char *element)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *base64 = talloc_zero_size(ctx, 128);
	const char *from = strstr(b.data, talloc_asprintf(ctx, "<%s>", element)) + strlen(element) + 2;
	const char *to = strstr(from, talloc_asprintf(ctx, "</%s>", element));

	cr_assert(base64 && EVP_Digest(from, (size_t)(to - from), digest, NULL, EVP_sha256(), NULL) == 1);
	(void)EVP_EncodeBlock((unsigned char *)base64, digest, 32);
	return base64;
}

Test(status_html, allows_its_own_style_and_script_alone)
{
	struct buf policy;

	buf_init(&policy, ctx, 1024);
	status_html_policy(&policy);
	cr_assert_not(policy.failed);
	write_page(example_view(ctx, EXAMPLE_VIEW_CALM));
	expect_text(
		policy.data,
		talloc_asprintf(
			ctx,
			"default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; connect-src 'self'; "
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			digest_of("style"), digest_of("script")),
		"policy");
}
