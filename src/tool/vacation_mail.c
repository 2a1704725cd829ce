/* SPDX-License-Identifier: ISC */
/*
 * tool/vacation_mail.c - what a message says about whether an answer is due
 * (RFC 3834).
 *
 * Everything in it is a stranger's. What goes into the answer is one line of
 * harmless characters, or is left out.
 */
#include "base/utf8.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/token.h"
#include "tool/vacation.h"

enum { SUBJECT_MAX = 400, ID_MAX = 900, ADDRESS_LONGEST = 1000 };

struct reader {
	struct vacation_mail *mail;
	const span *names;
	size_t nnames;
	bool has_path; /* a Return-Path: better than From_ */
};

/* ---- addresses ---- */

/* The first address in a text; ptr == NULL: there is none. */
static span first_address(struct arena *a, span text)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(ADDRESS_LONGEST);
	struct token_list list;

	if (!token_parse(text, 0, a, &list))
		return SPAN_NONE;
	for (struct token *t = list.head; t; t = t->next) {
		if (t->type != TOKEN_ADDR)
			continue;
		token_write_internal(&out, &t->kids);
		return out.failed ? SPAN_NONE : arena_dup(a, buf_span(&out));
	}
	return SPAN_NONE;
}

/* An alias with a domain is one address; without, a user of any domain, with
 * whatever extension. */
static bool is_name(span address, span name)
{
	span local;
	span domain;
	ssize_t plus;

	if (span_rfind(name, '@') >= 0)
		return span_eq_nocase(address, name);
	address_split(address, &local, &domain);
	if (span_eq_nocase(local, name))
		return true;
	plus = span_find(local, '+');
	return plus > 0 &&
	    span_eq_nocase(span_first(local, (size_t)plus), name);
}

static void take_recipient(struct reader *r, span address)
{
	for (size_t i = 0; i < r->nnames && !r->mail->for_us; i++) {
		if (!is_name(address, r->names[i]))
			continue;
		r->mail->for_us = true;
		r->mail->us = arena_dup(r->mail->arena, address);
	}
}

static void take_recipients(struct reader *r, span value)
{
	struct token_list list;

	if (!token_parse(value, 0, r->mail->arena, &list))
		return;
	for (struct token *t = list.head; t && !r->mail->for_us; t = t->next) {
		struct buf address = BUF_INIT(ADDRESS_LONGEST);

		if (t->type == TOKEN_ADDR)
			token_write_internal(&address, &t->kids);
		if (t->type == TOKEN_ADDR && !address.failed)
			take_recipient(r, buf_span(&address));
		buf_done(&address);
	}
}

/* ---- headers ---- */

static void refuse(struct reader *r, const char *why)
{
	if (!r->mail->refusal)
		r->mail->refusal = why;
}

static void take_path(struct reader *r, span value)
{
	span address = span_trim(value);

	if (r->has_path)
		return;
	r->has_path = true;
	r->mail->has_sender = true;
	r->mail->sender = span_eq(address, SPAN("<>"))
	    ? SPAN("")
	    : first_address(r->mail->arena, value);
}

/* One line without anything that could begin another one. */
static span one_line(struct arena *a, span text, size_t max)
{
	struct buf out = BUF_INIT(max + 1);
	span result;
	bool utf8 = address_is_utf8(text);

	text = span_first(span_trim(text), max);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool good = c >= 128 ? utf8 : c >= ' ' && c < 127;

		if (c == '\n' || c == '\r' || c == '\t')
			buf_putc(&out, ' ');
		else
			buf_putc(&out, good ? (char)c : '?');
	}
	/* The cut may have parted a character. */
	while (out.len > 0 && utf8 && !address_is_utf8(buf_span(&out)))
		out.len--;
	result = arena_dup(a, buf_span(&out));
	buf_done(&out);
	return result;
}

static void take_subject(struct reader *r, span value)
{
	if (r->mail->subject.len == 0)
		r->mail->subject = one_line(r->mail->arena, value, SUBJECT_MAX);
}

/* The next <...> without blanks; ptr == NULL: no more. */
static span next_id(span *rest)
{
	while (rest->len > 0) {
		ssize_t from = span_find(*rest, '<');
		ssize_t to;
		span id;
		bool good = true;

		if (from < 0)
			break;
		*rest = span_from(*rest, (size_t)from);
		to = span_find(*rest, '>');
		if (to < 0)
			break;
		id = span_first(*rest, (size_t)to + 1);
		for (size_t i = 0; i < id.len; i++)
			good &= id.ptr[i] > ' ' && id.ptr[i] < 127;
		*rest = span_from(*rest, good ? id.len : 1);
		if (good && id.len > 2 && id.len <= ID_MAX)
			return id;
	}
	return SPAN_NONE;
}

static void take_id(struct reader *r, span value)
{
	span id = next_id(&value);

	if (id.ptr && !r->mail->message_id.len)
		r->mail->message_id = arena_dup(r->mail->arena, id);
}

static void take_references(struct reader *r, span value)
{
	struct vacation_mail *m = r->mail;
	span id;

	while ((id = next_id(&value)).ptr) {
		if (m->nreferences == VACATION_REFERENCES)
			memmove(m->references, m->references + 1,
			    sizeof(m->references) - sizeof(span));
		else
			m->nreferences++;
		m->references[m->nreferences - 1] = arena_dup(m->arena, id);
	}
}

static void take_precedence(struct reader *r, span value)
{
	value = span_trim(value);
	if (span_eq_nocase(value, SPAN("bulk")) ||
	    span_eq_nocase(value, SPAN("junk")) ||
	    span_eq_nocase(value, SPAN("list")))
		refuse(r, "its precedence is bulk, junk or list");
}

static void take_auto(struct reader *r, span value)
{
	value = span_trim(value);
	value = span_trim(span_cut(&value, ';'));
	if (!span_eq_nocase(value, SPAN("no")))
		refuse(r, "a program has sent it");
}

static void take_list(struct reader *r, span value)
{
	(void)value;
	refuse(r, "it came over a mailing list");
}

static void take_spam(struct reader *r, span value)
{
	if (span_has_prefix_nocase(span_trim(value), SPAN("yes")))
		refuse(r, "it is spam");
}

static void take_suppress(struct reader *r, span value)
{
	span word;

	while ((word = span_word(&value, " ,\t\r\n")).len > 0)
		if (span_eq_nocase(word, SPAN("all")) ||
		    span_eq_nocase(word, SPAN("oof")) ||
		    span_eq_nocase(word, SPAN("autoreply")))
			refuse(r, "it asks for no answer");
}

static void take_type(struct reader *r, span value)
{
	if (span_has_prefix_nocase(span_trim(value), SPAN("multipart/report")))
		refuse(r, "it is a report");
}

static const struct field {
	span name;
	void (*take)(struct reader *r, span value);
} fields[] = {
	{ SPAN_INIT("Return-Path"), take_path },
	{ SPAN_INIT("To"), take_recipients },
	{ SPAN_INIT("Cc"), take_recipients },
	{ SPAN_INIT("Bcc"), take_recipients },
	{ SPAN_INIT("Resent-To"), take_recipients },
	{ SPAN_INIT("Resent-Cc"), take_recipients },
	{ SPAN_INIT("Resent-Bcc"), take_recipients },
	{ SPAN_INIT("Apparently-To"), take_recipients },
	{ SPAN_INIT("Subject"), take_subject },
	{ SPAN_INIT("Message-Id"), take_id },
	{ SPAN_INIT("References"), take_references },
	{ SPAN_INIT("Precedence"), take_precedence },
	{ SPAN_INIT("Auto-Submitted"), take_auto },
	{ SPAN_INIT("List-Id"), take_list },
	{ SPAN_INIT("List-Help"), take_list },
	{ SPAN_INIT("List-Post"), take_list },
	{ SPAN_INIT("List-Owner"), take_list },
	{ SPAN_INIT("List-Subscribe"), take_list },
	{ SPAN_INIT("List-Unsubscribe"), take_list },
	{ SPAN_INIT("List-Archive"), take_list },
	{ SPAN_INIT("Mailing-List"), take_list },
	{ SPAN_INIT("X-Mailing-List"), take_list },
	{ SPAN_INIT("X-Spam-Flag"), take_spam },
	{ SPAN_INIT("X-Auto-Response-Suppress"), take_suppress },
	{ SPAN_INIT("Content-Type"), take_type },
};

static void take_header(struct reader *r, span header, size_t name_len)
{
	span name = span_first(header, name_len);
	span value = header;

	(void)span_cut(&value, ':');
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_eq_nocase(fields[i].name, name))
			fields[i].take(r, value);
}

/* "From sender date": what delivery has put in front. */
static void take_from_line(struct reader *r, span line)
{
	span sender = span_word(&line, " \t\r");

	if (sender.len == 0)
		return;
	r->mail->has_sender = true;
	r->mail->sender = span_eq(sender, SPAN("<>"))
	    ? SPAN("")
	    : arena_dup(r->mail->arena, sender);
}

static bool is_continued(span rest)
{
	return rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t');
}

/* A line and those that continue it. */
static span cut_header(span *rest)
{
	span begin = *rest;

	do {
		(void)span_cut(rest, '\n');
	} while (is_continued(*rest));
	return span_first(begin, begin.len - rest->len);
}

void vacation_read(span text, const span *names, size_t nnames, struct arena *a,
    struct vacation_mail *ret)
{
	struct reader r = { .mail = ret, .names = names, .nnames = nnames };

	*ret = (struct vacation_mail){ .arena = a };
	text = span_first(text, VACATION_HEADER_MAX);
	if (span_skip(&text, SPAN("From ")))
		take_from_line(&r, span_cut(&text, '\n'));
	while (text.len > 0) {
		span header = cut_header(&text);
		size_t name_len = header_name_len(header);

		if (name_len == 0)
			break;
		take_header(&r, header, name_len);
	}
}

/* ---- senders ---- */

static bool has_suffix(span s, span suffix)
{
	return span_has_suffix_nocase(s, suffix);
}

static bool is_daemon(span local)
{
	static const span names[] = {
		SPAN_INIT("postmaster"),
		SPAN_INIT("uucp"),
		SPAN_INIT("mailer"),
		SPAN_INIT("mailer-daemon"),
		SPAN_INIT("daemon"),
		SPAN_INIT("listserv"),
		SPAN_INIT("majordomo"),
		SPAN_INIT("noreply"),
		SPAN_INIT("no-reply"),
	};
	static const span suffixes[] = {
		SPAN_INIT("-request"),
		SPAN_INIT("-relay"),
		SPAN_INIT("-owner"),
		SPAN_INIT("-bounces"),
		SPAN_INIT("-outgoing"),
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(names[i], local))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (has_suffix(local, suffixes[i]))
			return true;
	return span_has_prefix_nocase(local, SPAN("owner-"));
}

const char *vacation_refuses_sender(const struct vacation_mail *m)
{
	span local;
	span domain;

	if (m->sender.len == 0)
		return "its sender wants no answer";
	for (size_t i = 0; i < m->sender.len; i++)
		if ((unsigned char)m->sender.ptr[i] < ' ' ||
		    m->sender.ptr[i] == 127)
			return "its sender is no address";
	address_split(m->sender, &local, &domain);
	if (is_daemon(local))
		return "its sender is a program";
	if (m->us.len > 0 && span_eq_nocase(m->us, m->sender))
		return "its sender is the user himself";
	return NULL;
}
