/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/headline.c - one line of the summary.
 *
 *	>N  1 user1@centos7-1.loca  Wed Feb 19 05:10  19/683   "test lpic1"
 *
 * The line is made by a format, the variable `headline`:
 *
 *	%>  ">" for the current message, else a blank	%<  the same with "<"
 *	%a  the letter of its state			%m  its number
 *	%f  who wrote it; with `showto`, to whom I did	%d  the date of From_
 *	%l  lines		%o  bytes		%i  depth in its thread
 *	%s  the subject in what is left of the line	%S  the same in quotes
 *	%e  depth as a number	%t  its place when sorted	%%  a percent sign
 *
 * with an optional width between the percent sign and the letter, negative to
 * have it on the left. Widths are columns; what strangers wrote is decoded,
 * and harmless.
 */
#include "tool/mail/headline.h"

#include "base/width.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/people.h"
#include "tool/mail/draft.h"
#include "tool/mail/term.h"

enum {
	LINE_MAX_BYTES = 64 * 1024,
	HEADER_MAX = 1 << 20,
	WIDTH_MAX = 1000, /* of one column of the format */
	RECIPIENTS_MAX = 8,
	BRANCH_LOOK = 10000, /* messages behind one in a thread */
	INDENT_ROOM = 60,    /* columns of a line that threads leave alone */
};

/* What each manner prints if `headline` does not say. */
static const struct look {
	const char *format;
	size_t margin;     /* columns at the right that a subject leaves free */
	bool has_envelope; /* sizes are with From_ line and empty line */
} looks[] = {
	[MANNER_HEIRLOOM] = { "%>%a%m %18f %16d %4l/%-5o %i%s", 2, true },
	[MANNER_BSD] = { "%>%a%m %18f %16d %4l/%-5o %i%s", 0, true },
	[MANNER_GNU] = { "%>%a%4m %18f %16d %3l/%-5o %i%s", 2, false },
};

/* Heirloom's with bsdcompat: what CentOS has taught everybody. */
static const char bsd_format[] = "%>%a%m %20f  %16d %3l/%-5o %i%S";

struct headline {
	struct mua *m;
	const struct look *look;
	uint32_t i;
	bool current;
	bool ascii;
	struct buf *out;
	size_t columns;    /* of the screen */
	size_t literal;    /* columns of the format's own text ... */
	size_t used;       /* ... and of the fields so far */
	struct buf header; /* may be cut */
	struct buf name;   /* harmless, as everything below */
	struct buf date;
	struct buf subject;
	bool has_subject;
	bool is_to;
	uint64_t lines;
	uint64_t bytes;
};

/* ---- what is known of the message ---- */

static void put_harmless(struct headline *h, struct buf *out, span raw)
{
	CLEANUP(buf_done) struct buf decoded = BUF_INIT(LINE_MAX_BYTES);

	encoded_decode(&decoded, span_first(raw, LINE_MAX_BYTES / 8));
	width_harmless(
	    out, span_trim(buf_span(&decoded)), HARMLESS_LINE, h->ascii);
}

static void find_subject(struct headline *h)
{
	span value;
	span header = buf_span(&h->header);

	h->has_subject = field_find(header, SPAN("subject"), &value) ||
	    field_find(header, SPAN("subj"), &value);
	if (h->has_subject)
		put_harmless(h, &h->subject, value);
}

static void put_person(struct headline *h, const struct person *p)
{
	span shown = p->addr;

	if (p->name.len && vars_is_set(h->m->vars, "showname"))
		shown = p->name;
	width_harmless(&h->name, shown, HARMLESS_LINE, h->ascii);
}

/* The first one named in a field; false: nobody is. */
static bool first_person(
    struct headline *h, span field, struct arena *a, struct person *ret)
{
	struct people people;
	span value;

	if (!field_find(buf_span(&h->header), field, &value))
		return false;
	people_parse(value, 1, a, &people);
	if (!people.count)
		return false;
	*ret = people.all[0];
	return true;
}

static void find_name(struct headline *h, span envelope_sender)
{
	bool rcpt = vars_is_set(h->m->vars, "show-rcpt");
	struct person p = { .addr = envelope_sender };
	struct person to = { 0 };
	struct arena a;
	bool has_to;

	arena_init(&a, 1 << 20);
	if (!first_person(h, SPAN("from"), &a, &p))
		(void)first_person(h, SPAN("sender"), &a, &p);
	has_to = first_person(h, SPAN("to"), &a, &to);
	h->is_to = has_to &&
	    (rcpt ||
	        (vars_is_set(h->m->vars, "showto") &&
	            draft_is_me(h->m, p.addr)));
	if (rcpt || h->is_to)
		p = to;
	put_person(h, &p);
	arena_done(&a);
}

/* "From ana@x  Wed Feb 19 05:10:35 2020", also with a terminal's name. */
static void cut_from_line(span line, span *ret_sender, span *ret_date)
{
	(void)span_skip(&line, SPAN("From "));
	line = span_trim(line);
	*ret_sender = span_word(&line, " \t");
	line = span_trim(line);
	if (span_has_prefix(line, SPAN("tty")))
		(void)span_word(&line, " \t");
	*ret_date = span_trim(line);
}

static void find_date(struct headline *h, span date)
{
	span value;
	usec when;

	if (vars_is_set(h->m->vars, "datefield") &&
	    field_find(buf_span(&h->header), SPAN("date"), &value) &&
	    date_parse(value, &when)) {
		date_write_ctime(&h->date, when);
		return;
	}
	width_harmless(&h->date, date.len ? date : SPAN("<Unknown date>"),
	    HARMLESS_LINE, h->ascii);
}

static void find_size(struct headline *h, size_t from_line)
{
	box_extent(h->m, h->i, &h->lines, &h->bytes);
	if (h->look->has_envelope ||
	    folder_kind(h->m->box->folder) != FOLDER_MBOX)
		return;
	/* Both with their line ends. */
	h->lines -= MIN(h->lines, (uint64_t)2);
	h->bytes -= MIN(h->bytes, (uint64_t)from_line + 2);
}

static void find_all(struct headline *h)
{
	CLEANUP(buf_done) struct buf from_line = BUF_INIT(LINE_MAX_BYTES);
	struct folder *f = h->m->box->folder;
	span sender;
	span date;

	/* A header that is too large still has a beginning. */
	if (folder_header(f, h->i, &h->header) < 0)
		h->header.failed = false;
	if (folder_from_line(f, h->i, &from_line) < 0)
		buf_clear(&from_line);
	cut_from_line(buf_span(&from_line), &sender, &date);
	find_subject(h);
	find_name(h, sender);
	find_date(h, date);
	find_size(h, from_line.len);
}

/* ---- the fields of the format ---- */

struct spec {
	size_t width; /* 0: none was given */
	bool left;    /* "-": blanks go behind */
};

typedef void field_fn(struct headline *h, struct spec s);

static void put_columns(struct headline *h, span text, size_t width, bool left)
{
	size_t columns = width_text(text);

	if (columns < width) {
		width_pad(h->out, text, width, !left);
		columns = width;
	} else {
		buf_put(h->out, text);
	}
	h->used += columns;
}

static void put_number(struct headline *h, uint64_t n, struct spec s)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(32);

	buf_put_u64(&text, n);
	put_columns(h, buf_span(&text), s.width, s.left);
}

static void put_char(struct headline *h, char c)
{
	buf_putc(h->out, c);
	h->used++;
}

static void put_percent(struct headline *h, struct spec s UNUSED)
{
	put_char(h, '%');
}

static void put_dot(struct headline *h, struct spec s UNUSED)
{
	put_char(h, h->current ? '>' : ' ');
}

static void put_dot_left(struct headline *h, struct spec s UNUSED)
{
	put_char(h, h->current ? '<' : ' ');
}

static void put_state(struct headline *h, struct spec s UNUSED)
{
	put_char(h, box_letter(h->m, h->i));
}

static bool is_sorted(const struct headline *h)
{
	return h->m->box->order_by != BOX_AS_IS;
}

static struct spec number_width(const struct headline *h, struct spec s)
{
	if (s.width)
		return s;
	s.width = 3;
	for (uint32_t n = h->m->box->count; is_sorted(h) && n > 999; n /= 10)
		s.width++;
	return s;
}

static void put_index(struct headline *h, struct spec s)
{
	put_number(h, (uint64_t)h->i + 1, number_width(h, s));
}

static void put_rank(struct headline *h, struct spec s)
{
	put_number(h, (uint64_t)h->m->box->rank[h->i] + 1, number_width(h, s));
}

static void put_name(struct headline *h, struct spec s)
{
	size_t width = s.width && !s.left ? s.width : 18;
	size_t room = width;

	if (h->is_to) {
		buf_put(h->out, SPAN("To "));
		room = width > 3 ? width - 3 : 0;
	}
	width_pad(h->out, buf_span(&h->name), room, false);
	h->used += h->is_to ? room + 3 : room;
}

static void put_date(struct headline *h, struct spec s)
{
	size_t width = s.width && !s.left ? s.width : 16;

	width_pad(h->out, buf_span(&h->date), width, true);
	h->used += width;
}

static void put_lines(struct headline *h, struct spec s)
{
	if (!s.width)
		s.width = 4;
	put_number(h, h->lines, s);
}

static void put_bytes(struct headline *h, struct spec s)
{
	if (!s.width)
		s = (struct spec){ .width = 5, .left = true };
	put_number(h, h->bytes, s);
}

static void put_level(struct headline *h, struct spec s)
{
	if (!s.width)
		s.width = 2;
	put_number(h, h->m->box->all[h->i].depth, s);
}

/*
 * Which levels of the thread go on below message i, as far as is looked: bit
 * k is for depth k. A deep one is told apart no more.
 */
static uint64_t levels_below(const struct box *b, uint32_t i)
{
	uint32_t above = b->all[i].depth + 1U;
	uint64_t found = 0;
	uint32_t end = b->count - b->rank[i] > BRANCH_LOOK
	    ? b->rank[i] + BRANCH_LOOK
	    : b->count;

	for (uint32_t k = b->rank[i] + 1; k < end && above > 1; k++) {
		uint32_t depth = b->all[b->order[k]].depth;

		if (depth >= above)
			continue;
		above = depth;
		if (depth < 64)
			found |= UINT64_C(1) << depth;
	}
	return found;
}

static void put_branch(struct headline *h, bool goes_on, bool is_own)
{
	static const span lines[2][2][2] = {
		{ { SPAN_INIT(" "), SPAN_INIT("\xe2\x94\x94") },
		    { SPAN_INIT("\xe2\x94\x82"), SPAN_INIT("\xe2\x94\x9c") } },
		{ { SPAN_INIT(" "), SPAN_INIT("\\") },
		    { SPAN_INIT("|"), SPAN_INIT("+") } },
	};

	buf_put(h->out, lines[h->ascii][goes_on][is_own]);
	h->used++;
}

static void put_score(struct headline *h, struct spec s)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(64);

	buf_printf(&text, "%g", (double)h->m->box->all[h->i].score);
	put_columns(h, buf_span(&text), s.width ? s.width : 6, s.left);
}

/* The tree of a thread: a branch for each level above, and our own. */
static void put_indent(struct headline *h, struct spec s UNUSED)
{
	const struct box *b = h->m->box;
	uint32_t depth = b->all[h->i].depth;
	uint32_t room =
	    h->columns > INDENT_ROOM ? (uint32_t)(h->columns - INDENT_ROOM) : 1;
	uint64_t below;

	if (b->order_by != BOX_BY_THREAD || !depth)
		return;
	below = levels_below(b, h->i);
	for (uint32_t k = 1; k <= MIN(depth, room - 1); k++)
		put_branch(h, k < 64 && (below & UINT64_C(1) << k), k == depth);
	if (depth >= room)
		put_char(h, '^');
}

static void put_subject_in(struct headline *h, struct spec s, size_t quotes)
{
	size_t used = h->literal + h->used + h->look->margin;
	size_t room = h->columns > used ? h->columns - used : 0;

	if (s.width && !s.left)
		room = s.width;
	if (!h->has_subject || room < quotes)
		return;
	if (quotes)
		buf_putc(h->out, '"');
	buf_put(h->out, width_first(buf_span(&h->subject), room - quotes));
	if (quotes)
		buf_putc(h->out, '"');
}

static void put_subject(struct headline *h, struct spec s)
{
	put_subject_in(h, s, 0);
}

static void put_quoted_subject(struct headline *h, struct spec s)
{
	put_subject_in(h, s, 2);
}

static const struct {
	char letter;
	field_fn *put;
} fields[] = {
	{ '%', put_percent },
	{ '>', put_dot },
	{ '<', put_dot_left },
	{ 'a', put_state },
	{ 'c', put_score },
	{ 'm', put_index },
	{ 't', put_rank },
	{ 'f', put_name },
	{ 'd', put_date },
	{ 'l', put_lines },
	{ 'o', put_bytes },
	{ 'i', put_indent },
	{ 'e', put_level },
	{ 's', put_subject },
	{ 'S', put_quoted_subject },
};

/* Behind a "%"; steps over the width and the letter. */
static struct spec take_spec(span *rest, char *ret_letter)
{
	struct spec s = { 0 };

	s.left = span_skip(rest, SPAN("-"));
	if (!s.left)
		(void)span_skip(rest, SPAN("+"));
	while (rest->len && ascii_is_digit(rest->ptr[0])) {
		s.width = s.width * 10 + (size_t)(rest->ptr[0] - '0');
		s.width = MIN(s.width, (size_t)WIDTH_MAX);
		*rest = span_from(*rest, 1);
	}
	*ret_letter = rest->len ? rest->ptr[0] : '\0';
	*rest = span_from(*rest, 1);
	return s;
}

static size_t literal_columns(span format)
{
	size_t columns = 0;

	while (format.len) {
		span text = span_cut(&format, '%');
		char letter;

		columns += width_text(text);
		(void)take_spec(&format, &letter);
	}
	return columns;
}

static void put_format(struct headline *h, span format)
{
	h->literal = literal_columns(format);
	while (format.len) {
		bool has_field = span_find(format, '%') >= 0;
		span text = span_cut(&format, '%');
		char letter;
		struct spec s;

		width_harmless(h->out, text, HARMLESS_LINE, h->ascii);
		if (!has_field)
			break;
		s = take_spec(&format, &letter);
		for (size_t k = 0; k < ARRAY_LEN(fields); k++)
			if (fields[k].letter == letter)
				fields[k].put(h, s);
	}
}

void headline_put(struct mua *m, uint32_t i, bool current, struct buf *out)
{
	struct headline h = { .m = m, .i = i, .current = current, .out = out };
	const char *format = vars_get(m->vars, "headline");

	h.look = &looks[m->manner];
	if (!format && m->manner == MANNER_HEIRLOOM &&
	    (vars_is_set(m->vars, "bsdcompat") ||
	        vars_is_set(m->vars, "bsdheadline")))
		format = bsd_format;
	else if (!format)
		format = h.look->format;
	h.ascii = !term_is_utf8(m->term);
	h.columns = term_columns(m->term);
	buf_init(&h.header, HEADER_MAX);
	buf_init(&h.name, LINE_MAX_BYTES);
	buf_init(&h.date, LINE_MAX_BYTES);
	buf_init(&h.subject, LINE_MAX_BYTES);
	find_all(&h);
	put_format(&h, span_str(format));
	buf_done(&h.header);
	buf_done(&h.name);
	buf_done(&h.date);
	buf_done(&h.subject);
}
