/*
 * A neighbour that can be told to misbehave: the Product Service or SNS, played by a process of its own that
 * ends with the test. What it was asked stands in memory that it shares with the test.
 */
#ifndef SUPPORT_PEER_H
#define SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum peer_act {
	PEER_ANSWER,  /* send bytes and wait for the next request on the connection */
	PEER_CLOSE,   /* send bytes and close */
	PEER_RESET,   /* send bytes and reset the connection */
	PEER_DRIP,    /* send bytes one by one, delay_ms between them, and close */
	PEER_HANG,    /* send bytes, and nothing more until the other side gives up */
	PEER_ENDLESS, /* send bytes, then fill for ever */
	PEER_FORWARD, /* ask the port `forward` instead and pass its answer on */
	PEER_SWALLOW, /* the same, but reset the connection instead of passing the answer on */
	PEER_CALL,    /* do what `handle` does */
};

struct peer_request;

/* Runs in the peer's threads: nothing of test.h. Returns true when the connection stays. */
typedef bool peer_handle_fn(int fd, const struct peer_request *request, int forward);

struct peer_rule {
	enum peer_act act;
	int delay_ms; /* before answering */
	int times;    /* for so many requests only, then the rule is forgotten; 0: for ever */
	int forward;
	const char *bytes; /* the answer, head and all; NULL: none */
	size_t len;	   /* 0: strlen(bytes) */
	const char *fill;
	peer_handle_fn *handle;
};

/* A request as it came. */
struct peer_request {
	const char *target;
	const char *head; /* request line and fields */
	const char *body;
	size_t body_len;
	int64_t at_ms;
};

struct peer_state;

struct peer {
	int port;
	pid_t pid;
	struct peer_state *state;
};

/* Answers a request for which there is no rule: writes the whole answer to out and returns its length, 0 for a
 * 404. Runs in the peer's threads: nothing of test.h. */
typedef size_t peer_default_fn(const char *target, char *out, size_t size);

struct peer peer_start(peer_default_fn *otherwise);
void peer_stop(struct peer *p);

/* target "": every request without a rule of its own. A new rule for a target replaces the old one. */
void peer_on(struct peer *p, const char *target, const struct peer_rule *rule);
#define PEER_ON(peer, target, ...) peer_on(peer, target, &(const struct peer_rule){ __VA_ARGS__ })

/* The status, application/json, body; 503 with Retry-After. */
__attribute__((returns_nonnull)) const char *http_json(int status, const char *body);
/* GET /api/v1/products/{id} answers body. */
void peer_product(struct peer *p, int64_t id, const char *body);
const char *product_target(int64_t id);
/* A good product: {"id":…,"name":"Product 5","price":price,"stock_quantity":stock}. price is JSON. */
void peer_sells(struct peer *p, int64_t id, const char *price, int64_t stock);

/* For a handle: asks the port instead and passes the answer on. False: there was none. */
bool peer_forward(int fd, const struct peer_request *request, int port);
/* The same, but writes the whole answer to out, NUL-terminated; returns its length, 0: there was none. */
size_t peer_ask(const struct peer_request *request, int port, char *out, size_t size);

/* Down: connections are refused, and those that there are end. */
void peer_set_down(struct peer *p, bool down);

/* How often target was asked for; NULL: anything. */
int peer_count(const struct peer *p, const char *target);
bool peer_waits_for(const struct peer *p, const char *target, int n, int limit_ms);
/* The nth request (from 0) for target. give_up() when there is none. */
struct peer_request peer_request(const struct peer *p, const char *target, int nth);
/* A field of it; NULL when there is none. */
const char *peer_field(const struct peer_request *r, const char *name);
/* The most requests that were being answered at the same time. */
int peer_most_at_once(const struct peer *p);
/* Connections accepted so far. */
int peer_connections(const struct peer *p);

#endif
