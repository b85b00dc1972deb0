/* A talloc context that each test has to itself: TestSuite(name, .init = open_ctx, .fini = close_ctx); */
#ifndef UNIT_CONTEXT_H
#define UNIT_CONTEXT_H

#include <talloc.h>

static void *ctx;

static inline void
open_ctx(void)
{
	ctx = talloc_new(NULL);
}

static inline void
close_ctx(void)
{
	talloc_free(ctx);
}

#endif
