/* SPDX-License-Identifier: ISC */
/*
 * store/segment_io.h - segments as files.
 *
 * Blocking functions for the spool's threads and for recovery; they know
 * nothing of the spool. All return 0 or a negative errno.
 */
#pragma once

#include "store/file_ops.h"
#include "store/segment.h"

enum { SEGMENT_NAME_MAX = 24 };

/* "0000001F.seg" into the caller's array. */
const char *segment_name(uint32_t slot, char name[SEGMENT_NAME_MAX]);
/* False: not the name of a segment. */
MUST_USE bool segment_slot(const char *name, uint32_t *ret_slot);
/* A segment that a crash left half prepared. */
bool segment_is_unfinished(const char *name);

/* The spool's directory on its file system. */
struct store {
	const struct file_ops *ops;
	int dir;
};

/* Make a free segment: filled, durable under its name. */
MUST_USE int segment_prepare(
    const struct store *st, uint32_t slot, const struct segment_header *h);
/* Write a header into block 0 or 1 of an open segment. Not flushed. */
MUST_USE int segment_write_header(const struct store *st, int fd,
    unsigned block, const struct segment_header *h);
/* Write and flush a header of a segment by name. */
MUST_USE int segment_set_header(const struct store *st, uint32_t slot,
    unsigned block, const struct segment_header *h);
/* Write and flush the footer. Only saves time later: may be ignored. */
int segment_seal(const struct store *st, uint32_t slot, uint32_t size,
    span entries, uint64_t stamp);

/* What a segment says about itself. */
struct loaded {
	struct segment_header header;
	unsigned block;  /* which block the header is from */
	bool is_guessed; /* the header: from the segment's first record */
	bool is_sealed;
	bool is_lost;     /* no header, and no way to guess it */
	const char *what; /* a part that was unreadable but not needed */
	struct scan scan; /* entries, sealed or not */
};

enum load_flags {
	LOAD_FLUSH = 1, /* before believing an unsealed one (I11) */
};
MUST_USE int segment_load(
    const struct store *st, uint32_t slot, unsigned flags, struct loaded *ret);
void loaded_done(struct loaded *l);
