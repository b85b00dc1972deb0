/* A pool's view as ordersctl writes it. */
#include "ctl/pool_show.h"

#include "support/example_view.h"
#include "support/json.h"
#include "table.h"

static void *ctx;
static struct buf b;

static void
open_buf(void)
{
	ctx = talloc_new(NULL);
	buf_init(&b, ctx, 1u << 20);
}

static void
close_buf(void)
{
	talloc_free(ctx);
}

TestSuite(pool_show, .init = open_buf, .fini = close_buf);

/* What json_get() says of pool_show_json(). */
static const char *
told(const struct view *v, const char *path)
{
	b.len = 0;
	pool_show_json(&b, v);
	buf_putc(&b, '\0');
	cr_assert_not(b.failed);
	return json_get(b.data, path);
}

static const char *
shown(const struct view *v)
{
	b.len = 0;
	cr_assert(pool_show_text(&b, ctx, v, &(const struct pool_show){ .rate = -1 }));
	buf_putc(&b, '\0');
	return b.data;
}

Test(pool_show, does_not_show_old_figures_as_those_of_now)
{
	static const struct {
		int64_t age_us;
		bool fresh;
	} rows[] = { { 0, true }, { VIEW_FRESH_US, true }, { VIEW_FRESH_US + 1, false } };
	struct view *v = example_view(ctx, EXAMPLE_VIEW_CALM);

	for (size_t i = 0; i < ROWS(rows); i++) {
		v->at_us = v->samples[v->n_samples - 1].at_us + rows[i].age_us;
		cr_expect_eq(!strstr(shown(v), "no rate yet"), rows[i].fresh, "%lld",
			     (long long)rows[i].age_us);
	}
}

Test(pool_show, has_each_count_by_the_name_that_metrics_have)
{
	static const struct {
		const char *path, *value, *why;
	} rows[] = {
		{ "neighbours.0.refused", "41", "orders_breaker_refused_total" },
		{ "totals.places_refused_product", "412", "orders_places_refused_total" },
		{ "totals.places_refused_row", "3", "orders_places_refused_total" },
		{ "totals.series_dropped", "7", "orders_series_dropped_total" },
	};
	struct view *v = example_view(ctx, EXAMPLE_VIEW_NIGHT);

	v->totals.dropped = 7;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_text(told(v, rows[i].path), rows[i].value, rows[i].why);
	cr_expect(strstr(shown(v), "REFUSED"), "%s", b.data);
}
