/* SPDX-License-Identifier: ISC */
/*
 * tool/rmail.c - rmail(1): mail that came by UUCP.
 *
 * uuxqt runs us with the recipients as arguments. The message begins with
 * lines that say which way it came, the nearest host first:
 *
 *	From piet Mon Jan  1 00:00:00 2024 remote from nearhost
 *	>From piet Mon Jan  1 00:00:00 2024 remote from farhost
 *
 * Together they are the sender: nearhost!farhost!piet. A From line may have
 * the hosts before the name instead, "From host!piet date". The rest goes to
 * sendmail.
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
#include "tool/sendmail/input.h"
#include "tool/submit.h"

enum { LINE_SIZE = 64 * 1024, PATH_SIZE = 1 << 20, COPY_SIZE = 64 * 1024 };

struct rmail {
	struct voice voice;
	struct conf *conf;
	span domain; /* -D: where UUCP hosts are */
	struct input input;
	struct buf path; /* "nearhost!farhost!" */
	struct buf user;
	struct buf nearest; /* nearhost */
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

/* The word behind "remote from"; ptr == NULL: it is not there. */
static span find_remote(span line)
{
	static const span words = SPAN_INIT("remote from ");

	for (; line.len >= words.len; line = span_from(line, 1))
		if (span_has_prefix(line, words)) {
			line = span_from(line, words.len);
			return span_cut(&line, ' ');
		}
	return SPAN_NONE;
}

static void take_host(struct rmail *m, span host)
{
	if (m->nearest.len == 0 && m->path.len == 0)
		buf_put(&m->nearest, host);
	buf_put(&m->path, host);
	buf_putc(&m->path, '!');
}

/* 0, or the exit code. `line` is what follows "From ". */
static int take_from(struct rmail *m, span line)
{
	const char *const blank = " \t\r";
	span rest = line;
	span user = span_word(&rest, blank);
	span remote = find_remote(rest);
	ssize_t bang = span_rfind(user, '!');

	if (user.len == 0)
		return fail(
		    EX_DATAERR, "corrupted From line: From %.*s", PRI(line));
	if (remote.ptr) {
		take_host(m, span_word(&remote, blank));
	} else if (bang == 0) {
		return fail(EX_DATAERR, "bang starts address: %.*s", PRI(line));
	} else if (bang > 0) {
		take_host(m, span_first(user, (size_t)bang));
		user = span_from(user, (size_t)bang + 1);
	}
	buf_clear(&m->user);
	buf_put(&m->user, user);
	return EX_OK;
}

static bool skip_from(span *line)
{
	return span_skip(line, SPAN("From ")) ||
	    span_skip(line, SPAN(">From "));
}

/* Up to the first line that is none; it is given back. */
static int take_from_lines(struct rmail *m, span *ret_line, bool *ret_whole)
{
	int code = EX_OK;

	while (code == EX_OK) {
		enum input_piece kind =
		    input_next(&m->input, LINE_SIZE, ret_line);
		span line = *ret_line;

		if (kind == INPUT_END)
			return EX_DATAERR;
		*ret_whole = kind == INPUT_LINE;
		if (!skip_from(&line))
			break;
		code = take_from(m, line);
	}
	if (code == EX_OK && m->user.len == 0)
		return fail(EX_DATAERR, "missing or empty From line: %.*s",
		    PRI(*ret_line));
	return code;
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
	struct buf b = BUF_INIT(PATH_SIZE);
	span host = buf_span(&m->nearest);

	buf_printf(&b, "-p%.*s", PRI(m->domain));
	if (m->path.len > 0)
		buf_printf(&b, ":%.*s", PRI(host));
	if (m->path.len > 0 && span_find(host, '.') < 0)
		buf_printf(&b, ".%.*s", PRI(m->domain));
	return text_of(m, &b);
}

static char *sender_option(struct rmail *m)
{
	struct buf b = BUF_INIT(PATH_SIZE);

	buf_put(&b, SPAN("-f"));
	buf_put(&b, buf_span(&m->path));
	buf_put(&b, buf_span(&m->user));
	return text_of(m, &b);
}

/* What has a comma would be two recipients. */
static char *recipient_argument(struct rmail *m, const char *word)
{
	struct buf b = BUF_INIT(PATH_SIZE);
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
	buf_init(&m.path, PATH_SIZE);
	buf_init(&m.user, PATH_SIZE);
	buf_init(&m.nearest, PATH_SIZE);
	arena_init(&m.arena, 1 << 26);
	code = run(&m, argc - optind, argv + optind);
	input_done(&m.input);
	buf_done(&m.path);
	buf_done(&m.user);
	buf_done(&m.nearest);
	arena_done(&m.arena);
	voice_done(&m.voice);
	conf_unref(&m.conf);
	return code;
}
