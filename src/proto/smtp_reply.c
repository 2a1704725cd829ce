/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_reply.c - assembles lines, joins them, finds the codes.
 *
 * A line is taken straight from the input when it is there as a whole, which
 * is nearly always; only the head of a cut one is copied. The code that
 * counts is that of the last line, as in Postfix, whatever the lines before
 * it said. A line that has no code does not end a reply and is kept in its
 * text: dropping it silently could shift all replies of a pipelined session
 * by one (the caller hears of it, and does not use the session again).
 */
#include "proto/smtp_reply.h"

#include "mail/address.h"

void smtp_reply_init(struct smtp_reply *r)
{
	*r = (struct smtp_reply){ .ended = true };
	/* One whole line may follow when the text is just short of full. */
	buf_init(&r->text, 2 * SMTP_REPLY_LINE_MAX + 1);
	buf_init(&r->part, SMTP_REPLY_LINE_MAX);
}

void smtp_reply_done(struct smtp_reply *r)
{
	buf_done(&r->text);
	buf_done(&r->part);
}

/* Length of the UTF-8 sequence s begins with; 0: it is none. */
static size_t utf8_len(span s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	return c >= 0x80 && s.len >= n && address_is_utf8(span_first(s, n)) ? n
	                                                                    : 0;
}

/* Replies end up in logs and notices: control characters become '?'. */
static void put_printable(struct buf *out, span s)
{
	while (s.len) {
		size_t n = 0;

		while (n < s.len && ascii_is_print(s.ptr[n]))
			n++;
		buf_put(out, span_first(s, n));
		s = span_from(s, n);
		if (!s.len)
			break;
		n = utf8_len(s);
		if (n)
			buf_put(out, span_first(s, n));
		else
			buf_putc(out, '?');
		s = span_from(s, n ? n : 1);
	}
}

static void keep_part(struct smtp_reply *r, span s)
{
	buf_put(&r->part, span_first(s, SMTP_REPLY_LINE_MAX - r->part.len));
}

/* One line, without its LF, if the input holds the rest of it. */
static bool take_line(struct smtp_reply *r, span *input)
{
	ssize_t at = span_find(*input, '\n');
	span head = at < 0 ? *input : span_first(*input, (size_t)at);

	r->bytes += head.len + 1;
	if (at < 0) {
		r->bytes--;
		keep_part(r, head);
		*input = span_from(*input, input->len);
		return false;
	}
	*input = span_from(*input, (size_t)at + 1);
	r->line = span_first(head, SMTP_REPLY_LINE_MAX);
	if (r->part.len) {
		keep_part(r, head);
		r->line = buf_span(&r->part);
	}
	while (r->line.len && r->line.ptr[r->line.len - 1] == '\r')
		r->line.len--;
	return true;
}

/* Length of "x.y.z" at the start of s, if it is a status and ends there. */
static size_t status_len(span s)
{
	size_t n = 1;

	if (!s.len || !strchr("245", s.ptr[0]) || !s.ptr[0])
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t first = n + 1;

		if (n >= s.len || s.ptr[n] != '.')
			return 0;
		for (n = first; n < s.len && ascii_is_digit(s.ptr[n]); n++)
			;
		if (n == first || n > first + 3)
			return 0;
	}
	return n == s.len || ascii_is_space(s.ptr[n]) ? n : 0;
}

static void set_status(struct smtp_reply *r, const char *text, size_t n)
{
	memcpy(r->status, text, n);
	r->status[n] = '\0';
}

/* A code counts only if its class is that of the reply. */
static void find_status(struct smtp_reply *r)
{
	char made[] = "0.0.0";
	span rest = span_from(r->line, 3);
	size_t n;

	made[0] = r->line.ptr[0];
	if (!strchr("245", made[0])) {
		set_status(r, "5.5.0", 5);
		return;
	}
	while (span_skip(&rest, SPAN(" ")))
		;
	n = status_len(rest);
	if (n && rest.ptr[0] == made[0])
		set_status(r, rest.ptr, n);
	else
		set_status(r, made, 5);
}

static enum smtp_reply_result read_code(struct smtp_reply *r)
{
	span s = r->line;

	r->code = 0;
	for (size_t i = 0; i < 3; i++)
		if (s.len < 3 || !ascii_is_digit(s.ptr[i]))
			return SMTP_REPLY_GARBAGE;
	if (s.len > 3 && s.ptr[3] != ' ' && s.ptr[3] != '-')
		return SMTP_REPLY_GARBAGE;
	r->code = (uint16_t)((s.ptr[0] - '0') * 100 + (s.ptr[1] - '0') * 10 +
	    (s.ptr[2] - '0'));
	if (s.len > 3 && s.ptr[3] == '-')
		return SMTP_REPLY_LINE;
	find_status(r);
	r->ended = true;
	return SMTP_REPLY_DONE;
}

/* What the last call handed out is no longer needed. */
static void forget_last(struct smtp_reply *r)
{
	if (r->line.ptr)
		buf_clear(&r->part);
	r->line = SPAN_NONE;
	if (r->ended) {
		r->ended = false;
		r->bytes = 0;
		buf_clear(&r->text);
	}
}

enum smtp_reply_result smtp_reply_take(struct smtp_reply *r, span *input)
{
	bool whole;

	if (!input->len)
		return SMTP_REPLY_MORE;
	forget_last(r);
	whole = take_line(r, input);
	if (r->bytes > SMTP_REPLY_MAX)
		return SMTP_REPLY_TOO_LONG;
	if (!whole)
		return SMTP_REPLY_MORE;
	if (r->text.len < SMTP_REPLY_LINE_MAX) {
		if (r->text.len)
			buf_putc(&r->text, ' ');
		put_printable(&r->text, r->line);
	}
	return read_code(r);
}

span smtp_reply_text(const struct smtp_reply *r)
{
	return buf_span(&r->text);
}

span smtp_reply_status(const struct smtp_reply *r)
{
	return span_str(r->status);
}
