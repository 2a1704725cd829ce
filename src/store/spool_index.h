/* SPDX-License-Identifier: ISC */
/*
 * store/spool_index.h - where each live message and its state lie.
 *
 * 40 bytes per message in blocks that never move, and a table of 32-bit
 * handles: 44 bytes per message at most, however many there are.
 */
#pragma once

#include "mail/msgid.h"

/* A record. length 0: there is none. */
struct place {
	uint32_t slot;
	uint32_t at;
	uint32_t length;
};

enum known_flags {
	KNOWN_BIG = 1, /* the content is in a blob */
	/* Only during recovery: */
	KNOWN_DEAD = 2, /* finished */
	KNOWN_SEEN = 4, /* its blob is there */
};

struct known {
	msgid id;
	struct place message;
	struct place state;
	uint32_t next;    /* private */
	uint16_t flags;   /* enum known_flags */
	uint16_t pending; /* states placed and not yet durable */
};

struct spool_index {
	struct known **blocks;
	size_t nblocks;
	uint32_t *table;
	size_t mask;    /* size of the table - 1 */
	uint32_t spare; /* chain of unused ones */
	size_t count;
};

void index_init(struct spool_index *ix);
void index_done(struct spool_index *ix);
/* NULL: not there. A pointer stays good until the message is removed. */
struct known *index_find(const struct spool_index *ix, msgid id);
/* The one that is there, or a new one with everything zero. */
struct known *index_get(struct spool_index *ix, msgid id);
void index_remove(struct spool_index *ix, struct known *k);
/* Number of a message for as long as it is there; small and dense. */
size_t index_number(const struct spool_index *ix, const struct known *k);
/* All numbers are below this. */
size_t index_numbers(const struct spool_index *ix);
/* The one with that number, or NULL. */
struct known *index_at(const struct spool_index *ix, size_t number);
/* Memory in use. */
size_t index_bytes(const struct spool_index *ix);
