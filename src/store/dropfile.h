/* SPDX-License-Identifier: ISC */
/*
 * store/dropfile.h - a message in a file of Postfix's form: one that a user
 * left in maildrop/, or one of a Postfix queue (mail/records.h).
 *
 * It is read twice. dropfile_scan() goes through all of it, checks its form
 * and collects the envelope, a part of which may stand behind the content.
 * Then dropfile_content() gives the content, piece by piece.
 *
 * Whoever wrote the file is a user of this machine, and may have meant no
 * good. Memory is bounded by `record_max` and by the arena.
 */
#pragma once

#include "mail/envelope.h"
#include "mail/records.h"

#include <sys/types.h>

struct dropfile_source {
	void *ctx;
	/* Bytes from an offset on; fewer than n: the end. Or a negative
	 * errno. */
	ssize_t (*read)(void *ctx, char *to, size_t n, uint64_t at);
};

/* What dropfile_scan() has found; spans are in the arena. */
struct dropfile_message {
	/* sender, flags, envid, client_*, verp (anything), arrival (0: not
	 * said), and of the recipients addr, orig (ptr NULL: not said),
	 * orcpt, notify. */
	struct envelope envelope;
	span full_name;
	/* Of a queue file: all mail goes there; and through this filter. */
	span redirect;
	span filter;
	bool has_sender;
	bool is_final;  /* says DROPFILE_FINAL: believe it, or not */
	bool is_remote; /* rewrite_context=remote */
	uint64_t done;  /* recipients that have had it, or were cancelled */
};

/* An attribute of ours: this mail has been through our tables, or Postfix's,
 * and has its Received header. */
#define DROPFILE_FINAL "chasqui_final"

enum { DROPFILE_OK, DROPFILE_BAD };

struct dropfile {
	struct dropfile_source source;
	struct arena *arena;
	size_t record_max;
	struct dropfile_message message;
	/* DROPFILE_BAD: what is wrong, as Postfix says it. */
	char fault[128];

	struct buf window; /* bytes of the file, */
	uint64_t at;       /* from this offset on, */
	size_t used;       /* of which so many are taken */
	bool is_end;       /* nothing follows the window */
	uint64_t last_jump;
	uint32_t back_jumps;
	struct rcpt *rcpts;
	uint32_t room;
	struct rcpt next; /* what is said of the next recipient */
	uint64_t content; /* where it begins */
	bool open_line;
	bool content_read;
};

/* `source` and arena live until dropfile_done(). */
void dropfile_init(struct dropfile *f, const struct dropfile_source *source,
    size_t record_max, struct arena *a);
/* Idempotent; the message goes away with it and with the arena. */
void dropfile_done(struct dropfile *f);
/* The bytes of a descriptor, which is what `ctx` points to. */
ssize_t dropfile_read_fd(void *ctx, char *to, size_t n, uint64_t at);

/*
 * 0, DROPFILE_BAD (see `fault`; it will never be good), or a negative errno
 * (-E2BIG: it needs more memory than it may have).
 */
MUST_USE int dropfile_scan(struct dropfile *f);
/*
 * After a scan that went well: append some content in wire form, CRLF and
 * dot-stuffed; its end is a line's end. Nothing appended: that was all.
 * `first`: from the front. Results as above.
 */
MUST_USE int dropfile_content(struct dropfile *f, bool first, struct buf *out);
/*
 * The same as records: the next one, CONT or NORM. RECORD_XTRA: no more.
 * Borrowed until the next call.
 */
MUST_USE int dropfile_record(
    struct dropfile *f, bool first, struct record *ret);
