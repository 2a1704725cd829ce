/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/source.c - where commands come from besides the user: start-up
 * files, "source", macros; and the conditions in them.
 *
 * Scripts are nested: one that is run from another is on top of it until it
 * ends. Each has its own conditions. The lowest one has no lines: it stands
 * for the user, who may type "if", too.
 *
 * A condition is a word of POSIX or Heirloom (r, s, t), or a test as s-nail
 * has it: "[ "$x" == y ] && terminal".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "tool/mail/commands.h"
#include "tool/mail/condition.h"
#include "tool/mail/term.h"

enum {
	MAX_FILE = 16 << 20,
	MAX_NESTED = 32, /* scripts in scripts, ifs in ifs */
	MAX_LINE = 4 << 20,
};

struct branch {
	bool outer; /* what is around it counts */
	bool live;  /* and so does this branch */
	bool taken; /* one of them was it: no other will be */
};

struct script {
	struct script *outer;
	span rest;          /* of a file ... */
	char *const *lines; /* ... or macro */
	size_t count;
	size_t next;
	bool is_user;
	struct branch branches[MAX_NESTED];
	size_t depth;
};

static struct script *current(struct mua *m)
{
	if (!m->script) {
		m->script = NEW(struct script);
		m->script->is_user = true;
	}
	return m->script;
}

void source_free(struct mua *m)
{
	mem_free(m->script);
	m->script = NULL;
}

bool source_is_active(const struct mua *m)
{
	return m->script && !m->script->is_user;
}

bool source_is_live(const struct mua *m)
{
	const struct script *s = m->script;

	return !s || s->depth == 0 || s->branches[s->depth - 1].live;
}

/* ---- lines ---- */

static bool raw_line(struct mua *m, struct buf *out)
{
	struct script *s = current(m);

	if (s->is_user)
		return term_line(m->term, TERM_COMMAND, "", NULL, out) ==
		    TERM_LINE;
	if (s->lines) {
		if (s->next == s->count)
			return false;
		buf_put(out, span_str(s->lines[s->next++]));
		return true;
	}
	if (s->rest.len == 0)
		return false;
	buf_put(out, span_cut(&s->rest, '\n'));
	return true;
}

/* A backslash at the end of a line takes the next one along. */
bool source_next(struct mua *m, struct buf *out)
{
	bool more = false;

	while (raw_line(m, out)) {
		if (out->len && out->data[out->len - 1] == '\r')
			out->len--;
		if (!out->len || out->data[out->len - 1] != '\\')
			return true;
		out->data[out->len - 1] = ' ';
		more = true;
	}
	return more;
}

static int script_run(struct mua *m, struct script *s)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(MAX_LINE);
	size_t nested = 0;
	int r = 0;

	s->outer = current(m);
	for (const struct script *o = s->outer; o; o = o->outer)
		nested++;
	if (nested > MAX_NESTED) {
		mua_error(m, "Macros or files are nested too deeply.");
		return 1;
	}
	m->script = s;
	while (!r && !m->quitting && !m->leaving && !term_interrupted()) {
		buf_clear(&line);
		if (!source_next(m, &line))
			break;
		if (line.failed) {
			mua_error(m, "A line is too long.");
			r = 1;
			break;
		}
		r = commands_run(m, buf_span(&line));
	}
	m->script = s->outer;
	return r;
}

int source_text(struct mua *m, span text)
{
	struct script *s = NEW(struct script);
	int r;

	s->rest = text;
	r = script_run(m, s);
	mem_free(s);
	return r;
}

int source_lines(struct mua *m, char *const *lines, size_t n)
{
	struct arena a;
	struct script *s = NEW(struct script);
	char **copy;
	int r = 1;

	/* A macro may undefine itself. */
	arena_init(&a, SIZE_MAX);
	copy = arena_alloc(&a, n + 1, sizeof *copy);
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = arena_cstr(&a, span_str(lines[i]));
	if (copy) {
		s->lines = copy;
		s->count = n;
		r = script_run(m, s);
	}
	arena_done(&a);
	mem_free(s);
	return r;
}

int source_file(struct mua *m, const char *path, bool must)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MAX_FILE);
	int r = file_read_named(span_str(path), &text);

	if (r == -ENOENT && !must)
		return 0;
	if (r < 0) {
		mua_error(m, "%s: %s", path, strerror(-r));
		return 1;
	}
	return source_text(m, buf_span(&text));
}

/* ---- whose manners ---- */

/* "set ... mail_personality=x" */
static void manner_of_line(span line, struct arena *a, struct buf *ret)
{
	struct words w;

	if (!words_split(line, a, &w) || w.count < 2 ||
	    (strcmp(w.all[0], "set") != 0 && strcmp(w.all[0], "se") != 0))
		return;
	for (size_t i = 1; i < w.count; i++) {
		span word = span_str(w.all[i]);

		if (span_skip(&word, SPAN("mail_personality="))) {
			buf_clear(ret);
			buf_put(ret, word);
		}
	}
}

bool source_find_manner(const char *path, struct buf *ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MAX_FILE);
	size_t before = ret->len;
	span rest;
	int depth = 0;

	if (file_read_named(span_str(path), &text) < 0)
		return false;
	rest = buf_span(&text);
	while (rest.len) {
		span line = span_trim(span_cut(&rest, '\n'));
		struct arena a;

		if (span_has_prefix(line, SPAN("if ")))
			depth++;
		else if (span_has_prefix(line, SPAN("endif")))
			depth--;
		if (depth)
			continue;
		arena_init(&a, MAX_LINE);
		manner_of_line(line, &a, ret);
		arena_done(&a);
	}
	return ret->len > before;
}

/* ---- if, elif, else, endif ---- */

int cmd_if(struct mua *m, const struct call *c)
{
	struct script *s = current(m);
	struct branch b = { .outer = source_is_live(m) };
	bool holds = false;

	if (s->depth == MAX_NESTED) {
		(void)puts("Illegal nested \"if\"");
		return 1;
	}
	if (b.outer && condition_holds(m, &c->words, &holds))
		return 1;
	b.taken = holds;
	b.live = b.outer && holds;
	s->branches[s->depth++] = b;
	return 0;
}

static struct branch *innermost(struct mua *m, const char *what)
{
	struct script *s = current(m);

	if (s->depth)
		return &s->branches[s->depth - 1];
	(void)printf("\"%s\" without matching \"if\"\n", what);
	return NULL;
}

int cmd_elif(struct mua *m, const struct call *c)
{
	struct branch *b = innermost(m, "Elif");
	bool holds = false;

	if (!b)
		return 1;
	if (b->outer && !b->taken && condition_holds(m, &c->words, &holds))
		return 1;
	b->live = b->outer && !b->taken && holds;
	b->taken = b->taken || holds;
	return 0;
}

int cmd_else(struct mua *m, const struct call *c)
{
	struct branch *b = innermost(m, "Else");

	(void)c;
	if (!b)
		return 1;
	b->live = b->outer && !b->taken;
	b->taken = true;
	return 0;
}

int cmd_endif(struct mua *m, const struct call *c)
{
	(void)c;
	if (!innermost(m, "Endif"))
		return 1;
	m->script->depth--;
	return 0;
}
