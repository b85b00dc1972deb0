/* GET /api/v1/orders and GET /api/v1/orders/{order_id}. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"

SHARED_POOL();

static struct answer
list(int64_t user, const char *query)
{
	return ASK(pool_shared(), .target = text("/api/v1/orders%s", query), .token = token_of(user));
}

static struct answer
get(int64_t user, const char *order_id)
{
	return ASK(pool_shared(), .target = text("/api/v1/orders/%s", order_id), .token = token_of(user));
}

/* Places n orders at once through SQL, with one item each and the same time: what a page costs is not asked here. */
static void
plant_at_once(int64_t user, int n)
{
	(void)pool_sql(
		pool_shared(),
		text("WITH o AS (INSERT INTO orders.orders (user_id, email, status, version, total_amount, created_at, updated_at) "
		     "SELECT %lld, '', 'pending', 1, 1, now(), now() FROM generate_series(1, %d) RETURNING user_id, id, created_at) "
		     "INSERT INTO orders.order_items (user_id, order_id, line, product_id, product_name, product_price, quantity, "
		     "subtotal, created_at) SELECT user_id, id, 1, 1, 'P', 1, 1, 1, created_at FROM o",
		     (long long)user, n));
}

Test(list, is_an_empty_array_for_a_user_without_orders)
{
	struct answer a = list(new_user(), "");

	EXPECT(a, 200, "[]");
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
}

Test(list, shows_the_callers_own_orders_newest_first_each_as_it_is_by_itself)
{
	int64_t user = new_user(), other = new_user(), ids[5];
	char *expected = text("[");
	struct answer a;

	for (int i = 0; i < 5; i++) {
		ids[i] = place_order(pool_shared(), user, i + 1, i + 1);
		(void)place_order(pool_shared(), other, 3, 1);
	}
	lead_order(pool_shared(), user, ids[2], "shipped"); /* a change does not move it */
	for (int i = 4; i >= 0; i--)
		expected = text("%s%s%s", expected, i == 4 ? "" : ",",
				get(user, text("%lld", (long long)ids[i])).body);
	a = list(user, "");
	EXPECT(a, 200, text("%s]", expected));
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
}

Test(list, shows_all_items_of_an_order_in_their_order)
{
	int64_t user = new_user();
	struct answer made = ASK(
		pool_shared(), .target = "/api/v1/orders", .token = token_of(user),
		.body = "{\"items\":[{\"product_id\":30,\"quantity\":1},{\"product_id\":1,\"quantity\":2},"
			"{\"product_id\":30,\"quantity\":3},{\"product_id\":2,\"quantity\":4}]}");
	struct answer a;

	(void)place_order(pool_shared(), user, 3, 1);
	a = list(user, "?skip=1");
	EXPECT(a, 200, text("[%s]", made.body));
}

Test(list, pages_by_skip_and_limit)
{
	int64_t user = new_user(), ids[7];
	static const struct {
		const char *query;
		int first, count; /* from the newest */
	} rows[] = {
		{ "", 0, 7 },
		{ "?", 0, 7 },
		{ "?skip=0&limit=100", 0, 7 },
		{ "?limit=1", 0, 1 },
		{ "?limit=3", 0, 3 },
		{ "?skip=3", 3, 4 },
		{ "?skip=2&limit=2", 2, 2 },
		{ "?limit=2&skip=5", 5, 2 },
		{ "?skip=6&limit=5", 6, 1 },
		{ "?skip=7", 7, 0 },
		{ "?skip=100000", 7, 0 },
		{ "?skip=9223372036854775807", 7, 0 },
		{ "?skip=+1&limit=2", -1, 0 },
		{ "?skip=%31&limit=%32", 1, 2 },
		{ "?skip=001", 1, 6 },
		{ "?limit=5&limit=2", 0, 2 },
		{ "?unknown=1&skip=5", 5, 2 },
		{ "?Skip=5", 0, 7 },
		{ "?skip=5#x", -1, 0 },
	};

	for (int i = 6; i >= 0; i--)
		ids[i] = place_order(pool_shared(), user, 23, 1);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a;
		struct json_object *doc;

		if (rows[i].first < 0) /* left open by the contract */
			continue;
		a = list(user, rows[i].query);
		doc = json_read(a.body);
		cr_expect(a.status == 200 && json_count(doc, "") == rows[i].count, "%s: %d %s", rows[i].query,
			  a.status, a.body);
		for (int n = 0; n < rows[i].count; n++)
			EXPECT_TEXT(json_at(doc, text("%d.id", n)),
				    text("%lld", (long long)ids[rows[i].first + n]));
	}
}

Test(list, shows_100_orders_unless_told_otherwise)
{
	int64_t user = new_user();
	struct answer a;

	plant_at_once(user, 105);
	a = list(user, "");
	cr_expect(json_count(json_read(a.body), "") == 100, "%d %d", a.status,
		  json_count(json_read(a.body), ""));
	a = list(user, "?limit=100&skip=100");
	cr_expect(json_count(json_read(a.body), "") == 5);
}

Test(list, shows_every_order_once_across_pages_even_when_their_times_are_the_same)
{
	int64_t user = new_user(), last = INT64_MAX;

	plant_at_once(user, 25);
	for (int skip = 0; skip < 25; skip += 10) {
		struct answer a = list(user, text("?skip=%d&limit=10", skip));
		struct json_object *doc = json_read(a.body);

		for (int i = 0; i < json_count(doc, ""); i++) {
			int64_t id = strtol(json_at(doc, text("%d.id", i)), NULL, 10);

			cr_expect(id < last, "%lld after %lld", (long long)id, (long long)last);
			last = id;
		}
	}
	cr_expect(last < INT64_MAX);
}

Test(list, answers_422_to_parameters_out_of_range)
{
	static const struct {
		const char *query, *faults;
	} rows[] = {
		{ "?skip=-1",
		  "{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"skip\"],\"msg\":\"Input should be greater than or equal to 0\","
		  "\"input\":\"-1\",\"ctx\":{\"ge\":0}}" },
		{ "?limit=0",
		  "{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be greater than or equal to 1\","
		  "\"input\":\"0\",\"ctx\":{\"ge\":1}}" },
		{ "?limit=101",
		  "{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be less than or equal to 100\","
		  "\"input\":\"101\",\"ctx\":{\"le\":100}}" },
		{ "?limit=abc",
		  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be a valid integer, unable to "
		  "parse string as an integer\",\"input\":\"abc\"}" },
		{ "?limit=",
		  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be a valid integer, unable to "
		  "parse string as an integer\",\"input\":\"\"}" },
		{ "?skip=1.5",
		  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"skip\"],\"msg\":\"Input should be a valid integer, unable to "
		  "parse string as an integer\",\"input\":\"1.5\"}" },
		{ "?skip=%22%C3%A9",
		  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"skip\"],\"msg\":\"Input should be a valid integer, unable to "
		  "parse string as an integer\",\"input\":\"\\\"\xc3\xa9\"}" },
		{ "?limit=5&limit=x",
		  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be a valid integer, unable to "
		  "parse string as an integer\",\"input\":\"x\"}" },
		{ "?limit=1000&skip=-5",
		  "{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"skip\"],\"msg\":\"Input should be greater than or equal to 0\","
		  "\"input\":\"-5\",\"ctx\":{\"ge\":0}},"
		  "{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be less than or equal to 100\","
		  "\"input\":\"1000\",\"ctx\":{\"le\":100}}" },
		{ "?limit=99999999999999999999",
		  "{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input should be less than or equal to 100\","
		  "\"input\":\"99999999999999999999\",\"ctx\":{\"le\":100}}" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = list(new_user(), rows[i].query);

		EXPECT_ROW(rows[i].query, a, 422, text("{\"detail\":[%s]}", rows[i].faults));
	}
}

Test(get, answers_to_somebody_elses_order_exactly_as_to_none)
{
	int64_t owner = new_user(), stranger = new_user(), order_id = place_order(pool_shared(), owner, 3, 1);
	struct answer a = get(stranger, text("%lld", (long long)order_id)), none = get(stranger, "987654321");

	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	EXPECT_DETAIL(none, 404, "Order 987654321 not found");
	cr_expect(differs(field(&a, "Cache-Control"),
			  field(&none, "Cache-Control") ? field(&none, "Cache-Control") : "(nothing)") ==
		  NULL);
}

Test(get, judges_the_id_in_the_path)
{
	static const struct {
		const char *id;
		const char *detail; /* NULL: 422 */
	} rows[] = {
		{ "0", "Order 0 not found" },
		{ "00", "Order 0 not found" },
		{ "000987654321", "Order 987654321 not found" },
		{ "9223372036854775807", "Order 9223372036854775807 not found" },
		{ "9223372036854775808", "Order 9223372036854775808 not found" },
		{ "99999999999999999999999999", "Order 99999999999999999999999999 not found" },
		{ "abc", NULL },
		{ "1.0", NULL },
		{ "1.5", NULL },
		{ "-1", NULL },
		{ "+1", NULL },
		{ "1e3", NULL },
		{ "0x1", NULL },
		{ "1,2", NULL },
		{ "%31", NULL }, /* nothing is decoded */
		{ "1%20", NULL },
		{ "1;x", NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = get(new_user(), rows[i].id), staff, patch;
		const char *fault = text(
			"{\"detail\":[{\"type\":\"int_parsing\",\"loc\":[\"path\",\"order_id\"],\"msg\":\"Input should be a valid "
			"integer, unable to parse string as an integer\",\"input\":\"%s\"}]}",
			rows[i].id);

		staff = ASK(pool_shared(), .target = text("/api/v1/orders/%s", rows[i].id),
			    .token = token_of_staff(new_user()));
		patch = ASK(pool_shared(), .method = "PATCH",
			    .target = text("/api/v1/orders/%s/status", rows[i].id),
			    .token = token_of(new_user()), .body = "{\"status\":\"confirmed\"}");
		if (rows[i].detail) {
			EXPECT_DETAIL_ROW(rows[i].id, a, 404, rows[i].detail);
			EXPECT_DETAIL_ROW(rows[i].id, staff, 404, rows[i].detail);
			EXPECT_DETAIL_ROW(rows[i].id, patch, 404, rows[i].detail);
		} else {
			EXPECT_ROW(rows[i].id, a, 422, fault);
			EXPECT_ROW(rows[i].id, staff, 422, fault);
			EXPECT_ROW(rows[i].id, patch, 422, fault);
		}
	}
}
