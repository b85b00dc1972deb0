/* GET /api/v1/orders page by page: after, and the link to the next one. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"

SHARED_POOL();

#define ORDERS "/api/v1/orders"
#define FROM "2002-03-04T00:00:00Z" /* a day of no other test of this program */

static struct answer
list(const char *token, const char *query)
{
	return ASK(pool_shared(), .target = text(ORDERS "%s", query), .token = token);
}

/* The target of the next page; NULL: there is none. */
static const char *
next_of(const struct answer *a)
{
	const char *link = field(a, "Link"), *end = link ? strchr(link, '>') : NULL;

	if (!link)
		return NULL;
	cr_assert(*link == '<' && end && strcmp(end, ">; rel=\"next\"") == 0 && !field_nth(a, "Link", 1),
		  "%s", link);
	return text("%.*s", (int)(end - link - 1), link + 1);
}

/* Every id that following the links from target on shows; *pages counts them. */
static const char *
walk(const char *token, const char *target, int *pages)
{
	char *ids = text("%s", "");

	for (*pages = 0; target && *pages < 50; (*pages)++) {
		struct answer a = ASK(pool_shared(), .target = target, .token = token);
		const char *more = ids_of(&a);

		cr_assert(a.status == 200, "%s: %d %s", target, a.status, a.body);
		ids = text("%s%s%s", ids, *ids && *more ? " " : "", more);
		target = next_of(&a);
	}
	return ids;
}

static const char *
planted(const char *condition)
{
	return pool_sql(
		pool_shared(),
		text("SELECT string_agg(id::text, ' ' ORDER BY created_at DESC, id DESC) FROM orders.orders "
		     "WHERE %s",
		     condition));
}

Test(pages, lead_from_the_first_to_the_last_order)
{
	static const struct {
		const char *query, *condition;
		int pages;
	} rows[] = {
		{ "?limit=4", "true", 6 },
		{ "?limit=11", "true", 3 }, /* the second is full too, so there might be a third */
		{ "?limit=100", "true", 1 },
		{ "?limit=22", "true", 2 },
		{ "?status=shipped&limit=1", "status = 'shipped'", 5 },
		{ "?status=shipped&limit=3", "status = 'shipped'", 2 },
		{ "?limit=4&created_from=2002-03-04T00:03:00Z&created_to=2002-03-04T01:15:00%2B01:00",
		  "created_at >= '2002-03-04T00:03:00Z' AND created_at < '2002-03-04T00:15:00Z'", 4 },
		{ "?limit=2&skip=3", "created_at < '2002-03-04T00:19:00Z'",
		  10 }, /* of the first page alone */
	};
	int64_t user = new_user();
	int pages;

	plant_orders(pool_shared(), user, FROM, 22);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = walk(token_of(user), text(ORDERS "%s", rows[i].query), &pages);
		const char *want = planted(text("user_id = %lld AND %s", (long long)user, rows[i].condition));

		cr_expect_str_eq(got, want, "%s: %s instead of %s", rows[i].query, got, want);
		cr_expect_eq(pages, rows[i].pages, "%s: %d pages", rows[i].query, pages);
	}
}

Test(pages, lead_staff_through_one_users_orders_and_everybodys)
{
	const char *staff = token_of_staff(new_user());
	const char *day = "created_from=2002-07-08T00:00:00Z&created_to=2002-07-09T00:00:00Z";
	int64_t users[] = { new_user(), new_user() };
	int pages;

	for (int i = 0; i < 2; i++)
		plant_orders(pool_shared(), users[i], "2002-07-08T12:00:00Z", 7); /* two at each moment */
	EXPECT_TEXT(walk(staff, text(ORDERS "?user_id=*&limit=3&%s", day), &pages),
		    planted("created_at >= '2002-07-08T00:00:00Z' AND created_at < '2002-07-09T00:00:00Z'"));
	cr_expect_eq(pages, 5);
	EXPECT_TEXT(
		walk(staff, text(ORDERS "?user_id=*&limit=1&status=cancelled&%s", day), &pages),
		planted("status = 'cancelled' AND created_at >= '2002-07-08T00:00:00Z' AND created_at < '2002-07-09T00:00:00Z'"));
	EXPECT_TEXT(walk(staff, text(ORDERS "?user_id=%lld&limit=2", (long long)users[1]), &pages),
		    planted(text("user_id = %lld", (long long)users[1])));
	cr_expect_eq(pages, 4);
}

Test(pages, that_are_full_have_a_link_that_repeats_what_was_asked)
{
	static const struct {
		const char *query, *link; /* up to the id */
	} rows[] = {
		{ "?limit=2", "limit=2&after=" },
		{ "?limit=%32&skip=1", "limit=2&after=" },
		{ "?status=pending&limit=001", "limit=1&status=pending&after=" },
		{ "?limit=2&unknown=%3E%3B%0d%0aX:+y&created_to=2030-01-01T00:00:00+02:00",
		  "limit=2&created_to=2029-12-31T22%3A00%3A00.000000Z&after=" },
		{ "?limit=2&created_from=2002-03-04T00:00:00.0000009Z",
		  "limit=2&created_from=2002-03-04T00%3A00%3A00.000000Z&after=" },
		{ "?limit=5&limit=2&after=9223372036854775807&after=%s", "limit=2&after=" },
	};
	int64_t user = new_user();
	const char *newest, *staff = token_of_staff(new_user());
	struct answer a;

	plant_orders(pool_shared(), user, FROM, 6);
	newest = planted(text("user_id = %lld AND created_at >= '2002-03-04T00:05:00Z'", (long long)user));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *hole = strstr(rows[i].query, "%s"), *ids;
		const char *query = hole ? text("%.*s%s", (int)(hole - rows[i].query), rows[i].query, newest)
					 : rows[i].query;

		a = list(token_of(user), query);
		ids = ids_of(&a);
		EXPECT_TEXT(field(&a, "Link"), text("</api/v1/orders?%s%s>; rel=\"next\"", rows[i].link,
						    strrchr(ids, ' ') ? strrchr(ids, ' ') + 1 : ids));
	}
	a = list(staff, text("?limit=6&user_id=%lld", (long long)user));
	EXPECT_TEXT(field(&a, "Link"),
		    text("</api/v1/orders?limit=6&user_id=%lld&after=<int>>; rel=\"next\"", (long long)user));
	a = list(staff, "?user_id=*&limit=1");
	EXPECT_TEXT(field(&a, "Link"), "</api/v1/orders?limit=1&user_id=%2A&after=<int>>; rel=\"next\"");
	a = ASK(pool_shared(), .method = "HEAD", .target = ORDERS "?limit=6", .token = token_of(user));
	cr_expect(a.status == 200 && a.body_len == 0, "%d %s", a.status, a.body);
	EXPECT_TEXT(field(&a, "Link"), "</api/v1/orders?limit=6&after=<int>>; rel=\"next\"");
}

Test(pages, that_are_not_full_have_none)
{
	static const char *const rows[] = { "", "?limit=7", "?skip=3&limit=4", "?skip=100",
					    "?limit=2&status=pending&skip=1" };
	int64_t user = new_user();

	plant_orders(pool_shared(), user, FROM, 6);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = list(token_of(user), rows[i]);

		cr_expect(a.status == 200 && !field(&a, "Link"), "%s: %s", rows[i], a.head);
	}
}

Test(pages, of_100_orders_are_full_where_nothing_else_is_said)
{
	int64_t user = new_user();
	struct answer a;

	plant_orders(pool_shared(), user, FROM, 101);
	a = list(token_of(user), "");
	EXPECT_TEXT(field(&a, "Link"), "</api/v1/orders?after=<int>>; rel=\"next\"");
	a = ASK(pool_shared(), .target = next_of(&a), .token = token_of(user));
	EXPECT_TEXT(ids_of(&a), "<int>");
	cr_expect_null(field(&a, "Link"));
}

Test(pages, stay_where_they_are_when_orders_come_in_and_change)
{
	int64_t user = new_user(), newer;
	struct answer first, second;
	const char *before;

	plant_orders(pool_shared(), user, FROM, 6);
	first = list(token_of(user), "?limit=3");
	second = ASK(pool_shared(), .target = next_of(&first), .token = token_of(user));
	before = ids_of(&second);
	newer = place_order(pool_shared(), user, 3, 1);
	lead_order(pool_shared(), user, newer, "confirmed");
	lead_order(pool_shared(), user, strtoll(before, NULL, 10), "cancelled"); /* a shipped one */
	second = ASK(pool_shared(), .target = next_of(&first), .token = token_of(user));
	EXPECT_TEXT(ids_of(&second), before);
}

Test(pages, after_an_order_that_the_caller_cannot_see_are_not_found)
{
	int64_t user = new_user(), other = new_user();
	const char *theirs, *staff = token_of_staff(new_user());
	struct answer a;

	plant_orders(pool_shared(), user, FROM, 4);
	plant_orders(pool_shared(), other, "2002-03-04T00:01:30Z", 1);
	theirs = planted(text("user_id = %lld", (long long)other));
	a = list(token_of(user), text("?after=%s", theirs));
	EXPECT_DETAIL(a, 404, text("Order %s not found", theirs));
	cr_expect_null(field(&a, "Link"));
	a = list(token_of(user), "?after=000987654321&status=shipped");
	EXPECT_DETAIL(a, 404, "Order 987654321 not found");
	a = list(staff, "?user_id=*&after=987654321");
	EXPECT_DETAIL(a, 404, "Order 987654321 not found");
	a = list(staff, text("?user_id=%lld&after=987654321", (long long)user));
	EXPECT_DETAIL(a, 404, "Order 987654321 not found");

	/* Staff see them all, and so may go on from there in somebody else's. */
	a = list(staff, text("?user_id=%lld&after=%s", (long long)user, theirs));
	EXPECT_TEXT(ids_of(&a),
		    planted(text("user_id = %lld AND created_at < '2002-03-04T00:01:30Z'", (long long)user)));
}
