/* SPDX-License-Identifier: ISC */
/*
 * map/fold.c - keys without case.
 */
#include "base/utf8.h"
#include "map/map.h"

void map_fold(unsigned flags, span key, struct buf *out)
{
	char *to;

	if ((flags & MAP_UTF8) && !utf8_is_ascii(key)) {
		utf8_fold(key, out);
		return;
	}
	to = buf_room(out, key.len);
	if (!to)
		return;
	for (size_t i = 0; i < key.len; i++)
		to[i] = ascii_lower(key.ptr[i]);
	out->len += key.len;
}
