/* SPDX-License-Identifier: ISC */
/*
 * mail/html_token.h - HTML as a row of tags and texts; for mail/html.c.
 *
 * Linear, whatever comes: comments, declarations and instructions are passed
 * over, a tag that does not end is text.
 */
#pragma once

#include "base/buf.h"

enum html_kind { HTML_TEXT, HTML_BEGIN, HTML_END };

struct html_token {
	enum html_kind kind;
	span name;  /* of a tag, as written */
	span attrs; /* what is behind the name */
	span text;  /* of a text: with its entities */
};

struct html_lexer {
	span rest;
	bool no_quotes; /* a quote did not end: none is believed any more */
	bool no_tags;   /* no ">" is left */
};

/* False: the end. */
bool html_next(struct html_lexer *l, struct html_token *ret);
/* Step over all that stands before </name>: scripts and styles. */
void html_skip(struct html_lexer *l, span name);
/* False: there is no such attribute. The value still has its entities. */
bool html_attr(span attrs, span name, span *ret_value);
/*
 * The next character, entities decoded; steps over it. It may be any one but
 * 0. Ask rest->len before.
 */
uint32_t html_char(span *rest);
