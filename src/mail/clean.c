/* SPDX-License-Identifier: ISC */
/*
 * A machine over lines:
 *
 *	FIRST --line--> HEADER --empty line, or no header--> BODY
 *	  |  ^
 *	  +--+ "From " lines of a mailbox file become X-Mailbox-Line headers
 *
 * A header is gathered in c->header with its continuation lines, separated by
 * LF and without dot-stuffing, and written when the next line shows that it
 * is complete. What the machine adds is written when the header ends: in
 * Postfix's order Message-Id, Date, From, and the line for hidden recipients.
 */
#include "mail/clean.h"

#include "mail/address.h"
#include "mail/clean_internal.h"
#include "mail/date.h"

enum {
	/* A line may overshoot the limit of a header by so much before it is
	 * cut: what Postfix reads at once. */
	OVERSHOOT = 2048,
	IDENT_MAX = 1000,
};

static const span crlf = SPAN_INIT("\r\n");

static bool is_blank(span s)
{
	return s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t');
}

void clean_init(struct clean *c, const struct clean_conf *conf,
    const struct clean_message *m)
{
	const struct rewrite_conf *rewrite = m->local ? &conf->local : NULL;

	if (!m->local && conf->remote.origin.len)
		rewrite = &conf->remote;
	if (m->alone)
		rewrite = NULL;
	*c = (struct clean){ .conf = conf, .m = *m, .rewrite = rewrite };
	c->holding = rewrite && (conf->map_senders || conf->map_recipients);
	buf_init(&c->line, conf->header_size_limit + OVERSHOOT);
	buf_init(&c->header, conf->header_size_limit + 2 * OVERSHOOT);
	buf_init(&c->ident, IDENT_MAX);
	buf_init(&c->resent_ident, IDENT_MAX);
	buf_init(&c->held, HELD_MAX);
	buf_init(&c->asked, HELD_MAX);
	buf_init(&c->marks, HELD_MAX);
}

void clean_done(struct clean *c)
{
	buf_done(&c->line);
	buf_done(&c->header);
	buf_done(&c->ident);
	buf_done(&c->resent_ident);
	buf_done(&c->held);
	buf_done(&c->asked);
	buf_done(&c->marks);
}

bool clean_in_body(const struct clean *c)
{
	return c->state == STATE_BODY && !c->holding;
}

span clean_ident(const struct clean *c)
{
	return c->ident.len ? buf_span(&c->ident) : SPAN("<>");
}

span clean_resent_ident(const struct clean *c)
{
	return buf_span(&c->resent_ident);
}

void clean_start(struct clean *c, struct buf *out)
{
	if (!c->m.received)
		return;
	received_write(out, c->m.received);
	c->hops++;
	c->seen |= 1u << HEADER_RECEIVED;
}

/* --- writing headers --- */

static void put_line(struct buf *out, span line)
{
	if (line.len && line.ptr[0] == '.')
		buf_putc(out, '.');
	buf_put(out, line);
	buf_put(out, crlf);
}

/*
 * Where a header that is too long ends: after the last line that fits, or
 * in the middle of a line when that would lose more than a tenth.
 */
static span cut_header(span text, size_t limit)
{
	size_t end;

	if (text.len <= limit)
		return text;
	for (end = limit; end > 0 && text.ptr[end] != '\n'; end--)
		;
	return span_first(text, (end + 1) * 10 > limit * 9 ? end : limit);
}

/* Continuation lines that we made ourselves get a tab. */
void clean_put_header(const struct clean *c, struct buf *out, span text)
{
	text = cut_header(text, c->conf->header_size_limit);
	put_line(out, span_cut(&text, '\n'));
	while (text.len) {
		span line = span_cut(&text, '\n');

		if (!is_blank(line))
			buf_putc(out, '\t');
		buf_put(out, line);
		buf_put(out, crlf);
	}
}

/* --- one complete header --- */

static bool is_dropped(const struct clean *c, span name)
{
	span list = c->conf->drop_headers;

	while (list.len) {
		span word = span_word(&list, ", \t\r\n");

		if (word.len == name.len && span_eq_nocase(word, name))
			return true;
	}
	return false;
}

static void keep_ident(struct buf *ident, span value)
{
	buf_clear(ident);
	value = span_first(value, IDENT_MAX);
	for (size_t i = 0; i < value.len; i++)
		buf_putc(ident,
		    ascii_is_print(value.ptr[i]) || value.ptr[i] < 0
		        ? value.ptr[i]
		        : '?');
}

static span header_value(const struct clean *c, span name)
{
	span value = span_from(buf_span(&c->header), name.len + 1);

	while (value.len && ascii_is_space(value.ptr[0]))
		value = span_from(value, 1);
	return value;
}

/* What is to be remembered of a known header. */
static void note_header(
    struct clean *c, const struct header_info *info, span name)
{
	span value = header_value(c, name);

	c->seen |= 1u << info->type;
	if (info->flags & HEADER_IS_RESENT)
		c->resent = true;
	if (info->type == HEADER_MESSAGE_ID)
		keep_ident(&c->ident, value);
	else if (info->type == HEADER_RESENT_MESSAGE_ID)
		keep_ident(&c->resent_ident, value);
	else if (info->type == HEADER_RECEIVED &&
	    ++c->hops >= c->conf->hopcount_limit)
		c->hops_exceeded = !c->m.keep;
	else if (info->type == HEADER_ENCODING &&
	    (span_eq_nocase(value, SPAN("8bit")) ||
	        span_eq_nocase(value, SPAN("binary"))))
		c->flags |= CLEAN_SAYS_8BIT;
}

static void end_of_one(struct clean *c, struct buf *out)
{
	enum { ADDRESSES = HEADER_HAS_SENDER | HEADER_HAS_RECIPIENT };
	span text = buf_span(&c->header);
	span name = span_first(text, header_name_len(text));
	const struct header_info *info;

	if (!text.len)
		return;
	info = header_find(name);
	if (info)
		note_header(c, info, name);
	if (!(c->flags & CLEAN_UTF8_HEADER) && !address_is_ascii(text))
		c->flags |= CLEAN_UTF8_HEADER;
	if (!c->hops_exceeded && !is_dropped(c, name)) {
		if (info && (info->flags & ADDRESSES) && c->rewrite)
			clean_put_addresses(c, info, name, out);
		else
			clean_put_header(c, out, text);
	}
	buf_clear(&c->header);
}

/* --- the end of the header --- */

static bool is_missing(
    const struct clean *c, enum header_type plain, enum header_type resent)
{
	return !(c->seen & 1u << (c->resent ? resent : plain));
}

static void put_name(const struct clean *c, struct buf *out, span name)
{
	if (c->resent)
		buf_put(out, SPAN("Resent-"));
	buf_put(out, name);
}

static void add_message_id(struct clean *c, struct buf *out)
{
	struct buf *ident = c->resent ? &c->resent_ident : &c->ident;
	char id[MSGID_TEXT_MAX];

	buf_clear(ident);
	buf_putc(ident, '<');
	date_write_stamp(ident, c->m.created ? c->m.created : c->m.arrival);
	buf_putc(ident, '.');
	buf_put(ident, msgid_text(c->m.id, id));
	buf_putc(ident, '@');
	buf_put(ident, c->conf->myhostname);
	buf_putc(ident, '>');
	put_name(c, out, SPAN("Message-Id: "));
	buf_put(out, buf_span(ident));
	buf_put(out, crlf);
}

static void add_date(struct clean *c, struct buf *out)
{
	put_name(c, out, SPAN("Date: "));
	date_write(out, c->m.arrival);
	buf_put(out, crlf);
}

static void add_from(struct clean *c, struct buf *out)
{
	put_name(c, out, SPAN("From: "));
	if (c->m.sender.len && c->m.full_name.len) {
		address_put_phrase(out, c->m.full_name);
		buf_put(out, SPAN(" <"));
		address_quote(out, c->m.sender);
		buf_put(out, SPAN(">\r\n"));
		return;
	}
	address_quote(
	    out, c->m.sender.len ? c->m.sender : SPAN("MAILER-DAEMON"));
	buf_put(out, crlf);
}

static void add_missing(struct clean *c, struct buf *out)
{
	enum {
		VISIBLE = 1 << HEADER_TO | 1 << HEADER_RESENT_TO |
		    1 << HEADER_CC | 1 << HEADER_RESENT_CC
	};

	if (c->m.alone || (!c->rewrite && !c->conf->always_add_missing))
		return;
	if (is_missing(c, HEADER_MESSAGE_ID, HEADER_RESENT_MESSAGE_ID))
		add_message_id(c, out);
	if (is_missing(c, HEADER_DATE, HEADER_RESENT_DATE))
		add_date(c, out);
	if (is_missing(c, HEADER_FROM, HEADER_RESENT_FROM))
		add_from(c, out);
	if (!(c->seen & VISIBLE) && header_name_len(c->conf->undisclosed))
		put_line(out, c->conf->undisclosed);
}

static void end_of_header(struct clean *c, struct buf *out)
{
	end_of_one(c, out);
	if (!c->hops_exceeded)
		add_missing(c, out);
	buf_release(&c->header);
	c->state = STATE_BODY;
}

/* --- lines --- */

/* "From " of a mailbox file, also after ">"s. */
static bool is_from_line(span line)
{
	while (line.len && line.ptr[0] == '>')
		line = span_from(line, 1);
	return span_has_prefix(line, SPAN("From "));
}

static void begin_header(struct clean *c, span text, size_t name_len)
{
	span rest = span_from(text, name_len);

	while (is_blank(rest))
		rest = span_from(rest, 1);
	buf_put(&c->header, span_first(text, name_len));
	buf_put(&c->header, span_first(rest, c->conf->header_size_limit));
}

static void continue_header(struct clean *c, span text)
{
	if (c->header.len >= c->conf->header_size_limit)
		return;
	buf_putc(&c->header, '\n');
	buf_put(&c->header, span_first(text, c->line.max - c->header.len));
}

/* The header is over, and this line is the first of the body, or empty. */
static void begin_body(struct clean *c, span line, struct buf *out)
{
	end_of_header(c, out);
	if (c->hops_exceeded)
		return;
	buf_put(out, crlf);
	/* A lone dot must not get through, not even by a caller's mistake. */
	if (line.len == 0 || span_eq(line, SPAN(".")))
		return;
	clean_note_body(c, line);
	buf_put(out, line);
	if (!c->open_line)
		buf_put(out, crlf);
}

/* One line of wire form, without CRLF; with c->open_line its beginning. */
static void take_line(struct clean *c, span line, struct buf *out)
{
	span text = line;
	size_t name_len;

	(void)span_skip(&text, SPAN("."));
	if (c->state == STATE_FIRST && is_from_line(line)) {
		end_of_one(c, out);
		buf_put(&c->header, SPAN("X-Mailbox-Line: "));
		buf_put(
		    &c->header, span_first(text, c->conf->header_size_limit));
		return;
	}
	if (c->state == STATE_FIRST && is_blank(text)) {
		begin_body(c, line, out);
		return;
	}
	c->state = STATE_HEADER;
	if (c->header.len && is_blank(text)) {
		continue_header(c, text);
		return;
	}
	end_of_one(c, out);
	name_len = header_name_len(text);
	if (name_len)
		begin_header(c, text, name_len);
	else
		begin_body(c, line, out);
}

static span without_crlf(span line)
{
	if (line.len && line.ptr[line.len - 1] == '\n')
		line.len--;
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/*
 * A piece of a line that does not end in it. When it is longer than any
 * header may be, what we have decides: the rest of a header is lost, the rest
 * of a body passes.
 */
static void hold_piece(struct clean *c, span piece, struct buf *out)
{
	size_t room = c->line.max - c->line.len;

	if (c->open_line)
		return;
	buf_put(&c->line, span_first(piece, room));
	if (piece.len <= room)
		return;
	c->open_line = true;
	take_line(c, buf_span(&c->line), out);
	buf_release(&c->line);
	if (c->state == STATE_BODY && !c->hops_exceeded)
		buf_put(out, span_from(piece, room));
}

/* The piece with which a line ends, its CRLF included. */
static void end_line(struct clean *c, span piece, struct buf *out)
{
	if (c->open_line) {
		c->open_line = false;
	} else if (piece.len > c->line.max - c->line.len) {
		hold_piece(c, piece, out);
		c->open_line = false;
	} else if (c->line.len == 0) {
		take_line(c, without_crlf(piece), out);
	} else {
		buf_put(&c->line, piece);
		take_line(c, without_crlf(buf_span(&c->line)), out);
		buf_clear(&c->line);
	}
}

static void feed(struct clean *c, span chunk, struct buf *out)
{
	while (c->state != STATE_BODY && chunk.len) {
		ssize_t lf = span_find(chunk, '\n');

		if (lf < 0) {
			hold_piece(c, chunk, out);
			return;
		}
		end_line(c, span_first(chunk, (size_t)lf + 1), out);
		chunk = span_from(chunk, (size_t)lf + 1);
	}
	if (chunk.len && !c->hops_exceeded) {
		clean_note_body(c, chunk);
		buf_put(out, chunk);
	}
}

/* Where output goes: nowhere yet, while addresses may have to be asked for. */
static struct buf *output(struct clean *c, struct buf *out)
{
	return c->holding ? &c->held : out;
}

/* After each call: ask, go on holding, or let go. */
static void settle(struct clean *c, struct buf *out)
{
	c->failed |= out->failed || c->line.failed || c->header.failed;
	if (!c->holding)
		return;
	c->failed |= c->held.failed || c->asked.failed || c->marks.failed;
	if (c->state != STATE_BODY && c->held.len < ASK_AT)
		return;
	if (c->nasked && !c->hops_exceeded && !c->failed)
		c->asking = true;
	else
		clean_let_go(c, out);
}

void clean_feed(struct clean *c, span chunk, struct buf *out)
{
	feed(c, chunk, output(c, out));
	settle(c, out);
}

void clean_finish(struct clean *c, struct buf *out)
{
	struct buf *to = output(c, out);

	if (c->line.len)
		end_line(c, SPAN_NONE, to);
	if (c->state != STATE_BODY)
		end_of_header(c, to);
	settle(c, out);
}

/* Eight bytes at a time: this runs over every body. */
void clean_note_body(struct clean *c, span chunk)
{
	const uint64_t high = 0x8080808080808080u;
	uint64_t any = 0;
	size_t i = 0;

	if (c->flags & CLEAN_HAS_8BIT)
		return;
	for (; i + sizeof(any) <= chunk.len; i += sizeof(any)) {
		uint64_t word;

		memcpy(&word, chunk.ptr + i, sizeof(word));
		any |= word;
	}
	for (; i < chunk.len; i++)
		any |= (unsigned char)chunk.ptr[i];
	if (any & high)
		c->flags |= CLEAN_HAS_8BIT;
}
