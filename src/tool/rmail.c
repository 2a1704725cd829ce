/* SPDX-License-Identifier: ISC */
/*
 * tool/rmail.c - rmail(1): mail that came by UUCP.
 *
 * uuxqt runs us with the recipients as arguments. The message begins with
 * lines that say which way it came (rmail_from.h); they are the sender. The
 * rest goes to sendmail.
 *
 * A sendmail that fails is told to uuxqt, so that the message comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "conf/site.h"
#include "os/child.h"
#include "os/error.h"
#include "os/file.h"
#include "os/sock.h"
#include "tool/rmail_from.h"
#include "tool/sendmail/input.h"
#include "tool/submit.h"

enum { LINE_SIZE = 64 * 1024, WORD_SIZE = 1 << 21, COPY_SIZE = 64 * 1024 };

struct rmail {
	struct voice voice;
	struct conf *conf;
	span domain; /* -D: where UUCP hosts are */
	struct input input;
	struct rmail_from from;
	struct arena arena;
};

PRINTF_LIKE(2, 3)
static int fail(int code, const char *format, ...)
{
	va_list ap;

	(void)fputs("rmail: ", stderr);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return code;
}

/* ---- From lines ---- */

/* Up to the first line that is none; it is given back. */
static int take_from_lines(struct rmail *m, span *ret_line, bool *ret_whole)
{
	enum rmail_line what = RMAIL_LINE_FROM;

	while (what == RMAIL_LINE_FROM) {
		enum input_piece kind =
		    input_next(&m->input, LINE_SIZE, ret_line);

		if (kind == INPUT_END)
			return EX_DATAERR;
		*ret_whole = kind == INPUT_LINE;
		what = rmail_from_take(&m->from, *ret_line);
	}
	if (what == RMAIL_LINE_CORRUPT)
		return fail(
		    EX_DATAERR, "corrupted From line: %.*s", PRI(*ret_line));
	if (what == RMAIL_LINE_BANG)
		return fail(EX_DATAERR, "bang starts address: %.*s",
		    PRI(span_from(*ret_line, strlen("From "))));
	if (m->from.user.len == 0)
		return fail(EX_DATAERR, "missing or empty From line: %.*s",
		    PRI(*ret_line));
	return EX_OK;
}

/* ---- sendmail ---- */

static char *text_of(struct rmail *m, struct buf *b)
{
	char *text = b->failed ? NULL : arena_cstr(&m->arena, buf_span(b));

	buf_done(b);
	if (!text)
		bug("rmail: arguments are too long");
	return text;
}

/* Which host it came from, by which protocol. */
static char *protocol_option(struct rmail *m)
{
	struct buf b = BUF_INIT(WORD_SIZE);
	span host = buf_span(&m->from.nearest);

	buf_printf(&b, "-p%.*s", PRI(m->domain));
	if (m->from.path.len > 0)
		buf_printf(&b, ":%.*s", PRI(host));
	if (m->from.path.len > 0 && span_find(host, '.') < 0)
		buf_printf(&b, ".%.*s", PRI(m->domain));
	return text_of(m, &b);
}

static char *sender_option(struct rmail *m)
{
	struct buf b = BUF_INIT(WORD_SIZE);

	buf_put(&b, SPAN("-f"));
	buf_put(&b, buf_span(&m->from.path));
	buf_put(&b, buf_span(&m->from.user));
	return text_of(m, &b);
}

/* What has a comma would be two recipients. */
static char *recipient_argument(struct rmail *m, const char *word)
{
	struct buf b = BUF_INIT(WORD_SIZE);
	bool bare = strchr(word, ',') && !strchr(word, '<');

	buf_printf(&b, bare ? "<%s>" : "%s", word);
	return text_of(m, &b);
}

static char **make_argv(struct rmail *m, int argc, char **argv)
{
	static char fixed[][16] = { "sendmail", "-G", "-oee", "-odq", "-oi" };
	char **words =
	    mem_new((size_t)argc + ARRAY_LEN(fixed) + 4, sizeof(*words));
	size_t n = 0;
	static char end[] = "--";

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		words[n++] = fixed[i];
	words[n++] = protocol_option(m);
	words[n++] = sender_option(m);
	words[n++] = end;
	for (int i = 0; i < argc; i++)
		words[n++] = recipient_argument(m, argv[i]);
	return words;
}

static int copy(struct rmail *m, int to, span line, bool whole)
{
	int r = file_write_all(to, line);

	if (r == 0 && whole)
		r = file_write_all(to, SPAN("\n"));
	while (r == 0) {
		enum input_piece kind = input_next(&m->input, COPY_SIZE, &line);

		if (kind == INPUT_END)
			return m->input.error;
		r = file_write_all(to, line);
		if (r == 0 && kind == INPUT_LINE)
			r = file_write_all(to, SPAN("\n"));
	}
	return r;
}

static int outcome(const char *path, int status)
{
	if (!WIFEXITED(status))
		return fail(EX_OSERR, "%s: did not terminate normally", path);
	if (WEXITSTATUS(status) != 0)
		return fail(WEXITSTATUS(status),
		    "%s: terminated with %d (non-zero) status", path,
		    WEXITSTATUS(status));
	return EX_OK;
}

static int deliver(struct rmail *m, char **words, span line, bool whole)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct child child;
	int status = 0;
	int r;
	int pipe_fds[2];

	buf_put(&path, site_command_dir(m->conf));
	buf_put(&path, SPAN("/sendmail"));
	r = os_error(pipe2(pipe_fds, O_CLOEXEC));
	if (r == 0) {
		const int fds[] = { pipe_fds[0], 1, 2 };
		struct child_spec spec = {
			.path = buf_cstr(&path),
			.argv = words,
			.envp = environ,
			.fds = fds,
			.nfds = ARRAY_LEN(fds),
			.dir = -1,
		};

		r = child_spawn(&spec, &child);
		(void)close(pipe_fds[0]);
	}
	if (r < 0)
		return fail(EX_OSERR, "%s: %s", buf_cstr(&path), strerror(-r));
	r = copy(m, pipe_fds[1], line, whole);
	/* Without its end, sendmail must not take it for a message. */
	if (r < 0 && r != -EPIPE)
		r = child_kill(child.pidfd, SIGKILL);
	(void)close(pipe_fds[1]);
	if (child_wait(child.pidfd, -1, &status) < 0)
		status = -1;
	fd_close(&child.pidfd);
	return outcome(buf_cstr(&path), status);
}

static int run(struct rmail *m, int argc, char **argv)
{
	const char *dir = submit_dir(&m->voice, NULL, false);
	bool whole = false;
	char **words;
	span line;
	int code;

	if (!dir || !submit_read(&m->voice, dir, &m->conf))
		return EX_TEMPFAIL;
	code = take_from_lines(m, &line, &whole);
	for (int i = 0; i < argc && code == EX_OK; i++)
		if (argv[i][0] == '-')
			code = fail(
			    EX_USAGE, "dash precedes argument: %s", argv[i]);
	if (code != EX_OK)
		return code;
	words = make_argv(m, argc, argv);
	code = deliver(m, words, line, whole);
	mem_free(words);
	return code;
}

int main(int argc, char **argv)
{
	struct rmail m = { .voice.name = "rmail", .domain = SPAN("UUCP") };
	int code = EX_OK;
	int option;

	(void)umask(022);
	if (argc < 1 || !submit_open_stdio())
		return EX_OSERR;
	(void)signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	while ((option = getopt(argc, argv, "+D:T")) > 0) {
		if (option == 'D')
			m.domain = span_str(optarg);
		if (option == '?')
			code = EX_USAGE;
	}
	if (code == EX_USAGE || optind == argc) {
		(void)fputs("usage: rmail [-T] [-D domain] user ...\n", stderr);
		return EX_USAGE;
	}
	input_init(&m.input, STDIN_FILENO, LINE_SIZE);
	rmail_from_init(&m.from);
	arena_init(&m.arena, 1 << 26);
	code = run(&m, argc - optind, argv + optind);
	input_done(&m.input);
	rmail_from_done(&m.from);
	arena_done(&m.arena);
	voice_done(&m.voice);
	conf_unref(&m.conf);
	return code;
}
