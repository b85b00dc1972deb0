/* The bodies that clients send: POST /api/v1/orders and PATCH …/status. */
#ifndef JSON_REQUEST_JSON_H
#define JSON_REQUEST_JSON_H

#include "order/order.h"
#include "json/fault.h"

/* As a fault says them. */
#define STATUS_NAMES "'pending', 'confirmed', 'shipped', 'delivered' or 'cancelled'"
#define REASON_NAMES "'customer', 'declined', 'fraud', 'inventory', 'staff' or 'other'"

struct status_change {
	enum status status;
	const char *reason; /* as reason_find() has it; NULL: none */
	const char *note;   /* on the faults' context; NULL: none */
};

/* Each adds every fault of the body to f and writes *out when there is none. RC_BODY_UNREADABLE;
 * RC_NO_MEMORY. */
enum rc draft_decode(struct faults *f, const char *body, size_t len, struct draft *out) MUST_CHECK;
enum rc status_change_decode(struct faults *f, const char *body, size_t len,
			     struct status_change *out) MUST_CHECK;

#endif
