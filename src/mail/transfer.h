/* SPDX-License-Identifier: ISC */
/*
 * mail/transfer.h - Content-Transfer-Encoding (RFC 2045), both ways.
 *
 *	transfer_init(&t, kind);
 *	for each piece of the body:  transfer_decode(&t, piece, out);
 *	transfer_finish(&t, out);
 *
 * Pieces may be cut anywhere. What is not of the encoding is passed over
 * (base64) or kept as it is (quoted-printable): a reader of mail takes what
 * comes. Line ends of text stay as they are.
 */
#pragma once

#include "base/buf.h"

enum transfer {
	TRANSFER_7BIT,
	TRANSFER_8BIT,
	TRANSFER_BINARY,
	TRANSFER_QUOTED,
	TRANSFER_BASE64,
	TRANSFER_UUENCODE, /* x-uuencode */
	TRANSFER_UNKNOWN,
};

/* Holds no memory of its own: it may be dropped at any time. */
struct transfer_decoder {
	enum transfer kind;
	uint8_t state; /* uuencode: before, in, or behind the file */
	uint8_t held_len;
	char held[128]; /* a quantum; an escape, blanks; a line of uuencode */
};

/* The value of the field; empty: 7bit. */
enum transfer transfer_parse(span value);
span transfer_name(enum transfer kind);

void transfer_init(struct transfer_decoder *t, enum transfer kind);
void transfer_decode(struct transfer_decoder *t, span piece, struct buf *out);
/* What was held back; the decoder is empty then. */
void transfer_finish(struct transfer_decoder *t, struct buf *out);

/*
 * All of `body` (lines with LF) encoded and appended; lines of 76, ended with
 * LF. In quoted-printable no line begins with "From " or is a lone ".", and
 * a soft line break stands behind a last line without end. What is neither
 * quoted-printable nor base64 is appended as it is.
 */
void transfer_encode(struct buf *out, enum transfer kind, span body);
/* The byte that the first two characters are in hexadecimal; false: none. */
MUST_USE bool transfer_hex(span text, char *ret);
/* base64 without line ends, as for words in headers. */
void transfer_base64(struct buf *out, span bytes);
