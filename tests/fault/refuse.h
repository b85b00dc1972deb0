/*
 * Memory that is refused on purpose. The program that is linked with this has malloc(3) and its kin of its own, which count
 * for it and for every library it uses.
 */
#ifndef FAULT_REFUSE_H
#define FAULT_REFUSE_H

#include <stdbool.h>
#include <stddef.h>

/* Refuses the n-th allocation from now on, 1 being the next; with more, all behind it for MORE_MS too. Memory comes back then:
 * a change whose commit is in doubt is tried for seconds, and what is wanted of it is that it gets settled. */
#define REFUSE_MORE_MS 60
void refuse_from(size_t n, bool more);
/* Returns how many were refused. Nothing is, from here on. */
size_t refuse_end(void);

/* What is in use now. */
struct in_use {
	long blocks;
	long bytes;
};
struct in_use refuse_in_use(void);

#endif
