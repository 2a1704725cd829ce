/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_write.c - "write": the text of a message into a file, and its
 * attachments into others.
 *
 * On a terminal the user is asked for the name of each attachment; the one it
 * has is only proposed, without directories. Elsewhere those that have a name
 * are written under it into the working directory, and never over a file that
 * is there: a stranger chose that name.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/width.h"
#include "mail/parts.h"
#include "os/error.h"
#include "os/file.h"
#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/quote.h"
#include "tool/mail/run.h"
#include "tool/mail/term.h"

enum { TREE_MAX = 64 << 20, NAME_MAX_BYTES = 4096, QUESTION_MAX = 8192 };

static const size_t CONTENT_MAX = SIZE_MAX / 4;

struct writing {
	struct mua *m;
	const char *path;
	int fd; /* of the file for the texts */
	uint64_t lines;
	uint64_t bytes;
};

/* ---- content ---- */

/* ">From " at the beginning of a line of an mbox was "From ". */
static void put_unmasked(struct buf *out, span text)
{
	while (text.len) {
		ssize_t end = span_find(text, '\n');
		span line = end < 0 ? text : span_first(text, (size_t)end + 1);
		size_t marks = 0;

		while (marks < line.len && line.ptr[marks] == '>')
			marks++;
		if (marks &&
		    span_has_prefix(span_from(line, marks), SPAN("From ")))
			buf_put(out, span_from(line, 1));
		else
			buf_put(out, line);
		text = span_from(text, line.len);
	}
}

typedef void content_fn(const struct part *p, struct buf *out);

static void decode_part(
    const struct part *p, content_fn *content_of, struct buf *out)
{
	CLEANUP(buf_done) struct buf raw = BUF_INIT(CONTENT_MAX);

	if (p->kind == PARTS_MESSAGE) {
		put_unmasked(out, p->body);
		return;
	}
	if (p->transfer == TRANSFER_BASE64 || p->transfer == TRANSFER_QUOTED ||
	    p->transfer == TRANSFER_UUENCODE ||
	    p->transfer == TRANSFER_BINARY) {
		content_of(p, out);
		return;
	}
	content_of(p, &raw);
	put_unmasked(out, buf_span(&raw));
}

/* ---- the text ---- */

/* 0, or 1: it could not be written, which was said. */
static int write_text(struct writing *w, const struct part *p)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	int r;

	decode_part(p, parts_content, &content);
	r = file_write_all(w->fd, buf_span(&content));
	if (r < 0) {
		mua_error(w->m, "%s: %s", w->path, strerror(-r));
		return 1;
	}
	w->lines += span_count(buf_span(&content), '\n');
	w->bytes += content.len;
	return 0;
}

/* ---- attachments: in the character set they are in ---- */

static bool says_yes(struct mua *m, const char *question)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(NAME_MAX_BYTES);
	int r = term_line(m->term, TERM_ANSWER, question, NULL, &answer);

	return r == TERM_LINE &&
	    span_has_prefix_nocase(span_trim(buf_span(&answer)), SPAN("y"));
}

/* The name the user wants; empty: none. */
static void ask_name(
    struct mua *m, const struct part *p, span proposed, struct buf *ret)
{
	CLEANUP(buf_done) struct buf prompt = BUF_INIT(NAME_MAX_BYTES);
	CLEANUP(buf_done) struct buf preset = BUF_INIT(NAME_MAX_BYTES);

	buf_put(&prompt, SPAN("Enter filename for part "));
	parts_position(&prompt, p);
	buf_put(&prompt, SPAN(" ("));
	width_harmless(&prompt, span_first(p->type, 200), HARMLESS_LINE, false);
	buf_put(&prompt, SPAN("): "));
	buf_put(&preset, proposed);
	if (term_line(m->term, TERM_ANSWER, buf_cstr(&prompt),
	        preset.len ? buf_cstr(&preset) : NULL, ret) != TERM_LINE)
		buf_clear(ret);
}

static int save_as(struct mua *m, const char *path, int flags, span content)
{
	CLEANUP(fd_close) int fd = -1;
	int r;

	fd =
	    open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0666);
	r = os_error(fd);
	if (r >= 0)
		r = file_write_all(fd, content);
	if (r < 0)
		mua_error(m, "%s: %s", path, strerror(-r));
	return r < 0;
}

static int pipe_part(struct mua *m, const char *command, span content)
{
	return run_filter(m, command, content, NULL) < 0;
}

static int save_asked(struct mua *m, span name, span content)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(NAME_MAX_BYTES);
	CLEANUP(buf_done) struct buf question = BUF_INIT(QUESTION_MAX);
	struct stat st;

	if (span_has_prefix(name, SPAN("~"))) {
		if (!mua_expand_name(m, name, &path))
			return 1;
	} else {
		buf_put(&path, name);
	}
	if (stat(buf_cstr(&path), &st) == 0 && S_ISREG(st.st_mode)) {
		buf_printf(&question, "%s exists. Overwrite it (y/n)? ",
		    buf_cstr(&path));
		if (!says_yes(m, buf_cstr(&question)))
			return 0;
	}
	return save_as(m, buf_cstr(&path), O_TRUNC, content);
}

static int save_part(struct mua *m, const struct part *p)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	CLEANUP(buf_done) struct buf proposed = BUF_INIT(NAME_MAX_BYTES);
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_MAX_BYTES);
	span wanted;

	parts_filename(p, &proposed);
	/* Who only says yes means a file. */
	if (proposed.len && span_find(SPAN("|~-"), proposed.data[0]) >= 0)
		proposed.data[0] = '_';
	if (!term_is_interactive(m->term)) {
		if (!proposed.len)
			return 0;
		decode_part(p, parts_bytes, &content);
		return save_as(
		    m, buf_cstr(&proposed), O_EXCL, buf_span(&content));
	}
	ask_name(m, p, buf_span(&proposed), &name);
	wanted = span_trim(buf_span(&name));
	if (!wanted.len)
		return 0;
	(void)buf_cstr(&name);
	decode_part(p, parts_bytes, &content);
	if (span_has_prefix(wanted, SPAN("|")))
		return pipe_part(m, wanted.ptr + 1, buf_span(&content));
	return save_asked(m, wanted, buf_span(&content));
}

/* ---- the command ---- */

/* The next part that is not within this one. */
static const struct part *next_beside(const struct part *p)
{
	while (p && !p->next)
		p = p->parent;
	return p ? p->next : NULL;
}

static int write_message(struct writing *w, uint32_t i)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	struct arena a;
	const struct part *p;
	bool had_text = false;
	int failed = 0;

	if (box_content(w->m, i, &content) < 0)
		return 1;
	arena_init(&a, TREE_MAX);
	p = parts_parse(buf_span(&content), NULL, &a);
	while (p) {
		bool is_whole = p->kind == PARTS_LEAF ||
		    (p->kind == PARTS_MESSAGE && p->parent);

		if (is_whole && !had_text)
			failed |= write_text(w, p);
		else if (is_whole)
			failed |= save_part(w->m, p);
		had_text |= is_whole;
		p = is_whole ? next_beside(p) : parts_walk(p);
	}
	arena_done(&a);
	return failed;
}

static int write_messages(
    struct mua *m, const struct msgset *set, const char *path)
{
	struct writing w = { .m = m, .path = path };
	bool is_new = access(path, F_OK) < 0;
	int failed = 0;
	int r;

	w.fd = open(
	    path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (w.fd < 0) {
		mua_error(m, "%s: %s", path, strerror(errno));
		return 1;
	}
	for (size_t n = 0; n < set->count && !failed; n++) {
		quote_touch(m, set->all[n]);
		failed = write_message(&w, set->all[n]);
	}
	r = os_error(close(w.fd));
	if (r < 0)
		mua_error(m, "%s: %s", path, strerror(-r));
	if (r < 0 || failed)
		return 1;
	(void)printf("\"%s\" %s %llu/%llu\n", path,
	    is_new ? "[New file]" : "[Appended]", (unsigned long long)w.lines,
	    (unsigned long long)w.bytes);
	return 0;
}

int cmd_write(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(NAME_MAX_BYTES);
	span text = c->text;
	struct msgset set;
	char *name;

	if (!words_cut_last(&text, c->arena, &name)) {
		(void)printf("No file specified.\n");
		return 1;
	}
	if (!msgset_parse(m, text, 0, c->arena, &set))
		return 1;
	if (!set.count) {
		(void)printf("No messages to write.\n");
		return 1;
	}
	if (!mua_expand_name(m, span_str(name), &path))
		return 1;
	return write_messages(m, &set, buf_cstr(&path));
}
