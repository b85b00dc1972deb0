/* The web server that the tests go through: what cannot be tested with it, and where its answers are not the contract's. */
#ifndef SUPPORT_SERVER_H
#define SUPPORT_SERVER_H

#include <criterion/criterion.h>

/* What a test may need of a web server and its configuration. */
enum trait {
	POOL_IS_ITS_OWN = 1 << 0, /* it starts the pool, and restarts and ends it with itself */
	POOL_IS_APART = 1 << 1,	  /* spawn.sh keeps it, and it may be away while the web server is there */
	POOL_IS_FULL =
		1 << 2, /* WORKERS of them are there from the start, and whoever dies is replaced at once */
	WAITS_FOR_BODIES = 1 << 3,
	REFUSES_SURPLUS = 1 << 4,  /* with MAX_WAITING requests at the pool others get 503 at once */
	LETS_WATCHERS_IN = 1 << 5, /* and yet a few of /health, /ready and /metrics are let in */
};

/* Why it has not got all of these; NULL: it has. */
const char *server_lacks(unsigned traits);

/* Leaves the test where the web server is not made for it. */
#define NEEDS(traits)                                                                                        \
	do {                                                                                                 \
		const char *lacks_ = server_lacks(traits);                                                   \
		if (lacks_)                                                                                  \
			cr_skip_test("%s", lacks_);                                                          \
	} while (0)

/* An answer of the web server itself where the contract has one of the worker, whatever its configuration. */
struct difference {
	const char *server; /* or what its name begins with */
	const char *row;    /* of the test, and of the table in docs/operations.md */
	int status;
	const char *detail;
};

/* This web server's, for a row; NULL: it answers as the contract says. */
const struct difference *server_difference(const char *row);
/* The first of all that the text does not show; NULL: it shows them all. */
const char *server_difference_missing_in(const char *text);

#endif
