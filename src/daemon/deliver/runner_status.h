/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/runner_status.h - what the end of a command says about the
 * mail that it was given.
 *
 * In this order: it was killed, it wrote a status code of its own on its
 * output ("5.7.1 go away"), its exit status is one of sysexits.h, or it is
 * none of these. The texts are Postfix's.
 */
#pragma once

#include "base/buf.h"
#include "mail/verdict.h"

enum { COMMAND_OUTPUT_MAX = 4096, COMMAND_TEXT_MAX = 64 * 1024 };

struct command_end {
	span command;    /* as it is to be called in texts */
	int status;      /* as waitpid() tells it */
	bool timed_out;  /* killed by us */
	int write_error; /* negative errno: it did not get all of the mail, and
	                  * not because it did not want it */
	span output;     /* the beginning of it, printable */
};

/*
 * What a command wrote, made fit for one line of a log: up to the first NUL,
 * a blank for tabs and line ends, '_' for what else cannot be printed. Bytes
 * are changed in place; the result is the part that counts.
 */
span command_output_clean(char *bytes, size_t n);

/*
 * True: it took the mail, and `ret` is not touched. Else `ret` says why not;
 * its spans are in `text` (made with COMMAND_TEXT_MAX) or constant.
 */
MUST_USE bool command_succeeded(
    const struct command_end *end, struct buf *text, struct verdict *ret);

/* "delivered via SERVICE service", and what the command said about it. */
void command_put_success(struct buf *out, span service, span output);
