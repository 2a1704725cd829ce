/* SPDX-License-Identifier: ISC */
/*
 * store/gather.c - when waiting for company pays.
 *
 * A flush costs the disk the same for one message as for fifty. While one
 * flush runs the next group gathers by itself, but on a fast disk (0.1 ms)
 * that is one message or two. So a group may wait for others, by these
 * rules:
 *
 * - Alone, never: a single client would hear his 250 later and nobody would
 *   win. "Alone" is judged by the crowd: the largest number of messages that
 *   were waiting or on their way at once, forgotten within a tenth of a
 *   second.
 * - With a crowd, until 2 in 5 of it have come. The others keep the
 *   processors busy meanwhile, so the wait costs no throughput.
 * - Not longer than 50 us for each one of the crowd: work on one message
 *   takes three times as long, so these clients wait for each other anyway,
 *   and the flush adds a third to that at most.
 * - Not at all when messages come so rarely that hardly another one would
 *   come in that time: a hundred clients on slow lines are no crowd.
 * - When nobody is on his way any more, only for twice the usual gap, for
 *   those who have just been answered and are back at once.
 */
#include "store/gather.h"

enum {
	ENOUGH = 64,      /* more than this gains nothing */
	PATIENCE = 50,    /* us per head of the crowd */
	FORGET = 100000,  /* us until a crowd is forgotten */
	GAP_WEIGHT = 8,   /* a new gap counts one in so many */
	GAP_MAX = 100000, /* us; longer ones say nothing more */
};

void gather_init(struct gather *g, usec max)
{
	*g = (struct gather){ .max = max, .gap = GAP_MAX };
}

void gather_expect(struct gather *g, unsigned expected)
{
	g->expected = expected;
}

static void count_crowd(struct gather *g, usec passed)
{
	unsigned here = g->waiting + g->expected;

	if (passed >= FORGET)
		g->crowd = 0;
	else
		g->crowd -= (unsigned)(g->crowd * passed / FORGET);
	if (here > g->crowd)
		g->crowd = here;
}

void gather_arrived(struct gather *g, usec now, unsigned n)
{
	usec passed = now - g->last;
	usec gap = MIN(passed / n, (usec)GAP_MAX);

	if (!g->waiting)
		g->first = now;
	g->waiting += n;
	/* n of them came, with this gap on average: n steps towards it. */
	if (n >= GAP_WEIGHT)
		g->gap = gap;
	else
		g->gap = (g->gap * (GAP_WEIGHT - n) + gap * n) / GAP_WEIGHT;
	count_crowd(g, passed);
	g->last = now;
}

usec gather_due(const struct gather *g, usec now)
{
	unsigned target = MIN((g->crowd * 2 + 4) / 5, (unsigned)ENOUGH);
	usec patience = MIN((usec)g->crowd * PATIENCE, g->max);
	usec due = g->first + patience;

	if (g->waiting >= target || g->gap * 2 > patience)
		return now;
	if (!g->expected)
		due = MIN(due, g->last + 2 * g->gap);
	return due;
}

void gather_left(struct gather *g)
{
	g->waiting = 0;
}
