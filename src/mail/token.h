/* SPDX-License-Identifier: ISC */
/*
 * mail/token.h - RFC 822 words and operators, and address lists made of them.
 *
 * token_scan() cuts text into a flat list: atoms, quoted strings, domain
 * literals, comments, and single-character operators. token_parse() then
 * groups what belongs to one address under a TOKEN_ADDR. Nothing is thrown
 * away: what is not understood stays where it is, so that a header can be
 * written out again. Nothing recurses.
 *
 * Tokens live in the arena; their text is borrowed from the input where it
 * needs no change.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* Operators are their own character; these are above all characters. */
enum token_type {
	TOKEN_ATOM = 256,
	TOKEN_QUOTED,  /* text without quotes and backslashes */
	TOKEN_LITERAL, /* [text] without the brackets */
	TOKEN_COMMENT, /* text with its parentheses, as it came */
	TOKEN_ADDR,    /* children: one address */
	TOKEN_GROUP,   /* the ':' that opens a named group */
};

struct token;

struct token_list {
	struct token *head;
	struct token *tail;
};

struct token {
	struct token *prev;
	struct token *next;
	uint16_t type; /* enum token_type or a character */
	bool glued;    /* part of an address: no blank behind it */
	span text;
	struct token_list kids; /* TOKEN_ADDR only */
};

/* Stops after `limit` tokens (0: no limit). False: the arena is full. */
MUST_USE bool token_scan(
    span text, size_t limit, struct arena *a, struct token_list *ret);
MUST_USE bool token_parse(
    span text, size_t limit, struct arena *a, struct token_list *ret);

struct token *token_new(struct arena *a, uint16_t type, span text);
/* First from the head, or last before the tail, of this type; or NULL. */
struct token *token_find(const struct token_list *l, uint16_t type);
struct token *token_rfind(const struct token_list *l, uint16_t type);
void token_append(struct token_list *l, struct token *t);
/* All of `more` at the end or at the front; `more` becomes empty. */
void token_append_list(struct token_list *l, struct token_list *more);
void token_prepend_list(struct token_list *l, struct token_list *more);
/* Cut off `t` and everything behind it (before it). */
void token_cut_from(struct token_list *l, struct token *t);
void token_cut_to(struct token_list *l, struct token *t);

enum token_write_flags {
	/* Address lists: "\n" instead of a blank behind each comma. */
	TOKEN_ONE_PER_LINE = 1,
	/* Drop comments and names beyond 250 bytes per address. */
	TOKEN_TRUNCATE = 2,
};

/* Appended in internal form: quoted strings bare. */
void token_write_internal(struct buf *out, const struct token_list *l);
/* Appended in external form. */
void token_write_external(
    struct buf *out, const struct token_list *l, unsigned flags);
