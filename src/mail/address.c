/* SPDX-License-Identifier: ISC */
/*
 * Nearly all paths are <user@host.domain> in plain characters: those are
 * recognized by one look at each byte and returned without a copy. All
 * others go through the same parser as the addresses of a header.
 */
#include "mail/address.h"

#include "mail/token.h"

/* --- internal and external form --- */

static bool must_quote_char(char c)
{
	return (c >= 0 && c <= ' ') || c == 127 || strchr("()<>@,;:\\\"[]", c);
}

/* Whether a local part can stand without quotes. */
static bool is_dot_string(span s)
{
	if (s.len == 0 || s.ptr[0] == '.' || s.ptr[s.len - 1] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (must_quote_char(s.ptr[i]) ||
		    (s.ptr[i] == '.' && s.ptr[i + 1] == '.'))
			return false;
	return true;
}

/* "@a,@b:" in front of the address proper. */
static span cut_route(span *addr)
{
	ssize_t colon = span_find(*addr, ':');
	span route = SPAN_NONE;

	if (addr->len && addr->ptr[0] == '@' && colon >= 0) {
		route = span_first(*addr, (size_t)colon + 1);
		*addr = span_from(*addr, (size_t)colon + 1);
	}
	return route;
}

void address_split(span addr, span *ret_local, span *ret_domain)
{
	ssize_t at = span_rfind(addr, '@');

	*ret_local = at < 0 ? addr : span_first(addr, (size_t)at);
	*ret_domain = at < 0 ? SPAN_NONE : span_from(addr, (size_t)at + 1);
}

span address_domain(span addr)
{
	span local;
	span domain;

	address_split(addr, &local, &domain);
	return domain;
}

void address_quote(struct buf *out, span addr)
{
	span route = cut_route(&addr);
	ssize_t at = span_rfind(addr, '@');
	span local = at < 0 ? addr : span_first(addr, (size_t)at);

	buf_put(out, route);
	if (is_dot_string(local)) {
		buf_put(out, addr);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		char c = local.ptr[i];

		if (c == '"' || c == '\\' || c == '\r')
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
	buf_putc(out, '"');
	buf_put(out, span_from(addr, local.len));
}

void address_unquote(struct buf *out, span addr)
{
	span route = cut_route(&addr);
	bool quoted = false;
	span domain = SPAN_NONE;
	size_t domain_at = 0;

	buf_put(out, route);
	for (size_t i = 0; i < addr.len; i++) {
		char c = addr.ptr[i];

		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\\' && ++i == addr.len)
			break;
		if (c == '@' && !quoted) {
			domain = span_from(addr, i);
			domain_at = out->len;
		}
		buf_putc(out, addr.ptr[i]);
	}
	/* The domain stays as it is. */
	if (domain.len && !out->failed) {
		out->len = domain_at;
		buf_put(out, domain);
	}
}

/* --- what may be in an envelope --- */

/* "host." but not "host.." or ".". */
static span without_final_dot(span domain)
{
	if (domain.len > 1 && domain.ptr[domain.len - 1] == '.' &&
	    domain.ptr[domain.len - 2] != '.')
		return span_first(domain, domain.len - 1);
	return domain;
}

bool address_is_valid(span addr, unsigned flags)
{
	span local;
	span domain;
	span inner;

	if (addr.len > ADDRESS_MAX)
		return false;
	address_split(addr, &local, &domain);
	if (addr.len && addr.ptr[0] == '-' && !(flags & ADDRESS_ALLOW_MIN_USER))
		return false;
	if (!domain.ptr)
		return true;
	domain = without_final_dot(domain);
	if (domain.len && domain.ptr[0] == '[')
		return address_is_literal(domain, &inner);
	if (!address_is_utf8(local))
		return false;
	if ((flags & ADDRESS_ALLOW_NUMERIC) &&
	    (address_is_ipv4(domain) || address_is_ipv6(domain)))
		return true;
	if (flags & ADDRESS_SMTPUTF8)
		return address_is_hostname_utf8(domain);
	return address_is_hostname(domain);
}

/* user@host.domain, each character of which says nothing but itself. */
static bool is_plain_address(span s)
{
	static const char plain[] = "-_+=.'/*#$&?^`{}~";
	bool at = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '@' && !at && i > 0)
			at = true;
		else if (!ascii_is_alnum(c) && !(c && strchr(plain, c)))
			return false;
	}
	return s.len > 0;
}

/* --- words of a command --- */

/*
 * What is open: each '<' inside a '<' adds a level, and a '"' one more on
 * top, in which only its end counts. So a counter and a flag suffice.
 */
struct open_quotes {
	size_t angles;
	bool quote;
};

/* Whether this character closes the bracket or quote that came first. */
static bool quotes_step(struct open_quotes *q, char c)
{
	if (q->quote) {
		q->quote = c != '"';
		return !q->quote && q->angles == 0;
	}
	if (c == '"')
		q->quote = true;
	else if (c == '<')
		q->angles++;
	else if (c == '>')
		return --q->angles == 0;
	return false;
}

/* From an opening < or " to behind its end; false: it has none. */
static bool skip_quoted(span s, size_t *at)
{
	bool quoted = s.ptr[*at] == '"';
	struct open_quotes q = { .angles = !quoted, .quote = quoted };
	size_t i = *at + 1;

	while (i < s.len) {
		char c = s.ptr[i++];

		if (c == '\\') {
			if (i < s.len)
				i++;
		} else if (quotes_step(&q, c)) {
			*at = i;
			return true;
		}
	}
	*at = i;
	return false;
}

bool address_cut_word(span *rest, span *ret_word)
{
	bool closed = true;
	size_t i = 0;
	span s;

	while (rest->len && ascii_is_space(rest->ptr[0]))
		*rest = span_from(*rest, 1);
	s = *rest;
	while (i < s.len && closed && !ascii_is_space(s.ptr[i])) {
		if (s.ptr[i] == '<' || s.ptr[i] == '"')
			closed = skip_quoted(s, &i);
		else
			i += s.ptr[i] == '\\' && i + 1 < s.len ? 2 : 1;
	}
	*ret_word = span_first(s, i);
	*rest = span_from(s, i);
	return closed;
}

/* --- paths --- */

static bool has_brackets(span s)
{
	return s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>';
}

/* "yo@ mydom.com": a host name behind a word that ends in @. */
static bool join_domain(span *args, span word, struct arena *a, span *ret)
{
	span rest = *args;
	span host;
	char *p;

	if (word.len < 2 || word.ptr[0] == '<' ||
	    word.ptr[word.len - 1] != '@' || !address_cut_word(&rest, &host) ||
	    !address_is_hostname(host))
		return false;
	p = arena_alloc(a, word.len + host.len, 1);
	if (!p)
		return false;
	memcpy(p, word.ptr, word.len);
	memcpy(p + word.len, host.ptr, host.len);
	*ret = span_of(p, word.len + host.len);
	*args = rest;
	return true;
}

/* The one address among the tokens; false: there are several, or junk. */
static bool find_address(
    const struct token_list *l, unsigned flags, const struct token **ret)
{
	size_t addresses = 0;
	bool junk = false;

	*ret = NULL;
	for (const struct token *t = l->head; t; t = t->next) {
		if (t->type == TOKEN_ADDR) {
			*ret = t;
			addresses++;
		} else if (t->type != '<' && t->type != '>') {
			junk = true;
		}
	}
	return addresses <= 1 && !(junk && (flags & ADDRESS_STRICT));
}

static bool parse_address(span text, unsigned flags, struct arena *a, span *ret)
{
	struct token_list l;
	const struct token *addr;
	struct buf internal = BUF_INIT(ADDRESS_QUOTED_MAX);
	bool ok;

	*ret = SPAN_NONE;
	if (!token_parse(text, 0, a, &l) || !find_address(&l, flags, &addr))
		return false;
	if (!addr)
		return true;
	token_write_internal(&internal, &addr->kids);
	*ret = arena_dup(a, buf_span(&internal));
	ok = !internal.failed && ret->ptr;
	buf_done(&internal);
	return ok;
}

static bool is_acceptable(span addr, unsigned flags)
{
	if (addr.len == 0)
		return flags & ADDRESS_MAY_BE_EMPTY;
	if ((flags & ADDRESS_STRICT) && addr.ptr[0] == '@')
		return false;
	return address_is_valid(addr, flags);
}

int address_parse_path(
    span *args, unsigned flags, struct arena *a, struct address_path *ret)
{
	bool closed = address_cut_word(args, &ret->text);
	span text;

	if (ret->text.len == 0)
		return ADDRESS_MISSING;
	if (closed && !(flags & ADDRESS_STRICT))
		(void)join_domain(args, ret->text, a, &ret->text);
	text = ret->text;
	if (has_brackets(text))
		text = span_first(span_from(text, 1), text.len - 2);
	ret->bare = text;
	ret->addr = SPAN_NONE;
	if (!closed || text.len > ADDRESS_MAX)
		return ADDRESS_BAD;
	if ((flags & ADDRESS_STRICT) && ret->text.ptr[0] != '<')
		return ADDRESS_BAD;
	(void)cut_route(&text);
	if (is_plain_address(text))
		ret->addr = text;
	else if (!parse_address(text, flags, a, &ret->addr))
		return ADDRESS_BAD;
	return is_acceptable(ret->addr, flags) ? ADDRESS_OK : ADDRESS_BAD;
}

void address_put_phrase(struct buf *out, span name)
{
	static const span specials = SPAN_INIT("()<>[]:;@\\,.\"");
	bool quote = false;

	for (size_t i = 0; i < name.len; i++)
		quote |= span_find(specials, name.ptr[i]) >= 0;
	if (quote)
		buf_putc(out, '"');
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
	}
	if (quote)
		buf_putc(out, '"');
}
