#include "fault/refuse.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* glibc's own, which it exports under these names for who replaces them. */
void *__libc_malloc(size_t size);		  // NOLINT(bugprone-reserved-identifier)
void *__libc_calloc(size_t n, size_t size);	  // NOLINT(bugprone-reserved-identifier)
void *__libc_realloc(void *p, size_t size);	  // NOLINT(bugprone-reserved-identifier)
void *__libc_memalign(size_t align, size_t size); // NOLINT(bugprone-reserved-identifier)
void __libc_free(void *p);			  // NOLINT(bugprone-reserved-identifier)

/* Libraries may have threads. */
static atomic_long blocks, bytes;
static atomic_long to_go; /* allocations until one is refused; 0: none will be */
static atomic_ulong refused;
static atomic_bool more;
static atomic_llong until_ms;

static long long
monotonic_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
is_refused(void)
{
	long left = atomic_load(&to_go);

	if (left == 0)
		return false;
	if (left > 1) {
		atomic_store(&to_go, left - 1);
		return false;
	}
	if (!atomic_load(&more))
		atomic_store(&to_go, 0);
	else if (atomic_load(&refused) == 0)
		atomic_store(&until_ms, monotonic_ms() + REFUSE_MORE_MS);
	else if (monotonic_ms() > atomic_load(&until_ms))
		return false;
	atomic_fetch_add(&refused, 1);
	errno = ENOMEM;
	return true;
}

static void *
counted(void *p)
{
	if (p) {
		atomic_fetch_add(&blocks, 1);
		atomic_fetch_add(&bytes, (long)malloc_usable_size(p));
	}
	return p;
}

static void
uncount(void *p)
{
	if (p) {
		atomic_fetch_sub(&blocks, 1);
		atomic_fetch_sub(&bytes, (long)malloc_usable_size(p));
	}
}

void *
malloc(size_t size)
{
	return is_refused() ? NULL : counted(__libc_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : counted(__libc_calloc(n, size));
}

void *
realloc(void *p, size_t size)
{
	void *q;

	if (size && is_refused())
		return NULL;
	uncount(p);
	q = __libc_realloc(p, size);
	if (q || !size)
		return counted(q);
	return counted(p), NULL;
}

void
free(void *p)
{
	uncount(p);
	__libc_free(p);
}

void *
memalign(size_t align, size_t size)
{
	return is_refused() ? NULL : counted(__libc_memalign(align, size));
}

void *
aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int
posix_memalign(void **out, size_t align, size_t size)
{
	void *p = memalign(align, size);

	if (p)
		*out = p;
	return p ? 0 : ENOMEM;
}

void
refuse_from(size_t n, bool all)
{
	atomic_store(&refused, 0);
	atomic_store(&more, all);
	atomic_store(&to_go, (long)n);
}

size_t
refuse_end(void)
{
	atomic_store(&to_go, 0);
	return atomic_load(&refused);
}

struct in_use
refuse_in_use(void)
{
	return (struct in_use){ atomic_load(&blocks), atomic_load(&bytes) };
}
