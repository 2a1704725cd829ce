/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/lines_edit.c - lines of the terminal with libedit: see lines.h.
 *
 * The library asks us for characters, so signals are ours: it neither installs
 * handlers nor sees more than "there is no character". Two histories: one of
 * commands, and an empty one for everything else.
 */
#include "tool/mail/lines.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/width.h"
#include "tool/mail/complete.h"

enum { HISTORY_SIZE = 500, MAX_PRESET = 65536, CTRL_D = 4 };

struct lines {
	struct mua *m;
	EditLine *el;
	History *commands;
	History *none;
	enum term_kind kind;
	const char *prompt;
	int trouble; /* why no character came */
	bool loaded;
};

static struct lines *lines_of(EditLine *el)
{
	void *l = NULL;

	(void)el_get(el, EL_CLIENTDATA, &l);
	return l;
}

static char *get_prompt(EditLine *el)
{
	/* libedit only reads it. */
	union {
		const char *in;
		char *out;
	} prompt = { .in = lines_of(el)->prompt };

	return prompt.out;
}

/* ---- characters ---- */

/* ^Z: the terminal is the shell's for a while, then the line appears again. */
static void stop(EditLine *el)
{
	(void)el_set(el, EL_PREP_TERM, 0);
	term_stop();
	(void)el_set(el, EL_PREP_TERM, 1);
	(void)el_set(el, EL_REFRESH);
}

static void put_capability(EditLine *el, char *name)
{
	char *text = NULL;

	if (el_get(el, EL_GETTC, name, &text) == 0 && text)
		(void)fputs(text, stdout);
}

/*
 * The terminal has other columns. The library then thinks that the cursor is
 * where the prompt begins, so it is brought there, from as many lines below as
 * what stands before it takes now; what follows is drawn again.
 */
static void resize(EditLine *el)
{
	const struct lines *l = lines_of(el);
	const LineInfo *line = el_line(el);
	size_t before = width_text(span_str(l->prompt)) +
	    width_text(
	        span_of(line->buffer, (size_t)(line->cursor - line->buffer)));
	char up[] = "up";
	char clear[] = "cd";

	(void)putchar('\r');
	for (size_t n = before / term_columns(l->m->term); n > 0; n--)
		put_capability(el, up);
	put_capability(el, clear);
	(void)fflush(stdout);
	el_resize(el);
	(void)el_set(el, EL_REFRESH);
}

/* The next byte: 1, or 0 or negative as term_byte(). */
static int next_byte(EditLine *el, char *ret)
{
	enum term_event what;

	for (;;) {
		int r = term_byte(ret, &what);

		if (r <= 0 || what == TERM_BYTE)
			return r;
		if (what == TERM_STOP)
			stop(el);
		else
			resize(el);
	}
}

static size_t length_of(char first)
{
	unsigned char c = (unsigned char)first;

	if (c < 0xc2)
		return 1;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
}

static int get_char(EditLine *el, wchar_t *ret)
{
	struct lines *l = lines_of(el);
	char bytes[4];
	size_t n = 0;
	size_t want = 1;

	while (n < want) {
		int r = next_byte(el, &bytes[n]);

		if (r <= 0) {
			l->trouble = r;
			return r < 0 ? -1 : 0;
		}
		if (n++ == 0)
			want = length_of(bytes[0]);
	}
	/* ^D that was typed before we read: the terminal has noted the end of
	 * input as a NUL. */
	if (bytes[0] == '\0')
		bytes[0] = CTRL_D;
	*ret = (wchar_t)utf8_next(&(span){ bytes, n });
	return 1;
}

/* ---- keys ---- */

static unsigned char end_or_delete(EditLine *el, int ch)
{
	const LineInfo *line = el_line(el);

	(void)ch;
	if (line->buffer == line->lastchar)
		return CC_EOF;
	if (line->cursor == line->lastchar)
		return CC_ERROR;
	(void)el_cursor(el, 1);
	el_deletestr(el, 1);
	return CC_REFRESH;
}

static void show_choices(struct mua *m, const struct completion *c)
{
	size_t wide = 1;
	size_t columns;
	size_t per_line;

	for (size_t i = 0; i < c->count; i++)
		wide = MAX(wide, width_text(span_str(c->all[i])) + 2);
	columns = term_columns(m->term);
	per_line = MAX(columns / wide, (size_t)1);
	(void)putchar('\n');
	for (size_t i = 0; i < c->count; i++) {
		size_t have = width_text(span_str(c->all[i]));
		bool last = (i + 1) % per_line == 0 || i + 1 == c->count;

		(void)printf(
		    "%s%*s", c->all[i], last ? 0 : (int)(wide - have), "");
		if (last)
			(void)putchar('\n');
	}
	(void)fflush(stdout);
}

static unsigned char complete(EditLine *el, int ch)
{
	struct lines *l = lines_of(el);
	const LineInfo *line = el_line(el);
	span before =
	    span_of(line->buffer, (size_t)(line->cursor - line->buffer));
	struct arena a;
	struct completion c;
	unsigned char result = CC_ERROR;

	(void)ch;
	if (l->kind == TERM_BODY)
		return (unsigned char)(el_insertstr(el, "\t") ? CC_ERROR
		                                              : CC_REFRESH);
	arena_init(&a, 16 << 20);
	if (complete_word(l->m, before, l->kind, &a, &c)) {
		if (*c.insert) {
			result =
			    el_insertstr(el, c.insert) ? CC_ERROR : CC_REFRESH;
		} else if (c.count > 1) {
			show_choices(l->m, &c);
			result = CC_REDISPLAY;
		}
	}
	arena_done(&a);
	return result;
}

/* ---- history ---- */

static const char *history_path(struct lines *l, struct buf *path)
{
	const char *name = vars_get(l->m->vars, "history-file");

	if (!name || !*name || !mua_expand_name(l->m, span_str(name), path))
		return NULL;
	return buf_cstr(path);
}

/* When the first line is asked for: start-up files are read by then. */
static void load_history(struct lines *l)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	const char *name;
	HistEvent event;

	if (l->loaded)
		return;
	l->loaded = true;
	name = history_path(l, &path);
	if (name)
		(void)history(l->commands, &event, H_LOAD, name);
}

static void save_history(struct lines *l)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	const char *name = l->loaded ? history_path(l, &path) : NULL;
	mode_t mask;
	HistEvent event;

	if (!name)
		return;
	mask = umask(077);
	(void)history(l->commands, &event, H_SAVE, name);
	(void)umask(mask);
}

void lines_history(const struct lines *l, FILE *out)
{
	HistEvent event;
	int r;

	for (r = history(l->commands, &event, H_LAST); r >= 0;
	     r = history(l->commands, &event, H_PREV))
		(void)fprintf(out, "%5d  %s", event.num, event.str);
}

/* ---- lines ---- */

static bool set_up(struct lines *l)
{
	HistEvent event;

	if (!l->el || !l->commands || !l->none)
		return false;
	(void)el_set(l->el, EL_CLIENTDATA, l);
	(void)el_set(l->el, EL_SIGNAL, 0);
	(void)el_set(l->el, EL_EDITOR, "emacs");
	/* What is typed ahead reaches a program that reads it as lines. */
	(void)el_set(l->el, EL_SETTY, "-d", "-inlcr", "+icrnl", NULL);
	(void)el_set(l->el, EL_PROMPT, get_prompt);
	(void)el_set(l->el, EL_GETCFN, get_char);
	(void)el_set(l->el, EL_ADDFN, "mail-complete",
	    "Complete the word before the cursor", complete);
	(void)el_set(l->el, EL_ADDFN, "mail-end-or-delete",
	    "The end of input, or delete", end_or_delete);
	(void)el_set(l->el, EL_BIND, "^I", "mail-complete", NULL);
	(void)el_set(l->el, EL_BIND, "^D", "mail-end-or-delete", NULL);
	(void)el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	/* What the user says in ~/.editrc. */
	(void)el_source(l->el, NULL);
	(void)history(l->commands, &event, H_SETSIZE, HISTORY_SIZE);
	(void)history(l->commands, &event, H_SETUNIQUE, 1);
	return true;
}

void lines_hold(struct lines *l, bool on)
{
	(void)el_set(l->el, EL_PREP_TERM, (int)on);
	/* What the library leaves behind when a line is complete. */
	if (on)
		(void)el_set(l->el, EL_SETTY, "-x", "-icanon", "-echo", NULL);
}

struct lines *lines_new(struct mua *m)
{
	const char *name = getenv("TERM");
	struct lines *l;

	if (!name || !*name || !strcmp(name, "dumb"))
		return NULL;
	l = NEW(struct lines);
	l->m = m;
	l->prompt = "";
	l->el = el_init("mail", stdin, stdout, stderr);
	l->commands = history_init();
	l->none = history_init();
	if (!set_up(l))
		lines_free(&l);
	return l;
}

void lines_free(struct lines **pl)
{
	struct lines *l = *pl;

	*pl = NULL;
	if (!l)
		return;
	if (l->commands) {
		save_history(l);
		history_end(l->commands);
	}
	if (l->none)
		history_end(l->none);
	if (l->el) {
		/* Or it would throw away what was typed for the shell. */
		(void)el_set(l->el, EL_EDITMODE, 0);
		el_end(l->el);
	}
	mem_free(l);
}

/* As if it had been typed; what keys could mean is not in it. */
static void push(struct lines *l, const char *preset)
{
	CLEANUP(buf_done) struct buf safe = BUF_INIT(MAX_PRESET);

	width_harmless(&safe, span_str(preset), HARMLESS_LINE, false);
	if (safe.len && !safe.failed)
		el_push(l->el, buf_cstr(&safe));
}

int lines_get(struct lines *l, enum term_kind kind, const char *prompt,
    const char *preset, struct buf *out)
{
	HistEvent event;
	const char *text;
	int n = 0;

	load_history(l);
	l->kind = kind;
	l->prompt = prompt;
	l->trouble = 0;
	(void)el_set(l->el, EL_HIST, history,
	    kind == TERM_COMMAND ? l->commands : l->none);
	if (preset)
		push(l, preset);
	text = el_gets(l->el, &n);
	if (!text || n <= 0) {
		/* The library gives up on a dead terminal before it reads. */
		if (l->trouble == 0)
			l->trouble = term_end();
		if (l->trouble < 0)
			(void)putchar('\n');
		return l->trouble < 0 ? l->trouble : TERM_EOF;
	}
	if (kind == TERM_COMMAND && n > 1)
		(void)history(l->commands, &event, H_ENTER, text);
	buf_put(out, span_of(text, (size_t)n - (text[n - 1] == '\n')));
	return TERM_LINE;
}
