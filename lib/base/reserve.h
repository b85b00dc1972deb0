/*
 * A reserve of memory for OpenSSL. libcurl signs with it and does not look whether a digest could be begun (7.88): without
 * memory it would crash the worker. What OpenSSL needs for that is small, so it gets it from here when there is no other.
 */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stdbool.h>

/* Before anything else calls OpenSSL, whose memory cannot be changed later. False: it was too late. */
bool reserve_for_openssl(void);

#endif
