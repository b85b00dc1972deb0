/* Orders in PostgreSQL. */
#include "db.h"

TestSuite(orders, .init = open_db, .fini = close_db);

static void
expect_same(const struct order *a, const struct order *b, const char *why)
{
	cr_expect_eq(a->id, b->id, "%s", why);
	cr_expect_eq(a->user_id, b->user_id, "%s", why);
	cr_expect_str_eq(a->email, b->email, "%s", why);
	cr_expect_eq(a->status, b->status, "%s", why);
	cr_expect_eq(a->version, b->version, "%s", why);
	cr_expect_eq(a->total.cents, b->total.cents, "%s", why);
	cr_expect_eq(a->created_us, b->created_us, "%s", why);
	cr_expect_eq(a->updated_us, b->updated_us, "%s", why);
	cr_assert_eq(a->n, b->n, "%s", why);
	for (size_t i = 0; i < a->n; i++) {
		cr_expect_eq(a->items[i].id, b->items[i].id, "%s: item %zu", why, i);
		cr_expect_eq(a->items[i].product_id, b->items[i].product_id, "%s: item %zu", why, i);
		cr_expect_str_eq(a->items[i].product_name, b->items[i].product_name, "%s: item %zu", why, i);
		cr_expect_eq(a->items[i].price.cents, b->items[i].price.cents, "%s: item %zu", why, i);
		cr_expect_eq(a->items[i].subtotal.cents, b->items[i].subtotal.cents, "%s: item %zu", why, i);
		cr_expect_eq(a->items[i].quantity, b->items[i].quantity, "%s: item %zu", why, i);
		cr_expect_eq(a->items[i].created_us, b->items[i].created_us, "%s: item %zu", why, i);
	}
}

Test(orders, are_stored_and_read_back_as_they_were)
{
	struct item items[] = {
		{ .product_id = 7,
		  .product_name = "Sticker",
		  .price = { 1 },
		  .subtotal = { 3 },
		  .quantity = 3 },
		{ .product_id = INT64_MAX,
		  .product_name = "USB-C Hub",
		  .price = { 4550 },
		  .subtotal = { 9100 },
		  .quantity = 2 },
		{ .product_id = 7,
		  .product_name = "Sticker",
		  .price = { 1 },
		  .subtotal = { 1 },
		  .quantity = 1 },
		{ .product_id = 1, .product_name = "Free", .subtotal = { 0 }, .quantity = INT32_MAX },
	};
	struct order o = { .user_id = INT64_MAX,
			   .email = "\xc3\xa9\"'\\@example.com",
			   .version = 1,
			   .total = { 9104 },
			   .n = 4,
			   .items = items },
		     back;
	struct change c = change_by(INT64_MAX, "key", "x");
	struct changed made;
	int64_t before = clock_wall_us();

	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	cr_expect_gt(made.order.id, 0);
	cr_expect_not(made.event_waits);
	cr_expect(made.order.created_us >= before && made.order.created_us <= clock_wall_us());
	cr_expect_eq(made.order.updated_us, made.order.created_us);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(made.order.items[i].created_us, made.order.created_us);
	cr_assert_eq(store_get_order(db.pg, db.ctx, INT64_MAX, made.order.id, &back), RC_OK);
	expect_same(&back, &made.order, "back");
}

Test(orders, keep_amounts_to_the_cent)
{
	static const struct {
		int64_t cents;
		const char *text;
	} rows[] = {
		{ 0, "0.00" },
		{ 1, "0.01" },
		{ 10, "0.10" },
		{ 99, "0.99" },
		{ 100, "1.00" },
		{ 101, "1.01" },
		{ 999999, "9999.99" },
		{ 1000000, "10000.00" },
		{ 1000001, "10000.01" },
		{ 10000000000, "100000000.00" },
		{ 10000000001, "100000000.01" },
		{ 123456789012, "1234567890.12" },
		{ 999999999998, "9999999999.98" },
		{ MONEY_MAX_CENTS, "9999999999.99" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct order o = order_of(9, 1), back;
		struct change c = change_by(9, NULL, "x");
		struct changed made;

		o.items[0].price = o.items[0].subtotal = o.total = (struct money){ rows[i].cents };
		cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
		cr_assert_eq(store_get_order(db.pg, db.ctx, 9, made.order.id, &back), RC_OK);
		expect_money(back.total, rows[i].cents, "total");
		expect_money(back.items[0].price, rows[i].cents, "price");
		expect_money(back.items[0].subtotal, rows[i].cents, "subtotal");
		cr_expect_str_eq(sql("SELECT total_amount FROM orders.orders WHERE id = %lld",
				     (long long)made.order.id),
				 rows[i].text);
	}
}

Test(orders, keep_random_amounts_to_the_cent)
{
	struct item items[ORDER_ITEMS_MAX];
	struct order o = { .user_id = 9, .email = "", .version = 1, .n = ORDER_ITEMS_MAX, .items = items },
		     back;
	uint64_t state = 1;

	for (int round = 0; round < 20; round++) {
		struct change c = change_by(9, NULL, "x");
		int64_t want[ORDER_ITEMS_MAX];
		struct changed made;

		for (size_t i = 0; i < o.n; i++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
			want[i] = (int64_t)((state >> 20) % (uint64_t)MONEY_MAX_CENTS) >> state % 40;
			items[i] = (struct item){ .product_id = 1,
						  .product_name = "x",
						  .price = { want[i] },
						  .subtotal = { want[i] },
						  .quantity = 1 };
		}
		cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
		cr_assert_eq(store_get_order(db.pg, db.ctx, 9, made.order.id, &back), RC_OK);
		for (size_t i = 0; i < o.n; i++)
			cr_expect_eq(back.items[i].price.cents, want[i]);
	}
}

Test(orders, keep_times_to_the_microsecond)
{
	static const char *const times[] = {
		"0001-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z",
		"1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00.000000Z", "2000-01-01T00:00:00.000001Z",
		"2026-02-24T13:46:26.414410Z", "9999-12-31T23:59:59.999999Z",
	};
	int64_t id = create(9, 0);

	for (size_t i = 0; i < ROWS(times); i++) {
		char text[RFC3339_SIZE];
		struct order o;

		(void)sql("UPDATE orders.orders SET created_at = '%s', updated_at = '%s'", times[i],
			  times[ROWS(times) - 1 - i]);
		(void)sql("UPDATE orders.order_items SET created_at = '%s'", times[i]);
		cr_assert_eq(store_get_order(db.pg, db.ctx, 9, id, &o), RC_OK);
		cr_assert_eq(clock_rfc3339(o.created_us, text), RC_OK);
		cr_expect_str_eq(text, times[i]);
		cr_assert_eq(clock_rfc3339(o.updated_us, text), RC_OK);
		cr_expect_str_eq(text, times[ROWS(times) - 1 - i]);
		cr_assert_eq(clock_rfc3339(o.items[0].created_us, text), RC_OK);
		cr_expect_str_eq(text, times[i]);
	}
}

Test(orders, keep_names_whatever_an_array_literal_makes_of_them)
{
	static const char *const names[] = {
		"\"",
		"\\",
		"\\\\",
		"\\\"",
		"'",
		"''",
		",",
		"{",
		"}",
		"{a,b}",
		"NULL",
		"null",
		" ",
		" lead",
		"trail ",
		"a\nb\tc\r",
		"\x01\x7f",
		"$1",
		"%s",
		"--",
		"/*",
		"\\n",
		"\\x41",
		"E'\\n'",
		"\xc3\xa9",
		"e\xcc\x81",
		"\xe6\x97\xa5\xe6\x9c\xac",
		"\xf0\x9f\x9a\x80",
		"\xef\xbb\xbf",
		"\xe2\x80\xae",
		"(1,2)",
		"\"a\",\"b\"",
		"{\"a\"}",
		";DROP TABLE orders.orders;",
	};
	struct item items[ROWS(names)];
	struct order o = { .user_id = 9, .email = "", .version = 1, .n = ROWS(names), .items = items }, back;
	struct change c = change_by(9, NULL, "x");
	struct changed made;

	for (size_t i = 0; i < ROWS(names); i++)
		items[i] = (struct item){ .product_id = 1, .product_name = names[i], .quantity = 1 };
	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	cr_assert_eq(store_get_order(db.pg, db.ctx, 9, made.order.id, &back), RC_OK);
	cr_assert_eq(back.n, ROWS(names));
	for (size_t i = 0; i < ROWS(names); i++)
		cr_expect_str_eq(back.items[i].product_name, names[i]);
}

Test(orders, of_100_lines_with_the_longest_names_fit)
{
	static const char *const characters[] = { "x", "\"", "\\", "\xf0\x9f\x9a\x80" };

	for (size_t k = 0; k < ROWS(characters); k++) {
		char *name = talloc_strdup(db.ctx, "");
		struct item items[ORDER_ITEMS_MAX];
		struct order o = { .user_id = INT64_MAX,
				   .email = "",
				   .version = 1,
				   .n = ORDER_ITEMS_MAX,
				   .items = items },
			     back;
		struct change c = change_by(INT64_MAX, NULL, "x");
		struct changed made;

		for (int i = 0; i < PRODUCT_NAME_MAX; i++)
			name = talloc_strdup_append_buffer(name, characters[k]);
		for (size_t i = 0; i < o.n; i++)
			items[i] = (struct item){ .product_id = INT64_MAX,
						  .product_name = name,
						  .quantity = 1 };
		cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK, "%s", characters[k]);
		cr_assert_eq(store_get_order(db.pg, db.ctx, INT64_MAX, made.order.id, &back), RC_OK);
		expect_same(&back, &made.order, characters[k]);
	}
}

Test(orders, of_others_and_of_nobody_are_not_found)
{
	int64_t id = create(9, 0);
	struct changed made;
	struct order o;

	cr_expect_eq(store_get_order(db.pg, db.ctx, 8, id, &o), RC_NO_ORDER);
	cr_expect_eq(store_get_order(db.pg, db.ctx, 9, id + 1, &o), RC_NO_ORDER);
	cr_expect_eq(store_get_order(db.pg, db.ctx, 9, INT64_MAX, &o), RC_NO_ORDER);
	cr_expect_eq(store_get_order(db.pg, db.ctx, 9, INT64_MIN, &o), RC_NO_ORDER);
	cr_expect_eq(lead(8, id, STATUS_CONFIRMED, 0, &made), RC_NO_ORDER);
	cr_expect_eq(lead(9, id + 1, STATUS_CONFIRMED, 0, &made), RC_NO_ORDER);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.order_changes"), "1");
}

Test(orders, that_break_a_rule_are_not_stored_at_all)
{
	static const struct {
		int64_t subtotal, price, total;
		int32_t quantity;
		const char *why;
	} rows[] = {
		{ 9101, 4550, 9101, 2, "a subtotal that is not price × quantity" },
		{ 0, 4550, 0, 0, "no quantity" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct change c = change_by(9, NULL, "x");
		struct order o = order_of(9, 1);
		struct changed made;

		o.items[0].subtotal.cents = rows[i].subtotal;
		o.items[0].price.cents = rows[i].price;
		o.items[0].quantity = rows[i].quantity;
		o.total.cents = rows[i].total;
		cr_expect_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_INTERNAL, "%s",
			     rows[i].why);
	}
	cr_expect_str_eq(
		sqlstate(
			db.su,
			"INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at) "
			"VALUES (9, '', 'pending', 1, -0.01, now(), now())"),
		"23514");
	cr_expect_str_eq(
		sqlstate(
			db.su,
			"INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at) "
			"VALUES (0, '', 'pending', 1, 0, now(), now())"),
		"23514");
	cr_expect_str_eq(
		sql("SELECT (SELECT count(*) FROM orders.orders) + (SELECT count(*) FROM orders.order_items) "
		    "+ (SELECT count(*) FROM orders.order_changes) + (SELECT count(*) FROM orders.outbox)"),
		"0");
}

Test(orders, are_listed_newest_first_a_page_at_a_time)
{
	int64_t ids[7];
	static const struct {
		int64_t skip;
		int32_t limit;
		size_t first, n;
		const char *why;
	} rows[] = {
		{ 0, 100, 0, 7, "all" },      { 0, 3, 0, 3, "the first page" },
		{ 3, 3, 3, 3, "the second" }, { 6, 3, 6, 1, "the rest" },
		{ 7, 3, 0, 0, "none left" },  { INT64_MAX, 100, 0, 0, "far behind" },
		{ 0, 1, 0, 1, "one" },
	};

	for (size_t i = 0; i < ROWS(ids); i++) {
		ids[i] = create(9, 0);
		(void)create(8, 0);
	}
	/* Two at the same moment: the greater id is the newer one. */
	(void)sql(
		"UPDATE orders.orders SET created_at = (SELECT created_at FROM orders.orders WHERE id = %lld) WHERE id = %lld",
		(long long)ids[2], (long long)ids[3]);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct order *orders;
		size_t n = 99;

		cr_assert_eq(store_list_orders(db.pg, db.ctx,
					       PAGE_OF(9, .skip = rows[i].skip, .limit = rows[i].limit),
					       &orders, &n),
			     RC_OK);
		cr_assert_eq(n, rows[i].n, "%s: %zu", rows[i].why, n);
		for (size_t j = 0; j < n; j++) {
			cr_expect_eq(orders[j].id, ids[ROWS(ids) - 1 - rows[i].first - j], "%s: %zu",
				     rows[i].why, j);
			cr_expect_eq(orders[j].user_id, 9);
			cr_expect(orders[j].n == 1 &&
				  strcmp(orders[j].items[0].product_name, "USB-C Hub") == 0);
		}
	}
}

Test(orders, lists_hold_every_item_in_its_place)
{
	struct order *orders;
	size_t n;

	for (int32_t k = 0; k < 20; k++) {
		struct item items[5];
		struct order o = {
			.user_id = 9, .email = "", .version = 1, .n = (size_t)k % 5 + 1, .items = items
		};
		struct change c = change_by(9, NULL, "x");
		struct changed made;

		for (int32_t i = 0; i < 5; i++)
			items[i] = (struct item){ .product_id = k * 10 + i + 1,
						  .product_name = "x",
						  .quantity = 1 };
		cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	}
	(void)sql(
		"DELETE FROM orders.order_items WHERE product_id = 51"); /* an order without any item is one, too */
	cr_assert_eq(store_list_orders(db.pg, db.ctx, PAGE_OF(9, .limit = 100), &orders, &n), RC_OK);
	cr_assert_eq(n, 20);
	for (size_t k = 0; k < 20; k++) {
		const struct order *o = &orders[19 - k];

		cr_expect_eq(o->n, k == 5 ? 0 : k % 5 + 1);
		for (size_t i = 0; i < o->n; i++)
			cr_expect_eq(o->items[i].product_id, (int64_t)(k * 10 + i + 1));
	}
}

Test(orders, go_through_their_life_one_step_at_a_time)
{
	for (int from = 0; from < STATUS_COUNT; from++)
		for (int to = 0; to < STATUS_COUNT; to++) {
			int64_t id = create(9, 0);
			struct changed made = { .old_status = STATUS_COUNT };
			struct why why;
			struct order o;
			enum rc rc;

			(void)sql("UPDATE orders.orders SET status = '%s' WHERE id = %lld",
				  status_name((enum status)from), (long long)id);
			rc = lead(9, id, (enum status)to, 0, &made);
			cr_expect_eq(rc,
				     status_judge((enum status)from, (enum status)to, &why) ? RC_STATUS_STEP
											    : RC_OK,
				     "%d → %d: %d", from, to, rc);
			cr_expect_eq(made.old_status, from);
			cr_assert_eq(store_get_order(db.pg, db.ctx, 9, id, &o), RC_OK);
			cr_expect_eq(o.status, rc ? from : to);
			cr_expect_eq(o.version, rc ? 1 : 2);
			if (!rc) {
				expect_same(&o, &made.order, "as answered");
				cr_expect_geq(o.updated_us, o.created_us);
			} else {
				cr_expect_eq(o.updated_us, o.created_us, "nothing happened");
			}
		}
}

Test(orders, can_be_led_only_from_the_statuses_that_the_caller_allows)
{
	struct change c = change_by(9, NULL, "x");
	struct changed made;
	int64_t id = create(9, 0);

	cr_expect_eq(store_change_status(db.pg, db.ctx, &c, 9, id, STEP(STATUS_CANCELLED, 0), &made),
		     RC_STATUS_STEP, "from nowhere");
	cr_expect_eq(made.old_status, STATUS_PENDING);
	cr_expect_eq(store_change_status(db.pg, db.ctx, &c, 9, id,
					 STEP(STATUS_CANCELLED, STATUS_BIT(STATUS_SHIPPED)), &made),
		     RC_STATUS_STEP);
	cr_expect_eq(store_change_status(
			     db.pg, db.ctx, &c, 9, id,
			     STEP(STATUS_CANCELLED, STATUS_BIT(STATUS_SHIPPED) | STATUS_BIT(STATUS_PENDING)),
			     &made),
		     RC_OK);
}

Test(orders, remember_each_change)
{
	int64_t id = create(9, 0);
	struct change c = change_by(1, "staff-key", "x");
	struct changed made;

	cr_assert_eq(store_change_status(db.pg, db.ctx, &c, 9, id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made),
		     RC_OK);
	cr_expect_str_eq(
		sql("SELECT string_agg(concat_ws(' ', user_id, order_id = %lld, version, old_status, new_status, changed_by, "
		    "octet_length(request_digest)), ', ' ORDER BY version) FROM orders.order_changes",
		    (long long)id),
		"9 t 1 pending 9 32, 9 t 2 pending confirmed 1 32");
	cr_expect_str_eq(sql("SELECT event_id FROM orders.order_changes WHERE version = 2"), c.event_id);
	cr_expect_str_eq(sql("SELECT idempotency_key FROM orders.order_changes WHERE version = 2"),
			 "staff-key");
	cr_expect_str_eq(
		sql("SELECT changed_at = (SELECT updated_at FROM orders.orders) FROM orders.order_changes WHERE version = 2"),
		"t");
}

Test(orders, times_never_run_backwards)
{
	int64_t id = create(9, 0);
	struct changed made;

	(void)sql(
		"UPDATE orders.orders SET updated_at = '2100-01-01T00:00:00Z'"); /* a clock that was wrong */
	cr_assert_eq(lead(9, id, STATUS_CONFIRMED, 0, &made), RC_OK);
	cr_expect_eq(made.order.updated_us, INT64_C(4102444800000000));
}

/* Keys */

Test(orders, are_made_once_for_a_key)
{
	struct change first = change_by(9, "key", "request"), again = change_by(9, "key", "request"),
		      other = change_by(9, "key", "another");
	struct order o = order_of(9, 2), same = order_of(9, 2), found;
	struct changed made, replayed;

	cr_expect_eq(store_find_replay(db.pg, db.ctx, &first, 9, &found), RC_OK, "the key is new");
	cr_assert_eq(store_create_order(db.pg, db.ctx, &first, &o, &made), RC_OK);
	cr_assert_eq(store_create_order(db.pg, db.ctx, &again, &same, &replayed), RC_FOUND);
	expect_same(&replayed.order, &made.order, "replayed");
	cr_assert_eq(store_find_replay(db.pg, db.ctx, &again, 9, &found), RC_FOUND);
	expect_same(&found, &made.order, "found");
	cr_expect_eq(store_create_order(db.pg, db.ctx, &other, &same, &replayed), RC_KEY_REUSED);
	cr_expect_eq(store_find_replay(db.pg, db.ctx, &other, 9, &found), RC_KEY_REUSED);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "1");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "1");
}

Test(orders, are_replayed_as_they_were_then)
{
	struct change creation = change_by(9, "create", "create"), step = change_by(9, "step", "step");
	struct order o = order_of(9, 2), found;
	struct changed made, stepped, again;

	cr_assert_eq(store_create_order(db.pg, db.ctx, &creation, &o, &made), RC_OK);
	cr_assert_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &stepped),
		     RC_OK);
	cr_assert_eq(lead(9, made.order.id, STATUS_SHIPPED, 0, &again), RC_OK);
	id_uuid(creation.event_id);
	id_uuid(step.event_id);
	cr_assert_eq(store_find_replay(db.pg, db.ctx, &creation, 9, &found), RC_FOUND);
	expect_same(&found, &made.order, "the creation");
	cr_assert_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &again),
		     RC_FOUND);
	expect_same(&again.order, &stepped.order, "the step");
	memset(step.digest, 0, sizeof step.digest);
	cr_expect_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &again),
		     RC_KEY_REUSED);
	cr_expect_str_eq(sql("SELECT status FROM orders.orders"), "shipped");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.order_changes"), "3");
}

Test(orders, a_lost_answer_is_known_by_its_event)
{
	struct change c = change_by(9, NULL, "x"), step = change_by(9, NULL, "y");
	struct order o = order_of(9, 2);
	struct changed made, again;

	/* The same call once more is what happens after a connection broke behind the commit. */
	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &again), RC_OK,
		     "not a replay: this request's own");
	cr_expect_eq(again.order.id, made.order.id);
	cr_expect(again.event_waits, "the sweep will send it");
	cr_assert_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &again),
		     RC_OK);
	cr_assert_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &again),
		     RC_OK);
	cr_expect(again.event_waits);
	cr_expect_eq(again.old_status, STATUS_PENDING);
	cr_expect_eq(again.order.status, STATUS_CONFIRMED);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.order_changes"), "2");
}

Test(orders, keys_belong_to_their_users)
{
	struct change nine = change_by(9, "key", "request"), eight = change_by(8, "key", "another");
	struct order a = order_of(9, 1), b = order_of(8, 1);
	struct changed made;

	cr_expect_eq(store_create_order(db.pg, db.ctx, &nine, &a, &made), RC_OK);
	cr_expect_eq(store_create_order(db.pg, db.ctx, &eight, &b, &made), RC_OK);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "2");
}

Test(orders, a_key_is_shared_by_creating_and_changing)
{
	struct change c = change_by(9, "key", "create"), step = change_by(9, "key", "change");
	struct order o = order_of(9, 1);
	struct changed made, again;

	cr_assert_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	cr_expect_eq(store_change_status(db.pg, db.ctx, &step, 9, made.order.id,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &again),
		     RC_KEY_REUSED);
	cr_expect_str_eq(sql("SELECT status FROM orders.orders"), "pending");
}

Test(orders, keys_of_the_greatest_length_are_kept_whole)
{
	char longest[256], other[256];
	struct change c, d;
	struct order o = order_of(9, 1);
	struct changed made;

	memset(longest, 'k', 255);
	longest[255] = '\0';
	memcpy(other, longest, sizeof other);
	other[254] = 'x';
	c = change_by(9, longest, "x");
	d = change_by(9, other, "x");
	cr_expect_eq(store_create_order(db.pg, db.ctx, &c, &o, &made), RC_OK);
	cr_expect_eq(store_create_order(db.pg, db.ctx, &d, &o, &made), RC_OK, "they differ in the last byte");
}

Test(orders, a_key_of_staff_is_found_among_the_owners_rows)
{
	int64_t nine = create(9, 0), eight = create(8, 0), owner, key_owner;
	struct change by_staff = change_by(1, "staff-key", "x"), own = change_by(1, "own-key", "y");
	struct order o = order_of(1, 1);
	struct changed made;
	const struct {
		int64_t order, caller;
		const char *key;
		int64_t owner, key_owner;
		const char *why;
	} rows[] = {
		{ nine, 1, NULL, 9, 0, "whose an order is" },
		{ eight, 1, "staff-key", 8, 9, "the key lies with another owner's rows" },
		{ nine, 1, "staff-key", 9, 9, "and with this one's" },
		{ 0, 1, "staff-key", 0, 9, "without an order" },
		{ 0, 1, "own-key", 0, 1, "a key for the caller's own order" },
		{ 0, 1, "new", 0, 0, "a key that nobody has used" },
		{ 0, 2, "staff-key", 0, 0, "another caller's key" },
		{ 0, 9, "staff-key", 0, 0, "it is not the owner's key" },
		{ INT64_MAX, 1, NULL, 0, 0, "no such order" },
	};

	cr_assert_eq(store_change_status(db.pg, db.ctx, &by_staff, 9, nine,
					 STEP(STATUS_CONFIRMED, STATUS_BIT(STATUS_PENDING)), &made),
		     RC_OK);
	cr_assert_eq(store_create_order(db.pg, db.ctx, &own, &o, &made), RC_OK);
	for (size_t i = 0; i < ROWS(rows); i++) {
		owner = key_owner = -7;
		cr_expect_eq(store_find_owner(db.pg, db.ctx, rows[i].order, rows[i].caller, rows[i].key,
					      &owner, &key_owner),
			     RC_OK);
		cr_expect(owner == rows[i].owner && key_owner == rows[i].key_owner, "%s: %lld, %lld",
			  rows[i].why, (long long)owner, (long long)key_owner);
	}
}

/* At the same time */

static struct outcome
create_under_key(struct pg *pg, const void *arg)
{
	struct change c = change_by(9, arg, "request");
	struct order o = order_of(9, 2);
	struct changed made = { 0 };
	enum rc rc = store_create_order(pg, db.ctx, &c, &o, &made);

	return (struct outcome){ .rc = rc,
				 .order_id = rc == RC_OK || rc == RC_FOUND ? made.order.id : 0,
				 .event_waits = made.event_waits };
}

/* Where the machine is too busy for the database's own limits, a client is told to try again, and does. */
static struct outcome
until_answered(job_fn *ask, struct pg *pg, const void *arg)
{
	int64_t deadline = clock_ms() + LIMIT_MS;
	struct outcome o;

	do
		o = ask(pg, arg);
	while (o.rc == RC_DATABASE && clock_left_ms(deadline));
	return o;
}

static struct outcome
create_patiently(struct pg *pg, const void *arg)
{
	return until_answered(create_under_key, pg, arg);
}

Test(orders, of_20_simultaneous_requests_with_one_key_one_acts)
{
	struct job jobs[20];
	int64_t id = 0;
	int acted = 0;

	for (size_t i = 0; i < ROWS(jobs); i++)
		jobs[i] = start_job(create_patiently, "key");
	for (size_t i = 0; i < ROWS(jobs); i++) {
		struct outcome o = end_job(jobs[i]);

		cr_expect(o.rc == RC_OK || o.rc == RC_FOUND, "rc %d", o.rc);
		acted += o.rc == RC_OK;
		cr_expect(id == 0 || o.order_id == id, "all give its answer");
		id = o.order_id;
	}
	cr_expect_eq(acted, 1);
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.orders"), "1");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.order_items"), "1");
}

/* What another worker has begun and not yet committed, under the key. */
static void
begin_create(const char *key, const char *digest)
{
	(void)sql("BEGIN");
	(void)sql(
		"SELECT count(*) FROM orders.create_order(9, 'a@b', 1, '{1}', '{x}', '{1}', '{1}', '{1}', '%s', '%s', gen_random_uuid(), 'r', 't', 0)",
		key, digest);
}

/* SHA-256 of what change_by() digests for "request", as bytea's hex. */
static const char *
digest_of_request(void)
{
	struct change c = change_by(9, "x", "request");
	char *text = talloc_strdup(db.ctx, "\\x");

	for (size_t i = 0; i < sizeof c.digest; i++)
		text = talloc_asprintf_append_buffer(text, "%02x", c.digest[i]);
	return text;
}

Test(orders, wait_for_whoever_holds_their_key)
{
	static const struct {
		const char *end;
		bool same;
		enum rc rc;
		const char *why;
	} rows[] = {
		{ "COMMIT", true, RC_FOUND, "committed: its answer" },
		{ "COMMIT", false, RC_KEY_REUSED, "committed by another request" },
		{ "ROLLBACK", true, RC_OK, "rolled back: the key is free" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *key = talloc_asprintf(db.ctx, "key-%zu", i);
		struct outcome o;
		struct job job;

		begin_create(key,
			     rows[i].same
				     ? digest_of_request()
				     : "\\x0000000000000000000000000000000000000000000000000000000000000000");
		job = start_job(create_under_key, key);
		cr_expect(becomes(WAITING, "1"), "%s", rows[i].why);
		(void)sql("%s", rows[i].end);
		o = end_job(job);
		cr_expect_eq(o.rc, rows[i].rc, "%s: %d", rows[i].why, o.rc);
		cr_expect_str_eq(
			sql("SELECT count(*) FROM orders.order_changes WHERE idempotency_key = '%s'", key),
			"1");
	}
}

Test(orders, do_not_wait_for_a_key_for_ever)
{
	struct outcome o;

	begin_create("key", digest_of_request());
	o = end_job(start_job(create_under_key, "key"));
	cr_expect_eq(o.rc, RC_DATABASE, "lock_timeout");
	cr_expect(o.took_ms >= 1500 && o.took_ms < 5500, "%lld ms", (long long)o.took_ms);
	(void)sql("ROLLBACK");
	cr_expect_eq(end_job(start_job(create_under_key, "key")).rc, RC_OK);
}

struct attempt {
	int64_t order_id;
	enum status to;
	const char *key;
};

static struct outcome
change_one(struct pg *pg, const void *arg)
{
	const struct attempt *s = arg;
	struct change c = change_by(9, s->key, "request");
	struct changed made = { 0 };
	enum rc rc = store_change_status(pg, db.ctx, &c, 9, s->order_id,
					 STEP(s->to, status_predecessors(s->to)), &made);

	return (struct outcome){ .rc = rc,
				 .order_id = s->order_id,
				 .old_status = made.old_status,
				 .event_waits = made.event_waits };
}

static struct outcome
change_patiently(struct pg *pg, const void *arg)
{
	return until_answered(change_one, pg, arg);
}

Test(orders, of_two_simultaneous_changes_one_wins_and_the_other_sees_what_it_left)
{
	struct attempt step = { create(9, 0), STATUS_CONFIRMED, NULL };
	struct outcome o;
	struct job job;

	(void)sql("BEGIN");
	(void)sql("UPDATE orders.orders SET status = 'cancelled', version = 2");
	job = start_job(change_one, &step);
	cr_expect(becomes(WAITING, "1"));
	(void)sql("COMMIT");
	o = end_job(job);
	cr_expect_eq(o.rc, RC_STATUS_STEP);
	cr_expect_eq(o.old_status, STATUS_CANCELLED);
}

Test(orders, of_many_simultaneous_changes_each_step_is_made_once)
{
	struct attempt step = { create(9, 0), STATUS_CONFIRMED, NULL };
	struct job jobs[10];
	int won = 0;

	for (size_t i = 0; i < ROWS(jobs); i++)
		jobs[i] = start_job(change_patiently, &step);
	for (size_t i = 0; i < ROWS(jobs); i++) {
		struct outcome o = end_job(jobs[i]);

		won += o.rc == RC_OK;
		cr_expect(o.rc == RC_OK || (o.rc == RC_STATUS_STEP && o.old_status == STATUS_CONFIRMED),
			  "rc %d", o.rc);
	}
	cr_expect_eq(won, 1);
	cr_expect_str_eq(sql("SELECT version FROM orders.orders"), "2");
	cr_expect_str_eq(sql("SELECT count(*) FROM orders.outbox"), "2");
}

Test(orders, of_simultaneous_changes_with_one_key_one_acts)
{
	struct attempt step = { create(9, 0), STATUS_CONFIRMED, "key" };
	struct job jobs[10];
	int acted = 0;

	for (size_t i = 0; i < ROWS(jobs); i++)
		jobs[i] = start_job(change_patiently, &step);
	for (size_t i = 0; i < ROWS(jobs); i++) {
		struct outcome o = end_job(jobs[i]);

		acted += o.rc == RC_OK;
		cr_expect(o.rc == RC_OK || o.rc == RC_FOUND, "rc %d", o.rc);
	}
	cr_expect_eq(acted, 1);
	cr_expect_str_eq(sql("SELECT version FROM orders.orders"), "2");
}

Test(orders, of_one_key_on_two_orders_one_is_changed)
{
	struct attempt steps[] = { { create(9, 0), STATUS_CONFIRMED, "key" },
				   { create(9, 0), STATUS_CONFIRMED, "key" } };
	struct job jobs[10];
	int acted = 0;

	/* Two orders are two locks: here the unique key itself decides. */
	for (size_t i = 0; i < ROWS(jobs); i++)
		jobs[i] = start_job(change_patiently, &steps[i % 2]);
	for (size_t i = 0; i < ROWS(jobs); i++) {
		struct outcome o = end_job(jobs[i]);

		acted += o.rc == RC_OK;
		cr_expect(o.rc == RC_OK || o.rc == RC_FOUND, "rc %d", o.rc);
	}
	cr_expect_eq(acted, 1);
	cr_expect_str_eq(sql("SELECT sum(version) FROM orders.orders"), "3");
}

Test(orders, do_not_wait_for_a_locked_order_for_ever)
{
	struct attempt step = { create(9, 0), STATUS_CONFIRMED, NULL };
	struct outcome o;

	(void)sql("BEGIN");
	(void)sql("SELECT 1 FROM orders.orders FOR UPDATE");
	o = end_job(start_job(change_one, &step));
	cr_expect_eq(o.rc, RC_DATABASE, "lock_timeout");
	cr_expect(o.took_ms >= 800 && o.took_ms < 5500, "%lld ms", (long long)o.took_ms);
	(void)sql("ROLLBACK");
	cr_expect_str_eq(sql("SELECT version FROM orders.orders"), "1");
}

Test(orders, survive_whatever_memory_is_left)
{
	struct change c = change_by(9, NULL, "x");
	struct order o = order_of(9, 2), *list;
	struct changed made;
	struct event *events;
	int *attempts;
	size_t n;

	(void)create(9, 0);
	for (size_t bytes = 1; bytes < 400000; bytes *= 3) {
		void *poor = talloc_new(NULL);
		enum rc rc;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
		cr_assert_eq(talloc_set_memlimit(poor, bytes), 0);
#pragma GCC diagnostic pop
		c = change_by(9, NULL, "x");
		rc = store_create_order(db.pg, poor, &c, &o, &made);
		cr_expect(rc == RC_OK || rc == RC_NO_MEMORY, "create with %zu: %d", bytes, rc);
		rc = store_list_orders(db.pg, poor, PAGE_OF(9, .limit = 100), &list, &n);
		cr_expect(rc == RC_OK || rc == RC_NO_MEMORY, "list with %zu: %d", bytes, rc);
		rc = store_claim_due(db.pg, poor, 1, 60000, &events, &attempts, &n);
		cr_expect(rc == RC_OK || rc == RC_NO_MEMORY, "claim with %zu: %d", bytes, rc);
		talloc_free(poor);
	}
}
