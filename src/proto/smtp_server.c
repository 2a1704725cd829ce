/* SPDX-License-Identifier: ISC */
/*
 * The core of the engine: input, output, questions. Lines become commands in
 * smtp_server_dispatch.c; the commands are in smtp_server_cmd.c (those
 * without a transaction), _mail.c (MAIL and RCPT) and _data.c (DATA, BDAT).
 *
 * Input is read in place. Only what is left over when the driver takes its
 * bytes away (smtp_server_park) is copied to s->held.
 */
#include "proto/smtp_server_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	OUT_HIGH = 16 * 1024, /* ask the driver to send before going on */
	OUT_MAX = 256 * 1024,
	HELD_MAX = 1024 * 1024,
	TXN_MAX = 64 * 1024 * 1024,
	CMD_MAX = 64 * 1024,
	REPLY_MAX = 510, /* of a text from outside, as Postfix */
};

/* --- life --- */

void smtp_server_init(
    struct smtp_server *s, const struct smtp_server_conf *conf)
{
	*s = (struct smtp_server){ .conf = conf };
	buf_init(&s->out, OUT_MAX);
	buf_init(&s->held, HELD_MAX);
	arena_init(&s->txn, TXN_MAX);
	arena_init(&s->cmd, CMD_MAX);
	s->where = SMTP_WHERE_CONNECT;
}

void smtp_server_done(struct smtp_server *s)
{
	buf_done(&s->out);
	buf_done(&s->held);
	arena_done(&s->txn);
	arena_done(&s->cmd);
	mem_free(s->helo_text);
	s->helo_text = NULL;
	s->helo = SPAN_NONE;
	s->in = SPAN_NONE;
}

void smtp_set_state(struct smtp_server *s, enum smtp_state state)
{
	/* Nothing comes after the end. */
	if (s->state != SMTP_CLOSED)
		s->state = (uint8_t)state;
}

enum smtp_state smtp_ground_state(const struct smtp_server *s)
{
	return s->helo.len ? SMTP_READY : SMTP_GREETED;
}

bool smtp_server_has_mail(const struct smtp_server *s)
{
	return (SMTP_IN(s->state) & SMTP_IN_MAIL) != 0;
}

/* Nothing that could be lost or mistaken if the session ended here. */
bool smtp_server_is_idle(const struct smtp_server *s)
{
	return (s->state == SMTP_GREETED || s->state == SMTP_READY) &&
	    s->ask == SMTP_ASK_INPUT && !s->in.len && !s->line_is_lost;
}

void smtp_forget_mail(struct smtp_server *s)
{
	s->mail = (struct smtp_mail){ 0 };
	s->first_rcpt = SPAN_NONE;
	s->nrcpts = 0;
	s->overshoot = 0;
	arena_done(&s->txn);
}

void smtp_reset_to(struct smtp_server *s, enum smtp_state state)
{
	if (smtp_server_has_mail(s))
		s->drop_now = true;
	smtp_set_state(s, state);
	s->content.size = 0;
	s->skipped = 0;
}

void smtp_reset(struct smtp_server *s)
{
	smtp_reset_to(s, smtp_ground_state(s));
}

/* --- output --- */

static size_t reply_begin(struct smtp_server *s)
{
	return s->out.len;
}

static void reply_end(struct smtp_server *s, size_t at)
{
	char *line;
	size_t len;

	if (s->out.failed)
		bug("smtp_server: the driver does not flush");
	line = s->out.data + at;
	len = s->out.len - at;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
	if (s->conf->soft_bounce && len && line[0] == '5') {
		line[0] = '4';
		if (len > 4 && line[4] == '5')
			line[4] = '4';
	}
	if (span_has_prefix(span_of(line, len), SPAN("421")) ||
	    span_has_prefix(span_of(line, len), SPAN("521")))
		smtp_set_state(s, SMTP_CLOSED);
	buf_put(&s->out, SPAN("\r\n"));
	if (s->conf->error_sleep && s->errors >= s->conf->soft_error_limit)
		s->delays++;
}

void smtp_reply(struct smtp_server *s, span line)
{
	size_t at = reply_begin(s);

	buf_put(&s->out, line);
	reply_end(s, at);
}

void smtp_replyf(struct smtp_server *s, const char *format, ...)
{
	size_t at = reply_begin(s);
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	buf_put(
	    &s->out, span_of(text, MIN((size_t)MAX(n, 0), sizeof(text) - 1)));
	reply_end(s, at);
}

static void reply_code(struct smtp_server *s, unsigned code, span text)
{
	size_t at = reply_begin(s);

	buf_put_u64(&s->out, code);
	buf_putc(&s->out, ' ');
	buf_put(&s->out, span_first(text, REPLY_MAX - 4));
	reply_end(s, at);
}

void smtp_question(struct smtp_server *s, enum smtp_ask ask)
{
	s->ask = (uint8_t)ask;
}

void smtp_add_note(struct smtp_server *s, enum smtp_note note, span text)
{
	if (s->nnotes == SMTP_NOTES_MAX)
		bug("smtp_server: too many notes for one step");
	s->notes[s->nnotes].note = (uint8_t)note;
	s->notes[s->nnotes].text = text;
	s->nnotes++;
}

/* --- input --- */

void smtp_server_feed(struct smtp_server *s, span bytes)
{
	if (!s->in.len) {
		buf_release(&s->held);
		s->in_held = false;
		s->in = bytes;
		return;
	}
	smtp_server_park(s);
	buf_put(&s->held, bytes);
	if (s->held.failed)
		bug("smtp_server: fed without being asked");
	s->in = buf_span(&s->held);
}

void smtp_server_park(struct smtp_server *s)
{
	if (!s->in.len || s->state == SMTP_CLOSED) {
		s->in = SPAN_NONE;
		s->in_held = false;
		buf_release(&s->held);
		return;
	}
	if (s->in_held) {
		buf_drop(&s->held, s->held.len - s->in.len);
	} else {
		buf_clear(&s->held);
		buf_put(&s->held, s->in);
	}
	s->in_held = true;
	s->in = buf_span(&s->held);
}

/* --- the driver's calls --- */

void smtp_server_start(
    struct smtp_server *s, span client, unsigned code, span text)
{
	s->client = client;
	smtp_set_state(s, SMTP_GREETED);
	/* Who is encrypted may have sent this with the end of the handshake:
	 * as Postfix, we do not look. */
	if (!s->tls && smtp_spoke_too_early(s))
		return;
	if (code) {
		reply_code(s, code, text);
		s->denied = true;
		s->errors++;
		return;
	}
	smtp_replyf(s, "220 %.*s", PRI(s->conf->banner));
}

void smtp_server_wrapped(struct smtp_server *s)
{
	s->tls = true;
}

void smtp_server_dismiss(struct smtp_server *s, span reply)
{
	s->farewell = reply;
}

static bool next_note(struct smtp_server *s)
{
	if (s->notes_told == s->nnotes) {
		s->notes_told = 0;
		s->nnotes = 0;
		return false;
	}
	s->note = s->notes[s->notes_told].note;
	s->note_text = s->notes[s->notes_told].text;
	s->notes_told++;
	return true;
}

/* What the driver has to hear before anything else happens. */
static enum smtp_ask pending(struct smtp_server *s)
{
	if (next_note(s))
		return SMTP_ASK_NOTE;
	if (s->drop_after) {
		s->drop_after = false;
		smtp_forget_mail(s);
	}
	if (s->drop_now) {
		s->drop_now = false;
		s->drop_after = true;
		return SMTP_ASK_DROPPED;
	}
	if (s->ask == SMTP_ASK_INPUT && s->delays)
		smtp_question(s, SMTP_ASK_DELAY);
	return (enum smtp_ask)s->ask;
}

static enum smtp_ask read_some(struct smtp_server *s)
{
	switch ((enum smtp_state)s->state) {
	case SMTP_DATA:
	case SMTP_CHUNK:
		return smtp_read_content(s);
	case SMTP_SKIP:
		return smtp_read_skip(s);
	case SMTP_CLOSED:
		return SMTP_ASK_CLOSE;
	case SMTP_GREETED:
	case SMTP_READY:
	case SMTP_MAIL:
	case SMTP_RCPT:
	case SMTP_BDAT:
	case SMTP_BDAT_LOST:
		return smtp_read_command(s);
	case SMTP_COMMITTING:
		break;
	}
	bug("smtp_server: committing without a question");
}

enum smtp_ask smtp_server_next(struct smtp_server *s)
{
	for (;;) {
		enum smtp_ask ask = pending(s);

		if (ask != SMTP_ASK_INPUT)
			return ask;
		if (s->out.len >= OUT_HIGH && s->state != SMTP_CLOSED)
			return SMTP_ASK_FLUSH;
		ask = read_some(s);
		if (ask != SMTP_GO_ON)
			return ask;
	}
}

static void rcpt_answered(struct smtp_server *s)
{
	if (!s->nrcpts)
		s->first_rcpt = arena_dup(&s->txn, s->rcpt.addr);
	if (!s->first_rcpt.ptr) {
		smtp_refuse(s, SPAN("452 4.3.1 Insufficient system storage"));
		return;
	}
	s->nrcpts++;
	smtp_set_state(s, SMTP_RCPT);
	smtp_accept(s, SPAN("250 2.1.5 Ok"));
}

static void question_granted(struct smtp_server *s, enum smtp_ask ask)
{
	if (ask == SMTP_ASK_MAIL) {
		smtp_set_state(s, SMTP_MAIL);
		smtp_accept(s, SPAN("250 2.1.0 Ok"));
	} else if (ask == SMTP_ASK_RCPT) {
		rcpt_answered(s);
	} else if (ask == SMTP_ASK_VRFY) {
		smtp_replyf(s, "252 2.0.0 %.*s", PRI(s->arg));
		smtp_finish(s, SMTP_DONE_OK);
	} else if (ask == SMTP_ASK_ETRN) {
		smtp_accept(s, SPAN("250 Queuing started"));
	}
}

void smtp_server_answer(struct smtp_server *s, unsigned code, span text)
{
	enum smtp_ask ask = (enum smtp_ask)s->ask;

	if (ask == SMTP_ASK_INPUT)
		bug("smtp_server: an answer without a question");
	s->ask = SMTP_ASK_INPUT;
	if (ask == SMTP_ASK_DELAY) {
		s->delays = 0;
	} else if (ask == SMTP_ASK_HELO) {
		smtp_helo_answered(s, code, text);
	} else if (ask == SMTP_ASK_TLS && !code) {
		smtp_tls_answered(s);
	} else if (ask == SMTP_ASK_DATA) {
		smtp_data_answered(s, code, text);
	} else if (ask == SMTP_ASK_COMMIT) {
		smtp_commit_answered(s, code, text);
	} else if (code) {
		reply_code(s, code, text);
		smtp_finish(s, SMTP_DONE_ERROR);
	} else {
		question_granted(s, ask);
	}
}

void smtp_server_abort(struct smtp_server *s, unsigned code, span text)
{
	s->ask = SMTP_ASK_INPUT;
	s->nnotes = 0;
	s->notes_told = 0;
	s->in = SPAN_NONE;
	if (s->state != SMTP_CLOSED && code)
		reply_code(s, code, text);
	s->delays = 0;
	smtp_set_state(s, SMTP_CLOSED);
}
