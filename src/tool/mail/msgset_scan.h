/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/msgset_scan.h - the words of a message list.
 */
#pragma once

#include "base/arena.h"

enum msg_token {
	MSG_END,
	MSG_NUMBER,
	MSG_STRING, /* a name, /subject, :n, @field@text */
	MSG_SEARCH, /* (or from ana flagged), parentheses included */
	MSG_META,   /* one of $ . ^ ; */
	MSG_STAR,
	MSG_DASH,
	MSG_PLUS,
	MSG_CLOSE, /* a lost ")": means nothing */
	MSG_COMMA,
	MSG_BACK, /* ` */
	MSG_ERROR,
	MSG_TOKENS,
};

struct msg_scan {
	span rest;
	struct arena *arena;
	enum msg_token token;
	/* The word, quotes off; of MSG_ERROR the complaint. Borrowed from the
	 * line or in the arena. */
	span text;
	uint32_t number; /* of MSG_NUMBER; UINT32_MAX: more than any */
	bool is_thread;  /* "&" stood before it */
};

/* Step to the next word. */
void msg_scan_next(struct msg_scan *s);
