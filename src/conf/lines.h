/* SPDX-License-Identifier: ISC */
/*
 * conf/lines.h - logical lines of main.cf, master.cf and tables.
 *
 * A line that begins with white space continues the one before it. Lines
 * that are empty, or whose first other character is '#', are skipped, even
 * between a line and its continuation.
 */
#pragma once

#include "base/buf.h"

struct conf_lines {
	span rest;
	uint32_t line; /* physical lines consumed */
};

static inline struct conf_lines conf_lines_of(span text)
{
	return (struct conf_lines){ .rest = text };
}

/*
 * The next logical line, its parts joined without the line ends, put into
 * `out` (emptied first); `ret_line` is where it begins. False at the end.
 * A continuation that continues nothing comes out with its leading white
 * space: the caller complains.
 */
bool conf_lines_next(
    struct conf_lines *lines, struct buf *out, uint32_t *ret_line);
