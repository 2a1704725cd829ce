/* SPDX-License-Identifier: ISC */
#include "tool/sendmail/held.h"

#include "mail/address.h"
#include "mail/header.h"
#include "os/file.h"

enum {
	ARENA_MAX = 1 << 28,
	OUT_AIM = 256 * 1024,
};

/* ---- envelope ---- */

static bool next(span *rest, struct record *ret)
{
	return rest->len > 0 && record_take(rest, UINT32_MAX, ret) == RECORD_OK;
}

static void take_attr(struct held *h, span data, uint32_t *notify)
{
	uint32_t number;
	span name;
	span value;

	if (!record_attr(data, &name, &value))
		return;
	if (!span_to_u32(value, &number))
		number = 0;
	if (span_eq(name, SPAN(RECORD_ATTR_ENVID)))
		h->envid = value;
	else if (span_eq(name, SPAN(RECORD_ATTR_RET)))
		h->flags |= number == 1 ? ENVELOPE_RET_FULL : ENVELOPE_RET_HDRS;
	else if (span_eq(name, SPAN(RECORD_ATTR_NOTIFY)))
		*notify = number;
	else if (span_eq(name, SPAN(RECORD_ATTR_ENCODING)) &&
	    span_eq(value, SPAN("8bit")))
		h->flags |= ENVELOPE_8BIT;
}

/* One record of what is around the content. */
static void take(struct held *h, const struct record *r, uint32_t *notify)
{
	switch (r->type) {
	case RECORD_FROM:
		h->sender = r->data;
		return;
	case RECORD_FULL:
		h->full_name = r->data;
		return;
	case RECORD_ATTR:
		take_attr(h, r->data, notify);
		return;
	case RECORD_RCPT:
		if (h->rcpts)
			h->rcpts[h->nrcpts] = (struct rcpt){
				.addr = r->data,
				.notify = (uint8_t)*notify,
			};
		h->nrcpts++;
		*notify = 0;
		return;
	default: /* nothing that SMTP could tell */
		return;
	}
}

static void scan(struct held *h)
{
	struct record r;
	span rest = h->records;
	uint32_t notify = 0;
	bool content = false;

	h->nrcpts = 0;
	while (next(&rest, &r)) {
		if (r.type == RECORD_MESG)
			content = true;
		else if (r.type == RECORD_XTRA)
			content = false;
		else if (!content)
			take(h, &r, &notify);
	}
}

bool held_init(struct held *h, span records)
{
	*h = (struct held){ .records = records };
	arena_init(&h->arena, ARENA_MAX);
	scan(h);
	if (h->nrcpts == 0)
		return false;
	h->rcpts = arena_alloc(&h->arena, h->nrcpts, sizeof(*h->rcpts));
	if (!h->rcpts)
		return false;
	scan(h);
	return true;
}

void held_done(struct held *h)
{
	arena_done(&h->arena);
	*h = (struct held){ .nrcpts = 0 };
}

/* ---- content ---- */

static span content_of(const struct held *h)
{
	struct record r;
	span rest = h->records;

	while (next(&rest, &r))
		if (r.type == RECORD_MESG)
			return rest;
	return SPAN("");
}

/*
 * Whether the header says who wrote this, or that it was sent on. If not,
 * `ret_header` is whether a line can be put in front as it is.
 */
static bool has_from(span content, bool *ret_header)
{
	struct record r;
	bool inside = false;

	*ret_header = false;
	while (next(&content, &r) && r.type != RECORD_XTRA) {
		size_t len = inside ? 0 : header_name_len(r.data);
		span name = span_trim(span_first(r.data, len));
		bool folded = *ret_header && r.data.len > 0 &&
		    (r.data.ptr[0] == ' ' || r.data.ptr[0] == '\t');

		if (len == 0 && !inside && !folded) {
			*ret_header |= r.data.len == 0;
			return false;
		}
		if (span_eq_nocase(name, SPAN("From")) ||
		    span_has_prefix_nocase(name, SPAN("Resent-")))
			return true;
		*ret_header = true;
		inside = r.type == RECORD_CONT;
	}
	return false;
}

static void put_from(struct held *h, span from, struct buf *out)
{
	bool header;

	if (has_from(content_of(h), &header) || from.len == 0 ||
	    h->full_name.len == 0)
		return;
	buf_put(out, SPAN("From: "));
	address_put_phrase(out, h->full_name);
	buf_put(out, SPAN(" <"));
	address_quote(out, from);
	buf_put(out, SPAN(">\r\n"));
	if (!header)
		buf_put(out, SPAN("\r\n"));
}

static void note_8bit(struct held *h, span text)
{
	if (!(h->flags & ENVELOPE_8BIT) && !address_is_ascii(text))
		h->flags |= ENVELOPE_8BIT;
}

int held_write(struct held *h, span from, int fd)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
	struct record r;
	span rest = content_of(h);
	bool inside = false;
	int error = 0;

	put_from(h, from, &out);
	while (error == 0 && next(&rest, &r) && r.type != RECORD_XTRA) {
		if (!inside && span_has_prefix(r.data, SPAN(".")))
			buf_putc(&out, '.');
		buf_put(&out, r.data);
		note_8bit(h, r.data);
		inside = r.type == RECORD_CONT;
		if (!inside)
			buf_put(&out, SPAN("\r\n"));
		if (out.len > OUT_AIM) {
			error = file_write_all(fd, buf_span(&out));
			buf_clear(&out);
		}
	}
	if (inside)
		buf_put(&out, SPAN("\r\n"));
	return error == 0 ? file_write_all(fd, buf_span(&out)) : error;
}

/* ---- again ---- */

void held_replay(const struct held *h, const bool *done, struct sink *sink)
{
	struct record r;
	span rest = h->records;
	uint32_t rcpt = 0;
	bool content = false;

	while (next(&rest, &r)) {
		if (r.type == RECORD_XTRA)
			content = false;
		if (content)
			sink_put_content(sink, r.type, r.data);
		else if (r.type != RECORD_RCPT || !done[rcpt++])
			sink_put(sink, r.type, r.data);
		if (r.type == RECORD_MESG)
			content = true;
	}
}
