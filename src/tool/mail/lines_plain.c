/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/lines_plain.c - without libedit: see lines.h.
 */
#include "tool/mail/lines.h"

struct lines *lines_new(struct mua *m)
{
	(void)m;
	return NULL;
}

void lines_free(struct lines **pl)
{
	*pl = NULL;
}

void lines_hold(struct lines *l, bool on)
{
	(void)l;
	(void)on;
}

int lines_get(struct lines *l, enum term_kind kind, const char *prompt,
    const char *preset, struct buf *out)
{
	(void)l;
	(void)kind;
	(void)prompt;
	(void)preset;
	(void)out;
	bug("no line editor was made");
}

void lines_history(const struct lines *l, FILE *out)
{
	(void)l;
	(void)out;
}
