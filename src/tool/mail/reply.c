/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/reply.c - mail, reply, followup and their kind.
 *
 * Everything a reply is made of comes from the other side: each value is taken
 * apart and put together again, never copied into a header as it is.
 */
#include "base/width.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/people.h"
#include "tool/mail/commands.h"
#include "tool/mail/quote.h"
#include "tool/mail/recipients.h"
#include "tool/mail/show.h"

#include <stdlib.h>

enum { HEADER_MAX = 16 << 20, VALUE_MAX = 4 << 20 };

enum reply_flags {
	REPLY_SENDER = 1, /* not to everybody */
	REPLY_RECORD = 2, /* followup */
};

void quote_indented(struct buf *out, const char *prefix, span text)
{
	while (text.len > 0) {
		span line = span_cut(&text, '\n');

		buf_put(out, span_str(prefix));
		while (line.len == 0 && out->len > 0 &&
		    out->data[out->len - 1] == ' ')
			out->len--;
		buf_put(out, line);
		buf_putc(out, '\n');
	}
}

const char *quote_prefix(const struct mua *m)
{
	const char *prefix = vars_get(m->vars, "indentprefix");

	return prefix && *prefix ? prefix : "\t";
}

void quote_touch(struct mua *m, uint32_t i)
{
	box_goto(m->box, i);
	box_touch(m->box, i);
}

typedef void put_fn(struct buf *out, span value);

/* The first of these fields, as one line that no terminal obeys. */
static bool find_as(
    span header, const char *const *names, put_fn *put, struct buf *out)
{
	CLEANUP(buf_done) struct buf raw = BUF_INIT(VALUE_MAX);
	span value;

	while (*names &&
	    (!field_find(header, span_str(*names), &value) || !value.len))
		names++;
	if (!*names)
		return false;
	put(&raw, value);
	width_harmless(out, buf_span(&raw), HARMLESS_LINE, false);
	return true;
}

/* Of text. */
static bool find_field(span header, const char *const *names, struct buf *out)
{
	return find_as(header, names, encoded_decode, out);
}

/* Of people; a name that was encoded must not become other people. */
static bool find_people(span header, const char *const *names, struct buf *out)
{
	return find_as(header, names, people_decode, out);
}

/* Of ids, which are never encoded. */
static bool find_ids(span header, const char *const *names, struct buf *out)
{
	return find_as(header, names, field_unfold, out);
}

bool quote_field(
    struct mua *m, uint32_t i, const char *const *names, struct buf *out)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(HEADER_MAX);

	return box_header(m, i, &header) == 0 &&
	    find_field(buf_span(&header), names, out);
}

/* ---- who gets it ---- */

/* "From ana@x Wed Feb 19 ..." */
static void put_envelope(struct mua *m, uint32_t i, struct buf *out)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(VALUE_MAX);
	span rest;

	if (folder_from_line(m->box->folder, i, &line) < 0)
		return;
	rest = buf_span(&line);
	(void)span_skip(&rest, SPAN("From "));
	width_harmless(out, span_word(&rest, " \t"), HARMLESS_LINE, false);
}

static void put_sender(struct mua *m, uint32_t i, span header, struct buf *out)
{
	static const char *const names[] = { "Reply-To", "From", NULL };
	size_t before = out->len;

	if (!find_people(header, names, out))
		put_envelope(m, i, out);
	if (out->len == before)
		buf_put(out, span_str(m->user));
}

static int compare(const void *a, const void *b)
{
	const struct recipient *x = a;
	const struct recipient *y = b;

	return span_cmp_nocase(x->bare, y->bare);
}

/* Files and programs are for the user to name, not for who wrote to him. */
static void put_all(struct mua *m, const struct recipients *r, struct buf *out)
{
	bool full = vars_is_set(m->vars, "fullnames");

	for (size_t i = 0; i < r->count; i++) {
		enum recipient_is is = recipient_is(r->all[i].bare);

		if (is == RECIPIENT_IS_FILE || is == RECIPIENT_IS_PIPE)
			continue;
		if (out->len > 0)
			buf_put(out, SPAN(", "));
		buf_put(out, full ? r->all[i].full : r->all[i].bare);
	}
}

/* Sorted, each once, without the user. */
static void put_others(struct mua *m, span typed, struct buf *out)
{
	struct recipients r;
	size_t kept = 0;

	recipients_init(&r);
	recipients_take(&r, typed, RECIPIENT_TO);
	if (r.count > 0)
		qsort(r.all, r.count, sizeof(*r.all), compare);
	for (size_t i = 0; i < r.count; i++)
		if ((i == 0 || compare(&r.all[i - 1], &r.all[i]) != 0) &&
		    !draft_is_me(m, r.all[i].bare))
			r.all[kept++] = r.all[i];
	r.count = kept;
	put_all(m, &r, out);
	recipients_done(&r);
}

static void put_as_typed(struct mua *m, span typed, struct buf *out)
{
	struct recipients r;

	recipients_init(&r);
	recipients_take(&r, typed, RECIPIENT_TO);
	put_all(m, &r, out);
	recipients_done(&r);
}

static void address_to_all(
    struct mua *m, uint32_t i, span header, struct draft *d)
{
	static const char *const to[] = { "To", NULL };
	static const char *const cc[] = { "Cc", NULL };
	CLEANUP(buf_done) struct buf sender = BUF_INIT(VALUE_MAX);
	CLEANUP(buf_done) struct buf people = BUF_INIT(VALUE_MAX);

	put_sender(m, i, header, &sender);
	buf_put(&people, buf_span(&sender));
	buf_put(&people, SPAN(", "));
	(void)!find_people(header, to, &people);
	put_others(m, buf_span(&people), &d->to);
	if (d->to.len == 0)
		put_as_typed(m, buf_span(&sender), &d->to);
	buf_clear(&people);
	if (find_people(header, cc, &people))
		put_others(m, buf_span(&people), &d->cc);
}

/* followup: the copy is named after who wrote it, as by Copy and Save. */
static bool put_author(struct mua *m, uint32_t i, struct draft *d)
{
	struct person from;
	struct arena a;
	bool found;

	arena_init(&a, HEADER_MAX);
	found = box_sender(m, i, &a, &from) == 0;
	if (found)
		buf_put(&d->author, from.addr);
	arena_done(&a);
	return found;
}

/* ---- what it is about ---- */

static void put_subject(span header, struct draft *d)
{
	static const char *const names[] = { "Subject", "Subj", NULL };
	CLEANUP(buf_done) struct buf was = BUF_INIT(VALUE_MAX);
	span text;

	if (!find_field(header, names, &was))
		return;
	text = span_trim(buf_span(&was));
	d->has_subject = text.len > 0;
	if (!span_has_prefix_nocase(text, SPAN("re:")))
		buf_put(&d->subject, SPAN("Re: "));
	buf_put(&d->subject, text);
}

static void put_references(span header, struct draft *d)
{
	static const char *const ids[] = { "Message-ID", NULL };
	static const char *const references[] = { "References", NULL };

	CLEANUP(buf_done) struct buf id = BUF_INIT(VALUE_MAX);

	if (!find_ids(header, ids, &id))
		return;
	(void)!find_ids(header, references, &d->references);
	buf_putc(&d->references, ' ');
	buf_put(&d->references, buf_span(&id));
}

bool quote_message(
    struct mua *m, uint32_t i, const char *quote, struct buf *out)
{
	static const char *const from[] = { "From", NULL };
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	const char *prefix = vars_get(m->vars, "indentprefix");
	enum show_as how = SHOW_QUOTE;

	if (!strcmp(quote, "headers")) {
		how = SHOW_TYPE;
	} else if (!strcmp(quote, "allheaders")) {
		how = SHOW_ALL;
	} else if (strcmp(quote, "noheading") != 0 &&
	    quote_field(m, i, from, out)) {
		buf_put(out, SPAN(" wrote:\n\n"));
	}
	if (show_text(m, i, how, &text) < 0)
		return false;
	if (prefix)
		quote_indented(out, quote_prefix(m), buf_span(&text));
	else
		buf_put(out, buf_span(&text));
	return true;
}

/* ---- the commands ---- */

static bool put_senders(struct mua *m, const struct call *c, struct draft *d)
{
	CLEANUP(buf_done) struct buf senders = BUF_INIT(VALUE_MAX);

	for (size_t n = 0; n < c->msgs.count; n++) {
		CLEANUP(buf_done) struct buf header = BUF_INIT(HEADER_MAX);

		if (box_header(m, c->msgs.all[n], &header) < 0)
			return false;
		if (senders.len > 0)
			buf_put(&senders, SPAN(", "));
		put_sender(m, c->msgs.all[n], buf_span(&header), &senders);
		quote_touch(m, c->msgs.all[n]);
	}
	put_as_typed(m, buf_span(&senders), &d->to);
	return true;
}

static bool prepare(
    struct mua *m, const struct call *c, unsigned flags, struct draft *d)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(HEADER_MAX);
	const char *quote = vars_get(m->vars, "quote");
	uint32_t first = c->msgs.all[0];

	if (box_header(m, first, &header) < 0)
		return false;
	if (!(flags & REPLY_SENDER)) {
		quote_touch(m, first);
		address_to_all(m, first, buf_span(&header), d);
	} else if (!put_senders(m, c, d)) {
		return false;
	}
	put_subject(buf_span(&header), d);
	put_references(buf_span(&header), d);
	d->about = first;
	d->announce = true;
	d->record_by_name = flags & REPLY_RECORD;
	return put_author(m, first, d) &&
	    (!quote || quote_message(m, first, quote, &d->body));
}

static int reply(struct mua *m, const struct call *c, unsigned flags)
{
	struct draft d;
	uint32_t first;
	int r = 1;

	if (c->msgs.count == 0)
		return 0;
	first = c->msgs.all[0];
	if (c->msgs.count > 1 && !(flags & REPLY_SENDER)) {
		printf("Sorry, can't reply to multiple messages at once\n");
		return 1;
	}
	draft_init(&d);
	if (prepare(m, c, flags, &d))
		r = draft_write(m, &d);
	draft_done(&d);
	if (r == 0 && vars_is_set(m->vars, "markanswered"))
		box_set_flags(m->box, first, FOLDER_ANSWERED, 0);
	return r;
}

/* `flipr` and `Replyall` change the meanings of r and R; both together do
 * not. */
static unsigned whom(const struct mua *m, bool capital)
{
	bool flipped =
	    vars_is_set(m->vars, "flipr") != vars_is_set(m->vars, "Replyall");

	return flipped != capital ? REPLY_SENDER : 0;
}

int cmd_reply(struct mua *m, const struct call *c)
{
	return reply(m, c, whom(m, false));
}

int cmd_Reply(struct mua *m, const struct call *c)
{
	return reply(m, c, whom(m, true));
}

int cmd_reply_all(struct mua *m, const struct call *c)
{
	return reply(m, c, 0);
}

int cmd_reply_sender(struct mua *m, const struct call *c)
{
	return reply(m, c, REPLY_SENDER);
}

int cmd_followup(struct mua *m, const struct call *c)
{
	return reply(m, c, whom(m, false) | REPLY_RECORD);
}

int cmd_Followup(struct mua *m, const struct call *c)
{
	return reply(m, c, whom(m, true) | REPLY_RECORD);
}

int cmd_followup_all(struct mua *m, const struct call *c)
{
	return reply(m, c, REPLY_RECORD);
}

int cmd_followup_sender(struct mua *m, const struct call *c)
{
	return reply(m, c, REPLY_SENDER | REPLY_RECORD);
}

static int write_new(struct mua *m, const struct call *c, bool by_name)
{
	struct draft d;
	int r;

	draft_init(&d);
	buf_put(&d.to, span_trim(c->text));
	d.record_by_name = by_name;
	r = draft_write(m, &d);
	draft_done(&d);
	return r;
}

int cmd_mail(struct mua *m, const struct call *c)
{
	return write_new(m, c, false);
}

int cmd_Mail(struct mua *m, const struct call *c)
{
	return write_new(m, c, true);
}
