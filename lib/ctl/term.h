/* The terminal: how large it is, what it can, and a screen of one's own that is given back whatever happens. */
#ifndef CTL_TERM_H
#define CTL_TERM_H

#include <stdbool.h>
#include <stddef.h>

/* Of the terminal that fd is: true with both at least 1. */
bool term_size(int fd, size_t *columns, size_t *lines);

/* It has colours, unless NO_COLOR (https://no-color.org) or TERM says otherwise. */
bool term_wants_color(int fd);

/* The cursor can be placed: it is a terminal, and no dumb one. */
bool term_is_clever(int fd);

/* The user's locale has UTF-8, as far as LC_ALL, LC_CTYPE and LANG say. */
bool term_knows_utf8(void);

/* Keys come one by one and unseen, the alternate screen is shown, the cursor is not. False: it cannot be. */
bool term_open(int in, int out);
/* Everything as it was; nothing when it is already. */
void term_close(void);

#endif
