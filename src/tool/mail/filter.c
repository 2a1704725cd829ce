/* SPDX-License-Identifier: ISC */
#include "tool/mail/filter.h"

#include <sys/wait.h>

#include "tool/mail/run.h"
#include "tool/mail/words.h"

enum { TYPE_MAX = 200, WORDS_MAX = 64 * 1024 };

static const char *command_for(const struct mua *m, const struct part *p)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(TYPE_MAX);

	buf_put(&name, SPAN("pipe-"));
	buf_put(&name, p->type);
	return vars_get(m->vars, buf_cstr(&name));
}

/* Append what a program prints; false: it failed, which was said. */
static bool run_viewer(
    struct mua *m, const char *const *argv, span content, struct buf *ret_text)
{
	int status = run_filter_program(m, argv, content, ret_text);

	if (status < 0)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		mua_error(m, "%s: it failed", argv[0]);
	return ret_text->len > 0;
}

static bool view_html(
    struct mua *m, const char *viewer, span content, struct buf *ret_text)
{
	struct words words;
	struct arena a;
	bool ok;

	arena_init(&a, WORDS_MAX);
	ok = words_split(span_str(viewer), &a, &words) && words.count;
	if (!ok)
		mua_error(m, "HTMLVIEWER: %s: not understood", viewer);
	for (size_t i = 0; ok && i < words.count; i++)
		if (span_eq(span_str(words.all[i]), SPAN("%s")))
			words.all[i] = arena_cstr(&a, SPAN("/dev/stdin"));
	ok = ok &&
	    run_viewer(m, (const char *const *)words.all, content, ret_text);
	arena_done(&a);
	return ok;
}

bool filter_part(
    struct mua *m, const struct part *p, span content, struct buf *ret_text)
{
	const char *command = command_for(m, p);
	const char *viewer;

	if (m->no_sendmail)
		return false;
	if (command && *command)
		return run_filter(m, command, content, ret_text) >= 0;
	if (!span_eq(p->type, SPAN("text/html")))
		return false;
	viewer = vars_get(m->vars, "HTMLVIEWER");
	return viewer && *viewer && view_html(m, viewer, content, ret_text);
}
