/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/work.h - what the delivery parent and its workers say to
 * each other.
 *
 *	parent -> worker   SETUP, ITEM...
 *	worker -> parent   DONE, REACH...
 *
 * There are four kinds of workers, all of them this program again:
 *
 *	scribe   writes the mailboxes below mail_spool_directory, those of all
 *	         users. It keeps the capabilities to act on files as anybody,
 *	         and Landlock leaves it that one directory. Whether a user has
 *	         a ~/.forward it may see, but not open it.
 *	filer    puts messages into the Maildirs of many users that it was told
 *	         at its start. It acts as each of them, and all that Landlock
 *	         leaves it are those Maildirs' tmp/ and new/, to add to.
 *	worker   is one user, and reaches the directories it was told at its
 *	         start: his home, or those of virtual mailboxes.
 *	runner   is one user, and runs commands and opens files that he named.
 *
 * A worker that is a user may be hostile: the parent believes him only about
 * his own mail.
 */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "mail/verdict.h"

/* The worker's descriptor. */
enum { WORK_LINE_FD = 3 };

enum {
	WORK_SETUP = 0x600, /* struct work_setup; scribe: one descriptor, of
			     * the directory paths[0] */
	WORK_ITEM,          /* struct work_item, one descriptor if blob */
	WORK_DONE,          /* struct work_done */
	WORK_REACH,         /* struct work_reach: instead of DONE */
};

enum {
	WORK_MAX_PATHS = 64,
	WORK_MAX_MAILDIRS = 2048,
	WORK_MAX_KEEP = 256,
	WORK_MAX_FORWARD = 16,
	WORK_MAX_ENV = 128,
	WORK_MAX_ARGV = 65536,
	/* Of a file that is read for the parent. */
	WORK_MAX_BYTES = 4 * 1024 * 1024,
};

enum work_kind {
	WORK_SCRIBE,
	WORK_FILER,
	WORK_WORKER,
	WORK_RUNNER,
	WORK_KINDS,
};

struct work_maildir {
	span path; /* as in items */
	uint32_t uid;
	uint32_t gid;
};

struct work_setup {
	uint8_t kind; /* enum work_kind */
	/* scribe: mail_spool_directory; worker: what it may reach, as
	 * absolute paths (those that do not exist yet: their parents). The
	 * pool takes them from the items. */
	uint32_t npaths;
	span *paths;
	/* filer */
	uint32_t nmaildirs;
	struct work_maildir *maildirs;
	/* mailbox files */
	uint32_t attempts; /* deliver_lock_attempts */
	usec delay;        /* deliver_lock_delay */
	usec stale;        /* stale_lock_time */
	bool any_owner;    /* strict_mailbox_ownership = no */
	/* runner */
	span shell;     /* local_command_shell */
	uint32_t nkeep; /* export_environment: NAME or NAME=value */
	span *keep;
};

enum work_do {
	WORK_SPOOL,   /* append to `path`, a name in mail_spool_directory */
	WORK_MBOX,    /* append to the mailbox file `path` */
	WORK_FILE,    /* the same, named by an alias: any kind of file */
	WORK_MAILDIR, /* `path` ends in '/' */
	WORK_COMMAND,
	/* The included list `path`: `bytes`. Or, without a path, the forward
	 * file: `bytes`, or WORK_FOUND_NOTHING. */
	WORK_READ,
	/* By the scribe: is there one of `forward`? No delivery. */
	WORK_LOOK,
	WORK_DOS,
};

enum work_flags {
	WORK_VIRTUAL = 1,    /* texts of virtual(8) */
	WORK_QUOTA = 2,      /* Maildir++: keep maildirsize */
	WORK_NEEDS_HOME = 4, /* `home` must be there */
	WORK_PIPE = 8,       /* texts of pipe(8) */
	WORK_OWN = 16,       /* the user's mailbox, not a file he named */
	WORK_ASKS = 32,      /* only: would a message of `size` fit in? */
};

struct work_env {
	span name;
	span value;
};

/* One message for one destination. Addresses are in internal form. */
struct work_item {
	uint64_t number;
	uint8_t kind;   /* enum work_do */
	uint32_t flags; /* enum work_flags */
	uint32_t uid;   /* scribe: who it is for */
	uint32_t gid;
	span user; /* login name, for texts */
	span home;
	/* Look for these first: a file that exists is not delivered past,
	 * but told in DONE (by the scribe: only that it exists). */
	uint32_t nforward;
	span *forward;
	span path;         /* or the command */
	uint32_t locks;    /* enum mailbox_locks */
	uint64_t size_max; /* of the mailbox or message file, or of files that a
	                    * command writes; 0: none */
	span quota;        /* WORK_QUOTA: "10000000S,1000C", or empty: what
			    * the Maildir's maildirsize says */
	uint64_t size;     /* WORK_ASKS */
	uint32_t head;     /* enum mbox_flags: lines on top, and the form of
			    * the content */
	span sender;
	span address; /* the recipient now */
	span original;
	span delivered;
	/* WORK_COMMAND */
	uint32_t nargv; /* 0: `path` is for the shell, or plain words */
	span *argv;
	uint32_t nenv;
	struct work_env *env;
	span directory; /* empty: none */
	usec time_limit;
	span eol; /* pipe(8); empty: LF */
	/*
	 * Which message it is: items with the same number have the same
	 * content, which then need not travel again (`same`: it is that of
	 * the item before). 0: not known. The pool sees to `same`.
	 */
	uint64_t message;
	bool same;
	bool blob; /* the content is in the descriptor */
	span content;
};

enum work_found {
	WORK_FOUND_NONE,    /* it was done: there is a verdict */
	WORK_FOUND_FORWARD, /* forward[which]; `bytes`, except by the scribe */
	WORK_FOUND_LIST,    /* WORK_READ: `bytes` */
	/*
	 * WORK_LOOK, WORK_READ: no forward file, or none to be trusted. For
	 * the others: one that is not to be trusted; nothing was done, go on
	 * without `forward`. `warning` says why.
	 */
	WORK_FOUND_NOTHING,
	WORK_FOUNDS,
};

struct work_done {
	uint64_t number;
	uint8_t found; /* enum work_found; unless NONE there is no verdict */
	uint32_t which;
	span bytes;
	struct verdict verdict;
	/* The mailbox belongs to somebody else: there is a parameter for it
	 * that the log should name. */
	bool foreign;
	/* Lines for the log behind "warning: ", LF between. */
	span warning;
	uint64_t offset; /* biff: where the message begins in a mailbox */
};

/*
 * Nothing was done: what the item is about really lies in this directory,
 * which is out of the worker's reach. Another one shall do it. A filer says
 * no directory: the user's worker shall do it, or find out why not.
 */
struct work_reach {
	uint64_t number;
	span path;
};

void work_setup_put(struct buf *out, const struct work_setup *m);
MUST_USE bool work_setup_get(
    span payload, struct arena *a, struct work_setup *ret);
void work_item_put(struct buf *out, const struct work_item *m);
MUST_USE bool work_item_get(
    span payload, struct arena *a, struct work_item *ret);
void work_done_put(struct buf *out, const struct work_done *m);
MUST_USE bool work_done_get(span payload, struct work_done *ret);
void work_reach_put(struct buf *out, const struct work_reach *m);
MUST_USE bool work_reach_get(span payload, struct work_reach *ret);
