/* Settings, the pool, the database. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <talloc.h>

#include "api/auth.h"
#include "base/clock.h"
#include "base/view.h"
#include "ctl/check.h"
#include "ctl/format.h"
#include "ctl/pool_show.h"
#include "store/operator.h"
#include "store/orders.h"
#include "store/outbox.h"

#define STALE_US INT64_C(60000000) /* an event that is owed for longer waits for something */
#define SETTINGS_ADVICE                                                                                      \
	"correct it in the file of settings that --env or ORDERS_ENV names; orders.fcgi(8) explains each"

static void
add_fault(void *arg, const char *line)
{
	check_add(arg, "settings", VERDICT_FAILED, SETTINGS_ADVICE, "%s", line);
}

/* RFC 7518 section 3.2: a key of the hash's size or more. */
static size_t
least_key(const char *algorithm)
{
	return (size_t)atoi(algorithm + 2) / 8;
}

void
check_settings(struct check *k)
{
	struct ctl *c = k->c;
	size_t before = k->n;
	const char *key;

	if (config_load(c->ctx, getenv, &c->config, add_fault, k)) {
		k->failed = k->failed || k->n == before; /* nobody said why */
		return;
	}
	if ((key = auth_check_key(&c->config)))
		add_fault(k, key);
	if (pg_check_conninfo(c->ctx, c->config.database_url))
		add_fault(k, "DATABASE_URL: wants a PostgreSQL URI that libpq understands");
	c->configured = k->n == before;
	if (!c->configured)
		return;
	if (config_is_hmac(&c->config) && c->config.secret_key_len < least_key(c->config.algorithm))
		check_add(k, "settings", VERDICT_WARNING,
			  "a longer one, from `openssl rand -hex 32`, here and where tokens are signed",
			  "SECRET_KEY: %zu bytes are fewer than %s wants, %zu", c->config.secret_key_len,
			  c->config.algorithm, least_key(c->config.algorithm));
	else
		check_add(k, "settings", VERDICT_OK, NULL, "complete; tokens are verified with %s",
			  c->config.algorithm);
}

static void
judge_neighbours(struct check *k, const struct view *v)
{
	for (int i = 0; i < NEIGHBOURS; i++)
		if (v->neighbours[i].health == HEALTH_FAILING)
			check_add(k, "pool", VERDICT_WARNING, "ordersctl status shows what the workers met",
				  "its workers do not get on with: %s", v->neighbours[i].name);
}

void
check_pool(struct check *k)
{
	const char *path = ctl_pool_path(k->c->ctx), *why;
	const struct pool *p = pool_find(k->c->ctx, path, &why);
	const struct view *v = p ? view_take(k->c->ctx, p) : NULL;

	if (!p) {
		check_add(k, "pool", VERDICT_WARNING,
			  "spawn.sh status, or systemctl status orders, tells more", "%s", why);
		return;
	}
	if (!v) {
		k->failed = true;
		return;
	}
	if (v->n_workers == 0) {
		check_add(k, "pool", VERDICT_WARNING,
			  "spawn.sh status, or systemctl status orders, tells more", "no worker runs at %s",
			  path);
		return;
	}
	if (v->workers_wanted && v->n_workers < (size_t)v->workers_wanted)
		check_add(k, "pool", VERDICT_WARNING, "spawn.sh status says why, or the log",
			  "%zu of %d workers", v->n_workers, v->workers_wanted);
	else
		check_add(k, "pool", strcmp(v->version, VERSION) == 0 ? VERDICT_OK : VERDICT_WARNING,
			  strcmp(v->version, VERSION) == 0
				  ? NULL
				  : "spawn.sh reload, or systemctl reload orders, starts the new one",
			  "%zu workers of version %s; this is %s", v->n_workers, v->version, VERSION);
	judge_neighbours(k, v);
}

static void
judge_schema(struct check *k, const struct database_facts *f)
{
	int64_t version;

	if (!f->schema && f->functions == 0) {
		check_add(k, "schema", VERDICT_FAILED, "orders-schema deploy",
			  "there is none in this database");
		return;
	}
	if (store_schema_version(k->c->pg, k->c->ctx, &version))
		check_add(k, "schema", VERDICT_FAILED, "see what is said of the role",
			  "it cannot be asked: %s", ctl_last_text());
	else if (version < STORE_SCHEMA_VERSION)
		check_add(k, "schema", VERDICT_FAILED, "orders-schema deploy",
			  "version %lld is older than the workers need, %d", (long long)version,
			  STORE_SCHEMA_VERSION);
	else
		check_add(k, "schema", VERDICT_OK, NULL, "version %lld", (long long)version);
}

static void
judge_role(struct check *k, const struct database_facts *f)
{
	if (f->functions == 0)
		return; /* said of the schema */
	if (!f->schema || f->refused)
		check_add(k, "role", VERDICT_FAILED,
			  talloc_asprintf(k->c->ctx, "orders-schema worker %s", f->role),
			  "%s may not call %lld of the schema's %lld functions", f->role,
			  (long long)(f->schema ? f->refused : f->functions), (long long)f->functions);
	else if (f->tables_open)
		check_add(
			k, "role", VERDICT_WARNING,
			"a role of the workers' own needs no more than the functions: orders-schema worker ROLE",
			"%s can read or change %lld tables by itself", f->role, (long long)f->tables_open);
	else if (f->statement_ms == 0 || f->statement_ms >= PG_CALL_MS)
		check_add(k, "role", VERDICT_WARNING,
			  talloc_asprintf(k->c->ctx,
					  "orders-schema worker %s, or ALTER ROLE … SET statement_timeout",
					  f->role),
			  "%s's statements are not ended before the workers give them up, after %d ms",
			  f->role, PG_CALL_MS);
	else
		check_add(k, "role", VERDICT_OK, NULL, "%s may call the %lld functions and touch no table",
			  f->role, (long long)f->functions);
}

static void
judge_outbox(struct check *k, const struct database_facts *f)
{
	int64_t waiting, parked, oldest_us, age_us;
	char n[FORMAT_SIZE], m[FORMAT_SIZE], age[FORMAT_SIZE];

	if (f->functions == 0)
		return; /* said of the schema */
	if (store_outbox_stats(k->c->pg, k->c->ctx, &waiting, &parked, &oldest_us)) {
		check_add(k, "outbox", VERDICT_FAILED, "see what is said of the schema and the role",
			  "it cannot be asked: %s", ctl_last_text());
		return;
	}
	age_us = oldest_us ? clock_wall_us() - oldest_us : 0;
	if (parked)
		check_add(k, "outbox", VERDICT_WARNING,
			  "ordersctl outbox list --parked says why; then retry, or discard",
			  "%s events are parked", format_count(m, parked));
	if (age_us > STALE_US)
		check_add(k, "outbox", VERDICT_WARNING,
			  "is SNS there, and a pool that sends? The last errors: ordersctl outbox list",
			  "%s events wait, the oldest for %s", format_count(n, waiting),
			  format_span(age, age_us / 1000));
	else
		check_add(k, "outbox", VERDICT_OK, NULL, "%s events wait", format_count(n, waiting));
}

void
check_database(struct check *k)
{
	struct ctl *c = k->c;
	struct database_facts f;
	int64_t before, after;
	char took[FORMAT_SIZE];
	enum rc rc;

	if (ctl_database(c)) {
		check_add(k, "database", VERDICT_FAILED, NULL, "not asked");
		return;
	}
	ctl_forget_events();
	if (store_database_facts(c->pg, c->ctx, &f)) {
		check_add(k, "database", VERDICT_FAILED,
			  "is DATABASE_URL right, PostgreSQL up, its pg_hba.conf as it should be?",
			  "no connection: %s", *ctl_last_text() ? ctl_last_text() : ctl_last_event());
		return;
	}
	before = clock_wall_us(); /* once more, now that there is a connection */
	rc = store_database_facts(c->pg, c->ctx, &f);
	after = clock_wall_us();
	if (rc || f.standby)
		check_add(
			k, "database", VERDICT_FAILED,
			"DATABASE_URL wants the primary: several hosts, and target_session_attrs=read-write",
			rc ? "lost: %s" : "a standby, which takes no orders%s", rc ? ctl_last_text() : "");
	else
		check_add(k, "database", VERDICT_OK, NULL, "PostgreSQL %lld.%lld as %s, in %s",
			  (long long)f.server_version / 10000, (long long)f.server_version % 10000, f.role,
			  format_latency(took, (double)(after - before) / 1000));
	if (rc)
		return;
	judge_schema(k, &f);
	judge_role(k, &f);
	judge_outbox(k, &f);
	check_clock(k, "the database", f.now_us, before, after, 0);
}
