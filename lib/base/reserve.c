#include "base/reserve.h"

#include <openssl/crypto.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 64
#define BLOCK_SIZE 1024 /* no digest's or HMAC's state is as large */

static alignas(max_align_t) char blocks[BLOCKS][BLOCK_SIZE];
static atomic_flag taken[BLOCKS];

static bool
is_ours(const void *p)
{
	return (uintptr_t)p >= (uintptr_t)blocks && (uintptr_t)p < (uintptr_t)(blocks + BLOCKS);
}

static void *
take_block(size_t size)
{
	for (size_t i = 0; size <= BLOCK_SIZE && i < BLOCKS; i++)
		if (!atomic_flag_test_and_set(&taken[i]))
			return blocks[i];
	return NULL;
}

static void *
take(size_t size, const char *file, int line)
{
	void *p = malloc(size);

	(void)file;
	(void)line;
	if (!p)
		p = take_block(size);
	return p;
}

static void
give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (is_ours(p))
		atomic_flag_clear(&taken[(size_t)((char *)p - blocks[0]) / BLOCK_SIZE]);
	else
		free(p);
}

static void *
take_more(void *p, size_t size, const char *file, int line)
{
	void *longer;

	if (!is_ours(p))
		return realloc(p, size);
	if (size <= BLOCK_SIZE)
		return p;
	longer = malloc(size);
	if (!longer)
		return NULL;
	memcpy(longer, p, BLOCK_SIZE);
	give(p, file, line);
	return longer;
}

bool
reserve_for_openssl(void)
{
	return CRYPTO_set_mem_functions(take, take_more, give);
}
