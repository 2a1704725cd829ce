/* SPDX-License-Identifier: ISC */
/*
 * store/mailbox.h - a mailbox file: locks, appending, and never half a
 * message.
 *
 *	mailbox_claim(&m, &spec)                dotlock, open or create
 *	mailbox_lock(&m, &spec)                 kernel locks, repair
 *	for each message that waits:
 *		mailbox_begin(&m)
 *		mailbox_put(&m, bytes) ...
 *		mailbox_commit(&m)              or mailbox_rollback(&m)
 *	mailbox_sync(&m)                        now they are delivered
 *	mailbox_close(&m)
 *	mailbox_release(&m, &spec)
 *
 * Nothing here waits for somebody else's lock: MAILBOX_LOCKED says to let go
 * of everything and to begin anew later.
 *
 * Rights are the caller's: a mail directory in which only root may write is
 * claimed, and released, as root, but locked and written as the recipient,
 * for whom quotas count.
 *
 * What goes wrong is told as Postfix's local(8) tells it: a status code and
 * a sentence without its subject, in struct mailbox_trouble.
 */
#pragma once

#include "base/buf.h"
#include "store/dotlock.h"

#include <sys/stat.h>

/* mailbox_delivery_lock */
enum mailbox_locks {
	MAILBOX_DOTLOCK = 1,
	MAILBOX_FCNTL = 2,
	MAILBOX_FLOCK = 4,
};

/* The names between blanks or commas; false if one is unknown or none is
 * given. */
MUST_USE bool mailbox_locks_parse(span text, unsigned *ret_locks);

struct mailbox_ops {
	ssize_t (*write)(int fd, const void *bytes, size_t n);
	int (*fsync)(int fd);
	int (*ftruncate)(int fd, off_t size);
};

enum mailbox_rules {
	MAILBOX_ANY_OWNER = 1, /* strict_mailbox_ownership = no */
	/* Give a new file to owner and group: the creator is root. */
	MAILBOX_GIVE_AWAY = 2,
	/*
	 * Any kind of file that can be written to, which nobody promised to
	 * be a mailbox: without a dotlock where none can be made (that is
	 * said in `warning`); but not one that can be executed.
	 */
	MAILBOX_ANY_FILE = 4,
};

struct mailbox_spec {
	int dir;          /* the directory of the mailbox, ... */
	const char *path; /* ... its path, only to be told in texts, */
	const char *name; /* and the file's name in it: no slash */
	unsigned rules;   /* enum mailbox_rules */
	/* The status where an errno has none of its own: "5.2.0" where users
	 * name their files, "4.2.0" where only the administrator does. */
	span other;
	uid_t owner; /* whose it must be */
	gid_t group;
	uid_t maker;                   /* as whom it is claimed */
	unsigned locks;                /* enum mailbox_locks */
	usec stale;                    /* stale_lock_time */
	uint64_t size_max;             /* mailbox_size_limit, 0: none */
	const struct mailbox_ops *ops; /* NULL: the system's */
};

enum { MAILBOX_REASON_MAX = 4096 };

/* The texts must have been made with buf_init(.., MAILBOX_REASON_MAX). */
struct mailbox_trouble {
	span status; /* "4.2.0"; static */
	struct buf reason;
	struct buf warning; /* for the log; it may come with success too */
	bool foreign;       /* it belongs to somebody else than the owner */
	bool special;       /* it is no regular file */
	int error;          /* what the system said: a negative errno, or 0 */
};

struct mailbox {
	int fd;
	struct dotlock lock;
	struct dotlock_left left;
	/* After mailbox_lock(): */
	const struct mailbox_ops *ops;
	uint64_t size_max;
	uint64_t synced; /* what stands before is on stable storage */
	uint64_t whole;  /* what stands before is whole messages */
	uint64_t end;
	bool is_plain; /* a regular file: it can be cut and synced */
	int error;     /* the first failure of the message being written */
	/* An undo failed: everything since the last sync will be cut off by
	 * whoever claims the lock next. A negative errno. */
	int damaged;
};

enum mailbox_result {
	MAILBOX_OK,
	MAILBOX_LOCKED,  /* by somebody else; the trouble says so too */
	MAILBOX_REFUSED, /* see the trouble */
};

void mailbox_init(struct mailbox *m);

/* One attempt at the dotlock, then open or create the file. */
MUST_USE int mailbox_claim(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t);
/* One attempt at the kernel locks; cuts off what a dead writer left. */
MUST_USE int mailbox_lock(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t);

void mailbox_begin(struct mailbox *m);
/* Failures are kept until the commit. */
void mailbox_put(struct mailbox *m, span bytes);
/* MAILBOX_OK: it is whole, but not yet safe. Else the message was undone. */
MUST_USE int mailbox_commit(struct mailbox *m, struct mailbox_trouble *t);
/* The message cannot be finished: undo it. */
void mailbox_rollback(struct mailbox *m);
/* Undo everything since the last sync. */
void mailbox_undo(struct mailbox *m);
/* MAILBOX_OK, or everything since the last sync was undone. */
MUST_USE int mailbox_sync(struct mailbox *m, struct mailbox_trouble *t);
/*
 * mailbox_sync() in steps, for many mailboxes at a time: begin to write all of
 * them out; then flush them, in any thread; then tell each its result.
 */
void mailbox_start(const struct mailbox *m);
MUST_USE int mailbox_flush(const struct mailbox *m);
MUST_USE int mailbox_flushed(
    struct mailbox *m, int result, struct mailbox_trouble *t);

/* Close the file, which gives up its locks. */
void mailbox_close(struct mailbox *m);
/* Remove the dotlock; if the mailbox is damaged it stays, for whoever comes
 * next to repair it. */
void mailbox_release(struct mailbox *m, const struct mailbox_spec *spec);

/* Without a reason, to begin with; the warning stays. */
void mailbox_trouble_set(struct mailbox_trouble *t, span status, int error);
/* The status for an errno of a mailbox; `other` for what has no rule. */
span mailbox_status(int error, span other);
