/* Orders as clients see them, events as subscribers do. */
#include "json/order_json.h"

#include "table.h"

#define AT INT64_C(1771940786414410) /* 2026-02-24T13:46:26.414410Z */

static void *ctx;
static struct buf b;

static void
open_buf(void)
{
	ctx = talloc_new(NULL);
	buf_init(&b, ctx, 1 << 20);
}

static void
close_buf(void)
{
	talloc_free(ctx);
}

TestSuite(order_json, .init = open_buf, .fini = close_buf);

static struct item hub = {
	.id = 31,
	.product_id = 3,
	.product_name = "USB-C Hub",
	.price = { 4550 },
	.subtotal = { 9100 },
	.quantity = 2,
	.created_us = AT,
};

static struct order
example(void)
{
	return (struct order){
		.id = 20,
		.user_id = 9,
		.email = "user@example.com",
		.status = STATUS_PENDING,
		.version = 1,
		.total = { 9100 },
		.created_us = AT,
		.updated_us = AT,
		.n = 1,
		.items = &hub,
	};
}

#define ORDER                                                                                                                \
	"{\"id\":20,\"user_id\":9,\"status\":\"pending\",\"total_amount\":\"91.00\","                                        \
	"\"created_at\":\"2026-02-24T13:46:26.414410Z\",\"updated_at\":\"2026-02-24T13:46:26.414410Z\","                     \
	"\"items\":[{\"id\":31,\"order_id\":20,\"product_id\":3,\"product_name\":\"USB-C Hub\",\"product_price\":\"45.50\"," \
	"\"quantity\":2,\"subtotal\":\"91.00\",\"created_at\":\"2026-02-24T13:46:26.414410Z\"}]}"

Test(order_json, writes_the_contracts_order)
{
	struct order o = example();

	order_encode(&b, &o);
	cr_assert_not(b.failed);
	expect_text(b.data, ORDER, "order");
}

Test(order_json, writes_lists_of_orders)
{
	static const struct {
		size_t n;
		const char *text;
	} rows[] = { { 0, "[]" }, { 1, "[" ORDER "]" }, { 3, "[" ORDER "," ORDER "," ORDER "]" } };
	struct order orders[] = { example(), example(), example() };

	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&b);
		orders_encode(&b, orders, rows[i].n);
		cr_assert_not(b.failed);
		expect_text(b.data, rows[i].text, "list");
	}
}

Test(order_json, writes_bounds_and_awkward_names)
{
	struct item items[] = { hub, hub };
	struct order o = example();

	o.id = o.user_id = INT64_MAX;
	o.status = STATUS_CANCELLED;
	o.total.cents = MONEY_MAX_CENTS;
	o.created_us = INT64_C(-62135596800000000);
	o.updated_us = INT64_C(253402300799999999);
	o.n = 2;
	o.items = items;
	items[0] = (struct item){ .id = 1,
				  .product_id = INT64_MAX,
				  .product_name = "\"\\/\n\x01\xc3\xa9\xf0\x9f\x9a\x80",
				  .quantity = INT32_MAX };
	items[1] = (struct item){ .id = 2,
				  .product_id = 1,
				  .product_name = "x",
				  .price = { 1 },
				  .subtotal = { 1 },
				  .quantity = 1 };
	order_encode(&b, &o);
	cr_assert_not(b.failed);
	expect_text(
		b.data,
		"{\"id\":9223372036854775807,\"user_id\":9223372036854775807,\"status\":\"cancelled\",\"total_amount\":"
		"\"9999999999.99\",\"created_at\":\"0001-01-01T00:00:00.000000Z\",\"updated_at\":\"9999-12-31T23:59:59.999999Z\","
		"\"items\":[{\"id\":1,\"order_id\":9223372036854775807,\"product_id\":9223372036854775807,\"product_name\":"
		"\"\\\"\\\\/\\n\\u0001\xc3\xa9\xf0\x9f\x9a\x80\",\"product_price\":\"0.00\",\"quantity\":2147483647,\"subtotal\":"
		"\"0.00\",\"created_at\":\"1970-01-01T00:00:00.000000Z\"},"
		"{\"id\":2,\"order_id\":9223372036854775807,\"product_id\":1,\"product_name\":\"x\",\"product_price\":\"0.01\","
		"\"quantity\":1,\"subtotal\":\"0.01\",\"created_at\":\"1970-01-01T00:00:00.000000Z\"}]}",
		"bounds");
}

Test(order_json, fails_for_a_time_without_text)
{
	struct order o = example();

	o.created_us = INT64_MAX;
	order_encode(&b, &o);
	cr_expect(b.failed);
}

static struct event
created(void)
{
	return (struct event){
		.id = "6f0c0000-0000-4000-8000-000000000001",
		.user_id = 9,
		.order_id = 20,
		.version = 1,
		.at_us = AT,
		.email = "user@example.com",
		.status = STATUS_PENDING,
		.total = { 9100 },
		.n = 1,
		.items = &hub,
	};
}

Test(order_json, writes_the_contracts_first_event)
{
	struct event e = created();

	event_encode(&b, &e);
	cr_assert_not(b.failed);
	expect_text(event_type(&e), "order.created", "type");
	expect_text(
		b.data,
		"{\"event_id\":\"6f0c0000-0000-4000-8000-000000000001\",\"event_type\":\"order.created\","
		"\"timestamp\":\"2026-02-24T13:46:26.414410Z\",\"data\":{\"order_id\":20,\"user_id\":9,"
		"\"user_email\":\"user@example.com\",\"total_amount\":91.00,\"items\":[{\"product_id\":3,"
		"\"product_name\":\"USB-C Hub\",\"quantity\":2,\"price\":45.50}],\"status\":\"pending\",\"version\":1}}",
		"created");
}

Test(order_json, writes_the_contracts_second_event)
{
	struct event e = created();

	e.id = "6f0d0000-0000-4000-8000-000000000001";
	e.version = 2;
	e.old_status = STATUS_PENDING;
	e.status = STATUS_CONFIRMED;
	e.changed_by = 9;
	event_encode(&b, &e);
	cr_assert_not(b.failed);
	expect_text(event_type(&e), "order.status.updated", "type");
	expect_text(
		b.data,
		"{\"event_id\":\"6f0d0000-0000-4000-8000-000000000001\",\"event_type\":\"order.status.updated\","
		"\"timestamp\":\"2026-02-24T13:46:26.414410Z\",\"data\":{\"order_id\":20,\"user_id\":9,"
		"\"user_email\":\"user@example.com\",\"old_status\":\"pending\",\"new_status\":\"confirmed\","
		"\"updated_by\":\"9\",\"version\":2}}",
		"status updated");
}

Test(order_json, tells_subscribers_the_reason_and_the_note_when_there_are_any)
{
	static const struct {
		const char *reason, *note, *text;
	} rows[] = {
		{ "fraud", NULL, "\"updated_by\":\"9\",\"reason\":\"fraud\",\"version\":3}}" },
		{ NULL, "say \"no\"\n",
		  "\"updated_by\":\"9\",\"note\":\"say \\\"no\\\"\\n\",\"version\":3}}" },
		{ "other", "", "\"updated_by\":\"9\",\"reason\":\"other\",\"note\":\"\",\"version\":3}}" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct event e = created();

		e.version = 3;
		e.status = STATUS_CANCELLED;
		e.changed_by = 9;
		e.reason = rows[i].reason;
		e.note = rows[i].note;
		buf_clear(&b);
		event_encode(&b, &e);
		cr_assert_not(b.failed);
		expect_text(strstr(b.data, "\"updated_by\""), rows[i].text, "the end of data");
	}
}

Test(order_json, writes_the_contracts_history)
{
	const struct past past[] = {
		{ .version = 1, .new_status = STATUS_PENDING, .changed_us = AT, .changed_by = 9 },
		{ .version = 2,
		  .old_status = STATUS_PENDING,
		  .new_status = STATUS_CANCELLED,
		  .changed_us = AT + 1,
		  .changed_by = INT64_MAX,
		  .reason = "inventory",
		  .note = "\"none\" left" },
	};

	history_encode(&b, past, 2);
	cr_assert_not(b.failed);
	expect_text(
		b.data,
		"[{\"version\":1,\"old_status\":null,\"new_status\":\"pending\",\"changed_at\":\"2026-02-24T13:46:26.414410Z\","
		"\"changed_by\":\"9\",\"reason\":null,\"note\":null},"
		"{\"version\":2,\"old_status\":\"pending\",\"new_status\":\"cancelled\",\"changed_at\":\"2026-02-24T13:46:26.414411Z\","
		"\"changed_by\":\"9223372036854775807\",\"reason\":\"inventory\",\"note\":\"\\\"none\\\" left\"}]",
		"history");
}

Test(order_json, writes_events_of_several_items_and_awkward_addresses)
{
	struct item items[] = { hub, hub };
	struct event e = created();

	items[1].product_name = "\"quoted\"";
	items[1].price.cents = 1;
	e.email = "\"a b\"@example.com";
	e.n = 2;
	e.items = items;
	event_encode(&b, &e);
	cr_assert_not(b.failed);
	cr_expect_not_null(strstr(b.data, "\"user_email\":\"\\\"a b\\\"@example.com\""));
	cr_expect_not_null(strstr(
		b.data,
		"\"items\":[{\"product_id\":3,\"product_name\":\"USB-C Hub\",\"quantity\":2,\"price\":45.50},"
		"{\"product_id\":3,\"product_name\":\"\\\"quoted\\\"\",\"quantity\":2,\"price\":0.01}]"));
}

Test(order_json, says_when_there_is_no_room)
{
	struct order o = example();
	struct event e = created();

	buf_init(&b, ctx, 50);
	order_encode(&b, &o);
	cr_expect(b.failed);
	buf_init(&b, ctx, 50);
	event_encode(&b, &e);
	cr_expect(b.failed);
}
