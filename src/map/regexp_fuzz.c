/* SPDX-License-Identifier: ISC */
/*
 * The first line of the input is the key, the rest the table. What the C
 * library is known to take forever for is left out: counted repetitions and
 * groups that must come again.
 */
#include "map/rules_fuzz.h"
#include "map/rules_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_costly(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] == '{' ||
		    (data[i] == '\\' && i + 1 < size &&
		        ascii_is_digit((char)data[i + 1])))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_fuzz f;
	struct map *m;
	struct map *all;

	if (size > 512 || is_costly(data, size))
		return -1;
	rules_fuzz_init(&f, "regexp", data, size);
	m = rules_fuzz_open(&f, 0);
	all = rules_fuzz_open(&f, 0);
	rules_table_try_all(all);
	rules_fuzz_compare(m, all, f.key);
	map_close(&m);
	map_close(&all);
	rules_fuzz_done(&f);
	return 0;
}
