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

/* --- names and numbers --- */

struct name_scan {
	size_t label; /* bytes in this label so far */
	bool letters; /* something that is no digit */
};

/* One byte of a host name; `next` is the one behind it, or -1. */
static bool name_char(struct name_scan *n, char c, int next, bool utf8)
{
	if (c == '.') {
		if (n->label == 0 || next < 0)
			return false;
		n->label = 0;
		return true;
	}
	n->label++;
	if (!ascii_is_digit(c))
		n->letters = true;
	if (c == '-')
		return n->label > 1 && next >= 0 && next != '.';
	/* A dash may make the label longer than it may be, as in Postfix. */
	if (n->label > 63)
		return false;
	return ascii_is_alnum(c) || c == '_' || (utf8 && c < 0);
}

static bool is_name(span s, bool utf8)
{
	struct name_scan n = { 0 };

	if (s.len == 0 || s.len > 255)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : -1;

		if (!name_char(&n, s.ptr[i], next, utf8))
			return false;
	}
	return n.letters;
}

bool address_is_hostname(span s)
{
	return is_name(s, false);
}

bool address_is_hostname_utf8(span s)
{
	return is_name(s, true) && address_is_utf8(s);
}

bool address_is_ipv4(span s)
{
	int octets = 0;
	bool zero = false;

	for (; octets < 4 && s.len; octets++) {
		bool last = span_find(s, '.') < 0;
		span digits = span_cut(&s, '.');
		uint32_t n;

		/* "1.2.3." has an empty octet behind its last dot. */
		if ((!last && s.len == 0) || !span_to_u32(digits, &n) ||
		    n > 255)
			return false;
		if (octets == 0)
			zero = n == 0;
		else if (zero && n != 0)
			return false;
	}
	return octets == 4 && s.len == 0;
}

static bool is_hex_group(span s)
{
	if (s.len < 1 || s.len > 4)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_digit(s.ptr[i]) &&
		    !strchr("abcdefABCDEF", s.ptr[i]))
			return false;
	return true;
}

/* Groups of hex digits between colons, an IPv4 address at the end counting
 * for two; -1: something else is there. */
static int count_groups(span s)
{
	int groups = 0;

	while (s.len) {
		bool last = span_find(s, ':') < 0;
		span g = span_cut(&s, ':');

		if (last && span_find(g, '.') >= 0)
			return address_is_ipv4(g) ? groups + 2 : -1;
		if (!is_hex_group(g) || (!last && s.len == 0))
			return -1;
		if (++groups > 8)
			return -1;
	}
	return groups;
}

static ssize_t find_double_colon(span s)
{
	for (size_t i = 0; i + 1 < s.len; i++)
		if (s.ptr[i] == ':' && s.ptr[i + 1] == ':')
			return (ssize_t)i;
	return -1;
}

bool address_is_ipv6(span s)
{
	ssize_t gap = find_double_colon(s);
	int left;
	int right;

	if (gap < 0)
		return count_groups(s) == 8;
	if (span_find(span_first(s, (size_t)gap), '.') >= 0)
		return false;
	left = count_groups(span_first(s, (size_t)gap));
	right = count_groups(span_from(s, (size_t)gap + 2));
	return left >= 0 && right >= 0 && left + right <= 7;
}

bool address_is_literal(span s, span *ret_addr)
{
	span inner;

	if (s.len < 2 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	inner = span_first(span_from(s, 1), s.len - 2);
	if (span_skip_nocase(&inner, SPAN("IPv6:"))) {
		*ret_addr = inner;
		return address_is_ipv6(inner);
	}
	*ret_addr = inner;
	return address_is_ipv4(inner);
}

bool address_is_ascii(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0)
			return false;
	return true;
}

/* How many bytes follow this first byte, and what the second must be. */
static size_t utf8_tail(unsigned char c, unsigned char second)
{
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef) {
		if ((c == 0xe0 && second < 0xa0) ||
		    (c == 0xed && second > 0x9f))
			return 0;
		return 2;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if ((c == 0xf0 && second < 0x90) ||
		    (c == 0xf4 && second > 0x8f))
			return 0;
		return 3;
	}
	return 0;
}

bool address_is_utf8(span s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	for (size_t i = 0; i < s.len; i++) {
		size_t tail;

		if (p[i] < 0x80)
			continue;
		if (i + 1 == s.len)
			return false;
		tail = utf8_tail(p[i], p[i + 1]);
		if (tail == 0 || tail > s.len - i - 1)
			return false;
		for (; tail > 0; tail--)
			if ((p[++i] & 0xc0) != 0x80)
				return false;
	}
	return true;
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
	struct buf internal = BUF_INIT(4 * ADDRESS_MAX);
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
