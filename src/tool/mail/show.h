/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/show.h - messages on the screen.
 */
#pragma once

#include "tool/mail/box.h"
#include "tool/mail/mua.h"

/* `"/var/spool/mail/pue": 2 messages 1 new 2 unread` */
void show_folder_line(struct mua *m, FILE *out);
/* The same for a folder one went to, with its summary if bsdannounce wants. */
void show_arrival(struct mua *m);
/* The screen of summary lines around message i; -H. */
void show_headers(struct mua *m, uint32_t i, FILE *out);
/* One line of the summary; `current`: with ">". */
void show_headline(struct mua *m, uint32_t i, bool current, FILE *out);
/* What autoprint shows: message i, as "type". */
int show_message(struct mua *m, uint32_t i);

enum show_as {
	SHOW_TYPE, /* ignored fields left out, decoded, for people */
	SHOW_ALL,  /* all fields */
	SHOW_QUOTE, /* as TYPE, only the body: for ~m and replies, which indent */
	SHOW_SAVE,    /* save_ignored fields left out, not decoded */
	SHOW_DECODED, /* the body decoded: write, pipe */
	SHOW_FORWARD, /* forward_* fields, decoded: forwards in line */
};

/*
 * Append message i as text in UTF-8: harmless for a terminal in the first
 * three. 0 or a negative errno, which was said.
 */
MUST_USE int show_text(
    struct mua *m, uint32_t i, enum show_as how, struct buf *out);
/* Whether a field appears there. */
bool show_has_field(const struct mua *m, span name, enum show_as how);

/* What message lists search in: decoded, one line. */
enum show_field {
	SHOW_FROM, /* addresses and names */
	SHOW_TO,   /* To, Cc, Bcc */
	SHOW_SUBJECT,
	SHOW_HEADER,
	SHOW_BODY,
};
MUST_USE int show_field(
    struct mua *m, uint32_t i, enum show_field what, struct buf *out);

/* Where long text goes: the pager if it is longer than `crt` says and this is
 * a terminal, else standard output. */
int show_page(struct mua *m, span text);
