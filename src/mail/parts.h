/* SPDX-License-Identifier: ISC */
/*
 * mail/parts.h - a message as a tree of parts, by position.
 *
 * One pass over the bytes, no recursion, linear whatever comes: 10^5 nested
 * parts, boundaries that are prefixes of each other, parts without end.
 * Content is not copied: parts say where it lies. Lines end with LF or CRLF.
 */
#pragma once

#include "base/arena.h"
#include "mail/params.h"
#include "mail/transfer.h"

enum parts_kind {
	PARTS_LEAF,
	PARTS_MULTI,   /* its children are the parts between boundaries */
	PARTS_MESSAGE, /* message/rfc822: one child, the message within; but a
	                  leaf if it is encoded, against the rules */
};

struct part {
	struct part *parent; /* NULL: the message itself */
	struct part *next;   /* brother */
	struct part *kids;
	enum parts_kind kind;
	uint32_t depth;
	uint32_t number; /* among its brothers, from 1 */
	span header;     /* with its line ends, without the empty line */
	span body;       /* all of it, still encoded */
	span type;       /* "text/plain", lower case; also if it says none */
	struct params type_params;
	span disposition; /* "attachment", lower case; or empty */
	span filename;    /* UTF-8; of either field; or empty. Not yet a safe
	                     name: see parts_filename() */
	span charset;     /* of text; or empty */
	enum transfer transfer;
};

struct parts_limits {
	uint32_t depth; /* deeper ones are leaves; 0: 100; at most 1000 */
	uint32_t count; /* more are part of the last one's body; 0: 10000 */
};

/*
 * `message` must outlive the tree. Never NULL but when the arena is too small
 * for even one part.
 */
struct part *parts_parse(
    span message, const struct parts_limits *limits, struct arena *a);
/* In the order of the message: parents before their children; NULL: end. */
struct part *parts_walk(const struct part *p);
/*
 * Append "1.2", as IMAP counts: a message of many parts is "" and a single
 * part "1"; in the message that part 2 is, they are "2" and "2.1".
 */
void parts_position(struct buf *out, const struct part *p);

/* A leaf that people can read: text, or a notice of delivery and the like. */
bool parts_is_text(const struct part *p);
/* The body decoded: text in UTF-8 with LF at line ends, else bytes. */
void parts_content(const struct part *p, struct buf *out);
/* The same, but text in its own character set: for a file. */
void parts_bytes(const struct part *p, struct buf *out);
/*
 * The name under which an attachment may be saved in a directory: no slash,
 * no control characters, no leading dot; or empty.
 */
void parts_filename(const struct part *p, struct buf *out);
/*
 * Which child of a multipart/alternative (or related: the first) people should
 * see: plain text, or HTML, or else any text, or the last. NULL: it has none.
 */
struct part *parts_best(const struct part *multi, bool prefer_html);
