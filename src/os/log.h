/* SPDX-License-Identifier: ISC */
/*
 * os/log.h - the lines this process logs.
 *
 * A line names the program that Postfix would have logged it as, which need
 * not be the process that does:
 *
 *	log_line("smtpd", "connect from %s", ...)
 *	    Nov  5 09:01:02 host postfix/smtpd[4711]: connect from ...
 *	log_warn("smtpd", "hostname %s does not resolve", ...)
 *	    Nov  5 09:01:02 host postfix/smtpd[4711]: warning: hostname ...
 *
 * Lines gather in a bounded buffer. With a loop they leave at the end of the
 * round (LOOP_LOG); a blocking worker calls log_flush() before its answers
 * leave. Nobody else may call from a second thread.
 *
 * Bytes of strangers may stand in a line: control characters and what is not
 * UTF-8 become '?', and the text ends after LOG_TEXT_MAX bytes.
 *
 * Before log_open() lines go to stderr at once, without time and host.
 */
#pragma once

#include "base/span.h"

struct loop;

enum { LOG_TEXT_MAX = 2000, LOG_FACILITY_MAIL = 2 };

enum log_kind {
	LOG_KIND_FILE,   /* anything to write() to; a file is O_APPEND */
	LOG_KIND_SYSLOG, /* a datagram socket connected to /dev/log */
};

enum log_level {
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_FATAL,
	LOG_LEVEL_PANIC,
};

struct log_setup {
	enum log_kind kind;
	int fd;           /* taken */
	span host;        /* for LOG_KIND_FILE */
	span syslog_name; /* what stands before the program: "postfix" */
	unsigned facility;
};

/* The spans are copied. Reads the time zone, so before the sandbox. */
void log_open(const struct log_setup *setup);
/* Flush, close, forget. */
void log_done(void);
/* A new descriptor (taken) of the same kind: the file was rotated. */
void log_replace(int fd);
/* Another setup; also behind the sandbox. The zone stays as it was read. */
void log_change(const struct log_setup *setup);
/* From now on lines leave at the end of each round; NULL: no more. */
void log_attach(struct loop *l);
/*
 * Called, at most once per second, when lines cannot be written: ask for a
 * new descriptor. They are kept meanwhile, as far as the buffer goes.
 */
void log_on_failure(void (*fn)(void *ctx, int error), void *ctx);

PRINTF_LIKE(2, 3) void log_line(const char *program, const char *format, ...);
/* The same with "warning: ", "error: ", "fatal: " in front. */
PRINTF_LIKE(2, 3) void log_warn(const char *program, const char *format, ...);
PRINTF_LIKE(2, 3) void log_error(const char *program, const char *format, ...);
PRINTF_LIKE(2, 3) void log_fatal(const char *program, const char *format, ...);

/* For a service with a syslog_name of its own; empty: the usual one. */
PRINTF_LIKE(4, 5)
void log_as(span syslog_name, const char *program, enum log_level level,
    const char *format, ...);
/* A text that is ready, of any length. */
void log_text(
    span syslog_name, const char *program, enum log_level level, span text);

void log_flush(void);
