/* SPDX-License-Identifier: ISC */
/*
 * tool/vacation_reply.c - the answer (RFC 3834 3).
 *
 * The user's text is a message, with or without a header. What he has not
 * said in it, we add; what would make a loop, we say ourselves. $SUBJECT and
 * $FROM in it are what the message says, on one line.
 */
#include "base/utf8.h"
#include "mail/address.h"
#include "mail/header.h"
#include "tool/vacation.h"

enum { HEADERS_MAX = 1 << 20 };

static void put_line(
    struct buf *out, span line, const struct vacation_mail *mail)
{
	while (line.len > 0) {
		if (span_skip(&line, SPAN("$SUBJECT"))) {
			buf_put(out, mail->subject);
		} else if (span_skip(&line, SPAN("$FROM"))) {
			buf_put(out, mail->sender);
		} else {
			if (line.ptr[0] != '\r')
				buf_putc(out, line.ptr[0]);
			line = span_from(line, 1);
		}
	}
	buf_putc(out, '\n');
}

/* Those that are ours. */
static bool is_dropped(span name)
{
	static const span names[] = {
		SPAN_INIT("To"),
		SPAN_INIT("Cc"),
		SPAN_INIT("Bcc"),
		SPAN_INIT("Auto-Submitted"),
		SPAN_INIT("In-Reply-To"),
		SPAN_INIT("References"),
		SPAN_INIT("Message-Id"),
		SPAN_INIT("Return-Path"),
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(names[i], name))
			return true;
	return false;
}

enum has { HAS_FROM = 1, HAS_SUBJECT = 2, HAS_PRECEDENCE = 4, HAS_TYPE = 8 };

static unsigned what_it_is(span name)
{
	if (span_eq_nocase(name, SPAN("From")))
		return HAS_FROM;
	if (span_eq_nocase(name, SPAN("Subject")))
		return HAS_SUBJECT;
	if (span_eq_nocase(name, SPAN("Precedence")))
		return HAS_PRECEDENCE;
	return span_eq_nocase(name, SPAN("Content-Type")) ? HAS_TYPE : 0;
}

/* The template's header; what remains in `rest` is the body. */
static unsigned put_template_header(
    struct buf *out, span *rest, const struct vacation_mail *mail)
{
	unsigned has = 0;
	bool dropped = false;
	bool some = false;

	while (rest->len > 0) {
		span before = *rest;
		span line = span_cut(rest, '\n');
		bool goes_on =
		    some && line.len > 0 && ascii_is_space(line.ptr[0]);
		size_t n = header_name_len(line);

		if (span_trim(line).len == 0 && some)
			break;
		if (!goes_on && n == 0) {
			*rest = before;
			break;
		}
		if (!goes_on)
			dropped = is_dropped(span_first(line, n));
		if (!goes_on && !dropped)
			has |= what_it_is(span_first(line, n));
		if (!dropped)
			put_line(out, line, mail);
		some = true;
	}
	return has;
}

static void put_to(struct buf *out, span to)
{
	buf_put(out, SPAN("To: "));
	address_quote(out, to);
	buf_putc(out, '\n');
}

static void put_copy(struct buf *out, span copy_to)
{
	if (copy_to.len == 0)
		return;
	buf_put(out, SPAN("Cc: "));
	for (size_t i = 0; i < copy_to.len; i++)
		buf_putc(
		    out, ascii_is_space(copy_to.ptr[i]) ? ' ' : copy_to.ptr[i]);
	buf_putc(out, '\n');
}

static void put_quoted(struct buf *out, span text)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		if (c >= ' ' && c != 127)
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

static void put_from(struct buf *out, const struct vacation_reply *reply)
{
	buf_put(out, SPAN("From: "));
	if (reply->full_name.len > 0 && utf8_is_ascii(reply->full_name)) {
		put_quoted(out, reply->full_name);
		buf_putc(out, ' ');
	}
	buf_putc(out, '<');
	address_quote(out, reply->from);
	buf_put(out, SPAN(">\n"));
}

static void put_subject(struct buf *out, const struct vacation_mail *mail)
{
	buf_put(out, SPAN("Subject: Auto: "));
	if (mail->subject.len > 0)
		buf_put(out, mail->subject);
	else
		buf_put(out, SPAN("your message"));
	buf_putc(out, '\n');
}

/* RFC 5322 3.6.4 */
static void put_thread(struct buf *out, const struct vacation_mail *mail)
{
	if (mail->message_id.len == 0)
		return;
	buf_printf(out, "In-Reply-To: %.*s\n", PRI(mail->message_id));
	buf_put(out, SPAN("References:"));
	for (size_t i = 0; i < mail->nreferences; i++)
		buf_printf(out, " %.*s\n", PRI(mail->references[i]));
	buf_printf(out, " %.*s\n", PRI(mail->message_id));
}

static void put_type(struct buf *out, span body)
{
	if (utf8_is_ascii(body))
		return;
	buf_put(out,
	    SPAN("MIME-Version: 1.0\n"
	         "Content-Type: text/plain; charset="));
	if (address_is_utf8(body))
		buf_put(out, SPAN("utf-8\n"));
	else
		buf_put(out, SPAN("iso-8859-1\n"));
	buf_put(out, SPAN("Content-Transfer-Encoding: 8bit\n"));
}

static void put_body(
    struct buf *out, span body, const struct vacation_mail *mail)
{
	buf_putc(out, '\n');
	while (body.len > 0)
		put_line(out, span_cut(&body, '\n'), mail);
}

void vacation_write(struct buf *out, const struct vacation_reply *reply,
    const struct vacation_mail *mail)
{
	CLEANUP(buf_done) struct buf head = BUF_INIT(HEADERS_MAX);
	CLEANUP(buf_done) struct buf body = BUF_INIT(out->max);
	span rest = reply->template;
	unsigned has = put_template_header(&head, &rest, mail);

	put_to(out, reply->to);
	put_copy(out, reply->copy_to);
	if (!(has & HAS_FROM))
		put_from(out, reply);
	if (!(has & HAS_SUBJECT))
		put_subject(out, mail);
	buf_put(out, buf_span(&head));
	buf_put(out, SPAN("Auto-Submitted: auto-replied\n"));
	if (!(has & HAS_PRECEDENCE))
		buf_put(out, SPAN("Precedence: bulk\n"));
	put_thread(out, mail);
	put_body(&body, rest, mail);
	if (!(has & HAS_TYPE))
		put_type(out, buf_span(&body));
	buf_put(out, buf_span(&body));
	out->failed |= head.failed || body.failed;
}
