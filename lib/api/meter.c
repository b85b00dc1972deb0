#include "api/meter.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/metrics.h"

#define STATUSES 12 /* of one route whose series are found without a look at the pool's table */

/* Requests that no route is for are one kind, whatever their method and path: those are the clients' to make up. */
static const struct route other = { "other", "other", 0, NULL };

struct kind {
	const struct route *route;
	int number; /* the pool's */
	struct {
		int status;
		struct series *series;
	} seen[STATUSES];
};

struct meter {
	const struct route *routes;
	size_t n;
	struct kind kinds[]; /* n, and one for all others */
};

struct meter *
meter_open(void *ctx, const struct route *routes, size_t n)
{
	struct meter *m = talloc_zero_size(ctx, sizeof *m + (n + 1) * sizeof *m->kinds);
	char name[METRICS_TEXT_SIZE];

	if (!m)
		return NULL;
	m->routes = routes;
	m->n = n;
	for (size_t i = 0; i <= n; i++) {
		struct kind *k = &m->kinds[i];

		k->route = i < n ? &routes[i] : &other;
		(void)snprintf(name, sizeof name, "%s %s", k->route->method, k->route->pattern);
		k->number = metrics_route(i < n ? name : other.pattern);
	}
	return m;
}

static struct kind *
kind_of(struct meter *m, const struct route *route)
{
	return &m->kinds[route ? (size_t)(route - m->routes) : m->n];
}

void
meter_begin(struct meter *m, const struct route *route, int64_t started_us)
{
	metrics_doing(DOING_REQUEST, kind_of(m, route)->number, started_us / 1000);
}

static struct series *
find_series(const struct kind *k, int status)
{
	char labels[METRICS_TEXT_SIZE];

	/* Methods and patterns are our own: nothing in them needs an escape. */
	(void)snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",status=\"%d\"", k->route->pattern,
		       k->route->method, status);
	return metrics_series(TIMED_REQUEST, labels);
}

/* What is not found is looked for again each time: that is how it is counted as dropped. */
static struct series *
series_of(struct kind *k, int status)
{
	struct series *found;
	size_t i = 0;

	while (i < STATUSES && k->seen[i].series && k->seen[i].status != status)
		i++;
	if (i < STATUSES && k->seen[i].series)
		return k->seen[i].series;
	found = find_series(k, status);
	if (i < STATUSES) {
		k->seen[i].status = status;
		k->seen[i].series = found;
	}
	return found;
}

void
meter_end(struct meter *m, const struct route *route, int status, int64_t duration_us)
{
	metrics_observe(series_of(kind_of(m, route), status), duration_us);
	metrics_answered();
	if (status >= HTTP_SERVER_ERROR)
		metrics_count(COUNT_ERRORS, 1);
}

void
meter_idle(void)
{
	metrics_doing(DOING_IDLE, -1, clock_ms());
}
