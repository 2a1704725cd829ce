/* SPDX-License-Identifier: ISC */
/*
 * tool/voice.h - what a command of Postfix says when something is wrong.
 *
 * "NAME: warning: text" on standard error, and the same line in the mail log
 * if there is a configuration and its log can be opened. Bytes that do no
 * good on a terminal become '?'.
 */
#pragma once

#include "conf/conf.h"
#include "os/log.h"

struct voice {
	const char *name;
	struct conf *conf; /* borrowed; NULL: not read yet, no log */
	bool tried;        /* to open the log */
	bool has_log;
};

PRINTF_LIKE(2, 3) void voice_warn(struct voice *v, const char *format, ...);
PRINTF_LIKE(2, 3) void voice_error(struct voice *v, const char *format, ...);
PRINTF_LIKE(2, 3) void voice_fatal(struct voice *v, const char *format, ...);
/* Before the configuration goes. */
void voice_done(struct voice *v);
