/* SPDX-License-Identifier: ISC */
/*
 * mail/mime.h - what is header and what is body in a message, its parts
 * included (RFC 2045, 2046): for whoever looks at headers and lines.
 *
 * Lines go in one after the other, without their ends; logical headers and
 * body lines come out by callback, until the next line. Nothing is changed
 * but blanks before the colon of a header, which are dropped.
 */
#pragma once

#include "base/buf.h"

enum mime_class {
	MIME_PRIMARY, /* a header of the message itself */
	MIME_PART,    /* of a part: behind a boundary */
	MIME_NESTED,  /* of a message within the message */
};

struct mime_limits {
	uint32_t header_size;   /* longer headers are cut: header_size_limit */
	uint32_t boundary_size; /* mime_boundary_length_limit */
	uint32_t nesting;       /* mime_nesting_limit */
};

struct mime_events {
	/* Lines of one header are joined with "\n". */
	void (*header)(void *ctx, enum mime_class class, span header);
	/* Behind the message's own headers. */
	void (*headers_end)(void *ctx);
	/* Blank lines before bodies and boundaries are body lines too. */
	void (*body)(void *ctx, span line);
	void *ctx;
};

struct mime;

/* `parts`: look into parts and nested messages. Callbacks may be NULL. */
struct mime *mime_new(const struct mime_limits *limits,
    const struct mime_events *events, bool parts);
/* Nulls the caller's pointer; NULL is fine. */
void mime_free(struct mime **pm);
void mime_line(struct mime *m, span line);
/* The message has ended. */
void mime_end(struct mime *m);
