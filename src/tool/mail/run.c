/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/run.c - starting programs.
 *
 * While one runs the terminal's signals are its own (term_lend()); what we
 * have printed comes before what it prints. A filter reads from a file in
 * memory and writes into a temporary one, so neither end can block the other.
 */
#include "tool/mail/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/child.h"
#include "os/file.h"
#include "tool/mail/term.h"

extern char **environ;

const char *run_shell(const struct mua *m)
{
	const char *shell = vars_get(m->vars, "SHELL");

	return shell && *shell ? shell : "/bin/sh";
}

static int spawn(const struct run *run, const char *path, struct child *ret)
{
	int fds[3] = { run->in < 0 ? 0 : run->in, run->out < 0 ? 1 : run->out,
		2 };
	/* execve() does not write there. */
	union {
		const char *const *ours;
		char *const *theirs;
	} argv = { .ours = run->argv };
	struct child_spec spec = { .path = path,
		.argv = argv.theirs,
		.envp = environ,
		.fds = fds,
		.nfds = ARRAY_LEN(fds),
		.dir = -1,
		.new_session = run->apart };

	return child_spawn(&spec, ret);
}

/* Each directory of $PATH, until there is such a program. */
static int spawn_from_path(const struct run *run, struct child *ret)
{
	span dirs = span_str(getenv("PATH"));
	int error = -ENOENT;

	if (dirs.len == 0)
		dirs = SPAN("/usr/local/bin:/usr/bin:/bin");
	while (dirs.len > 0) {
		CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
		span dir = span_cut(&dirs, ':');
		int r;

		buf_printf(&path, "%.*s/%s", PRI(dir.len ? dir : SPAN(".")),
		    run->argv[0]);
		r = spawn(run, buf_cstr(&path), ret);
		if (r == 0)
			return 0;
		if (r != -ENOENT && r != -ENOTDIR)
			error = r;
		if (error != -ENOENT && error != -EACCES)
			break;
	}
	return error;
}

int run_start(const struct run *run, struct child *ret)
{
	return strchr(run->argv[0], '/') ? spawn(run, run->argv[0], ret)
	                                 : spawn_from_path(run, ret);
}

int run_program(struct mua *m, const struct run *run)
{
	struct child child;
	int status = 0;
	int r;

	if (m->no_sendmail)
		return -EPERM;
	(void)fflush(stdout);
	(void)fflush(stderr);
	if (m->term && !run->apart)
		term_lend(m->term);
	r = run_start(run, &child);
	if (r == 0) {
		r = child_wait(child.pidfd, -1, &status);
		(void)close(child.pidfd);
	}
	if (m->term && !run->apart)
		term_take_back(m->term);
	return r < 0 ? r : status;
}

static int run_and_tell(struct mua *m, const struct run *run, const char *what)
{
	int r = run_program(m, run);

	if (r < 0)
		mua_error(m, "%s: %s", what, strerror(-r));
	return r;
}

int mua_run(struct mua *m, const char *const *argv, int in, int out)
{
	struct run run = { argv, in, out, false };

	return run_and_tell(m, &run, argv[0]);
}

int mua_shell(struct mua *m, const char *command, int in, int out)
{
	const char *argv[] = { run_shell(m), "-c", command, NULL };
	struct run run = { argv, in, out, false };

	return run_and_tell(m, &run, argv[0]);
}

int run_temporary(struct mua *m, struct buf *ret_path)
{
	const char *dir = getenv("TMPDIR");
	size_t at = ret_path->len;
	int fd;

	buf_printf(ret_path, "%s/mail-XXXXXX", dir && *dir ? dir : "/tmp");
	(void)buf_cstr(ret_path);
	if (ret_path->failed)
		return -ENAMETOOLONG;
	/* 0600 and O_EXCL, as mkostemp() always does. */
	fd = mkostemp(ret_path->data + at, O_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		mua_error(m, "%s: %s", buf_cstr(ret_path), strerror(error));
		return -error;
	}
	return fd;
}

static int filter(struct mua *m, const char *const *argv, const char *what,
    span text, struct buf *out)
{
	CLEANUP(fd_close) int in = file_memfd("mail", text);
	CLEANUP(fd_close) int to = -1;
	int status;
	int r = in;

	if (r >= 0 && out)
		r = to = memfd_create("mail-out", MFD_CLOEXEC);
	if (r < 0) {
		if (out && in >= 0)
			r = -errno;
		mua_error(m, "%s: %s", what, strerror(-r));
		return r;
	}
	status = mua_run(m, argv, in, to);
	if (status < 0 || !out)
		return status;
	if (lseek(to, 0, SEEK_SET) < 0)
		return -errno;
	r = file_read_all(to, out);
	if (r < 0)
		mua_error(m, "%s: %s", what, strerror(-r));
	return r < 0 ? r : status;
}

int run_filter(struct mua *m, const char *command, span text, struct buf *out)
{
	const char *argv[] = { run_shell(m), "-c", command, NULL };

	return filter(m, argv, command, text, out);
}

int run_filter_program(
    struct mua *m, const char *const *argv, span text, struct buf *out)
{
	return filter(m, argv, argv[0], text, out);
}
