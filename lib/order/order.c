#include "order/order.h"

#include <assert.h>
#include <stdbool.h>

size_t
draft_products(const struct draft *d, int64_t ids[static ORDER_ITEMS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		size_t seen = 0;

		while (seen < n && ids[seen] != d->wishes[i].product_id)
			seen++;
		if (seen == n)
			ids[n++] = d->wishes[i].product_id;
	}
	return n;
}

enum rc
draft_check_stock(const struct draft *d, const struct product *p, struct why *why)
{
	int64_t requested = 0; /* at most 100 × 2^31 */

	for (size_t i = 0; i < d->n; i++)
		if (d->wishes[i].product_id == p->id)
			requested += d->wishes[i].quantity;
	if (requested <= p->stock)
		return RC_OK;
	why->product_id = p->id;
	why->available = p->stock;
	why->requested = requested;
	return RC_STOCK;
}

static const struct product *
find(const struct product *products, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (products[i].id == id)
			return &products[i];
	return NULL;
}

enum rc
order_place(const struct draft *d, const struct product *products, size_t n_products, struct item *items,
	    struct order *o)
{
	struct money total = { 0 };

	for (size_t i = 0; i < d->n; i++) {
		const struct product *p = find(products, n_products, d->wishes[i].product_id);
		struct item *item = &items[i];

		assert(p);
		*item = (struct item){
			.product_id = p->id,
			.product_name = p->name,
			.price = p->price,
			.quantity = d->wishes[i].quantity,
		};
		if (money_times(p->price, item->quantity, &item->subtotal) ||
		    money_add(total, item->subtotal, &total))
			return RC_TOTAL_TOO_LARGE;
	}
	o->status = STATUS_PENDING;
	o->version = 1;
	o->total = total;
	o->n = d->n;
	o->items = items;
	return RC_OK;
}
