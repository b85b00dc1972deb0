#include "json/order_json.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "json/write.h"

/* Pages of orders are long and asked for all the time: their names are text as it is to stand there. key is what comes before the value:
 * comma, name, colon. */
static void
put_i64(struct buf *b, const char *key, int64_t v)
{
	buf_puts(b, key);
	buf_put_i64(b, v);
}

static void
put_string(struct buf *b, const char *key, const char *s)
{
	buf_puts(b, key);
	json_put_string(b, s, strlen(s));
}

/* quote: the two characters around it, or none where an amount is a JSON number. */
static void
put_money(struct buf *b, const char *key, struct money m, const char *quote)
{
	char text[MONEY_SIZE];
	size_t len = money_format(m, text);

	buf_puts(b, key);
	buf_puts(b, quote);
	buf_put(b, text, len);
	buf_puts(b, quote);
}

static void
put_time(struct buf *b, const char *key, int64_t t_us)
{
	char text[RFC3339_SIZE];

	if (clock_rfc3339(t_us, text)) {
		b->failed = true;
		return;
	}
	buf_puts(b, key);
	buf_putc(b, '"');
	buf_put(b, text, RFC3339_SIZE - 1);
	buf_putc(b, '"');
}

static void
item_encode(struct buf *b, const struct order *o, const struct item *i)
{
	put_i64(b, "{\"id\":", i->id);
	put_i64(b, ",\"order_id\":", o->id);
	put_i64(b, ",\"product_id\":", i->product_id);
	put_string(b, ",\"product_name\":", i->product_name);
	put_money(b, ",\"product_price\":", i->price, "\"");
	put_i64(b, ",\"quantity\":", i->quantity);
	put_money(b, ",\"subtotal\":", i->subtotal, "\"");
	put_time(b, ",\"created_at\":", i->created_us);
	buf_putc(b, '}');
}

void
order_encode(struct buf *b, const struct order *o)
{
	put_i64(b, "{\"id\":", o->id);
	put_i64(b, ",\"user_id\":", o->user_id);
	put_string(b, ",\"status\":", status_name(o->status));
	put_money(b, ",\"total_amount\":", o->total, "\"");
	put_time(b, ",\"created_at\":", o->created_us);
	put_time(b, ",\"updated_at\":", o->updated_us);
	buf_puts(b, ",\"items\":[");
	for (size_t i = 0; i < o->n; i++) {
		if (i)
			buf_putc(b, ',');
		item_encode(b, o, &o->items[i]);
	}
	buf_puts(b, "]}");
}

void
orders_encode(struct buf *b, const struct order *orders, size_t n)
{
	buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		order_encode(b, &orders[i]);
	}
	buf_putc(b, ']');
}

void
history_encode(struct buf *b, const struct past *past, size_t n)
{
	json_open_array(b, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct past *p = &past[i];

		json_open_object(b, NULL);
		json_add_i64(b, "version", p->version);
		json_add_text(b, "old_status", p->version == 1 ? NULL : status_name(p->old_status));
		json_add_text(b, "new_status", status_name(p->new_status));
		json_add_name(b, "changed_at");
		put_time(b, "", p->changed_us);
		json_add_name(b, "changed_by");
		put_i64(b, "\"", p->changed_by);
		buf_putc(b, '"');
		json_add_text(b, "reason", p->reason);
		json_add_text(b, "note", p->note);
		json_close(b, '}');
	}
	json_close(b, ']');
}

const char *
event_type(const struct event *e)
{
	return e->version == 1 ? "order.created" : "order.status.updated";
}

static void
put_created(struct buf *b, const struct event *e)
{
	put_money(b, ",\"total_amount\":", e->total, "");
	buf_puts(b, ",\"items\":[");
	for (size_t i = 0; i < e->n; i++) {
		put_i64(b, i ? ",{\"product_id\":" : "{\"product_id\":", e->items[i].product_id);
		put_string(b, ",\"product_name\":", e->items[i].product_name);
		put_i64(b, ",\"quantity\":", e->items[i].quantity);
		put_money(b, ",\"price\":", e->items[i].price, "");
		buf_putc(b, '}');
	}
	put_string(b, "],\"status\":", status_name(e->status));
}

static void
put_status_updated(struct buf *b, const struct event *e)
{
	put_string(b, ",\"old_status\":", status_name(e->old_status));
	put_string(b, ",\"new_status\":", status_name(e->status));
	put_i64(b, ",\"updated_by\":\"", e->changed_by);
	buf_putc(b, '"');
	if (e->reason)
		put_string(b, ",\"reason\":", e->reason);
	if (e->note)
		put_string(b, ",\"note\":", e->note);
}

void
event_encode(struct buf *b, const struct event *e)
{
	put_string(b, "{\"event_id\":", e->id);
	put_string(b, ",\"event_type\":", event_type(e));
	put_time(b, ",\"timestamp\":", e->at_us);
	put_i64(b, ",\"data\":{\"order_id\":", e->order_id);
	put_i64(b, ",\"user_id\":", e->user_id);
	put_string(b, ",\"user_email\":", e->email);
	if (e->version == 1)
		put_created(b, e);
	else
		put_status_updated(b, e);
	put_i64(b, ",\"version\":", e->version);
	buf_puts(b, "}}");
}
