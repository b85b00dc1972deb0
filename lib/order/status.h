/* The life of an order: pending → confirmed → shipped → delivered, or cancelled before delivery. */
#ifndef ORDER_STATUS_H
#define ORDER_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "rc.h"

enum status {
	STATUS_PENDING,
	STATUS_CONFIRMED,
	STATUS_SHIPPED,
	STATUS_DELIVERED,
	STATUS_CANCELLED,
	STATUS_COUNT
};

#define STATUS_BIT(s) (1u << (s))

const char *status_name(enum status s);
bool status_parse(const char *name, size_t len, enum status *out) MUST_CHECK;

/* The statuses from which one step leads to `to`, as STATUS_BIT()s. */
unsigned status_predecessors(enum status to);

/* RC_OK: the step is one; RC_STATUS_FINAL: `from` is an end; RC_STATUS_STEP: any other. Fills why. */
enum rc status_judge(enum status from, enum status to, struct why *why) MUST_CHECK;

#endif
