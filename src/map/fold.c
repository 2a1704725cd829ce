/* SPDX-License-Identifier: ISC */
/*
 * map/fold.c - keys without case.
 */
#include "map/map.h"

void map_fold(unsigned flags UNUSED, span key, struct buf *out)
{
	char *to = buf_room(out, key.len);

	if (!to)
		return;
	for (size_t i = 0; i < key.len; i++)
		to[i] = ascii_lower(key.ptr[i]);
	out->len += key.len;
}
