/* Orders: what a customer asks for, what the Product Service knows, and what comes of both. */
#ifndef ORDER_ORDER_H
#define ORDER_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "order/money.h"
#include "order/status.h"

#define ORDER_ITEMS_MAX 100
#define PRODUCT_NAME_MAX 255 /* characters */
#define PRODUCT_NAME_BYTES (PRODUCT_NAME_MAX * 4)

/* A line of a draft: a wish, not yet priced. */
struct wish {
	int64_t product_id; /* positive */
	int32_t quantity;   /* positive */
};

struct draft {
	size_t n; /* 1 … ORDER_ITEMS_MAX */
	struct wish wishes[ORDER_ITEMS_MAX];
};

struct product {
	int64_t id;
	struct money price;
	int64_t stock;
	const char *name;
};

struct item {
	int64_t id;
	int64_t product_id;
	const char *product_name;
	struct money price;
	struct money subtotal;
	int32_t quantity;
	int64_t created_us;
};

struct order {
	int64_t id;
	int64_t user_id;
	const char *email; /* the address that it was placed with */
	enum status status;
	int32_t version; /* changes so far, the creation included */
	struct money total;
	int64_t created_us;
	int64_t updated_us;
	size_t n;
	struct item *items; /* in the order that the request gave */
};

/* Something that happened to an order and that subscribers hear of. */
struct event {
	const char *id; /* UUID */
	int64_t user_id;
	int64_t order_id;
	int32_t version;
	int64_t at_us;
	const char *request_id; /* of the request that brought it about; so is traceparent */
	const char *traceparent;
	const char *email;
	enum status status;	/* which the order has since */
	enum status old_status; /* version 1 has none, and no one who changed it */
	int64_t changed_by;
	struct money total; /* version 1 only; so are the items */
	size_t n;
	const struct item *items;
};

/* Lists the distinct products of d in the order of their first line; returns how many. */
size_t draft_products(const struct draft *d, int64_t ids[static ORDER_ITEMS_MAX]);

/* Is there enough of p for the sum of its lines? RC_STOCK with why. */
enum rc draft_check_stock(const struct draft *d, const struct product *p, struct why *why) MUST_CHECK;

/* Prices d with products (each distinct one once, in any order) into o: items, subtotals, total. Items
 * are written to items[d->n] and borrow the products' names. RC_TOTAL_TOO_LARGE. */
enum rc order_place(const struct draft *d, const struct product *products, size_t n_products,
		    struct item *items, struct order *o) MUST_CHECK;

#endif
