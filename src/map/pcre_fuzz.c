/* SPDX-License-Identifier: ISC */
/*
 * The first line of the input is the key, the rest the table.
 */
#include "map/rules_fuzz.h"
#include "map/rules_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_fuzz f;
	struct map *m;
	struct map *all;

	if (size > 512)
		return -1;
	rules_fuzz_init(&f, "pcre", data, size);
	m = rules_fuzz_open(&f, 0);
	all = rules_fuzz_open(&f, 0);
	rules_table_try_all(all);
	rules_fuzz_compare(m, all, f.key);
	map_close(&m);
	map_close(&all);
	rules_fuzz_done(&f);
	return 0;
}
