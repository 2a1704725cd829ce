/* SPDX-License-Identifier: ISC */
/*
 * base/wire_array.h - arrays in messages: a u32 count, and as many items.
 */
#pragma once

#include "base/arena.h"
#include "base/wire.h"

/*
 * Read the count, and make room for as many items of `size` bytes. `least` is
 * what an item takes in the message, at least: so nobody gets more memory than
 * a multiple of what he sent. NULL: not so many can follow.
 */
MUST_USE void *wire_array(struct wire *w, struct arena *a, uint32_t *ret_count,
    size_t least, size_t size);
