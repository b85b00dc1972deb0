/*
 * Words in memory that processes share, written and read without a lock. The first one is the sum of the others, so that
 * a reader knows a copy that is torn, half-written by somebody who died, or has never been written.
 */
#ifndef BASE_CELL_H
#define BASE_CELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t cell_word;

/* Never 0. */
uint64_t cell_sum(const uint64_t *words, size_t n);

/* cell has n + 1 words. Of several writers at a time one may win, or none: then the cell is torn. */
void cell_write(cell_word *cell, const uint64_t *words, size_t n);
/* False: the cell is torn; words are anything then. */
bool cell_read(const cell_word *cell, uint64_t *words, size_t n);

/* Text into words and back: cut to what fits, with a NUL. */
void cell_put_text(uint64_t *words, size_t n, const char *text);

#endif
