/* Rows of orders.order_line, one for each item of an order, as orders. */
#ifndef STORE_ORDER_ROWS_H
#define STORE_ORDER_ROWS_H

#include "order/order.h"
#include "store/rows.h"

/* The columns. */
enum {
	ORDER_OUTCOME,
	ORDER_USER,
	ORDER_ORDER,
	ORDER_EMAIL,
	ORDER_STATUS,
	ORDER_VERSION,
	ORDER_TOTAL,
	ORDER_CREATED,
	ORDER_UPDATED,
	ORDER_LINE,
	ORDER_ITEM,
	ORDER_PRODUCT,
	ORDER_NAME,
	ORDER_PRICE,
	ORDER_QUANTITY,
	ORDER_SUBTOTAL,
	ORDER_ITEM_CREATED,
	ORDER_OLD_STATUS,
	ORDER_EVENT,
	ORDER_EVENT_WAITS,
};

/* Is the outcome of the first row this? There is one. */
bool order_rows_are(const struct rows *r, const char *outcome);

/* Every order of r, on ctx; texts live as long as r. RC_NO_MEMORY. */
enum rc order_rows_all(void *ctx, const struct rows *r, struct order **out, size_t *n) MUST_CHECK;
/* RC_INTERNAL: r holds none, or more than one. */
enum rc order_rows_one(void *ctx, const struct rows *r, struct order *out) MUST_CHECK;

#endif
