/* SPDX-License-Identifier: ISC */
/*
 * base/arena.h - memory that dies together.
 *
 * "Who frees this?" becomes "which arena is it in?". An arena has a limit;
 * reaching it returns NULL, which ends the transaction or session that owns
 * the arena, never the process. Memory comes zeroed.
 */
#pragma once

#include "base/span.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used; /* bytes handed out */
	size_t max;
};

#define arena_new(a, T) ((T *)arena_alloc((a), 1, sizeof(T)))

void arena_init(struct arena *a, size_t max);
/* Frees everything; the arena can be used again. */
void arena_done(struct arena *a);

MUST_USE void *arena_alloc(struct arena *a, size_t n, size_t size);
/*
 * Copy s into the arena. On overflow the result has ptr == NULL even when s
 * is not empty; an empty s gives a non-NULL ptr and len 0.
 */
MUST_USE span arena_dup(struct arena *a, span s);
/* The same with a terminating NUL; NULL on overflow. */
MUST_USE char *arena_cstr(struct arena *a, span s);
