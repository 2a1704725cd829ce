/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb_build.h - write a whole LMDB file.
 *
 * All pairs are known and sorted, so pages are filled to the brim and written
 * one after the other. The library, and all who use it, can change such a
 * file in place.
 */
#pragma once

#include "map/pairs.h"

enum {
	/* The library's limit. */
	LMDB_KEY_MAX = 511,
};

/*
 * Into the empty file `fd`; `map_size` is what others map at least: 0 or a
 * negative errno.
 */
MUST_USE int lmdb_build(const struct pairs *pairs, uint64_t map_size, int fd);
