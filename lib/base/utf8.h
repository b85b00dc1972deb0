/* UTF-8 (RFC 3629): neither overlong forms nor surrogates nor anything above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const char *s, size_t len);

/* Characters in valid UTF-8. */
size_t utf8_length(const char *s, size_t len);

#endif
