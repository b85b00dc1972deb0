#include "fault/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/test.h"

/* Commands of demo/parts.sh, with $1 the cluster's folder and $2 its port. */
static bool
succeeds(const struct cluster *c, const char *commands)
{
	return system(text(
		       "PARTS_ROOT='%s' sh -euc '. \"$PARTS_ROOT/demo/parts.sh\"; %s' sh '%s' %d >>'%s/cluster.log' 2>&1",
		       test_env("ORDERS_TEST_ROOT"), commands, c->dir, c->port, c->dir)) == 0;
}

static void
run(const struct cluster *c, const char *commands)
{
	char *said;

	if (succeeds(c, commands))
		return;
	said = read_file(text("%s/cluster.log", c->dir), NULL);
	give_up("%s: %s", commands, said ? said : "");
}

const char *
cluster_conninfo(const struct cluster *c)
{
	return text("host=%s/postgres port=%d user=postgres", c->dir, c->port);
}

static struct cluster
new_cluster(const char *parent)
{
	struct cluster c = { .port = free_port() };

	(void)snprintf(c.dir, sizeof c.dir, "%s/pg-XXXXXX", parent ? parent : test_env("ORDERS_TEST_DIR"));
	if (!mkdtemp(c.dir))
		give_up("%s: %s", c.dir, strerror(errno));
	if (system(text("chmod 711 '%s'", c.dir)) != 0)
		give_up("%s", c.dir);
	return c;
}

/* One with the schema, stopped: the rows' own are copies of it. */
static const char *
seed_dir(void)
{
	const char *dir = text("%s/pg-seed", test_env("ORDERS_TEST_DIR"));
	int lock = open(text("%s.lock", dir), O_CREAT | O_RDWR | O_CLOEXEC,
			0600); /* rows may run side by side */
	struct cluster seed;

	if (lock < 0 || flock(lock, LOCK_EX) != 0)
		give_up("%s.lock: %s", dir, strerror(errno));
	if (access(dir, F_OK) == 0) {
		(void)close(lock);
		return dir;
	}
	seed = new_cluster(NULL);
	run(&seed,
	    "postgres_start \"$1\" \"$2\" durable; postgres_database \"$1\" template;"
	    "owner=$(postgres_tcp_url \"$1\" orders_owner template); schema_deploy \"$owner\";"
	    "schema_worker \"$owner\" orders_worker \"$(cat \"$1/postgres/password\")\"; postgres_stop \"$1\"");
	if (rename(seed.dir, dir) != 0)
		give_up("%s: %s", dir, strerror(errno));
	(void)close(lock);
	return dir;
}

struct cluster
cluster_start(const char *parent)
{
	const char *seed = seed_dir();
	struct cluster c = new_cluster(parent);
	char *password;

	run(&c, text("cp -a %s/postgres \"$1/\"; postgres_start \"$1\" \"$2\" durable", seed));
	password = read_file(text("%s/postgres/password", c.dir), NULL);
	if (!password || setenv("ORDERS_TEST_PG", cluster_conninfo(&c), 1) != 0 ||
	    setenv("ORDERS_TEST_PG_URL",
		   text("postgresql://orders_worker:%s@127.0.0.1:%d/", password, c.port), 1) != 0)
		give_up("no cluster: %s", strerror(errno));
	return c;
}

struct cluster
cluster_standby(const struct cluster *primary)
{
	struct cluster c = new_cluster(NULL);

	run(&c,
	    text("mkdir -m 700 \"$1/postgres\"; cp -p %s/postgres/password \"$1/postgres/\";"
		 "[ \"$(id -u)\" != 0 ] || chown -R postgres: \"$1/postgres\"; postgres_user \"$1/postgres\";"
		 "$postgres_as pg_basebackup -D \"$1/postgres/data\" -R -c fast -X stream -d \"host=%s/postgres port=%d user=postgres\";"
		 "postgres_start \"$1\" \"$2\" durable",
		 primary->dir, primary->dir, primary->port));
	return c;
}

void
cluster_set(const struct cluster *c, const char *line)
{
	FILE *f = fopen(text("%s/postgres/data/postgresql.conf", c->dir), "ae");

	if (!f || fprintf(f, "%s\n", line) < 0 || fclose(f) != 0)
		give_up("postgresql.conf: %s", strerror(errno));
}

void
cluster_reload(const struct cluster *c)
{
	run(c, "postgres_psql \"$1\" postgres -c \"SELECT pg_reload_conf()\"");
}

void
cluster_promote(const struct cluster *c)
{
	run(c, "postgres_psql \"$1\" postgres -c \"SELECT pg_promote()\"");
}

void
cluster_stop(const struct cluster *c, enum cluster_end how)
{
	static const char *const commands[] = {
		[CLUSTER_FAST] = "postgres_stop \"$1\" fast",
		[CLUSTER_IMMEDIATE] = "postgres_stop \"$1\" immediate",
		[CLUSTER_KILL] =
			"pid=$(parts_pid \"$1\" postgres); kill -s KILL \"$pid\"; parts_stop \"$1\" postgres;"
			"parts_until 10 sh -c \"! kill -0 $pid 2>/dev/null\"",
	};

	run(c, commands[how]);
}

/* The postmaster comes first, so that it has no further children. */
#define SIGNAL_ALL(signal)                                                                                   \
	"pid=$(parts_pid \"$1\" postgres); kill -s " signal " \"$pid\"; "                                    \
	"for stat in /proc/[0-9]*/stat; do read -r child _ _ parent _ 2>/dev/null <\"$stat\" || continue; "  \
	"[ \"$parent\" != \"$pid\" ] || kill -s " signal " \"$child\" || :; done"

void
cluster_freeze(const struct cluster *c)
{
	run(c, SIGNAL_ALL("STOP"));
}

void
cluster_thaw(const struct cluster *c)
{
	run(c, SIGNAL_ALL("CONT"));
}

bool
cluster_is_alive(const struct cluster *c)
{
	return succeeds(c, "parts_alive \"$1\" postgres");
}

void
cluster_start_again(const struct cluster *c)
{
	run(c, "postgres_start \"$1\" \"$2\" durable");
}

void
cluster_again(const struct cluster *c)
{
	cluster_start_again(c);
	(void)cluster_writable(c, 60000);
}

static bool
is_writable(void *arg)
{
	PGconn *db = PQconnectdb(text("%s dbname=postgres connect_timeout=2", cluster_conninfo(arg)));
	PGresult *r = PQexec(
		db, "CREATE UNLOGGED TABLE writable (); DROP TABLE writable; SELECT pg_current_wal_lsn()");
	bool good = PQresultStatus(r) == PGRES_TUPLES_OK;

	PQclear(r);
	PQfinish(db);
	return good;
}

int64_t
cluster_writable(const struct cluster *c, int limit_ms)
{
	struct cluster copy = *c;

	if (!wait_until(limit_ms, is_writable, &copy))
		give_up("the database cannot be written to: %s",
			read_file(text("%s/postgres.log", c->dir), NULL));
	return clock_us();
}
