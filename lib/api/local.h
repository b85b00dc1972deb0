/* Does somebody ask who sits at this very machine? */
#ifndef API_LOCAL_H
#define API_LOCAL_H

#include <stdbool.h>

#include "http/request.h"

/* True for a client whose address is the loopback's, that no proxy speaks for (X-Forwarded-For, X-Real-IP, Forwarded, Via), and that
 * asks under a name of the loopback's. A proxy on this machine that adds none of these fields cannot be told from a client. */
bool local_request(const struct http_request *r);

#endif
