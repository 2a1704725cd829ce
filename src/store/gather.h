/* SPDX-License-Identifier: ISC */
/*
 * store/gather.h - when to start a group commit.
 *
 * Arithmetic only: times come from outside, nothing is done here.
 */
#pragma once

#include "base/time.h"

struct gather {
	usec max;          /* longest wait that may be asked for */
	unsigned waiting;  /* messages in the group */
	unsigned expected; /* said to be on their way */
	unsigned crowd;    /* how many there were at once lately */
	usec first;        /* when the oldest one waiting came */
	usec last;         /* when the newest came, of all groups */
	usec gap;          /* smoothed time between two of them */
};

void gather_init(struct gather *g, usec max);
void gather_expect(struct gather *g, unsigned expected);
/* So many more messages are in the group since the last call. */
void gather_arrived(struct gather *g, usec now, unsigned n);
/* When the group should leave (now or earlier: at once); there is somebody
 * waiting. */
usec gather_due(const struct gather *g, usec now);
/* The group has left. */
void gather_left(struct gather *g);
