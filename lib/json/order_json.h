/* Orders as clients see them and events as subscribers do; a failed append shows in buf.failed. */
#ifndef JSON_ORDER_JSON_H
#define JSON_ORDER_JSON_H

#include "base/buf.h"
#include "order/order.h"

void order_encode(struct buf *b, const struct order *o);
void orders_encode(struct buf *b, const struct order *orders, size_t n);

/* An order's history as clients see it. */
void history_encode(struct buf *b, const struct past *past, size_t n);

/* "order.created" or "order.status.updated". */
const char *event_type(const struct event *e);
void event_encode(struct buf *b, const struct event *e);

#endif
