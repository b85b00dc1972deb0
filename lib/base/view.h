/* A pool as it is now, copied out of its mapping for those who show it: plain values, each right by itself. */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include "base/pool.h"

/* A sample that is older says nothing of now: they are taken every ten seconds, later where all workers are busy. */
#define VIEW_FRESH_US INT64_C(25000000)
/* Nobody took any between two that are further apart: what was in between is not a figure of the second. */
#define VIEW_GAP_US INT64_C(60000000)

struct worker_view {
	int32_t pid;
	enum doing doing;
	const char *route;     /* "GET /api/v1/orders"; "other" where none fits; NULL: at no request */
	const char *waits_for; /* "product service", "row", "sns", "database"; NULL: nobody */
	int64_t since_ms;      /* for how long it has been doing this */
	int64_t waits_ms;      /* for how long it has waited */
	int64_t started_us;    /* wall */
	uint64_t requests;     /* answered since then */
	long rss_kb;	       /* KiB; 0: not to be known */
};

struct neighbour_view {
	const char *name; /* "product service", "sns", "database" */
	enum health health;
	bool open;		  /* its breaker */
	uint32_t failures;	  /* in a row */
	int64_t retry_in_ms;	  /* 0: now, or it is not open */
	uint64_t opened, refused; /* since the pool's start: how often, and how many that it kept away */
};

/* Ten seconds, or what lies between two samples that follow each other. */
struct sample_view {
	int64_t at_us; /* their end, wall */
	double requests_per_s, errors_per_s;
	double p50_ms, p99_ms;				      /* -1: there were no requests */
	int64_t outbox_waiting, outbox_parked, outbox_age_ms; /* -1: not known */
};

/* A kind of warning or error, as it came last. */
struct fault_view {
	int64_t at_us;		/* wall */
	const char *level;	/* "warn", "error" */
	const char *event;	/* "sns.unavailable" */
	const char *text;	/* the error, or a hint; "" */
	const char *request_id; /* "": between requests */
	int32_t pid;
	int64_t first_us; /* wall; so often since then */
	uint64_t times;
};

struct outbox_view {
	int64_t looked_at_us; /* wall; 0: nobody has yet, and the rest is 0 */
	int64_t waiting, parked;
	int64_t age_ms; /* of the oldest that waits, now */
};

struct totals_view {
	uint64_t requests, errors, replays;
	uint64_t published, failed, parked;	 /* events */
	uint64_t started, left, stuck, died;	 /* workers */
	uint64_t no_place_product, no_place_row; /* requests refused since too many waited already */
	uint64_t dropped;
};

struct view {
	const char *version;	   /* of the worker that started last; "" before the first */
	int64_t started_us, at_us; /* wall: when counting began, now */
	int workers_wanted;	   /* 0: unknown */
	struct worker_view *workers;
	size_t n_workers;
	struct neighbour_view neighbours[NEIGHBOURS];
	struct sample_view *samples; /* of the last hour, oldest first, with gaps where no pool ran */
	size_t n_samples;
	struct fault_view *faults; /* newest first */
	size_t n_faults;
	struct totals_view totals;
	struct outbox_view outbox;
};

/* All of it on ctx; NULL: no memory. p may be mapped for reading alone. */
const struct view *view_take(void *ctx, const struct pool *p);

/* The newest sample while it is fresh, so that it tells of now; NULL: there is none. */
const struct sample_view *view_now(const struct view *v);

/* "idle", "request", … */
const char *doing_name(enum doing d);

/* The counts of one series, for /metrics. */
struct series_view {
	char labels[METRICS_TEXT_SIZE];	   /* a="x",b="y" */
	uint64_t buckets[METRICS_BUCKETS]; /* how many took at most so long: the last one is all */
	uint64_t sum_us;
};

/* The series of a kind, sorted by their labels; *out on ctx. Returns how many; -1: no memory. */
int view_series(void *ctx, const struct pool *p, enum timed what, struct series_view **out);

#endif
