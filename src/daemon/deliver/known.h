/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/known.h - the Maildirs that are written by a filer.
 *
 * A filer reaches nothing but the Maildirs it is told at its start. It is not
 * told of one before its user's own worker has delivered there: then it is
 * known. When there is more mail for one that the present filer does not have,
 * another filer takes its place, but not too often: to open them all takes
 * time.
 *
 *	new       his worker delivered; the present filer does not have it
 *	granted   the filer has it, or will have it before it gets mail for it
 *	shy       the filer could not, and never could: it is left to the
 *	          worker for a while
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "daemon/deliver/work.h"

struct known {
	struct hmap all;
	struct list by_use; /* the longest unused first */
	size_t n;
	usec next_start;
};

void known_init(struct known *k);
/* Forgets all. */
void known_done(struct known *k);

enum known_place {
	KNOWN_NOT,     /* its worker shall do it */
	KNOWN_SOON,    /* a new filer could do it: its time has come */
	KNOWN_GRANTED, /* the filer may have the item */
};

enum known_place known_find(
    struct known *k, const struct work_item *item, usec now);
/* A worker delivered it. */
void known_learn(struct known *k, const struct work_item *item, usec now);
/* The filer delivered it: that it cannot the next time is an accident. */
void known_praise(struct known *k, const struct work_item *item);
/* The filer could not. */
void known_avoid(struct known *k, const struct work_item *item, usec now);

/* A filer starts: it is granted all that are not shy. The paths live until
 * something is learned. */
void known_grant(struct known *k, struct work_setup *setup,
    struct work_maildir room[WORK_MAX_MAILDIRS], usec now);
