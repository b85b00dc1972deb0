/* orders-schema adopt: the tables of the service before this one become ours, or are named for what they are. */
#include "tool.h"

TestSuite(adopt, .init = open_db, .fini = close_db, .timeout = 120);

/* As Alembic made them: the order 7 has been deleted, 20 was changed, 21 never; the items of 20 were not stored in order. */
static const char old_tables[] =
	"SET client_min_messages = warning; DROP TABLE IF EXISTS public.x, public.payments, public.order_items, public.orders, public.alembic_version;"
	"DROP TYPE IF EXISTS public.orderstatus;"
	"CREATE TYPE public.orderstatus AS ENUM ('PENDING','CONFIRMED','SHIPPED','DELIVERED','CANCELLED','LOST');"
	"CREATE TABLE public.alembic_version (version_num varchar(32) PRIMARY KEY);"
	"INSERT INTO public.alembic_version VALUES ('0001');"
	"CREATE TABLE public.orders (id serial PRIMARY KEY, user_id integer, status public.orderstatus,"
	" total_amount numeric(10,2), created_at timestamp, updated_at timestamp);"
	"CREATE TABLE public.order_items (id serial PRIMARY KEY, order_id integer, product_id integer,"
	" product_name varchar(255), product_price numeric(10,2), quantity integer, subtotal numeric(10,2), created_at timestamp);"
	"INSERT INTO public.orders VALUES"
	" (20, 9, 'SHIPPED', 136.50, '2026-02-24 13:46:26.414410', '2026-02-25 08:00:00.000001'),"
	" (21, 9, 'PENDING', 0.01, '2026-02-24 13:46:27', NULL),"
	" (22, 10, 'CANCELLED', 99999999.99, '2026-02-24 13:46:28.000002', '2026-02-24 13:46:28.000001');"
	"INSERT INTO public.order_items VALUES"
	" (32, 20, 4, 'K\xc3\xa4se, \"100 g\"', 45.50, 1, 45.50, '2026-02-24 13:46:26.414410'),"
	" (31, 20, 3, 'USB-C Hub', 45.50, 2, 91.00, '2026-02-24 13:46:26.414411'),"
	" (33, 21, 3, 'USB-C Hub', 0.01, 1, 0.01, '2026-02-24 13:46:27'),"
	" (34, 22, 5, 'Yacht', 99999999.99, 1, 99999999.99, '2026-02-24 13:46:28');"
	"SELECT setval('public.orders_id_seq', 25), setval('public.order_items_id_seq', 30)";

static void
make_old_tables(void)
{
	(void)sql("SET ROLE orders_owner");
	(void)query(db.su, old_tables);
	(void)sql("RESET ROLE");
}

/* "20 9 ''…", a row a line. */
static const char *
dump(const char *what)
{
	return sql(
		"SELECT string_agg(concat_ws('|', VARIADIC ARRAY(SELECT value FROM json_each_text(to_json(t)))), E'\n') FROM (%s) AS t",
		what);
}

Test(adopt, takes_over_every_order_as_it_was)
{
	struct ran ran;
	struct changed made;
	struct order *orders, order;
	struct event *events;
	int *attempts;
	size_t n;

	make_old_tables();
	ran = tool(owner_url(), "adopt");
	cr_assert_eq(ran.status, 0, "%s", ran.output);
	cr_expect_str_eq(ran.output,
			 "taken over: 3 orders with 4 items; new ones go on above the ids 25 and 34\n");

	cr_expect_str_eq(
		dump("SELECT id, user_id, email, status, version, total_amount, created_at, updated_at FROM orders.orders ORDER BY id"),
		"20|9||shipped|1|136.50|2026-02-24T13:46:26.41441+00:00|2026-02-25T08:00:00.000001+00:00\n"
		"21|9||pending|1|0.01|2026-02-24T13:46:27+00:00|2026-02-24T13:46:27+00:00\n"
		"22|10||cancelled|1|99999999.99|2026-02-24T13:46:28.000002+00:00|2026-02-24T13:46:28.000002+00:00");
	cr_expect_str_eq(
		dump("SELECT order_id, line, id, user_id, product_id, product_name, product_price, quantity, subtotal, created_at "
		     "FROM orders.order_items ORDER BY order_id, line"),
		"20|1|31|9|3|USB-C Hub|45.50|2|91.00|2026-02-24T13:46:26.414411+00:00\n"
		"20|2|32|9|4|K\xc3\xa4se, \"100 g\"|45.50|1|45.50|2026-02-24T13:46:26.41441+00:00\n"
		"21|1|33|9|3|USB-C Hub|0.01|1|0.01|2026-02-24T13:46:27+00:00\n"
		"22|1|34|10|5|Yacht|99999999.99|1|99999999.99|2026-02-24T13:46:28+00:00");
	cr_expect_str_eq(
		dump("SELECT order_id, user_id, version, old_status, new_status, changed_at, changed_by, note, idempotency_key "
		     "FROM orders.order_changes ORDER BY order_id"),
		"20|9|1|shipped|2026-02-25T08:00:00.000001+00:00|9|taken over| adopted-20\n"
		"21|9|1|pending|2026-02-24T13:46:27+00:00|9|taken over| adopted-21\n"
		"22|10|1|cancelled|2026-02-24T13:46:28.000002+00:00|10|taken over| adopted-22");
	cr_expect_str_eq(sql("SELECT count(DISTINCT event_id) FROM orders.order_changes"), "3");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "0", "no event is owed");
	cr_expect_str_eq(sql("SELECT count(*) FROM public.orders"), "3", "the old tables are left");

	/* They are orders like any other: seen, changed, told of; and new ones come above them. */
	cr_assert_eq(store_list_orders(db.pg, db.ctx, PAGE_OF(9, .limit = 100), &orders, &n), RC_OK);
	cr_assert_eq(n, 2);
	cr_expect(orders[0].id == 21 && orders[1].id == 20 && orders[1].n == 2);
	cr_expect_eq(lead(9, 21, STATUS_SHIPPED, 0, &made), RC_STATUS_STEP);
	cr_assert_eq(lead(9, 21, STATUS_CONFIRMED, 0, &made), RC_OK);
	cr_expect(made.order.version == 2 && made.old_status == STATUS_PENDING && !made.event_waits);
	cr_assert_eq(lead(9, 20, STATUS_DELIVERED, 60000, &made), RC_OK);
	cr_expect_eq(lead(10, 22, STATUS_CONFIRMED, 0, &made), RC_STATUS_STEP, "cancelled is the end");
	cr_assert_eq(store_claim_due(db.pg, db.ctx, 10, 60000, &events, &attempts, &n), RC_OK);
	cr_assert_eq(n, 1);
	cr_expect(events[0].order_id == 21 && events[0].version == 2 &&
		  events[0].old_status == STATUS_PENDING);
	cr_expect_str_eq(events[0].email, "", "nobody knows it");
	cr_expect_eq(create(9, 0), 26, "above the deleted ones, too");
	cr_expect_str_eq(sql("SELECT max(id) FROM orders.order_items"), "35");
	cr_expect_eq(store_get_order(db.pg, db.ctx, 9, 26, &order), RC_OK);

	ran = tool(owner_url(), "adopt");
	cr_expect_eq(ran.status, 1);
	cr_expect_not_null(strstr(ran.output, "these tables were taken over already"), "%s", ran.output);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "4");
}

Test(adopt, names_whatever_it_does_not_understand_and_changes_nothing)
{
	static const struct {
		const char *damage, *says;
	} rows[] = {
		{ "DROP TABLE public.order_items", "there is no table public.order_items" },
		{ "ALTER TABLE public.orders DROP COLUMN updated_at", "public.orders: no column updated_at" },
		{ "ALTER TABLE public.orders ADD COLUMN \"Discount\" numeric",
		  "public.orders: unknown column \"Discount\" (numeric)" },
		{ "ALTER TABLE public.order_items ALTER COLUMN product_price TYPE double precision",
		  "public.order_items: column product_price is of type double precision, not numeric" },
		{ "ALTER TABLE public.orders ALTER COLUMN created_at TYPE text",
		  "public.orders: column created_at is of type text, not timestamp without time zone or timestamp with time zone" },
		{ "CREATE TABLE public.payments (order_id integer REFERENCES public.orders)",
		  "public.payments refers to public.orders: unknown" },
		{ "ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY",
		  "public.orders: has row-level security" },
		{ "ALTER TABLE public.orders DROP CONSTRAINT orders_pkey",
		  "public.orders: id is not the primary key" },
		{ "CREATE TRIGGER t BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		  "public.orders: unknown trigger t" },
		{ "CREATE TABLE public.x () INHERITS (public.orders)",
		  "public.orders: not an ordinary table" },
		{ "UPDATE public.orders SET user_id = NULL",
		  "public.orders: user_id is NULL: 3, for instance id 20" },
		{ "UPDATE public.orders SET user_id = 0 WHERE id > 20",
		  "public.orders: user_id below 1: 2, for instance id 21" },
		{ "UPDATE public.order_items SET order_id = -1 WHERE order_id = 22; UPDATE public.orders SET id = -1 WHERE id = 22",
		  "public.orders: id below 1: 1, for instance id -1" },
		{ "UPDATE public.orders SET status = NULL WHERE id = 21",
		  "public.orders: status is NULL: 1, for instance id 21" },
		{ "UPDATE public.orders SET status = 'LOST' WHERE id = 21",
		  "public.orders: unknown status 'LOST': 1, for instance id 21" },
		{ "ALTER TABLE public.orders ALTER COLUMN status TYPE varchar(20); UPDATE public.orders SET status = 'Pending' WHERE id = 21",
		  "public.orders: unknown status 'Pending': 1, for instance id 21" },
		{ "UPDATE public.orders SET total_amount = NULL WHERE id = 21",
		  "public.orders: total_amount is NULL: 1, for instance id 21" },
		{ "UPDATE public.orders SET total_amount = 0.02 WHERE id = 21",
		  "public.orders: total_amount is not the sum of the subtotals: 1, for instance id 21" },
		{ "ALTER TABLE public.orders ALTER COLUMN total_amount TYPE numeric; UPDATE public.orders SET total_amount = 10000000000",
		  "public.orders: total_amount above 9999999999.99: 3, for instance id 20" },
		{ "ALTER TABLE public.orders ALTER COLUMN total_amount TYPE numeric; UPDATE public.orders SET total_amount = 'NaN' WHERE id = 22",
		  "public.orders: total_amount above 9999999999.99: 1, for instance id 22" },
		{ "ALTER TABLE public.orders ALTER COLUMN total_amount TYPE numeric; UPDATE public.orders SET total_amount = 0.005 WHERE id = 21",
		  "public.orders: total_amount with more than two places: 1, for instance id 21" },
		{ "UPDATE public.orders SET total_amount = -0.01 WHERE id = 21",
		  "public.orders: total_amount below 0: 1, for instance id 21" },
		{ "UPDATE public.orders SET created_at = NULL WHERE id = 21",
		  "public.orders: created_at is NULL: 1, for instance id 21" },
		{ "UPDATE public.orders SET created_at = now() AT TIME ZONE 'UTC' + interval '1 hour' WHERE id = 21",
		  "public.orders: created_at in the future: not UTC?: 1, for instance id 21" },
		{ "UPDATE public.orders SET created_at = '-infinity' WHERE id = 21",
		  "public.orders: created_at before the year 1: 1, for instance id 21" },
		{ "UPDATE public.orders SET updated_at = 'infinity' WHERE id = 21",
		  "public.orders: updated_at in the future: not UTC?: 1, for instance id 21" },
		{ "UPDATE public.orders SET updated_at = created_at - interval '2 seconds' WHERE id = 21",
		  "public.orders: updated_at before created_at: 1, for instance id 21" },
		{ "DELETE FROM public.order_items WHERE order_id = 20",
		  "public.orders: no items: 1, for instance id 20" },
		{ "DELETE FROM public.orders WHERE id = 20",
		  "public.order_items: of an order that is not there: 2, for instance id 31" },
		{ "UPDATE public.order_items SET order_id = NULL WHERE id = 34",
		  "public.order_items: order_id is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET id = 0 WHERE id = 34",
		  "public.order_items: id below 1: 1, for instance id 0" },
		{ "UPDATE public.order_items SET product_id = NULL WHERE id = 34",
		  "public.order_items: product_id is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET product_id = 0 WHERE id = 34",
		  "public.order_items: product_id below 1: 1, for instance id 34" },
		{ "UPDATE public.order_items SET product_name = NULL WHERE id = 34",
		  "public.order_items: product_name is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET product_name = '' WHERE id = 34",
		  "public.order_items: product_name is empty: 1, for instance id 34" },
		{ "ALTER TABLE public.order_items ALTER COLUMN product_name TYPE text; UPDATE public.order_items SET product_name = repeat('x', 256) WHERE id = 34",
		  "public.order_items: product_name above 255 characters: 1, for instance id 34" },
		{ "UPDATE public.order_items SET product_price = NULL WHERE id = 34",
		  "public.order_items: product_price is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET product_price = -1 WHERE id = 34",
		  "public.order_items: product_price below 0: 1, for instance id 34" },
		{ "ALTER TABLE public.order_items ALTER COLUMN product_price TYPE numeric; UPDATE public.order_items SET product_price = 0.005 WHERE id = 34",
		  "public.order_items: product_price with more than two places: 1, for instance id 34" },
		{ "UPDATE public.order_items SET quantity = NULL WHERE id = 34",
		  "public.order_items: quantity is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET quantity = 0 WHERE id = 34",
		  "public.order_items: quantity below 1: 1, for instance id 34" },
		{ "ALTER TABLE public.order_items ALTER COLUMN quantity TYPE bigint; UPDATE public.order_items SET quantity = 2147483648 WHERE id = 34",
		  "public.order_items: quantity above 2147483647: 1, for instance id 34" },
		{ "UPDATE public.order_items SET subtotal = NULL WHERE id = 34",
		  "public.order_items: subtotal is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET subtotal = 91.01 WHERE id = 31",
		  "public.order_items: subtotal is not product_price \xc3\x97 quantity: 1, for instance id 31" },
		{ "UPDATE public.order_items SET created_at = NULL WHERE id = 34",
		  "public.order_items: created_at is NULL: 1, for instance id 34" },
		{ "UPDATE public.order_items SET created_at = 'infinity' WHERE id = 34",
		  "public.order_items: created_at in the future: not UTC?: 1, for instance id 34" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ran ran;

		make_old_tables();
		(void)sql("SET ROLE orders_owner");
		(void)sql("%s", rows[i].damage);
		(void)sql("RESET ROLE");
		ran = tool(owner_url(), "adopt%s", i % 2 ? " --dry-run" : "");
		cr_expect(ran.status == 1 &&
				  strstr(ran.output, talloc_asprintf(db.ctx, "    %s\n", rows[i].says)) &&
				  strstr(ran.output, "refused, for the reasons above; nothing was changed"),
			  "%s: %d %s", rows[i].damage, ran.status, ran.output);
	}
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "0");
}

Test(adopt, tries_without_a_change_and_without_a_lock)
{
	struct ran ran;

	make_old_tables();
	(void)query(db.watch, "BEGIN");
	(void)query(db.watch, "UPDATE public.orders SET updated_at = created_at + interval '1 minute'");
	ran = tool(owner_url(), "adopt --dry-run");
	cr_expect_eq(ran.status, 0);
	cr_expect_str_eq(
		ran.output,
		"every row is understood: 3 orders with 4 items could be taken over. Nothing was changed\n");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "0");

	/* The real one waits for the old service, and not for ever. */
	ran = tool(owner_url(), "adopt");
	cr_expect_eq(ran.status, 1);
	cr_expect_not_null(strstr(ran.output, "lock timeout"), "%s", ran.output);
	(void)query(db.watch, "COMMIT");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "0");
	ran = tool(owner_url(), "adopt");
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	cr_expect_str_eq(
		sql("SELECT count(*) FROM orders.orders WHERE updated_at = created_at + interval '1 minute'"),
		"3");
}

Test(adopt, understands_what_can_only_mean_one_thing)
{
	struct ran ran;

	make_old_tables();
	(void)sql("SET ROLE orders_owner");
	(void)sql("ALTER TABLE public.orders ALTER COLUMN id TYPE bigint, ALTER COLUMN user_id TYPE bigint, "
		  "ALTER COLUMN status TYPE varchar(20) USING lower(status::text), "
		  "ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC'");
	(void)sql("RESET ROLE");
	/* Whatever zone the connection would have. */
	ran = tool(owner_url(), "--help >/dev/null; PGTZ=Asia/Kolkata '%s/schema/orders-schema' adopt",
		   need("ORDERS_TEST_ROOT"));
	cr_expect_eq(ran.status, 0, "%s", ran.output);
	cr_expect_str_eq(
		sql("SELECT string_agg(status || ' ' || (created_at AT TIME ZONE 'UTC')::time(0), ' ' ORDER BY id) FROM orders.orders"),
		"shipped 13:46:26 pending 13:46:27 cancelled 13:46:28");
}

Test(adopt, refuses_to_mix_with_orders_that_are_there)
{
	struct ran ran;

	make_old_tables();
	(void)create(9, 0);
	ran = tool(owner_url(), "adopt");
	cr_expect_eq(ran.status, 1);
	cr_expect_not_null(strstr(ran.output, "the schema orders has orders of its own"), "%s", ran.output);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "1");
}
