/* SPDX-License-Identifier: ISC */
#include "daemon/smtpd/forms.h"

#include <stdarg.h>
#include <stdio.h>

#include "mail/address.h"
#include "os/log.h"

enum { LINE = 16 * 1024 };

static const char program[] = "smtpd";

static void put_line(
    const struct session *s, enum log_level level, struct buf *line)
{
	log_text(s->service->syslog_name, program, level, buf_span(line));
	buf_done(line);
}

static span queue_id(const struct session *s, char text[MSGID_TEXT_MAX])
{
	if (!s->message || !s->message->id)
		return SPAN("NOQUEUE");
	return msgid_text(s->message->id, text);
}

/* "QID: " */
static void put_id(const struct session *s, struct buf *line)
{
	char text[MSGID_TEXT_MAX];

	buf_put(line, queue_id(s, text));
	buf_put(line, SPAN(": "));
}

/* What a stranger sent: line ends as \r\n, what is not printable as \ooo. */
static void put_escaped(struct buf *line, span text)
{
	static const char names[] = "\a\b\f\n\r\t\v\\";
	static const char letters[] = "abfnrtv\\";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		const char *found = c ? strchr(names, c) : NULL;

		if (found)
			buf_printf(line, "\\%c", letters[found - names]);
		else if (ascii_is_print(c))
			buf_putc(line, c);
		else
			buf_printf(line, "\\%03o", (unsigned char)c);
	}
}

void form_connect(const struct session *s)
{
	struct buf line = BUF_INIT(LINE);

	if (s->trusted)
		return;
	buf_put(&line, SPAN("connect from "));
	buf_put(&line, s->namaddr);
	put_line(s, LOG_LEVEL_INFO, &line);
}

void form_disconnect(const struct session *s)
{
	struct buf line = BUF_INIT(LINE);

	if (s->trusted)
		return;
	buf_put(&line, SPAN("disconnect from "));
	buf_put(&line, s->namaddr);
	smtp_server_counts(&s->engine, &line);
	if (s->engine.saw_bare_lf &&
	    s->service->engine.bare_lf == SMTP_BARE_LF_NOTE)
		buf_put(&line, SPAN(" notes=bare_lf"));
	put_line(s, LOG_LEVEL_INFO, &line);
}

void form_broken(const struct session *s, const char *what)
{
	struct buf line = BUF_INIT(LINE);

	if (s->trusted)
		return;
	buf_printf(&line, "%s after ", what);
	smtp_server_where(&s->engine, &line);
	buf_put(&line, SPAN(" from "));
	buf_put(&line, s->namaddr);
	put_line(s, LOG_LEVEL_INFO, &line);
}

static void put_address(struct buf *line, const char *name, span addr)
{
	buf_printf(line, " %s=<", name);
	if (addr.len)
		address_quote(line, addr);
	buf_putc(line, '>');
}

/* QID: uid=1000 from=<ana>; mail that is sent on was told of before. */
static void put_user(const struct session *s)
{
	const struct smtp_inside *inside = &s->engine.mail.inside;
	struct buf line = BUF_INIT(LINE);

	if (!inside->has_uid)
		return;
	put_id(s, &line);
	buf_printf(&line, "uid=%u", inside->uid);
	put_address(&line, "from", s->engine.mail.sender);
	if (inside->former_id.len) {
		buf_put(&line, SPAN(" orig_id="));
		buf_put(&line, inside->former_id);
	}
	log_text(
	    s->service->syslog_name, "pickup", LOG_LEVEL_INFO, buf_span(&line));
	buf_done(&line);
}

void form_client(const struct session *s)
{
	struct buf line = BUF_INIT(LINE);

	if (s->trusted) {
		put_user(s);
		return;
	}
	put_id(s, &line);
	buf_put(&line, SPAN("client="));
	buf_put(&line, s->namaddr);
	if (s->engine.mail.auth.len) {
		buf_put(&line, SPAN(", sasl_sender="));
		buf_put(&line, s->engine.mail.auth);
	}
	put_line(s, LOG_LEVEL_INFO, &line);
}

/* Whom it was about, as far as we know. */
static void put_context(const struct session *s, struct buf *line)
{
	const struct smtp_server *e = &s->engine;
	bool is_rcpt =
	    e->command == SMTP_CMD_RCPT || e->command == SMTP_CMD_VRFY;
	span helo = e->ask == SMTP_ASK_HELO ? e->arg : e->helo;

	buf_putc(line, ';');
	if (smtp_server_has_mail(e) || e->command == SMTP_CMD_MAIL)
		put_address(line, "from", e->mail.sender);
	if (is_rcpt)
		put_address(line, "to", e->rcpt.addr);
	else if (e->nrcpts)
		put_address(line, "to", e->first_rcpt);
	buf_printf(line, " proto=%.*s", PRI(session_protocol(s)));
	if (helo.len) {
		buf_put(line, SPAN(" helo=<"));
		buf_put(line, helo);
		buf_putc(line, '>');
	}
}

/* It stays where it was, and is tried again. */
static void put_deferral(const struct session *s, span reply)
{
	char id[MSGID_TEXT_MAX];

	log_warn("cleanup", "%.*s: message not accepted: %.*s",
	    PRI(queue_id(s, id)), PRI(reply));
}

void form_decision(const struct session *s, span verb, span reply)
{
	struct buf line = BUF_INIT(LINE);

	if (s->trusted) {
		put_deferral(s, reply);
		return;
	}
	put_id(s, &line);
	buf_put(&line, verb);
	buf_put(&line, SPAN(": "));
	buf_put(&line, smtp_server_where_word(&s->engine));
	buf_put(&line, SPAN(" from "));
	buf_put(&line, s->namaddr);
	buf_put(&line, SPAN(": "));
	buf_put(&line, reply);
	put_context(s, &line);
	put_line(s, LOG_LEVEL_INFO, &line);
}

void form_refusal(const struct session *s, span verb, unsigned code, span reply)
{
	struct buf text = BUF_INIT(LINE);

	buf_put_u64(&text, code);
	buf_putc(&text, ' ');
	buf_put(&text, reply);
	form_decision(s, verb, buf_span(&text));
	buf_done(&text);
}

void form_info(const struct session *s, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_text(
	    s->service->syslog_name, program, LOG_LEVEL_INFO, span_str(text));
}

void form_warn(const struct session *s, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_text(s->service->syslog_name, program, LOG_LEVEL_WARNING,
	    span_str(text));
}

/* ---- remarks of the engine ---- */

typedef void note_fn(const struct session *s, span text);

static void note_pipelining(const struct session *s, span text)
{
	struct buf line = BUF_INIT(LINE);

	buf_put(&line, SPAN("improper command pipelining after "));
	buf_put(&line, smtp_server_where_word(&s->engine));
	buf_put(&line, SPAN(" from "));
	buf_put(&line, s->namaddr);
	buf_put(&line, SPAN(": "));
	put_escaped(&line, text);
	put_line(s, LOG_LEVEL_INFO, &line);
}

static void note_long_line(const struct session *s, span text)
{
	form_warn(s, "%.*s: request longer than %u: %.30s...", PRI(s->namaddr),
	    s->service->engine.line_length_limit, span_first(text, 30).ptr);
}

static void note_flood(const struct session *s, span text)
{
	(void)text;
	form_warn(s, "disabling input from %.*s", PRI(s->namaddr));
}

static void note_bad_address(const struct session *s, span text)
{
	form_warn(s, "Illegal address syntax from %.*s in %.*s command: %.*s",
	    PRI(s->namaddr), PRI(smtp_server_where_word(&s->engine)),
	    PRI(text));
}

static void note_not_smtp(const struct session *s, span text)
{
	struct buf line = BUF_INIT(LINE);

	buf_put(&line, SPAN("non-SMTP command from "));
	buf_put(&line, s->namaddr);
	buf_put(&line, SPAN(": "));
	put_escaped(&line, span_first(text, 100));
	put_line(s, LOG_LEVEL_WARNING, &line);
}

static void note_discarding(const struct session *s, span text)
{
	struct buf line = BUF_INIT(LINE);

	(void)text;
	buf_put(&line, SPAN("discarding EHLO keywords: "));
	smtp_keywords_write(&line, s->service->engine.discard);
	put_line(s, LOG_LEVEL_INFO, &line);
}

static void note_reject(const struct session *s, span text)
{
	form_decision(s, SPAN("reject"), text);
}

static void note_bdat_syntax(const struct session *s, span text)
{
	char id[MSGID_TEXT_MAX];

	form_warn(s, "%.*s: malformed BDAT command syntax from %.*s: %.*s",
	    PRI(queue_id(s, id)), PRI(s->namaddr), PRI(span_first(text, 100)));
}

static void note_bdat_null(const struct session *s, span text)
{
	char id[MSGID_TEXT_MAX];

	(void)text;
	form_warn(s, "%.*s: null BDAT request from %.*s", PRI(queue_id(s, id)),
	    PRI(s->namaddr));
}

static void note_bdat_size(const struct session *s, span text)
{
	char id[MSGID_TEXT_MAX];

	(void)text;
	form_warn(s, "%.*s: BDAT request from %.*s exceeds message size limit",
	    PRI(queue_id(s, id)), PRI(s->namaddr));
}

static void note_bdat_flood(const struct session *s, span text)
{
	char id[MSGID_TEXT_MAX];

	(void)text;
	form_warn(s,
	    "%.*s: too much BDAT content -- disabling further input from %.*s",
	    PRI(queue_id(s, id)), PRI(s->namaddr));
}

static void note_size(const struct session *s, span text)
{
	char id[MSGID_TEXT_MAX];

	(void)text;
	if (s->trusted)
		log_warn("cleanup", "%.*s: queue file size limit exceeded",
		    PRI(queue_id(s, id)));
	else
		form_warn(s, "%.*s: queue file size limit exceeded",
		    PRI(queue_id(s, id)));
}

void form_note(const struct session *s)
{
	static note_fn *const notes[] = {
		[SMTP_NOTE_PIPELINING] = note_pipelining,
		[SMTP_NOTE_LONG_LINE] = note_long_line,
		[SMTP_NOTE_FLOOD] = note_flood,
		[SMTP_NOTE_BAD_ADDRESS] = note_bad_address,
		[SMTP_NOTE_NOT_SMTP] = note_not_smtp,
		[SMTP_NOTE_DISCARDING] = note_discarding,
		[SMTP_NOTE_REJECT] = note_reject,
		[SMTP_NOTE_BDAT_SYNTAX] = note_bdat_syntax,
		[SMTP_NOTE_BDAT_NULL] = note_bdat_null,
		[SMTP_NOTE_BDAT_SIZE] = note_bdat_size,
		[SMTP_NOTE_BDAT_FLOOD] = note_bdat_flood,
		[SMTP_NOTE_SIZE] = note_size,
	};

	notes[s->engine.note](s, s->engine.note_text);
}

void form_ident(const struct session *s)
{
	char id[MSGID_TEXT_MAX];
	span qid = queue_id(s, id);
	span resent = clean_resent_ident(&s->message->clean);

	if (resent.len)
		log_line("cleanup", "%.*s: resent-message-id=%.*s", PRI(qid),
		    PRI(resent));
	log_line("cleanup", "%.*s: message-id=%.*s", PRI(qid),
	    PRI(clean_ident(&s->message->clean)));
}
