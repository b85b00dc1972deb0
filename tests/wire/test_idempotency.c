/* Idempotency-Key: repeats answer what the first answered and do nothing. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "support/expect.h"
#include "support/peer.h"

SHARED_POOL(.workers = 4);

#define ORDERS "/api/v1/orders"
#define BODY "{\"items\":[{\"product_id\":3,\"quantity\":2}]}"
#define BAD_KEY "Invalid Idempotency-Key"
#define REUSED "Idempotency-Key was already used with a different request"

static struct answer
create(int64_t user, const char *key, const char *body)
{
	return ASK(pool_shared(), .target = ORDERS, .token = token_of(user), .key = key, .body = body);
}

static struct answer
change(int64_t user, int64_t order_id, const char *key, const char *status)
{
	return ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id),
		   .token = token_of(user), .key = key, .body = text("{\"status\":\"%s\"}", status));
}

/* The same answer as the first, and marked as a repeat. */
static void
expect_replay(const struct answer *a, const struct answer *first)
{
	EXPECT(*a, first->status, first->body);
	EXPECT_TEXT(field(a, "Idempotent-Replayed"), "true");
	if (field(first, "Location"))
		EXPECT_TEXT(field(a, "Location"), field(first, "Location"));
	EXPECT_TEXT(field(a, "Cache-Control"), "no-store");
}

static const char *
orders_of(int64_t user)
{
	return pool_sql(pool_shared(),
			text("SELECT count(*) FROM orders.orders WHERE user_id = %lld", (long long)user));
}

Test(idempotency, answers_a_repeated_POST_as_the_first_one)
{
	int64_t user = new_user();
	struct answer first = create(user, "k1", BODY), again = create(user, "k1", BODY);
	struct arrived events[EVENTS_MAX];

	cr_assert(first.status == 201, "%d %s", first.status, first.body);
	cr_expect_null(field(&first, "Idempotent-Replayed"));
	expect_replay(&again, &first);
	again = create(user, "k1", BODY);
	expect_replay(&again, &first);
	EXPECT_TEXT(orders_of(user), "1");
	cr_expect(events_wait(pool_shared(), order_id_of(&first), 1, 10000, events) == 1,
		  "one event and no more");
	cr_expect(pool_sql_becomes(
		pool_shared(),
		text("SELECT count(*) FROM orders.outbox WHERE user_id = %lld", (long long)user), "0", 5000));
	cr_expect(events_wait(pool_shared(), order_id_of(&first), 0, 0, events) == 1,
		  "one event and no more");
}

Test(idempotency, answers_as_it_was_then)
{
	int64_t user = new_user();
	struct answer first = create(user, "then", BODY), changed, again;

	changed = change(user, order_id_of(&first), "then-2", "confirmed");
	cr_assert(changed.status == 200, "%d %s", changed.status, changed.body);
	cr_expect(strcmp(json_get(changed.body, "updated_at"), json_get(first.body, "updated_at")) > 0);
	(void)change(user, order_id_of(&first), NULL, "shipped");
	again = create(user, "then", BODY);
	expect_replay(&again, &first);
	again = change(user, order_id_of(&first), "then-2", "confirmed");
	expect_replay(&again, &changed);
	again = ASK(pool_shared(), .target = order_target(order_id_of(&first)), .token = token_of(user));
	cr_expect_str_eq(json_get(again.body, "status"), "shipped");
	cr_expect_null(field(&again, "Idempotent-Replayed"));
}

Test(idempotency, answers_a_repeated_PATCH_and_changes_and_publishes_nothing)
{
	int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 1);
	struct answer first = change(user, order_id, "p1", "confirmed"),
		      again = change(user, order_id, "p1", "confirmed");
	struct arrived events[EVENTS_MAX];

	cr_assert(first.status == 200, "%d %s", first.status, first.body);
	cr_expect_null(field(&first, "Idempotent-Replayed"));
	expect_replay(&again, &first);
	(void)change(user, order_id, NULL, "shipped");
	again = change(user, order_id, "p1", "confirmed");
	expect_replay(&again, &first);
	EXPECT_TEXT(pool_sql(pool_shared(),
			     text("SELECT version || ' ' || status FROM orders.orders WHERE id = %lld",
				  (long long)order_id)),
		    "3 shipped");
	cr_expect(events_wait(pool_shared(), order_id, 3, 10000, events) == 3, "created, confirmed, shipped");
}

Test(idempotency, does_not_ask_the_product_service_again)
{
	struct peer products = peer_start(NULL);
	struct pool p = pool_start(&(const struct pool_options){ .workers = 1, .products = products.port });
	struct ask ask = { .target = ORDERS, .token = token_of(9), .key = "once", .body = BODY };
	struct answer first, again;

	peer_sells(&products, 3, "45.5", 10);
	first = pool_ask(&p, &ask);
	cr_assert(first.status == 201, "%d %s", first.status, first.body);
	again = pool_ask(&p, &ask);
	expect_replay(&again, &first);
	peer_set_down(&products, true);
	again = pool_ask(&p, &ask);
	expect_replay(&again, &first);
	cr_expect(peer_count(&products, NULL) == 1, "asked %d times", peer_count(&products, NULL));
	cr_expect(pool_stop(&p));
}

Test(idempotency, refuses_another_request_under_the_same_key)
{
	int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 1),
		other_id = place_order(pool_shared(), user, 3, 1);
	struct answer first = create(user, "same", BODY), a;
	static const char *const bodies[] = {
		"{\"items\":[{\"product_id\":3,\"quantity\":3}]}",
		"{\"items\":[{\"product_id\":3,\"quantity\":2}]} ", /* bytes count, not what they mean */
		"{\"items\":[{\"quantity\":2,\"product_id\":3}]}",
	};

	cr_assert(first.status == 201);
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		a = create(user, "same", bodies[i]);
		EXPECT_DETAIL_ROW(bodies[i], a, 422, REUSED);
	}
	a = change(user, order_id, "same", "confirmed");
	EXPECT_DETAIL_ROW("another method and path", a, 422, REUSED);
	a = change(user, order_id, "patch", "confirmed");
	cr_assert(a.status == 200);
	a = change(user, other_id, "patch", "confirmed");
	EXPECT_DETAIL_ROW("another order", a, 422, REUSED);
	a = change(user, order_id, "patch", "shipped");
	EXPECT_DETAIL_ROW("another status", a, 422, REUSED);
	a = create(user, "patch", BODY);
	EXPECT_DETAIL_ROW("a POST after the PATCH", a, 422, REUSED);
	EXPECT_TEXT(orders_of(user), "3");
}

Test(idempotency, does_not_count_the_query_and_other_fields)
{
	int64_t user = new_user();
	struct answer first = create(user, "query", BODY), again;

	again = ASK(pool_shared(), .target = ORDERS "?x=1",
		    .token = token_with(user, ",\"jti\":\"another token\""), .key = "query", .body = BODY,
		    .type = "application/json; charset=utf-8", .fields = "X-Request-ID: another\r\n");
	expect_replay(&again, &first);
	EXPECT_TEXT(field(&again, "X-Request-ID"), "another");
}

Test(idempotency, tells_users_apart)
{
	int64_t one = new_user(), two = new_user();
	struct answer a = create(one, "mine", BODY), b = create(two, "mine", BODY);

	cr_expect(a.status == 201 && b.status == 201 && order_id_of(&a) != order_id_of(&b));
	cr_expect_null(field(&b, "Idempotent-Replayed"));
	cr_expect(json_get_i64(b.body, "user_id") == two);
}

Test(idempotency, takes_1_to_255_visible_ASCII_characters)
{
	char *longest = text("%0255d", 0);
	const struct {
		const char *fields;
		bool good;
		const char *reason;
	} rows[] = {
		{ "Idempotency-Key: x\r\n", true, "one" },
		{ text("Idempotency-Key: %s\r\n", longest), true, "255" },
		{ "Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\"\r\n", true, "quotes" },
		{ "Idempotency-Key: !~#$%&'*+,-./:;<=>?@[]^_`{|}\\\r\n", true, "all kinds" },
		{ "Idempotency-Key:   padded  \r\n", true, "blanks around it, which HTTP drops" },
		{ text("Idempotency-Key: 1%s\r\n", longest), false, "256" },
		{ "Idempotency-Key: a b\r\n", false, "a blank" },
		{ "Idempotency-Key: a\tb\r\n", false, "a tab" },
		{ "Idempotency-Key: caf\xc3\xa9\r\n", false, "UTF-8" },
		{ "Idempotency-Key: caf\xe9\r\n", false, "Latin-1" },
		{ "Idempotency-Key: a\r\nIdempotency-Key: b\r\n", false, "two of them" },
		{ "Idempotency-Key: a\r\nidempotency-key: a\r\n", false, "the same one twice" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t user = new_user(), order_id = place_order(pool_shared(), user, 23, 1);
		struct answer post = ASK(pool_shared(), .target = ORDERS, .token = token_of(user),
					 .body = BODY, .fields = rows[i].fields);
		struct answer patch = ASK(pool_shared(), .method = "PATCH", .target = status_target(order_id),
					  .token = token_of(user + 500), .body = "{\"status\":\"confirmed\"}",
					  .fields = rows[i].fields);

		if (rows[i].good) {
			cr_expect(post.status == 201, "%s: %d %s", rows[i].reason, post.status, post.body);
			cr_expect(patch.status == 404, "%s: %d %s", rows[i].reason, patch.status, patch.body);
		} else {
			EXPECT_DETAIL_ROW(rows[i].reason, post, 400, BAD_KEY);
			EXPECT_DETAIL_ROW(rows[i].reason, patch, 400, BAD_KEY);
		}
	}
}

Test(idempotency, remembers_only_what_went_well)
{
	int64_t user = new_user(), order_id;
	struct answer a = create(user, "try", "{\"items\":[{\"product_id\":27,\"quantity\":1}]}"), again;

	EXPECT_DETAIL(a, 400, "Insufficient stock for product 27. Available: 0, requested: 1");
	a = create(user, "try", "{\"items\":[{\"product_id\":77,\"quantity\":1}]}");
	EXPECT_DETAIL(a, 404, "Product 77 not found");
	a = create(user, "try", "{}");
	cr_expect(a.status == 422);
	a = create(user, "try", BODY);
	cr_assert(a.status == 201, "%d %s", a.status, a.body);
	cr_expect_null(field(&a, "Idempotent-Replayed"));
	order_id = order_id_of(&a);
	a = change(user, order_id, "step", "delivered");
	EXPECT_DETAIL(a, 400, "Cannot change order status from pending to delivered");
	a = change(user, order_id, "step", "confirmed");
	cr_expect(a.status == 200, "%d %s", a.status, a.body);
	again = change(user, order_id, "step", "confirmed");
	expect_replay(&again, &a);
}

Test(idempotency, works_for_staff_on_other_peoples_orders)
{
	int64_t owner = new_user(), staff = new_user(), order_id = place_order(pool_shared(), owner, 3, 1),
		other_id = place_order(pool_shared(), owner, 3, 1);
	struct ask ask = { .method = "PATCH",
			   .target = status_target(order_id),
			   .token = token_of_staff(staff),
			   .key = "desk-1",
			   .body = "{\"status\":\"confirmed\"}" };
	struct answer first = pool_ask(pool_shared(), &ask), again = pool_ask(pool_shared(), &ask), a;

	cr_assert(first.status == 200, "%d %s", first.status, first.body);
	expect_replay(&again, &first);
	ask.target = status_target(other_id);
	a = pool_ask(pool_shared(), &ask);
	EXPECT_DETAIL(a, 422, REUSED);
	a = ASK(pool_shared(), .target = ORDERS, .token = token_of_staff(staff), .key = "desk-1",
		.body = BODY);
	EXPECT_DETAIL(a, 422, REUSED);
	a = change(owner, other_id, "desk-1", "confirmed"); /* the owner's own key of that name */
	cr_expect(a.status == 200, "%d %s", a.status, a.body);
	cr_expect_null(field(&a, "Idempotent-Replayed"));
}

#define AT_ONCE 20

/* Sends the request 20 times at once: one acts, and all give its answer. */
static void
expect_one_acts(const struct ask *ask, int status)
{
	struct exchange x[AT_ONCE];
	struct answer a[AT_ONCE];
	int acted = 0;

	for (int i = 0; i < AT_ONCE; i++)
		x[i] = ask_send(pool_shared()->port, ask);
	for (int i = 0; i < AT_ONCE; i++) {
		a[i] = ask_receive(&x[i], 30000);
		EXPECT(a[i], status, a[0].body);
		acted += !field(&a[i], "Idempotent-Replayed");
	}
	cr_expect(acted == 1, "%d of %d acted", acted, AT_ONCE);
}

Test(idempotency, has_one_of_20_simultaneous_POSTs_act)
{
	struct arrived events[EVENTS_MAX];

	for (int round = 0; round < 5; round++) {
		int64_t user = new_user();

		expect_one_acts(
			&(const struct ask){
				.target = ORDERS, .token = token_of(user), .key = "race", .body = BODY },
			201);
		EXPECT_TEXT(orders_of(user), "1");
		cr_expect(pool_sql_becomes(
			pool_shared(),
			text("SELECT count(*) FROM orders.outbox WHERE user_id = %lld", (long long)user), "0",
			10000));
		cr_expect(
			events_wait(pool_shared(),
				    strtol(pool_sql(pool_shared(),
						    text("SELECT id FROM orders.orders WHERE user_id = %lld",
							 (long long)user)),
					   NULL, 10),
				    1, 10000, events) == 1);
	}
}

Test(idempotency, has_one_of_20_simultaneous_PATCHes_act)
{
	for (int round = 0; round < 5; round++) {
		int64_t user = new_user(), order_id = place_order(pool_shared(), user, 3, 1);

		expect_one_acts(&(const struct ask){ .method = "PATCH",
						     .target = status_target(order_id),
						     .token = token_of(user),
						     .key = "race",
						     .body = "{\"status\":\"confirmed\"}" },
				200);
		EXPECT_TEXT(pool_sql(pool_shared(), text("SELECT version FROM orders.orders WHERE id = %lld",
							 (long long)order_id)),
			    "2");
	}
}

Test(idempotency, has_one_of_two_simultaneous_different_requests_act)
{
	for (int round = 0; round < 10; round++) {
		int64_t user = new_user();
		struct ask one = { .target = ORDERS, .token = token_of(user), .key = "race", .body = BODY },
			   two = one;
		struct exchange x, y;
		struct answer a, b;

		two.body = BODY " ";
		x = ask_send(pool_shared()->port, &one);
		y = ask_send(pool_shared()->port, &two);
		a = ask_receive(&x, 30000);
		b = ask_receive(&y, 30000);
		cr_expect((a.status == 201) + (b.status == 201) == 1, "%d and %d", a.status, b.status);
		EXPECT_DETAIL(*(a.status == 201 ? &b : &a), 422, REUSED);
		EXPECT_TEXT(orders_of(user), "1");
	}
}
