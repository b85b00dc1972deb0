/*
 * Clients of the service: a process of its own that places, reads and changes orders, and the record of what each
 * request was and what was answered. The record is what the audit holds against the database and the queue.
 */
#ifndef FAULT_LOAD_H
#define FAULT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum load_kind {
	LOAD_CREATE, /* an order of 1 to 3 lines; every other one under an Idempotency-Key */
	LOAD_REPEAT, /* the same key and bytes as an earlier LOAD_CREATE of the load: one that was refused or cut, if there is
			 such a one, else one that was acknowledged, now and then one that is still on its way */
	LOAD_CHANGE, /* the next legal status of an order that was acknowledged, now and then a cancellation, without a key.
			 LOAD_CREATE instead while there is no order that it could change */
	LOAD_GET, /* an order that was acknowledged. A load that places none itself begins with 64 LOAD_CREATE */
	LOAD_LIST, /* limit=20 */
	LOAD_HEALTH,
	LOAD_BAD, /* wrong token, wrong body, wrong path, unknown product, by turns: any 4xx is the right answer */
	LOAD_KINDS
};

struct load_options {
	int port;
	int clients; /* closed loop: that many, each with a request on its way at any time */
	double rate; /* > 0: open loop: so many requests a second on a schedule, whatever becomes of them; clients is then the
			    most at once, 0: 4096 */
	int mix[LOAD_KINDS]; /* weights */
	bool keep_alive;     /* else a connection a request */
	int pause_ms; /* closed loop: how long a client waits after an answer that was refused or cut; 0: 20, -1: not at all */
	int timeout_ms;	    /* of one request; 0: 30000 */
	int64_t first_user; /* users first_user … first_user + users - 1 */
	int users;	    /* 0: 50 */
	uint64_t seed;
	long requests; /* stop by itself after so many; 0: until load_stop() */
	/* "id:cents,id:cents" that the Product Service of the pool sells; NULL: those of the samples that are well in stock, at the
	 * prices that it says when the load starts. */
	const char *products;
};

#define LOAD_LINES_MAX 3

/* One request, as the client saw it. */
struct load_record {
	uint8_t kind;	/* enum load_kind */
	uint8_t lines;	/* of the order */
	uint8_t to;	/* LOAD_CHANGE: the status asked for, as lib/order/status.h numbers them */
	bool replayed;	/* Idempotent-Replayed: true */
	int16_t status; /* of the answer; 0: none came (refused, cut, not HTTP, or out of time) */
	bool wrong;	/* an answer that is not what was asked for: see load_requests.c */
	bool again; /* sent a second time, since its kept connection had ended without a byte of an answer: what clients do
			     on their own, with requests that may be repeated (GET, or under a key) */
	int64_t user;
	int64_t key; /* number of the Idempotency-Key, 0: none was sent. LOAD_REPEAT bears that of its original */
	int64_t order_id;    /* of the answer, or the one that was asked for */
	int64_t total_cents; /* of the answer */
	struct {
		int64_t product, quantity;
	} items[LOAD_LINES_MAX]; /* LOAD_CREATE, LOAD_REPEAT: what was ordered, so many as lines */
	int64_t started_us;	 /* clock_us(): when it was due (open loop) or sent */
	int64_t took_us;	 /* from started_us to the last byte, or to the end of waiting */
};

struct load;

struct load *load_start(const struct load_options *options);
/* Starts no more requests, waits for those on their way, ends the process. Idempotent. */
void load_stop(struct load *l);
void load_free(struct load *l);
/* True once a load with a number of requests has made them. */
bool load_is_over(const struct load *l);

/* The share of the machine's processors that a load which has not ended took in the last wall_us. *seconds: of processor time that
 * it had taken before, and has taken now. */
double load_share(const struct load *l, int64_t wall_us, double *seconds);

long load_count(const struct load *l); /* records so far */
const struct load_record *load_record(const struct load *l, long i);
/* The Idempotency-Key of a number: "load-<seed>-<number>". Loads of one pool want different seeds. */
const char *load_key(const struct load *l, int64_t key);

/* What became of the requests of these kinds (bits 1 << enum load_kind) that started in a window of clock_us(). */
struct load_figures {
	long asked;
	long good; /* the right answer: 2xx, 4xx to LOAD_BAD, 400 to a change that may have been made before */
	long refused;		       /* 503, 504 */
	long other;		       /* wrong ones, other 4xx and 5xx */
	long cut;		       /* no answer */
	long again;		       /* of all these, sent a second time */
	double per_s;		       /* good ones */
	double p50_ms, p99_ms, max_ms; /* of the good ones */
	double refused_p99_ms;
	int64_t longest_gap_us; /* between the ends of two good answers, or one and the window's edge */
};
struct load_figures load_figures(const struct load *l, unsigned kinds, int64_t from_us, int64_t to_us);

#endif
