#include "fault/around.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "support/events.h"
#include "support/fastcgi.h"
#include "support/json.h"
#include "support/test.h"

#define ANSWER_MS 5000

static PGconn *su;
static struct pool pool; /* which runs none */

const char *
around_sql(const char *statement)
{
	PGresult *r = PQexec(su, statement);
	ExecStatusType status = PQresultStatus(r);
	const char *value;

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		give_up("%s: %s", statement, PQerrorMessage(su));
	value = text("%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return value;
}

long
around_count(const char *statement)
{
	return strtol(around_sql(statement), NULL, 10);
}

bool
around_take_events(void *arg)
{
	struct answer a = sqs_call(
		"ReceiveMessage",
		text("{\"QueueUrl\":\"http://127.0.0.1:%d/000000000000/%s\",\"MaxNumberOfMessages\":10,"
		     "\"WaitTimeSeconds\":0,\"VisibilityTimeout\":40000}",
		     events_port(), pool.queue));
	struct json_object *doc = json_read(a.body);
	int n = json_count(doc, "Messages");

	(void)arg;
	for (int i = 0; i < n; i++)
		(void)around_sql(text("INSERT INTO arrived VALUES ('%s')",
				      json_get(json_get(json_at(doc, text("Messages.%d.Body", i)), "Message"),
					       "event_id")));
	return n <= 0;
}

/* Without a password, whose 4096 rounds of HMAC are some 16,000 allocations, all alike. */
static char *
socket_url(void)
{
	char host[256];
	int port;

	if (sscanf(test_env("ORDERS_TEST_PG"), "host=%255s port=%d", host, &port) != 2)
		give_up("ORDERS_TEST_PG: %s", test_env("ORDERS_TEST_PG"));
	return text("DATABASE_URL=postgresql://orders_worker@/%s?host=%s&port=%d", pool.database, host, port);
}

const char *
around_password_url(void)
{
	return database_url(pool.database);
}

void
around_open(void *ctx)
{
	struct pool_options options = { 0 };
	char **env;

	(void)snprintf(pool.dir, sizeof pool.dir, "%s/pools", test_env("ORDERS_TEST_DIR"));
	(void)snprintf(pool.topic, sizeof pool.topic, "topic-memory");
	(void)snprintf(pool.queue, sizeof pool.queue, "queue-memory");
	(void)snprintf(pool.database, sizeof pool.database, "%s", database_new());
	events_subscribe(pool.topic, pool.queue);
	options.settings[0] = socket_url();
	env = pool_environment(&options, &pool);
	for (size_t i = 0; env[i]; i++)
		if (putenv(talloc_strdup(ctx, env[i])) != 0)
			give_up("putenv: %s", strerror(errno));
	su = PQconnectdb(text("%s dbname=%s", test_env("ORDERS_TEST_PG"), pool.database));
	(void)around_sql("CREATE TEMPORARY TABLE arrived (event_id uuid)");
}

void
around_close(void)
{
	PQfinish(su);
}

static const char *
socket_path(void)
{
	return text("%s/memory.sock", test_env("ORDERS_TEST_DIR"));
}

int
around_listen(void)
{
	(void)unlink(socket_path());
	return fastcgi_listen(socket_path());
}

int
around_ask_health(int listener)
{
	const struct ask health = { .target = "/health" };
	struct exchange x = fastcgi_send(fastcgi_dial(socket_path()), &health);

	(void)close(listener);
	return fastcgi_receive(&x, ANSWER_MS).status;
}
