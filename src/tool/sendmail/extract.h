/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/extract.h - "sendmail -t": the recipients in the header.
 *
 * The content passes through, in pieces as they were read. To, Cc and Bcc
 * give the recipients, or, if there are any, Resent-To, Resent-Cc and
 * Resent-Bcc; that Bcc must not be sent on is left to whoever cleans headers.
 */
#pragma once

#include "tool/sendmail/input.h"
#include "tool/sendmail/sink.h"

struct extract {
	struct sink *sink;
	size_t header_max; /* longer headers are refused */
	size_t line_max;   /* of a record */
	bool in_body;
	bool open; /* the last piece was not the end of its line */
	bool too_long;
	bool resent;
	struct buf header;
	/* Recipients in internal form, a NUL behind each. */
	struct buf found;
	struct buf found_resent;
};

void extract_init(
    struct extract *x, struct sink *sink, const struct submit_settings *set);
void extract_done(struct extract *x);
/* False: a header is too long. */
MUST_USE bool extract_piece(
    struct extract *x, enum input_piece kind, span text);
/* There is no more; the same. */
MUST_USE bool extract_end(struct extract *x);
/* The recipients, a NUL behind each. */
span extract_recipients(const struct extract *x);
