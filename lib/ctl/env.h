/* Files of settings: those that spawn.sh reads (ORDERS_ENV), and those that a shell would, as the demo's run/env. */
#ifndef CTL_ENV_H
#define CTL_ENV_H

#include <stddef.h>

#include "rc.h"

/* False ends the reading: no memory. */
typedef _Bool env_put_fn(void *arg, const char *name, const char *value);

/*
 * Hands each NAME=value to put, in the order of the lines. A line is NAME=value, the value perhaps in quotes, without escapes, and
 * blanks around it nothing, just as settings() in spawn.sh has it; or export NAME='value', in which '\'' stands for a single quote.
 * Empty lines and those that begin with # or ; are nothing. text is changed. RC_SYNTAX: *line is the number of one that is neither,
 * and nothing behind it was read; RC_NO_MEMORY.
 */
enum rc env_parse(char *text, env_put_fn *put, void *arg, int *line) MUST_CHECK;

/* A whole file, NUL-terminated, on ctx; NULL with errno set: not to be read, over max bytes (EFBIG), or with a NUL inside (EINVAL). */
char *file_read(void *ctx, const char *path, size_t max, size_t *len);

#endif
