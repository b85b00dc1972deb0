/* UTF-8 (RFC 3629): neither overlong forms nor surrogates nor anything above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

bool utf8_is_valid(const char *s, size_t len);

/* Characters in valid UTF-8. */
size_t utf8_length(const char *s, size_t len);

/* Appends s with U+FFFD for what is no character, once for each maximal subpart (Unicode 15, table 3-8), as
 * Python's errors="replace" does. */
void utf8_put_repaired(struct buf *b, const char *s, size_t len);

#endif
