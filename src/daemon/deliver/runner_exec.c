/* SPDX-License-Identifier: ISC */
/*
 * The rules of execvp() and of Postfix's exec_command(), told to os/child.h,
 * which knows none: where to look for a program, who reads a script without
 * "#!", and when text is so plain that no shell is needed.
 */
#include "daemon/deliver/runner_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <string.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

extern char **environ;

enum { FILE_NAME_MAX = 64 * 1024 };

static const char blanks[] = " \t";

span command_name(const struct command *c)
{
	return c->nargv > 0 ? c->argv[0] : c->text;
}

/* What is being started. */
struct start {
	const struct command *c;
	struct arena *arena;
	struct child_spec spec;
	char **argv; /* with room for one more in front */
	struct child *ret;
	struct buf *complaint;
};

/* ---- the environment ---- */

bool command_env_find(span word, span *ret)
{
	if (word.len >= 2 && word.ptr[0] == '{')
		word = span_trim(span_of(word.ptr + 1, word.len - 2));
	*ret = word;
	if (span_find(word, '=') >= 0)
		return true;
	for (char **e = environ; e && *e; e++) {
		span rest = span_str(*e);

		*ret = rest;
		if (span_skip(&rest, word) && span_skip(&rest, SPAN("=")))
			return true;
	}
	return false;
}

bool command_env_split(span setting, struct command_env *ret)
{
	ssize_t sign = span_find(setting, '=');

	if (sign < 0)
		return false;
	*ret = (struct command_env){
		.name = span_trim(span_first(setting, (size_t)sign)),
		.value = span_trim(span_from(setting, (size_t)sign + 1)),
	};
	return !span_eq(ret->name, SPAN("PATH"));
}

static char *join(struct arena *a, span name, span value)
{
	char *text = arena_alloc(a, name.len + value.len + 2, 1);

	if (!text)
		return NULL;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '=';
	if (value.len > 0)
		memcpy(text + name.len + 1, value.ptr, value.len);
	return text;
}

/* A name or value with a NUL would be another one for the program. */
static bool fits(const struct command_env *e)
{
	return e->name.len > 0 && span_find(e->name, '=') < 0 &&
	    span_find(e->name, '\0') < 0 && span_find(e->value, '\0') < 0;
}

static bool has_path(char *const *list)
{
	for (; *list; list++)
		if (span_has_prefix(span_str(*list), SPAN("PATH=")))
			return true;
	return false;
}

/* The later one of two with the same name wins, in the former's place. */
static char **make_environment(const struct command *c, struct arena *a)
{
	static const struct command_env path = {
		SPAN_INIT("PATH"),
		SPAN_INIT(_PATH_DEFPATH),
	};
	char **list = arena_alloc(a, c->nenv + 2, sizeof(*list));
	size_t count = 0;

	for (uint32_t i = 0; list && i <= c->nenv; i++) {
		const struct command_env *e = i < c->nenv ? &c->env[i] : &path;
		size_t at = 0;

		if (!fits(e) || (e == &path && has_path(list)))
			continue;
		while (at < count &&
		    (!span_has_prefix(span_str(list[at]), e->name) ||
		        list[at][e->name.len] != '='))
			at++;
		list[at] = join(a, e->name, e->value);
		if (!list[at])
			return NULL;
		count = MAX(count, at + 1);
	}
	return list;
}

/* Of that environment: where programs are looked for. */
static span search_path(char *const *envp)
{
	for (; *envp; envp++) {
		span value = span_str(*envp);

		if (span_skip(&value, SPAN("PATH=")))
			return value;
	}
	return SPAN(_PATH_DEFPATH);
}

/* ---- words ---- */

static bool put_word(struct start *s, size_t i, span word)
{
	/* Without this, a NUL would cut an argument short. */
	if (span_find(word, '\0') >= 0)
		return false;
	s->argv[i] = arena_cstr(s->arena, word);
	return s->argv[i] != NULL;
}

/* argv[n] for the words given, which the caller fills in. */
static bool make_words(struct start *s, size_t n)
{
	char **argv = arena_alloc(s->arena, n + 2, sizeof(*argv));

	if (!argv)
		return false;
	s->argv = argv + 1;
	return true;
}

/* The words of `text`, and `more` behind them if it is there. */
static bool split_words(struct start *s, span text, const span *more)
{
	size_t n = 0;
	span rest = text;

	while (span_word(&rest, blanks).len > 0)
		n++;
	if (!make_words(s, n + 1))
		return false;
	rest = text;
	for (size_t i = 0; i < n; i++)
		if (!put_word(s, i, span_word(&rest, blanks)))
			return false;
	return !more || put_word(s, n, *more);
}

/* ---- execution ---- */

static int try_path(struct start *s, const char *path)
{
	static char shell[] = _PATH_BSHELL;
	int r;

	s->spec.path = path;
	s->spec.argv = s->argv;
	r = child_spawn(&s->spec, s->ret);
	if (r != -ENOEXEC)
		return r;

	/* A script that does not say who reads it. */
	char *saved = s->argv[0];

	s->argv[-1] = shell;
	s->argv[0] = arena_cstr(s->arena, span_str(path));
	if (!s->argv[0])
		return -ENOMEM;
	s->spec.path = shell;
	s->spec.argv = s->argv - 1;
	r = child_spawn(&s->spec, s->ret);
	s->argv[0] = saved;
	return r;
}

/* Not there, or not to be had: look further. */
static bool goes_on(int error)
{
	return error == -EACCES || error == -ENOENT || error == -ESTALE ||
	    error == -ENOTDIR || error == -ENODEV || error == -ETIMEDOUT;
}

/* As execvp() does it. */
static int try_program(struct start *s)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT(FILE_NAME_MAX);
	span name = span_str(s->argv[0]);
	span path = search_path(s->spec.envp);
	int refused = -ENOENT;

	if (name.len == 0)
		return -ENOENT;
	if (span_find(name, '/') >= 0)
		return try_path(s, s->argv[0]);
	while (path.len > 0) {
		span dir = span_cut(&path, ':');
		int r;

		buf_clear(&full);
		buf_put(&full, dir);
		if (dir.len > 0)
			buf_putc(&full, '/');
		buf_put(&full, name);
		r = try_path(s, buf_cstr(&full));
		if (!goes_on(r))
			return r;
		if (r == -EACCES)
			refused = r;
	}
	return refused;
}

/* What msg_fatal() of the child says in Postfix. */
static int complain(
    struct start *s, const char *what, const char *name, int error)
{
	/* No process, no memory: that will pass, and says nothing of it. */
	if (error == -EAGAIN || error == -ENOMEM || error == -EMFILE ||
	    error == -ENFILE)
		return error;
	if (s->c->program)
		buf_printf(s->complaint, "%s: fatal: ", s->c->program);
	buf_printf(s->complaint, "%s %s: %s\n", what, name, strerror(-error));
	return COMMAND_CANNOT;
}

/* Who cannot execute it, as Postfix spells them. */
static int complain_of_vector(struct start *s, int error)
{
	return complain(s,
	    s->c->program ? "pipe_command: execvp" : "spawn_comand: execvp",
	    s->argv[0], error);
}

static int start_vector(struct start *s)
{
	const struct command *c = s->c;
	int r;

	if (!make_words(s, c->nargv))
		return -ENOMEM;
	for (uint32_t i = 0; i < c->nargv; i++)
		if (!put_word(s, i, c->argv[i]))
			return -EINVAL;
	r = try_program(s);
	return r == 0 ? COMMAND_RUNS : complain_of_vector(s, r);
}

static int start_chosen_shell(struct start *s)
{
	int r;

	if (!split_words(s, s->c->shell, &s->c->text))
		return -EINVAL;
	r = try_program(s);
	return r == 0 ? COMMAND_RUNS : complain_of_vector(s, r);
}

/* Nothing in it that means something to a shell. */
static bool is_plain(span text)
{
	static const span others = SPAN_INIT("!@%-_=+:,./ \t");
	bool blank = true;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!ascii_is_alnum(c) && span_find(others, c) < 0)
			return false;
		blank = blank && (c == ' ' || c == '\t');
	}
	return !blank;
}

static int start_text(struct start *s)
{
	static const span shell = SPAN_INIT("sh -c");
	int r;

	if (is_plain(s->c->text)) {
		if (!split_words(s, s->c->text, NULL))
			return -ENOMEM;
		r = try_program(s);
		if (r == 0)
			return COMMAND_RUNS;
		/* Perhaps it is a command of the shell itself. */
		if (r != -ENOENT || span_find(span_str(s->argv[0]), '/') >= 0)
			return complain(s, "execvp", s->argv[0], r);
	}
	if (!split_words(s, shell, &s->c->text))
		return -EINVAL;
	r = try_path(s, _PATH_BSHELL);
	return r == 0 ? COMMAND_RUNS : complain(s, "execl", _PATH_BSHELL, r);
}

/* 0, or COMMAND_NO_DIRECTORY and why. */
static int open_directory(struct start *s)
{
	const char *path = arena_cstr(s->arena, s->c->directory);
	int r;

	if (!path)
		return -ENOMEM;
	s->spec.dir = os_error(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	r = s->spec.dir < 0
	    ? s->spec.dir
	    : os_error(faccessat(s->spec.dir, ".", X_OK, AT_EACCESS));
	if (r >= 0)
		return 0;
	buf_printf(s->complaint,
	    "cannot change directory to \"%s\" for uid=%u gid=%u: %s", path,
	    (unsigned)geteuid(), (unsigned)getegid(), strerror(-r));
	return COMMAND_NO_DIRECTORY;
}

static int start_in_place(struct start *s)
{
	int r;

	if (s->c->directory.len > 0) {
		r = open_directory(s);
		if (r != 0)
			return r;
	}
	s->spec.envp = make_environment(s->c, s->arena);
	if (!s->spec.envp)
		return -ENOMEM;
	if (s->c->nargv > 0)
		return start_vector(s);
	return s->c->shell.len > 0 ? start_chosen_shell(s) : start_text(s);
}

int command_start(const struct command *c, const int *fds, struct arena *arena,
    struct child *ret, struct buf *complaint)
{
	struct start s = {
		.c = c,
		.arena = arena,
		.spec = {
			.fds = fds,
			.nfds = 3,
			.dir = -1,
			.user = c->user,
			.file_max = c->file_max,
			.new_session = true,
		},
		.ret = ret,
		.complaint = complaint,
	};
	int r = start_in_place(&s);

	fd_close(&s.spec.dir);
	return r;
}
