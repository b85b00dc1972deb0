/* GET /api/v1/orders/{order_id}/history, and what a change says of its reason. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"

SHARED_POOL();

static struct arrived mail[EVENTS_MAX];

static const char *
history_target(int64_t order_id)
{
	return text("/api/v1/orders/%lld/history", (long long)order_id);
}

static struct answer
change(const char *token, int64_t order_id, const char *body)
{
	return ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id), .token = token,
		   .body = body);
}

Test(history, tells_of_every_change_oldest_first)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), staff = new_user(), order_id = place_order(p, user, 3, 1);
	struct answer order, a, by_staff;

	cr_assert(change(token_of(user), order_id, "{\"status\":\"confirmed\"}").status == 200);
	cr_assert(change(token_of_staff(staff), order_id,
			 "{\"status\":\"shipped\",\"reason\":null,\"note\":\"by hand\"}")
			  .status == 200);
	order = change(
		token_of(user), order_id,
		"{\"status\":\"cancelled\",\"reason\":\"customer\",\"note\":\"\\\"no\\\" \\u00e9\\n\"}");
	cr_assert(order.status == 200, "%d %s", order.status, order.body);
	a = ASK(p, .target = history_target(order_id), .token = token_of(user));
	EXPECT(a, 200,
	       text("[{\"version\":1,\"old_status\":null,\"new_status\":\"pending\",\"changed_at\":\"%s\",\"changed_by\":\"%lld\",\"reason\":null,\"note\":null},"
		    "{\"version\":2,\"old_status\":\"pending\",\"new_status\":\"confirmed\",\"changed_at\":\"<time>\",\"changed_by\":\"%lld\",\"reason\":null,\"note\":null},"
		    "{\"version\":3,\"old_status\":\"confirmed\",\"new_status\":\"shipped\",\"changed_at\":\"<time>\",\"changed_by\":\"%lld\",\"reason\":null,\"note\":\"by hand\"},"
		    "{\"version\":4,\"old_status\":\"shipped\",\"new_status\":\"cancelled\",\"changed_at\":\"%s\",\"changed_by\":\"%lld\",\"reason\":\"customer\",\"note\":\"\\\"no\\\" é\\n\"}]",
		    json_get(order.body, "created_at"), (long long)user, (long long)user, (long long)staff,
		    json_get(order.body, "updated_at"), (long long)user));
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
	cr_expect_null(field(&a, "ETag"));
	by_staff = ASK(p, .target = history_target(order_id), .token = token_of_staff(new_user()));
	EXPECT(by_staff, 200, a.body);
	a = ASK(p, .method = "HEAD", .target = history_target(order_id), .token = token_of(user));
	cr_expect(a.status == 200 && a.body_len == 0);
}

Test(history, is_not_found_where_the_order_is_not)
{
	struct pool *p = pool_shared();
	int64_t order_id = place_order(p, new_user(), 3, 1);
	struct answer a;

	a = ASK(p, .target = history_target(order_id), .token = token_of(new_user()));
	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	a = ASK(p, .target = "/api/v1/orders/000/history", .token = token_of(new_user()));
	EXPECT_DETAIL(a, 404, "Order 0 not found");
	a = ASK(p, .target = history_target(987654321), .token = token_of_staff(new_user()));
	EXPECT_DETAIL(a, 404, "Order 987654321 not found");
	a = ASK(p, .target = "/api/v1/orders/x/history", .token = token_of(new_user()));
	EXPECT(a, 422,
	       "{\"detail\":[{\"type\":\"int_parsing\",\"loc\":[\"path\",\"order_id\"],\"msg\":\"Input should be a valid integer, "
	       "unable to parse string as an integer\",\"input\":\"x\"}]}");
	a = ASK(p, .target = history_target(order_id));
	EXPECT_DETAIL(a, 401, "Not authenticated");
	a = ASK(p, .method = "POST", .target = history_target(order_id), .body = "{}");
	EXPECT_DETAIL(a, 405, "Method Not Allowed");
	EXPECT_TEXT(field(&a, "Allow"), "GET, HEAD");
	a = ASK(p, .target = text("%s/?x=y", history_target(order_id)));
	cr_expect_eq(a.status, 307);
	EXPECT_TEXT(field(&a, "Location"), text("%s?x=y", history_target(order_id)));
}

Test(history, keeps_notes_of_255_characters)
{
	static const char *const characters[] = { "x", "é", "🚀" };
	struct pool *p = pool_shared();

	for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
		int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
		char *note = text("%s", "");
		struct answer a;

		for (int n = 0; n < 255; n++)
			note = text("%s%s", note, characters[i]);
		a = change(token_of(user), order_id,
			   text("{\"status\":\"confirmed\",\"note\":\"%s%s\"}", note, characters[i]));
		EXPECT_ROW(
			characters[i], a, 422,
			text("{\"detail\":[{\"type\":\"string_too_long\",\"loc\":[\"body\",\"note\"],\"msg\":\"String should have at most 255 "
			     "characters\",\"input\":\"%s%s\",\"ctx\":{\"max_length\":255}}]}",
			     note, characters[i]));
		a = change(token_of(user), order_id,
			   text("{\"status\":\"confirmed\",\"note\":\"%s\"}", note));
		cr_expect(a.status == 200, "%s: %d %s", characters[i], a.status, a.body);
		a = ASK(p, .target = history_target(order_id), .token = token_of(user));
		EXPECT_TEXT(json_get(a.body, "1.note"), note);
	}
}

Test(history, answers_422_to_reasons_and_notes_that_are_none)
{
	static const char fault[] =
		"{\"detail\":["
		"{\"type\":\"enum\",\"loc\":[\"body\",\"status\"],\"msg\":\"Input should be 'pending', 'confirmed', 'shipped', 'delivered' or "
		"'cancelled'\",\"input\":\"lost\",\"ctx\":{\"expected\":\"'pending', 'confirmed', 'shipped', 'delivered' or 'cancelled'\"}},"
		"{\"type\":\"enum\",\"loc\":[\"body\",\"reason\"],\"msg\":\"Input should be 'customer', 'declined', 'fraud', 'inventory', 'staff' or "
		"'other'\",\"input\":\"whim\",\"ctx\":{\"expected\":\"'customer', 'declined', 'fraud', 'inventory', 'staff' or 'other'\"}},"
		"{\"type\":\"string_type\",\"loc\":[\"body\",\"note\"],\"msg\":\"Input should be a valid string\",\"input\":5}]}";
	int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 1);
	struct answer a = change(token_of(user), order_id,
				 "{\"status\":\"lost\",\"reason\":\"whim\",\"note\":5}");

	EXPECT(a, 422, fault);
	a = change(token_of(user), order_id, "{\"status\":\"confirmed\",\"note\":\"a\\u0000\"}");
	EXPECT(a, 422,
	       "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\",\"note\"],\"msg\":\"Value error, NUL characters are not allowed\","
	       "\"input\":\"a\\u0000\",\"ctx\":{\"error\":{}}}]}");
	EXPECT_TEXT(pool_sql(pool_shared(),
			     text("SELECT version FROM orders.orders WHERE id = %lld", (long long)order_id)),
		    "1");
}

Test(history, tells_subscribers_the_reason_and_the_note_in_every_delivery)
{
	struct pool *p = pool_shared();
	int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
	struct answer a = change(
		token_of(user), order_id,
		"{\"status\":\"cancelled\",\"reason\":\"declined\",\"note\":\"card \\\"x\\\"\"}");
	const char *first;

	cr_assert(a.status == 200, "%d %s", a.status, a.body);
	cr_assert(events_wait(p, order_id, 2, 10000, mail) == 2);
	first = text("%s", mail[1].message);
	EXPECT_TEXT(
		first,
		text("{\"event_id\":\"<uuid>\",\"event_type\":\"order.status.updated\",\"timestamp\":\"%s\",\"data\":{\"order_id\":%lld,"
		     "\"user_id\":%lld,\"user_email\":\"user%lld@example.com\",\"old_status\":\"pending\",\"new_status\":\"cancelled\","
		     "\"updated_by\":\"%lld\",\"reason\":\"declined\",\"note\":\"card \\\"x\\\"\",\"version\":2}}",
		     json_get(a.body, "updated_at"), (long long)order_id, (long long)user, (long long)user,
		     (long long)user));
	/* As if the worker had died before it could say that the event was sent. */
	(void)pool_sql(
		p,
		text("INSERT INTO orders.outbox (user_id, order_id, version, request_id, traceparent, next_attempt_at) "
		     "VALUES (%lld, %lld, 2, 'r', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', now())",
		     (long long)user, (long long)order_id));
	cr_assert(events_wait(p, order_id, 3, 10000, mail) == 3);
	EXPECT_TEXT(mail[2].message, first);
}
