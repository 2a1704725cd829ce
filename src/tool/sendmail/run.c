/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/run.c - what other commands do.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "conf/site.h"
#include "os/child.h"
#include "os/file.h"
#include "tool/sendmail/sendmail.h"

/* Words for exec(); the longest list is alias_database. */
enum { WORDS_MAX = 4096 };

struct words {
	struct arena arena;
	size_t count;
	char *list[WORDS_MAX + 1];
};

static void add(struct words *w, span word)
{
	char *copy = arena_cstr(&w->arena, word);

	if (copy && w->count < WORDS_MAX)
		w->list[w->count++] = copy;
}

static void add_verbose(struct words *w, const struct sendmail *s)
{
	for (unsigned i = 0; i < s->verbose; i++)
		add(w, SPAN("-v"));
}

static struct words *words_new(span program)
{
	struct words *w = NEW(struct words);

	arena_init(&w->arena, 1 << 22);
	add(w, program);
	return w;
}

static void words_free(struct words *w)
{
	arena_done(&w->arena);
	mem_free(w);
}

static void put_path(struct sendmail *s, const char *name, struct buf *out)
{
	buf_put(out, site_command_dir(s->conf));
	buf_printf(out, "/%s", name);
}

/* Does not return if it works. */
static int become(struct sendmail *s, const char *program, struct words *w)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	int code;

	put_path(s, program, &path);
	voice_done(&s->voice);
	s->voice.conf = s->conf;
	(void)execv(buf_cstr(&path), w->list);
	code =
	    sendmail_fail(s, "execv %s: %s", buf_cstr(&path), strerror(errno));
	words_free(w);
	return code;
}

int sendmail_run_postqueue(
    struct sendmail *s, const char *option, const char *argument)
{
	struct words *w = words_new(SPAN("postqueue"));

	add(w, span_str(option));
	if (argument)
		add(w, span_str(argument));
	add_verbose(w, s);
	return become(s, "postqueue", w);
}

int sendmail_personality(struct sendmail *s, enum personality *ret)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

	if (personality_read(s->conf, ret, &error))
		return EX_OK;
	return sendmail_fail(s, "%s", buf_cstr(&error));
}

int sendmail_run_mailq(struct sendmail *s)
{
	enum personality personality;
	struct words *w;
	int code = sendmail_personality(s, &personality);

	if (code != EX_OK)
		return code;
	if (personality == PERSONALITY_POSTFIX)
		return sendmail_run_postqueue(s, "-p", NULL);
	w = words_new(SPAN("mailq"));
	add_verbose(w, s);
	return become(s, "postqueue", w);
}

static int run_newaliases(struct sendmail *s)
{
	struct words *w = words_new(SPAN("newaliases"));

	add_verbose(w, s);
	if (s->aliases) {
		CLEANUP(buf_done) struct buf option = BUF_INIT(1 << 16);

		buf_printf(&option, "-oA%s", s->aliases);
		add(w, buf_span(&option));
	}
	return become(s, "postalias", w);
}

int sendmail_run_postalias(struct sendmail *s)
{
	span list = conf_value(s->conf, CONF_MAIN, SPAN("alias_database"));
	enum personality personality;
	struct words *w;
	span word;
	int code = sendmail_personality(s, &personality);

	if (code != EX_OK)
		return code;
	if (!s->aliases && list.len == 0)
		return EX_OK;
	if (personality == PERSONALITY_SENDMAIL)
		return run_newaliases(s);
	w = words_new(SPAN("postalias"));
	add_verbose(w, s);
	add(w, SPAN("--"));
	if (s->aliases)
		add(w, span_str(s->aliases));
	else
		while ((word = span_word(&list, ", \t\r\n")).len > 0)
			add(w, word);
	return become(s, "postalias", w);
}

/* In the background, as if somebody had typed it; -bD: in place of us. */
int sendmail_run_start(struct sendmail *s)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	static const int fds[] = { 0, 1, 2 };
	struct words *w = words_new(SPAN("postfix"));
	struct child child;
	int r;

	add_verbose(w, s);
	if (s->foreground) {
		add(w, SPAN("start-fg"));
		return become(s, "postfix", w);
	}
	put_path(s, "postfix", &path);
	add(w, SPAN("start"));
	{
		struct child_spec spec = {
			.path = buf_cstr(&path),
			.argv = w->list,
			.envp = environ,
			.fds = fds,
			.nfds = ARRAY_LEN(fds),
			.dir = -1,
		};

		r = child_spawn(&spec, &child);
	}
	words_free(w);
	if (r < 0) {
		voice_warn(
		    &s->voice, "fork %s: %s", buf_cstr(&path), strerror(-r));
		return EX_TEMPFAIL;
	}
	fd_close(&child.pidfd);
	return EX_OK;
}
