/* SPDX-License-Identifier: ISC */
/*
 * map/source.h - the text from which tables are made: "key value" lines.
 *
 * texthash reads it, postmap reads it, and both say the same about what is
 * wrong in it.
 */
#pragma once

#include "base/buf.h"

struct source {
	const char *name; /* "/etc/postfix/access", "stdin" */
	span rest;
	uint32_t line;        /* lines consumed */
	uint32_t first;       /* where the current entry begins */
	bool utf8;            /* lines must be UTF-8 */
	const char *ignoring; /* behind what is wrong: "" */
	struct buf joined;    /* a line and those that continue it */
	void (*warn)(void *ctx, span text);
	void *ctx;
};

/* `warn` gets what is wrong, with the name and the line in it. */
void source_init(struct source *s, const char *name, span text);
void source_done(struct source *s);

/* The next logical line: until the next call. */
bool source_line(struct source *s, span *ret);
/* The next "key value" line. Both are not empty. */
bool source_pair(struct source *s, span *ret_key, span *ret_value);
/* What precedes the first NUL: what C programs see. */
span source_text(span s);

PRINTF_LIKE(2, 3) void source_warn(struct source *s, const char *format, ...);

/*
 * Where the key ends, at a blank that is neither quoted nor behind a
 * backslash, or at `stop`; false: a quote is not closed.
 */
bool source_key_end(span s, char stop, size_t *ret);
