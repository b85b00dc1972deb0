#include "store/order_rows.h"

#include <string.h>
#include <talloc.h>

bool
order_rows_are(const struct rows *r, const char *outcome)
{
	return strcmp(row_text(r, 0, ORDER_OUTCOME), outcome) == 0;
}

static void
read_item(const struct rows *r, int row, struct item *out)
{
	*out = (struct item){
		.id = row_i64(r, row, ORDER_ITEM),
		.product_id = row_i64(r, row, ORDER_PRODUCT),
		.product_name = row_text(r, row, ORDER_NAME),
		.price = row_money(r, row, ORDER_PRICE),
		.subtotal = row_money(r, row, ORDER_SUBTOTAL),
		.quantity = (int32_t)row_i64(r, row, ORDER_QUANTITY),
		.created_us = row_time_us(r, row, ORDER_ITEM_CREATED),
	};
}

/* Reads the order that begins at row and returns the row behind it; its items go to items. */
static int
read_order(const struct rows *r, int row, struct item *items, struct order *out)
{
	int64_t id = row_i64(r, row, ORDER_ORDER);

	*out = (struct order){
		.id = id,
		.user_id = row_i64(r, row, ORDER_USER),
		.email = row_text(r, row, ORDER_EMAIL),
		.status = row_status(r, row, ORDER_STATUS),
		.version = (int32_t)row_i64(r, row, ORDER_VERSION),
		.total = row_money(r, row, ORDER_TOTAL),
		.created_us = row_time_us(r, row, ORDER_CREATED),
		.updated_us = row_time_us(r, row, ORDER_UPDATED),
		.items = items,
	};
	for (; row < rows_count(r) && row_i64(r, row, ORDER_ORDER) == id; row++)
		if (!row_is_null(r, row, ORDER_ITEM))
			read_item(r, row, &items[out->n++]);
	return row;
}

enum rc
order_rows_all(void *ctx, const struct rows *r, struct order **out, size_t *n)
{
	size_t count = (size_t)rows_count(r), used = 0;
	struct order *orders = talloc_array_size(ctx, sizeof *orders, (unsigned)count);
	struct item *items = talloc_array_size(ctx, sizeof *items, (unsigned)count);

	if (count && (!orders || !items))
		return RC_NO_MEMORY;
	*n = 0;
	for (int row = 0; row < (int)count; used += orders[(*n)++].n)
		row = read_order(r, row, items + used, &orders[*n]);
	*out = orders;
	return RC_OK;
}

enum rc
order_rows_one(void *ctx, const struct rows *r, struct order *out)
{
	struct order *orders;
	size_t n;
	enum rc rc = order_rows_all(ctx, r, &orders, &n);

	if (rc)
		return rc;
	if (n != 1)
		return RC_INTERNAL;
	*out = orders[0];
	return RC_OK;
}
