/* The {order_id} of a path, and among whose rows the caller finds it. */
#ifndef API_ONE_ORDER_H
#define API_ONE_ORDER_H

#include "api/app.h"
#include "json/fault.h"

/* Adds a fault unless the id is all digits; *out is 0 where no order can have it. Readies why->text for
 * RC_NO_ORDER. RC_NO_MEMORY. */
enum rc path_order_id(struct request *r, struct faults *f, int64_t *out) MUST_CHECK;

/* Among whose rows the caller is to look for the order: their own, staff among its owner's. key, where one was
 * given, must not be remembered among anybody else's. RC_NO_ORDER, RC_KEY_REUSED, what the store answers. */
enum rc find_owner(struct request *r, int64_t order_id, const char *key, int64_t *owner) MUST_CHECK;

#endif
