/* SPDX-License-Identifier: ISC */
/*
 * The first line of the input is the key, the rest the table. What the C
 * library is known to take forever for is left out: counted repetitions,
 * groups that must come again, and many "+", each of which doubles what
 * stands before it.
 */
#include "map/rules_fuzz.h"
#include "map/rules_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PLUS = 8 };

static bool is_costly(const uint8_t *data, size_t size)
{
	size_t plus = 0;

	for (size_t i = 0; i < size; i++) {
		plus += data[i] == '+';
		if (data[i] == '{')
			return true;
		if (data[i] == '\\' && i + 1 < size &&
		    ascii_is_digit((char)data[i + 1]))
			return true;
	}
	return plus > MAX_PLUS;
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
