/* A TCP relay in front of a neighbour, with which the connection to it can be broken in the middle. */
#ifndef SUPPORT_RELAY_H
#define SUPPORT_RELAY_H

#include <sys/types.h>

enum relay_mode {
	RELAY_UP,
	RELAY_DOWN,	  /* connections are refused, and those that there are are reset */
	RELAY_FROZEN,	  /* connections are accepted, and nothing passes */
	RELAY_CUT_ANSWER, /* the next bytes that come back are dropped, their connection is reset; then up */
};

struct relay_state;

struct relay {
	int port;
	pid_t pid;
	struct relay_state *state;
};

struct relay relay_start(int to_port);
void relay_stop(struct relay *r);
/* Returns when it is so. */
void relay_set(struct relay *r, enum relay_mode mode);
/* How many answers RELAY_CUT_ANSWER has dropped. */
int relay_cuts(const struct relay *r);

#endif
