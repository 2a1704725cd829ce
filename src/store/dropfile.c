/* SPDX-License-Identifier: ISC */
/*
 * The file is seen through a window that is moved forward; a pointer record
 * moves it anywhere. A small file is in it as a whole, and is read only once.
 *
 * What makes a file bad is what makes Postfix's pickup or cleanup throw it
 * away: then it is not a file that postdrop has made.
 */
#include "store/dropfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "os/error.h"

enum {
	WINDOW = 64 * 1024,
	PIECE = 32 * 1024, /* content at once */
	BACK_JUMPS_MAX = 10000,
	/* In the bits of "trace_flags". */
	TRACE_VERIFY = 1 << 9,
	TRACE_RECORD = 1 << 10,
	/* What Postfix calls what is no record. */
	TYPE_EOF = -1,
	TYPE_ERROR = -2,
};

void dropfile_init(struct dropfile *f, const struct dropfile_source *source,
    size_t record_max, struct arena *a)
{
	*f = (struct dropfile){
		.source = *source,
		.record_max = record_max,
		.arena = a,
	};
	buf_init(&f->window, record_max + RECORD_HEAD_MAX + 2 * WINDOW);
}

void dropfile_done(struct dropfile *f)
{
	buf_done(&f->window);
	mem_free(f->rcpts);
	f->rcpts = NULL;
	f->message = (struct dropfile_message){ 0 };
}

ssize_t dropfile_read_fd(void *ctx, char *to, size_t n, uint64_t at)
{
	const int *fd = ctx;
	size_t done = 0;

	while (done < n) {
		ssize_t r = os_size(
		    pread(*fd, to + done, n - done, (off_t)(at + done)));

		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

PRINTF_LIKE(2, 3)
static int bad(struct dropfile *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(f->fault, sizeof(f->fault), format, ap);
	va_end(ap);
	return DROPFILE_BAD;
}

static int bad_record(struct dropfile *f, int type)
{
	return bad(f, "unexpected or malformed record type %d", type);
}

/* ---- the window ---- */

static void jump(struct dropfile *f, uint64_t to)
{
	if (to >= f->at && to - f->at <= f->window.len) {
		f->used = (size_t)(to - f->at);
		return;
	}
	buf_clear(&f->window);
	f->at = to;
	f->used = 0;
	f->is_end = false;
}

/* More of the file; *ret_more: there was some. */
static int widen(struct dropfile *f, bool *ret_more)
{
	ssize_t n;
	char *room;

	*ret_more = false;
	if (f->is_end)
		return 0;
	buf_drop(&f->window, f->used);
	f->at += f->used;
	f->used = 0;
	room = buf_room(&f->window, WINDOW);
	if (!room)
		bug("dropfile: a record that is longer than it may be");
	n = f->source.read(f->source.ctx, room, WINDOW, f->at + f->window.len);
	if (n < 0)
		return (int)n;
	f->window.len += (size_t)n;
	f->is_end = n < WINDOW;
	*ret_more = n > 0;
	return 0;
}

static int take(struct dropfile *f, struct record *ret)
{
	for (;;) {
		span rest = span_from(buf_span(&f->window), f->used);
		bool is_empty = !rest.len;
		enum record_result r = record_take(&rest, f->record_max, ret);
		bool more;
		int error;

		if (r == RECORD_BROKEN)
			return bad_record(f, TYPE_ERROR);
		if (r == RECORD_OK) {
			f->used = f->window.len - rest.len;
			return 0;
		}
		error = widen(f, &more);
		if (error < 0)
			return error;
		if (!more)
			return bad_record(f, is_empty ? TYPE_EOF : TYPE_ERROR);
	}
}

/* A pointer to here does nothing. */
static int follow(struct dropfile *f, span to)
{
	uint64_t offset;

	if (!span_to_u64(span_trim(to), &offset) || offset > INT64_MAX)
		return bad_record(f, TYPE_ERROR);
	if (offset == 0)
		return 0;
	if (offset <= f->last_jump && ++f->back_jumps > BACK_JUMPS_MAX)
		return bad_record(f, TYPE_ERROR);
	f->last_jump = offset;
	jump(f, offset);
	return 0;
}

static int next(struct dropfile *f, enum record_group group, struct record *ret)
{
	for (;;) {
		int r = take(f, ret);

		if (r != 0)
			return r;
		if (!record_is_expected(group, RECORD_OF_SYSTEM, ret->type))
			return bad_record(f, (unsigned char)ret->type);
		if (ret->type == RECORD_POINTER)
			r = follow(f, ret->data);
		else if (ret->type != RECORD_PADDING)
			return 0;
		if (r != 0)
			return r;
	}
}

/* ---- the envelope ---- */

/* False: no memory. */
static bool keep(struct dropfile *f, span text, span *to)
{
	*to = arena_dup(f->arena, text);
	return to->ptr != NULL;
}

static bool keep_first(struct dropfile *f, span text, span *to)
{
	return to->ptr || keep(f, text, to);
}

static int take_rcpt(struct dropfile *f, span addr)
{
	struct envelope *e = &f->message.envelope;

	if (!f->message.has_sender)
		return bad(f, "envelope recipient precedes sender");
	if (e->nrcpts == ENVELOPE_MAX_RCPTS || !keep(f, addr, &f->next.addr))
		return -E2BIG;
	if (e->nrcpts == f->room) {
		f->room = f->room ? 2 * f->room : 4;
		f->rcpts = mem_resize(f->rcpts, f->room, sizeof(*f->rcpts));
		e->rcpts = f->rcpts;
	}
	f->rcpts[e->nrcpts++] = f->next;
	f->next = (struct rcpt){ 0 };
	return 0;
}

static int take_done(struct dropfile *f, span addr UNUSED)
{
	f->next = (struct rcpt){ 0 };
	f->message.done++;
	return 0;
}

static int take_sender(struct dropfile *f, span addr)
{
	if (f->message.has_sender)
		return bad(f, "multiple envelope sender records");
	f->message.has_sender = true;
	return keep(f, addr, &f->message.envelope.sender) ? 0 : -E2BIG;
}

static int take_full_name(struct dropfile *f, span name)
{
	return keep_first(f, name, &f->message.full_name) ? 0 : -E2BIG;
}

static int take_orig(struct dropfile *f, span addr)
{
	return keep(f, addr, &f->next.orig) ? 0 : -E2BIG;
}

static int take_orcpt(struct dropfile *f, span text)
{
	return keep(f, text, &f->next.orcpt) ? 0 : -E2BIG;
}

static int take_envid(struct dropfile *f, span text)
{
	return keep(f, text, &f->message.envelope.envid) ? 0 : -E2BIG;
}

static int take_redirect(struct dropfile *f, span addr)
{
	return keep(f, addr, &f->message.redirect) ? 0 : -E2BIG;
}

static int take_filter(struct dropfile *f, span text)
{
	return keep(f, text, &f->message.filter) ? 0 : -E2BIG;
}

/* What is no number says nothing. */
static int take_verp(struct dropfile *f, span delimiters)
{
	return keep_first(f, delimiters, &f->message.envelope.verp) ? 0
	                                                            : -E2BIG;
}

static int take_notify(struct dropfile *f, span text)
{
	uint32_t bits;

	if (span_to_u32(text, &bits) && bits < 16 &&
	    (bits == RCPT_NOTIFY_NEVER || !(bits & RCPT_NOTIFY_NEVER)))
		f->next.notify = (uint8_t)bits;
	return 0;
}

static int take_ret(struct dropfile *f, span text)
{
	uint32_t *flags = &f->message.envelope.flags;

	if (span_eq(text, SPAN("1")))
		*flags |= ENVELOPE_RET_FULL;
	else if (span_eq(text, SPAN("2")))
		*flags |= ENVELOPE_RET_HDRS;
	else
		return bad(f, "bad DSN RET record");
	return 0;
}

/* "seconds microseconds", or the first alone. */
static int take_time(struct dropfile *f, span text)
{
	uint64_t seconds = 0;
	uint64_t micros = 0;

	if (f->message.envelope.arrival ||
	    !span_to_u64(span_word(&text, " "), &seconds) ||
	    seconds > UINT32_MAX)
		return 0;
	if (!span_to_u64(span_word(&text, " "), &micros))
		micros = 0;
	f->message.envelope.arrival =
	    seconds * USEC_SEC + MIN(micros, (uint64_t)USEC_SEC - 1);
	return 0;
}

/* The sixth number: whether SMTPUTF8 was asked for. */
static int take_size(struct dropfile *f, span text)
{
	uint64_t options = 0;
	span word = SPAN_NONE;

	for (int i = 0; i < 6; i++)
		word = span_word(&text, " ");
	if (span_to_u64(word, &options) && (options & 1))
		f->message.envelope.flags |= ENVELOPE_SMTPUTF8;
	return 0;
}

/* ---- attributes ---- */

static int take_encoding(struct dropfile *f, span value)
{
	if (span_eq(value, SPAN("8bit")))
		f->message.envelope.flags |= ENVELOPE_8BIT;
	return 0;
}

static int take_trace(struct dropfile *f, span value)
{
	uint32_t flags;

	if (!span_to_u32(value, &flags))
		return bad(f, "bad TFLAG record");
	if (flags & TRACE_VERIFY)
		f->message.envelope.flags |= ENVELOPE_VERIFY;
	if (flags & TRACE_RECORD)
		f->message.envelope.flags |= ENVELOPE_TRACE;
	return 0;
}

static int take_rewrite(struct dropfile *f, span value)
{
	if (span_eq(value, SPAN("remote")))
		f->message.is_remote = true;
	else if (!span_eq(value, SPAN("local")))
		return bad(f, "bad rewriting context");
	return 0;
}

static int take_final(struct dropfile *f, span value UNUSED)
{
	f->message.is_final = true;
	return 0;
}

static int take_name(struct dropfile *f, span value)
{
	span *to = &f->message.envelope.client_name;

	return keep_first(f, value, to) ? 0 : -E2BIG;
}

static int take_addr(struct dropfile *f, span value)
{
	span *to = &f->message.envelope.client_addr;

	return keep_first(f, value, to) ? 0 : -E2BIG;
}

/* The first one that is known, as with the others. */
static int take_port(struct dropfile *f, span value)
{
	uint16_t *to = &f->message.envelope.client_port;
	uint32_t port;

	if (!*to && span_to_u32(value, &port) && port <= UINT16_MAX)
		*to = (uint16_t)port;
	return 0;
}

static int take_helo(struct dropfile *f, span value)
{
	return keep_first(f, value, &f->message.envelope.helo) ? 0 : -E2BIG;
}

static int take_proto(struct dropfile *f, span value)
{
	return keep_first(f, value, &f->message.envelope.proto) ? 0 : -E2BIG;
}

typedef int take_fn(struct dropfile *f, span value);

static int take_attr(struct dropfile *f, span text)
{
	static const struct {
		span name;
		take_fn *take;
	} known[] = {
		{ SPAN_INIT(RECORD_ATTR_ENCODING), take_encoding },
		{ SPAN_INIT(RECORD_ATTR_ENVID), take_envid },
		{ SPAN_INIT(RECORD_ATTR_NOTIFY), take_notify },
		{ SPAN_INIT(RECORD_ATTR_ORCPT), take_orcpt },
		{ SPAN_INIT(RECORD_ATTR_RET), take_ret },
		{ SPAN_INIT(RECORD_ATTR_REWRITE), take_rewrite },
		{ SPAN_INIT(RECORD_ATTR_TRACE), take_trace },
		{ SPAN_INIT("log_client_name"), take_name },
		{ SPAN_INIT("log_client_address"), take_addr },
		{ SPAN_INIT("log_client_port"), take_port },
		{ SPAN_INIT("log_helo_name"), take_helo },
		{ SPAN_INIT("log_protocol_name"), take_proto },
		{ SPAN_INIT(DROPFILE_FINAL), take_final },
	};
	span name;
	span value;

	if (!record_attr(text, &name, &value))
		return bad(f, "malformed attribute");
	for (size_t i = 0; i < ARRAY_LEN(known) && value.len; i++)
		if (span_eq(name, known[i].name))
			return known[i].take(f, value);
	return 0;
}

/* What is not here is of no interest. */
static const struct {
	char type;
	take_fn *take;
} takers[] = {
	{ RECORD_RCPT, take_rcpt },
	{ RECORD_ATTR, take_attr },
	{ RECORD_FROM, take_sender },
	{ RECORD_DONE, take_done },
	{ RECORD_CANCELED, take_done },
	{ RECORD_ORIG, take_orig },
	{ RECORD_FULL, take_full_name },
	{ RECORD_TIME, take_time },
	{ RECORD_SIZE, take_size },
	{ RECORD_DSN_RET, take_ret },
	{ RECORD_DSN_ENVID, take_envid },
	{ RECORD_DSN_ORCPT, take_orcpt },
	{ RECORD_DSN_NOTIFY, take_notify },
	{ RECORD_REDIRECT, take_redirect },
	{ RECORD_FILTER, take_filter },
	{ RECORD_VERP, take_verp },
};

static int take_info(struct dropfile *f, const struct record *record)
{
	for (size_t i = 0; i < ARRAY_LEN(takers); i++)
		if (takers[i].type == record->type)
			return takers[i].take(f, record->data);
	return 0;
}

static int scan_info(struct dropfile *f, enum record_group group)
{
	struct record record;

	for (;;) {
		int r = next(f, group, &record);

		if (r != 0 || record.type == record_end_of(group))
			return r;
		r = take_info(f, &record);
		if (r != 0)
			return r;
	}
}

static int scan_content(struct dropfile *f)
{
	struct record record;
	int r = 0;

	f->content = f->at + f->used;
	do
		r = next(f, RECORD_CONTENT, &record);
	while (r == 0 && record.type != RECORD_XTRA);
	return r;
}

int dropfile_scan(struct dropfile *f)
{
	int r = scan_info(f, RECORD_ENVELOPE);

	if (r == 0 && !f->message.has_sender)
		return bad(f, "no envelope sender");
	if (r == 0)
		r = scan_content(f);
	if (r == 0)
		r = scan_info(f, RECORD_EXTRACT);
	return r;
}

/* ---- content ---- */

int dropfile_record(struct dropfile *f, bool first, struct record *ret)
{
	int r;

	if (first) {
		f->last_jump = 0;
		f->back_jumps = 0;
		f->content_read = false;
		jump(f, f->content);
	}
	if (f->content_read) {
		*ret = (struct record){ .type = RECORD_XTRA };
		return 0;
	}
	r = next(f, RECORD_CONTENT, ret);
	f->content_read = r == 0 && ret->type == RECORD_XTRA;
	return r;
}

/*
 * Line ends are between records. One that is within is nothing that a line
 * could have: a blank, as Postfix writes it (cleanup_replace_stray_cr_lf).
 */
static void put_text(struct buf *out, span text)
{
	while (text.len) {
		size_t n = 0;

		while (
		    n < text.len && text.ptr[n] != '\r' && text.ptr[n] != '\n')
			n++;
		buf_put(out, span_first(text, n));
		if (n < text.len)
			buf_putc(out, ' ');
		text = span_from(text, n + 1);
	}
}

static void put_record(
    struct dropfile *f, const struct record *record, struct buf *out)
{
	if (!f->open_line && record->data.len && record->data.ptr[0] == '.')
		buf_putc(out, '.');
	put_text(out, record->data);
	if (record->type == RECORD_NORM)
		buf_put(out, SPAN("\r\n"));
	/* An empty piece does not begin a line. */
	if (record->type == RECORD_NORM)
		f->open_line = false;
	else
		f->open_line |= record->data.len > 0;
}

int dropfile_content(struct dropfile *f, bool first, struct buf *out)
{
	size_t limit = out->len + PIECE;
	struct record record;

	if (first)
		f->open_line = false;
	while (out->len < limit) {
		int r = dropfile_record(f, first, &record);

		first = false;
		if (r != 0)
			return r;
		if (record.type == RECORD_XTRA)
			break;
		put_record(f, &record, out);
	}
	if (f->content_read && f->open_line) {
		buf_put(out, SPAN("\r\n"));
		f->open_line = false;
	}
	return 0;
}
