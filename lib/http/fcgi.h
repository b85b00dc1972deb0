/*
 * The worker's loop: a FastCGI responder on fd 0, one request at a time. Signals are blocked except while
 * it waits, and looked for after each request, so none is cut short and no other call ever sees EINTR; only SIGALRM, the watchdog, comes at
 * any time, and it ends the process.
 */
#ifndef HTTP_FCGI_H
#define HTTP_FCGI_H

#include <stdbool.h>

#include "http/exchange.h"

struct fcgi_app {
	void *arg;
	/* Fills the answer. */
	http_answer_fn *answer;
	/* The answer is on its way; r's memory goes when this returns. busy: the next request is waiting.
	 * Returns the milliseconds until the application wants its turn. */
	int (*after)(void *arg, struct http_request *r, bool busy);
	/* No request is waiting, or the worker is about to leave. Returns the same. */
	int (*turn)(void *arg);
	/* Asked after each request: is this the end of this worker? */
	bool (*retire)(void *arg);
	/* Seconds that a request or a turn may take before the worker ends itself, wherever it is stuck; 0: any. */
	int deadline_s;
};

/* Serves until TERM, INT, USR1 or HUP, or retire(). From a shell, with no socket on fd 0, it answers one
 * request from the environment and stdin. Returns the process's exit status. */
int fcgi_serve(const struct fcgi_app *app);

#endif
