/* The table of calls: each is one statement, and one round trip. For pg.c. */
#ifndef STORE_CALLS_H
#define STORE_CALLS_H

#include "store/pg.h"

enum {
	CHANGES = 1, /* something that a client asked for */
	WAITS = 2,   /* its end does, for synchronous standbys */
	RARE = 4,    /* no request needs it: not worth a name on every worker's connection */
};

struct call_text {
	const char *name; /* in the log, in /metrics, and on the connection once it is prepared */
	const char *sql;
	int params;
	int flags;
};

/* By enum call. */
extern const struct call_text calls[CALLS];

#endif
