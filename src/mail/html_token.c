/* SPDX-License-Identifier: ISC */
#include "mail/html_token.h"

#include "base/utf8.h"

#include <stdlib.h>

enum { NAME_MAX_LEN = 8, REPLACEMENT = 0xfffd };

struct html_name {
	char name[NAME_MAX_LEN + 2];
	uint32_t c;
};

#include "mail/html_names.h"

/* ---- tags ---- */

static void drop_to(struct html_lexer *l, span what)
{
	const char *at = memmem(l->rest.ptr, l->rest.len, what.ptr, what.len);

	l->rest = span_from(
	    l->rest, at ? (size_t)(at - l->rest.ptr) + what.len : l->rest.len);
}

/*
 * How long the tag is, with its ">"; 0: it does not end. A quote counts only
 * behind "=".
 */
static size_t tag_length(struct html_lexer *l)
{
	span s = l->rest;
	char quote = '\0';
	char before = '\0';
	ssize_t end;

	for (size_t i = 1; i < s.len && !l->no_quotes; i++) {
		char c = s.ptr[i];

		if (quote) {
			if (c == quote)
				quote = before = '\0';
			continue;
		}
		if (c == '>')
			return i + 1;
		if ((c == '"' || c == '\'') && before == '=')
			quote = c;
		else if (!ascii_is_space(c))
			before = c;
	}
	l->no_quotes = true;
	end = span_find(s, '>');
	if (end < 0)
		l->no_tags = true;
	return (size_t)(end + 1);
}

static size_t name_length(span s)
{
	size_t n = 0;

	while (n < s.len && !ascii_is_space(s.ptr[n]) && s.ptr[n] != '/' &&
	    s.ptr[n] != '>' && s.ptr[n] != '=')
		n++;
	return n;
}

static bool take_tag(struct html_lexer *l, struct html_token *ret)
{
	bool is_end = l->rest.ptr[1] == '/';
	size_t length = tag_length(l);
	span tag;

	if (!length)
		return false;
	tag = span_of(l->rest.ptr + 1 + is_end, length - 2 - is_end);
	l->rest = span_from(l->rest, length);
	*ret = (struct html_token){ .kind = is_end ? HTML_END : HTML_BEGIN };
	ret->name = span_first(tag, name_length(tag));
	ret->attrs = span_from(tag, ret->name.len);
	return true;
}

static bool is_tag(span s)
{
	size_t at = s.len > 1 && s.ptr[1] == '/' ? 2 : 1;

	return s.len > at && s.ptr[0] == '<' && ascii_is_alpha(s.ptr[at]);
}

static bool is_dropped(span s)
{
	return span_has_prefix(s, SPAN("<!")) || span_has_prefix(s, SPAN("<?"));
}

static void take_text(struct html_lexer *l, struct html_token *ret)
{
	ssize_t end = -1;

	if (!l->no_tags)
		end = span_find(span_from(l->rest, 1), '<');
	*ret = (struct html_token){ .kind = HTML_TEXT, .text = l->rest };
	if (end >= 0)
		ret->text.len = (size_t)end + 1;
	l->rest = span_from(l->rest, ret->text.len);
}

bool html_next(struct html_lexer *l, struct html_token *ret)
{
	while (l->rest.len && is_dropped(l->rest) && !l->no_tags) {
		bool is_comment = span_skip(&l->rest, SPAN("<!--"));

		drop_to(l, is_comment ? SPAN("-->") : SPAN(">"));
	}
	if (!l->rest.len)
		return false;
	if (l->no_tags || !is_tag(l->rest) || !take_tag(l, ret))
		take_text(l, ret);
	return true;
}

void html_skip(struct html_lexer *l, span name)
{
	while (l->rest.len) {
		ssize_t at = span_find(l->rest, '<');
		span after;

		if (at < 0)
			break;
		l->rest = span_from(l->rest, (size_t)at);
		after = l->rest;
		if (span_skip(&after, SPAN("</")) &&
		    span_skip_nocase(&after, name))
			return;
		l->rest = span_from(l->rest, 1);
	}
	l->rest = span_from(l->rest, l->rest.len);
}

static span take_value(span *rest)
{
	char quote = rest->len ? rest->ptr[0] : '\0';
	size_t n = 0;

	if (quote == '"' || quote == '\'') {
		*rest = span_from(*rest, 1);
		return span_cut(rest, quote);
	}
	while (n < rest->len && !ascii_is_space(rest->ptr[n]))
		n++;
	*rest = span_from(*rest, n);
	return span_of(rest->ptr - n, n);
}

bool html_attr(span attrs, span name, span *ret_value)
{
	while (attrs.len) {
		span found = span_first(attrs, name_length(attrs));
		span value = SPAN_NONE;

		attrs = span_from(attrs, found.len ? found.len : 1);
		if (!found.len)
			continue;
		attrs = span_trim_left(attrs);
		if (span_skip(&attrs, SPAN("="))) {
			attrs = span_trim_left(attrs);
			value = take_value(&attrs);
		}
		if (span_eq_nocase(found, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* ---- characters ---- */

/* What people who write &#150; mean. */
static uint32_t mend_number(uint32_t c)
{
	static const uint16_t windows[32] = {
		0x20ac,
		0xfffd,
		0x201a,
		0x0192,
		0x201e,
		0x2026,
		0x2020,
		0x2021,
		0x02c6,
		0x2030,
		0x0160,
		0x2039,
		0x0152,
		0xfffd,
		0x017d,
		0xfffd,
		0xfffd,
		0x2018,
		0x2019,
		0x201c,
		0x201d,
		0x2022,
		0x2013,
		0x2014,
		0x02dc,
		0x2122,
		0x0161,
		0x203a,
		0x0153,
		0xfffd,
		0x017e,
		0x0178,
	};

	if (c >= 0x80 && c <= 0x9f)
		return windows[c - 0x80];
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return REPLACEMENT;
	return c;
}

static uint32_t digit_of(char c)
{
	if (ascii_is_digit(c))
		return (uint32_t)(c - '0');
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 : 99;
}

/* Behind "&#". */
static bool take_number(span *rest, uint32_t *ret)
{
	span s = *rest;
	uint32_t base = span_skip_nocase(&s, SPAN("x")) ? 16 : 10;
	uint32_t c = 0;
	size_t n = 0;

	for (; n < s.len && digit_of(s.ptr[n]) < base; n++)
		c = MIN(c * base + digit_of(s.ptr[n]), 0x110000U);
	if (!n)
		return false;
	s = span_from(s, n);
	(void)span_skip(&s, SPAN(";"));
	*rest = s;
	*ret = mend_number(c);
	return true;
}

static int by_name(const void *key, const void *row)
{
	const struct html_name *r = row;

	return span_cmp(*(const span *)key, span_str(r->name));
}

/* Behind "&". Old names do without the semicolon, but "&copy=1" is of a URL. */
static bool take_name(span *rest, uint32_t *ret)
{
	span name = *rest;
	const struct html_name *found;
	bool has_end;
	size_t n = 0;

	while (
	    n < rest->len && n <= NAME_MAX_LEN && ascii_is_alnum(rest->ptr[n]))
		n++;
	name.len = n;
	found = bsearch(&name, html_names, ARRAY_LEN(html_names),
	    sizeof(html_names[0]), by_name);
	has_end = n < rest->len && rest->ptr[n] == ';';
	if (!found || (!has_end && found->c > 0xff) ||
	    (n < rest->len && rest->ptr[n] == '='))
		return false;
	*rest = span_from(*rest, n + has_end);
	*ret = found->c;
	return true;
}

uint32_t html_char(span *rest)
{
	span s = *rest;
	uint32_t c;

	if (span_skip(&s, SPAN("&"))) {
		bool ok = span_skip(&s, SPAN("#")) ? take_number(&s, &c)
		                                   : take_name(&s, &c);

		if (ok) {
			*rest = s;
			return c;
		}
	}
	c = utf8_next(rest);
	return c ? c : REPLACEMENT;
}
