/* SPDX-License-Identifier: ISC */
#include "mail/rewrite.h"

#include "mail/address.h"

enum { TOKENS_MAX = 4096 };

static bool is_empty_quotes(const struct token_list *l)
{
	return l->head && l->head == l->tail && l->head->type == TOKEN_QUOTED &&
	    l->head->text.len == 0;
}

/* "@" or '.' and then the words of `name`. */
static bool append_name(
    struct arena *a, struct token_list *l, char joint, span name)
{
	struct token *t = token_new(a, (uint16_t)joint, SPAN_NONE);
	struct token_list words;

	if (!t || !token_scan(name, TOKENS_MAX, a, &words))
		return false;
	token_append(l, t);
	token_append_list(l, &words);
	return true;
}

/* @a,@b:user@c is user@c. */
static void strip_route(struct token_list *l)
{
	struct token *colon = token_find(l, ':');

	if (l->head->type == '@' && colon && colon != l->tail)
		token_cut_to(l, colon);
}

/* site!user becomes user@site. */
static bool swap_bangpath(
    struct arena *a, struct token_list *l, struct token *bang)
{
	struct token *at = token_new(a, '@', SPAN_NONE);
	struct token_list user = { bang->next, l->tail };
	struct token_list tail = { at, at };

	if (!at)
		return false;
	if (!bang->next)
		user = (struct token_list){ 0 };
	else
		bang->next->prev = NULL;
	token_cut_from(l, bang);
	token_prepend_list(l, &tail);
	token_prepend_list(l, &user);
	return true;
}

/* An address without @ gets one. */
static bool find_domain(
    const struct rewrite_conf *conf, struct arena *a, struct token_list *l)
{
	struct token *bang = token_find(l, '!');
	struct token *percent = token_rfind(l, '%');

	if (conf->swap_bangpath && bang)
		return swap_bangpath(a, l, bang);
	if (conf->percent_hack && percent) {
		percent->type = '@';
		return true;
	}
	if (conf->append_at_myorigin && conf->origin.len)
		return append_name(a, l, '@', conf->origin);
	return true;
}

static bool is_bare_host(const struct token_list *l)
{
	const struct token *t = token_rfind(l, '@');

	if (!t || t == l->tail)
		return false;
	for (; t; t = t->next)
		if (t->type == '.' || t->type == TOKEN_LITERAL)
			return false;
	return true;
}

/* user@host. but not user@host.. or user@. */
static void strip_final_dot(struct token_list *l)
{
	struct token *last = l->tail;

	if (last->type == '.' && last->prev && last->prev->type != '.' &&
	    last->prev->type != '@')
		token_cut_from(l, last);
}

bool rewrite_tokens(
    const struct rewrite_conf *conf, struct arena *a, struct token_list *addr)
{
	if (!addr->head || is_empty_quotes(addr))
		return true;
	if (addr->head == addr->tail && addr->head->type == '@') {
		addr->head->type = TOKEN_QUOTED;
		return true;
	}
	strip_route(addr);
	if (!token_rfind(addr, '@') && !find_domain(conf, a, addr))
		return false;
	if (conf->append_dot_mydomain && conf->domain.len &&
	    is_bare_host(addr) && !append_name(a, addr, '.', conf->domain))
		return false;
	strip_final_dot(addr);
	return true;
}

/* user@host.domain in plain characters: nothing can change it. */
static bool is_plain(span addr)
{
	bool dot = false;
	bool at = false;
	char prev = '.';

	for (size_t i = 0; i < addr.len; i++) {
		char c = addr.ptr[i];

		if (c == '@' && !at && prev != '.')
			at = true;
		else if (c == '.' && prev != '.' && prev != '@')
			dot |= at;
		else if (!ascii_is_alnum(c) && !(c && strchr("-_+=", c)))
			return false;
		prev = c;
	}
	return dot && prev != '.' && prev != '@';
}

bool rewrite_address(const struct rewrite_conf *conf, struct arena *a,
    span addr, struct buf *out)
{
	struct token_list l;
	struct token whole = { .type = TOKEN_ADDR };
	struct token_list list = { &whole, &whole };
	struct buf text = BUF_INIT(ADDRESS_QUOTED_MAX);
	struct buf quoted = BUF_INIT(ADDRESS_QUOTED_MAX);
	bool ok;

	if (addr.len == 0 || is_plain(addr)) {
		buf_put(out, addr);
		return true;
	}
	address_quote(&quoted, addr);
	ok = !quoted.failed && token_scan(buf_span(&quoted), 0, a, &l) &&
	    rewrite_tokens(conf, a, &l);
	if (ok) {
		whole.kids = l;
		token_write_external(&text, &list, 0);
		address_unquote(out, buf_span(&text));
		ok = !text.failed;
	}
	buf_done(&quoted);
	buf_done(&text);
	return ok;
}
