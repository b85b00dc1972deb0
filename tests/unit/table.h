/* What the unit tests have in common: cases are tables, each row with its reason. */
#ifndef UNIT_TABLE_H
#define UNIT_TABLE_H

#include <criterion/criterion.h>
#include <string.h>
#include <talloc.h>

#include "rc.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* A string literal and its length, NULs inside included. */
#define LITERAL(s) s, sizeof s - 1

/* Each of these says the row's reason, and evaluates its arguments once. */
static inline void
expect_text(const char *got, const char *want, const char *why)
{
	cr_expect(strcmp(got, want) == 0, "%s:\n     got %s\nexpected %s", why, got, want);
}

static inline void
expect_int_(long long got, long long want, const char *why)
{
	cr_expect(got == want, "%s: got %lld, expected %lld", why, got, want);
}

#define expect_int(got, want, why) expect_int_((long long)(got), (long long)(want), why)

/* From here on context and what hangs on it get no more than bytes in all: what follows has no memory. talloc
 * deprecates the call for its cost, which is no matter here. */
static inline void
limit_memory(void *context, size_t bytes)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	cr_assert_eq(talloc_set_memlimit(context, bytes), 0);
#pragma GCC diagnostic pop
}

/* A repeatable sequence (xorshift64*): a failure can be looked at again. */
static inline uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

#endif
