/* SPDX-License-Identifier: ISC */
/*
 * mail/records.h - the form of a file in maildrop/: Postfix's, so that its
 * postdrop and ours are interchangeable.
 *
 * A file is a run of records: a byte that says what it is, the length of the
 * data in groups of seven bits (the lowest first; the eighth bit says that
 * another group follows), the data. They come in three groups:
 *
 *	envelope   C A F S ... R R R     ends with M
 *	content    N N L L N ...         ends with X
 *	extract    A R R ...             ends with E, and so does the file
 *
 * The last group has recipients, too: those that were found in the header.
 * What stands before a recipient (DSN, original address) is about it alone.
 */
#pragma once

#include "base/buf.h"

enum record_type {
	RECORD_SIZE = 'C',   /* of a Postfix queue file */
	RECORD_TIME = 'T',   /* of arrival: "seconds microseconds" */
	RECORD_CTIME = 'c',  /* when this file was made */
	RECORD_FULL = 'F',   /* the sender's full name */
	RECORD_INSP = 'I',   /* content inspection */
	RECORD_FILTER = 'L', /* content_filter; in content: RECORD_CONT */
	RECORD_FROM = 'S',   /* the sender, internal form */
	RECORD_DONE = 'D',   /* a recipient that has had it */
	RECORD_RCPT = 'R',   /* a recipient, internal form */
	RECORD_ORIG = 'O',   /* as the next recipient was given first */
	RECORD_CANCELED = '/',
	RECORD_WARN = 'W', /* when to warn of a delay */
	RECORD_ATTR = 'A', /* "name=value" */
	RECORD_KILL = 'K',
	RECORD_REDIRECT = '>',
	RECORD_FLAGS = 'f',
	RECORD_DELAY = 'd',
	RECORD_MESG = 'M', /* the content follows */
	RECORD_CONT = 'L', /* a part of a line; more of it follows */
	RECORD_NORM = 'N', /* a line, or the rest of one */
	RECORD_PADDING = 'w',
	RECORD_XTRA = 'X', /* the content is over */
	RECORD_RRTO = 'r',
	RECORD_ERTO = 'e',
	RECORD_PRIO = 'P',
	RECORD_POINTER = 'p', /* go on at this offset; 0: here */
	RECORD_VERP = 'V',
	RECORD_DSN_RET = '<',
	RECORD_DSN_ENVID = 'i',
	RECORD_DSN_ORCPT = 'o',
	RECORD_DSN_NOTIFY = 'n',
	RECORD_END = 'E',
};

/* Names of attributes that mean something to us. */
#define RECORD_ATTR_RET      "ret_flags"
#define RECORD_ATTR_ENVID    "envelope_id"
#define RECORD_ATTR_NOTIFY   "notify_flags"
#define RECORD_ATTR_ORCPT    "dsn_orig_rcpt"
#define RECORD_ATTR_ENCODING "encoding"
#define RECORD_ATTR_TRACE    "trace_flags"
#define RECORD_ATTR_REWRITE  "rewrite_context"

enum record_group { RECORD_ENVELOPE, RECORD_CONTENT, RECORD_EXTRACT };

/* In files of the mail system itself, or in what a user gives to postdrop. */
enum record_origin { RECORD_OF_SYSTEM, RECORD_OF_USER };

/* Whether a record of this type may stand in that group. */
bool record_is_expected(
    enum record_group group, enum record_origin origin, char type);
/* The record that ends the group. */
char record_end_of(enum record_group group);

struct record {
	char type;
	span data; /* borrowed: when read, from the input */
};

/* ---- writing ---- */

void record_put(struct buf *out, char type, span data);
PRINTF_LIKE(3, 4)
void record_printf(struct buf *out, char type, const char *format, ...);
/* "name=value" */
void record_put_attr(struct buf *out, const char *name, span value);
void record_put_attr_u64(struct buf *out, const char *name, uint64_t value);
/*
 * A record of content, in pieces of at most `max` bytes, which is
 * line_length_limit: whoever reads the file refuses longer records. The last
 * piece has its type.
 */
void record_put_content(
    struct buf *out, const struct record *record, size_t max);

/* ---- reading ---- */

enum record_result {
	RECORD_OK,
	RECORD_MORE,   /* the input ends within a record */
	RECORD_BROKEN, /* too long, or its length is no number */
};

enum {
	RECORD_HEAD_MAX = 5, /* type and length */
};

/* Take one record with at most `max` bytes off the front of `rest`. */
MUST_USE enum record_result record_take(
    span *rest, size_t max, struct record *ret);

/* "name=value", as an attribute is: no name, or no "=", is none. */
MUST_USE bool record_attr(span data, span *ret_name, span *ret_value);
