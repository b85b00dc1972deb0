#include "store/conn.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

bool
conn_wait(const PGconn *conn, short events, int64_t deadline)
{
	struct pollfd p = { .fd = PQsocket(conn), .events = events };

	return p.fd >= 0 && poll(&p, 1, clock_left_ms(deadline)) > 0;
}

void
conn_log(const PGconn *conn, const char *event, const char *call)
{
	char text[200];
	const char *message = PQerrorMessage(conn);
	size_t len = strcspn(message, "\n");

	len = len < sizeof text ? len : sizeof text - 1;
	memcpy(text, message, len);
	text[len] = '\0';
	log_warn(event, log_text("call", call), log_text("error", text));
}

static void
log_notice(void *arg, const char *message)
{
	(void)arg;
	log_warn("database.notice", log_text("message", message));
}

bool
conn_flush(PGconn *conn, int64_t deadline)
{
	int left;

	while ((left = PQflush(conn)) > 0)
		if (!conn_wait(conn, POLLIN | POLLOUT, deadline) || !PQconsumeInput(conn))
			return false;
	return left == 0;
}

bool
result_is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

PGresult *
conn_receive(PGconn *conn, int64_t deadline)
{
	PGresult *kept = NULL, *next, *dropped;

	for (;;) {
		while (PQisBusy(conn))
			if (!conn_wait(conn, POLLIN, deadline) || !PQconsumeInput(conn)) {
				PQclear(kept);
				return NULL;
			}
		next = PQgetResult(conn);
		if (!next)
			return kept;
		dropped = next;
		if (!kept || (result_is_good(kept) && !result_is_good(next))) {
			dropped = kept;
			kept = next;
		}
		PQclear(dropped);
	}
}

bool
result_has_state(const PGresult *result, const char *state)
{
	const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return got && strcmp(got, state) == 0;
}

PGconn *
conn_open(const char *conninfo, const struct host *h, int64_t deadline, bool *good)
{
	/* What stands behind dbname, the conninfo, counts more than it, and what stands before it less. Looking for a Kerberos
	 * ticket on each connection is for those who ask for it: the library that does it crashes without memory
	 * (libgssapi_krb5 1.20). */
	const char *gss = getenv("PGGSSENCMODE");
	const struct {
		const char *keyword, *value;
	} params[] = {
		{ "client_encoding", "UTF8" },
		{ "tcp_user_timeout", "10000" },
		{ "keepalives_idle", "10" },
		{ "keepalives_interval", "5" },
		{ "keepalives_count", "3" },
		{ "gssencmode", gss ? gss : "disable" },
		{ "dbname", conninfo },
		{ "host", h->host },
		{ "hostaddr", h->hostaddr },
		{ "port", h->port },
		{ "fallback_application_name", "orders.fcgi" },
	};
	const char *keywords[sizeof params / sizeof *params + 1] = { NULL },
							      *values[sizeof params / sizeof *params + 1];
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	PGconn *conn;

	for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
		keywords[i] = params[i].keyword;
		values[i] = params[i].value;
	}
	conn = PQconnectStartParams(keywords, values, 1);
	if (!conn)
		return NULL;
	(void)PQsetNoticeProcessor(conn, log_notice, NULL);
	while (PQstatus(conn) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
	       state != PGRES_POLLING_FAILED &&
	       conn_wait(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
		state = PQconnectPoll(conn);
	*good = state == PGRES_POLLING_OK && PQsetnonblocking(conn, 1) == 0;
	return conn;
}
