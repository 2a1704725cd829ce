/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/draft.h - a mail that is being written.
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/mua.h"

struct draft_file {
	char *path; /* or NULL: message `message` as message/rfc822 */
	uint32_t message;
	char *name;    /* as others will see it */
	char *type;    /* NULL: by content */
	char *charset; /* NULL: found out */
};

struct draft {
	/* Addresses as they were typed, by comma or blank. */
	struct buf to;
	struct buf cc;
	struct buf bcc;
	struct buf from; /* empty: the variable `from`, or none */
	struct buf reply_to;
	struct buf sender;
	struct buf subject;
	bool has_subject; /* -s "" is one, too: not asked for */
	struct buf in_reply_to;
	struct buf references;
	struct buf fields; /* more fields, "Name: value\n" each */
	struct buf body;   /* lines with LF */
	struct draft_file *files;
	size_t nfiles;
	bool verbose;     /* -v: the delivery is reported */
	bool expand;      /* recipients like /file and |program are allowed */
	bool from_header; /* -t: recipients come from the text */
	char *mta_args;   /* of `sendmail-arguments`, or NULL */
	/* For replies: what ~m and quoting mean, or BOX_NONE. */
	uint32_t about;
};

void draft_init(struct draft *d);
void draft_done(struct draft *d);
/* False: no such file, which was said. */
MUST_USE bool draft_attach(struct mua *m, struct draft *d, const char *path);

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
 * Expand aliases, build the message, give it to sendmail, keep a copy in
 * `record`. 0, or 1: not sent, which was said; the text is in dead.letter
 * then.
 */
int draft_send(struct mua *m, struct draft *d);
/* Collect, then send. */
int draft_write(struct mua *m, struct draft *d);
/* Give a message that stands already to these people: resend, -t. */
int draft_pass_on(struct mua *m, span message, const char *const *to);
/* Save what cannot be sent: "/home/pue/dead.letter" 12/275. */
void draft_bury(struct mua *m, span message);

/*
 * Aliases, recursively; `metoo`; each address once. In `out` as "a, b". What
 * is not an address (files, programs, options) is refused with a sentence
 * unless d->expand, and never given to sendmail as an option. False: nobody
 * is left, or one is wrong.
 */
MUST_USE bool draft_expand(
    struct mua *m, const struct draft *d, span typed, struct buf *out);
/* The user's own addresses: login, `from`, alternates. */
bool draft_is_me(const struct mua *m, span addr);
