/* SPDX-License-Identifier: ISC */
/*
 * store/maildirsize.h - the quota of a Maildir, as Maildir++ has it: the file
 * maildirsize, which mail readers and other delivery programs know too.
 *
 *	10000000S,1000C         the quota: bytes, messages
 *	    12345          7    what there was when it was counted,
 *	     1234          1    and each change since then
 *
 * Nobody locks it: a Maildir may end up a few messages over its quota, and
 * the numbers are counted anew from time to time. Messages in .Trash and those
 * that are marked as deleted are free.
 *
 *	maildirsize_open(&m, root, &quota)
 *	for each message:  maildirsize_admit(&m, size)
 *	maildirsize_add(&m, bytes and messages that were delivered)
 *	maildirsize_close(&m)
 *
 * What goes wrong with the file itself is no reason to refuse mail.
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"

/* 0: no limit of this kind. */
struct maildir_quota {
	uint64_t bytes;
	uint64_t count;
};

/* "10000000S,1000C", "1000C", or bytes alone. */
MUST_USE bool maildir_quota_parse(span text, struct maildir_quota *ret);
/* The first line; nothing if there is no limit. */
void maildir_quota_write(const struct maildir_quota *q, struct buf *out);

struct maildirsize {
	int root; /* of the Maildir that it belongs to */
	int fd;   /* negative: there is no file */
	struct maildir_quota quota;
	int64_t bytes;
	int64_t count;
	int64_t admitted_bytes; /* of these, what is not yet written down */
	int64_t admitted_count;
	unsigned lines; /* behind the first */
	usec changed;   /* wall clock */
	bool stale;     /* count before use */
};

void maildirsize_init(struct maildirsize *m);
/* The text of a file: quota, sums, whether they are of use (`stale`). */
void maildirsize_parse(struct maildirsize *m, span text);
/*
 * `root` is the Maildir, or a folder in one; it is only borrowed. Without
 * limits in `quota` the file's first line counts, and without a file there is
 * no quota.
 */
void maildirsize_open(
    struct maildirsize *m, int root, const struct maildir_quota *quota);

enum maildirsize_result { MAILDIRSIZE_OK, MAILDIRSIZE_OVER };

/* May a message of this size be added? If so it counts from now on. */
MUST_USE int maildirsize_admit(struct maildirsize *m, uint64_t size);
/* It was not delivered after all. */
void maildirsize_forget(struct maildirsize *m, uint64_t size);
/* Write down what was admitted and delivered. */
void maildirsize_add(struct maildirsize *m, uint64_t bytes, uint64_t count);
void maildirsize_close(struct maildirsize *m);
