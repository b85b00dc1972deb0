/* The schema by itself: what it allows, what it holds together, and that it can be taken down and put up again. */
#include "db.h"

TestSuite(schema, .init = open_db, .fini = close_db);

static PGconn *
connect_as_worker(void)
{
	PGconn *conn = PQconnectdb(db.url);

	cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
	return conn;
}

/* The statement with each of what the query lists in the place of %s: all of them are refused. Returns how many. */
static int
expect_refused(PGconn *conn, const char *const *statements, size_t n, const char *listed)
{
	PGresult *r = PQexec(db.su, listed);
	int found = PQntuples(r);

	cr_assert_eq(PQresultStatus(r), PGRES_TUPLES_OK, "%s", PQerrorMessage(db.su));
	for (int row = 0; row < found; row++)
		for (size_t i = 0; i < n; i++) {
			const char *hole = strstr(statements[i], "%s");
			const char *statement = talloc_asprintf(db.ctx, "%.*s%s%s",
								(int)(hole - statements[i]), statements[i],
								PQgetvalue(r, row, 0), hole + 2);

			cr_expect_str_eq(sqlstate(conn, statement), "42501", "%s", statement);
		}
	PQclear(r);
	return found;
}

/* Everything of a kind that is not PostgreSQL's own, from the catalog: what is added later is covered when it comes. */
#define OURS(kinds)                                                                                                         \
	"SELECT c.oid::regclass FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relkind IN (" kinds \
	") AND nspname <> 'information_schema' AND nspname !~ '^pg_'"

Test(schema, refuses_the_worker_every_access_to_whatever_there_is)
{
	static const char *const on_tables[] = {
		"SELECT count(*) FROM %s",
		"SELECT 1 FROM %s LIMIT 1",
		"SELECT 1 FROM %s FOR UPDATE",
		"SELECT ctid FROM %s",
		"TABLE %s",
		"INSERT INTO %s DEFAULT VALUES",
		"DELETE FROM %s",
		"TRUNCATE %s",
		"MERGE INTO %s USING (SELECT 1) AS s ON false WHEN MATCHED THEN DELETE",
		"DO 'BEGIN LOCK TABLE %s IN ACCESS SHARE MODE; END'",
		"COPY %s TO STDOUT",
		"COPY %s FROM STDIN",
		"DROP TABLE %s",
		"ALTER TABLE %s ADD COLUMN x integer",
		"ALTER TABLE %s DISABLE TRIGGER ALL",
		"CREATE INDEX ON %s ((1))",
		"CREATE RULE x AS ON INSERT TO %s DO NOTHING",
		"CREATE POLICY x ON %s",
		"CREATE TRIGGER x AFTER INSERT ON %s EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"COMMENT ON TABLE %s IS ''",
		"GRANT ALL ON %s TO orders_worker",
	};
	static const char *const on_columns[] = { "SELECT %s", "UPDATE %s" };
	static const char *const on_sequences[] = {
		"SELECT nextval('%s')",	     "SELECT setval('%s', 1)", "SELECT last_value FROM %s",
		"ALTER SEQUENCE %s RESTART", "DROP SEQUENCE %s",
	};
	static const char *const in_schemas[] = {
		"CREATE TABLE %s.x ()",
		"CREATE VIEW %s.x AS SELECT 1",
		"CREATE SEQUENCE %s.x",
		"CREATE TYPE %s.x AS ENUM ()",
		"CREATE TYPE %s.x AS (a integer)",
		"CREATE DOMAIN %s.x AS integer",
		"CREATE FUNCTION %s.x() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
		"CREATE AGGREGATE %s.x (integer) (SFUNC = int4pl, STYPE = integer)",
		"CREATE OPERATOR %s.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq)",
		"CREATE COLLATION %s.x FROM \"C\"",
		"CREATE STATISTICS %s.x ON (user_id + 1) FROM orders.orders",
		"DROP SCHEMA %s CASCADE",
		"ALTER SCHEMA %s RENAME TO x",
	};
	static const char *const on_functions[] = {
		"ALTER FUNCTION %s SECURITY INVOKER",
		"ALTER FUNCTION %s OWNER TO orders_worker",
		"DROP FUNCTION %s",
	};
	static const char *const on_types[] = { "DROP TYPE %s", "ALTER TYPE %s RENAME TO x",
						"ALTER TYPE %s OWNER TO orders_worker" };
	static const char *const others[] = {
		"CREATE SCHEMA %s",
		"CREATE ROLE %s",
		"CREATE DATABASE %s",
		"CREATE EXTENSION pg_trgm /* %s */",
		"CREATE PUBLICATION %s FOR ALL TABLES",
		"ALTER ROLE orders_worker SUPERUSER /* %s */",
		"SET ROLE orders_owner /* %s */",
		"SET SESSION AUTHORIZATION orders_owner /* %s */",
		"GRANT orders_owner TO orders_worker /* %s */",
		"GRANT orders_api TO orders_worker /* %s */",
		"COPY (SELECT 1) TO PROGRAM 'cat' /* %s */",
		"COPY (SELECT 1) TO '/tmp/%s'",
		"SELECT pg_read_file('/etc/hostname') /* %s */",
		"SELECT lo_import('/etc/hostname') /* %s */",
		"CHECKPOINT /* %s */",
	};
	PGconn *conn = connect_as_worker();

	/* One that nobody has thought of. */
	(void)sql("SET ROLE orders_owner");
	(void)sql("CREATE TABLE orders.newcomer (id bigint GENERATED ALWAYS AS IDENTITY)");
	(void)sql("RESET ROLE");

	cr_expect_geq(expect_refused(conn, on_tables, ROWS(on_tables), OURS("'r', 'p'")), 4 + 1 + 6,
		      "Sqitch's as well");
	cr_expect_geq(
		expect_refused(
			conn, on_columns, 1,
			"SELECT format('%I FROM %s', attname, attrelid::regclass) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped "
			"AND attrelid IN (" OURS("'r', 'p', 'v', 'm'") ")"),
		40);
	cr_expect_geq(
		expect_refused(
			conn, on_columns + 1, 1,
			"SELECT format('%s SET %I = NULL', attrelid::regclass, attname) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped "
			"AND attidentity = '' AND attrelid IN (" OURS("'r', 'p'") ")"),
		40);
	cr_expect_eq(expect_refused(conn, on_sequences, ROWS(on_sequences), OURS("'S'")), 3);
	cr_expect_geq(
		expect_refused(
			conn, in_schemas, ROWS(in_schemas),
			"SELECT nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'"),
		3);
	cr_expect_eq(
		expect_refused(
			conn, on_functions, ROWS(on_functions),
			"SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'orders'::regnamespace"),
		24);
	cr_expect_eq(
		expect_refused(
			conn, on_types, ROWS(on_types),
			"SELECT oid::regtype FROM pg_type WHERE typnamespace = 'orders'::regnamespace AND typtype = 'e'"),
		1);
	(void)expect_refused(conn, others, ROWS(others), "SELECT 'x'");
	PQfinish(conn);
}

Test(schema, gives_the_worker_the_functions_of_the_api_and_nothing_else)
{
	cr_expect_str_eq(
		sql("SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'orders'::regnamespace "
		    "AND has_function_privilege('orders_worker', oid, 'EXECUTE')"),
		"change_status change_status claim_due create_order find_event find_owner find_replay get_history get_order in_order list_all_orders "
		"list_orders list_orders order_events outbox_discard outbox_events outbox_list outbox_retry outbox_retry_parked outbox_stats "
		"publish_done publish_failed schema_version why_not_owed");
	cr_expect_str_eq(
		sql("SELECT string_agg(oid::regprocedure::text, ' ') FROM pg_proc WHERE pronamespace = 'orders'::regnamespace "
		    "AND (has_function_privilege('public', oid, 'EXECUTE') OR NOT has_function_privilege('orders_worker', oid, 'EXECUTE'))"),
		"");
	cr_expect_str_eq(
		sql("SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace "
		    "WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_' AND CASE relkind "
		    "WHEN 'S' THEN has_sequence_privilege('orders_worker', c.oid, 'USAGE, SELECT, UPDATE') "
		    "WHEN 'r' THEN has_table_privilege('orders_worker', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') "
		    "OR has_any_column_privilege('orders_worker', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') ELSE false END"),
		"");
	cr_expect_str_eq(
		sql("SELECT has_schema_privilege('orders_worker', 'orders', 'CREATE') OR has_schema_privilege('public', 'orders', 'USAGE')"),
		"f");
	cr_expect_str_eq(
		sql("SELECT concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls) FROM pg_roles WHERE rolname = 'orders_worker'"),
		"f f f f f");
	cr_expect_str_eq(sql("SELECT pg_has_role('orders_worker', 'orders_owner', 'MEMBER')"), "f");
}

Test(schema, bounds_the_workers_statements)
{
	PGconn *conn = connect_as_worker();

	cr_expect_str_eq(
		query(conn, "SELECT current_setting('statement_timeout')::interval BETWEEN '1 ms' AND '5 s'"),
		"t", "below pg.c's own limit of 6 s");
	cr_expect_str_eq(query(conn, "SELECT current_setting('idle_in_transaction_session_timeout') <> '0'"),
			 "t");
	PQfinish(conn);
}

Test(schema, has_no_plan_read_a_whole_table_however_small_it_was)
{
	cr_expect_str_eq(
		sql("SELECT string_agg(oid::regprocedure::text, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'orders'::regnamespace "
		    "AND NOT coalesce(proconfig @> '{enable_seqscan=off,enable_bitmapscan=off}', false)"),
		"orders.change_status(bigint,bigint,bigint,orders.order_status,orders.order_status[],text,bytea,uuid,text,text,integer) "
		"orders.list_orders(bigint,bigint,integer) orders.schema_version()",
		"two that call their successors, and one that needs no table");
}

Test(schema, fixes_the_search_path_of_every_function)
{
	cr_expect_str_eq(
		sql("SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = 'orders'::regnamespace "
		    "AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)"),
		"");
	cr_expect_str_eq(
		sql("SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = 'orders'::regnamespace AND NOT prosecdef"),
		"schema_version", "which needs no table");
	cr_expect_str_eq(
		sql("SELECT count(DISTINCT proowner) + count(DISTINCT relowner) FROM pg_proc, pg_class WHERE pronamespace = 'orders'::regnamespace "
		    "AND relnamespace = 'orders'::regnamespace"),
		"2", "one owner");
}

Test(schema, cannot_be_led_astray_by_the_callers_own_objects)
{
	PGconn *conn = connect_as_worker();

	/* A temporary table of the same name, and operators: the functions qualify what they use. */
	(void)query(
		conn,
		"CREATE TEMP TABLE orders (user_id bigint, id bigint); SET search_path = pg_temp, pg_catalog, public");
	cr_expect_str_eq(query(conn, "SELECT count(*) FROM orders.get_order(9, 1)"), "0");
	cr_expect_str_eq(query(conn, "SELECT orders.schema_version()"), "3");
	PQfinish(conn);
}

Test(schema, begins_every_key_with_the_user)
{
	cr_expect_str_eq(
		sql("SELECT string_agg(conname, ' ') FROM pg_constraint AS c WHERE connamespace = 'orders'::regnamespace AND contype IN ('p', 'u', 'f') "
		    "AND (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]) <> 'user_id'"),
		"");
	cr_expect_str_eq(
		sql("SELECT count(*) FROM pg_constraint WHERE connamespace = 'orders'::regnamespace AND contype IN ('p', 'u', 'f')"),
		"9");
	cr_expect_str_eq(
		sql("SELECT count(*) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid WHERE relnamespace = 'orders'::regnamespace AND NOT tgisinternal"),
		"0", "no triggers");
	cr_expect_str_eq(
		sql("SELECT string_agg(attrelid::regclass || '.' || attname, ' ') FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid "
		    "WHERE relnamespace = 'orders'::regnamespace AND relkind = 'r' AND attname = 'user_id' AND NOT attnotnull"),
		"");
}

Test(schema, holds_what_must_hold)
{
	static const struct {
		const char *statement, *state, *why;
	} rows[] = {
		{ "UPDATE orders.orders SET email = repeat('x', 321)", "23514", "an address of 321 bytes" },
		{ "UPDATE orders.orders SET version = 0", "23514", "no version" },
		{ "UPDATE orders.orders SET total_amount = 10000000000", "22003",
		  "above the greatest total" },
		{ "UPDATE orders.orders SET total_amount = -0.01", "23514", "below nothing" },
		{ "UPDATE orders.orders SET status = 'lost'", "22P02", "no such status" },
		{ "UPDATE orders.orders SET user_id = 8", "23503", "its rows would be another's" },
		{ "DELETE FROM orders.orders", "23503", "its rows would be nobody's" },
		{ "UPDATE orders.order_items SET quantity = 3", "23514", "a subtotal that is wrong" },
		{ "UPDATE orders.order_items SET quantity = 0, subtotal = 0", "23514", "no quantity" },
		{ "UPDATE orders.order_items SET product_price = -1, subtotal = -2", "23514",
		  "a negative price" },
		{ "UPDATE orders.order_items SET product_name = NULL", "23502", "no name" },
		{ "UPDATE orders.order_changes SET old_status = 'pending'", "23514",
		  "a creation with a past" },
		{ "UPDATE orders.order_changes SET version = 2", "23514", "a step without one" },
		{ "UPDATE orders.order_changes SET reason = 'whim'", "23514", "no such reason" },
		{ "UPDATE orders.order_changes SET note = repeat('x', 256)", "23514",
		  "a note of 256 characters" },
		{ "UPDATE orders.order_changes SET idempotency_key = ''", "23514", "an empty key" },
		{ "UPDATE orders.order_changes SET idempotency_key = repeat('x', 256)", "23514",
		  "a key of 256 bytes" },
		{ "UPDATE orders.order_changes SET request_digest = '\\x00'", "23514", "no digest" },
		{ "DELETE FROM orders.order_changes", "23503", "whose event is owed" },
		{ "INSERT INTO orders.outbox SELECT user_id, order_id, 7, 'r', 't', now() FROM orders.outbox",
		  "23503", "an event of no change" },
		{ "INSERT INTO orders.order_changes SELECT user_id, order_id, 2, 'pending', 'confirmed', now(), changed_by, NULL, NULL, event_id, "
		  "idempotency_key, request_digest FROM orders.order_changes",
		  "23505", "a key twice" },
		{ "UPDATE orders.order_changes SET note = repeat('\xc3\xa9', 255), reason = 'customer'", "",
		  "characters are counted, not bytes" },
		{ "UPDATE orders.orders SET email = repeat('x', 320)", "", "an address of 320 bytes" },
	};

	(void)create(9, 0);
	for (size_t i = 0; i < ROWS(rows); i++)
		cr_expect_str_eq(sqlstate(db.su, rows[i].statement), rows[i].state, "%s", rows[i].why);
}

/* Runs sqitch on this test's database as the owner. */
static int
sqitch(const char *command)
{
	char *url = talloc_strdup(db.ctx, db.url), *at = strstr(url, "orders_worker");

	memcpy(at, "orders_owner", 12); /* which has the same password, in this run */
	memmove(at + 12, at + 13, strlen(at + 13) + 1);
	return system(talloc_asprintf(
		db.ctx,
		"cd \"${ORDERS_TEST_ROOT:-.}/schema\" && SQITCH_FULLNAME=orders SQITCH_EMAIL=orders@localhost "
		"sqitch %s 'db:%s' >\"${ORDERS_TEST_DIR:-/tmp}/sqitch.log\" 2>&1 || { cat \"${ORDERS_TEST_DIR:-/tmp}/sqitch.log\" >&2; exit 1; }",
		command, url));
}

Test(schema, can_be_reverted_and_deployed_again)
{
	(void)create(9, 0);
	talloc_free(db.pg); /* what is reverted must not be in use */
	cr_assert_eq(sqitch("revert -y"), 0);
	cr_expect_str_eq(sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'orders'"), "0");
	cr_assert_eq(sqitch("deploy --verify"), 0);
	cr_expect_eq(sqitch("verify"), 0);
	db.pg = pg_open(db.ctx, db.url, &db.breaker);
	cr_expect_eq(store_ready(db.pg, db.ctx), RC_OK);
	cr_expect_gt(create(9, 0), 0);
	cr_expect_eq(sqitch("deploy --verify"), 0, "once more is no change");
}
