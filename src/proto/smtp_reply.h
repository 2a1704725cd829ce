/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_reply.h - a server's replies (RFC 5321 4.2), line by line.
 *
 * Made for servers that mean no good: lines without end, replies without
 * end, codes that change from line to line, NULs. What is kept of a reply is
 * bounded; beyond SMTP_REPLY_MAX bytes the caller is told to give up.
 */
#pragma once

#include "base/buf.h"

enum {
	/* What is kept of a line, and about what is kept of a reply. */
	SMTP_REPLY_LINE_MAX = 2048,
	/* A reply, all lines together, that is longer is an attack. */
	SMTP_REPLY_MAX = 128 * 1024,
	SMTP_REPLY_STATUS_MAX = 10, /* "5.999.999" */
};

struct smtp_reply {
	struct buf text; /* lines so far, printable, joined by a space */
	struct buf part; /* the beginning of a line that has not ended */
	span line;       /* see smtp_reply_take() */
	size_t bytes;    /* of this reply, line ends included */
	uint16_t code;   /* of the last line taken; 0: it is no reply */
	bool ended;      /* the next line begins a new reply */
	char status[SMTP_REPLY_STATUS_MAX];
};

enum smtp_reply_result {
	SMTP_REPLY_MORE,     /* all input consumed, no line is complete */
	SMTP_REPLY_LINE,     /* "250-...": more lines follow */
	SMTP_REPLY_DONE,     /* the last line: code, text and status are set */
	SMTP_REPLY_GARBAGE,  /* a line that is no reply; skipped */
	SMTP_REPLY_TOO_LONG, /* give up */
};

void smtp_reply_init(struct smtp_reply *r);
void smtp_reply_done(struct smtp_reply *r);

/*
 * Take at most one line from the input. For LINE, DONE and GARBAGE `line` is
 * that line as the server sent it (cut at SMTP_REPLY_LINE_MAX bytes, without
 * the line end), until the next call or until the input goes away.
 */
MUST_USE enum smtp_reply_result smtp_reply_take(
    struct smtp_reply *r, span *input);

/* The whole reply as one printable line; until the next smtp_reply_take(). */
span smtp_reply_text(const struct smtp_reply *r);
/*
 * The enhanced status code (RFC 3463) of the last line, or "x.0.0" made from
 * the code; "5.5.0" if the code is neither 2xx, 4xx nor 5xx.
 */
span smtp_reply_status(const struct smtp_reply *r);
