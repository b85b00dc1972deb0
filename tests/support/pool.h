/*
 * The service as it runs in production: a web server and its pool of workers, on a port of its own, with a
 * database, a topic and a queue of its own. It ends with the process that started it at the latest.
 */
#ifndef SUPPORT_POOL_H
#define SUPPORT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/http.h"

#define POOL_PIDS 64

struct pool_options {
	int workers;		  /* 0: 3 */
	int products;		  /* port of the Product Service; 0: the samples */
	int sns;		  /* port of SNS; 0: the emulator */
	const char *settings[24]; /* "NAME=value", or "NAME" for none; ends with NULL */
	bool topic_arn;		  /* SNS_TOPIC_ARN names the topic, not SNS_TOPIC_NAME */
	bool unready;		  /* do not wait for /ready: /health is enough */
	const char *database;	  /* an existing one; NULL: a new one with the schema */
};

struct pool {
	int port;
	pid_t pid; /* of the web server, leader of a session of its own */
	char dir[128];
	char database[64];
	char topic[64];
	char queue[64];
};

/* Ends the program when the service does not start. */
struct pool pool_start(const struct pool_options *options);
/* Lets the requests at work finish. False: it had to be killed. */
bool pool_stop(struct pool *p);

/* The environment that the worker would be started with; ends with NULL. port: of the web server. */
char **pool_environment(const struct pool_options *options, const struct pool *p);

/* A new database with the schema. */
const char *database_new(void);
/* The URI for the worker's role. */
const char *database_url(const char *database);

/* One pool for all tests of a program: put SHARED_POOL(.workers = 4, …); into it once. Its tests tell their
 * data apart by the user. */
void pool_share(const struct pool_options *options);
struct pool *pool_shared(void);

#define SHARED_POOL(...)                                                                                     \
	ReportHook(PRE_ALL)(struct criterion_test_set * tests)                                               \
	{                                                                                                    \
		(void)tests;                                                                                 \
		pool_share(&(const struct pool_options){ __VA_ARGS__ });                                     \
	}                                                                                                    \
	struct swallow_semicolon

/* Processes of the pool called name ("orders.fcgi"), the oldest first, at most POOL_PIDS; returns how many. */
int pool_pids(const struct pool *p, const char *name, pid_t pids[static POOL_PIDS]);
/* Waits until the pool has n workers. */
bool pool_has_workers(const struct pool *p, int n, int limit_ms);

/* Everything that web server and workers have written to stderr. */
char *pool_log(const struct pool *p);
/* The first line of the log that holds both texts; NULL: there is none. */
char *pool_log_line(const struct pool *p, const char *a, const char *b);
/* The same, waiting for it. */
char *pool_log_wait(const struct pool *p, const char *a, const char *b, int limit_ms);

/* The first column of the first row, as the superuser, in the pool's database; "" for no row or NULL. */
const char *pool_sql(const struct pool *p, const char *sql);
const char *database_sql(const char *database, const char *sql);
/* Waits until the query gives this text. */
bool pool_sql_becomes(const struct pool *p, const char *sql, const char *wanted, int limit_ms);

/* ask() on the pool's port. */
struct answer pool_ask(const struct pool *p, const struct ask *a);
#define ASK(pool, ...) pool_ask(pool, &(const struct ask){ __VA_ARGS__ })

#endif
