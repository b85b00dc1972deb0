/* PATCH /api/v1/orders/{order_id}/status. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <string.h>

#include "support/expect.h"

SHARED_POOL(.workers = 4);

static const char *const statuses[] = { "pending", "confirmed", "shipped", "delivered", "cancelled" };

enum { PENDING, CONFIRMED, SHIPPED, DELIVERED, CANCELLED, COUNT };

static const bool steps[COUNT][COUNT] = {
	[PENDING] = { [CONFIRMED] = true, [CANCELLED] = true },
	[CONFIRMED] = { [SHIPPED] = true, [CANCELLED] = true },
	[SHIPPED] = { [DELIVERED] = true, [CANCELLED] = true },
};

Test(status, allows_the_six_steps_of_the_machine_and_no_others)
{
	struct pool *p = pool_shared();

	for (int from = 0; from < COUNT; from++)
		for (int to = 0; to < COUNT; to++) {
			int64_t user = new_user(), order_id = place_order(p, user, 3, 2);
			const char *reason = text("%s to %s", statuses[from], statuses[to]);
			struct answer before, a, after;

			lead_order(p, user, order_id, statuses[from]);
			before = ASK(p, .target = order_target(order_id), .token = token_of(user));
			a = change_order(p, user, order_id, statuses[to]);
			after = ASK(p, .target = order_target(order_id), .token = token_of(user));
			if (steps[from][to])
				EXPECT_ROW(reason, a, 200, after.body);
			else if (from == DELIVERED || from == CANCELLED)
				EXPECT_DETAIL_ROW(reason, a, 400,
						  text("Cannot update order in %s status", statuses[from]));
			else
				EXPECT_DETAIL_ROW(reason, a, 400,
						  text("Cannot change order status from %s to %s",
						       statuses[from], statuses[to]));
			if (!steps[from][to])
				EXPECT_ROW(reason, after, 200, before.body);
			cr_expect(differs(json_get(after.body, "status"),
					  statuses[steps[from][to] ? to : from]) == NULL,
				  "%s: %s", reason, after.body);
		}
}

Test(status, answers_with_the_order_as_it_is_now)
{
	struct pool *p = pool_shared();
	int64_t user = new_user();
	struct answer made = ASK(
		p, .target = "/api/v1/orders", .token = token_of(user),
		.body = "{\"items\":[{\"product_id\":3,\"quantity\":2},{\"product_id\":13,\"quantity\":1}]}");
	struct answer a = change_order(p, user, order_id_of(&made), "confirmed");
	char *items = strstr(made.body, "\"items\""),
	     *created = text("%s", json_get(made.body, "created_at"));

	EXPECT(a, 200,
	       text("{\"id\":%lld,\"user_id\":%lld,\"status\":\"confirmed\",\"total_amount\":\"129.00\",\"created_at\":\"%s\","
		    "\"updated_at\":\"<time>\",%s",
		    (long long)order_id_of(&made), (long long)user, created, items));
	cr_expect(strcmp(json_get(a.body, "updated_at"), created) > 0, "%s", a.body);
	EXPECT_TEXT(field(&a, "Cache-Control"), "no-store");
	cr_expect_null(field(&a, "Location"));
	cr_expect_null(field(&a, "Idempotent-Replayed"));
}

Test(status, knows_no_order_but_the_callers)
{
	struct pool *p = pool_shared();
	int64_t order_id = place_order(p, new_user(), 3, 1);
	struct answer a = change_order(p, new_user(), order_id, "confirmed");

	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id));
	a = change_order(p, new_user(), 987654321, "confirmed");
	EXPECT_DETAIL(a, 404, "Order 987654321 not found");
	a = ASK(p, .method = "PATCH", .target = status_target(987654321), .token = token_of_staff(new_user()),
		.body = "{\"status\":\"confirmed\"}");
	EXPECT_DETAIL(a, 404, "Order 987654321 not found");
}

Test(status, has_one_of_two_simultaneous_changes_win)
{
	struct pool *p = pool_shared();
	int won[2] = { 0 };

	for (int round = 0; round < 30; round++) {
		int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
		struct ask asks[2] = {
			{ .method = "PATCH",
			  .target = status_target(order_id),
			  .token = token_of(user),
			  .body = "{\"status\":\"confirmed\"}" },
			{ .method = "PATCH",
			  .target = status_target(order_id),
			  .token = token_of(user),
			  .body = "{\"status\":\"confirmed\"}" },
		};
		struct exchange x[2];
		struct answer a[2];
		int winner;

		for (int i = 0; i < 2; i++)
			x[i] = ask_send(p->port, &asks[i]);
		for (int i = 0; i < 2; i++)
			a[i] = ask_receive(&x[i], 10000);
		winner = a[0].status == 200 ? 0 : 1;
		cr_expect(a[winner].status == 200, "%d %s", a[winner].status, a[winner].body);
		EXPECT_DETAIL(a[1 - winner], 400, "Cannot change order status from confirmed to confirmed");
		EXPECT_TEXT(pool_sql(p, text("SELECT version FROM orders.orders WHERE id = %lld",
					     (long long)order_id)),
			    "2");
		won[winner]++;
	}
}

Test(status, judges_the_loser_of_two_different_changes_against_what_the_winner_left)
{
	struct pool *p = pool_shared();

	for (int round = 0; round < 30; round++) {
		int64_t user = new_user(), order_id = place_order(p, user, 3, 1);
		struct ask confirm = { .method = "PATCH",
				       .target = status_target(order_id),
				       .token = token_of(user),
				       .body = "{\"status\":\"confirmed\"}" },
			   cancel = confirm;
		struct exchange x, y;
		struct answer a, b;

		cancel.body = "{\"status\":\"cancelled\"}";
		x = ask_send(p->port, round % 2 ? &confirm : &cancel);
		y = ask_send(p->port, round % 2 ? &cancel : &confirm);
		a = ask_receive(round % 2 ? &x : &y, 10000);
		b = ask_receive(round % 2 ? &y : &x, 10000);
		cr_expect(b.status == 200, "one may cancel in any case: %d %s", b.status, b.body);
		if (a.status != 200)
			EXPECT_DETAIL(a, 400, "Cannot update order in cancelled status");
		EXPECT_TEXT(
			pool_sql(p, text("SELECT version || ' ' || status FROM orders.orders WHERE id = %lld",
					 (long long)order_id)),
			a.status == 200 ? "3 cancelled" : "2 cancelled");
	}
}

Test(status, lets_owners_only_cancel_what_is_pending_where_the_setting_says_so)
{
	struct pool p = pool_start(
		&(const struct pool_options){ .workers = 2, .settings = { "OWNER_STATUS_UPDATES=cancel" } });
	int64_t staff = new_user();
	struct answer a;

	for (int from = 0; from < COUNT; from++)
		for (int to = 0; to < COUNT; to++) {
			int64_t user = new_user(), order_id = place_order(&p, user, 3, 1);
			const char *reason = text("%s to %s", statuses[from], statuses[to]);

			for (int s = CONFIRMED; s <= from && from <= DELIVERED; s++)
				(void)ASK(&p, .method = "PATCH", .target = status_target(order_id),
					  .token = token_of_staff(staff),
					  .body = text("{\"status\":\"%s\"}", statuses[s]));
			if (from == CANCELLED)
				(void)change_order(&p, user, order_id, "cancelled");
			a = ASK(&p, .target = order_target(order_id), .token = token_of(user));
			cr_assert_str_eq(json_get(a.body, "status"), statuses[from], "%s", reason);
			a = change_order(&p, user, order_id, statuses[to]);
			if (from == PENDING && to == CANCELLED)
				cr_expect(a.status == 200, "%s: %d %s", reason, a.status, a.body);
			else
				EXPECT_DETAIL_ROW(reason, a, 403, "Not enough permissions");
		}
	int64_t owner = new_user(), order_id = place_order(&p, owner, 3, 1);

	/* Before the condition, which is judged before the rest. */
	a = ASK(&p, .method = "PATCH", .target = status_target(order_id), .token = token_of(owner),
		.body = "{\"status\":\"confirmed\"}", .fields = "If-Match: \"7\"\r\n");
	EXPECT_DETAIL(a, 403, "Not enough permissions");
	a = ASK(&p, .method = "PATCH", .target = status_target(order_id), .token = token_of(owner),
		.body = "{\"status\":\"cancelled\"}", .fields = "If-Match: \"7\"\r\n");
	EXPECT_DETAIL(a, 412, "Precondition Failed");
	a = change_order(&p, new_user(), order_id, "confirmed");
	EXPECT_DETAIL(a, 404, text("Order %lld not found", (long long)order_id)); /* 404 before 403 */
	order_id = place_order(&p, staff, 3, 1);
	a = ASK(&p, .method = "PATCH", .target = status_target(order_id), .token = token_of_staff(staff),
		.body = "{\"status\":\"confirmed\"}");
	cr_expect(a.status == 200, "staff on their own order: %d %s", a.status, a.body);
	a = ASK(&p, .method = "PATCH", .target = status_target(order_id), .token = token_of_staff(staff),
		.body = "{\"status\":\"delivered\"}");
	EXPECT_DETAIL(a, 400, "Cannot change order status from confirmed to delivered");
	cr_expect(pool_stop(&p));
}
