/* One connection of libpq's that is never waited for beyond a deadline, a clock_ms(). For this folder alone. */
#ifndef STORE_CONN_H
#define STORE_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/hosts.h"

/* Connects; the caller's to PQfinish(). NULL: no memory. *good: it is connected, and does not block. */
PGconn *conn_open(const char *conninfo, const struct host *h, int64_t deadline, bool *good);

/* Waits until the socket is ready for events, of poll(). */
bool conn_wait(const PGconn *conn, short events, int64_t deadline);
/* Sends all of what was queued. */
bool conn_flush(PGconn *conn, int64_t deadline);
/* The first result or, should one follow it, the first error: a commit that fails says so behind the rows. The caller's to PQclear();
 * NULL: too late, or the connection broke. */
PGresult *conn_receive(PGconn *conn, int64_t deadline);

bool result_is_good(const PGresult *result);
bool result_has_state(const PGresult *result, const char *sqlstate);

/* Logs libpq's last words on one line. call may be NULL. */
void conn_log(const PGconn *conn, const char *event, const char *call);

#endif
