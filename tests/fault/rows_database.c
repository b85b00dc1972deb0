/* PostgreSQL goes, comes back, is full, is taken over by its standby, or has no time. */
#include <errno.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/cluster.h"
#include "fault/row.h"
#include "support/expect.h"
#include "support/test.h"

#define BACK_US 2000000
#define CALM_US 1000000 /* after the first good answer nobody is refused any more */
#define WORKERS 8

static const struct load_options mixed = {
	.clients = 16,
	.mix = { [LOAD_CREATE] = 5, [LOAD_REPEAT] = 2, [LOAD_CHANGE] = 3, [LOAD_GET] = 2, [LOAD_LIST] = 1 },
	.pause_ms = 20,
	.keep_alive = true,
};

struct outage {
	struct scene s;
	struct load *l;
	int64_t begun_us;
	double slowest_s; /* from the database's return to the first good answer */
};

static void
begin(struct outage *o, const struct pool_options *options)
{
	*o = (struct outage){ .s = scene_start(options), .begun_us = clock_us() };
	o->l = scene_load(&o->s, &mixed);
	go_on(full_or_quick(3000, 700));
}

/* The database can be written to since at_us. Goes on until it is known whether all workers have noticed. */
static void
note_return(struct outage *o, int64_t at_us)
{
	int64_t us = first_good_after(o->l, KIND(LOAD_CREATE), at_us, 20000), calm;
	double s = us < 0 ? 999 : (double)us / 1e6;
	struct load_figures f;

	o->slowest_s = s > o->slowest_s ? s : o->slowest_s;
	calm = at_us + (us < 0 ? 0 : us) + CALM_US;
	go_on((calm - clock_us()) / 1000 + full_or_quick(2000, 1000));
	f = load_figures(o->l, ALL_KINDS, calm, clock_us());
	demand(f.asked > 0 && f.refused == 0, "%ld of %ld requests were still refused a second later",
	       f.refused, f.asked);
}

/* While it lasts the only wrong answer is none: 503 and 504 are what a client can go by. */
static void
end(struct outage *o, double limit_s)
{
	struct load_figures f = load_figures(o->l, ALL_KINDS, o->begun_us, clock_us());

	figure("%ld requests, %ld refused, back %.2f s after the database", f.asked, f.refused, o->slowest_s);
	demand_time(o->slowest_s <= limit_s,
		    "the first good answer came %.2f s after the database could be written to", o->slowest_s);
	demand(f.other == 0 && f.cut == 0, "%ld answers were neither good nor 503, %ld requests had none",
	       f.other, f.cut);
	scene_end(&o->s, 30000, false, true);
}

static void
restart(enum cluster_end how)
{
	struct cluster c = cluster_start(NULL);
	struct outage o;

	begin(&o, &(const struct pool_options){ .workers = WORKERS });
	for (long i = 0; i < full_or_quick(5, 1); i++) {
		cluster_stop(&c, how);
		go_on(full_or_quick(1000, 300));
		cluster_again(&c);
		note_return(&o, clock_us());
	}
	end(&o, BACK_US / 1e6);
}

static void
run_fast(void)
{
	restart(CLUSTER_FAST);
}

static void
run_immediate(void)
{
	restart(CLUSTER_IMMEDIATE);
}

static void
run_kill(void)
{
	restart(CLUSTER_KILL);
}

static void
run_terminate(void)
{
	struct outage o;
	unsigned random = (unsigned)row_seed();
	int64_t until = clock_ms();
	long cut = 0;

	begin(&o, &(const struct pool_options){ .workers = WORKERS });
	until = clock_ms() + full_or_quick(20000, 3000);
	while (clock_ms() < until) {
		cut += strtol(
			pool_sql(
				&o.s.pool,
				text("SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity "
				     "WHERE datname = current_database() AND application_name = 'orders.fcgi' "
				     "ORDER BY md5(pid::text || '%d') LIMIT 2) AS t",
				     rand_r(&random))),
			NULL, 10);
		go_on(1 + rand_r(&random) % 100);
	}
	figure("%ld connections cut", cut);
	demand(cut > 0, "no connection was cut");
	note_return(&o, clock_us());
	end(&o, BACK_US / 1e6);
}

/* All connections are taken, by a superuser for whom no password is reckoned, and those of the workers cut, so that they want new ones. */
static void
run_too_many(void)
{
	enum { MOST = 400 };
	struct cluster c = cluster_start(NULL);
	struct outage o;
	static PGconn *held[MOST + 1];
	PGconn *su;
	const char *conninfo;
	int n = 0;

	begin(&o, &(const struct pool_options){ .workers = WORKERS });
	conninfo = text("%s dbname=%s", test_env("ORDERS_TEST_PG"), o.s.pool.database);
	su = PQconnectdb(conninfo);
	PQclear(PQexec(su, "SET client_min_messages = error")); /* who is to be cut may have gone */
	for (int failures = 0; n < MOST && failures < 20;) {
		if (n % 50 == 0 || failures)
			PQclear(PQexec(su, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
					   "WHERE application_name = 'orders.fcgi'"));
		held[n] = PQconnectdb(conninfo);
		if (PQstatus(held[n]) == CONNECTION_OK) {
			n++;
			continue;
		}
		PQfinish(held[n]);
		held[n] = NULL;
		failures++;
	}
	PQfinish(su);
	go_on(full_or_quick(5000, 1000));
	figure("%d connections taken", n);
	while (n > 0)
		PQfinish(held[--n]);
	note_return(&o, cluster_writable(&c, 20000));
	demand(load_figures(o.l, ALL_KINDS, o.begun_us, clock_us()).refused > 0,
	       "nobody was refused: the fault did not happen");
	end(&o, BACK_US / 1e6);
}

#define TMPFS_MB 320

static char full_dir[128];

static void
unmount(void)
{
	(void)umount2(full_dir, MNT_DETACH);
	(void)rmdir(full_dir);
}

/* Fills the file system until nothing more can be written. */
static void
fill(const char *path)
{
	static char block[65536];
	FILE *f = fopen(path, "we");

	if (!f)
		give_up("%s: %s", path, strerror(errno));
	for (size_t size = sizeof block; size >= 512; size /= 2)
		while (fwrite(block, 1, size, f) == size && fflush(f) == 0)
			;
	(void)fclose(f);
}

static void
run_disk_full(void)
{
	struct cluster c;
	struct outage o;
	const char *ballast;

	(void)snprintf(full_dir, sizeof full_dir, "%s/full", test_env("ORDERS_TEST_DIR"));
	if (mkdir(full_dir, 0711) != 0 ||
	    mount("tmpfs", full_dir, "tmpfs", 0, text("size=%dm,mode=711", TMPFS_MB)) != 0)
		not_here("a small tmpfs cannot be mounted: %s", strerror(errno));
	(void)atexit(unmount);
	c = cluster_start(full_dir);
	ballast = text("%s/ballast", full_dir);
	begin(&o, &(const struct pool_options){ .workers = WORKERS });
	for (long i = 0; i < full_or_quick(2, 1); i++) {
		long refused = load_figures(o.l, ALL_KINDS, o.begun_us, clock_us()).refused;

		fill(ballast);
		go_on(full_or_quick(8000, 3000));
		refused = load_figures(o.l, ALL_KINDS, o.begun_us, clock_us()).refused - refused;
		demand(refused > 0, "nobody was refused: the disk was not full");
		(void)unlink(ballast);
		if (!cluster_is_alive(&c)) /* it gave up: who has made room starts it again */
			cluster_again(&c);
		note_return(&o, cluster_writable(&c, 60000));
	}
	end(&o, BACK_US / 1e6);
	cluster_stop(&c, CLUSTER_IMMEDIATE);
}

static bool
is_synchronous(void *arg)
{
	return strcmp(pool_sql(arg, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"),
		      "1") == 0;
}

#define DEAF_MS 9500 /* a call, and a connection: then everybody knows */

static const struct load_options reading = {
	.rate = 100,
	.mix = { [LOAD_GET] = 2, [LOAD_HEALTH] = 2 },
};

/* PostgreSQL takes connections and calls, and says nothing: only those that find it out wait for it. */
static void
run_silent(void)
{
	struct cluster c = cluster_start(NULL);
	struct load_figures f, health;
	struct outage o;
	struct load *others;
	int64_t begun;

	begin(&o, &(const struct pool_options){ .workers = WORKERS });
	others = scene_load(&o.s, &reading);
	go_on(1000);
	cluster_freeze(&c);
	go_on(DEAF_MS);
	begun = clock_us();
	go_on(full_or_quick(15000, 2000));
	f = load_figures(others, KIND(LOAD_GET), begun, clock_us());
	health = load_figures(others, KIND(LOAD_HEALTH), begun, clock_us());
	cluster_thaw(&c);
	note_return(&o, cluster_writable(&c, 20000));
	figure("known to all after %d s: p99 of refusals then %.0f ms, of /health %.0f ms", DEAF_MS / 1000,
	       f.refused_p99_ms, health.p99_ms);
	demand(f.refused > 0 && f.refused == f.asked, "%ld of %ld reads were answered otherwise than 503",
	       f.asked - f.refused, f.asked);
	demand_time(f.refused_p99_ms <= 500, "p99 of what was refused: %.0f ms", f.refused_p99_ms);
	demand(health.good == health.asked, "%ld of /health failed", health.asked - health.good);
	demand_time(health.p99_ms <= 500, "p99 of /health: %.0f ms", health.p99_ms);
	end(&o, BACK_US / 1e6);
}

/* The synchronous standby is gone and nobody promotes anything: changes are refused, reads go on, and the connections that wait are
 * no more than there are workers. */
static void
run_standby_gone(void)
{
	struct cluster c = cluster_start(NULL);
	struct load_figures f;
	struct outage o;
	struct load *others;
	int64_t begun;
	long waiting;

	begin(&o, &(const struct pool_options){ .workers = WORKERS });
	others = scene_load(&o.s, &reading);
	go_on(1000);
	cluster_set(&c, "synchronous_standby_names = 'gone'");
	cluster_reload(&c);
	go_on(DEAF_MS);
	begun = clock_us();
	go_on(full_or_quick(30000, 4000));
	f = load_figures(others, ALL_KINDS, begun, clock_us());
	waiting = strtol(
		pool_sql(&o.s.pool, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
		NULL, 10);
	cluster_set(&c, "synchronous_standby_names = ''");
	cluster_reload(&c);
	note_return(&o, clock_us());
	figure("%ld connections wait, p99 of reads %.0f ms", waiting, f.p99_ms);
	demand(waiting > 0 && waiting <= WORKERS, "%ld connections wait, of %d workers", waiting, WORKERS);
	demand(f.good == f.asked, "%ld reads failed", f.asked - f.good);
	demand_time(f.p99_ms <= 500, "p99 of reads: %.0f ms", f.p99_ms);
	end(&o, BACK_US / 1e6);
}

/* A primary whose commits wait for its standby, and a pool that has been told of both. */
struct couple {
	struct cluster primary, standby;
	struct outage o;
};

static void
begin_couple(struct couple *c)
{
	char *password;
	const char *database;

	c->primary = cluster_start(NULL);
	c->standby = cluster_standby(&c->primary);
	password = read_file(text("%s/postgres/password", c->primary.dir), NULL);
	database = text("%s", database_new());
	cluster_set(&c->standby, "synchronous_standby_names = ''");
	cluster_set(&c->primary, "synchronous_standby_names = '*'");
	cluster_reload(&c->primary);
	begin(&c->o,
	      &(const struct pool_options){
		      .workers = WORKERS,
		      .database = database,
		      .settings = { text(
			      "DATABASE_URL=postgresql+asyncpg://orders_worker:%s@127.0.0.1:%d,127.0.0.1:%d/%s"
			      "?target_session_attrs=read-write",
			      password, c->primary.port, c->standby.port, database) } });
	demand(wait_until(10000, is_synchronous, &c->o.s.pool), "the standby is not synchronous");
}

/* From here on the standby is the database. */
static void
promote(struct couple *c)
{
	int64_t promoted;

	cluster_promote(&c->standby);
	promoted = cluster_writable(&c->standby, 20000);
	(void)setenv("ORDERS_TEST_PG", cluster_conninfo(&c->standby), 1);
	note_return(&c->o, promoted);
}

static void
run_failover(void)
{
	struct couple c;
	pid_t before[POOL_PIDS], after[POOL_PIDS];
	int n, kept = 0;

	begin_couple(&c);
	n = pool_pids(&c.o.s.pool, "orders.fcgi", before);
	go_on(full_or_quick(10000, 1500));
	cluster_stop(&c.primary, CLUSTER_KILL);
	go_on(full_or_quick(2000, 500));
	promote(&c);
	go_on(full_or_quick(5000, 1000));
	for (int i = 0, m = pool_pids(&c.o.s.pool, "orders.fcgi", after); i < m; i++)
		for (int j = 0; j < n; j++)
			kept += after[i] == before[j];
	demand(kept == n, "%d of %d workers did not live through it", n - kept, n);
	end(&c.o, 5);
}

/* The standby hangs: a commit waits for ever, and its session is cut by whoever loses patience. Nothing that the standby does
 * not have may be acknowledged, by nobody, and it is the standby that goes on. */
static void
run_standby_hangs(void)
{
	struct couple c;
	long cut = 0;

	begin_couple(&c);
	cluster_stop(&c.standby, CLUSTER_KILL);
	for (long i = 0; i < full_or_quick(30, 12); i++) {
		go_on(300);
		cut += strtol(pool_sql(&c.o.s.pool,
				       "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
				       "WHERE application_name = 'orders.fcgi' AND wait_event = 'SyncRep'"),
			      NULL, 10);
		/* As if all leases were over already: what the standby does not have must be told to nobody then either. */
		(void)pool_sql(
			&c.o.s.pool,
			"SET synchronous_commit = local; UPDATE orders.outbox SET next_attempt_at = now() "
			"WHERE (user_id, order_id, version) IN (SELECT user_id, order_id, version "
			"FROM orders.outbox WHERE next_attempt_at > now() FOR UPDATE SKIP LOCKED)");
	}
	cluster_stop(&c.primary, CLUSTER_KILL);
	cluster_set(&c.standby, "primary_conninfo = ''");
	cluster_start_again(&c.standby);
	promote(&c);
	figure("%ld waiting commits cut", cut);
	demand(cut > 0, "no commit waited");
	end(&c.o, 5);
}

#define LOCKED_AT_ONCE 16

/* An order that somebody has locked in the database: whoever wants to change it is told so in time, and the rest goes on. */
static void
run_locked(void)
{
	struct scene s = scene_start(&(const struct pool_options){ .workers = WORKERS });
	double peak = scene_peak(&s);
	struct load *l;
	struct load_figures before, during;
	PGconn *db;
	int64_t user = new_user(), order, begun, until, slowest = 0;
	long refused = 0, other = 0;

	order = place_order(&s.pool, user, 3, 1);
	l = scene_load(
		&s,
		&(const struct load_options){
			.rate = peak * 0.2,
			.mix = { [LOAD_CREATE] = 3, [LOAD_CHANGE] = 2, [LOAD_GET] = 3, [LOAD_LIST] = 1 } });
	go_on(1500);
	begun = clock_us();
	go_on(full_or_quick(10000, 2000));
	before = load_figures(l, ALL_KINDS, begun, clock_us());
	db = PQconnectdb(text("%s dbname=%s", test_env("ORDERS_TEST_PG"), s.pool.database));
	PQclear(PQexec(db, "BEGIN"));
	PQclear(PQexec(db, text("SELECT FROM orders.orders WHERE id = %lld FOR UPDATE", (long long)order)));
	begun = clock_us();
	until = clock_ms() + full_or_quick(60000, 3500);
	while (clock_ms() < until) {
		struct exchange x[LOCKED_AT_ONCE];
		const struct ask a = { .method = "PATCH",
				       .target = status_target(order),
				       .token = token_of(user),
				       .body = "{\"status\":\"confirmed\"}" };

		for (int i = 0; i < LOCKED_AT_ONCE; i++)
			x[i] = ask_send(s.pool.port, &a);
		for (int i = 0; i < LOCKED_AT_ONCE; i++) {
			struct answer answer = ask_receive(&x[i], 20000);

			refused += answer.status == 503 && field(&answer, "Retry-After") != NULL;
			other += answer.status != 503;
			slowest = answer.ms > slowest ? answer.ms : slowest;
		}
	}
	during = load_figures(l, ALL_KINDS, begun, clock_us());
	PQclear(PQexec(db, "ROLLBACK"));
	PQfinish(db);
	figure("%ld changes refused, the slowest after %.1f s", refused, (double)slowest / 1000);
	demand(refused > 0 && other == 0,
	       "%ld changes of the locked order were answered otherwise than 503 with Retry-After", other);
	demand_time(slowest <= 3000, "one was answered after %lld ms", (long long)slowest);
	demand_ratio("p99 of the others", during.p99_ms, before.p99_ms, 3, 120);
	demand(during.good == during.asked && before.good == before.asked,
	       "%ld of the others' requests failed", during.asked - during.good);
	demand(change_order(&s.pool, user, order, "confirmed").status == 200,
	       "it cannot be changed afterwards");
	scene_end(&s, 15000, false, true);
}

const struct row database_rows[] = {
	{ "pg-too-many", "too many connections", run_too_many, 120, MANY },
	{ "pg-restart", "PostgreSQL is restarted (fast)", run_fast, 180, MANY },
	{ "pg-immediate", "PostgreSQL is restarted (immediate)", run_immediate, 180, MANY },
	{ "pg-kill", "PostgreSQL is killed with -9", run_kill, 180, MANY },
	{ "pg-terminate", "connections are cut at random", run_terminate, 120, MANY },
	{ "pg-disk-full", "the disk of PostgreSQL is full", run_disk_full, 180, MANY },
	{ "pg-silent", "PostgreSQL stands still", run_silent, 120, MANY },
	{ "standby-gone", "the synchronous standby goes, and nobody does anything", run_standby_gone, 120,
	  MANY },
	{ "failover", "the primary is killed, its synchronous standby promoted", run_failover, 180, MANY },
	{ "standby-hangs", "the synchronous standby goes, waiting commits are cut, then it takes over",
	  run_standby_hangs, 180, MANY },
	{ "locked", "an order is locked in the database", run_locked, 180, ALONE },
	{ 0 },
};
