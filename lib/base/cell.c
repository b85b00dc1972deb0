#include "base/cell.h"

#include <string.h>

uint64_t
cell_sum(const uint64_t *words, size_t n)
{
	uint64_t sum = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < n; i++) {
		sum = (sum ^ words[i]) * 0xff51afd7ed558ccdu;
		sum ^= sum >> 32;
	}
	return sum ? sum : 1;
}

void
cell_write(cell_word *cell, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		atomic_store_explicit(&cell[i + 1], words[i], memory_order_relaxed);
	atomic_store_explicit(&cell[0], cell_sum(words, n), memory_order_relaxed);
}

bool
cell_read(const cell_word *cell, uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		words[i] = atomic_load_explicit(&cell[i + 1], memory_order_relaxed);
	return atomic_load_explicit(&cell[0], memory_order_relaxed) == cell_sum(words, n);
}

void
cell_put_text(uint64_t *words, size_t n, const char *text)
{
	size_t len = strnlen(text, n * sizeof *words - 1);

	memset(words, 0, n * sizeof *words);
	memcpy(words, text, len);
}
