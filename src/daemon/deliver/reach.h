/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/reach.h - the directories that a worker has to reach.
 */
#pragma once

#include "daemon/deliver/work.h"

struct reach {
	uint32_t n;
	span paths[WORK_MAX_PATHS];
	struct arena arena;
};

void reach_init(struct reach *r);
void reach_done(struct reach *r);

/*
 * What the item needs: the home directory for what is in it, `base` (or
 * empty) for what is below it, and the directory of any other file. True if
 * there is something that was not among the paths. When there would be too
 * many, all others are forgotten.
 */
bool reach_add(struct reach *r, const struct work_item *item, span base);
/* The same for one directory by its name. */
bool reach_add_path(struct reach *r, span path);
/* `dir` itself is below it, too; nothing is below an empty one. */
bool reach_is_below(span path, span dir);
