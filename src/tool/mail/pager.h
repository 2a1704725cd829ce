/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/pager.h - text for the screen, through a pager when it is long.
 *
 *	pager_open(&p, m, PAGER_IF_LONG)
 *	pager_put(&p, text) ...
 *	pager_close(&p)
 *
 * What is put is held back until it is longer than the screen; then the pager
 * is started and gets all of it. One that is left early is no error: the rest
 * is dropped.
 */
#pragma once

#include "base/buf.h"
#include "tool/mail/mua.h"

#include <signal.h>

enum pager_when {
	PAGER_NEVER,
	PAGER_IF_LONG, /* as `crt` says */
	PAGER_ALWAYS,
};

struct pager {
	struct mua *m;
	bool may_start;
	bool is_over; /* it was left, or the user interrupts: drop the rest */
	bool failed;
	size_t limit; /* rows of the screen */
	size_t rows;
	struct buf held;
	int fd;    /* to the pager; -1: it does not run */
	int pidfd; /* of it */
	struct sigaction old_sigpipe;
};

/* There is no pager where the output is no terminal. */
void pager_open(struct pager *p, struct mua *m, enum pager_when when);
/* UTF-8, harmless; as ASCII if the terminal knows no more. */
void pager_put(struct pager *p, span text);
/* As it is. */
void pager_put_safe(struct pager *p, span text);
bool pager_is_over(const struct pager *p);
/* 0, or 1: it could not be written, which was said. */
int pager_close(struct pager *p);
