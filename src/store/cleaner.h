/* SPDX-License-Identifier: ISC */
/*
 * store/cleaner.h - live records out of mostly dead segments. A part of the
 * spool; see spool_internal.h.
 */
#pragma once

#include "store/segments.h"

enum cleaner_stage {
	CLEAN_IDLE,
	CLEAN_LOADING, /* the victim's footer */
	CLEAN_STEP,    /* something is left to do, when it is time */
	CLEAN_READING, /* some of its records */
	CLEAN_WRITING, /* their copies, or second dones */
	CLEAN_WAITING, /* for the dones that say why the rest is dead */
	CLEAN_FREEING, /* the victim */
};

/* A message that was finished while a record of it was being copied. */
struct ended {
	msgid id;
	uint64_t stamp; /* of the segment with the copy */
};

struct clean_read;

struct cleaner {
	enum cleaner_stage stage;
	struct segment *victim;
	struct loaded loaded;
	span rest;               /* entries not looked at yet */
	struct clean_read *read; /* records not copied yet */
	struct ended *ended;
	size_t nended;
	uint64_t wait_for; /* a group of the log */
	usec not_before;
	usec step_began;
	usec looked_at; /* for a victim, in vain */
};

void cleaner_init(struct spool *sp);
void cleaner_done(struct spool *sp);
void cleaner_run(struct spool *sp);
usec cleaner_deadline(const struct spool *sp);
