/* SPDX-License-Identifier: ISC */
/*
 * The scanner goes left to right. The grouping goes right to left, because
 * that is the direction in which an address list can be understood without
 * looking ahead: a '>' says that an address in brackets ends here and that
 * what stands before its '<' is a name, a ';' that a named group ends here,
 * and two words without an operator between them that a comma is missing.
 * Comments step aside to the right of the address they stand in.
 */
#include "mail/token.h"

#include "mail/address.h"
#include "mail/field.h"

/* Characters that are a token of their own, outside of atoms. */
static const char operators[] = "|%!()<>@,;:\\\".[]";

enum {
	/* Names and comments beyond this are dropped (CERT CA-2003-07). */
	MAX_NAMES = 250,
};

static bool is_control(char c)
{
	return (c >= 0 && c < ' ') || c == 127;
}

static bool is_operator(char c)
{
	return c != '\0' && strchr(operators, c);
}

struct token *token_new(struct arena *a, uint16_t type, span text)
{
	struct token *t = arena_new(a, struct token);

	if (t) {
		t->type = type;
		t->text = text;
	}
	return t;
}

void token_append(struct token_list *l, struct token *t)
{
	t->next = NULL;
	t->prev = l->tail;
	if (l->tail)
		l->tail->next = t;
	else
		l->head = t;
	l->tail = t;
}

void token_append_list(struct token_list *l, struct token_list *more)
{
	if (more->head && l->tail) {
		l->tail->next = more->head;
		more->head->prev = l->tail;
		l->tail = more->tail;
	} else if (more->head) {
		*l = *more;
	}
	*more = (struct token_list){ 0 };
}

void token_prepend_list(struct token_list *l, struct token_list *more)
{
	struct token_list front = *more;

	*more = (struct token_list){ 0 };
	token_append_list(&front, l);
	*l = front;
}

void token_cut_from(struct token_list *l, struct token *t)
{
	l->tail = t->prev;
	if (t->prev)
		t->prev->next = NULL;
	else
		l->head = NULL;
	t->prev = NULL;
}

void token_cut_to(struct token_list *l, struct token *t)
{
	l->head = t->next;
	if (t->next)
		t->next->prev = NULL;
	else
		l->tail = NULL;
	t->next = NULL;
}

struct token *token_find(const struct token_list *l, uint16_t type)
{
	for (struct token *t = l->head; t; t = t->next)
		if (t->type == type)
			return t;
	return NULL;
}

struct token *token_rfind(const struct token_list *l, uint16_t type)
{
	for (struct token *t = l->tail; t; t = t->prev)
		if (t->type == type)
			return t;
	return NULL;
}

/* --- scanning --- */

/* Backslashes resolved and blanks made spaces: a copy only if it must be. */
static bool plain_text(span raw, struct arena *a, span *ret)
{
	char *p;
	size_t n = 0;
	size_t i;

	for (i = 0; i < raw.len; i++)
		if (raw.ptr[i] == '\\' ||
		    (field_is_blank(raw.ptr[i]) && raw.ptr[i] != ' '))
			break;
	*ret = raw;
	if (i == raw.len)
		return true;
	p = arena_alloc(a, raw.len, 1);
	if (!p)
		return false;
	for (i = 0; i < raw.len; i++) {
		char c = raw.ptr[i];

		if (c == '\\' && ++i == raw.len)
			break;
		c = raw.ptr[i];
		p[n++] = field_is_blank(c) ? ' ' : c;
	}
	*ret = span_of(p, n);
	return true;
}

/* Up to `end` (not consumed), over backslashed characters. */
static span cut_until(span *rest, char end)
{
	span start = *rest;
	size_t i = 0;

	while (i < rest->len && rest->ptr[i] != end)
		i += rest->ptr[i] == '\\' && i + 1 < rest->len ? 2 : 1;
	*rest = span_from(*rest, i);
	return span_first(start, i);
}

static span cut_atom(span *rest)
{
	span start = *rest;
	size_t i = 0;

	while (i < rest->len) {
		char c = rest->ptr[i];

		if (c == '\\')
			i += i + 1 < rest->len ? 2 : 1;
		else if (field_is_blank(c) || is_operator(c))
			break;
		else
			i++;
	}
	*rest = span_from(*rest, i);
	return span_first(start, i);
}

/* Comments nest; a counter is all that takes. */
static span cut_comment(span *rest)
{
	span start = *rest;
	size_t depth = 0;
	size_t i = 0;

	while (i < rest->len) {
		char c = rest->ptr[i++];

		if (c == '(')
			depth++;
		else if (c == '\\' && i < rest->len)
			i++;
		else if (c == ')' && --depth == 0)
			break;
	}
	*rest = span_from(*rest, i);
	return span_first(start, i);
}

/* An atom that holds what an atom may not hold was made by backslashes. */
static bool needs_quotes(span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == ' ' || is_control(text.ptr[i]) ||
		    is_operator(text.ptr[i]))
			return true;
	return false;
}

static struct token *scan_one(span *rest, struct arena *a)
{
	char c = rest->ptr[0];
	uint16_t type = TOKEN_ATOM;
	span text;

	if (c == '(')
		return token_new(a, TOKEN_COMMENT, cut_comment(rest));
	if (c == '"' || c == '[') {
		type = c == '"' ? TOKEN_QUOTED : TOKEN_LITERAL;
		*rest = span_from(*rest, 1);
		text = cut_until(rest, c == '"' ? '"' : ']');
		*rest = span_from(*rest, 1);
	} else if (c != '\\' && is_operator(c)) {
		*rest = span_from(*rest, 1);
		return token_new(a, (uint16_t)c, SPAN_NONE);
	} else {
		text = cut_atom(rest);
	}
	if (!plain_text(text, a, &text))
		return NULL;
	if (type == TOKEN_ATOM && needs_quotes(text))
		type = TOKEN_QUOTED;
	return token_new(a, type, text);
}

bool token_scan(
    span text, size_t limit, struct arena *a, struct token_list *ret)
{
	struct token_list l = { 0 };
	size_t count = 0;

	while (text.len > 0) {
		struct token *t;

		if (field_is_blank(text.ptr[0])) {
			text = span_from(text, 1);
			continue;
		}
		t = scan_one(&text, a);
		if (!t)
			return false;
		token_append(&l, t);
		if (++count == limit)
			break;
	}
	*ret = l;
	return true;
}

/* --- grouping --- */

struct grouper {
	struct arena *arena;
	struct token *at;    /* where we are, coming from the right */
	struct token *right; /* the address lies between `at` and this */
	bool word_ok;        /* a word here needs no comma behind it */
	bool in_group;       /* a ':' here opens a named group */
	bool failed;
};

static void link_tokens(struct token *left, struct token *right)
{
	left->next = right;
	right->prev = left;
}

static void insert_after(struct token *left, struct token *t)
{
	link_tokens(t, left->next);
	link_tokens(left, t);
}

/*
 * Put what lies between `at` and `right` under one address, with a comma
 * before it if asked.
 */
static void close_address(struct grouper *g, bool comma)
{
	struct token *addr;
	struct token *sync;

	if (g->failed || g->at == g->right || g->at->next == g->right)
		return;
	addr = token_new(g->arena, TOKEN_ADDR, SPAN_NONE);
	sync = comma ? token_new(g->arena, ',', SPAN_NONE) : NULL;
	if (!addr || (comma && !sync)) {
		g->failed = true;
		return;
	}
	addr->kids.head = g->at->next;
	addr->kids.tail = g->right->prev;
	link_tokens(g->at, g->right);
	addr->kids.head->prev = NULL;
	addr->kids.tail->next = NULL;
	for (struct token *t = addr->kids.head; t; t = t->next)
		t->glued = true;
	insert_after(g->at, addr);
	if (sync)
		insert_after(g->at, sync);
}

static void move_comment(struct grouper *g)
{
	struct token *comment = g->at;

	g->at = comment->prev;
	link_tokens(g->at, comment->next);
	insert_after(g->right->prev, comment);
	g->right = comment;
}

/* name <address>: all of it, up to what stands before the name. */
static void take_bracket(struct grouper *g)
{
	close_address(g, true);
	g->right = g->at;
	while (g->at->type && g->at->type != '<') {
		if (g->at->type == TOKEN_COMMENT)
			move_comment(g);
		else
			g->at = g->at->prev;
	}
	close_address(g, false);
	while (
	    g->at->type && (g->at->type > 0xff || !strchr(">;,:", g->at->type)))
		g->at = g->at->prev;
	g->right = g->at;
	g->word_ok = true;
}

static void open_group(struct grouper *g)
{
	g->at->type = TOKEN_GROUP;
	close_address(g, false);
	while (g->at->type && g->at->type != ',')
		g->at = g->at->prev;
	g->right = g->at;
}

static void take_word(struct grouper *g)
{
	if (!g->word_ok) {
		close_address(g, true);
		g->right = g->at->next;
	}
	g->word_ok = false;
	g->at = g->at->prev;
}

static void take_operator(struct grouper *g)
{
	if (g->at->type == ';') {
		close_address(g, true);
		g->right = g->at;
		g->in_group = true;
	} else if (g->at->type == ',') {
		close_address(g, false);
		g->right = g->at;
	}
	g->word_ok = true;
	g->at = g->at->prev;
}

static void group_step(struct grouper *g)
{
	uint16_t type = g->at->type;

	if (type == TOKEN_COMMENT)
		move_comment(g);
	else if (type == '>')
		take_bracket(g);
	else if (type == ':' && g->in_group)
		open_group(g);
	else if (type == TOKEN_ATOM || type == TOKEN_QUOTED ||
	    type == TOKEN_LITERAL)
		take_word(g);
	else
		take_operator(g);
}

bool token_parse(
    span text, size_t limit, struct arena *a, struct token_list *ret)
{
	struct token first = { 0 };
	struct token last = { 0 };
	struct token_list l;
	struct grouper g = { .arena = a, .right = &last, .word_ok = true };

	if (!token_scan(text, limit, a, &l))
		return false;
	if (!l.head) {
		*ret = l;
		return true;
	}
	/* A sentinel of type 0 at each end spares the tests for NULL. */
	link_tokens(&first, l.head);
	link_tokens(l.tail, &last);
	g.at = last.prev;
	while (g.at->type && !g.failed)
		group_step(&g);
	close_address(&g, false);
	if (g.failed)
		return false;
	*ret = (struct token_list){ first.next, last.prev };
	ret->head->prev = NULL;
	ret->tail->next = NULL;
	return true;
}

/* --- writing --- */

static bool is_operand(const struct token *t)
{
	return t->type >= TOKEN_ATOM && t->type != TOKEN_GROUP;
}

static bool blank_follows(const struct token *t)
{
	if (!t->next || t->glued)
		return false;
	if (t->type == ',' || t->type == TOKEN_GROUP || t->next->type == '<')
		return true;
	return is_operand(t) && is_operand(t->next);
}

static void put_internal(struct buf *out, const struct token *t)
{
	if (t->type == TOKEN_LITERAL) {
		buf_putc(out, '[');
		buf_put(out, t->text);
		buf_putc(out, ']');
	} else if (t->type == TOKEN_GROUP) {
		buf_putc(out, ':');
	} else if (t->type >= TOKEN_ATOM) {
		buf_put(out, t->text);
	} else {
		buf_putc(out, (char)t->type);
	}
}

void token_write_internal(struct buf *out, const struct token_list *l)
{
	for (const struct token *t = l->head; t; t = t->next) {
		if (t->type == TOKEN_ADDR)
			for (const struct token *k = t->kids.head; k;
			     k = k->next)
				put_internal(out, k);
		else
			put_internal(out, t);
		if (blank_follows(t))
			buf_putc(out, ' ');
	}
}

static void put_escaped(struct buf *out, span text, const char *specials)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c != '\0' && strchr(specials, c))
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
}

static void put_address(struct buf *out, const struct token_list *kids)
{
	struct buf plain = BUF_INIT(out->max);

	token_write_internal(&plain, kids);
	address_quote(out, buf_span(&plain));
	out->failed |= plain.failed;
	buf_done(&plain);
}

static void put_external(struct buf *out, const struct token *t)
{
	if (t->type == TOKEN_ADDR) {
		put_address(out, &t->kids);
	} else if (t->type == TOKEN_QUOTED) {
		buf_putc(out, '"');
		put_escaped(out, t->text, "\"\\\r\n");
		buf_putc(out, '"');
	} else if (t->type == TOKEN_LITERAL) {
		buf_putc(out, '[');
		put_escaped(out, t->text, "\\\r\n");
		buf_putc(out, ']');
	} else {
		put_internal(out, t);
	}
}

/* One address with its names and comments: what stands between commas. */
struct expression {
	size_t start;             /* in the output */
	const struct token *addr; /* its address, if it has one */
	size_t addr_len;
};

static void limit_names(struct buf *out, const struct expression *e)
{
	static const struct token_list none;

	if (!e->addr || out->len - e->addr_len <= e->start + MAX_NAMES)
		return;
	out->len = e->start;
	buf_putc(out, '<');
	if (e->addr->type == TOKEN_ADDR)
		put_address(out, e->addr->kids.head ? &e->addr->kids : &none);
	buf_putc(out, '>');
}

void token_write_external(
    struct buf *out, const struct token_list *l, unsigned flags)
{
	struct expression e = { .start = out->len };

	for (const struct token *t = l->head; t; t = t->next) {
		size_t before = out->len;

		if (t->type == ',') {
			if (flags & TOKEN_TRUNCATE)
				limit_names(out, &e);
			buf_putc(out, ',');
			buf_putc(out, flags & TOKEN_ONE_PER_LINE ? '\n' : ' ');
			e = (struct expression){ .start = out->len };
			continue;
		}
		put_external(out, t);
		if (t->type == TOKEN_ADDR) {
			e.addr = t;
			e.addr_len = out->len - before;
		} else if (t->type == '<' && t->next && t->next->type == '>') {
			e.addr = t;
			e.addr_len = 0;
		}
		if (blank_follows(t))
			buf_putc(out, ' ');
	}
	if (flags & TOKEN_TRUNCATE)
		limit_names(out, &e);
}
