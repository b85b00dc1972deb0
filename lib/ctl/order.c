/* ordersctl order ID. */
#include <string.h>
#include <sysexits.h>
#include <talloc.h>

#include "ctl/ctl.h"
#include "ctl/events.h"
#include "ctl/format.h"
#include "ctl/table.h"
#include "store/operator.h"
#include "store/orders.h"
#include "store/reads.h"
#include "json/order_json.h"
#include "json/write.h"

static void
put_items(struct ctl *c, const struct order *o)
{
	static const struct column columns[] = {
		{ "ITEM", true },     { "PRODUCT", true }, { "NAME", false },
		{ "QUANTITY", true }, { "PRICE", true },   { "SUBTOTAL", true },
	};
	char text[MONEY_SIZE];
	struct table t;

	table_init(&t, c->ctx, columns, sizeof columns / sizeof *columns, c->colored);
	for (size_t i = 0; i < o->n; i++) {
		const struct item *item = &o->items[i];

		table_addf(&t, "%lld", (long long)item->id);
		table_addf(&t, "%lld", (long long)item->product_id);
		table_add(&t, item->product_name);
		table_addf(&t, "%d", item->quantity);
		(void)money_format(item->price, text);
		table_add(&t, text);
		(void)money_format(item->subtotal, text);
		table_add(&t, text);
	}
	table_put(&t, &c->out, c->width);
}

static void
put_text(struct ctl *c, const struct order *o, const struct event_state *events, size_t n)
{
	char created[FORMAT_SIZE], updated[FORMAT_SIZE];
	char total[MONEY_SIZE];

	(void)money_format(o->total, total);
	text_putf(&c->out, "Order %lld of user %lld   %s   %s   version %d", (long long)o->id,
		  (long long)o->user_id, status_name(o->status), total, o->version);
	buf_putc(&c->out, '\n');
	text_putf(&c->out, "Placed %s, last changed %s, %s", format_time(created, o->created_us),
		  format_time(updated, o->updated_us), *o->email ? o->email : "no e-mail address");
	buf_puts(&c->out, "\n\n");
	put_items(c, o);
	buf_putc(&c->out, '\n');
	events_put_table(c, events, n, true);
}

static void
put_json(struct ctl *c, const struct order *o, const struct event_state *events, size_t n)
{
	struct buf *b = &c->out;

	json_open_object(b, NULL);
	json_add_name(b, "order");
	order_encode(b, o);
	json_add_text(b, "user_email", o->email);
	json_add_i64(b, "version", o->version);
	json_open_array(b, "events");
	for (size_t i = 0; i < n; i++)
		event_add_json(b, &events[i]);
	json_close(b, ']');
	json_close(b, '}');
	buf_putc(b, '\n');
}

int
ctl_order(struct ctl *c)
{
	int64_t id = c->opt->order_id, owner, key_owner;
	struct event_state *events;
	struct order order;
	size_t n;
	int status = ctl_database(c);
	enum rc rc;

	if (status)
		return status;
	rc = store_find_owner(c->pg, c->ctx, id, 0, NULL, &owner, &key_owner);
	if (!rc && owner)
		rc = store_get_order(c->pg, c->ctx, owner, id, &order);
	if (!rc && owner)
		rc = store_order_events(c->pg, c->ctx, owner, id, &events, &n);
	if (rc && rc != RC_NO_ORDER)
		return ctl_database_failed(rc);
	if (rc || !owner) {
		ctl_say("there is no order %lld", (long long)id);
		return 1;
	}
	if (c->opt->json)
		put_json(c, &order, events, n);
	else
		put_text(c, &order, events, n);
	return EX_OK;
}
