/* SPDX-License-Identifier: ISC */
/*
 * A machine over bytes that works in runs:
 *
 *	LINE_START --'.'--> WORD_START     (the dot is dropped; a second one
 *	    gets it back with MBOX_DOT)
 *	LINE_START, WORD_START: bytes of "From " are held back, since a '>' may
 *	    have to go before them
 *	INSIDE --CRLF--> LINE_START; AFTER_CR when a chunk ends between the two
 */
#include "mail/mbox.h"

#include "mail/address.h"
#include "mail/date.h"

enum { LINE_START, WORD_START, INSIDE, AFTER_CR };

static const span from_word = SPAN_INIT("From ");

static void put_eol(struct buf *out, span eol)
{
	buf_put(out, eol.ptr ? eol : SPAN("\n"));
}

static void put_address_line(struct buf *out, span name, span addr, span eol)
{
	buf_put(out, name);
	address_quote(out, addr);
	put_eol(out, eol);
}

void mbox_write_head(
    struct buf *out, const struct mbox_head *head, unsigned flags)
{
	if (flags & MBOX_FROM_LINE) {
		buf_put(out, from_word);
		if (head->sender.len)
			address_quote(out, head->sender);
		else
			buf_put(out, SPAN("MAILER-DAEMON"));
		buf_put(out, SPAN("  "));
		date_write_ctime(out, head->now);
		put_eol(out, head->eol);
	}
	if (flags & MBOX_RETURN_PATH) {
		buf_put(out, SPAN("Return-Path: <"));
		if (head->sender.len)
			address_quote(out, head->sender);
		buf_putc(out, '>');
		put_eol(out, head->eol);
	}
	if ((flags & MBOX_ORIGINAL_TO) && head->original_to.len)
		put_address_line(
		    out, SPAN("X-Original-To: "), head->original_to, head->eol);
	if (flags & MBOX_DELIVERED_TO)
		put_address_line(
		    out, SPAN("Delivered-To: "), head->delivered_to, head->eol);
}

void mbox_init(struct mbox *m, unsigned flags)
{
	*m = (struct mbox){ .flags = flags, .state = LINE_START };
}

/* What was held back was no From_ line after all. */
static void release(struct mbox *m, struct buf *out)
{
	buf_put(out, span_first(from_word, m->matched));
	m->matched = 0;
	m->state = INSIDE;
}

/* One byte at or near the start of a line. False: it is not consumed. */
static bool start_byte(struct mbox *m, char c, struct buf *out)
{
	if (m->state == LINE_START && c == '.') {
		m->state = WORD_START;
		return true;
	}
	if (c == '.' && m->matched == 0 && (m->flags & MBOX_DOT))
		buf_putc(out, '.');
	if (!(m->flags & MBOX_QUOTE) || c != from_word.ptr[m->matched]) {
		release(m, out);
		return false;
	}
	m->state = WORD_START;
	if (++m->matched == from_word.len) {
		buf_putc(out, '>');
		release(m, out);
	}
	return true;
}

/*
 * A run up to and with the end of the line, or all there is. Content has no
 * bare LF; should there be one, the line behind it is a line here too.
 */
static size_t inside(struct mbox *m, span content, struct buf *out)
{
	ssize_t lf = span_find(content, '\n');
	size_t run = lf < 0 ? content.len : (size_t)lf;
	bool cr = run > 0 && content.ptr[run - 1] == '\r';

	buf_put(out, span_first(content, run - cr));
	if (lf < 0) {
		m->state = cr ? AFTER_CR : INSIDE;
		return run;
	}
	put_eol(out, m->eol);
	m->state = LINE_START;
	return run + 1;
}

void mbox_feed(struct mbox *m, span content, struct buf *out)
{
	size_t i = 0;

	while (i < content.len) {
		char c = content.ptr[i];

		if (m->state == AFTER_CR && c != '\n')
			buf_putc(out, '\r');
		if (m->state == INSIDE || m->state == AFTER_CR)
			i += inside(m, span_from(content, i), out);
		else
			i += start_byte(m, c, out);
	}
}

void mbox_finish(struct mbox *m, struct buf *out)
{
	if (m->state == AFTER_CR)
		buf_putc(out, '\r');
	else if (m->state == WORD_START)
		release(m, out);
	/* Content ends with a line end; should it not, the mailbox must. */
	if (m->state != LINE_START)
		put_eol(out, m->eol);
	if (m->flags & MBOX_BLANK)
		put_eol(out, m->eol);
	m->state = LINE_START;
}
