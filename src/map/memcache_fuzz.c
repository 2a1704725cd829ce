/* SPDX-License-Identifier: ISC */
/* What a memcache server answers to "get k", and to "set". */
#include "map/memcache.c"

#include <assert.h>

#include "test/lib/map_unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_once(struct memcache *t, reader_fn *read, span says)
{
	struct buf value = BUF_INIT(65536);
	enum map_answer answer = MAP_RETRY;
	int peer = map_unit_attach(t->server, says);

	close(peer);
	t->server->deadline = clock_monotonic() + USEC_SEC;
	buf_clear(&t->trouble);
	if (!read(t, &value, &answer))
		assert(t->trouble.len > 0);
	else if (answer == MAP_FOUND)
		assert(span_find(buf_span(&value), '\0') < 0 &&
		    value.len <= (size_t)t->max_data);
	stream_close(t->server);
	buf_done(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct map_unit u;
	struct memcache *t;
	struct map *m;
	span says = span_of(data, MIN(size, (size_t)16384));

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("memcache:x"), 0);
	t = CONTAINER_OF(m, struct memcache, map);
	buf_put(&t->key, SPAN("k"));
	read_once(t, read_got, says);
	read_once(t, read_stored, says);
	map_close(&m);
	map_unit_done(&u);
	return 0;
}
