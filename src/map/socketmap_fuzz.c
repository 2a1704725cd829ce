/* SPDX-License-Identifier: ISC */
/* What a socketmap server answers, out of its netstring. */
#include "map/socketmap.c"

#include <assert.h>

#include "test/lib/map_unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf value = BUF_INIT(MAX_REPLY);
	struct map_unit u;
	struct map *m;
	span reply = span_of(data, MIN(size, (size_t)MAX_REPLY));

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("socketmap:unix:/x:t"), 0);
	if (judge(CONTAINER_OF(m, struct socketmap, map), reply, &value) ==
	    MAP_FOUND)
		assert(span_find(buf_span(&value), '\0') < 0);
	map_close(&m);
	map_unit_done(&u);
	buf_done(&value);
	return 0;
}
