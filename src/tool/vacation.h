/* SPDX-License-Identifier: ISC */
/*
 * tool/vacation.h - what the parts of vacation(1) share.
 *
 * vacation.c reads the command line and decides; vacation_mail.c knows what
 * the message says, vacation_reply.c what is answered, and vacation_db.c who
 * has had an answer, and when.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

enum {
	VACATION_HEADER_MAX = 1 << 20, /* more is not looked at */
	VACATION_REFERENCES = 20,
};

/* ---- the message ---- */

struct vacation_mail {
	struct arena *arena;
	bool has_sender;
	span sender;  /* internal form; empty: the null sender */
	span subject; /* one line of print or UTF-8 */
	span message_id;
	span references[VACATION_REFERENCES]; /* the last ones */
	size_t nreferences;
	bool for_us;
	span us; /* the address that made it so */
	/* Why no answer is due; NULL: nothing in the header says so. */
	const char *refusal;
};

/*
 * Look at a message that begins here; lines may end with LF or CRLF. `names`
 * are the login and its aliases, with or without a domain. What is not empty
 * lives in the arena.
 */
void vacation_read(span text, const span *names, size_t nnames, struct arena *a,
    struct vacation_mail *ret);
/* Why this sender never gets an answer; NULL: he may. */
const char *vacation_refuses_sender(const struct vacation_mail *m);

/* ---- the answer ---- */

struct vacation_reply {
	span template;  /* the user's text */
	span to;        /* internal form */
	span from;      /* the login, or -R */
	span full_name; /* of the user */
	span copy_to;   /* as he wrote it */
};

/* The whole answer with LF at line ends. */
void vacation_write(struct buf *out, const struct vacation_reply *reply,
    const struct vacation_mail *mail);

/* ---- the database ---- */

/*
 * A Berkeley DB hash file: addresses, and when they had their answer, as
 * time_t; 0 for those that never get one. A domain is "@domain". The interval
 * is an entry, too.
 */
struct vacation_db;

/* Open (or make) and lock it: 0 or a negative errno. `fresh`: empty it. */
MUST_USE int vacation_db_open(
    const char *path, bool fresh, struct vacation_db **ret);
/* Nulls the caller's pointer; NULL is fine. */
void vacation_db_close(struct vacation_db **db);
/* On stable storage: 0 or a negative errno. */
MUST_USE int vacation_db_save(struct vacation_db *db);

/* Without end: USEC_NEVER. */
void vacation_db_set_interval(struct vacation_db *db, usec interval);
/* Whether this sender had an answer not long ago. */
bool vacation_db_is_recent(struct vacation_db *db, span sender, usec now);
void vacation_db_note(struct vacation_db *db, span sender, usec now);
/* Never an answer: an address or @domain. */
void vacation_db_exclude(struct vacation_db *db, span sender);
typedef void vacation_db_fn(void *ctx, span sender, usec when);
/* All senders; `when` is 0 for those that are excluded. */
void vacation_db_each(struct vacation_db *db, vacation_db_fn *fn, void *ctx);
