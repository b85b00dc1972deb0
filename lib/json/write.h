/* Writing objects and arrays member by member: commas come by themselves. A failed append shows in buf.failed. */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* name is NULL for an element of an array, and for the document itself. */
void json_open_object(struct buf *b, const char *name);
void json_open_array(struct buf *b, const char *name);
void json_close(struct buf *b, char bracket); /* '}' or ']' */

void json_add_text(struct buf *b, const char *name,
		   const char *s); /* NULL: null; what is no UTF-8 is repaired */
void json_add_i64(struct buf *b, const char *name, int64_t v);
void json_add_bool(struct buf *b, const char *name, bool v);
void json_add_null(struct buf *b, const char *name);
void json_add_number(struct buf *b, const char *name, double v);   /* three places; NaN: null */
void json_add_time(struct buf *b, const char *name, int64_t t_us); /* µs since 1970 as RFC 3339; 0: null */
/* The comma and the name before a value that somebody else writes. */
void json_add_name(struct buf *b, const char *name);

#endif
