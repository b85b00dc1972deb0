/* orders-schema: how it reads DATABASE_URL, what it answers, and with which status. */
#include "tool.h"

TestSuite(tool, .init = open_db, .fini = close_db, .timeout = 60);

Test(tool, explains_itself_without_a_database)
{
	static const struct {
		const char *arguments;
		int status;
		const char *says;
	} rows[] = {
		{ "--help", 0, "usage: orders-schema deploy" },
		{ "help", 0, "usage: orders-schema deploy" },
		{ "", 64, "orders-schema: what is to be done?" },
		{ "upgrade", 64, "orders-schema: unknown command 'upgrade'" },
		{ "deploy --now", 64, "orders-schema: deploy: no argument" },
		{ "status x", 64, "orders-schema: status: no argument" },
		{ "deploy", 78, "orders-schema: DATABASE_URL: not set\n" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ran ran = tool(NULL, "%s", rows[i].arguments);

		cr_expect(ran.status == rows[i].status &&
				  strncmp(ran.output, rows[i].says, strlen(rows[i].says)) == 0,
			  "%s: %d %s", rows[i].arguments, ran.status, ran.output);
	}
}

/* The one line that follows is all that it says, and it never holds the password. */
Test(tool, says_in_a_line_what_is_wrong_with_the_url)
{
	static const struct {
		const char *url;
		int status;
		const char *says;
	} rows[] = {
		{ "", 78, "DATABASE_URL: not set" },
		{ "mysql://u:s3cret@h/d", 78, "DATABASE_URL: not a postgresql:// URI" },
		{ "postgresql:u:s3cret@h/d", 78, "DATABASE_URL: not a postgresql:// URI" },
		{ "postgresql://u:s3cret%zz@h/d", 78,
		  "DATABASE_URL: a % that no two hexadecimal digits follow" },
		{ "postgresql://u:s3cret@h/d%0a", 78, "DATABASE_URL: holds a control character" },
		{ "postgresql://u:s3cret@h:port/d", 78,
		  "DATABASE_URL: not a host and a port: what stands before the database" },
		{ "postgresql://u:s3cret@[::1/d", 78,
		  "DATABASE_URL: not a host and a port: what stands before the database" },
		{ "postgresql://u:s3cret@h/d?prepared_statement_cache_size=0", 78,
		  "DATABASE_URL: unknown parameter \"prepared_statement_cache_size\"" },
		{ "postgresql://u:s3cret@h/d?sslmode", 78,
		  "DATABASE_URL: a parameter without a value, or with two" },
		{ "postgresql://u:s3cret@127.0.0.1:1/d", 69,
		  "cannot connect: connection to server at \"127.0.0.1\", port 1 failed: Connection refused" },
		{ "postgresql://u:s3cret@127.0.0.1:1/d?ssl=nonsense", 69,
		  "cannot connect: invalid sslmode value: \"nonsense\"" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ran ran = tool(rows[i].url, "verify");
		const char *line = talloc_asprintf(db.ctx, "orders-schema: %s", rows[i].says);

		cr_expect(ran.status == rows[i].status && strncmp(ran.output, line, strlen(line)) == 0,
			  "%s: %d %s", rows[i].url, ran.status, ran.output);
		cr_expect(strchr(ran.output, '\n') == ran.output + strlen(ran.output) - 1, "one line: %s",
			  ran.output);
		cr_expect(!strstr(ran.output, "s3cret"), "%s", ran.output);
	}
}

Test(tool, reads_the_url_in_all_its_spellings)
{
	const char *who =
		"psql -XAtc \"SELECT current_user, current_database(), current_setting('application_name')\"";
	const char *rest = strstr(owner_url(), "://") + 3, *at = strchr(rest, '@') + 1;
	const char *expected = talloc_asprintf(db.ctx, "orders_owner|%s|", db.name);
	const struct {
		const char *url, *application;
	} rows[] = {
		{ talloc_asprintf(db.ctx, "postgresql://%s", rest), "orders-schema" },
		{ talloc_asprintf(db.ctx, "postgres://%s", rest), "orders-schema" },
		{ talloc_asprintf(db.ctx, "postgresql+asyncpg://%s?ssl=disable", rest), "orders-schema" },
		{ talloc_asprintf(db.ctx, "postgresql+asyncpg://%s?ssl=false&application_name=x%%20y%%27",
				  rest),
		  "x y'" },
		{ talloc_asprintf(db.ctx, "postgresql://%s?ssl=prefer&tcp_user_timeout=10000", rest),
		  "orders-schema" },
		{ talloc_asprintf(db.ctx, "postgresql://orders%%5Fowner%s", rest + strlen("orders_owner")),
		  "orders-schema" },
		{ talloc_asprintf(db.ctx, "postgresql://%.*s127.0.0.1:1,%s?target_session_attrs=read-write",
				  (int)(at - rest), rest, at),
		  "orders-schema" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ran ran = tool(rows[i].url, "%s", who);

		cr_expect(ran.status == 0 && strcmp(ran.output, talloc_asprintf(db.ctx, "%s%s\n", expected,
										rows[i].application)) == 0,
			  "%s: %d %s", rows[i].url, ran.status, ran.output);
	}
}

Test(tool, deploys_and_tells_what_is_there)
{
	const char *owner = owner_url();
	struct ran ran;

	(void)sql("DROP SCHEMA orders CASCADE");
	(void)sql("DROP SCHEMA sqitch CASCADE");
	ran = tool(owner, "adopt");
	cr_expect(ran.status == 1 &&
			  strstr(ran.output, "the schema is not deployed here: orders-schema deploy"),
		  "%s", ran.output);
	ran = tool(owner, "status");
	cr_expect_eq(ran.status, 1, "%s", ran.output);
	ran = tool(owner, "verify");
	cr_expect_eq(ran.status, 1, "%s", ran.output);

	ran = tool(owner, "deploy");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	cr_expect_not_null(strstr(ran.output, "+ functions .. ok"), "%s", ran.output);
	ran = tool(owner, "deploy");
	cr_expect(ran.status == 0 && strstr(ran.output, "Nothing to deploy"), "%s", ran.output);
	/* Sqitch speaks German, too. */
	(void)setenv("LANGUAGE", "de_DE", 1);
	ran = tool(owner, "status");
	(void)unsetenv("LANGUAGE");
	cr_expect(ran.status == 0 && strstr(ran.output, "Nothing to deploy"), "%s", ran.output);
	ran = tool(owner, "verify");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK);

	for (size_t i = 0; i < 3; i++) {
		ran = tool(db.url, "%s", ((const char *const[]){ "deploy", "verify", "status" })[i]);
		cr_expect(ran.status == 1 &&
				  !strcmp(ran.output,
					  "orders-schema: the schema was deployed by the role orders_owner: "
					  "DATABASE_URL is to name that one\n"),
			  "the worker's role: %s", ran.output);
	}

	(void)sql("REVOKE EXECUTE ON FUNCTION orders.get_order FROM orders_api");
	ran = tool(owner, "verify");
	cr_expect_eq(ran.status, 1, "something was changed: %s", ran.output);
}

Test(tool, admits_a_worker_once_and_for_all)
{
	const char *owner = owner_url(), *name = db.name;
	struct ran ran = tool(owner, "worker");

	cr_expect(ran.status == 64 && strstr(ran.output, "worker: the name of one role"), "%s", ran.output);
	/* A name that SQL would have to quote. */
	for (int i = 0; i < 2; i++) {
		ran = tool(
			owner,
			"--help >/dev/null; WORKER_PASSWORD=\"it's\" '%s/schema/orders-schema' worker 'W \"%s'",
			need("ORDERS_TEST_ROOT"), name);
		cr_expect(ran.status == 0 && strcmp(ran.output, "") == 0, "%d: %s", ran.status, ran.output);
		cr_expect_str_eq(
			sql("SELECT concat_ws(' ', rolcanlogin, rolsuper, pg_has_role(oid, 'orders_api', 'MEMBER'), array_to_string(rolconfig, ' ')) "
			    "FROM pg_roles WHERE rolname = 'W \"%s'",
			    name),
			i ? "t f t statement_timeout=1s idle_in_transaction_session_timeout=10s"
			  : "t f t statement_timeout=4s idle_in_transaction_session_timeout=10s",
			"what a role has stays");
		(void)sql("ALTER ROLE \"W \"\"%s\" SET statement_timeout = '1s'", name);
	}
	(void)sql("DROP ROLE \"W \"\"%s\"", name);
}

/* The roles are there: who owns this one need not be allowed to make any. */
Test(tool, deploys_to_a_second_database_of_a_cluster_as_one_who_may_create_no_role)
{
	const char *owner = owner_url(), *password = strstr(owner, "orders_owner:") + strlen("orders_owner:"),
		   *plain = talloc_asprintf(db.ctx, "plain_%s", db.name);
	struct ran ran;

	(void)sql("DROP SCHEMA orders CASCADE");
	(void)sql("DROP SCHEMA sqitch CASCADE");
	(void)sql("CREATE ROLE %s LOGIN PASSWORD '%.*s'", plain, (int)strcspn(password, "@"), password);
	(void)sql("ALTER DATABASE %s OWNER TO %s", db.name, plain);
	owner = talloc_asprintf(db.ctx, "postgresql://%s:%s", plain, password);
	ran = tool(owner, "deploy");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	ran = tool(owner, "worker orders_worker");
	cr_expect(ran.status == 0 && strcmp(ran.output, "") == 0, "%s", ran.output);
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK);
	ran = tool(owner, "worker new_%s", db.name);
	cr_expect(ran.status == 1 && strstr(ran.output, "permission denied to create role"), "%s",
		  ran.output);
	(void)sql("ALTER DATABASE %s OWNER TO orders_owner", db.name);
	(void)sql("DROP OWNED BY %s CASCADE", plain);
	(void)sql("DROP ROLE %s", plain);
}
