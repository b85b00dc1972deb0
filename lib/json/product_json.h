/* What the Product Service answers. */
#ifndef JSON_PRODUCT_JSON_H
#define JSON_PRODUCT_JSON_H

#include "order/order.h"

/* RC_PRODUCT_INVALID: not a product as the contract wants it, or another one than id. The name is on ctx. */
enum rc product_decode(void *ctx, const char *body, size_t len, int64_t id, struct product *out) MUST_CHECK;

#endif
