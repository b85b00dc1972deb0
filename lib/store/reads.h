/* Orders in PostgreSQL, as they are read: one C function for one database function, one round trip. */
#ifndef STORE_READS_H
#define STORE_READS_H

#include "order/order.h"
#include "store/pg.h"

/* Everything that these give lives on ctx. All of them: RC_DATABASE, RC_INTERNAL, RC_NO_MEMORY. */

/* RC_NO_ORDER. */
enum rc store_get_order(struct pg *pg, void *ctx, int64_t owner, int64_t order_id,
			struct order *out) MUST_CHECK;

/* A page: *n orders. RC_NO_ORDER: s->after is none, or, unless s->after_us says when it was created, none of the user's. */
enum rc store_list_orders(struct pg *pg, void *ctx, const struct selection *s, struct order **out,
			  size_t *n) MUST_CHECK;

/* What became of an order, oldest first: *n changes. RC_NO_ORDER. */
enum rc store_get_history(struct pg *pg, void *ctx, int64_t owner, int64_t order_id, struct past **out,
			  size_t *n) MUST_CHECK;

#endif
