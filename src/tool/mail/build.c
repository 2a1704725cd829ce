/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/build.c - the header in the order of the manner, then the body.
 *
 *	heirloom  Date From Organization Reply-To Sender To Cc Bcc Subject ...
 *	bsd       From To Subject Cc Bcc ... Content-Type; sendmail dates it
 *	gnu       From Subject To Cc Bcc ... Date
 *
 * A field that the user wrote himself (-a "Name: value") takes the place of
 * the one that would be written here.
 */
#include "tool/mail/build.h"

#include <errno.h>
#include <fcntl.h>

#include "mail/field.h"
#include "os/clock.h"
#include "os/file.h"
#include "tool/mail/attach.h"
#include "tool/mail/head.h"

static const char agent[] = "Heirloom mailx 12.5 7/5/10";

struct builder {
	struct mua *m;
	const struct draft *d;
	const struct recipients *r;
	struct build_bcc bcc;
	struct content text;
	struct buf boundary;
	struct buf *out;
};

/* Whether the user wrote this one. */
static bool is_given(const struct builder *b, const char *name)
{
	span value;

	return field_find(buf_span(&b->d->fields), span_str(name), &value);
}

/* ---- the fields ---- */

typedef void field_fn(struct builder *b);

static void put_date(struct builder *b)
{
	if (!is_given(b, "Date"))
		head_write_date(b->out, "Date");
}

/* From the draft, or from a variable. */
static void put_own(struct builder *b, const char *name,
    const struct buf *given, const char *variable)
{
	span typed = given->len ? buf_span(given)
	                        : span_str(vars_get(b->m->vars, variable));

	head_write_typed(b->m, b->out, name, typed, HEAD_SEND);
}

static void put_from(struct builder *b)
{
	const char *organization = vars_get(b->m->vars, "ORGANIZATION");
	span text = b->d->organization.len ? buf_span(&b->d->organization)
	                                   : span_str(organization);

	put_own(b, "From", &b->d->from, "from");
	if (text.len > 0)
		head_write_text(b->m, b->out, "Organization", text, HEAD_SEND);
	put_own(b, "Reply-To", &b->d->reply_to, "replyto");
	put_own(b, "Sender", &b->d->sender, "sender");
}

static void put_to(struct builder *b)
{
	head_write_people(
	    b->m, b->out, HEAD_PEOPLE("To", b->r, RECIPIENT_TO), HEAD_SEND);
}

static void put_copies(struct builder *b)
{
	head_write_people(
	    b->m, b->out, HEAD_PEOPLE("Cc", b->r, RECIPIENT_CC), HEAD_SEND);
	b->bcc.at = b->out->len;
	head_write_people(
	    b->m, b->out, HEAD_PEOPLE("Bcc", b->r, RECIPIENT_BCC), HEAD_SEND);
	b->bcc.len = b->out->len - b->bcc.at;
}

static void put_subject(struct builder *b)
{
	head_write_subject(b->m, b->d, HEAD_SEND, b->out);
}

static bool is_stealthy(const struct builder *b)
{
	return vars_is_set(b->m->vars, "stealthmua");
}

static void put_id(struct builder *b)
{
	if (!is_stealthy(b) && !is_given(b, "Message-ID"))
		head_write_id(
		    b->m, b->out, "Message-ID", head_from(b->m, b->d));
}

static void put_references(struct builder *b)
{
	if (!is_given(b, "References") && !is_given(b, "In-Reply-To"))
		head_write_references(b->out, buf_span(&b->d->references));
}

static void put_agent(struct builder *b)
{
	if (!is_stealthy(b) && !is_given(b, "User-Agent"))
		buf_printf(b->out, "User-Agent: %s\n", agent);
}

/* What describes the body stands where our own would; in bsd-mailx's manner
 * with the others. */
static bool stands_below(const struct builder *b, span name)
{
	if (b->m->manner == MANNER_BSD && b->d->nfiles == 0)
		return false;
	return span_has_prefix_nocase(name, SPAN("Content-")) ||
	    span_eq_nocase(name, SPAN("MIME-Version"));
}

static void put_given(struct builder *b)
{
	span rest = buf_span(&b->d->fields);
	struct field f;

	while (field_next(&rest, &f)) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(1024);

		buf_put(&name, f.name);
		if (!stands_below(b, f.name) && !name.failed)
			head_write_text(
			    b->m, b->out, buf_cstr(&name), f.value, HEAD_SEND);
	}
}

/* The type of the text: the user's own one, or ours. */
static void put_text_fields(struct builder *b)
{
	span rest = buf_span(&b->d->fields);
	struct field f;

	while (field_next(&rest, &f))
		if (span_has_prefix_nocase(f.name, SPAN("Content-")) &&
		    stands_below(b, f.name))
			buf_put(b->out, f.whole);
	if (!is_given(b, "Content-Type")) {
		buf_printf(b->out, "Content-Type: %s", b->text.type);
		if (b->text.charset.len > 0)
			buf_printf(b->out,
			    b->m->manner == MANNER_BSD ? "; charset=\"%.*s\""
			                               : "; charset=%.*s",
			    PRI(b->text.charset));
		buf_putc(b->out, '\n');
	}
	if (!is_given(b, "Content-Transfer-Encoding"))
		buf_printf(b->out, "Content-Transfer-Encoding: %.*s\n",
		    PRI(transfer_name(b->text.encoding)));
}

static void put_mime(struct builder *b)
{
	span given;

	if (field_find(buf_span(&b->d->fields), SPAN("MIME-Version"), &given))
		buf_printf(
		    b->out, "MIME-Version: %.*s\n", PRI(span_trim(given)));
	else
		buf_put(b->out, SPAN("MIME-Version: 1.0\n"));
	if (b->d->nfiles == 0)
		put_text_fields(b);
	else
		buf_printf(b->out,
		    "Content-Type: multipart/mixed;\n boundary=\"%s\"\n",
		    buf_cstr(&b->boundary));
}

struct layout {
	field_fn *fields[16];
};

static const struct layout layouts[] = {
	[MANNER_HEIRLOOM] = { { put_date, put_from, put_to, put_copies,
	    put_subject, put_given, put_id, put_references, put_agent,
	    put_mime } },
	[MANNER_BSD] = { { put_from, put_to, put_subject, put_copies,
	    put_references, put_given, put_mime } },
	[MANNER_GNU] = { { put_from, put_subject, put_given, put_to, put_copies,
	    put_references, put_mime, put_id, put_agent, put_date } },
};
/* Heirloom with `bsdcompat` or `bsdorder`. */
static const struct layout bsd_order = { { put_date, put_from, put_to,
    put_subject, put_copies, put_given, put_id, put_references, put_agent,
    put_mime } };

static void put_header(struct builder *b)
{
	const struct vars *v = b->m->vars;
	const struct layout *l = &layouts[b->m->manner];

	if (b->m->manner == MANNER_HEIRLOOM &&
	    (vars_is_set(v, "bsdcompat") || vars_is_set(v, "bsdorder")))
		l = &bsd_order;
	for (size_t i = 0; i < ARRAY_LEN(l->fields) && l->fields[i]; i++)
		l->fields[i](b);
	buf_putc(b->out, '\n');
}

/* ---- the body ---- */

/* The file named by `signature` goes below. */
static void add_signature(struct mua *m, struct buf *text)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	CLEANUP(fd_close) int fd = -1;
	const char *name = vars_get(m->vars, "signature");
	int r;

	if (!name || !*name || !mua_expand_name(m, span_str(name), &path))
		return;
	fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : file_read_all(fd, text);
	if (r < 0)
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(-r));
	else if (text->len > 0 && text->data[text->len - 1] != '\n')
		buf_putc(text, '\n');
}

/* What the user says is encoded already, or a multipart by hand, stays. */
static void respect_fields(struct builder *b)
{
	span fields = buf_span(&b->d->fields);
	span value;

	if (field_find(fields, SPAN("Content-Transfer-Encoding"), &value)) {
		b->text.encoding = TRANSFER_8BIT;
		b->text.bytes = buf_span(&b->d->body);
	} else if (field_find(fields, SPAN("Content-Type"), &value) &&
	    (span_has_prefix_nocase(span_trim(value), SPAN("multipart/")) ||
	        span_has_prefix_nocase(span_trim(value), SPAN("message/")))) {
		b->text.encoding = TRANSFER_8BIT;
	}
}

static void put_text(struct builder *b)
{
	const struct content *c = &b->text;

	transfer_encode(b->out, c->encoding, c->bytes);
	/* An empty text is a line that goes on into nothing. */
	if (c->bytes.len == 0 && c->encoding == TRANSFER_QUOTED)
		buf_put(b->out, SPAN("=\n"));
	if (c->bytes.len > 0 && b->out->len > 0 &&
	    b->out->data[b->out->len - 1] != '\n')
		buf_putc(b->out, '\n');
}

static bool put_parts(struct builder *b)
{
	buf_put(b->out, SPAN("This is a multi-part message in MIME format.\n"));
	if (b->text.bytes.len > 0) {
		buf_printf(b->out, "\n--%s\n", buf_cstr(&b->boundary));
		put_text_fields(b);
		buf_put(b->out, SPAN("Content-Disposition: inline\n\n"));
		put_text(b);
	}
	if (!attach_write(b->m, b->d, buf_span(&b->boundary), b->out))
		return false;
	buf_printf(b->out, "\n--%s--\n", buf_cstr(&b->boundary));
	return true;
}

static bool put_all(struct builder *b)
{
	put_header(b);
	if (b->d->nfiles > 0)
		return put_parts(b);
	put_text(b);
	return true;
}

bool build_message(struct mua *m, const struct draft *d,
    const struct recipients *r, struct buf *out, struct build_bcc *ret_bcc)
{
	struct builder b = {
		.m = m, .d = d, .r = r, .boundary = BUF_INIT(128), .out = out
	};
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	bool built;

	buf_put(&text, buf_span(&d->body));
	add_signature(m, &text);
	content_of_text(m, buf_span(&text), &b.text);
	respect_fields(&b);
	buf_printf(&b.boundary, "=_%llx.",
	    (unsigned long long)(clock_wall() / USEC_SEC));
	head_random(&b.boundary, 48);
	built = put_all(&b);
	if (built && (out->failed || text.failed)) {
		mua_error(m, "The message is too large");
		built = false;
	}
	*ret_bcc = b.bcc;
	content_done(&b.text);
	buf_done(&b.boundary);
	return built;
}
