/* SPDX-License-Identifier: ISC */
#include "tool/mail/msgset_scan.h"

static const struct single {
	char c;
	enum msg_token token;
} singles[] = {
	{ '$', MSG_META },
	{ '.', MSG_META },
	{ '^', MSG_META },
	{ ';', MSG_META },
	{ '*', MSG_STAR },
	{ '-', MSG_DASH },
	{ '+', MSG_PLUS },
	{ ')', MSG_CLOSE },
	{ ',', MSG_COMMA },
	{ '`', MSG_BACK },
};

static void fail(struct msg_scan *s, span complaint)
{
	s->token = MSG_ERROR;
	s->text = complaint;
}

static void scan_number(struct msg_scan *s)
{
	size_t n = 0;

	while (n < s->rest.len && ascii_is_digit(s->rest.ptr[n]))
		n++;
	s->token = MSG_NUMBER;
	s->text = span_first(s->rest, n);
	if (!span_to_u32(s->text, &s->number))
		s->number = UINT32_MAX;
	s->rest = span_from(s->rest, n);
}

/* Up to the parenthesis that closes it; "..." hides parentheses. */
static void scan_search(struct msg_scan *s)
{
	bool in_quote = false;
	size_t level = 0;

	for (size_t i = 0; i < s->rest.len; i++) {
		char c = s->rest.ptr[i];

		if (in_quote && c == '\\')
			i++;
		else if (c == '"')
			in_quote = !in_quote;
		else if (!in_quote && c == '(')
			level++;
		else if (!in_quote && c == ')' && --level == 0) {
			s->token = MSG_SEARCH;
			s->text = span_first(s->rest, i + 1);
			s->rest = span_from(s->rest, i + 1);
			return;
		}
	}
	fail(s, SPAN("Missing \")\"."));
}

static void scan_quoted(struct msg_scan *s)
{
	char quote = s->rest.ptr[0];
	span inner = span_from(s->rest, 1);
	ssize_t end = span_find(inner, quote);

	if (end < 0) {
		fail(s, quote == '"' ? SPAN("Missing \"") : SPAN("Missing '"));
		return;
	}
	s->token = MSG_STRING;
	s->text = span_first(inner, (size_t)end);
	s->rest = span_from(inner, (size_t)end + 1);
}

/* Up to a blank; a backslash keeps the next character as it is. */
static void scan_bare(struct msg_scan *s)
{
	size_t end = 0;
	size_t len = 0;
	char *copy;

	while (end < s->rest.len && !ascii_is_blank(s->rest.ptr[end]))
		end +=
		    s->rest.ptr[end] == '\\' && end + 1 < s->rest.len ? 2 : 1;
	copy = arena_alloc(s->arena, end + 1, 1);
	if (!copy) {
		fail(s, SPAN("The message list is too long"));
		return;
	}
	for (size_t i = 0; i < end; i++) {
		if (s->rest.ptr[i] == '\\' && i + 1 < end)
			i++;
		copy[len++] = s->rest.ptr[i];
	}
	s->token = MSG_STRING;
	s->text = span_of(copy, len);
	s->rest = span_from(s->rest, end);
}

static bool scan_single(struct msg_scan *s)
{
	for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
		if (s->rest.ptr[0] != singles[i].c)
			continue;
		s->token = singles[i].token;
		s->text = span_first(s->rest, 1);
		s->rest = span_from(s->rest, 1);
		return true;
	}
	return false;
}

void msg_scan_next(struct msg_scan *s)
{
	span_skip_blanks(&s->rest);
	s->text = SPAN_NONE;
	s->token = MSG_END;
	s->is_thread = false;
	if (s->rest.len == 0)
		return;
	if (span_skip(&s->rest, SPAN("&"))) {
		s->is_thread = true;
		if (s->rest.len == 0 || ascii_is_blank(s->rest.ptr[0])) {
			s->token = MSG_META;
			s->text = SPAN(".");
			return;
		}
	}
	if (ascii_is_digit(s->rest.ptr[0]))
		scan_number(s);
	else if (s->rest.ptr[0] == '(')
		scan_search(s);
	else if (s->rest.ptr[0] == '"' || s->rest.ptr[0] == '\'')
		scan_quoted(s);
	else if (!scan_single(s))
		scan_bare(s);
}
