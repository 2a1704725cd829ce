/* SPDX-License-Identifier: ISC */
/*
 * The notice has three parts: a text for people, a report for programs, and
 * the message it is about (or its header). What strangers wrote (addresses,
 * envelope ids, remote replies) goes through put_clean(), so that it can end
 * no line early.
 */
#include "mail/dsn.h"

#include "mail/address.h"
#include "mail/date.h"

enum {
	WRAP_AT = 79,
	WRAP_INDENT = 4,
	LINE_MAX_BYTES = 64 * 1024,
};

/* Where a copy of the header alone is: it ends with the first empty line. */
enum { LINE_EMPTY, LINE_CR, LINE_TEXT, LINE_ENDED };

static const struct wording {
	enum template_kind text;
	const char *action; /* RFC 3464 2.3.3 */
	uint8_t notify;     /* enum rcpt_notify */
	const char *undelivered;
} wordings[] = {
	[DSN_FAILURE] = { TEMPLATE_FAILURE, "failed", RCPT_NOTIFY_FAILURE,
	    "Undelivered " },
	[DSN_DELAY] = { TEMPLATE_DELAY, "delayed", RCPT_NOTIFY_DELAY,
	    "Undelivered " },
	[DSN_SUCCESS] = { TEMPLATE_SUCCESS, "", RCPT_NOTIFY_SUCCESS, "" },
	[DSN_VERIFY] = { TEMPLATE_VERIFY, "", 0, "" },
};

static void end_line(struct buf *out)
{
	buf_put(out, SPAN("\r\n"));
}

static void put_text(struct buf *out, const char *text)
{
	buf_put(out, span_str(text));
}

static void put_line(struct buf *out, const char *text)
{
	put_text(out, text);
	end_line(out);
}

static void put_clean(struct buf *out, span s)
{
	bool utf8 = address_is_utf8(s);

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		buf_putc(out, ascii_is_print(c) || (utf8 && c < 0) ? c : '?');
	}
}

static void put_address(struct buf *out, span addr)
{
	struct buf quoted = BUF_INIT(ADDRESS_QUOTED_MAX);

	address_quote(&quoted, addr);
	put_clean(out, buf_span(&quoted));
	buf_done(&quoted);
}

/* The null sender stands in the report as somebody here. */
static void put_sender(struct buf *out, const struct dsn_notice *n)
{
	if (n->about->sender.len) {
		put_address(out, n->about->sender);
		return;
	}
	buf_put(out, SPAN("MAILER-DAEMON@"));
	buf_put(out, n->conf->myhostname);
}

static void put_id(struct buf *out, msgid id)
{
	char text[MSGID_TEXT_MAX];

	buf_put(out, msgid_text(id, text));
}

/* Length of the longest beginning of s that fits, without blanks behind it;
 * the word that comes first fits always. */
static size_t fitting(span s, size_t width)
{
	size_t end = 0;

	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.ptr[i] != ' ' && s.ptr[i] != '\t')
			continue;
		if (i > width && end > 0)
			return end;
		if (i > 0 && s.ptr[i - 1] != ' ' && s.ptr[i - 1] != '\t')
			end = i;
	}
	return end ? end : s.len;
}

static void put_wrapped(struct buf *out, span s)
{
	size_t width = WRAP_AT;

	while (s.len) {
		size_t n = fitting(s, width);

		if (width < WRAP_AT)
			buf_printf(out, "%*s", WRAP_INDENT, "");
		buf_put(out, span_first(s, n));
		end_line(out);
		s = span_from(s, n);
		while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
			s = span_from(s, 1);
		width = WRAP_AT - WRAP_INDENT;
	}
}

static const struct wording *wording_of(const struct dsn_notice *n)
{
	return &wordings[n->kind];
}

static const struct template *text_of(const struct dsn_notice *n)
{
	return &n->conf->texts->of[wording_of(n)->text];
}

/* Whether a recipient belongs in this notice. */
static bool is_named(const struct dsn_notice *n, uint32_t i)
{
	static const enum verdict_class classes[] = {
		[DSN_FAILURE] = VERDICT_BOUNCED,
		[DSN_DELAY] = VERDICT_DEFERRED,
		[DSN_SUCCESS] = VERDICT_SENT,
		[DSN_VERIFY] = VERDICT_SENT,
	};
	uint8_t notify = n->about->rcpts[i].notify;

	if (n->kind == DSN_VERIFY)
		return true;

	if (n->verdicts[i].class != classes[n->kind])
		return false;
	if (n->flags & DSN_TO_POSTMASTER)
		return true;
	if (n->kind == DSN_SUCCESS)
		return notify & RCPT_NOTIFY_SUCCESS;
	return notify == 0 || (notify & wording_of(n)->notify);
}

uint32_t dsn_count(const struct dsn_notice *n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n->about->nrcpts; i++)
		count += is_named(n, i);
	return count;
}

/* --- header --- */

static void put_boundary(
    struct buf *out, const struct dsn_notice *n, const char *tail)
{
	put_text(out, "--");
	put_id(out, n->about->id);
	buf_printf(out, ".%llu/%.*s%s", (unsigned long long)(n->now / USEC_SEC),
	    PRI(n->conf->myhostname), tail);
	end_line(out);
}

static bool has_charset(const struct dsn_notice *n)
{
	return !span_eq_nocase(text_of(n)->charset, SPAN("us-ascii"));
}

static bool is_8bit(const struct dsn_notice *n)
{
	return n->conf->smtputf8 || (n->about->flags & ENVELOPE_8BIT) ||
	    has_charset(n);
}

static bool is_global(const struct dsn_notice *n)
{
	return n->about->flags & ENVELOPE_SMTPUTF8;
}

static void put_encoding(struct buf *out, const struct dsn_notice *n)
{
	if (is_8bit(n))
		put_line(out, "Content-Transfer-Encoding: 8bit");
}

static void put_trace(struct buf *out, const struct dsn_notice *n)
{
	buf_printf(out, "Received: by %.*s (%.*s)\r\n\tid ",
	    PRI(n->conf->myhostname), PRI(n->conf->mail_name));
	put_id(out, n->id);
	put_text(out, "; ");
	date_write(out, n->now);
	put_text(out, "\r\nDate: ");
	date_write(out, n->now);
	end_line(out);
}

/* A name without a domain is one of ours. */
static void put_from(struct buf *out, const struct dsn_notice *n)
{
	span from = text_of(n)->from;
	ssize_t end;

	if (!from.ptr)
		from = SPAN("Mail Delivery System <MAILER-DAEMON>");
	end = span_rfind(from, '>');
	if (end < 0)
		end = span_find(from, ' ');
	if (end < 0)
		end = (ssize_t)from.len;
	put_text(out, "From: ");
	put_clean(out, span_first(from, (size_t)end));
	if (span_find(from, '@') < 0 && n->conf->myorigin.len) {
		buf_putc(out, '@');
		buf_put(out, n->conf->myorigin);
	}
	put_clean(out, span_from(from, (size_t)end));
	end_line(out);
}

static void put_subject(struct buf *out, const struct dsn_notice *n)
{
	span subject = text_of(n)->subject;

	if ((n->flags & DSN_TO_POSTMASTER) &&
	    text_of(n)->postmaster_subject.ptr)
		subject = text_of(n)->postmaster_subject;
	put_text(out, "Subject: ");
	put_clean(out, subject);
	end_line(out);
}

static void put_message_id(struct buf *out, const struct dsn_notice *n)
{
	put_text(out, "Message-Id: <");
	date_write_stamp(out, n->now);
	buf_putc(out, '.');
	put_id(out, n->id);
	buf_putc(out, '@');
	buf_put(out, n->conf->myhostname);
	put_line(out, ">");
}

static void put_header(struct buf *out, const struct dsn_notice *n)
{
	bool postmaster = n->flags & DSN_TO_POSTMASTER;

	put_trace(out, n);
	put_from(out, n);
	put_subject(out, n);
	put_text(out, "To: ");
	put_address(out, n->to);
	put_text(out, "\r\nAuto-Submitted: ");
	put_line(out, postmaster ? "auto-generated" : "auto-replied");
	put_line(out, "MIME-Version: 1.0");
	put_line(out,
	    "Content-Type: multipart/report; "
	    "report-type=delivery-status;");
	put_text(out, "\tboundary=\"");
	put_id(out, n->about->id);
	buf_printf(out, ".%llu/%.*s\"\r\n",
	    (unsigned long long)(n->now / USEC_SEC), PRI(n->conf->myhostname));
	put_encoding(out, n);
	put_message_id(out, n);
	end_line(out);
	put_line(out, "This is a MIME-encapsulated message.");
}

/* --- the text --- */

/* Lines of the template, in wire form. */
static void put_boilerplate(struct buf *out, const struct dsn_notice *n)
{
	span rest = text_of(n)->text;

	while (rest.len) {
		span line = span_cut(&rest, '\n');

		if (line.len && line.ptr[0] == '.')
			buf_putc(out, '.');
		for (size_t i = 0; i < line.len; i++)
			if (line.ptr[i] != '\r')
				buf_putc(out, line.ptr[i]);
		end_line(out);
	}
}

static bool is_expanded(const struct rcpt *r)
{
	return r->orig.len && !span_eq_nocase(r->orig, r->addr);
}

static bool is_report(const struct dsn_notice *n)
{
	return n->kind == DSN_SUCCESS || n->kind == DSN_VERIFY;
}

/* "delivery via local: delivered to mailbox", or what went wrong. */
static void put_reason(struct buf *out, const struct dsn_notice *n, uint32_t i)
{
	const struct verdict *v = &n->verdicts[i];
	span via = v->relay.len ? v->relay : n->about->rcpts[i].transport;

	if (is_report(n) && !span_eq(via, SPAN("none"))) {
		put_text(out, "delivery via ");
		put_clean(out, via);
		put_text(out, ": ");
	}
	put_clean(
	    out, v->text.len ? v->text : SPAN("(description unavailable)"));
}

static void put_person(struct buf *out, const struct dsn_notice *n, uint32_t i)
{
	const struct rcpt *r = &n->about->rcpts[i];
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	buf_putc(&line, '<');
	put_address(&line, r->addr);
	if (is_expanded(r)) {
		put_text(&line, "> (expanded from <");
		put_address(&line, r->orig);
		put_text(&line, ">): ");
	} else {
		put_text(&line, ">: ");
	}
	put_reason(&line, n, i);
	end_line(out);
	put_wrapped(out, buf_span(&line));
	buf_done(&line);
}

static void put_notification(struct buf *out, const struct dsn_notice *n)
{
	end_line(out);
	put_boundary(out, n, "");
	put_line(out, "Content-Description: Notification");
	put_text(out, "Content-Type: text/plain; charset=");
	if (has_charset(n))
		put_clean(out, text_of(n)->charset);
	else
		put_text(out, is_8bit(n) ? "utf-8" : "us-ascii");
	end_line(out);
	put_encoding(out, n);
	end_line(out);
	if (!(n->flags & DSN_TO_POSTMASTER))
		put_boilerplate(out, n);
	for (uint32_t i = 0; i < n->about->nrcpts; i++)
		if (is_named(n, i))
			put_person(out, n, i);
}

/* --- the report --- */

/* "utf-8; " or "rfc822; " and the address. */
static void put_typed_address(
    struct buf *out, const struct dsn_notice *n, span addr)
{
	bool utf8 =
	    is_global(n) && !address_is_ascii(addr) && address_is_utf8(addr);

	put_text(out, utf8 ? "utf-8; " : "rfc822; ");
	put_address(out, addr);
}

static void put_message_fields(struct buf *out, const struct dsn_notice *n)
{
	buf_printf(
	    out, "Reporting-MTA: dns; %.*s\r\n", PRI(n->conf->myhostname));
	if (n->about->envid.len) {
		put_text(out, "Original-Envelope-Id: ");
		put_clean(out, n->about->envid);
		end_line(out);
	}
	buf_printf(out, "X-%.*s-Queue-ID: ", PRI(n->conf->mail_name));
	put_id(out, n->about->id);
	buf_printf(out, "\r\nX-%.*s-Sender: ", PRI(n->conf->mail_name));
	if (n->about->sender.len) {
		put_typed_address(out, n, n->about->sender);
	} else {
		put_text(out, "rfc822; ");
		put_sender(out, n);
	}
	put_text(out, "\r\nArrival-Date: ");
	date_write(out, n->about->arrival);
	end_line(out);
}

static void put_original_recipient(struct buf *out, const struct rcpt *r)
{
	if (!r->orcpt.len && !r->orig.len)
		return;
	put_text(out, "Original-Recipient: ");
	if (r->orcpt.len) {
		put_clean(out, r->orcpt);
	} else {
		put_text(out, "rfc822;");
		put_address(out, r->orig);
	}
	end_line(out);
}

static void put_diagnostic(
    struct buf *out, const struct dsn_notice *n, uint32_t i)
{
	const struct verdict *v = &n->verdicts[i];
	struct buf field = BUF_INIT(LINE_MAX_BYTES);

	if (v->remote_mta.len) {
		put_text(&field, "Remote-MTA: ");
		put_clean(&field, v->remote_mta);
		put_wrapped(out, buf_span(&field));
		buf_clear(&field);
	}
	put_text(&field, "Diagnostic-Code: ");
	if (v->diagnostic.len) {
		put_clean(&field, v->diagnostic);
	} else {
		buf_printf(&field, "X-%.*s; ", PRI(n->conf->mail_name));
		put_reason(&field, n, i);
	}
	put_wrapped(out, buf_span(&field));
	buf_done(&field);
}

static span action_of(const struct dsn_notice *n, uint32_t i)
{
	const struct verdict *v = &n->verdicts[i];

	if (!is_report(n))
		return span_str(wording_of(n)->action);
	if (n->about->flags & ENVELOPE_VERIFY)
		return v->class == VERDICT_SENT ? SPAN("deliverable")
		                                : SPAN("undeliverable");
	if (n->actions && n->actions[i].len)
		return n->actions[i];
	switch (v->class) {
	case VERDICT_SENT:
		break;
	case VERDICT_DEFERRED:
		return SPAN("delayed");
	case VERDICT_BOUNCED:
		return SPAN("failed");
	}
	/* Handed to a system that will not report by itself. */
	return v->remote_mta.len ? SPAN("relayed") : SPAN("delivered");
}

static void put_recipient_fields(
    struct buf *out, const struct dsn_notice *n, uint32_t i)
{
	const struct rcpt *r = &n->about->rcpts[i];
	const struct verdict *v = &n->verdicts[i];

	put_text(out, "\r\nFinal-Recipient: ");
	put_typed_address(out, n, r->addr);
	end_line(out);
	put_original_recipient(out, r);
	put_text(out, "Action: ");
	put_clean(out, action_of(n, i));
	buf_printf(out, "\r\nStatus: %.*s\r\n", PRI(v->status));
	put_diagnostic(out, n, i);
	if (n->kind == DSN_DELAY) {
		put_text(out, "Will-Retry-Until: ");
		date_write(
		    out, n->about->arrival + n->conf->maximal_queue_lifetime);
		end_line(out);
	}
}

static void put_report(struct buf *out, const struct dsn_notice *n)
{
	end_line(out);
	put_boundary(out, n, "");
	put_line(out, "Content-Description: Delivery report");
	put_text(out, "Content-Type: message/");
	put_line(
	    out, is_global(n) ? "global-delivery-status" : "delivery-status");
	if (is_global(n))
		put_encoding(out, n);
	end_line(out);
	put_message_fields(out, n);
	for (uint32_t i = 0; i < n->about->nrcpts; i++)
		if (is_named(n, i))
			put_recipient_fields(out, n, i);
}

/* --- the message --- */

static bool is_headers_only(const struct dsn_notice *n)
{
	uint64_t limit = n->conf->bounce_size_limit;

	if (n->flags & DSN_HEADERS_ONLY)
		return true;
	if (n->kind != DSN_FAILURE && !(n->flags & DSN_TO_POSTMASTER))
		return true;
	return limit && n->about->size > limit;
}

static const char *original_type(bool global, bool headers)
{
	if (global)
		return headers ? "message/global-headers" : "message/global";
	return headers ? "text/rfc822-headers" : "message/rfc822";
}

static void put_original_header(struct buf *out, const struct dsn_notice *n)
{
	bool headers = is_headers_only(n);

	end_line(out);
	put_boundary(out, n, "");
	buf_printf(out, "Content-Description: %s%s\r\nContent-Type: %s\r\n",
	    wording_of(n)->undelivered, headers ? "Message Headers" : "Message",
	    original_type(is_global(n), headers));
	put_encoding(out, n);
	put_text(out, "\r\nReturn-Path: <");
	put_sender(out, n);
	put_line(out, ">");
}

void dsn_write_head(struct buf *out, const struct dsn_notice *n)
{
	put_header(out, n);
	put_notification(out, n);
	put_report(out, n);
	put_original_header(out, n);
}

/* How much of a copy of the header is wanted, remembering line ends. */
static size_t header_part(struct dsn_notice *n, span content)
{
	for (size_t i = 0; i < content.len; i++) {
		char c = content.ptr[i];

		if (c == '\r' && n->line_state == LINE_EMPTY)
			n->line_state = LINE_CR;
		else if (c == '\n' && n->line_state == LINE_CR)
			n->line_state = LINE_ENDED;
		else
			n->line_state = c == '\n' ? LINE_EMPTY : LINE_TEXT;
		if (n->line_state == LINE_ENDED)
			return i + 1;
	}
	return content.len;
}

bool dsn_write_original(struct buf *out, struct dsn_notice *n, span content)
{
	if (n->line_state == LINE_ENDED)
		return false;
	if (is_headers_only(n))
		content = span_first(content, header_part(n, content));
	buf_put(out, content);
	return n->line_state != LINE_ENDED;
}

void dsn_write_tail(struct buf *out, const struct dsn_notice *n)
{
	/* A copy of the header brought its empty line along. */
	if (n->line_state != LINE_ENDED)
		end_line(out);
	put_boundary(out, n, "--");
}
