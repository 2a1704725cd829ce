/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/sink.h - where the records of a new message go.
 *
 * Into maildrop/, when we may write there (root, and whoever runs a mail
 * system of his own): a process less. Else to postdrop, which may. Or they
 * are held here, until it is known where to.
 */
#pragma once

#include <sys/types.h>

#include "mail/records.h"
#include "tool/postdrop_file.h"
#include "tool/sendmail/sendmail.h"

enum { SINK_ID_MAX = 128 };

struct sink {
	struct sendmail *s;
	struct voice postdrop; /* says what postdrop would say */
	bool direct;
	bool held;                 /* see sink_hold() */
	bool started;              /* there is a file, or a postdrop */
	bool refused;              /* a record that postdrop refuses */
	struct postdrop_file file; /* its `out` is used in both cases */
	int fd;                    /* to and from postdrop; or what is held */
	int pidfd;
	int error;       /* writing to it failed: a negative errno */
	uint32_t status; /* after sink_finish(): POSTDROP_* */
	struct buf reason;
	char id[SINK_ID_MAX]; /* after sink_finish(): its name */
};

/* 0, or a negative errno: nobody takes the message. */
MUST_USE int sink_open(struct sink *k, struct sendmail *s);
/*
 * Keep the records in a file without a name. They end with sink_held(), which
 * maps them into memory until file_unmap(), not with sink_finish(). Both give
 * 0 or a negative errno.
 */
MUST_USE int sink_hold(struct sink *k, struct sendmail *s);
MUST_USE int sink_held(struct sink *k, span *ret);
/* A file without a name, for large things. */
MUST_USE int sink_scratch(void);
/* A message that is not finished is forgotten. Idempotent. */
void sink_close(struct sink *k);

/* The record may not have a line break or NUL. */
void sink_put(struct sink *k, char type, span data);
void sink_put_attr(struct sink *k, const char *name, span value);
/* These may have anything. */
void sink_put_content(struct sink *k, char type, span data);
/* Whole records, of which each is as it shall be. */
void sink_put_raw(struct sink *k, span records);
/* 0, or a negative errno: what was written is lost. */
MUST_USE int sink_error(const struct sink *k);
/* The message is complete: the outcome is in `status` and `reason`. */
void sink_finish(struct sink *k);
