/* SPDX-License-Identifier: ISC */
#include "base/wire_array.h"

void *wire_array(struct wire *w, struct arena *a, uint32_t *ret_count,
    size_t least, size_t size)
{
	uint32_t n = wire_u32(w);

	*ret_count = n;
	if (w->failed || n > w->rest.len / least)
		return NULL;
	return arena_alloc(a, n, size);
}
