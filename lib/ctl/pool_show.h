/* A pool's view for people and for programs. */
#ifndef CTL_POOL_SHOW_H
#define CTL_POOL_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

struct pool_show {
	bool colored;
	size_t width;  /* of the lines; 0: any */
	size_t faults; /* at most */
	bool plots;    /* the output knows UTF-8's blocks */
	double rate;   /* requests/s since the last look; negative: take the last sample's */
	double errors;
};

/* Appends lines. False: no memory. */
bool pool_show_text(struct buf *out, void *ctx, const struct view *v, const struct pool_show *how);

/* Appends one JSON object. */
void pool_show_json(struct buf *out, const struct view *v);

/* The pool at path; NULL when there is none (said in *why, on ctx). Unmapped by the caller. */
const struct pool *pool_find(void *ctx, const char *path, const char **why);

#endif
