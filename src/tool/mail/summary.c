/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/summary.c - the folder as a list: its first line, and screens of
 * summary lines with "headers", "z" and "from".
 *
 * Screens are pages of a book: the n-th holds the lines n * size and so on of
 * the messages that are shown. box->top counts lines in that sense.
 */
#include "base/width.h"
#include "tool/mail/commands.h"
#include "tool/mail/headline.h"
#include "tool/mail/pager.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum { LINE_MAX_BYTES = 256 * 1024 };

/* ---- the folder line ---- */

struct counts {
	uint32_t new;
	uint32_t unread;
	uint32_t deleted;
	uint32_t saved;
	uint32_t moved;
	uint32_t killed;
};

static void count_message(const struct box *b, uint32_t i, struct counts *n)
{
	uint8_t flags = box_flags(b, i);
	unsigned marks = b->all[i].marks;
	bool is_saved = marks & BOX_SAVED;
	bool is_deleted = box_is_deleted(b, i);

	n->new += (marks & BOX_NEW) != 0;
	n->unread += !(flags & FOLDER_SEEN);
	n->moved += is_deleted && is_saved;
	n->deleted += is_deleted && !is_saved;
	n->saved += is_saved && !is_deleted;
	n->killed += (marks & BOX_KILLED) != 0;
}

static void put_count(FILE *out, uint32_t n, const char *what)
{
	if (n)
		(void)fprintf(out, " %u %s", (unsigned)n, what);
}

void show_folder_line(struct mua *m, FILE *out)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(LINE_MAX_BYTES);
	const struct box *b = m->box;
	struct counts n = { 0 };

	for (uint32_t i = 0; i < b->count; i++)
		count_message(b, i, &n);
	width_harmless(
	    &path, span_str(b->path), HARMLESS_LINE, !term_is_utf8(m->term));
	(void)fprintf(out, "\"%s\": %u message%s", buf_cstr(&path),
	    (unsigned)b->count, b->count == 1 ? "" : "s");
	put_count(out, n.new, "new");
	/* As ever: all that were not read, if some of them are not new. */
	if (m->manner == MANNER_GNU)
		n.unread -= MIN(n.unread, n.new);
	else if (n.unread <= n.new)
		n.unread = 0;
	put_count(out, n.unread, "unread");
	put_count(out, n.deleted, "deleted");
	put_count(out, n.saved, "saved");
	put_count(out, n.moved, "moved");
	put_count(out, n.killed, "killed");
	(void)fprintf(
	    out, "%s\n", folder_is_read_only(b->folder) ? " [Read only]" : "");
}

void show_arrival(struct mua *m)
{
	bool is_bsd = vars_is_set(m->vars, "bsdcompat") ||
	    vars_is_set(m->vars, "bsdannounce");

	show_folder_line(m, stdout);
	if (is_bsd && m->box->count && vars_is_set(m->vars, "header"))
		show_headers(m, m->box->dot, stdout);
}

/* ---- lines ---- */

static bool has_colour(const struct mua *m)
{
	const char *colour = vars_get(m->vars, "colour");

	if (vars_is_set(m->vars, "colour-disable") || !term_has_colour(m->term))
		return false;
	return !span_eq(span_str(colour), SPAN("never")) &&
	    !span_eq(span_str(colour), SPAN("no"));
}

/* How a line looks on a terminal that has colours; NULL: as any text. */
static const char *line_style(const struct mua *m, uint32_t i, bool current)
{
	const struct box *b = m->box;
	uint8_t flags = box_flags(b, i);

	if (current)
		return flags & FOLDER_SEEN ? "\033[36m" : "\033[1;36m";
	if (flags & FOLDER_FLAGGED)
		return "\033[33m";
	return flags & FOLDER_SEEN ? NULL : "\033[1m";
}

static void put_line(
    struct mua *m, uint32_t i, bool current, bool coloured, struct buf *out)
{
	const char *style = coloured ? line_style(m, i, current) : NULL;

	if (style)
		buf_put(out, span_str(style));
	headline_put(m, i, current, out);
	if (style)
		buf_put(out, SPAN("\033[0m"));
	buf_putc(out, '\n');
}

void show_headline(struct mua *m, uint32_t i, bool current, FILE *out)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	bool coloured =
	    out == stdout && term_out_is_tty(m->term) && has_colour(m);

	put_line(m, i, current, coloured, &line);
	if (line.len)
		(void)fwrite(line.data, 1, line.len, out);
}

/* ---- screens ---- */

static size_t screen_size(const struct mua *m)
{
	size_t size = term_screen(m->term);

	return size ? size : 1;
}

/* Of one that was killed only if it is the current message. */
static bool has_line(const struct box *b, uint32_t i)
{
	return box_is_shown(b, i) ||
	    (i == b->dot && b->all[i].marks & BOX_KILLED);
}

/* Put `size` lines from the `top`-th on; how many there were. With `dot` the
 * current message becomes the first of them. */
static size_t put_screen(struct mua *m, size_t top, bool set_dot, FILE *out)
{
	struct box *b = m->box;
	size_t size = screen_size(m);
	size_t line = 0;
	size_t put = 0;

	for (uint32_t k = 0; k < b->count && put < size; k++) {
		uint32_t i = b->order[k];

		if (!has_line(b, i) || line++ < top)
			continue;
		if (!put && set_dot)
			box_goto(b, i);
		show_headline(m, i, i == b->dot, out);
		put++;
	}
	b->top = (uint32_t)top;
	if (!put)
		(void)fprintf(out, "No more mail.\n");
	return put;
}

/* On which line message i stands, or would if it were shown. */
static size_t line_of(const struct box *b, uint32_t i)
{
	size_t line = 0;

	for (uint32_t k = 0; k < b->rank[i]; k++)
		line += has_line(b, b->order[k]);
	return line;
}

static size_t count_shown(const struct box *b)
{
	size_t n = 0;

	for (uint32_t i = 0; i < b->count; i++)
		n += has_line(b, i);
	return n;
}

static size_t screen_top(const struct mua *m, uint32_t i)
{
	size_t size = screen_size(m);
	size_t shown = count_shown(m->box);
	size_t line = line_of(m->box, i);

	/* A deleted one behind all others is on their last screen. */
	if (shown && line >= shown)
		line = shown - 1;
	return line / size * size;
}

void show_headers(struct mua *m, uint32_t i, FILE *out)
{
	if (i < m->box->count)
		(void)put_screen(m, screen_top(m, i), false, out);
}

int cmd_headers(struct mua *m, const struct call *c)
{
	uint32_t i = c->msgs.count ? c->msgs.all[0] : m->box->dot;

	if (i >= m->box->count) {
		(void)printf("No more mail.\n");
		return 1;
	}
	return put_screen(m, screen_top(m, i), i != m->box->dot, stdout) == 0;
}

/* ---- z and Z ---- */

/* "3", "", "+", "+2", "-", "$" as a screen; false: not understood. */
static bool parse_scroll(
    span text, size_t now, size_t last, int64_t *ret, bool *ret_back)
{
	uint64_t n = 1;
	bool plus = span_skip(&text, SPAN("+"));
	bool minus = !plus && span_skip(&text, SPAN("-"));

	*ret_back = minus;
	if (span_eq(text, SPAN("$")) && !plus && !minus) {
		*ret = (int64_t)last;
		return true;
	}
	if (text.len && !span_to_u64(text, &n))
		return false;
	n = MIN(n, (uint64_t)UINT32_MAX);
	if (text.len && !plus && !minus)
		*ret = (int64_t)n;
	else
		*ret = (int64_t)now + (minus ? -(int64_t)n : (int64_t)n);
	return true;
}

/* The screen with the next new or flagged message from there on. */
static size_t find_new_screen(
    const struct mua *m, size_t screen, bool back, size_t size)
{
	const struct box *b = m->box;
	size_t line = 0;
	size_t best = screen;
	bool found = false;

	for (uint32_t k = 0; k < b->count; k++) {
		uint32_t i = b->order[k];
		size_t here = line / size;
		bool wanted = (b->all[i].marks & BOX_NEW) ||
		    (box_flags(b, i) & FOLDER_FLAGGED);

		if (!has_line(b, i))
			continue;
		line++;
		if (!wanted || (back && here > screen) || (found && !back))
			continue;
		if (back || here >= screen) {
			best = here;
			found = true;
		}
	}
	return best;
}

static int scroll(struct mua *m, span text, bool only_new)
{
	size_t size = screen_size(m);
	size_t shown = count_shown(m->box);
	size_t last = shown ? (shown - 1) / size : 0;
	int64_t screen;
	bool back;

	text = span_trim(text);
	if (!parse_scroll(text, m->box->top / size, last, &screen, &back)) {
		mua_error(
		    m, "Unrecognized scrolling command \"%.*s\"", PRI(text));
		return 1;
	}
	if (screen > (int64_t)last) {
		screen = (int64_t)last;
		(void)printf("On last screenful of messages\n");
	} else if (screen < 0) {
		screen = 0;
		(void)printf("On first screenful of messages\n");
	}
	if (only_new)
		screen =
		    (int64_t)find_new_screen(m, (size_t)screen, back, size);
	return put_screen(m, (size_t)screen * size, true, stdout) == 0;
}

int cmd_scroll(struct mua *m, const struct call *c)
{
	return scroll(m, c->text, false);
}

int cmd_Scroll(struct mua *m, const struct call *c)
{
	return scroll(m, c->text, true);
}

/* ---- from ---- */

int cmd_from(struct mua *m, const struct call *c)
{
	struct pager p;
	/* No colours into a pager. */
	bool coloured = term_out_is_tty(m->term) && has_colour(m) &&
	    c->msgs.count < term_rows(m->term);

	pager_open(&p, m, PAGER_IF_LONG);
	for (size_t k = 0; k < c->msgs.count; k++) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
		uint32_t i = c->msgs.all[k];

		put_line(m, i, i == m->box->dot, coloured, &line);
		pager_put_safe(&p, buf_span(&line));
	}
	if (c->msgs.count)
		box_goto(m->box, c->msgs.all[c->msgs.count - 1]);
	return pager_close(&p);
}
