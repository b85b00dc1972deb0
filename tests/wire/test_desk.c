/* GET /api/v1/orders for the order desk: filters, and what staff may see. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"
#define FROM "2001-02-03T00:00:00Z" /* a day of no other test of this program */

static struct answer
list(int64_t user, const char *query)
{
	return ASK(pool_shared(), .target = text(ORDERS "%s", query), .token = token_of(user));
}

static struct answer
list_as_staff(const char *query)
{
	return ASK(pool_shared(), .target = text(ORDERS "%s", query), .token = token_of_staff(new_user()));
}

/* The ids that a condition on the planted orders of user gives, newest first. */
static const char *
planted(int64_t user, const char *condition)
{
	return pool_sql(
		pool_shared(),
		text("SELECT string_agg(id::text, ' ' ORDER BY created_at DESC, id DESC) FROM orders.orders "
		     "WHERE user_id = %lld AND %s",
		     (long long)user, condition));
}

Test(desk, filters_by_status_and_time_in_any_combination)
{
	static const struct {
		const char *query, *condition;
	} rows[] = {
		{ "?status=pending", "status = 'pending'" },
		{ "?status=cancelled&limit=100", "status = 'cancelled'" },
		{ "?created_from=2001-02-03T00:05:00Z", "created_at >= '2001-02-03T00:05:00Z'" },
		{ "?created_to=2001-02-03T00:05:00Z", "created_at < '2001-02-03T00:05:00Z'" },
		{ "?created_from=2001-02-03T00:03:00Z&created_to=2001-02-03T00:09:00Z",
		  "created_at >= '2001-02-03T00:03:00Z' AND created_at < '2001-02-03T00:09:00Z'" },
		{ "?created_from=2001-02-03T01:03:00%2B01:00", "created_at >= '2001-02-03T00:03:00Z'" },
		{ "?created_from=2001-02-03T01:03:00+01:00", "created_at >= '2001-02-03T00:03:00Z'" },
		{ "?created_from=2001-02-02T19:03:00-05:00", "created_at >= '2001-02-03T00:03:00Z'" },
		{ "?created_from=2001-02-03t00%3a03%3A00.0000001z", "created_at >= '2001-02-03T00:03:00Z'" },
		{ "?created_from=2001-02-03T00:03:00.000001Z", "created_at > '2001-02-03T00:03:00Z'" },
		{ "?created_from=0001-01-01T00:00:00Z&created_to=9999-12-31T23:59:59Z", "true" },
		{ "?status=shipped&created_to=2001-02-03T00:12:00Z",
		  "status = 'shipped' AND created_at < '2001-02-03T00:12:00Z'" },
		{ "?status=shipped&created_from=2001-02-03T00:07:00Z&skip=0&limit=9",
		  "status = 'shipped' AND created_at >= '2001-02-03T00:07:00Z'" },
		{ "?status=delivered&status=shipped", "status = 'shipped'" }, /* the last one counts */
		{ "?Status=shipped", "true" },
	};
	int64_t user = new_user();

	plant_orders(pool_shared(), user, FROM, 20);
	plant_orders(pool_shared(), new_user(), FROM, 20);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = list(user, rows[i].query);
		const char *got = ids_of(&a), *want = planted(user, rows[i].condition);

		cr_expect_str_eq(got, want, "%s: %s instead of %s", rows[i].query, got, want);
		EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
	}
}

Test(desk, filters_that_nothing_fits_give_an_empty_list)
{
	static const char *const rows[] = {
		"?created_from=2001-02-03T00:05:00Z&created_to=2001-02-03T00:05:00Z",
		"?created_from=2001-02-03T00:06:00Z&created_to=2001-02-03T00:05:00Z",
		"?created_to=2001-02-03T00:00:00Z",
		"?created_from=9999-12-31T23:59:59-23:59",
		"?status=confirmed&created_to=2001-02-03T00:01:00Z",
	};
	int64_t user = new_user();

	plant_orders(pool_shared(), user, FROM, 10);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = list(user, rows[i]);

		EXPECT_ROW(rows[i], a, 200, "[]");
	}
}

Test(desk, shows_staff_one_users_orders_or_everybodys)
{
	int64_t users[] = { new_user(), new_user() };
	const char *day = "created_from=1999-05-06T00:00:00Z&created_to=1999-05-07T00:00:00Z";
	struct answer a, one;
	struct json_object *all;

	for (int i = 0; i < 2; i++)
		plant_orders(pool_shared(), users[i], i ? "1999-05-06T12:00:30Z" : "1999-05-06T12:00:00Z", 6);
	a = list_as_staff(text("?user_id=%lld", (long long)users[0]));
	EXPECT_TEXT(ids_of(&a), planted(users[0], "true"));
	one = list(users[0], "");
	EXPECT(a, 200, one.body);
	a = list_as_staff(text("?user_id=%lld&status=shipped&%s", (long long)users[0], day));
	EXPECT_TEXT(ids_of(&a), planted(users[0], "status = 'shipped'"));

	a = list_as_staff(text("?user_id=*&%s", day));
	all = json_read(a.body);
	cr_assert(json_count(all, "") == 12, "%d %s", a.status, a.body);
	for (int i = 0; i < 12; i++) /* the two in turn */
		EXPECT_TEXT(json_at(all, text("%d.user_id", i)), text("%lld", (long long)users[i % 2 == 0]));
	a = list_as_staff(text("?user_id=%%2A&%s&status=pending&skip=1", day));
	cr_expect(json_count(json_read(a.body), "") == 3, "%d %s", a.status, a.body);
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
}

Test(desk, shows_everybodys_orders_with_their_items)
{
	int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 2);
	struct answer order = ASK(pool_shared(), .target = order_target(order_id), .token = token_of(user)),
		      all = list_as_staff("?user_id=*");

	EXPECT(all, 200, "[<any>");
	cr_expect_not_null(strstr(all.body, order.body), "%s", all.body);
}

Test(desk, shows_staff_their_own_orders_unless_they_ask_for_others)
{
	int64_t staff = new_user();
	struct answer a;

	plant_orders(pool_shared(), staff, FROM, 2);
	plant_orders(pool_shared(), new_user(), FROM, 2);
	a = ASK(pool_shared(), .target = ORDERS, .token = token_of_staff(staff));
	EXPECT_TEXT(ids_of(&a), planted(staff, "true"));
	a = list_as_staff(text("?user_id=%lld", (long long)new_user()));
	EXPECT(a, 200, "[]");
}

Test(desk, refuses_user_id_to_all_others_before_it_looks_for_an_order)
{
	int64_t user = new_user();
	const char *rows[] = {
		"?user_id=*",
		text("?user_id=%lld", (long long)user),
		text("?user_id=%lld", (long long)new_user()),
		"?user_id=1&after=987654321",
	};
	struct answer a;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = list(user, rows[i]);
		EXPECT_DETAIL_ROW(rows[i], a, 403, "Not enough permissions");
	}
	a = list(user, "?user_id=*&limit=0");
	cr_expect(a.status == 422, "a fault of the query comes first: %d %s", a.status, a.body);
	a = ASK(pool_shared(), .target = ORDERS "?user_id=x");
	cr_expect(a.status == 401, "and who asks before all: %d %s", a.status, a.body);
}

#define TIME_FAULT(name, input, reason)                                                                      \
	"{\"type\":\"datetime_from_date_parsing\",\"loc\":[\"query\",\"" name                                \
	"\"],\"msg\":\"Input should be a valid datetime or date, " reason "\",\"input\":\"" input            \
	"\",\"ctx\":{\"error\":\"" reason "\"}}"
#define ENUM_FAULT(input)                                                                                                 \
	"{\"type\":\"enum\",\"loc\":[\"query\",\"status\"],\"msg\":\"Input should be 'pending', 'confirmed', 'shipped', " \
	"'delivered' or 'cancelled'\",\"input\":\"" input                                                                 \
	"\",\"ctx\":{\"expected\":\"'pending', 'confirmed', 'shipped', "                                                  \
	"'delivered' or 'cancelled'\"}}"
#define INT_FAULT(name, input)                                                                               \
	"{\"type\":\"int_parsing\",\"loc\":[\"query\",\"" name                                               \
	"\"],\"msg\":\"Input should be a valid integer, unable to "                                          \
	"parse string as an integer\",\"input\":\"" input "\"}"
#define NOT_POSITIVE(name, input)                                                                            \
	"{\"type\":\"greater_than\",\"loc\":[\"query\",\"" name                                              \
	"\"],\"msg\":\"Input should be greater than 0\",\"input\":\"" input "\",\"ctx\":{\"gt\":0}}"

Test(desk, answers_422_to_filters_that_are_none)
{
	static const struct {
		const char *query, *faults;
	} rows[] = {
		{ "?status=Shipped", ENUM_FAULT("Shipped") },
		{ "?status=", ENUM_FAULT("") },
		{ "?created_from=yesterday", TIME_FAULT("created_from", "yesterday", "input is too short") },
		{ "?created_to=2026-13-01T00:00:00Z",
		  TIME_FAULT("created_to", "2026-13-01T00:00:00Z",
			     "month value is outside expected range of 1-12") },
		{ "?created_to=2026-02-30T00:00:00Z",
		  TIME_FAULT("created_to", "2026-02-30T00:00:00Z", "day value is outside expected range") },
		{ "?created_to=2026-02-03T25:00:00Z",
		  TIME_FAULT("created_to", "2026-02-03T25:00:00Z",
			     "unexpected extra characters at the end of the input") },
		{ "?created_from=2026-02-03T00:00:00",
		  "{\"type\":\"timezone_aware\",\"loc\":[\"query\",\"created_from\"],\"msg\":\"Input should have timezone info\","
		  "\"input\":\"2026-02-03T00:00:00\"}" },
		{ "?created_from=2026-02-03",
		  "{\"type\":\"timezone_aware\",\"loc\":[\"query\",\"created_from\"],\"msg\":\"Input should have timezone info\","
		  "\"input\":\"2026-02-03\"}" },
		{ "?after=x", INT_FAULT("after", "x") },
		{ "?after=1.0", INT_FAULT("after", "1.0") },
		{ "?after=0", NOT_POSITIVE("after", "0") },
		{ "?after=-20", NOT_POSITIVE("after", "-20") },
		{ "?after=9223372036854775808",
		  "{\"type\":\"less_than_equal\",\"loc\":[\"query\",\"after\"],\"msg\":\"Input should be less than or equal to "
		  "9223372036854775807\",\"input\":\"9223372036854775808\",\"ctx\":{\"le\":9223372036854775807}}" },
		{ "?user_id=**", INT_FAULT("user_id", "**") },
		{ "?user_id=", INT_FAULT("user_id", "") },
		{ "?user_id=0", NOT_POSITIVE("user_id", "0") },
		{ "?user_id=me&after=x&created_to=y&created_from=z&status=s&limit=l&skip=k",
		  INT_FAULT("skip", "k") "," INT_FAULT("limit", "l") "," ENUM_FAULT("s") "," TIME_FAULT(
			  "created_from", "z",
			  "input is too short") "," TIME_FAULT("created_to", "y",
							       "input is too short") "," INT_FAULT("after",
												   "x") "," INT_FAULT("user_id",
														      "me") },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = list(new_user(), rows[i].query), staff = list_as_staff(rows[i].query);

		EXPECT_ROW(rows[i].query, a, 422, text("{\"detail\":[%s]}", rows[i].faults));
		EXPECT_ROW(rows[i].query, staff, 422, a.body);
	}
}
