/* SPDX-License-Identifier: ISC */
/*
 * os/child.c - between fork and exec.
 *
 * The child tells the parent through a pipe which step failed; the exec that
 * succeeds closes the pipe and says nothing. Until then the child only makes
 * system calls: the parent may have threads.
 */
#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

/*
 * As the kernel is asked: the C library keeps two signals for itself, which
 * it leaves ignored in what it spawns, and so perhaps in us.
 */
static void reset_signals(void)
{
	/* SIG_DFL, no flags, no mask. */
	static const unsigned long standard[8];
	sigset_t none;

	/* Fails for the two that nobody may catch. */
	for (int signo = 1; signo < NSIG; signo++)
		(void)syscall(
		    SYS_rt_sigaction, signo, standard, NULL, sizeof(uint64_t));
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * A descriptor may have a number that another one shall get, so all of them
 * move above those numbers first. The rest is closed by the exec.
 */
static int place_fds(const int *fds, size_t n, int *status)
{
	int moved[CHILD_MAX_FDS];

	*status = os_error(fcntl(*status, F_DUPFD_CLOEXEC, (int)n));
	if (*status < 0)
		return *status;
	for (size_t i = 0; i < n; i++) {
		moved[i] = os_error(fcntl(fds[i], F_DUPFD_CLOEXEC, (int)n));
		if (moved[i] < 0)
			return moved[i];
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(moved[i], (int)i) < 0)
			return -errno;
	return os_error(close_range((unsigned)n, ~0U, CLOSE_RANGE_CLOEXEC));
}

static void limit_files(uint64_t max)
{
	if (max == 0)
		return;
	(void)priv_limit(RLIMIT_FSIZE, max);
	(void)signal(SIGXFSZ, SIG_IGN);
}

static int become_program(const struct child_spec *spec, int *status)
{
	int r;

	reset_signals();
	limit_files(spec->file_max);
	if (spec->new_session && setsid() < 0)
		return -errno;
	if (spec->dir >= 0 && fchdir(spec->dir) < 0)
		return -errno;
	r = place_fds(spec->fds, spec->nfds, status);
	if (r < 0)
		return r;
	if (spec->user) {
		r = priv_drop(spec->user);
		if (r < 0)
			return r;
	}
	(void)execve(spec->path, spec->argv, spec->envp);
	return -errno;
}

static NO_RETURN void run_child(const struct child_spec *spec, int status)
{
	int error = become_program(spec, &status);

	(void)!write(status, &error, sizeof(error));
	_exit(127);
}

/* 0, or why the program did not start. */
static int read_status(int fd)
{
	int error;
	ssize_t n;

	do {
		n = os_size(read(fd, &error, sizeof(error)));
	} while (n == -EINTR);
	if (n < 0)
		return (int)n;
	return n == sizeof(error) ? error : 0;
}

int child_spawn(const struct child_spec *spec, struct child *ret)
{
	CLEANUP(fd_close) int status_read = -1;
	CLEANUP(fd_close) int status_write = -1;
	CLEANUP(fd_close) int pidfd = -1;
	int status[2];
	pid_t pid;
	int r;

	if (spec->nfds > CHILD_MAX_FDS)
		return -EINVAL;
	if (pipe2(status, O_CLOEXEC) < 0)
		return -errno;
	status_read = status[0];
	status_write = status[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(spec, status_write);

	fd_close(&status_write);
	/* Nobody else waits for it, so the number is still its own. */
	pidfd = os_error((int)syscall(SYS_pidfd_open, pid, 0));
	r = pidfd < 0 ? pidfd : read_status(status_read);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret = (struct child){ pid, STEAL_FD(pidfd) };
	return 0;
}

int child_reap(int pidfd)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
		return -1;
	if (info.si_code == CLD_EXITED)
		return (info.si_status & 0xff) << 8;
	return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

int child_wait(int pidfd, int timeout_msec, int *ret_status)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do {
		r = os_error(poll(&p, 1, timeout_msec));
	} while (r == -EINTR);
	if (r < 0)
		return r;
	if (r == 0)
		return -ETIMEDOUT;
	*ret_status = child_reap(pidfd);
	return 0;
}

int child_kill(int pidfd, int signo)
{
	return os_error(
	    (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0));
}
