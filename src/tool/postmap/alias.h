/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/alias.h - lines of aliases(5): "name: value, value, ...".
 */
#pragma once

#include "base/arena.h"
#include "map/source.h"

struct alias_lines {
	struct arena tokens; /* of one line */
	struct buf key;
	struct buf value;
	/* Bytes of the last entry as they stand in the source: of the name
	 * without comments, and of what is behind the colon and its blanks. */
	size_t name_size;
	size_t text_size;
};

void alias_lines_init(struct alias_lines *a);
void alias_lines_done(struct alias_lines *a);
/*
 * The next entry of the source, until the next call: the key as addresses
 * are inside (without quotes), the value as it will be parsed again. What is
 * wrong is warned about and skipped.
 */
bool alias_next(
    struct alias_lines *a, struct source *s, span *ret_key, span *ret_value);
