/* SPDX-License-Identifier: ISC */
/* What a Redis server answers to a lookup. */
#include "map/redis.c"

#include <assert.h>

#include "test/lib/map_unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_once(struct redis *t, struct stream *s)
{
	struct buf value = BUF_INIT(1 << 20);
	enum reply reply;
	span text = SPAN_NONE;

	s->deadline = clock_monotonic() + USEC_SEC;
	while (read_reply(t, s, &reply, &text) == 0) {
		buf_clear(&value);
		if (reply == REPLY_ERROR)
			warn_error(t, s, "GET", text);
		else if (judge(t, reply, text, SPAN("key"), &value) ==
		    MAP_FOUND)
			assert(span_find(buf_span(&value), '\0') < 0);
	}
	buf_done(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct map_unit u;
	struct redis *t;
	struct map *m;
	int peer;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("redis:x"), 0);
	t = CONTAINER_OF(m, struct redis, map);
	peer = map_unit_attach(
	    t->hosts[0].server, span_of(data, MIN(size, (size_t)16384)));
	close(peer);
	read_once(t, t->hosts[0].server);
	map_close(&m);
	map_unit_done(&u);
	return 0;
}
