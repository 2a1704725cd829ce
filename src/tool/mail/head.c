/* SPDX-License-Identifier: ISC */
#include "tool/mail/head.h"

#include <sys/random.h>

#include "mail/charset.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/people.h"
#include "os/clock.h"

enum { FOLD_AT = 72, VALUE_MAX = 1 << 20 };

span head_from(const struct mua *m, const struct draft *d)
{
	return d->from.len ? buf_span(&d->from)
	                   : span_str(vars_get(m->vars, "from"));
}

span head_charsets(const struct mua *m)
{
	const char *list = vars_get(m->vars, "sendcharsets");

	return list && *list ? span_str(list) : SPAN("utf-8");
}

void head_random(struct buf *out, size_t n)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "abcdefghijklmnopqrstuvwxyz-_";
	unsigned char bytes[64];

	for (size_t i = 0; i < n; i++) {
		/* Up to 256 bytes come at once and whole. */
		if (i % sizeof(bytes) == 0 &&
		    getrandom(bytes, sizeof(bytes), 0) !=
		        (ssize_t)sizeof(bytes))
			bug("no random bytes");
		buf_putc(out, letters[bytes[i % sizeof(bytes)] % 64]);
	}
}

/* Control characters become blanks. */
static void put_line(struct buf *out, span s)
{
	size_t at = out->len;

	buf_put(out, s);
	for (; at < out->len; at++)
		if ((unsigned char)out->data[at] < ' ' || out->data[at] == 127)
			out->data[at] = ' ';
}

static void put_encoded(struct mua *m, struct buf *out, span utf8,
    enum encoded_where where, size_t column)
{
	encoded_encode(
	    out, utf8, charset_choose(head_charsets(m), utf8), where, column);
}

/* ---- people ---- */

/* Without the quotes around it: "J. \"X\" Doe"; what came encoded (from a
 * header that was pasted) is decoded. */
static void put_unquoted(struct buf *out, span phrase)
{
	CLEANUP(buf_done) struct buf bare = BUF_INIT(VALUE_MAX);
	CLEANUP(buf_done) struct buf name = BUF_INIT(VALUE_MAX);

	for (size_t i = 0; i < phrase.len; i++) {
		char c = phrase.ptr[i];

		if (c == '"')
			continue;
		if (c == '\\' && i + 1 < phrase.len)
			c = phrase.ptr[++i];
		buf_putc(&bare, c);
	}
	/* Unquoted first: what a quoted word decodes to is no syntax. */
	if (encoded_has_word(buf_span(&bare)))
		encoded_decode(&name, buf_span(&bare));
	else
		buf_put(&name, buf_span(&bare));
	put_line(out, buf_span(&name));
}

/* The name encoded, the address never. */
static void put_named(
    struct mua *m, struct buf *out, span phrase, span bare, size_t column)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(VALUE_MAX);

	put_unquoted(&name, phrase);
	if (name.len > 0) {
		put_encoded(m, out, buf_span(&name), ENCODED_PHRASE, column);
		buf_putc(out, ' ');
	}
	buf_putc(out, '<');
	put_line(out, bare);
	buf_putc(out, '>');
}

/* As typed, where nothing must be encoded. */
static void put_person(
    struct mua *m, struct buf *out, const struct recipient *one, size_t column)
{
	span full = one->full;
	ssize_t angle = one->bare.ptr - full.ptr;

	if (!encoded_is_needed(full) || one->bare.ptr < full.ptr ||
	    one->bare.ptr > full.ptr + full.len || angle < 1) {
		put_line(out, full);
		return;
	}
	put_named(m, out, span_trim(span_first(full, (size_t)angle - 1)),
	    one->bare, column);
}

/* bob@x (Bob) with a name that needs encoding: the name in front. */
static void put_commented(
    struct mua *m, struct buf *out, const struct recipient *one, size_t column)
{
	span rest = one->full;

	(void)span_cut(&rest, '(');
	if (rest.len > 0 && rest.ptr[rest.len - 1] == ')')
		rest.len--;
	put_named(m, out, rest, one->bare, column);
}

static void put_recipient(struct mua *m, struct buf *out,
    const struct recipient *one, enum head_style style, size_t column)
{
	if (style == HEAD_SEND && encoded_is_needed(one->full) &&
	    encoded_is_needed(one->bare) == false &&
	    span_find(one->full, '<') < 0 && span_find(one->full, '(') >= 0)
		put_commented(m, out, one, column);
	else if (style == HEAD_SEND)
		put_person(m, out, one, column);
	else
		put_line(out, one->full);
}

/* Files and programs stand on the screen only. */
static bool is_written(
    const struct recipient *one, uint8_t kind, enum head_style style)
{
	return one->kind == kind &&
	    (style != HEAD_SEND ||
	        recipient_is(one->bare) == RECIPIENT_IS_ADDRESS);
}

void head_write_people(struct mua *m, struct buf *out, struct head_people who,
    enum head_style style)
{
	const struct recipients *r = who.all;
	uint8_t kind = (uint8_t)who.kind;
	bool commas = style != HEAD_SHOW || vars_is_set(m->vars, "fullnames");
	size_t column = strlen(who.name) + 1;
	size_t left = 0;
	bool first = true;

	for (size_t i = 0; i < r->count; i++)
		left += is_written(&r->all[i], kind, style);
	if (left == 0)
		return;
	buf_printf(out, "%s:", who.name);
	for (size_t i = 0; i < r->count; i++) {
		const struct recipient *one = &r->all[i];
		bool comma = commas && left > 1;

		if (!is_written(one, kind, style))
			continue;
		column++;
		if (!first && column + one->full.len + comma > FOLD_AT) {
			buf_put(out, SPAN("\n "));
			column = 1;
		} else {
			buf_putc(out, ' ');
		}
		put_recipient(m, out, one, style, column);
		if (comma)
			buf_putc(out, ',');
		column = encoded_column(out);
		first = false;
		left--;
	}
	buf_putc(out, '\n');
}

void head_write_typed(struct mua *m, struct buf *out, const char *name,
    span typed, enum head_style style)
{
	struct recipients r;

	recipients_init(&r);
	recipients_take(&r, typed, RECIPIENT_TO);
	head_write_people(m, out, HEAD_PEOPLE(name, &r, RECIPIENT_TO), style);
	recipients_done(&r);
}

/* ---- other fields ---- */

void head_write_text(struct mua *m, struct buf *out, const char *name,
    span utf8, enum head_style style)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(VALUE_MAX);

	put_line(&line, span_trim(utf8));
	buf_printf(out, "%s: ", name);
	if (style == HEAD_SEND)
		put_encoded(
		    m, out, buf_span(&line), ENCODED_TEXT, strlen(name) + 2);
	else
		buf_put(out, buf_span(&line));
	buf_putc(out, '\n');
}

/* The last 21, of what looks like one. */
void head_write_references(struct buf *out, span references)
{
	enum { KEPT = 21 };
	span ids[KEPT];
	size_t n = 0;
	size_t column = sizeof("References:") - 1;
	span id;

	while ((id = span_word(&references, " \t\r\n,")).len > 0)
		if (id.len > 2 && id.len < 900 && id.ptr[0] == '<')
			ids[n++ % KEPT] = id;
	if (n == 0)
		return;
	buf_put(out, SPAN("References:"));
	for (size_t i = n > KEPT ? n - KEPT : 0; i < n; i++) {
		id = ids[i % KEPT];
		if (column + 1 + id.len > FOLD_AT && column > 11) {
			buf_put(out, SPAN("\n "));
			column = 1;
		} else {
			buf_putc(out, ' ');
			column++;
		}
		put_line(out, id);
		column += id.len;
	}
	buf_put(out, SPAN("\nIn-Reply-To: "));
	put_line(out, ids[(n - 1) % KEPT]);
	buf_putc(out, '\n');
}

void head_write_date(struct buf *out, const char *name)
{
	buf_printf(out, "%s: ", name);
	date_write_plain(out, clock_wall());
	buf_putc(out, '\n');
}

void head_write_id(struct mua *m, struct buf *out, const char *name, span from)
{
	const char *host = vars_get(m->vars, "hostname");
	struct recipients r;
	char sign = '@';
	span origin = span_str(host);

	recipients_init(&r);
	if (!host) {
		recipients_take(&r, from, RECIPIENT_OTHER);
		origin = r.count ? r.all[0].bare : SPAN_NONE;
		sign = '%';
		if (span_find(origin, '@') < 0 || encoded_is_needed(origin) ||
		    span_find(origin, '"') >= 0)
			origin = SPAN_NONE;
	}
	if (origin.len > 0) {
		buf_printf(out, "%s: <%llx.", name,
		    (unsigned long long)(clock_wall() / USEC_SEC));
		head_random(out, host ? 24 : 16);
		buf_putc(out, sign);
		put_line(out, origin);
		buf_put(out, SPAN(">\n"));
	}
	recipients_done(&r);
}

/* ---- on the screen, in an editor ---- */

void head_write_subject(struct mua *m, const struct draft *d,
    enum head_style style, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_LIST_MAX);
	span rest = span_trim(buf_span(&d->subject));

	if (!d->has_subject)
		return;
	if (span_skip_nocase(&rest, SPAN("re: ")))
		buf_put(&text, SPAN("Re: "));
	buf_put(&text, rest);
	head_write_text(m, out, "Subject", buf_span(&text), style);
}

/* Cc and Bcc stand in front of the subject, except in the manner of BSD. */
static bool subject_first(const struct mua *m)
{
	return vars_is_set(m->vars, "bsdcompat") ||
	    vars_is_set(m->vars, "bsdorder");
}

void head_show(struct mua *m, const struct draft *d, bool open, struct buf *out)
{
	size_t before = out->len;

	head_write_typed(m, out, "To", buf_span(&d->to), HEAD_SHOW);
	if (subject_first(m))
		head_write_subject(m, d, HEAD_SHOW, out);
	head_write_typed(m, out, "Cc", buf_span(&d->cc), HEAD_SHOW);
	if (!subject_first(m))
		head_write_subject(m, d, HEAD_SHOW, out);
	if (out->len > before && !open)
		buf_putc(out, '\n');
}

void head_write_all(struct mua *m, const struct draft *d, enum head_style style,
    struct buf *out)
{
	span from = style == HEAD_SHOW ? head_from(m, d) : buf_span(&d->from);

	head_write_typed(m, out, "From", from, style);
	if (d->organization.len)
		head_write_text(
		    m, out, "Organization", buf_span(&d->organization), style);
	head_write_typed(m, out, "Reply-To", buf_span(&d->reply_to), style);
	head_write_typed(m, out, "Sender", buf_span(&d->sender), style);
	head_write_typed(m, out, "To", buf_span(&d->to), style);
	if (subject_first(m))
		head_write_subject(m, d, style, out);
	head_write_typed(m, out, "Cc", buf_span(&d->cc), style);
	head_write_typed(m, out, "Bcc", buf_span(&d->bcc), style);
	if (!subject_first(m))
		head_write_subject(m, d, style, out);
}

/* ---- fields in text ---- */

enum place_kind {
	PLACE_TEXT,
	PLACE_PEOPLE,
	PLACE_LIST, /* people, and more of them are added */
};

struct place {
	span name;
	size_t offset;
	enum place_kind kind;
};

#define PLACE(name, member, kind) \
	{ \
		SPAN_INIT(name), offsetof(struct draft, member), kind \
	}

static const struct place places[] = {
	PLACE("To", to, PLACE_LIST),
	PLACE("Cc", cc, PLACE_LIST),
	PLACE("Bcc", bcc, PLACE_LIST),
	PLACE("From", from, PLACE_PEOPLE),
	PLACE("Reply-To", reply_to, PLACE_PEOPLE),
	PLACE("Sender", sender, PLACE_PEOPLE),
	PLACE("Organization", organization, PLACE_TEXT),
	PLACE("Subject", subject, PLACE_TEXT),
	PLACE("Subj", subject, PLACE_TEXT),
};

static struct buf *find_place(
    struct draft *d, span name, const struct place **ret)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		*ret = &places[i];
		if (span_eq_nocase(name, places[i].name))
			return (
			    struct buf *)(void *)((char *)d + places[i].offset);
	}
	return NULL;
}

/* Into its place; false: it has none. `add`: lists are added to. */
static bool take_field(struct draft *d, const struct field *f, bool add)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(VALUE_MAX);
	const struct place *place;
	struct buf *to = find_place(d, f->name, &place);

	if (!to)
		return false;
	/* A user may type more than people: only names that are encoded. */
	if (place->kind != PLACE_TEXT && encoded_has_word(f->value))
		people_decode(&value, f->value);
	else
		encoded_decode(&value, f->value);
	if (place->kind != PLACE_LIST || !add)
		buf_clear(to);
	else if (to->len > 0)
		buf_put(to, SPAN(", "));
	buf_put(to, buf_span(&value));
	d->has_subject = d->has_subject || to == &d->subject;
	return true;
}

static void clear_places(struct draft *d)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		buf_clear((struct buf *)(void *)((char *)d + places[i].offset));
	d->has_subject = false;
}

/* "Name:" at the beginning; RFC 5322 2.2 */
static bool is_field_line(span line)
{
	ssize_t colon = span_find(line, ':');

	if (colon < 1)
		return false;
	line = span_first(line, (size_t)colon);
	while (line.len > 0 &&
	    (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
		line.len--;
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] <= ' ' || line.ptr[i] > '~')
			return false;
	return line.len > 0;
}

static void put_field(struct buf *out, const struct field *f)
{
	CLEANUP(buf_done) struct buf flat = BUF_INIT(VALUE_MAX);

	field_unfold(&flat, f->value);
	put_line(out, f->name);
	buf_put(out, SPAN(": "));
	put_line(out, buf_span(&flat));
	buf_putc(out, '\n');
}

/* The lines at the beginning that are fields, and the empty one behind. */
static span cut_header(span *text)
{
	span rest = *text;
	span header;
	bool any = false;

	while (rest.len > 0) {
		span before = rest;
		span line = span_cut(&rest, '\n');
		bool more = any && line.len > 0 &&
		    (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		if (span_trim(line).len == 0 && !more) {
			header =
			    span_first(*text, (size_t)(before.ptr - text->ptr));
			*text = rest;
			return header;
		}
		if (!more && !is_field_line(line)) {
			rest = before;
			break;
		}
		any = true;
	}
	header = span_first(*text, text->len - rest.len);
	*text = rest;
	return header;
}

void head_extract(struct mua *m, struct draft *d, span *text, bool keep)
{
	span header = cut_header(text);
	span rest = header;
	struct field f;
	const struct place *place;
	bool any = false;

	for (span look = header; !any && field_next(&look, &f);)
		any = find_place(d, f.name, &place) != NULL;
	if (any)
		clear_places(d);
	else
		mua_error(m, "Restoring deleted header lines");
	while (field_next(&rest, &f)) {
		if (take_field(d, &f, true))
			continue;
		if (keep)
			put_field(&d->fields, &f);
		else
			mua_error(m, "Ignoring header field \"%.*s\"",
			    PRI(span_trim(f.whole)));
	}
}

bool head_settle(struct mua *m, struct draft *d)
{
	CLEANUP(buf_done) struct buf kept = BUF_INIT(VALUE_MAX);
	span rest = buf_span(&d->fields);

	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');
		span one = line;
		struct field f;

		if (span_trim(line).len == 0)
			continue;
		if (!is_field_line(line) || !field_next(&one, &f)) {
			mua_error(m, "%.*s: not a header field", PRI(line));
			return false;
		}
		/* bsd-mailx leaves them to sendmail -t. */
		if (m->manner == MANNER_BSD || !take_field(d, &f, true))
			put_field(&kept, &f);
	}
	buf_clear(&d->fields);
	buf_put(&d->fields, buf_span(&kept));
	return !kept.failed && !d->fields.failed;
}
