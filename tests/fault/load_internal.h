/* What the parts of the load share: its memory, its requests (load_requests.c) and its connections (load_clients.c). */
#ifndef FAULT_LOAD_INTERNAL_H
#define FAULT_LOAD_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/load.h"

#define RECORDS_MAX 4000000L
#define REQUEST_SIZE 2048

/* Sparse: what is not used costs nothing. */
struct load_memory {
	atomic_long count; /* records below it are whole */
	atomic_bool stopping, over;
	struct load_record records[RECORDS_MAX];
};

struct load_product {
	int64_t id, cents;
};

/* A request on its way. */
struct load_request {
	struct load_record r;
	bool repeatable;	/* may be sent again without having been asked for */
	int slot;		/* LOAD_GET, LOAD_CHANGE: of the order */
	int64_t expected_order; /* 0: not known */
	int64_t expected_cents;
	size_t len;
	char bytes[REQUEST_SIZE];
};

struct load_reply {
	int status;		    /* 0: none came */
	bool replayed, retry_after; /* the fields of these names came */
	const char *body;	    /* NUL-terminated */
	size_t len;
};

/* tokens: one for each user. All that is handed over must stay. */
void requests_init(const struct load_options *o, const struct load_product *products, size_t n,
		   const char *const *tokens);
/* The next request of the load. */
void request_make(struct load_request *q);
/* Fills q->r with what came of it, and learns from it for the requests to come. */
void request_done(struct load_request *q, const struct load_reply *a);

/* Does not return. */
_Noreturn void clients_run(const struct load_options *o, struct load_memory *m);

#endif
