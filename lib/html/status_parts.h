/* The parts of the page /status: each a function of the view alone. */
#ifndef HTML_STATUS_PARTS_H
#define HTML_STATUS_PARTS_H

#include "base/buf.h"
#include "base/view.h"

/* What wants somebody's attention, one <li> each; returns how many. */
int status_put_concerns(struct buf *b, const struct view *v);

/* The figures of now, and their last hour. */
void status_put_tiles(struct buf *b, const struct view *v);
void status_put_plots(struct buf *b, const struct view *v);

void status_put_workers(struct buf *b, const struct view *v);
void status_put_neighbours(struct buf *b, const struct view *v);
void status_put_totals(struct buf *b, const struct view *v);
void status_put_faults(struct buf *b, const struct view *v);

/* Workers that do anything but wait for a request. */
size_t status_busy(const struct view *v);

#endif
