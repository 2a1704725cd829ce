/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/spawn_line.h - the words of a line of master.cf that runs
 * spawn(8): user=NAME[:GROUP] argv=COMMAND WORD ...
 */
#pragma once

#include "base/arena.h"
#include "conf/conf.h"

struct spawn_line {
	span user; /* borrowed from the line; never empty */
	span group;
	span *argv; /* in the arena; at least one */
	uint32_t nargv;
};

/* False: `error` says why, or it is empty and the arena is full. */
MUST_USE bool spawn_line_parse(const struct conf_service *line, struct arena *a,
    struct spawn_line *ret, struct buf *error);
