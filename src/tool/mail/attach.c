/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/attach.c - what a body or a file becomes as a MIME part.
 *
 * The text of a mail is converted to the first set of `sendcharsets` that can
 * say it, as Heirloom's mailx does: 7bit if it is plain; quoted-printable
 * where a line is long or the last one has no end; control characters make it
 * application/octet-stream.
 *
 * Files are somebody's bytes. They are not converted, and whatever a relay or
 * an mbox could change (a line "From ...", a CR, a missing line end) gets an
 * encoding, so that they arrive byte for byte.
 */
#include "tool/mail/attach.h"

#include <errno.h>
#include <fcntl.h>

#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/field.h"
#include "mail/params.h"
#include "os/file.h"
#include "tool/mail/box.h"
#include "tool/mail/head.h"
#include "tool/mail/mimetype.h"

enum { LONG_LINE = 948, SMTP_LINE = 998 };

struct facts {
	bool nul;
	bool control; /* other than tab, form feed, line end */
	bool cr;
	bool high;
	bool from; /* a line that begins with "From " */
	bool ends; /* the last line does */
	size_t longest;
};

static struct facts look_at(span s)
{
	struct facts f = { .ends = s.len > 0 && s.ptr[s.len - 1] == '\n' };
	size_t start = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (i == start &&
		    span_has_prefix(span_from(s, i), SPAN("From ")))
			f.from = true;
		f.high |= c > 127;
		f.nul |= c == 0;
		f.cr |= c == '\r';
		f.control |= (c < ' ' && c != '\t' && c != '\f' && c != '\n') ||
		    c == 127;
		if (c == '\n') {
			f.longest = MAX(f.longest, i - start);
			start = i + 1;
		}
	}
	f.longest = MAX(f.longest, s.len - start);
	return f;
}

void content_done(struct content *c)
{
	buf_done(&c->converted);
	buf_done(&c->name);
}

static bool is_text(const char *type)
{
	return span_has_prefix_nocase(span_str(type), SPAN("text/"));
}

/* ---- the text ---- */

static enum transfer high_encoding(const struct mua *m)
{
	const char *wanted = vars_get(m->vars, "encoding");
	enum transfer kind =
	    wanted ? transfer_parse(span_str(wanted)) : TRANSFER_8BIT;

	return kind == TRANSFER_QUOTED || kind == TRANSFER_BASE64
	    ? kind
	    : TRANSFER_8BIT;
}

/* In the first character set that has all of it. */
static void convert(struct mua *m, span utf8, struct content *c)
{
	c->charset = charset_choose(head_charsets(m), utf8);
	c->bytes = utf8;
	if (span_eq_nocase(c->charset, SPAN("us-ascii")) ||
	    span_eq_nocase(c->charset, SPAN("utf-8")))
		return;
	if (charset_from_utf8(c->charset, utf8, &c->converted) < 0 ||
	    c->converted.failed)
		c->charset = SPAN("utf-8");
	else
		c->bytes = buf_span(&c->converted);
}

static void plain_text(struct mua *m, span utf8, struct content *c)
{
	struct facts f = look_at(utf8);
	uint64_t limit =
	    vars_number(m->vars, "maximum-unencoded-line-length", LONG_LINE);
	const char *type = vars_get(m->vars, "contenttype-cntrl");

	c->type = "text/plain";
	c->bytes = utf8;
	c->encoding = TRANSFER_BASE64;
	if (f.nul || f.control || !charset_is_utf8(utf8)) {
		c->type = type && !f.nul ? type : "application/octet-stream";
		return;
	}
	convert(m, utf8, c);
	if (!f.ends || f.longest > MIN(limit, (uint64_t)LONG_LINE))
		c->encoding = TRANSFER_QUOTED;
	else
		c->encoding = f.high ? high_encoding(m) : TRANSFER_7BIT;
}

/* bsd-mailx sends what it got; we only where SMTP can carry it. */
static void bsd_text(span utf8, struct content *c)
{
	struct facts f = look_at(utf8);

	c->type = "text/plain";
	c->bytes = utf8;
	c->charset =
	    charset_is_utf8(utf8) ? SPAN("UTF-8") : SPAN("unknown-8bit");
	c->encoding = f.nul || f.cr || f.longest > SMTP_LINE ? TRANSFER_QUOTED
	                                                     : TRANSFER_8BIT;
}

void content_of_text(struct mua *m, span utf8, struct content *ret)
{
	*ret = (struct content){ .converted = BUF_INIT(DRAFT_TEXT_MAX),
		.name = BUF_INIT(1024) };
	if (m->manner == MANNER_BSD)
		bsd_text(utf8, ret);
	else
		plain_text(m, utf8, ret);
}

/* ---- files ---- */

static void type_of_file(
    struct mua *m, span name, const struct facts *f, struct content *c)
{
	mimetype_find(m, name, &c->name);
	if (c->name.len > 0)
		c->type = buf_cstr(&c->name);
	else
		c->type = f->nul || f->control ? "application/octet-stream"
		                               : "text/plain";
}

void content_of_file(struct mua *m, span bytes, span name, struct content *ret)
{
	struct facts f = look_at(bytes);
	bool harmless = !f.nul && !f.control && !f.high && !f.from && f.ends &&
	    f.longest <= LONG_LINE;

	*ret = (struct content){
		.bytes = bytes, .converted = BUF_INIT(0), .name = BUF_INIT(1024)
	};
	type_of_file(m, name, &f, ret);
	ret->encoding = TRANSFER_BASE64;
	if (!is_text(ret->type))
		return;
	if (f.nul || !charset_is_utf8(bytes)) {
		ret->type = "application/octet-stream";
		return;
	}
	ret->charset = f.high ? SPAN("utf-8") : SPAN("us-ascii");
	if (harmless)
		ret->encoding = TRANSFER_7BIT;
	else if (!f.control)
		ret->encoding = TRANSFER_QUOTED;
}

/* ---- writing ---- */

/* Heirloom's form, which old readers know, where the name allows it. */
static void put_name(struct buf *out, span name)
{
	bool plain = name.len < 60;

	for (size_t i = 0; i < name.len; i++)
		plain = plain && ascii_is_print(name.ptr[i]) &&
		    !strchr("\"\\?", name.ptr[i]);
	if (plain)
		buf_printf(out, ";\n filename=\"%.*s\"", PRI(name));
	else
		params_write(out, SPAN("filename"), name);
}

static void write_file_part(
    struct mua *m, const struct draft_file *f, span bytes, struct buf *out)
{
	struct content c;

	content_of_file(m, bytes, span_str(f->name), &c);
	buf_printf(out, "Content-Type: %s", c.type);
	if (c.charset.len > 0)
		buf_printf(out, ";\n charset=%.*s", PRI(c.charset));
	buf_printf(out,
	    "\nContent-Transfer-Encoding: %.*s\n"
	    "Content-Disposition: attachment",
	    PRI(transfer_name(c.encoding)));
	put_name(out, span_str(f->name));
	buf_put(out, SPAN("\n\n"));
	transfer_encode(out, c.encoding, c.bytes);
	content_done(&c);
}

static bool write_file(
    struct mua *m, const struct draft_file *f, struct buf *out)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(DRAFT_TEXT_MAX);
	CLEANUP(fd_close) int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : file_read_all(fd, &bytes);

	if (r < 0) {
		mua_error(m, "%s: %s", f->path, strerror(-r));
		return false;
	}
	write_file_part(m, f, buf_span(&bytes), out);
	return true;
}

void attach_put_header(struct buf *out, span header)
{
	struct field f;

	while (field_next(&header, &f))
		if (!span_eq_nocase(f.name, SPAN("Status")) &&
		    !span_eq_nocase(f.name, SPAN("X-Status")))
			buf_put(out, f.whole);
	buf_putc(out, '\n');
}

static void put_message(struct buf *out, span message)
{
	span header;
	span body;

	field_split(message, &header, &body);
	attach_put_header(out, header);
	buf_put(out, body);
	if (body.len == 0 || body.ptr[body.len - 1] != '\n')
		buf_putc(out, '\n');
}

static bool write_message(
    struct mua *m, const struct draft_file *f, struct buf *out)
{
	CLEANUP(buf_done) struct buf message = BUF_INIT(DRAFT_TEXT_MAX);

	if (!m->box || f->message >= m->box->count) {
		mua_error(m, "%u: no such message", f->message + 1);
		return false;
	}
	if (box_content(m, f->message, &message) < 0)
		return false;
	buf_put(out, SPAN("Content-Type: message/rfc822\n"));
	if (!utf8_is_ascii(buf_span(&message)))
		buf_put(out, SPAN("Content-Transfer-Encoding: 8bit\n"));
	buf_put(out, SPAN("Content-Disposition: inline\n\n"));
	put_message(out, buf_span(&message));
	return true;
}

bool attach_write(
    struct mua *m, const struct draft *d, span boundary, struct buf *out)
{
	for (size_t i = 0; i < d->nfiles; i++) {
		const struct draft_file *f = &d->files[i];

		buf_printf(out, "\n--%.*s\n", PRI(boundary));
		if (!(f->path ? write_file(m, f, out)
		              : write_message(m, f, out)))
			return false;
	}
	return true;
}
