/* SPDX-License-Identifier: ISC */
/*
 * store/maildir.h - a Maildir: a file per message, which nobody sees before
 * it is whole.
 *
 *	maildir_open(&d, &spec)
 *	for each message that waits, at most MAILDIR_BATCH:
 *		maildir_begin(&d, &t)
 *		maildir_put(&d, bytes) ...
 *		maildir_commit(&d, &t)          or maildir_rollback(&d)
 *	maildir_advance(all, n, flusher)        twice
 *	for each of them: maildir_result(&d, i, &t)   now it is delivered
 *	maildir_close(&d)
 *
 * The caller is the owner of the Maildir already, or says how to become he.
 * Directories that are missing are made. Descriptions of failures are those of Postfix's
 * maildir.c; store/mailbox.h says what is in a mailbox_trouble.
 */
#pragma once

#include "store/flush.h"
#include "store/mailbox.h"

/* So many files are open at a time. */
enum { MAILDIR_BATCH = 64 };

struct maildir_ops {
	int (*open)(int dir, const char *name, int flags, mode_t mode);
	int (*mkdir)(int dir, const char *name, mode_t mode);
	ssize_t (*write)(int fd, const void *bytes, size_t n);
	/* Begin to write out what flush() will wait for. */
	int (*start)(int fd);
	void (*flush)(struct flusher *with, struct flush *files, size_t n);
	/* Never over a file that is there. */
	int (*rename)(int from, const char *name, int to, const char *as);
	int (*unlink)(int dir, const char *name);
};

struct maildir_spec {
	const char *path; /* absolute, ends in '/'; must outlive the maildir */
	/* The status where an errno has none of its own: "5.2.0" where users
	 * name their Maildirs, "4.2.0" where only the administrator does. */
	span other;
	uint64_t size_max;             /* of one message, 0: none */
	const struct maildir_ops *ops; /* NULL: the system's */
	/*
	 * How to become its owner, before anything is done by name: 0 or a
	 * negative errno. NULL: we are he, and `owner`, `group` say nothing.
	 */
	int (*become)(uid_t owner, gid_t group);
	uid_t owner;
	gid_t group;
};

enum maildir_stage {
	MAILDIR_GONE,    /* it failed, and was removed */
	MAILDIR_WRITTEN, /* in tmp/ */
	MAILDIR_SEEN,    /* in new/, but its name is not yet safe */
	MAILDIR_DONE,
};

struct maildir_file {
	int fd;
	enum maildir_stage stage;
	uint32_t serial; /* of this process: its name in tmp/ */
	usec when;       /* wall clock */
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int error;
	bool wrote; /* the error is one of writing, not of a name */
};

struct maildir {
	struct maildir_spec spec;
	const struct maildir_ops *ops;
	pid_t pid;
	int root; /* -1: not open, as are the others */
	int tmp;
	int seen;           /* new/ */
	struct buf host;    /* as in file names */
	struct buf scratch; /* for them */
	struct buf to;
	size_t count;                             /* committed */
	struct maildir_file files[MAILDIR_BATCH]; /* and the one in work */
};

enum maildir_result { MAILDIR_OK, MAILDIR_REFUSED };

/*
 * The name of this host as it stands in names of files: the characters that
 * their form needs are written as in octal.
 */
void maildir_put_host(struct buf *out);
/*
 * renameat() to a name that must not be there; some file systems cannot refuse
 * it, a link is made there. 0, or -1 and errno.
 */
MUST_USE int maildir_rename(int from, const char *name, int to, const char *as);

/* Once per process. */
void maildir_init(struct maildir *d);
void maildir_done(struct maildir *d);

/* Nothing happens before maildir_begin(). */
void maildir_open(struct maildir *d, const struct maildir_spec *spec);
/* MAILDIR_OK: there is an empty file in tmp/. */
MUST_USE int maildir_begin(struct maildir *d, struct mailbox_trouble *t);
/* Failures are kept until the commit. */
void maildir_put(struct maildir *d, span bytes);
/* What was put so far. */
uint64_t maildir_size(const struct maildir *d);
/* MAILDIR_OK: it is number `count` - 1 of the batch. Else it was removed. */
MUST_USE int maildir_commit(struct maildir *d, struct mailbox_trouble *t);
/* The message cannot be finished: remove it. */
void maildir_rollback(struct maildir *d);

/*
 * Deliver what was committed, in all of them at once: what is in tmp/ is
 * flushed and moved to new/; what was in new/ already is flushed there. So
 * after two of them it is safe, and one flush serves those that are half way
 * and those that begin. Nothing may be added to a Maildir in between. Each
 * message has a result of its own.
 */
void maildir_advance(
    struct maildir *const *all, size_t n, struct flusher *flusher);
/* MAILDIR_OK: it is in new/ and survives a power failure. Else it was
 * removed. `t` says "create maildir file ..." or "error writing message". */
MUST_USE int maildir_result(
    struct maildir *d, size_t i, struct mailbox_trouble *t);
/* Or: remove what was committed. */
void maildir_undo(struct maildir *d);
/* The batch is over; another one may begin, in another Maildir. */
void maildir_close(struct maildir *d);
