/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/edit.c - the user's editor.
 *
 * The text lies in a new file that only the user can read, in $TMPDIR; the
 * editor's command is run by the shell with the file's name as its argument
 * (so `set EDITOR="vi -c 'set tw=72'"` works), and the text is read back from
 * whatever is at that name afterwards, if it is the user's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "tool/mail/commands.h"
#include "tool/mail/head.h"
#include "tool/mail/quote.h"
#include "tool/mail/run.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"
#include "tool/mail/tilde.h"

enum edit_result {
	EDIT_CHANGED,
	EDIT_SAME,
	EDIT_FAILED, /* which was said; the text is as it was */
};

static const char *editor_of(const struct mua *m, bool visual)
{
	const char *editor = vars_get(m->vars, visual ? "VISUAL" : "EDITOR");

	if (editor && *editor)
		return editor;
	return visual ? "vi" : "ed";
}

/* 0, or it was said what went wrong. */
static int run_editor(struct mua *m, bool visual, const char *path)
{
	CLEANUP(buf_done) struct buf script = BUF_INIT(65536);
	const char *argv[] = { run_shell(m), "-c", NULL, "mail", path, NULL };
	int status;

	buf_printf(&script, "%s \"$1\"", editor_of(m, visual));
	argv[2] = buf_cstr(&script);
	status = mua_run(m, argv, -1, -1);
	if (status > 0)
		mua_error(m, "%s: it failed", editor_of(m, visual));
	return status;
}

static int read_back(const char *path, struct buf *out)
{
	CLEANUP(fd_close)
	int fd = os_error(
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
	struct stat st;
	int r = fd;

	if (fd >= 0)
		r = os_error(fstat(fd, &st));
	if (r == 0 && (!S_ISREG(st.st_mode) || st.st_uid != geteuid()))
		r = -EPERM;
	return r < 0 ? r : file_read_all(fd, out);
}

/* 0, or it was said what went wrong; what was written is not thrown away. */
static int edit_file(
    struct mua *m, bool visual, const char *path, span text, struct buf *now)
{
	int failed = run_editor(m, visual, path);
	int r = read_back(path, now);

	if (!failed && r < 0)
		mua_error(m, "%s: %s", path, strerror(-r));
	if (!failed && r == 0)
		(void)unlink(path);
	else if (r == -ENOENT || (r == 0 && span_eq(buf_span(now), text)))
		(void)unlink(path);
	else
		mua_error(m, "What was written is in %s", path);
	return failed ? failed : r;
}

/* With $VISUAL, or with $EDITOR. */
static enum edit_result edit_text(struct mua *m, bool visual, struct buf *text)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	CLEANUP(buf_done) struct buf now = BUF_INIT(text->max);
	CLEANUP(fd_close) int fd = run_temporary(m, &path);
	int r;

	if (fd < 0)
		return EDIT_FAILED;
	r = file_write_all(fd, buf_span(text));
	fd_close(&fd);
	if (r < 0) {
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(-r));
		(void)unlink(buf_cstr(&path));
		return EDIT_FAILED;
	}
	if (edit_file(m, visual, buf_cstr(&path), buf_span(text), &now) != 0)
		return EDIT_FAILED;
	if (span_eq(buf_span(&now), buf_span(text)))
		return EDIT_SAME;
	buf_clear(text);
	buf_put(text, buf_span(&now));
	return EDIT_CHANGED;
}

void edit_draft(struct mua *m, struct draft *d, bool visual)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
	bool with_header = vars_is_set(m->vars, "editheaders");
	span rest;

	if (with_header) {
		head_write_all(m, d, HEAD_EDIT, &text);
		buf_putc(&text, '\n');
	}
	buf_put(&text, buf_span(&d->body));
	if (edit_text(m, visual, &text) != EDIT_CHANGED)
		return;
	rest = buf_span(&text);
	if (with_header)
		head_extract(m, d, &rest, true);
	buf_clear(&d->body);
	buf_put(&d->body, rest);
	if (rest.len > 0 && rest.ptr[rest.len - 1] != '\n')
		buf_putc(&d->body, '\n');
}

/* ---- messages ---- */

/* n: not this one, q: no more. */
static char ask_about(struct mua *m, uint32_t i)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(1024);
	char prompt[64];

	(void)snprintf(
	    prompt, sizeof(prompt), "Edit message %u [ynq]? ", i + 1);
	if (term_line(m->term, TERM_ANSWER, prompt, NULL, &answer) != TERM_LINE)
		return 'q';
	return answer.len > 0 ? answer.data[0] : 'y';
}

/* The editor gets a copy: messages stay as they came. */
static int edit_messages(struct mua *m, const struct call *c, bool visual)
{
	for (size_t i = 0; i < c->msgs.count; i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(DRAFT_TEXT_MAX);
		uint32_t at = c->msgs.all[i];
		char answer = i > 0 ? ask_about(m, at) : 'y';

		if (answer == 'q')
			break;
		if (answer == 'n')
			continue;
		quote_touch(m, at);
		if (show_text(m, at, SHOW_ALL, &text) < 0)
			return 1;
		switch (edit_text(m, visual, &text)) {
		case EDIT_CHANGED:
			mua_error(m, "Message %u stays as it is", at + 1);
			break;
		case EDIT_SAME:
			break;
		case EDIT_FAILED:
			return 1;
		}
	}
	return 0;
}

int cmd_edit(struct mua *m, const struct call *c)
{
	return edit_messages(m, c, false);
}

int cmd_visual(struct mua *m, const struct call *c)
{
	return edit_messages(m, c, true);
}
