/* The hosts that a conninfo names. They are tried one by one, each within its time: libpq's asynchronous connect has no time-out
 * of a host's own, so that a first one that hangs would hide the others. */
#ifndef STORE_HOSTS_H
#define STORE_HOSTS_H

#include <stddef.h>

#include "rc.h"

/* As libpq's parameters of these names; all NULL: whatever the conninfo says as a whole. */
struct host {
	const char *host;
	const char *hostaddr;
	const char *port;
};

/*
 * Writes the hosts of a conninfo that libpq understands to *out, on ctx, in its order; at least one. Where they cannot be told
 * apart (an empty entry, counts that do not match) or are not to be tried one by one (prefer-standby), it is one: the whole.
 * RC_NO_MEMORY. https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
 */
enum rc hosts_parse(void *ctx, const char *conninfo, struct host **out, size_t *n) MUST_CHECK;

#endif
