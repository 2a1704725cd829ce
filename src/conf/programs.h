/* SPDX-License-Identifier: ISC */
/*
 * conf/programs.h - what becomes of the programs that master.cf names.
 *
 * A line of master.cf is a process of its own in Postfix. Here a few
 * processes do the work of all of them, so a line may mean a socket to
 * listen on, the settings of a transport, or nothing at all.
 */
#pragma once

#include "base/span.h"

enum program_fate {
	PROGRAM_LISTENS,   /* one of our processes listens for it */
	PROGRAM_TRANSPORT, /* mail can be routed to it */
	PROGRAM_INSIDE,    /* its work is done without a service */
	PROGRAM_MISSING,   /* `note` says what to do */
};

struct program {
	const char *name;
	enum program_fate fate;
	const char *note; /* PROGRAM_MISSING only */
	bool takes_words; /* behind its options: flags=..., argv=... */
};

/* For any name: those that nobody knows are missing, too. */
const struct program *program_find(span name);
