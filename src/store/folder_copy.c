/* SPDX-License-Identifier: ISC */
/*
 * The beginning of a line is held back until it is known what it is: "From ",
 * a Status line, or for the first line whether there is a header at all. What
 * is held has a limit; a line that is not decided by then is an ordinary one.
 *
 *	START --decided--> INSIDE --LF--> START
 *	START --a Status line--> SKIP --LF--> START
 */
#include "store/folder_copy.h"

enum { START, INSIDE, SKIP };
enum { HELD_MAX = 1024 };

enum {
	STATUS_FLAGS = FOLDER_SEEN | FOLDER_OLD,
	XSTATUS_FLAGS = FOLDER_FLAGGED | FOLDER_ANSWERED | FOLDER_DRAFT,
};

enum verdict {
	WAIT,
	LINE,
	EMPTY,
	FROM,
	STATUS,
	XSTATUS,
	CONTINUED,
	NO_HEADER,
};

void folder_copy_init(struct folder_copy *c, unsigned how, uint8_t flags)
{
	*c = (struct folder_copy){
		.how = (uint8_t)how,
		.flags = flags,
		.state = START,
		.left = STATUS_FLAGS | XSTATUS_FLAGS,
		.in_header = true,
		.is_first = true,
		.held = BUF_INIT(HELD_MAX),
	};
}

static void put_status(struct folder_copy *c, uint8_t which, struct buf *out)
{
	size_t before = out->len;

	if (c->how & FOLDER_COPY_STATUS)
		folder_status_write(c->flags & which & c->left, out);
	c->wrote = c->wrote || out->len > before;
	c->left &= (uint8_t)~which;
}

/* What a line is */

/* "name:", with blanks before the colon; empty `name`: any. */
static enum verdict match_field(span line, span name, enum verdict yes)
{
	size_t i = 0;

	while (i < line.len && (unsigned char)line.ptr[i] > ' ' &&
	    line.ptr[i] != ':' && line.ptr[i] != 0x7f)
		i++;
	if (name.len > 0 &&
	    !span_eq_nocase(
	        span_first(line, i), i < line.len ? name : span_first(name, i)))
		return LINE;
	if (i == 0)
		return line.len ? LINE : WAIT;
	while (i < line.len && ascii_is_blank(line.ptr[i]))
		i++;
	if (i == line.len)
		return WAIT;
	return line.ptr[i] == ':' ? yes : LINE;
}

/* Old systems forwarded mail with such a line on top. */
static bool may_become(span line, span word)
{
	return span_has_prefix(word, span_first(line, word.len));
}

static enum verdict judge_old_from(span line, span word)
{
	if (!may_become(line, word))
		return NO_HEADER;
	return line.len < word.len ? WAIT : LINE;
}

static enum verdict judge_first(span line)
{
	enum verdict v = match_field(line, SPAN_NONE, STATUS);

	if (v == STATUS)
		return LINE;
	if (v == WAIT)
		return WAIT;
	v = judge_old_from(line, SPAN(">From "));
	return v == NO_HEADER ? judge_old_from(line, SPAN("From ")) : v;
}

static enum verdict judge_field(span line)
{
	enum verdict v = match_field(line, SPAN("Status"), STATUS);

	return v == LINE ? match_field(line, SPAN("X-Status"), XSTATUS) : v;
}

static enum verdict judge_from(const struct folder_copy *c, span line)
{
	const span word = SPAN("From ");

	if (!(c->how & FOLDER_COPY_QUOTE) ||
	    !span_has_prefix(word, span_first(line, word.len)))
		return LINE;
	return line.len < word.len ? WAIT : FROM;
}

static enum verdict judge_header(const struct folder_copy *c, span line)
{
	enum verdict v;

	if (span_eq(line, SPAN("\r")))
		return WAIT;
	if (line.ptr[0] == '\n' || span_eq(line, SPAN("\r\n")))
		return EMPTY;
	if ((!c->is_first || c->dropped) && ascii_is_blank(line.ptr[0]))
		return CONTINUED;
	v = judge_field(line);
	if (v == LINE && c->is_first)
		v = judge_first(line);
	return v == LINE ? judge_from(c, line) : v;
}

static enum verdict judge(const struct folder_copy *c)
{
	span line = buf_span(&c->held);

	return c->in_header ? judge_header(c, line) : judge_from(c, line);
}

/* What becomes of it */

static void pass(struct folder_copy *c, struct buf *out)
{
	bool ended = c->held.data[c->held.len - 1] == '\n';

	buf_put(out, buf_span(&c->held));
	buf_clear(&c->held);
	c->state = ended ? START : INSIDE;
	c->is_first = false;
	c->dropped = false;
}

static void skip(struct folder_copy *c)
{
	bool ended = c->held.data[c->held.len - 1] == '\n';

	buf_clear(&c->held);
	c->state = ended ? START : SKIP;
	c->dropped = true;
}

/* Flags make a header where there is none. */
static void end_header(struct folder_copy *c, bool is_empty, struct buf *out)
{
	put_status(c, STATUS_FLAGS, out);
	put_status(c, XSTATUS_FLAGS, out);
	if (is_empty && c->wrote)
		buf_putc(out, '\n');
	c->in_header = false;
}

static void decided(struct folder_copy *c, enum verdict v, struct buf *out)
{
	if (v == EMPTY || v == NO_HEADER)
		end_header(c, v == NO_HEADER, out);
	if (v == NO_HEADER && judge_from(c, buf_span(&c->held)) == FROM)
		v = FROM;
	if (v == STATUS)
		put_status(c, STATUS_FLAGS, out);
	if (v == XSTATUS)
		put_status(c, XSTATUS_FLAGS, out);
	if (v == FROM)
		buf_putc(out, '>');
	if (v == STATUS || v == XSTATUS || (v == CONTINUED && c->dropped))
		skip(c);
	else
		pass(c, out);
}

static size_t start_byte(struct folder_copy *c, char byte, struct buf *out)
{
	enum verdict v;

	buf_putc(&c->held, byte);
	v = judge(c);
	if (v == WAIT && c->held.len == HELD_MAX)
		v = c->in_header && c->is_first ? NO_HEADER : LINE;
	if (v != WAIT)
		decided(c, v, out);
	return 1;
}

static size_t inside(struct folder_copy *c, span piece, struct buf *out)
{
	ssize_t end = span_find(piece, '\n');
	size_t n = end < 0 ? piece.len : (size_t)end + 1;

	if (c->state == INSIDE)
		buf_put(out, span_first(piece, n));
	if (end >= 0)
		c->state = START;
	return n;
}

void folder_copy_feed(struct folder_copy *c, span piece, struct buf *out)
{
	while (piece.len > 0) {
		size_t n = c->state == START ? start_byte(c, piece.ptr[0], out)
		                             : inside(c, piece, out);

		piece = span_from(piece, n);
	}
}

void folder_copy_finish(struct folder_copy *c, struct buf *out)
{
	/* Whatever waits, waits for less than the end of the line. */
	if (c->state == INSIDE || c->held.len > 0)
		folder_copy_feed(c, SPAN("\n"), out);
	if (c->in_header) {
		end_header(c, false, out);
		buf_putc(out, '\n');
	}
	if (c->how & FOLDER_COPY_BLANK)
		buf_putc(out, '\n');
	buf_done(&c->held);
}
