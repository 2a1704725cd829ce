/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/attach.h - bodies and files as parts of a message.
 */
#pragma once

#include "mail/transfer.h"
#include "tool/mail/draft.h"

/* How some bytes are sent. */
struct content {
	span bytes; /* before the transfer encoding */
	const char *type;
	span charset; /* empty: none is named */
	enum transfer encoding;
	struct buf converted; /* where `bytes` may lie */
	struct buf name;      /* where `type` may lie */
};

void content_done(struct content *c);

/* What the text of a mail becomes, by the manner's habits. */
void content_of_text(struct mua *m, span utf8, struct content *ret);
/*
 * What a file becomes. Its bytes come out again exactly as they are: they are
 * never converted. Its type is found by name (~/.mime.types, /etc/mime.types,
 * a table of our own), then by content.
 */
void content_of_file(struct mua *m, span bytes, span name, struct content *ret);
/* A message's fields as they are, and the empty line; but not Status and
 * X-Status, which are about our copy of it. */
void attach_put_header(struct buf *out, span header);
/* The parts behind the text, each behind its "--boundary". False: a file
 * cannot be read, as was said. */
MUST_USE bool attach_write(
    struct mua *m, const struct draft *d, span boundary, struct buf *out);
