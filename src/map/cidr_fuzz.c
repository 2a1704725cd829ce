/* SPDX-License-Identifier: ISC */
/*
 * The first line of the input is the key, the rest the table.
 */
#include "map/rules_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf value = BUF_INIT(1 << 20);
	struct rules_fuzz f;
	struct map *m;

	if (size > 4096)
		return -1;
	rules_fuzz_init(&f, "cidr", data, size);
	m = rules_fuzz_open(&f, 0);
	if (map_find(m, f.key, &value) == MAP_RETRY)
		bug("a table of networks that cannot say");
	if (map_find(m, SPAN("192.0.2.1"), &value) == MAP_RETRY)
		bug("a table of networks that cannot say");
	map_close(&m);
	rules_fuzz_done(&f);
	buf_done(&value);
	return 0;
}
