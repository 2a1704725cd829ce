/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_show.c - the commands that show messages: type, next, top,
 * more, show, pipe and their relatives.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/width.h"
#include "os/file.h"
#include "tool/mail/commands.h"
#include "tool/mail/filter.h"
#include "tool/mail/pager.h"
#include "tool/mail/quote.h"
#include "tool/mail/show_internal.h"
#include "tool/mail/term.h"

enum { TOP_LINES = 5, TOP_LINES_MAX = 10000 };

static const size_t TEXT_MAX = SIZE_MAX / 4;

/* Where the text goes that is shown. */
struct sink {
	struct showing showing;
	struct pager *pager; /* or, without one: */
	int fd;
	struct buf out;
	uint64_t lines;
	uint64_t bytes;
	int error;
};

static void count(struct sink *k, span text)
{
	k->bytes += text.len;
	while (text.len) {
		ssize_t at = span_find(text, '\n');

		if (at < 0)
			break;
		k->lines++;
		text = span_from(text, (size_t)at + 1);
	}
}

/* What programs print ends up on the terminal, which may know no UTF-8. */
static int write_out(struct sink *k)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT(TEXT_MAX);
	struct mua *m = k->showing.m;

	if (term_is_utf8(m->term) || vars_is_set(m->vars, "piperaw"))
		return file_write_all(k->fd, buf_span(&k->out));
	width_harmless(&plain, buf_span(&k->out), HARMLESS_LINES, true);
	return file_write_all(k->fd, buf_span(&plain));
}

static bool flush(struct showing *s)
{
	struct sink *k = CONTAINER_OF(s, struct sink, showing);

	count(k, buf_span(&k->out));
	if (k->pager)
		pager_put(k->pager, buf_span(&k->out));
	else if (k->error == 0)
		k->error = write_out(k);
	buf_clear(&k->out);
	return k->pager ? !pager_is_over(k->pager) : k->error == 0;
}

static void sink_init(struct sink *k, struct mua *m, enum show_as how)
{
	*k = (struct sink){ .fd = -1 };
	k->showing = (struct showing){ .m = m, .how = how, .flush = flush };
	buf_init(&k->out, TEXT_MAX);
}

/* It was looked at. */
static void touch(struct mua *m, uint32_t i)
{
	quote_touch(m, i);
	m->box->seen_dot = true;
}

/* GNU's mail begins with the header. */
static bool has_envelope(const struct mua *m)
{
	return m->manner != MANNER_GNU;
}

static void put_number(const struct mua *m, uint32_t i, struct buf *out)
{
	int width = m->manner == MANNER_BSD ? 1 : 2;

	if (has_envelope(m) && !vars_is_set(m->vars, "quiet"))
		buf_printf(out, "Message %*u:\n", width, (unsigned)i + 1);
}

/* In an mbox an empty line ends a message, and is shown with its text. */
static void put_message(struct sink *k, uint32_t i)
{
	struct mua *m = k->showing.m;

	if (has_envelope(m))
		show_put_from_line(m, i, &k->out);
	if (show_render(&k->showing, i, &k->out) < 0) {
		k->error = -EIO;
		return;
	}
	if (has_envelope(m) && k->showing.is_simple &&
	    folder_kind(m->box->folder) == FOLDER_MBOX)
		buf_putc(&k->out, '\n');
}

enum { AS_IS = 1 };

static int type_messages(struct mua *m, const struct msgset *set,
    enum show_as how, enum pager_when when, unsigned flags)
{
	struct pager p;
	struct sink k;
	int r;

	sink_init(&k, m, how);
	k.showing.as_is = flags & AS_IS;
	k.pager = &p;
	pager_open(&p, m, when);
	for (size_t n = 0; n < set->count && !pager_is_over(&p); n++) {
		touch(m, set->all[n]);
		put_number(m, set->all[n], &k.out);
		put_message(&k, set->all[n]);
		(void)flush(&k.showing);
	}
	buf_done(&k.out);
	r = pager_close(&p);
	return r || k.error < 0;
}

int show_message(struct mua *m, uint32_t i)
{
	struct msgset one = { &i, 1 };

	return type_messages(m, &one, SHOW_TYPE, PAGER_IF_LONG, 0);
}

int cmd_type(struct mua *m, const struct call *c)
{
	return type_messages(m, &c->msgs, SHOW_TYPE, PAGER_IF_LONG, 0);
}

int cmd_Type(struct mua *m, const struct call *c)
{
	return type_messages(m, &c->msgs, SHOW_ALL, PAGER_IF_LONG, 0);
}

int cmd_more(struct mua *m, const struct call *c)
{
	return type_messages(m, &c->msgs, SHOW_TYPE, PAGER_ALWAYS, 0);
}

int cmd_More(struct mua *m, const struct call *c)
{
	return type_messages(m, &c->msgs, SHOW_ALL, PAGER_ALWAYS, 0);
}

int cmd_show(struct mua *m, const struct call *c)
{
	return type_messages(m, &c->msgs, SHOW_ALL, PAGER_IF_LONG, AS_IS);
}

/* ---- the next one ---- */

static uint32_t skip_saved(const struct box *b, uint32_t i)
{
	while (i != BOX_NONE &&
	    (!box_is_shown(b, i) || (b->all[i].marks & BOX_SAVED)))
		i = box_next(b, i);
	return i;
}

/* The first of a list behind the current message, else the first of all. */
static uint32_t next_of(const struct box *b, const struct msgset *set)
{
	for (size_t n = 0; n < set->count; n++)
		if (b->dot == BOX_NONE ||
		    b->rank[set->all[n]] > b->rank[b->dot])
			return set->all[n];
	return set->all[0];
}

int cmd_next(struct mua *m, const struct call *c)
{
	struct box *b = m->box;
	uint32_t i;

	if (c->msgs.count)
		return show_message(m, next_of(b, &c->msgs));
	i = b->dot;
	if (i != BOX_NONE && b->seen_dot)
		i = box_next(b, i);
	i = skip_saved(b, i);
	if (i == BOX_NONE) {
		(void)printf("At EOF\n");
		return 0;
	}
	return show_message(m, i);
}

int cmd_previous(struct mua *m, const struct call *c)
{
	struct box *b = m->box;
	uint32_t i = b->dot;

	if (c->msgs.count)
		return show_message(m, c->msgs.all[0]);
	if (i != BOX_NONE)
		i = box_previous(b, i);
	if (i == BOX_NONE) {
		(void)printf("At beginning of messages\n");
		return 0;
	}
	return show_message(m, i);
}

/* ---- top ---- */

struct top {
	struct pager *pager;
	size_t left; /* lines */
	bool is_blank;
	struct buf line; /* held back: pieces end within lines */
};

static void put_top_line(struct top *t, span line)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(TEXT_MAX);

	t->is_blank = span_trim(line).len == 0;
	width_harmless(&out, line, HARMLESS_LINES, false);
	buf_putc(&out, '\n');
	pager_put(t->pager, buf_span(&out));
	t->left--;
}

static int on_top_piece(void *ctx, span piece)
{
	struct top *t = ctx;

	while (piece.len && t->left) {
		ssize_t end = span_find(piece, '\n');

		buf_put(
		    &t->line, end < 0 ? piece : span_first(piece, (size_t)end));
		if (end < 0)
			break;
		put_top_line(t, buf_span(&t->line));
		buf_clear(&t->line);
		piece = span_from(piece, (size_t)end + 1);
	}
	return t->left ? 0 : -ECANCELED;
}

static int put_top(struct mua *m, uint32_t i, struct top *t)
{
	int r = folder_from_line(m->box->folder, i, &t->line);

	if (r == 0) {
		put_top_line(t, buf_span(&t->line));
		buf_clear(&t->line);
		r = folder_each_piece(m->box->folder, i, on_top_piece, t);
	}
	if (r == -ECANCELED)
		r = 0;
	if (r < 0)
		mua_error(m, "Message %u: %s", (unsigned)i + 1, strerror(-r));
	else if (t->left && t->line.len)
		put_top_line(t, buf_span(&t->line));
	buf_clear(&t->line);
	return r;
}

int cmd_top(struct mua *m, const struct call *c)
{
	uint64_t lines = vars_number(m->vars, "toplines", TOP_LINES);
	struct pager p;
	struct top t = { .pager = &p, .is_blank = true };
	int r = 0;

	if (lines > TOP_LINES_MAX)
		lines = TOP_LINES;
	buf_init(&t.line, TEXT_MAX);
	pager_open(&p, m, PAGER_NEVER);
	for (size_t n = 0; n < c->msgs.count && r == 0; n++) {
		CLEANUP(buf_done) struct buf head = BUF_INIT(100);

		touch(m, c->msgs.all[n]);
		put_number(m, c->msgs.all[n], &head);
		if (!t.is_blank)
			buf_putc(&head, '\n');
		pager_put(&p, buf_span(&head));
		t.left = (size_t)lines + 1; /* the From_ line does not count */
		r = put_top(m, c->msgs.all[n], &t);
	}
	buf_done(&t.line);
	return pager_close(&p) || r < 0;
}

/* ---- pipe ---- */

/* With `piperaw` the message as it is, with its From_ line. */
static int put_raw(struct sink *k, uint32_t i)
{
	struct mua *m = k->showing.m;
	int r = folder_from_line(m->box->folder, i, &k->out);

	if (r < 0) {
		mua_error(m, "Message %u: %s", (unsigned)i + 1, strerror(-r));
		return r;
	}
	buf_putc(&k->out, '\n');
	r = show_raw(&k->showing, i, &k->out);
	buf_putc(&k->out, '\n');
	return r;
}

static int fill_pipe(struct sink *k, const struct msgset *set)
{
	struct mua *m = k->showing.m;

	for (size_t n = 0; n < set->count && k->error == 0; n++) {
		touch(m, set->all[n]);
		put_number(m, set->all[n], &k->out);
		/* The number is not of the message, and is not counted. */
		k->bytes -= k->out.len;
		k->lines -= k->out.len ? 1 : 0;
		if (vars_is_set(m->vars, "piperaw"))
			k->error = put_raw(k, set->all[n]);
		else
			put_message(k, set->all[n]);
		(void)flush(&k->showing);
		if (vars_is_set(m->vars, "page"))
			k->error = file_write_all(k->fd, SPAN("\f"));
	}
	return k->error;
}

static int pipe_messages(struct mua *m, const char *command,
    const struct msgset *set, enum show_as how)
{
	CLEANUP(fd_close) int fd = memfd_create("mail", MFD_CLOEXEC);
	struct sink k;
	int r;

	if (fd < 0) {
		mua_error(m, "%s: %s", command, strerror(errno));
		return 1;
	}
	(void)printf("Pipe to: \"%s\"\n", command);
	sink_init(&k, m, how);
	k.fd = fd;
	r = fill_pipe(&k, set);
	buf_done(&k.out);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		mua_error(m, "%s: cannot hand over the message", command);
		return 1;
	}
	if (mua_shell(m, command, fd, -1) < 0)
		return 1;
	(void)printf("\"%s\" %llu/%llu\n", command, (unsigned long long)k.lines,
	    (unsigned long long)k.bytes);
	return 0;
}

static int pipe_command(struct mua *m, const struct call *c, enum show_as how)
{
	span text = c->text;
	struct msgset set;
	char *word = NULL;
	const char *command;

	if (!words_cut_last(&text, c->arena, &word))
		word = NULL;
	command = word ? word : vars_get(m->vars, "cmd");
	if (!command || !*command) {
		mua_error(m, "variable cmd not set");
		return 1;
	}
	if (!msgset_parse(m, text, 0, c->arena, &set))
		return 1;
	if (!set.count) {
		(void)printf("No messages to pipe.\n");
		return 1;
	}
	return pipe_messages(m, command, &set, how);
}

int cmd_pipe(struct mua *m, const struct call *c)
{
	return pipe_command(m, c, SHOW_TYPE);
}

int cmd_Pipe(struct mua *m, const struct call *c)
{
	return pipe_command(m, c, SHOW_ALL);
}

/* ---- attachments on the screen ---- */

static void view_part(void *ctx, const struct part *p)
{
	struct mua *m = ctx;
	CLEANUP(buf_done) struct buf content = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf shown = BUF_INIT(TEXT_MAX);

	if (span_eq(p->type, SPAN("text/plain")))
		return;
	parts_content(p, &content);
	buf_put(&shown, SPAN("[-- "));
	parts_position(&shown, p);
	buf_putc(&shown, ' ');
	width_harmless(&shown, p->type, HARMLESS_LINE, false);
	buf_putc(&shown, ' ');
	width_harmless(&shown, p->filename, HARMLESS_LINE, false);
	if (filter_part(m, p, buf_span(&content), &text))
		buf_put(&shown, SPAN(" --]\n"));
	else
		buf_put(&shown, SPAN(": no program is set to show it --]\n"));
	width_harmless(&shown, buf_span(&text), HARMLESS_LINES, false);
	(void)show_page(m, buf_span(&shown));
}

int cmd_mimeview(struct mua *m, const struct call *c)
{
	int r = 0;

	for (size_t n = 0; n < c->msgs.count && r == 0; n++) {
		touch(m, c->msgs.all[n]);
		r = show_each_leaf(m, c->msgs.all[n], view_part, m);
	}
	return r < 0;
}
