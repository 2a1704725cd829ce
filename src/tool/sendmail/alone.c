/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/alone.c - "sendmail -bs": SMTP on standard input and output.
 *
 * For programs that speak SMTP rather than call us with a message on
 * standard input. Whoever may run us may send mail, so nothing is asked:
 * every recipient is taken, and what cannot be delivered comes back.
 */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "proto/smtp_server.h"
#include "tool/postdrop_status.h"
#include "tool/sendmail/sink.h"

enum { READ_SIZE = 64 * 1024, ENVELOPE_MAX = 1 << 28 };

struct alone {
	struct sendmail *s;
	struct smtp_server_conf conf;
	struct smtp_server smtp;
	struct buf recipients; /* records of this transaction */
	bool open;             /* there is a sink */
	struct sink sink;
	/* Content: a line that is not complete. */
	struct buf line;
	bool in_line; /* some of it was written already */
};

static span value_of(const struct alone *a, const char *name)
{
	return conf_value(a->s->conf, CONF_MAIN, span_str(name));
}

static bool read_conf(struct alone *a)
{
	struct sendmail *s = a->s;
	bool utf8;
	uint64_t recipients;

	if (!submit_bool(&s->voice, s->conf, "smtputf8_enable", &utf8) ||
	    !submit_number(
	        &s->voice, s->conf, "smtpd_recipient_limit", &recipients))
		return false;
	a->conf = (struct smtp_server_conf){
		.myhostname = value_of(a, "myhostname"),
		.banner = value_of(a, "smtpd_banner"),
		.message_size_limit = s->settings.message_size_limit,
		.line_length_limit = (uint32_t)s->settings.line_length_limit,
		.recipient_limit = (uint32_t)recipients,
		.recipient_overshoot_limit = 1000,
		.junk_command_limit = 100,
		.soft_error_limit = 100,
		.hard_error_limit = 100,
		.discard = SMTP_KEYWORD_ETRN | SMTP_KEYWORD_CHUNKING,
		.bare_lf = SMTP_BARE_LF_NO,
		.smtputf8 = utf8,
	};
	return true;
}

/* ---- the message ---- */

static void drop_message(struct alone *a)
{
	if (a->open)
		sink_close(&a->sink);
	a->open = false;
	buf_clear(&a->recipients);
	buf_clear(&a->line);
	a->in_line = false;
}

static void take_recipient(struct alone *a)
{
	const struct smtp_rcpt *r = &a->smtp.rcpt;

	if (r->notify)
		record_put_attr_u64(
		    &a->recipients, RECORD_ATTR_NOTIFY, r->notify);
	if (r->orcpt.len > 0)
		record_put_attr(&a->recipients, RECORD_ATTR_ORCPT, r->orcpt);
	record_put(&a->recipients, RECORD_RCPT, r->addr);
}

static void put_envelope(struct alone *a)
{
	const struct smtp_mail *m = &a->smtp.mail;
	struct sink *k = &a->sink;

	if (m->envid.len > 0)
		sink_put_attr(k, RECORD_ATTR_ENVID, m->envid);
	if (m->ret_full || m->ret_hdrs)
		sink_put_attr(
		    k, RECORD_ATTR_RET, m->ret_full ? SPAN("1") : SPAN("2"));
	sink_put_attr(k, RECORD_ATTR_REWRITE, SPAN("local"));
	sink_put(k, RECORD_FROM, m->sender);
	if (m->body_8bit || m->body_7bit)
		sink_put_attr(k, RECORD_ATTR_ENCODING,
		    m->body_8bit ? SPAN("8bit") : SPAN("7bit"));
	sink_put_raw(k, buf_span(&a->recipients));
	sink_put(k, RECORD_MESG, SPAN(""));
}

static void begin_message(struct alone *a)
{
	if (a->recipients.failed) {
		smtp_server_answer(
		    &a->smtp, 452, SPAN("4.5.3 Error: too many recipients"));
		return;
	}
	if (sink_open(&a->sink, a->s) < 0) {
		sink_close(&a->sink);
		smtp_server_answer(
		    &a->smtp, 451, SPAN("4.3.0 Error: queue file write error"));
		return;
	}
	a->open = true;
	put_envelope(a);
	smtp_server_answer(&a->smtp, 0, SPAN(""));
}

/* A dot at the beginning of a line was doubled on the way. */
static void put_piece(struct alone *a, char type)
{
	span text = buf_span(&a->line);

	if (!a->in_line)
		(void)span_skip(&text, SPAN("."));
	sink_put_content(&a->sink, type, text);
	buf_clear(&a->line);
	a->in_line = type == RECORD_CONT;
}

static void take_byte(struct alone *a, char c)
{
	/* In wire form no LF stands alone, and no CR. */
	if (c == '\r')
		return;
	if (c == '\n') {
		put_piece(a, RECORD_NORM);
		return;
	}
	buf_putc(&a->line, c);
	if (a->line.len == a->s->settings.line_length_limit)
		put_piece(a, RECORD_CONT);
}

static void take_chunk(struct alone *a)
{
	span chunk = a->smtp.chunk;

	if (!a->open)
		return;
	for (size_t i = 0; i < chunk.len; i++)
		take_byte(a, chunk.ptr[i]);
}

static void end_message(struct alone *a)
{
	struct sink *k = &a->sink;

	sink_put(k, RECORD_XTRA, SPAN(""));
	sink_put(k, RECORD_END, SPAN(""));
	sink_finish(k);
	if (k->status == POSTDROP_OK)
		smtp_server_answer(&a->smtp, 0, span_str(k->id));
	else if (k->status & POSTDROP_SIZE)
		smtp_server_answer(
		    &a->smtp, 552, SPAN("5.3.4 Error: message file too big"));
	else if (k->status & POSTDROP_NOPERM)
		smtp_server_answer(
		    &a->smtp, 550, SPAN("5.7.1 Error: service denied"));
	else
		smtp_server_answer(
		    &a->smtp, 451, SPAN("4.3.0 Error: queue file write error"));
	drop_message(a);
}

/* ---- the session ---- */

static int flush_out(struct alone *a)
{
	struct buf *out = &a->smtp.out;
	int r = file_write_all(STDOUT_FILENO, buf_span(out));

	buf_drop(out, out->len);
	return r;
}

static void yes(struct alone *a)
{
	smtp_server_answer(&a->smtp, 0, SPAN(""));
}

/* False: the session is over. */
static bool decide(struct alone *a, enum smtp_ask ask)
{
	switch (ask) {
	case SMTP_ASK_HELO:
	case SMTP_ASK_MAIL:
	case SMTP_ASK_VRFY:
		yes(a);
		return true;
	case SMTP_ASK_RCPT:
		take_recipient(a);
		yes(a);
		return true;
	case SMTP_ASK_ETRN:
		smtp_server_answer(
		    &a->smtp, 458, SPAN("4.7.1 Unable to flush mail queue"));
		return true;
	case SMTP_ASK_DATA:
		begin_message(a);
		return true;
	case SMTP_ASK_COMMIT:
		end_message(a);
		return true;
	case SMTP_ASK_CHUNK:
		take_chunk(a);
		return true;
	case SMTP_ASK_DROPPED:
		drop_message(a);
		return true;
	case SMTP_ASK_DELAY: /* nobody to slow down */
	case SMTP_ASK_TLS:   /* not offered */
		yes(a);
		return true;
	case SMTP_ASK_NOTE:
		return true;
	case SMTP_ASK_FLUSH:
		return flush_out(a) == 0;
	case SMTP_ASK_CLOSE:
		(void)flush_out(a);
		return false;
	case SMTP_ASK_INPUT:
		break;
	}
	return false;
}

static bool step(struct alone *a)
{
	enum smtp_ask ask;

	while ((ask = smtp_server_next(&a->smtp)) != SMTP_ASK_INPUT)
		if (!decide(a, ask))
			return false;
	smtp_server_park(&a->smtp);
	return flush_out(a) == 0;
}

static void talk(struct alone *a)
{
	char *bytes = mem_new(1, READ_SIZE);
	ssize_t n = 1;

	smtp_server_start(&a->smtp, SPAN("localhost[127.0.0.1]"), 0, SPAN(""));
	while (n > 0 && step(a)) {
		do {
			n = os_size(read(STDIN_FILENO, bytes, READ_SIZE));
		} while (n == -EINTR);
		if (n > 0)
			smtp_server_feed(&a->smtp, span_of(bytes, (size_t)n));
	}
	mem_free(bytes);
}

int sendmail_alone(struct sendmail *s)
{
	struct alone a = { .s = s };
	int code = sendmail_check_user(s);

	if (code != EX_OK)
		return code;
	if (!read_conf(&a))
		return EX_TEMPFAIL;
	postdrop_limit(s->settings.message_size_limit);
	buf_init(&a.recipients, ENVELOPE_MAX);
	buf_init(&a.line, s->settings.line_length_limit + 1);
	smtp_server_init(&a.smtp, &a.conf);
	talk(&a);
	drop_message(&a);
	smtp_server_done(&a.smtp);
	buf_done(&a.recipients);
	buf_done(&a.line);
	return EX_OK;
}
