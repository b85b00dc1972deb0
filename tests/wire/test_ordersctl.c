/* ordersctl beside a pool at work: what it says of it, what it does about its events. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "support/expect.h"
#include "support/fastcgi.h"
#include "support/peer.h"

#define UNKNOWN "6f0c2f3e-9d0a-4a51-8b1c-2f8f3e1d0a11"

TestSuite(ordersctl, .timeout = 120);

SHARED_POOL(.workers = 2);

static struct arrived mail[EVENTS_MAX];

static const char *
program(void)
{
	const char *worker = test_env("ORDERS_TEST_WORKER");

	return text("%.*s/ordersctl", (int)(strrchr(worker, '/') - worker), worker);
}

#define ARGS_MAX 16

/* ordersctl with the pool's settings, some of them replaced. Both lists end with NULL. */
static struct ran
run_with(const struct pool *p, const struct pool_options *o, const char *const *args)
{
	const char *argv[ARGS_MAX] = { program() };

	for (size_t i = 0; args[i] && i < ARGS_MAX - 2; i++)
		argv[i + 1] = args[i];
	return program_run(argv, pool_environment(o, p), NULL);
}
#define CTL(pool, ...)                                                                                       \
	run_with(pool, &(const struct pool_options){ 0 }, (const char *const[]){ __VA_ARGS__, NULL })

/* The same, which has to succeed; what it prints. */
static const char *
says(const struct pool *p, const struct pool_options *o, const char *const *args)
{
	struct ran r = run_with(p, o, args);

	cr_assert(r.status == 0, "%s: %d %s%s", args[0], r.status, r.out, r.err);
	return r.out;
}
#define SAYS(pool, ...)                                                                                      \
	says(pool, &(const struct pool_options){ 0 }, (const char *const[]){ __VA_ARGS__, NULL })

static const char *
event_of(const struct pool *p, int64_t order_id, int version)
{
	return json_get(SAYS(p, "order", text("%lld", (long long)order_id), "--json"),
			text("events.%d.event_id", version - 1));
}

static const char *
state_of(const struct pool *p, int64_t order_id, int version)
{
	return json_get(SAYS(p, "order", text("%lld", (long long)order_id), "--json"),
			text("events.%d.state", version - 1));
}

static bool
has(const char *haystack, const char *needle)
{
	return strstr(haystack, needle) != NULL;
}

/* What bash makes of "ordersctl outbox show " there. */
static const char *
completed(const struct pool *p)
{
	const char *const argv[] = {
		"/bin/bash", "-c",
		"cd \"$ORDERS_TEST_ROOT\" && . docs/ordersctl.bash-completion && COMP_WORDS=(\"$0\" outbox show '') COMP_CWORD=3 && "
		"_ordersctl && printf '%s\\n' \"${COMPREPLY[@]}\"",
		program(), NULL
	};

	return program_run(argv, pool_environment(&(const struct pool_options){ 0 }, p), NULL).out;
}

/* SNS is down; of two orders' events one is given up, the others go when it returns. */
Test(ordersctl, shows_what_is_owed_has_it_tried_again_and_gives_it_up)
{
	struct peer sns = peer_start(NULL);
	struct pool p;
	const char *first, *listed, *status;
	int64_t a, b;
	struct ran r;

	PEER_ON(&sns, "/", .act = PEER_FORWARD, .forward = events_port());
	p = pool_start(&(const struct pool_options){ .workers = 2, .sns = sns.port });
	peer_set_down(&sns, true);
	a = place_order(&p, 9, 3, 1);
	lead_order(&p, 9, a, "confirmed");
	b = place_order(&p, 9, 3, 1);
	cr_assert(pool_log_wait(&p, "\"event\":\"sns.unavailable\"", "", 10000) != NULL);
	first = event_of(&p, a, 1);

	cr_expect(json_get_i64(SAYS(&p, "outbox", "stats", "--json"), "waiting") == 3);
	cr_expect(has(SAYS(&p, "outbox", "stats"), "3 waiting, the oldest for "));
	listed = SAYS(&p, "outbox", "list", "--json");
	cr_expect(json_count(json_read(listed), "") == 3, "%s", listed);
	cr_expect_str_eq(json_get(listed, "0.event_id"), first);
	cr_expect_str_eq(json_get(listed, "1.waits_for"), "1");
	cr_expect(json_count(json_read(SAYS(&p, "outbox", "list", "--limit", "1", "--json")), "") == 1);
	cr_expect_str_eq(SAYS(&p, "outbox", "list", "--parked"), "no event is parked\n");
	cr_expect(has(completed(&p), first) && has(completed(&p), "--json"), "%s", completed(&p));
	cr_expect(has(SAYS(&p, "outbox", "show", first), "State           waiting\n"));

	status = SAYS(&p, "status", "--json");
	cr_expect(json_get_i64(status, "totals.requests") >= 4 &&
			  json_count(json_read(status), "workers") == 2,
		  "%s", status);
	cr_expect_str_eq(json_get(status, "neighbours.1.name"), "sns");
	cr_expect_str_eq(json_get(status, "neighbours.1.health"), "failing");
	cr_expect_str_eq(json_get(status, "faults.0.event"), "sns.unavailable");

	cr_expect(has(SAYS(&p, "outbox", "retry", first, "--dry-run"), "would be due now"));
	cr_expect_str_eq(json_get(SAYS(&p, "outbox", "retry", first, "--json"), "0.outcome"), "retried");
	(void)pool_sql(
		&p, text("UPDATE orders.outbox SET parked_at = now() WHERE order_id = %lld", (long long)b));
	cr_expect_str_eq(SAYS(&p, "outbox", "retry", "--parked", "--dry-run"),
			 "1 parked events would be due now\n");
	cr_expect_str_eq(state_of(&p, b, 1), "parked");
	cr_expect_str_eq(SAYS(&p, "outbox", "retry", "--parked"), "1 parked events are due now\n");
	cr_expect_str_eq(state_of(&p, b, 1), "waiting");

	r = CTL(&p, "outbox", "discard", first, "--reason", "a test", "--dry-run", UNKNOWN);
	cr_expect(r.status == 1 && has(r.out, "would be discarded") && has(r.out, "unknown"), "%s", r.out);
	cr_expect_str_eq(state_of(&p, a, 1), "waiting", "a rehearsal");
	cr_expect(has(SAYS(&p, "outbox", "discard", first, "--reason", "a \033[31mtest"), "  discarded\n"));
	cr_expect(has(SAYS(&p, "outbox", "discard", first, "--reason", "again"), "discarded before"));
	cr_expect(has(SAYS(&p, "order", text("%lld", (long long)a)), ": a ?[31mtest"), "and harmless");

	peer_set_down(&sns, false);
	cr_expect(pool_sql_becomes(&p, "SELECT count(*) FROM orders.outbox", "0", 15000));
	cr_expect(events_wait(&p, a, 1, 10000, mail) == 1 && mail[0].version == 2, "the next one went on");
	cr_expect(events_wait(&p, b, 1, 10000, mail) == 1);
	cr_expect_str_eq(state_of(&p, a, 1), "discarded");
	cr_expect_str_eq(state_of(&p, a, 2), "sent");
	cr_expect(has(SAYS(&p, "outbox", "retry", first), "nothing to do: discarded before"));
	cr_expect_str_eq(SAYS(&p, "outbox", "stats"), "0 waiting, 0 parked\n");
	cr_expect_str_eq(SAYS(&p, "outbox", "list", "--json"), "[]\n");
	cr_expect(pool_stop(&p));
}

Test(ordersctl, shows_an_order_of_whomever)
{
	const struct pool *p = pool_shared();
	int64_t user = new_user(), id = place_order(p, user, 3, 2);
	const char *shown, *json;
	struct ran r;

	lead_order(p, user, id, "shipped");
	(void)pool_sql(
		p,
		text("UPDATE orders.order_changes SET reason = 'staff', note = 'by hand' WHERE order_id = %lld AND version = 3",
		     (long long)id));
	json = SAYS(p, "order", text("%lld", (long long)id), "--json");
	cr_expect(json_get_i64(json, "order.id") == id && json_get_i64(json, "order.user_id") == user, "%s",
		  json);
	cr_expect_str_eq(json_get(json, "order.total_amount"), "91.00");
	cr_expect_str_eq(json_get(json, "user_email"), text("user%lld@example.com", (long long)user));
	cr_expect(json_count(json_read(json), "events") == 3, "%s", json);
	cr_expect_str_eq(json_get(json, "events.2.old_status"), "confirmed");
	shown = SAYS(p, "order", text("%lld", (long long)id));
	cr_expect(has(shown, "USB-C Hub") && has(shown, "91.00") && has(shown, "confirmed -> shipped"), "%s",
		  shown);
	r = CTL(p, "order", "999999999");
	cr_expect(r.status == 1 && !*r.out && has(r.err, "there is no order 999999999"), "%d %s", r.status,
		  r.err);
}

Test(ordersctl, makes_a_token_that_the_service_takes)
{
	const struct pool *p = pool_shared();
	int64_t user = new_user(), id = place_order(p, user, 3, 1);
	struct ran r = CTL(p, "token", "--sub", text("%lld", (long long)user), "--email", "a@example.com");
	struct answer a;
	char *token;

	cr_assert(r.status == 0 && has(r.err, "password"), "%d %s", r.status, r.err);
	token = text("%.*s", (int)strcspn(r.out, "\n"), r.out);
	cr_expect(strlen(r.out) == strlen(token) + 1, "and nothing else: %s", r.out);
	a = ASK(p, .target = order_target(id), .token = token);
	cr_expect(a.status == 200, "%s", a.body);
	r = CTL(p, "token", "--sub", "1", "--role", "clerk", "--role", "admin", "--expires-in", "90s");
	token = text("%.*s", (int)strcspn(r.out, "\n"), r.out);
	a = ASK(p, .target = order_target(id), .token = token);
	cr_expect(a.status == 200 && has(r.err, "staff"), "staff may see it: %s", a.body);
	r = CTL(p, "token", "--sub", "1", "--role", "clerk");
	token = text("%.*s", (int)strcspn(r.out, "\n"), r.out);
	cr_expect(ASK(p, .target = order_target(id), .token = token).status == 404, "and others may not");
}

static void
write_file(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0, "%s", path);
}

/* Its audience and issuer are the settings', and a public key signs nothing. */
Test(ordersctl, makes_tokens_as_the_settings_have_them)
{
	const struct pool *p = pool_shared();
	struct key_pair ours = key_pair_new("P-256"), other = key_pair_new("P-256");
	char *ours_file = text("%s/ours.pem", p->dir), *other_file = text("%s/other.pem", p->dir);
	const struct {
		const char *algorithm, *key, *private_key, *error;
		int status;
	} rows[] = {
		{ "HS512", "another-secret-key-that-is-long-enough-for-it", NULL, "", EX_OK },
		{ "ES256", ours.public_pem, ours_file, "", EX_OK },
		{ "ES256", ours.public_pem, other_file, "other half of SECRET_KEY", EX_DATAERR },
		{ "ES256", ours.public_pem, NULL, "--private-key FILE", EX_USAGE },
		{ "ES256", ours.public_pem, "/nowhere/key", "/nowhere/key", EX_NOINPUT },
		{ "HS256", "a-key", ours_file, "no --private-key", EX_USAGE },
		{ "ES256", "nonsense", ours_file, "SECRET_KEY", EX_CONFIG },
	};

	write_file(ours_file, ours.private_pem);
	write_file(other_file, other.private_pem);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct pool_options o = { .settings = { text("ALGORITHM=%s", rows[i].algorithm),
							      text("SECRET_KEY=%s", rows[i].key),
							      "JWT_AUDIENCE=orders", "JWT_ISSUER=us" } };
		const char *key = rows[i].private_key;
		struct ran r = run_with(p, &o,
					(const char *const[]){ "token", "--sub", "9",
							       key ? "--private-key" : NULL, key, NULL });

		cr_expect(r.status == rows[i].status && has(r.err, rows[i].error), "row %zu: %d %s", i,
			  r.status, r.err);
		cr_expect(r.status ? !*r.out : strlen(r.out) > 100, "row %zu: %s", i, r.out);
	}
}

/* The first check of a part, "verdict text"; "" without one. */
static const char *
verdict_of(const char *json, const char *part)
{
	struct json_object *doc = json_read(json);

	for (int i = 0; i < json_count(doc, "checks"); i++)
		if (strcmp(json_at(doc, text("checks.%d.part", i)), part) == 0)
			return text("%s %s %s", json_at(doc, text("checks.%d.verdict", i)),
				    json_at(doc, text("checks.%d.text", i)),
				    json_at(doc, text("checks.%d.advice", i)));
	return "";
}

Test(ordersctl, checks_all_that_the_service_needs)
{
	const struct pool *p = pool_shared();
	struct ran r = CTL(p, "check");

	cr_expect(r.status == 0 && !has(r.out, "failed") && !has(r.out, "warning"), "%d %s%s", r.status,
		  r.out, r.err);
	r = CTL(p, "check", "--json", "--product", "999999");
	cr_expect(r.status == 0, "%s", r.out);
	cr_expect(has(verdict_of(r.out, "product service"), "ok product 999999"), "%s", r.out);
	cr_expect(has(verdict_of(r.out, "sns"), p->topic), "%s", r.out);
}

Test(ordersctl, says_of_each_thing_that_is_wrong_what_to_do)
{
	const struct pool *p = pool_shared();
	struct peer products = peer_start(NULL);
	const char *nowhere = text("http://127.0.0.1:%d", free_port());
	const struct {
		const char *setting, *part, *verdict;
		int status;
	} rows[] = {
		{ "PRODUCT_SERVICE_URL=http://127.0.0.1:1", "product service", "failed product 1", 1 },
		{ text("PRODUCT_SERVICE_URL=http://127.0.0.1:%d", products.port), "product service",
		  "not a product", 1 },
		{ text("AWS_ENDPOINT_URL=%s", nowhere), "sns", "failed Couldn't connect to server", 1 },
		{ "SNS_TOPIC_NAME=nobody-made-it", "sns", "warning no topic nobody-made-it yet", 0 },
		{ "SNS_TOPIC_ARN=arn:aws:sns:us-east-1:000000000000:gone", "sns", "failed NotFound", 1 },
		{ "AWS_ACCESS_KEY_ID", "settings", "failed AWS_ACCESS_KEY_ID", 1 },
		{ text("DATABASE_URL=postgresql://x@127.0.0.1:%d/x", free_port()), "database",
		  "failed no connection", 1 },
		{ "DATABASE_URL=nonsense", "settings", "failed DATABASE_URL", 1 },
		{ "SECRET_KEY=short", "settings", "warning SECRET_KEY: 5 bytes", 0 },
		{ "RUN_DIR=/nowhere", "pool", "warning no pool", 0 },
	};

	peer_product(&products, 1, "{\"id\":2}");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ran r = run_with(p, &(const struct pool_options){ .settings = { rows[i].setting } },
					(const char *const[]){ "check", "--json", NULL });

		cr_expect(r.status == rows[i].status && has(verdict_of(r.out, rows[i].part), rows[i].verdict),
			  "%s: %d %s%s", rows[i].setting, r.status, r.out, r.err);
	}
	peer_stop(&products);
}

/* A database without the schema, and a role without its rights. */
Test(ordersctl, checks_schema_and_role)
{
	const struct pool *p = pool_shared();
	const char *bare = text("%s_bare", p->database), *json;
	const struct pool_options o = { .settings = { text("DATABASE_URL=%s", database_url(bare)) } };

	(void)pool_sql(p, text("CREATE DATABASE %s", bare));
	json = run_with(p, &o, (const char *const[]){ "check", "--json", NULL }).out;
	cr_expect(has(verdict_of(json, "database"), "ok") &&
			  has(verdict_of(json, "schema"), "failed there is none"),
		  "%s", json);
	(void)database_sql(
		bare,
		"CREATE SCHEMA orders; CREATE FUNCTION orders.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'");
	json = run_with(p, &o, (const char *const[]){ "check", "--json", NULL }).out;
	cr_expect(has(verdict_of(json, "role"), "failed orders_worker may not call 1 of"), "%s", json);
	cr_expect(has(verdict_of(json, "role"), "orders-schema worker orders_worker"), "%s", json);
	(void)pool_sql(p, text("DROP DATABASE %s WITH (FORCE)", bare));
}

Test(ordersctl, reads_its_settings_from_a_file)
{
	const struct pool *p = pool_shared();
	char *spawn = text("%s/orders.env", p->dir), *shell = text("%s/env", p->dir),
	     *named = text("%s/named.env", p->dir), *bad = text("%s/bad.env", p->dir);
	char *const bare[] = { NULL };
	const char *lines[] = { "DATABASE_URL", "SECRET_KEY", "PRODUCT_SERVICE_URL", "SNS_TOPIC_NAME",
				"RUN_DIR" };
	char **env = pool_environment(&(const struct pool_options){ 0 }, p);
	char *plain = text("# settings\n\n"), *exported = text("%s", "");
	struct ran r;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		for (char **e = env; *e; e++)
			if (strncmp(*e, lines[i], strlen(lines[i])) == 0 && (*e)[strlen(lines[i])] == '=') {
				plain = text("%s%s\n", plain, *e);
				exported = text("%sexport %s='%s'\n", exported, lines[i],
						*e + strlen(lines[i]) + 1);
			}
	write_file(spawn, plain);
	write_file(shell, exported);
	write_file(named, text("POOL_FILE=%s/run/pool\n", p->dir));
	write_file(bad, text("%sa secret that is no setting\n", plain));
	for (int i = 0; i < 2; i++) {
		r = program_run((const char *const[]){ program(), "--env", i ? shell : spawn, "outbox",
						       "stats", NULL },
				(char **)bare, NULL);
		cr_expect(r.status == 0 && has(r.out, "waiting"), "%d %s%s", r.status, r.out, r.err);
	}
	r = program_run((const char *const[]){ program(), "outbox", "stats", NULL },
			(char *[]){ text("ORDERS_ENV=%s", spawn), NULL }, NULL);
	cr_expect(r.status == 0, "%d %s", r.status, r.err);
	r = program_run((const char *const[]){ program(), "--env", named, "status", NULL }, (char **)bare,
			NULL);
	cr_expect(r.status == 0 && has(r.out, "2 of 2 workers"), "%d %s", r.status, r.err);
	r = program_run((const char *const[]){ program(), "outbox", "stats", "--env", bad, NULL },
			(char **)bare, NULL);
	cr_expect(r.status == EX_CONFIG && has(r.err, "line 8 is not NAME=value") && !has(r.err, "secret"),
		  "%d %s", r.status, r.err);
	r = program_run((const char *const[]){ program(), "--env", "/nowhere", "status", NULL },
			(char **)bare, NULL);
	cr_expect(r.status == EX_NOINPUT && has(r.err, "/nowhere"), "%d %s", r.status, r.err);
}

Test(ordersctl, says_what_is_wrong_with_how_it_is_called)
{
	static const struct {
		const char *args[6];
		int status;
		const char *error;
	} rows[] = {
		{ { "--help" }, 0, "" },
		{ { "outbox", "retry", "--help" }, 0, "" },
		{ { "--version" }, 0, "" },
		{ { "nonsense" }, EX_USAGE, "no such command: nonsense" },
		{ { "outbox" }, EX_USAGE, "no such command: outbox" },
		{ { "outbox", "nonsense" }, EX_USAGE, "no such command" },
		{ { "status", "more" }, EX_USAGE, "usage: ordersctl status" },
		{ { "status", "--parked" }, EX_USAGE, "status takes no --parked" },
		{ { "status", "--nonsense" }, EX_USAGE, "unknown option --nonsense" },
		{ { "outbox", "list", "--limit", "0" }, EX_USAGE, "--limit: wants N" },
		{ { "outbox", "list", "--limit" }, EX_USAGE, "--limit wants an argument" },
		{ { "outbox", "show", "20" }, EX_USAGE, "is not the id of an event" },
		{ { "outbox", "retry" }, EX_USAGE, "--parked for all" },
		{ { "outbox", "retry", "--parked", UNKNOWN }, EX_USAGE, "--parked for all" },
		{ { "outbox", "discard", UNKNOWN }, EX_USAGE, "--reason TEXT" },
		{ { "outbox", "show", UNKNOWN }, 1, "no event has the id" },
		{ { "order", "x1" }, EX_USAGE, "a number, not x1" },
		{ { "token" }, EX_USAGE, "--sub says for whom" },
		{ { "token", "--sub", "-1" }, EX_USAGE, "--sub: wants ID" },
		{ { "token", "--sub", "9", "--expires-in", "1x" }, EX_USAGE, "--expires-in: wants TIME" },
		{ { "top", "-d", "0" }, EX_USAGE, "--delay: wants SECONDS" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ran r = run_with(pool_shared(), &(const struct pool_options){ 0 }, rows[i].args);

		cr_expect(r.status == rows[i].status && has(r.err, rows[i].error), "%s %s: %d %s",
			  rows[i].args[0], rows[i].args[1] ? rows[i].args[1] : "", r.status, r.err);
		cr_expect(r.status ? !*r.out : *r.out && !*r.err, "%s: %s", rows[i].args[0], r.out);
	}
}

Test(ordersctl, says_when_what_it_asks_is_not_there)
{
	const struct pool *p = pool_shared();
	const struct pool_options no_pool = { .settings = { "RUN_DIR=/nowhere" } };
	const struct pool_options no_database = {
		.settings = { text("DATABASE_URL=postgresql://x@127.0.0.1:%d/x", free_port()) }
	};
	static const struct {
		const char *args[7], *out;
	} tops[] = {
		{ { "top", "-n", "1" }, "" },
		{ { "top", "-n", "1", "--json" }, "" },
		{ { "top", "-n", "2", "-d", "0.1", "--json" }, "null\n" },
		{ { "top", "-n", "2", "-d", "0.1" },
		  "no pool of this version runs at /nowhere/pool: POOL_FILE or RUN_DIR says where it is\n" },
	};
	struct ran r = run_with(p, &no_pool, (const char *const[]){ "status", NULL });
	const char *says_no_pool;

	cr_expect(r.status == 3 && has(r.err, "no pool of this version runs at /nowhere/pool"), "%d %s",
		  r.status, r.err);
	says_no_pool = r.err;
	for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
		r = run_with(p, &no_pool, tops[i].args);
		cr_expect(r.status == 3, "row %zu: %d", i, r.status);
		cr_expect_str_eq(r.err, says_no_pool, "row %zu: %s", i, r.err);
		cr_expect_str_eq(r.out, tops[i].out, "row %zu: %s", i, r.out);
	}
	r = run_with(p, &no_database, (const char *const[]){ "outbox", "stats", NULL });
	cr_expect(r.status == EX_UNAVAILABLE && has(r.err, "database.unreachable"), "%d %s", r.status, r.err);
	r = run_with(p, &(const struct pool_options){ .settings = { "DATABASE_URL" } },
		     (const char *const[]){ "outbox", "stats", NULL });
	cr_expect(r.status == EX_CONFIG && has(r.err, "DATABASE_URL: wants"), "%d %s", r.status, r.err);
	r = run_with(p, &(const struct pool_options){ .settings = { "DATABASE_URL" } },
		     (const char *const[]){ "status", NULL });
	cr_expect(r.status == 0 && has(r.out, "2 of 2 workers"), "the pool's file is enough: %d %s", r.status,
		  r.err);
}

/* Wherever its output goes, it is written, or that is said once and is the status. */
Test(ordersctl, says_when_its_output_cannot_be_written)
{
	static const struct {
		const char *name, *to, *error; /* to: a shell's redirection, which has $FIFO */
	} places[] = {
		{ "a full disk", "exec >/dev/full", "No space left on device" },
		{ "a pipe that nobody reads", "mkfifo \"$FIFO\"; exec 3<>\"$FIFO\" >\"$FIFO\" 3>&-",
		  "Broken pipe" },
	};
	static const char *const commands[][5] = {
		{ "--help" },	       { "--version" },		  { "outbox", "retry", "--help" },
		{ "status" },	       { "status", "--json" },	  { "top", "-n", "2" },
		{ "outbox", "stats" }, { "token", "--sub", "9" },
	};
	const struct pool *p = pool_shared();

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		for (size_t j = 0; j < sizeof commands / sizeof *commands; j++) {
			const char *argv[ARGS_MAX] = { "/bin/sh", "-ec",
						       text("FIFO=%s/fifo.%zu; %s; exec \"$0\" \"$@\"",
							    p->dir, j, places[i].to),
						       program() };
			const char *first;
			struct ran r;

			for (size_t k = 0; k < 5 && commands[j][k]; k++)
				argv[4 + k] = commands[j][k];
			r = program_run(argv, pool_environment(&(const struct pool_options){ 0 }, p), NULL);
			first = strstr(r.err, "cannot write: ");
			cr_expect(r.status == EX_IOERR && first && has(first, places[i].error) &&
					  !has(first + 1, "cannot write: "),
				  "%s to %s: %d %s", commands[j][0], places[i].name, r.status, r.err);
		}
}
