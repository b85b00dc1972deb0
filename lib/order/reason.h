/* Why somebody changed an order, in one word of a few. */
#ifndef ORDER_REASON_H
#define ORDER_REASON_H

#include <stddef.h>

#define NOTE_MAX 255 /* characters of the note that may go with it */

/* The reason of that name, as a constant; NULL: there is none. */
const char *reason_find(const char *name, size_t len);

#endif
