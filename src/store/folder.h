/* SPDX-License-Identifier: ISC */
/*
 * store/folder.h - a folder of messages as its reader sees it: mbox files and
 * Maildirs.
 *
 *	folder_open(&f, &spec, &t)
 *	folder_content(f, i, out) ...        by position
 *	folder_set(f, i, flags)              in memory
 *	folder_refresh(f, &news, &t)         mail that came meanwhile
 *	folder_commit(f, &t)                 flags and deletions to the disk
 *	folder_close(&f)
 *
 * Opening an mbox reads it once from front to end and keeps some 48 bytes per
 * message: content is read again when it is wanted, so a mailbox of any size
 * needs little memory. It is not locked meanwhile.
 *
 * Messages are found again by what they are, not where they were: when
 * somebody else (the delivery agent, another reader) has changed the mailbox
 * since, refresh and commit scan it anew under the lock, and what we changed
 * goes to the same messages; what came in meanwhile stays.
 *
 * Committing an mbox never leaves less than the old or the new mailbox,
 * whenever it is killed: see folder_mbox_write.c. An mbox is locked as the
 * delivery agent locks it: NAME.lock where it may be made, fcntl and flock.
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"
#include "store/mailbox.h"

enum folder_kind { FOLDER_MBOX, FOLDER_MAILDIR };

/* What is known of a message; Status and X-Status lines, Maildir's letters. */
enum folder_flags {
	FOLDER_SEEN = 1,     /* R; S of Maildirs: it was read */
	FOLDER_OLD = 2,      /* O; in cur/: it was there the last time */
	FOLDER_ANSWERED = 4, /* A; R */
	FOLDER_FLAGGED = 8,  /* F */
	FOLDER_DRAFT = 16,   /* T; D */
	FOLDER_DELETED = 32, /* gone at the next commit */
};

/*
 * Sizes are those that Berkeley's mail and its children show: of all the file
 * has of the message, with From_ line, Status lines and the empty line at the
 * end. In a Maildir they are not known before folder_measure(), and are those
 * that the message would have in an mbox, without the From_ line.
 */
struct folder_message {
	uint64_t size;
	uint64_t lines;
	uint8_t flags;  /* enum folder_flags, as changed */
	uint8_t before; /* as they are on the disk */
	/* Of no interest outside: */
	uint8_t form;  /* enum folder_form */
	uint8_t state; /* enum folder_state */
	uint16_t from; /* length of the From_ line */
};

struct folder_ops;

struct folder_spec {
	const char *path;
	bool create;     /* make an empty mbox if there is none */
	bool read_only;  /* -R: folder_commit() does nothing */
	usec lock_wait;  /* for somebody else's lock; 0: 20 seconds */
	usec lock_stale; /* dotlocks older than this are removed; 0: 500 s */
	/* May be NULL: somebody pressed a key, stop waiting for a lock. */
	bool (*interrupted)(void *ctx);
	void *ctx;
	/*
	 * Where the journal of a commit is kept if there can be none beside
	 * the mailbox: the user's home. NULL: nowhere, such a mailbox cannot
	 * be changed.
	 */
	const char *home;
	const struct folder_ops *ops; /* for tests; NULL: the system's */
};

/* Why something could not be done: "PATH: Permission denied". */
struct folder_trouble {
	int error;       /* negative errno */
	struct buf text; /* make it with buf_init(.., 4096) */
};

struct folder;

/*
 * 0, or a negative errno with the trouble told: -ENOENT, -EACCES, -EINVAL (no
 * mailbox: "not a mailbox"), ... An empty file is an empty mbox.
 */
MUST_USE int folder_open(struct folder **ret, const struct folder_spec *spec,
    struct folder_trouble *t);
/* Nulls the caller's pointer; NULL is fine. Changes are not kept. */
void folder_close(struct folder **pf);

enum folder_kind folder_kind(const struct folder *f);
size_t folder_count(const struct folder *f);
bool folder_is_read_only(const struct folder *f);
bool folder_is_changed(const struct folder *f); /* commit has work */

/*
 * Messages count from 0; they keep their numbers until folder_commit(). What
 * folder_get() returns lives until the next call that reads or writes.
 */
const struct folder_message *folder_get(const struct folder *f, size_t i);
void folder_set(struct folder *f, size_t i, uint8_t flags);
/* Make its `size` and `lines` known: reads a Maildir's file, once. */
MUST_USE int folder_measure(struct folder *f, size_t i);
/*
 * The lines that stand for flags in an mbox, as they would be written now:
 * "Status: RO" LF "X-Status: A" LF, or nothing.
 */
void folder_status_write(uint8_t flags, struct buf *out);

/*
 * What follows returns -ESTALE if somebody else removed the message.
 *
 * The From_ line without its end: "From ana@x Wed Feb 19 05:10:35 2020"; one
 * made of Return-Path or From and the file's time for Maildirs. 0 or a
 * negative errno.
 */
MUST_USE int folder_from_line(struct folder *f, size_t i, struct buf *out);
/* The header with LF at line ends, without the empty line. */
MUST_USE int folder_header(struct folder *f, size_t i, struct buf *out);
/*
 * Header, empty line and body, appended, with LF at line ends; ">From " as it
 * stands. -EFBIG: more than `out` can hold; then it holds the beginning.
 */
MUST_USE int folder_content(struct folder *f, size_t i, struct buf *out);
/*
 * The same piece by piece, of any size. The callback returns 0 or an error,
 * which ends it.
 */
typedef int folder_piece_fn(void *ctx, span piece);
MUST_USE int folder_each_piece(
    struct folder *f, size_t i, folder_piece_fn *fn, void *ctx);

/* Messages that came since; they stand at the end. */
MUST_USE int folder_refresh(
    struct folder *f, size_t *ret_new, struct folder_trouble *t);
/* Cheap: whether folder_refresh() would find something. */
bool folder_has_news(struct folder *f);

/*
 * Write the changes: deleted messages go, flags are noted, FOLDER_OLD is set
 * on those that stay if `mark_old`. Afterwards messages have new numbers.
 * Nothing is written when nothing changed. `remove_empty`: an mbox without
 * messages is removed (keep is not set). `ret_kept` is how many there are,
 * those included that came meanwhile (`ret_new`).
 */
struct folder_commit {
	bool mark_old;
	bool remove_empty;
	size_t ret_kept;
	size_t ret_new;
};
MUST_USE int folder_commit(
    struct folder *f, struct folder_commit *c, struct folder_trouble *t);

/* ---- adding to a folder ---- */

/*
 * Put messages into an mbox or a Maildir (made as `make` says if there is
 * none), all or none, on stable storage.
 *
 *	folder_append_open(&a, &spec, kind, &t)
 *	for each: folder_append_begin(a, from_line, flags)
 *	          folder_append_put(a, piece) ...   header, blank line, body
 *	folder_append_commit(&a, &t)   or folder_append_drop(&a)
 */
struct folder_append;
MUST_USE int folder_append_open(struct folder_append **ret,
    const struct folder_spec *spec, enum folder_kind make,
    struct folder_trouble *t);
void folder_append_begin(
    struct folder_append *a, span from_line, uint8_t flags);
/* Lines with LF; "From " at the beginning of a line becomes ">From ". */
void folder_append_put(struct folder_append *a, span piece);
/*
 * Frees it. The sizes are what was added, for "[Appended] 19/683". (Heirloom
 * mailx counts a Status line and an X-Status line for each message, also when
 * it writes none: a line and 9 bytes, a line and 11.)
 */
MUST_USE int folder_append_commit(struct folder_append **pa, bool *ret_is_new,
    uint64_t *ret_lines, uint64_t *ret_bytes, struct folder_trouble *t);
void folder_append_drop(struct folder_append **pa);
