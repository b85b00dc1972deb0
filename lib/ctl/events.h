/* Events for people and for programs. */
#ifndef CTL_EVENTS_H
#define CTL_EVENTS_H

#include "ctl/ctl.h"
#include "store/operator.h"

/* Appends a table of them to c->out; with their orders or, where all are one order's, without. */
void events_put_table(struct ctl *c, const struct event_state *events, size_t n, bool of_one_order);

/* Appends all that is known of one, a line for each thing. */
void event_put_lines(struct ctl *c, const struct event_state *e);

/* Appends it as a JSON object: an element, or the document itself. */
void event_add_json(struct buf *b, const struct event_state *e);

#endif
