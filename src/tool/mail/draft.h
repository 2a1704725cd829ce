/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/draft.h - a mail that is being written.
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/mua.h"

enum {
	DRAFT_TEXT_MAX = 512 << 20, /* the body; files are limited alike */
	DRAFT_LIST_MAX = 16 << 20,  /* To and the like */
};

struct draft_file {
	char *path; /* or NULL: message `message` as message/rfc822 */
	uint32_t message;
	char *name; /* as others will see it */
};

struct draft {
	/* Addresses as they were typed, separated by comma (or blank, where
	 * no name stands beside one). */
	struct buf to;
	struct buf cc;
	struct buf bcc;
	struct buf from; /* empty: the variable `from`, or none */
	struct buf reply_to;
	struct buf sender;
	struct buf organization;
	struct buf envelope; /* -r: the sender that sendmail is told */
	struct buf subject;
	bool has_subject;      /* -s "" is one, too: not asked for */
	struct buf references; /* of a reply, the last is In-Reply-To */
	/* More fields, "Name: value\n" each. To, Cc, Bcc, From, Reply-To,
	 * Sender, Subject go to their places, others win over what we would
	 * write ourselves. */
	struct buf fields;
	struct buf body; /* lines with LF */
	struct draft_file *files;
	size_t nfiles;
	bool verbose;        /* -v: the delivery is reported */
	bool expand;         /* /file and |program are allowed */
	bool from_header;    /* -t: recipients come from the text */
	bool announce;       /* show To, Subject and the body so far first */
	bool record_by_name; /* -F, followup: kept in a file named after
	                        `author`, or the first recipient */
	struct buf author;   /* of the message that is replied to: bare */
	char *mta_args;      /* more arguments of sendmail, or NULL */
	/* For replies: what ~m and the like mean, or BOX_NONE. */
	uint32_t about;
};

void draft_init(struct draft *d);
void draft_done(struct draft *d);
/* False: no such file, which was said. */
MUST_USE bool draft_attach(struct mua *m, struct draft *d, const char *path);
/* Message i of the folder as message/rfc822. */
void draft_attach_message(struct draft *d, uint32_t i);
/* Of a draft that no longer has them. */
void draft_files_free(struct draft_file *files, size_t count);

enum collect_result {
	COLLECT_DONE,
	COLLECT_ABORTED, /* two interrupts, ~q, ~x: nothing is sent */
};

/*
 * Ask for what `ask`, `askcc`, ... want, then read the body from the terminal
 * (tilde escapes, ended by "." or the end of input, then "EOT"), or from
 * standard input as it is. What is in the body already is kept in front.
 */
enum collect_result draft_collect(struct mua *m, struct draft *d);
/*
 * Collect, expand aliases, build the message, give it to sendmail, keep a copy
 * in `record`. 0, or 1: not sent, which was said; the text is in dead.letter
 * then. Somebody who was refused while others got it only counts as a failure.
 */
int draft_write(struct mua *m, struct draft *d);
/* Save what cannot be sent: "/home/pue/dead.letter" 12/275. */
void draft_bury(struct mua *m, span message);
/* $DEAD, or ~/dead.letter. */
void draft_grave(struct mua *m, struct buf *ret_path);

/* The user's own addresses: login, `from`, alternates. */
bool draft_is_me(const struct mua *m, span addr);
