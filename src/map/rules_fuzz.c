/* SPDX-License-Identifier: ISC */
/*
 * A name with the table in it, in braces; the type is in the first byte.
 */
#include "map/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx UNUSED, span text UNUSED)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct map_host host = { .warn = ignore };
	struct buf value = BUF_INIT(1 << 20);
	struct buf spec = BUF_INIT(1 << 20);
	struct map *m;

	if (size < 1 || size > 512)
		return -1;
	buf_put(&spec, data[0] & 1 ? SPAN("cidr:{") : SPAN("pcre:{"));
	buf_put(&spec, span_from(span_of(data, size), 1));
	m = map_open(&host, buf_span(&spec), 0);
	(void)map_find(m, SPAN("192.0.2.1"), &value);
	map_close(&m);
	buf_done(&spec);
	buf_done(&value);
	return 0;
}
