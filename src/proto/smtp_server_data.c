/* SPDX-License-Identifier: ISC */
/*
 * DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030): from the permission to the
 * answer that the message is safe. The end of the content is found by
 * proto/smtp_content.h; the chunks of BDAT are counted here.
 *
 * A chunk of BDAT comes whether it is wanted or not. An unwanted one is read
 * and thrown away (SKIP), the refusal waits in s->arg, and until the client
 * says LAST or RSET the following chunks go the same way.
 */
#include "proto/smtp_server_internal.h"

#include "mail/address.h"

enum {
	/* Content beyond the limit is read, so that the client hears why,
	 * but not for ever: so many times the limit. */
	DISCARD_FACTOR = 10,
};

/* --- the end of a message --- */

/* All content has been seen. */
static void content_read(struct smtp_server *s)
{
	s->where = SMTP_WHERE_END;
	if (s->discarded == SMTP_HAS_BARE_LF) {
		smtp_add_note(s, SMTP_NOTE_REJECT, SPAN("bare <LF> received"));
		smtp_replyf(s, "%u 5.5.2 %.*s Error: bare <LF> received",
		    s->conf->bare_lf_code, PRI(s->conf->myhostname));
	} else if (s->discarded == SMTP_TOO_BIG && !s->conf->trusted) {
		smtp_reply(s, SPAN("552 5.3.4 Error: message file too big"));
	} else {
		s->was_cut = s->discarded == SMTP_TOO_BIG;
		smtp_set_state(s, SMTP_COMMITTING);
		smtp_question(s, SMTP_ASK_COMMIT);
		return;
	}
	smtp_reset(s);
	smtp_finish(s, SMTP_DONE_ERROR);
}

/* The driver knows that the transaction is over: it has decided so. */
static void end_transaction(struct smtp_server *s)
{
	smtp_reset(s);
	s->drop_now = false;
	smtp_forget_mail(s);
}

void smtp_commit_answered(struct smtp_server *s, unsigned code, span text)
{
	if (code) {
		smtp_replyf(s, "%u %.*s", code, PRI(span_first(text, 506)));
		end_transaction(s);
		smtp_finish(s, SMTP_DONE_ERROR);
		return;
	}
	/* A message that came through makes up for what was before. */
	s->errors = 0;
	s->junk = 0;
	if (s->command == SMTP_CMD_BDAT)
		smtp_replyf(s, "250 2.0.0 Ok: %llu bytes queued as %.*s",
		    (unsigned long long)s->content.size, PRI(text));
	else
		smtp_replyf(s, "250 2.0.0 Ok: queued as %.*s", PRI(text));
	end_transaction(s);
	smtp_finish(s, SMTP_DONE_OK);
}

/* --- content --- */

static enum smtp_ask keep(struct smtp_server *s, span piece)
{
	uint64_t limit = s->conf->message_size_limit;

	s->saw_bare_lf |= s->content.saw_bare_lf;
	if (s->content.saw_bare_lf && s->conf->bare_lf == SMTP_BARE_LF_REJECT)
		s->discarded = SMTP_HAS_BARE_LF;
	if (limit && s->content.size > limit && s->discarded == SMTP_KEPT) {
		smtp_add_note(s, SMTP_NOTE_SIZE, SPAN_NONE);
		s->discarded = SMTP_TOO_BIG;
	}
	if (s->discarded == SMTP_KEPT) {
		s->chunk = piece;
		return SMTP_ASK_CHUNK;
	}
	if (limit && s->content.size / DISCARD_FACTOR > limit &&
	    !s->conf->trusted) {
		smtp_add_note(s, SMTP_NOTE_FLOOD, SPAN_NONE);
		smtp_set_state(s, SMTP_CLOSED);
	}
	return SMTP_GO_ON;
}

/* A chunk has been read to its end. */
static enum smtp_ask chunk_read(struct smtp_server *s)
{
	span piece;

	if (s->chunk_last) {
		if (smtp_content_finish(&s->content, &piece) ==
		    SMTP_CONTENT_PIECE)
			return keep(s, piece);
		content_read(s);
	} else if (s->discarded != SMTP_KEPT) {
		content_read(s);
		smtp_set_state(s, SMTP_BDAT_LOST);
	} else {
		smtp_set_state(s, SMTP_BDAT);
		smtp_replyf(s, "250 2.0.0 Ok: %llu bytes",
		    (unsigned long long)s->chunk_size);
		smtp_finish(s, SMTP_DONE_OK);
	}
	return SMTP_GO_ON;
}

enum smtp_ask smtp_read_content(struct smtp_server *s)
{
	bool counted = s->state == SMTP_CHUNK;
	span rest = s->in;
	size_t used;
	span piece;
	enum smtp_content_result r;

	if (counted && s->chunk_left < rest.len)
		rest.len = (size_t)s->chunk_left;
	used = rest.len;
	r = smtp_content_next(&s->content, &rest, &piece);
	used -= rest.len;
	s->in = span_from(s->in, used);
	if (counted)
		s->chunk_left -= used;
	if (r == SMTP_CONTENT_PIECE)
		return keep(s, piece);
	if (r == SMTP_CONTENT_END)
		content_read(s);
	else if (counted && !s->chunk_left)
		return chunk_read(s);
	else
		return SMTP_ASK_INPUT;
	return SMTP_GO_ON;
}

/* --- BDAT --- */

/* Read over the chunk, then say so. */
static void skip_chunk(struct smtp_server *s, span reply)
{
	uint64_t limit = s->conf->message_size_limit;
	uint64_t total;

	if (ADD_OVERFLOWS(s->skipped, s->chunk_left, &total))
		total = UINT64_MAX;
	if (limit && total > limit && total - limit > limit / 2) {
		smtp_add_note(s, SMTP_NOTE_BDAT_FLOOD, SPAN_NONE);
		smtp_refuse(s, reply);
		smtp_reset_to(s, SMTP_CLOSED);
		return;
	}
	s->arg = arena_dup(&s->cmd, reply);
	smtp_reset_to(s, SMTP_SKIP);
	s->skipped = total;
}

enum smtp_ask smtp_read_skip(struct smtp_server *s)
{
	size_t n = (size_t)MIN(s->chunk_left, (uint64_t)s->in.len);

	s->in = span_from(s->in, n);
	s->chunk_left -= n;
	if (s->chunk_left)
		return SMTP_ASK_INPUT;
	smtp_reply(s, s->arg);
	if (s->chunk_last)
		smtp_reset(s);
	else
		smtp_set_state(s, SMTP_BDAT_LOST);
	smtp_finish(s, SMTP_DONE_ERROR);
	return SMTP_GO_ON;
}

static void begin_chunk(struct smtp_server *s)
{
	uint64_t limit = s->conf->message_size_limit;

	if (limit &&
	    (s->chunk_size > limit ||
	        s->content.size > limit - s->chunk_size)) {
		smtp_add_note(s, SMTP_NOTE_BDAT_SIZE, SPAN_NONE);
		skip_chunk(
		    s, SPAN("552 5.3.4 Chunk exceeds message size limit"));
		return;
	}
	smtp_set_state(s, SMTP_CHUNK);
	s->where = SMTP_WHERE_BDAT;
}

/* "COUNT" or "COUNT LAST" */
static bool parse_bdat(struct smtp_server *s, span args)
{
	span count;
	span last;
	span more;

	count = smtp_next_word(&args);
	last = smtp_next_word(&args);
	more = smtp_next_word(&args);
	s->chunk_last = last.len != 0;
	return span_to_u64(count, &s->chunk_size) &&
	    s->chunk_size <= INT64_MAX && !more.len &&
	    (!last.len || span_eq_nocase(last, SPAN("LAST")));
}

/* Why there is nobody to take this chunk; empty if there is. */
static span unwanted(struct smtp_server *s)
{
	char text[80];
	struct buf b = BUF_INIT(sizeof(text));
	span reply;

	if (s->chunk_size == 0 && !s->chunk_last) {
		smtp_add_note(s, SMTP_NOTE_BDAT_NULL, SPAN_NONE);
		return SPAN("551 5.7.1 Null BDAT request");
	}
	if (s->state == SMTP_RCPT || s->state == SMTP_BDAT)
		return SPAN_NONE;
	if (s->state == SMTP_MAIL)
		return SPAN("554 5.5.1 Error: no valid recipients");
	if (s->state != SMTP_BDAT_LOST)
		return SPAN("503 5.5.1 Error: need RCPT command");
	buf_printf(&b, "551 5.0.0 Discarded %llu bytes after earlier error",
	    (unsigned long long)s->chunk_size);
	reply = arena_dup(&s->cmd, buf_span(&b));
	buf_done(&b);
	return reply;
}

void smtp_cmd_bdat(struct smtp_server *s, span args)
{
	span reply;

	if (s->conf->discard & SMTP_KEYWORD_CHUNKING) {
		smtp_refuse(
		    s, SPAN("521 5.5.1 Error: command not implemented"));
		return;
	}
	if (!parse_bdat(s, args)) {
		smtp_add_note(s, SMTP_NOTE_BDAT_SYNTAX, args);
		smtp_refuse(s, SPAN("521 5.5.4 Syntax: BDAT count [LAST]"));
		return;
	}
	s->chunk_left = s->chunk_size;
	reply = unwanted(s);
	if (reply.len)
		skip_chunk(s, reply);
	else if (s->state == SMTP_RCPT)
		smtp_question(s, SMTP_ASK_DATA);
	else
		begin_chunk(s);
}

/* --- DATA --- */

void smtp_cmd_data(struct smtp_server *s, span args)
{
	if (smtp_count_words(args))
		smtp_refuse(s, SPAN("501 5.5.4 Syntax: DATA"));
	else if (s->conf->trusted && s->rcpt_refused)
		smtp_refuse(s, SPAN("451 4.3.0 Error: not all recipients"));
	else
		smtp_question(s, SMTP_ASK_DATA);
}

static void data_refused(struct smtp_server *s, unsigned code, span text)
{
	struct buf reply = BUF_INIT(1024);

	buf_printf(&reply, "%u %.*s", code, PRI(span_first(text, 506)));
	if (s->command == SMTP_CMD_BDAT)
		skip_chunk(s, buf_span(&reply));
	else
		smtp_refuse(s, buf_span(&reply));
	buf_done(&reply);
}

void smtp_data_answered(struct smtp_server *s, unsigned code, span text)
{
	bool strict = s->conf->bare_lf != SMTP_BARE_LF_NO;

	if (code) {
		data_refused(s, code, text);
		return;
	}
	s->discarded = SMTP_KEPT;
	if (s->command == SMTP_CMD_BDAT) {
		smtp_content_init(&s->content, SMTP_CONTENT_BDAT);
		begin_chunk(s);
		return;
	}
	smtp_content_init(
	    &s->content, strict ? SMTP_CONTENT_STRICT : SMTP_CONTENT_LAX);
	smtp_set_state(s, SMTP_DATA);
	s->where = SMTP_WHERE_DATA;
	smtp_reply(s, SPAN("354 End data with <CR><LF>.<CR><LF>"));
}
