/* SPDX-License-Identifier: ISC */
/*
 * map/module_types.c - types.c as a module sees it: tables within its tables
 * are of the program's types.
 */
#include "map/types.h"

map_type_find_fn *map_module_finder;

const struct map_type *map_type_find(
    const struct map_host *host, span name, struct buf *reason)
{
	return map_module_finder(host, name, reason);
}
