/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/collect.c - the text of a mail comes from somewhere.
 *
 * From a terminal it comes line by line, with escapes, and ends with "." or
 * the end of input. From anything else it is taken as it is, byte for byte:
 * nothing in it is a command, unless the user said so (-~).
 *
 * An interrupt is a question, the second one the answer: the letter goes to
 * dead.letter. When the terminal hangs up it does so at once; half a letter is
 * never sent.
 */
#include <errno.h>
#include <unistd.h>

#include "mail/charset.h"
#include "os/error.h"
#include "tool/mail/head.h"
#include "tool/mail/term.h"
#include "tool/mail/tilde.h"

enum { EOFS_MAX = 25, PIECE = 65536 };

struct collector {
	struct mua *m;
	struct draft *d;
	bool interactive;
	bool escapes;
	char escape;
	unsigned eofs; /* ends of input in a row (ignoreeof) */
	bool interrupted;
};

/* ---- asking ---- */

bool collect_ask(struct mua *m, const char *prompt, struct buf *value)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(DRAFT_LIST_MAX);
	CLEANUP(buf_done) struct buf preset = BUF_INIT(DRAFT_LIST_MAX);
	int r;

	buf_put(&preset, buf_span(value));
	r = term_line(m->term, TERM_HEADER, prompt,
	    preset.len ? buf_cstr(&preset) : NULL, &line);
	if (r != TERM_LINE) {
		printf("\n");
		(void)fflush(stdout);
		term_calm();
		return false;
	}
	buf_clear(value);
	buf_put(value, span_trim(buf_span(&line)));
	return true;
}

void collect_add_people(
    struct mua *m, const struct draft *d, span typed, struct buf *list)
{
	struct recipients r;

	recipients_init(&r);
	recipients_take(&r, typed, RECIPIENT_TO);
	recipients_check(
	    m, &r, d->expand || vars_is_set(m->vars, "expandaddr"));
	for (size_t i = 0; i < r.count; i++) {
		if (list->len > 0)
			buf_put(list, SPAN(", "));
		buf_put(list, r.all[i].full);
	}
	recipients_done(&r);
}

bool collect_ask_people(
    struct mua *m, const struct draft *d, const char *prompt, struct buf *list)
{
	CLEANUP(buf_done) struct buf typed = BUF_INIT(DRAFT_LIST_MAX);

	buf_put(&typed, buf_span(list));
	if (!collect_ask(m, prompt, &typed))
		return false;
	buf_clear(list);
	collect_add_people(m, d, buf_span(&typed), list);
	return true;
}

void collect_ask_files(struct mua *m, struct draft *d)
{
	struct draft_file *old = STEAL(d->files);
	size_t nold = d->nfiles;

	d->nfiles = 0;
	for (size_t i = 0;; i++) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(8192);
		char prompt[64];

		(void)snprintf(
		    prompt, sizeof(prompt), "#%zu\tfilename: ", d->nfiles + 1);
		if (i < nold && !old[i].path) {
			printf("#%zu\tmessage %u\n", d->nfiles + 1,
			    old[i].message + 1);
			draft_attach_message(d, old[i].message);
			continue;
		}
		if (i < nold)
			buf_put(&name, span_str(old[i].path));
		if (!collect_ask(m, prompt, &name) ||
		    (name.len == 0 && i >= nold))
			break;
		if (name.len > 0 && !draft_attach(m, d, buf_cstr(&name)))
			i--;
	}
	draft_files_free(old, nold);
}

bool collect_ask_subject(struct mua *m, struct draft *d)
{
	if (!collect_ask(m, "Subject: ", &d->subject))
		return false;
	d->has_subject = d->subject.len > 0;
	return true;
}

static bool asks_at_end(const struct mua *m)
{
	return vars_is_set(m->vars, "bsdcompat") ||
	    vars_is_set(m->vars, "askatend");
}

struct questions {
	bool to;
	bool subject;
	bool cc;
	bool bcc;
};

static struct questions questions_of(const struct collector *c)
{
	const struct vars *v = c->m->vars;
	bool early = c->interactive && !c->d->from_header;

	return (struct questions){
		.to = early && c->d->to.len == 0,
		.subject = early && !c->d->has_subject &&
		    (vars_is_set(v, "ask") || vars_is_set(v, "asksub")),
		.cc = early && !asks_at_end(c->m) && c->d->cc.len == 0 &&
		    vars_is_set(v, "askcc"),
		.bcc = early && !asks_at_end(c->m) && c->d->bcc.len == 0 &&
		    vars_is_set(v, "askbcc"),
	};
}

/* An answer that does not come ends the questions, not the mail. */
static void ask_first(struct collector *c, const struct questions *q)
{
	struct draft *d = c->d;

	if (q->to && !collect_ask_people(c->m, d, "To: ", &d->to))
		return;
	if (q->subject)
		(void)!collect_ask_subject(c->m, d);
	if (q->cc && !collect_ask_people(c->m, d, "Cc: ", &d->cc))
		return;
	if (q->bcc)
		(void)!collect_ask_people(c->m, d, "Bcc: ", &d->bcc);
}

static void ask_last(struct collector *c)
{
	const struct vars *v = c->m->vars;
	bool cc = vars_is_set(v, "askcc");
	bool bcc = vars_is_set(v, "askbcc");
	bool files = vars_is_set(v, "askattach");
	bool copies = asks_at_end(c->m) && (cc || bcc);

	if (!copies && !files) {
		printf("EOT\n");
		(void)fflush(stdout);
		return;
	}
	if (cc && (copies || files))
		(void)!collect_ask_people(c->m, c->d, "Cc: ", &c->d->cc);
	if (bcc && (copies || files))
		(void)!collect_ask_people(c->m, c->d, "Bcc: ", &c->d->bcc);
	if (files)
		collect_ask_files(c->m, c->d);
}

/* ---- text that is there already ---- */

static void put_escaped(struct mua *m, struct draft *d, const char *text)
{
	size_t before = d->body.len;

	for (; *text; text++) {
		char c = *text;

		if (c == '\\' && (text[1] == 't' || text[1] == 'n'))
			c = *++text == 't' ? '\t' : '\n';
		buf_putc(&d->body, c);
	}
	buf_putc(&d->body, '\n');
	if (term_in_is_tty(m->term))
		(void)fwrite(
		    d->body.data + before, 1, d->body.len - before, stdout);
}

void collect_put_variable(struct mua *m, struct draft *d, const char *name)
{
	const char *text = vars_get(m->vars, name);

	if (text && *text)
		put_escaped(m, d, text);
}

static void show_body(const struct collector *c)
{
	if (c->d->body.len > 0)
		(void)fwrite(c->d->body.data, 1, c->d->body.len, stdout);
	(void)fflush(stdout);
}

static void show_first(struct collector *c, bool asks)
{
	CLEANUP(buf_done) struct buf head = BUF_INIT(DRAFT_LIST_MAX);

	head_show(c->m, c->d, asks, &head);
	if (head.len > 0)
		(void)fwrite(head.data, 1, head.len, stdout);
	show_body(c);
}

/* ---- lines ---- */

static enum collect_result give_up(struct collector *c, bool save)
{
	if (save && vars_is_set(c->m->vars, "save"))
		draft_bury(c->m, buf_span(&c->d->body));
	return COLLECT_ABORTED;
}

/* True: that was the second one. */
static bool take_interrupt(struct collector *c)
{
	term_calm();
	if (vars_is_set(c->m->vars, "ignore")) {
		printf("@\n");
		(void)fflush(stdout);
		return false;
	}
	if (c->interrupted)
		return true;
	c->interrupted = true;
	mua_error(c->m, "\n(Interrupt -- one more to kill letter)");
	return false;
}

enum line_result { LINE_MORE, LINE_END, LINE_QUIT, LINE_EXIT };

static enum line_result take_eof(struct collector *c)
{
	if (!c->interactive || !vars_is_set(c->m->vars, "ignoreeof") ||
	    ++c->eofs >= EOFS_MAX)
		return LINE_END;
	printf("Use \".\" to terminate letter\n");
	(void)fflush(stdout);
	return LINE_MORE;
}

static bool is_dot(const struct collector *c, span line)
{
	const struct vars *v = c->m->vars;

	return c->interactive && span_eq(line, SPAN(".")) &&
	    (vars_is_set(v, "dot") || vars_is_set(v, "ignoreeof"));
}

static void put_line(struct collector *c, span line)
{
	buf_put(&c->d->body, line);
	buf_putc(&c->d->body, '\n');
}

static enum line_result take_escape(struct collector *c, span line)
{
	switch (tilde_run(c->m, c->d, c->escape, line)) {
	case TILDE_TAKEN:
		(void)fflush(stdout);
		return LINE_MORE;
	case TILDE_CONTINUE:
		printf("(continue)\n");
		(void)fflush(stdout);
		return LINE_MORE;
	case TILDE_TEXT:
		put_line(c, line);
		return LINE_MORE;
	case TILDE_END:
		return LINE_END;
	case TILDE_QUIT:
		return LINE_QUIT;
	case TILDE_EXIT:
		return LINE_EXIT;
	}
	return LINE_MORE;
}

static enum line_result take_line(struct collector *c, span line)
{
	c->eofs = 0;
	c->interrupted = false;
	if (is_dot(c, line))
		return LINE_END;
	if (c->escapes && line.len > 0 && line.ptr[0] == c->escape)
		return take_escape(c, span_from(line, 1));
	put_line(c, line);
	return LINE_MORE;
}

static enum line_result next_line(struct collector *c)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(DRAFT_TEXT_MAX);
	int r = term_line(c->m->term, TERM_BODY, "", NULL, &line);

	if (term_hung_up())
		return LINE_QUIT;
	if (r == TERM_LINE)
		return take_line(c, buf_span(&line));
	if (r == TERM_EOF)
		return take_eof(c);
	if (r == -EINTR)
		return take_interrupt(c) ? LINE_QUIT : LINE_MORE;
	mua_error(c->m, "standard input: %s", strerror(-r));
	return LINE_QUIT;
}

static enum collect_result read_lines(struct collector *c)
{
	enum line_result r;

	do {
		r = next_line(c);
	} while (r == LINE_MORE);
	if (r == LINE_END)
		return COLLECT_DONE;
	if (term_hung_up()) {
		draft_bury(c->m, buf_span(&c->d->body));
		return COLLECT_ABORTED;
	}
	return give_up(c, r == LINE_QUIT);
}

/* ---- not from a terminal ---- */

/* Text of another character set, if the user says that he has one. */
static void to_utf8(struct collector *c, span bytes)
{
	const char *set = vars_get(c->m->vars, "ttycharset");

	if (!set || !*set || charset_is_utf8(bytes))
		buf_put(&c->d->body, bytes);
	else
		charset_to_utf8(span_str(set), bytes, &c->d->body);
}

static enum collect_result read_all(struct collector *c)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	ssize_t n;

	/* What was read ahead of us. */
	term_lend(c->m->term);
	term_take_back(c->m->term);
	do {
		char *room = buf_room(&text, PIECE);

		n = room ? os_size(read(STDIN_FILENO, room, PIECE)) : -EFBIG;
		text.len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n == -EINTR && !term_interrupted()));
	to_utf8(c, buf_span(&text));
	if (n == 0)
		return COLLECT_DONE;
	if (n != -EINTR)
		mua_error(c->m, "standard input: %s", strerror((int)-n));
	return give_up(c, true);
}

/* -t: the fields in front of the text. */
static void take_header(struct collector *c)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	span rest;

	buf_put(&text, buf_span(&c->d->body));
	rest = buf_span(&text);
	head_extract(c->m, c->d, &rest, c->m->manner != MANNER_HEIRLOOM);
	buf_clear(&c->d->body);
	buf_put(&c->d->body, rest);
}

enum collect_result draft_collect(struct mua *m, struct draft *d)
{
	struct collector c = { .m = m,
		.d = d,
		.interactive = term_in_is_tty(m->term) ||
		    vars_is_set(m->vars, "interactive") };
	const char *escape = vars_get(m->vars, "escape");
	struct questions q = questions_of(&c);
	enum collect_result result;

	/* -r comes from programs, which do not know what they pass on. */
	c.escapes = (c.interactive || m->tilde) && d->envelope.len == 0;
	c.escape = escape && *escape ? *escape : '~';
	c.escapes = c.escapes && !(escape && !*escape);
	collect_put_variable(m, d, "MAILX_HEAD");
	if (d->announce)
		show_first(&c, q.to || q.subject || q.cc || q.bcc);
	ask_first(&c, &q);
	if (!d->announce && c.interactive)
		show_body(&c);
	result = c.interactive || c.escapes ? read_lines(&c) : read_all(&c);
	if (result != COLLECT_DONE)
		return result;
	collect_put_variable(m, d, "MAILX_TAIL");
	if (d->from_header)
		take_header(&c);
	if (c.interactive)
		ask_last(&c);
	if (d->body.failed) {
		mua_error(m, "The message is too large");
		return give_up(&c, true);
	}
	return COLLECT_DONE;
}
