#include "support/example_view.h"

#include <math.h>
#include <talloc.h>

#include "support/test.h"

#define AT_US EXAMPLE_VIEW_AT_US
#define S_US INT64_C(1000000)

static const struct worker_view workers[] = {
	{ 41207, DOING_IDLE, NULL, NULL, 12, 0, AT_US - 187320 * S_US, 812044, 11240 },
	{ 41208, DOING_REQUEST, "POST /api/v1/orders", "product service", 31, 28, AT_US - 187320 * S_US,
	  809317, 11508 },
	{ 41209, DOING_REQUEST, "GET /api/v1/orders", NULL, 1, 0, AT_US - 187320 * S_US, 811876, 11312 },
	{ 41210, DOING_PUBLISHING, NULL, "sns", 9, 8, AT_US - 187319 * S_US, 810423, 11400 },
	{ 41211, DOING_REQUEST, "PATCH /api/v1/orders/{order_id}/status", "database", 4, 3,
	  AT_US - 187319 * S_US, 811002, 11120 },
	{ 41212, DOING_IDLE, NULL, NULL, 4, 0, AT_US - 187319 * S_US, 809999, 11256 },
	{ 60017, DOING_SWEEPING, NULL, NULL, 2, 0, AT_US - 754 * S_US, 4120, 9980 },
	{ 60431, DOING_STARTING, NULL, NULL, 240, 0, AT_US, 0, 7416 },
};

static const struct worker_view worried[] = {
	{ 41207, DOING_REQUEST, "POST /api/v1/orders", "product service", 4815, 4809, AT_US - 187320 * S_US,
	  812044, 11240 },
	{ 41208, DOING_REQUEST, "POST /api/v1/orders", "product service", 3120, 3111, AT_US - 187320 * S_US,
	  809317, 11508 },
	{ 41209, DOING_REQUEST, "GET /api/v1/orders/{order_id}", "database", 3, 2, AT_US - 187320 * S_US,
	  811876, 11312 },
	{ 41210, DOING_IDLE, NULL, NULL, 9, 0, AT_US - 187319 * S_US, 810423, 11400 },
	{ 41211, DOING_REQUEST, "PATCH /api/v1/orders/{order_id}/status", "row", 1740, 1738,
	  AT_US - 187319 * S_US, 811002, 11120 },
	{ 41212, DOING_IDLE, NULL, NULL, 4, 0, AT_US - 187319 * S_US, 809999, 11256 },
	{ 60017, DOING_SWEEPING, NULL, "sns", 1210, 1205, AT_US - 754 * S_US, 4120, 9980 },
};

static const struct neighbour_view well[NEIGHBOURS] = {
	[NEIGHBOUR_PRODUCT] = { "product service", HEALTH_OK, false, 0, 0, 3, 41 },
	[NEIGHBOUR_SNS] = { "sns", HEALTH_OK, false, 0, 0, 1, 20 },
	[NEIGHBOUR_DATABASE] = { "database", HEALTH_OK, false, 0, 0, 0, 0 },
};

static const struct neighbour_view ill[NEIGHBOURS] = {
	[NEIGHBOUR_PRODUCT] = { "product service", HEALTH_FAILING, false, 2, 0, 3, 41 },
	[NEIGHBOUR_SNS] = { "sns", HEALTH_FAILING, true, 1206, 418, 2, 91207 },
	[NEIGHBOUR_DATABASE] = { "database", HEALTH_OK, false, 0, 0, 0, 0 },
};

static const struct fault_view faults[] = {
	{ AT_US - 3 * S_US, "warn", "sns.unavailable",
	  "Failed to connect to sns.eu-central-1.amazonaws.com port 443",
	  "7b0f2c1e-5b7b-4b1e-9a58-0f2d3a6f1c77", 60017, AT_US - 1206 * S_US, 1206 },
	{ AT_US - 7 * S_US, "warn", "product.timeout", "no answer within 5 s", "checkout-81f3", 41207,
	  AT_US - 7 * S_US, 1 },
	{ AT_US - 61 * S_US, "warn", "product.fault", "price of product 1207 is \"n/a\"", "checkout-81e9",
	  41208, AT_US - 61 * S_US, 1 },
	{ AT_US - 754 * S_US, "error", "worker.stuck", "", "", 41213, AT_US - 754 * S_US, 1 },
	{ AT_US - 1502 * S_US, "error", "sns.parked", "InvalidParameter: Invalid parameter: Message too long",
	  "", 41210, AT_US - 1502 * S_US, 1 },
};

/* A figure between 0 and 1 that looks like chance. */
static double
noise(int i, int salt)
{
	double x = sin(i * 12.9898 + salt * 78.233) * 43758.5453;

	return x - floor(x);
}

/* Sample i of 360, oldest first. */
static struct sample_view
sample(int i, bool night)
{
	double wave = sin(i / 57.0) * 30 + sin(i / 11.0) * 6, down = night && i > 296 ? i - 296 : 0;
	double p50 = 3 + noise(i, 1) * 0.6 + (down > 0 ? 1.5 : 0);

	return (struct sample_view){
		.at_us = AT_US - (int64_t)(359 - i) * 10 * S_US - 4 * S_US,
		.requests_per_s = 90 + wave + noise(i, 2) * 14 - down / 3,
		.errors_per_s = down > 0	      ? down / 12 * noise(i, 3)
				: noise(i, 4) > 0.985 ? 0.1
						      : 0,
		.p50_ms = p50,
		.p99_ms = p50 * (3 + noise(i, 5) * 4) + (down > 30 ? 1800 * noise(i, 6) : 0),
		.outbox_waiting = (int64_t)(noise(i, 7) * noise(i, 9) * 6 + down * 190),
		.outbox_parked = night && i > 208 ? 2 : 0,
		.outbox_age_ms = (int64_t)(noise(i, 8) * 80 + down * 10000),
	};
}

static void
fill_samples(struct view *v, bool night)
{
	v->samples = talloc_array(v, struct sample_view, SAMPLES);
	if (!v->samples)
		give_up("no memory");
	for (int i = 0; i < SAMPLES; i++)
		if (i < 96 || i > 138) /* the pool was away for seven minutes */
			v->samples[v->n_samples++] = sample(i, night);
}

static void
fill_neighbours(struct view *v, const struct neighbour_view n[static NEIGHBOURS])
{
	for (int i = 0; i < NEIGHBOURS; i++)
		v->neighbours[i] = n[i];
}

static const struct view views[EXAMPLE_VIEWS] = {
	[EXAMPLE_VIEW_CALM] = {
		.version = "0.1.0",
		.started_us = AT_US - 187320 * S_US,
		.at_us = AT_US,
		.workers_wanted = 8,
		.n_workers = sizeof workers / sizeof *workers,
		.n_faults = 1,
		.totals = { 5869120, 214, 1208, 1402117, 23, 2, 10, 1, 1, 0, 12, 3, 0 },
		.outbox = { AT_US - 2 * S_US, 4, 0, 61 },
	},
	[EXAMPLE_VIEW_NIGHT] = {
		.version = "0.1.0",
		.started_us = AT_US - 187320 * S_US,
		.at_us = AT_US,
		.workers_wanted = 8,
		.n_workers = sizeof worried / sizeof *worried,
		.n_faults = sizeof faults / sizeof *faults,
		.totals = { 5869120, 2140, 1208, 1402117, 1229, 4, 10, 1, 1, 1, 412, 3, 0 },
		.outbox = { AT_US - 2 * S_US, 11894, 2, 634210 },
	},
	[EXAMPLE_VIEW_EMPTY] = {
		.version = "",
		.started_us = AT_US,
		.at_us = AT_US,
	},
};

struct view *
example_view(void *ctx, enum example_view kind)
{
	struct view *v = talloc(ctx, struct view);

	if (!v)
		give_up("no memory");
	*v = views[kind];
	fill_neighbours(v, kind == EXAMPLE_VIEW_NIGHT ? ill : well);
	v->workers = talloc_memdup(v, kind == EXAMPLE_VIEW_NIGHT ? worried : workers,
				   v->n_workers * sizeof *workers);
	v->faults = talloc_memdup(v, kind == EXAMPLE_VIEW_NIGHT ? faults : faults + 4,
				  v->n_faults * sizeof *faults);
	if (!v->workers || !v->faults)
		give_up("no memory");
	if (kind == EXAMPLE_VIEW_EMPTY)
		for (int i = 0; i < NEIGHBOURS; i++)
			v->neighbours[i] = (struct neighbour_view){ .name = well[i].name };
	else
		fill_samples(v, kind == EXAMPLE_VIEW_NIGHT);
	return v;
}
