/* SPDX-License-Identifier: ISC */
/*
 * map/several.h - tables made of other tables: unionmap and pipemap.
 */
#pragma once

#include "map/map.h"

struct several {
	struct map map;
	struct map **all;
	size_t count;
	struct buf key; /* for pipemap */
	struct buf value;
};

/* "{type:name, ...}" behind the type's own name; NULL: the reason is set. */
struct map *several_open(const struct map_setup *s);
void several_close(struct map *m);
/* Whether the file of any of them has changed. */
bool several_changed(struct map *m);
