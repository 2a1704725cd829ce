/* SPDX-License-Identifier: ISC */
/* What a tcp server answers, and a key that is quoted and read back. */
#include "map/tcp.c"

#include <assert.h>

#include "test/lib/map_unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf value = BUF_INIT(MAX_REQUEST);
	struct buf quoted = BUF_INIT(MAX_REQUEST);
	struct map_unit u;
	struct map *m;
	span line = span_of(data, MIN(size, (size_t)MAX_LINE));

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("tcp:127.0.0.1:1"), 0);
	if (judge(CONTAINER_OF(m, struct tcp, map), line, &value) == MAP_FOUND)
		assert(span_find(buf_span(&value), '\0') < 0);
	buf_clear(&value);
	put_quoted(&quoted, line);
	if (put_unquoted(&value, buf_span(&quoted)))
		assert(span_eq(buf_span(&value), line));
	else
		assert(span_find(line, '\0') >= 0);
	map_close(&m);
	map_unit_done(&u);
	buf_done(&quoted);
	buf_done(&value);
	return 0;
}
