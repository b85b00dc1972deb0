/* ETag, If-None-Match and If-Match (RFC 9110 section 13): an order's entity-tag is its version. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <string.h>

#include "support/expect.h"
#include "support/server.h"

SHARED_POOL(.workers = 4);

#define ORDERS "/api/v1/orders"

static struct answer
get(int64_t user, int64_t order_id, const char *fields)
{
	return ASK(pool_shared(), .target = order_target(order_id), .token = token_of(user),
		   .fields = fields);
}

static struct answer
change(const char *token, int64_t order_id, const char *status, const char *fields)
{
	return ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id), .token = token,
		   .body = text("{\"status\":\"%s\"}", status), .fields = fields);
}

Test(etag, is_on_every_answer_that_is_one_order)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id;
	static const char body[] = "{\"items\":[{\"product_id\":3,\"quantity\":1}]}";
	struct answer a = ASK(p, .target = ORDERS, .token = token_of(user), .body = body, .key = "create");

	cr_assert_eq(a.status, 201);
	order_id = order_id_of(&a);
	EXPECT_TEXT(field(&a, "ETag"), "\"1\"");
	a = get(user, order_id, NULL);
	EXPECT_TEXT(field(&a, "ETag"), "\"1\"");
	a = ASK(p, .method = "PATCH", .target = status_target(order_id), .token = token_of(user),
		.key = "change", .body = "{\"status\":\"confirmed\"}");
	EXPECT_TEXT(field(&a, "ETag"), "\"2\"");
	lead_order(p, user, order_id, "cancelled");
	a = ASK(p, .method = "HEAD", .target = order_target(order_id), .token = token_of_staff(new_user()));
	EXPECT_TEXT(field(&a, "ETag"), "\"3\"");

	/* A repeat answers as it was then. */
	a = ASK(p, .target = ORDERS, .token = token_of(user), .body = body, .key = "create");
	EXPECT_TEXT(field(&a, "Idempotent-Replayed"), "true");
	EXPECT_TEXT(field(&a, "ETag"), "\"1\"");
	a = ASK(p, .method = "PATCH", .target = status_target(order_id), .token = token_of(user),
		.key = "change", .body = "{\"status\":\"confirmed\"}");
	EXPECT_TEXT(field(&a, "Idempotent-Replayed"), "true");
	EXPECT_TEXT(field(&a, "ETag"), "\"2\"");
}

Test(etag, is_on_no_other_answer)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	struct answer answers[] = {
		ASK(p, .target = ORDERS, .token = token_of(user)),
		get(new_user(), order_id, NULL),
		change(token_of(user), order_id, "delivered", NULL),
		change(token_of(user), order_id, "delivered", "If-Match: \"7\"\r\n"),
	};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		cr_expect_null(field(&answers[i], "ETag"), "%d %s", answers[i].status, answers[i].head);
}

Test(etag, that_the_client_has_already_is_a_304_without_a_body)
{
	static const struct {
		const char *fields;
		bool known;
	} rows[] = {
		{ "If-None-Match: \"2\"\r\n", true },
		{ "If-None-Match: W/\"2\"\r\n", true }, /* the comparison is weak */
		{ "If-None-Match: *\r\n", true },
		{ "if-none-match: \"1\", \"2\",\t\"3\"\r\n", true },
		{ "If-None-Match: \"1\", W/\"2\"\r\n", true },
		{ "If-None-Match: \"a,b\" , \"2\"\r\n", true },
		{ "If-None-Match: \"1\"\r\n", false },
		{ "If-None-Match: \"22\", \"02\", \"2.0\", \"+2\", \" 2\"\r\n", false },
		{ "If-None-Match: 2\r\n", false },
		{ "If-None-Match: \"2\r\n", false },
		{ "If-None-Match: \"2\", x\r\n", false },
		{ "If-None-Match: \"2\" \"2\"\r\n", false },
		{ "If-None-Match: *, \"2\"\r\n", false },
		{ "If-None-Match: \"\"\r\n", false },
		{ "If-None-Match: \"99999999999999999999\"\r\n", false },
		{ "If-Match: \"1\"\r\n", false }, /* is for changes */
	};
	static const char *const methods[] = { "GET", "HEAD" };
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	struct answer whole;

	lead_order(p, user, order_id, "confirmed");
	whole = get(user, order_id, NULL);
	for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
		const char *fields = rows[i / 2].fields;
		struct answer a = ASK(p, .method = methods[i % 2], .target = order_target(order_id),
				      .token = token_of(user), .fields = fields);

		EXPECT_ROW(fields, a, rows[i / 2].known ? 304 : 200,
			   rows[i / 2].known || i % 2 ? "" : whole.body);
		EXPECT_TEXT(field(&a, "ETag"), "\"2\"");
		EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
		if (rows[i / 2].known)
			cr_expect(!field(&a, "Content-Type") &&
					  (!field(&a, "Content-Length") ||
					   strcmp(field(&a, "Content-Length"), "0") != 0),
				  "%s: %s", fields, a.head);
	}
}

Test(etag, is_asked_for_by_those_alone_who_may_see_the_order)
{
	struct pool *p = pool_shared();
	int64_t order_id = place_order(p, new_user(), 3, 1);
	struct answer a = get(new_user(), order_id, "If-None-Match: *\r\n");

	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	a = ASK(p, .target = order_target(order_id), .fields = "If-None-Match: *\r\n");
	EXPECT_DETAIL(a, 401, "Not authenticated");
	a = ASK(p, .target = order_target(order_id), .token = token_of_staff(new_user()),
		.fields = "If-None-Match: \"1\"\r\n");
	EXPECT(a, 304, "");
}

Test(etag, that_a_change_names_has_to_be_the_orders)
{
	static const struct {
		const char *fields;
		bool matches;
	} rows[] = {
		{ "If-Match: \"1\"\r\n", true },
		{ "If-Match: *\r\n", true },
		{ "If-Match: \"7\",\"1\"\r\n", true },
		{ "If-None-Match: \"1\"\r\n", true }, /* is for reading */
		{ "If-Match: W/\"1\"\r\n", false },   /* the comparison is strong */
		{ "If-Match: \"2\"\r\n", false },
		{ "If-Match: \"7\", W/\"1\", \"01\"\r\n", false },
		{ "If-Match: 1\r\n", false },
		{ "If-Match: \"1\", 1\r\n", false },
		{ "If-Match: \"\"\r\n", false },
		{ "If-Match: \"4294967297\"\r\n", false },
	};
	struct pool *p = pool_shared();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
		struct answer a = change(token_of(user), order_id, "confirmed", rows[i].fields);

		if (rows[i].matches)
			cr_expect(a.status == 200, "%s: %d %s", rows[i].fields, a.status, a.body);
		else
			EXPECT_DETAIL_ROW(rows[i].fields, a, 412, "Precondition Failed");
		EXPECT_TEXT(
			pool_sql(p, text("SELECT version || ' ' || status FROM orders.orders WHERE id = %lld",
					 (long long)order_id)),
			rows[i].matches ? "2 confirmed" : "1 pending");
	}
}

Test(etag, is_judged_after_the_404_and_before_the_400s)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	struct answer a;

	a = change(token_of(new_user()), order_id, "confirmed", "If-Match: \"7\"\r\n");
	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	a = change(token_of(user), order_id, "lost", "If-Match: \"7\"\r\n");
	cr_expect_eq(a.status, 422);
	a = change(token_of(user), order_id, "delivered", "If-Match: \"7\"\r\n");
	EXPECT_DETAIL(a, 412, "Precondition Failed");
	a = change(token_of(user), order_id, "delivered", "If-Match: \"1\"\r\n");
	EXPECT_DETAIL(a, 400, "Cannot change order status from pending to delivered");
	lead_order(p, user, order_id, "cancelled");
	a = change(token_of(user), order_id, "confirmed", "If-Match: \"1\"\r\n");
	EXPECT_DETAIL(a, 412, "Precondition Failed");
	a = change(token_of_staff(new_user()), order_id, "confirmed", "If-Match: \"2\"\r\n");
	EXPECT_DETAIL(a, 400, "Cannot update order in cancelled status");
}

Test(etag, is_not_judged_again_for_a_repeat)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	struct ask ask = { .method = "PATCH",
			   .target = status_target(order_id),
			   .token = token_of(user),
			   .key = "change",
			   .body = "{\"status\":\"confirmed\"}",
			   .fields = "If-Match: \"7\"\r\n" };
	struct answer a = pool_ask(p, &ask), first;

	EXPECT_DETAIL(a, 412, "Precondition Failed"); /* which is not remembered */
	ask.fields = "If-Match: \"1\"\r\n";
	first = pool_ask(p, &ask);
	cr_assert_eq(first.status, 200);
	a = pool_ask(p, &ask);
	EXPECT(a, 200, first.body);
	EXPECT_TEXT(field(&a, "Idempotent-Replayed"), "true");
	ask.fields = "If-Match: \"7\"\r\n";
	a = pool_ask(p, &ask);
	EXPECT(a, 200, first.body);
}

Test(etag, lets_one_of_two_simultaneous_changes_through)
{
	struct pool *p = pool_shared();

	for (int round = 0; round < 5; round++) {
		int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
		const struct ask ask = { .method = "PATCH",
					 .target = status_target(order_id),
					 .token = token_of(user),
					 .body = "{\"status\":\"confirmed\"}",
					 .fields = "If-Match: \"1\"\r\n" };
		struct exchange exchanges[4];
		int made = 0;

		for (int i = 0; i < 4; i++)
			exchanges[i] = ask_send(p->port, &ask);
		for (int i = 0; i < 4; i++) {
			struct answer a = ask_receive(&exchanges[i], 10000);

			made += a.status == 200;
			if (a.status != 200)
				EXPECT_DETAIL(a, 412, "Precondition Failed");
		}
		cr_expect_eq(made, 1);
	}
}

Test(etag, may_be_listed_on_several_lines)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	struct answer a = change(token_of(user), order_id, "confirmed",
				 "If-Match: \"7\"\r\nIf-Match: \"1\"\r\n");
	const struct difference *own = server_difference("`If-Match` on two lines");

	cr_expect_eq(a.status, own ? own->status : 200, "%s", a.head);
}
