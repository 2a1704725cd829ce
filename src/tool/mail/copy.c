/* SPDX-License-Identifier: ISC */
#include "tool/mail/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/mail/folder_name.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum { TEXT_MAX = 1 << 30, LINE_MAX_LEN = 1 << 16, PATH_LIMIT = 8192 };

static bool was_interrupted(void *ctx UNUSED)
{
	return term_interrupted();
}

static int put_piece(void *ctx, span piece)
{
	folder_append_put(ctx, piece);
	return 0;
}

static bool leaves_fields_out(const struct mua *m)
{
	return m->save_ignored.count || m->save_retained.count;
}

static int put_content(struct mua *m, struct folder_append *a, uint32_t i)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	int r;

	if (!leaves_fields_out(m)) {
		r = folder_each_piece(m->box->folder, i, put_piece, a);
		return box_trouble(m, i, r);
	}
	r = show_text(m, i, SHOW_SAVE, &text);
	if (r == 0)
		folder_append_put(a, buf_span(&text));
	return r;
}

/* Status and X-Status are fields that may be left out, too. */
static uint8_t saved_flags(const struct mua *m, uint8_t flags)
{
	const uint8_t status = FOLDER_SEEN | FOLDER_OLD;

	if (!show_has_field(m, SPAN("status"), SHOW_SAVE))
		flags &= (uint8_t)~status;
	if (!show_has_field(m, SPAN("x-status"), SHOW_SAVE))
		flags &= status;
	return flags;
}

static int put_message(
    struct mua *m, const struct copying *c, struct folder_append *a, uint32_t i)
{
	CLEANUP(buf_done) struct buf from = BUF_INIT(LINE_MAX_LEN);
	int r = folder_from_line(m->box->folder, i, &from);

	if (r < 0)
		return box_trouble(m, i, r);
	folder_append_begin(a, buf_span(&from),
	    saved_flags(m, box_flags(m->box, i) | c->flags));
	return put_content(m, a, i);
}

static void say_trouble(struct mua *m, const struct folder_trouble *t)
{
	mua_error(m, "%.*s", PRI(buf_span(&t->text)));
}

static int put_all(struct mua *m, struct copying *c, struct folder_append **a,
    struct folder_trouble *t)
{
	int r = 0;

	for (size_t n = 0; n < c->count && r == 0; n++)
		r = put_message(m, c, *a, c->all[n]);
	if (r < 0) {
		folder_append_drop(a);
		return 1;
	}
	r = folder_append_commit(a, &c->is_new, &c->lines, &c->bytes, t);
	if (r < 0)
		say_trouble(m, t);
	return r < 0;
}

/* Somebody's directory does not become a Maildir because mail is saved to it. */
static bool is_plain_directory(const char *path)
{
	CLEANUP(buf_done) struct buf cur = BUF_INIT(PATH_LIMIT);
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	buf_printf(&cur, "%s/cur", path);
	return stat(buf_cstr(&cur), &st) < 0;
}

int copy_messages(struct mua *m, struct copying *c)
{
	const struct folder_spec spec = { .path = c->path,
		.create = true,
		.home = m->home,
		.interrupted = was_interrupted };
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	enum folder_kind kind =
	    mua_makes_maildirs(m) ? FOLDER_MAILDIR : FOLDER_MBOX;
	struct folder_append *a = NULL;
	struct stat st;
	int r;

	if (is_plain_directory(c->path)) {
		mua_error(m, "%s: %s", c->path, strerror(EISDIR));
		return 1;
	}
	r = folder_append_open(&a, &spec, kind, &t);
	if (r < 0)
		say_trouble(m, &t);
	else
		r = put_all(m, c, &a, &t);
	c->is_maildir = stat(c->path, &st) == 0 && S_ISDIR(st.st_mode);
	buf_done(&t.text);
	return r != 0;
}
