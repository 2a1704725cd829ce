/* SPDX-License-Identifier: ISC */
/*
 * store/folder_scan.h - finding the messages of an mbox file.
 *
 *	folder_scan_init(&s, seed, &calls, ctx);
 *	while there is more:
 *		n = folder_scan_feed(&s, window, is_last);
 *		keep what stands behind n for the next window
 *	folder_scan_end(&s);
 *
 * No I/O. How the bytes are cut into windows does not matter, as long as each
 * window but the last is longer than FOLDER_SCAN_KEEP.
 *
 * A message begins with "From " at the top of the file (empty lines may stand
 * before it), or behind an empty line where the line has a time ("10:23") in
 * it or a header field (but Status) under it. That is less than Heirloom mailx takes for
 * one ("From now on" in a text), and about what s-nail does. Content-Length
 * is ignored. Lines end in LF or CRLF.
 */
#pragma once

#include "store/folder.h"

enum { FOLDER_SCAN_KEEP = 4096 };

/* What is special about a message. */
enum folder_form {
	FOLDER_CRLF = 1, /* its lines end so: at least the first one */
	/* No empty line ends the header, which is empty but for Status lines:
	 * the first other line is no field. */
	FOLDER_BARE = 2,
	FOLDER_CUT = 4, /* the file ends within the header */
};

/* A mailbox is an array of these. `size` and `lines` have the From_ line and
 * all empty lines at the end in them. */
struct folder_item {
	struct folder_message m;
	uint64_t at;   /* where its From_ line is */
	uint64_t head; /* From_ line, header, and the empty line if there is */
	uint64_t hash; /* of what readers leave alone */
};

/* A running hash: 64 bits, and nobody knows its key. */
struct folder_hash {
	uint64_t key[4];
	uint64_t lane[2];
	uint64_t length;
	uint64_t newlines; /* seen, and left out if nothing follows */
	size_t used;
	unsigned char part[32];
};

enum folder_line { FOLDER_OTHER, FOLDER_STATUS, FOLDER_XSTATUS };

struct folder_scan_calls {
	void (*found)(void *ctx, const struct folder_item *item);
	/* May be NULL. A Status or X-Status line, with its line end; lines
	 * that continue one are told, too. */
	void (*status)(
	    void *ctx, enum folder_line kind, uint64_t at, uint64_t length);
};

struct folder_scan {
	const struct folder_scan_calls *calls;
	void *ctx;
	uint64_t seed;
	uint64_t pos;     /* of the next byte to come */
	uint64_t line_at; /* where the line began, in a header */
	struct folder_item item;
	struct folder_hash hash;
	uint8_t state;
	uint8_t kind; /* enum folder_line of the line */
	bool in_line;
	bool only_status; /* so far the header has Status lines alone */
	char back[3];     /* the last bytes, the nearest last */
};

void folder_scan_init(struct folder_scan *s, uint64_t seed,
    const struct folder_scan_calls *calls, void *ctx);
/* How much of it was consumed. */
size_t folder_scan_feed(struct folder_scan *s, span window, bool is_last);
/* True if that was a mailbox: an empty file is one. */
MUST_USE bool folder_scan_end(struct folder_scan *s);
