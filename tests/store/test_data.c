/* make data: what it loads could have happened, and the schema around it is what it was. */
#include "tool.h"

TestSuite(data, .init = open_db, .fini = close_db, .timeout = 120);

/* Runs it with the settings on this test's database, as the owner. */
static struct ran
load(const char *settings)
{
	return tool(owner_url(), "--help >/dev/null; %s '%s/tests/bench/data.sh'", settings,
		    need("ORDERS_TEST_ROOT"));
}

static const char *
rows_of(const char *table)
{
	return sql("SELECT count(*) FROM orders.%s", table);
}

#define CHAIN                                                                                                      \
	"('pending', 'confirmed'), ('confirmed', 'shipped'), ('shipped', 'delivered'), ('pending', 'cancelled'), " \
	"('confirmed', 'cancelled'), ('shipped', 'cancelled')"

Test(data, loads_what_could_have_happened)
{
	static const struct {
		const char *statement, *gives, *what;
	} rows[] = {
		{ "SELECT concat_ws(' ', count(*), min(id), max(id)) FROM orders.orders", "2000 1 2000",
		  "orders" },
		{ "SELECT count(*) FROM orders.orders WHERE user_id = 9", "200", "of the great customer" },
		{ "SELECT count(*) FROM (SELECT FROM orders.orders WHERE user_id <> 9 GROUP BY user_id HAVING count(*) > 120) AS t",
		  "0", "nobody else has nearly as many" },
		{ "SELECT count(DISTINCT user_id) BETWEEN 300 AND 500 FROM orders.orders", "t", "customers" },
		{ "SELECT string_agg(status::text, ' ' ORDER BY n) FROM (SELECT status, count(*) AS n FROM orders.orders GROUP BY status) AS t",
		  "pending confirmed shipped cancelled delivered", "the rarest status first" },
		{ "SELECT count(*) FILTER (WHERE status = 'delivered') BETWEEN 1700 AND 1800 FROM orders.orders",
		  "t", "most are delivered" },
		{ "SELECT count(*) FROM (SELECT created_at > lag(created_at) OVER (ORDER BY id) AS later FROM orders.orders) AS t WHERE NOT later",
		  "0", "ids go with the time" },
		{ "SELECT concat_ws(' ', date(min(created_at)), date(max(created_at))) FROM orders.orders",
		  "2024-01-02 2025-12-31", "two years" },
		{ "SELECT concat_ws(' ', min(n), max(n)) FROM (SELECT count(*) AS n FROM orders.order_items GROUP BY order_id) AS t",
		  "1 5", "items of an order" },
		{ "SELECT count(*) FROM orders.orders AS o JOIN (SELECT user_id, order_id, sum(subtotal) AS total, max(line) AS last, count(*) AS n, "
		  "bool_and(subtotal = product_price * quantity) AS sound FROM orders.order_items GROUP BY user_id, order_id) AS i "
		  "ON i.user_id = o.user_id AND i.order_id = o.id AND i.total = o.total_amount AND i.last = i.n AND i.sound",
		  "2000", "items add up to their order" },
		{ "SELECT count(*) FROM orders.orders AS o JOIN (SELECT DISTINCT ON (user_id, order_id) * FROM orders.order_changes "
		  "ORDER BY user_id, order_id, version DESC) AS c ON c.user_id = o.user_id AND c.order_id = o.id AND c.version = o.version "
		  "AND c.new_status = o.status AND c.changed_at = o.updated_at",
		  "2000", "the last change led to what the order is" },
		{ "SELECT count(*) FROM (SELECT *, row_number() OVER w AS nth, lag(new_status) OVER w AS was, lag(changed_at) OVER w AS before "
		  "FROM orders.order_changes WINDOW w AS (PARTITION BY user_id, order_id ORDER BY version)) AS c WHERE version <> nth "
		  "OR old_status IS DISTINCT FROM was OR changed_at < before OR CASE version WHEN 1 THEN new_status <> 'pending' OR changed_by <> user_id "
		  "ELSE (old_status::text, new_status::text) NOT IN (" CHAIN
		  ") END OR (new_status = 'cancelled') <> (reason IS NOT NULL)",
		  "0", "changes are legal chains" },
		{ "SELECT count(*) FROM orders.order_changes WHERE idempotency_key NOT LIKE ' %'", "0",
		  "no client can ask for one again" },
		{ "SELECT count(DISTINCT event_id) = count(*) FROM orders.order_changes", "t", "events" },
		{ "SELECT count(*) FROM orders.outbox", "0", "events owed" },
		{ "SELECT count(*) FROM pg_class AS c WHERE relnamespace = 'orders'::regnamespace AND relkind = 'r' AND relname <> 'outbox' "
		  "AND reltuples <= 0",
		  "0", "the planner knows of it" },
		{ "SELECT count(*) FROM pg_constraint WHERE connamespace = 'orders'::regnamespace AND NOT convalidated",
		  "0", "constraints that are not sure" },
	};
	struct ran ran = load("N=2000 UNTIL=2026-01-01");

	cr_assert_eq(ran.status, 0, "%s", ran.output);
	cr_expect(strstr(ran.output, " s: 2000 orders\n") && strstr(ran.output, "\n2000 orders, loaded in "),
		  "%s", ran.output);
	for (size_t i = 0; i < ROWS(rows); i++)
		cr_expect_str_eq(sql("%s", rows[i].statement), rows[i].gives, "%s", rows[i].what);
	ran = tool(owner_url(), "verify");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	cr_expect_eq(create(9, 0), 2001, "ids go on behind");
	cr_expect_str_eq(
		sql("SELECT min(id) > (SELECT max(id) FROM orders.order_items WHERE order_id <= 2000) FROM orders.order_items WHERE order_id = 2001"),
		"t", "and of items, too");
}

#define DIGEST                                                                                                     \
	"SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT o::text AS t FROM orders.orders AS o " \
	"UNION ALL SELECT i::text FROM orders.order_items AS i UNION ALL SELECT c::text FROM orders.order_changes AS c) AS t"

Test(data, is_the_same_each_time)
{
	static const char *const seeds[] = { "1", "1", "2" };
	const char *digests[3];

	for (size_t i = 0; i < ROWS(seeds); i++) {
		struct ran ran = load(talloc_asprintf(db.ctx, "N=300 UNTIL=2026-01-01 SEED=%s", seeds[i]));

		cr_assert_eq(ran.status, 0, "%s", ran.output);
		digests[i] = sql(DIGEST);
		(void)sql(
			"TRUNCATE orders.orders, orders.order_items, orders.order_changes, orders.outbox RESTART IDENTITY");
	}
	cr_expect_str_eq(digests[0], digests[1], "the same seed");
	cr_expect_str_neq(digests[0], digests[2], "another one");
}

Test(data, leaves_orders_that_are_there)
{
	int64_t id = create(9, 0);
	struct ran ran = load("N=300");

	cr_expect(ran.status != 0 && strstr(ran.output, "holds orders already; ADD=1 leaves them"), "%d: %s",
		  ran.status, ran.output);
	cr_expect_str_eq(rows_of("orders"), "1");

	ran = load("N=300 ADD=1");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	cr_expect_str_eq(rows_of("orders"), "301");
	cr_expect_str_eq(
		sql("SELECT concat_ws(' ', status, total_amount) FROM orders.orders WHERE user_id = 9 AND id = %lld",
		    (long long)id),
		"pending 91.00");
	cr_expect_str_eq(rows_of("outbox"), "1", "its event is still owed");
	ran = load("N=100 ADD=1");
	cr_expect_eq(ran.status, 0, "once more: %s", ran.output);
	ran = tool(owner_url(), "verify");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
}

Test(data, loads_nothing_where_the_schema_would_not_be_what_it_was)
{
	struct ran ran;

	(void)sql("COMMENT ON INDEX orders.orders_by_id IS 'somebody needs this'");
	ran = load("N=300");
	cr_expect(ran.status != 0 &&
			  strstr(ran.output, "would not be what it was: orders.orders: orders_by_id"),
		  "%d: %s", ran.status, ran.output);
	cr_expect_str_eq(rows_of("orders"), "0");
	cr_expect_str_eq(sql("SELECT obj_description('orders.orders_by_id'::regclass)"),
			 "somebody needs this");
	cr_expect_gt(create(9, 0), 0);
}

Test(data, wants_sensible_figures)
{
	static const char *const rows[] = {
		"N=", "N=99", "N=-1000", "N=1e6", "N=1000000000", "N=1000 SEED=x"
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ran ran = load(rows[i]);

		cr_expect(ran.status == 1 && strstr(ran.output, "data.sh: "), "%s: %d %s", rows[i],
			  ran.status, ran.output);
	}
	cr_expect_str_eq(rows_of("orders"), "0");
}
