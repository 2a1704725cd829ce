/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_content.h - message content as it comes off the wire.
 *
 * Finds where the content ends and hands out what stands before that in wire
 * form: CRLF line ends, dot-stuffed, without the final dot, no bare CR or LF.
 * Where nothing must be repaired the pieces are the input itself; a repair is
 * a small constant between two of them. Cutting the input anywhere makes no
 * difference to the sum of the pieces.
 *
 *	strict (RFC 5321 4.1.1.4, smtpd_forbid_bare_newline): a bare LF ends a
 *	line, but only CRLF "." CRLF ends the message. A line that is a lone
 *	dot with a bare LF before or behind it is left out, because the next
 *	hop might see an end there.
 *	lax: "." is the end however its line and the one before it ended.
 *
 * A CR that belongs to no line end becomes a blank in both.
 *
 * Content that came by BDAT (RFC 3030) has no dots stuffed and no end of its
 * own: dots are stuffed here, and smtp_content_finish() ends the last line.
 */
#pragma once

#include "base/span.h"

enum smtp_content_kind {
	SMTP_CONTENT_STRICT,
	SMTP_CONTENT_LAX,
	SMTP_CONTENT_BDAT, /* strict, and bytes are counted, not dotted */
};

struct smtp_content {
	uint64_t size; /* bytes without stuffed dots, as Postfix counts */
	uint32_t crs;  /* CRs seen at the end of the input so far */
	uint8_t kind;  /* enum smtp_content_kind */
	uint8_t place; /* in the line: smtp_content.c */
	bool after_bare_lf;
	bool saw_bare_lf;
};

enum smtp_content_result {
	SMTP_CONTENT_MORE,  /* the input is used up */
	SMTP_CONTENT_PIECE, /* here is some; call again */
	SMTP_CONTENT_END,   /* the dot was found; what is left is no content */
};

void smtp_content_init(struct smtp_content *c, enum smtp_content_kind kind);

/* Takes from the front of `in`. A piece lives as long as the input. */
enum smtp_content_result smtp_content_next(
    struct smtp_content *c, span *in, span *ret_piece);

/* BDAT: there is no more. PIECE until END. */
enum smtp_content_result smtp_content_finish(
    struct smtp_content *c, span *ret_piece);
