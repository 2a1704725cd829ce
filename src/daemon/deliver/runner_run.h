/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/runner_run.h - a command and its mail: start it, write the
 * mail to its input, read what it says, wait for its end, or kill it.
 */
#pragma once

#include "base/time.h"
#include "daemon/deliver/runner_exec.h"
#include "daemon/deliver/runner_status.h"
#include "mail/mbox.h"

struct command_mail {
	const struct mbox_head *head;
	unsigned flags; /* enum mbox_flags */
	span eol;       /* empty: LF */
	span content;   /* in wire form */
};

struct command_run {
	const struct command *command;
	const struct command_mail *mail;
	/*
	 * Between two signs of life, as in Postfix: while it takes its input
	 * it may take this long for each piece, and then for the rest.
	 */
	usec time_limit;
	/* To be made by the caller; `output` as large as COMMAND_OUTPUT_MAX,
	 * `warning` empty unless there is something for our log. */
	struct arena *arena;
	struct buf *output;
	struct buf *warning;
};

/* 0: `end` tells how it went; its spans are in `run`. A negative errno:
 * nothing was started. */
MUST_USE int command_run(
    const struct command_run *run, struct command_end *end);
