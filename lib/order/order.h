/* Orders: what a customer asks for, what the Product Service knows, and what comes of both. */
#ifndef ORDER_ORDER_H
#define ORDER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "order/money.h"
#include "order/status.h"

#define ORDER_ITEMS_MAX 100
#define PRODUCT_NAME_MAX 255 /* characters */

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
	const char *reason; /* NULL: none was given; so for the note */
	const char *note;
	struct money total; /* version 1 only; so are the items */
	size_t n;
	const struct item *items;
};

/* What became of an order once. */
struct past {
	int32_t version;
	enum status old_status; /* version 1, the creation, has none */
	enum status new_status;
	int64_t changed_us;
	int64_t changed_by;
	const char *reason; /* NULL: none was given; so for the note */
	const char *note;
};

#define TIME_NONE INT64_MIN /* no such bound */

/* Which orders are listed: a page of those that all of this is true of, newest first. */
struct selection {
	int64_t user_id; /* their owner; 0: everybody's */
	bool by_status;
	enum status status;
	int64_t from_us; /* created then or later, and before to_us; TIME_NONE */
	int64_t to_us;
	int64_t after;	  /* older than this order; 0: any */
	int64_t after_us; /* when that one was created, where it may be somebody else's; TIME_NONE: not known */
	int64_t skip;
	int32_t limit;
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
