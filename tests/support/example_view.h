/* Pools as they might be seen, for what shows them: the same each time. */
#ifndef SUPPORT_EXAMPLE_VIEW_H
#define SUPPORT_EXAMPLE_VIEW_H

#include "base/view.h"

#define EXAMPLE_VIEW_AT_US INT64_C(1771941909414410) /* 2026-02-24T14:05:09.414410Z */

enum example_view {
	EXAMPLE_VIEW_CALM,  /* eight workers under load, an hour with a pause in it, nothing to look at */
	EXAMPLE_VIEW_NIGHT, /* SNS is down, the Product Service slow, a worker missing, events are parked */
	EXAMPLE_VIEW_EMPTY, /* a pool that has just begun */
	EXAMPLE_VIEWS
};

/* On ctx. */
struct view *example_view(void *ctx, enum example_view kind);

#endif
