/* SPDX-License-Identifier: ISC */
/*
 * tool/postdrop_file.c - a new file in maildrop/.
 *
 * The file has its final name from the beginning: whoever may write to
 * maildrop/ need not be able to read it, so the directory itself could not be
 * flushed after a later rename. What tells pickup that a file is complete is
 * its execute bit, as in Postfix; and should a crash leave that bit, but not
 * all of the content, the record that ends the file is missing and pickup
 * leaves it alone.
 *
 * The name is Postfix's: five hex digits of microseconds and the number of
 * the inode, which no other file has while this one exists.
 */
#include "tool/postdrop_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum { TRIES = 1000, MODE_NEW = 0644, MODE_COMPLETE = 0744 };

/* For the signal handler: what is to be removed, when `armed`. */
static struct {
	char path[POSTDROP_PATH_MAX];
	volatile sig_atomic_t armed;
} unfinished;

static const int deadly[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
/* These have no meaning here, and would leave the file behind. */
static const int useless[] = { SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2,
	SIGPIPE, SIGXFSZ, SIGXCPU };

static void on_deadly(int signo)
{
	/* Only what is safe in a handler. The others are blocked meanwhile. */
	if (unfinished.armed)
		(void)unlink(unfinished.path);
	_exit(signo);
}

static void deadly_set(sigset_t *ret)
{
	(void)sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		(void)sigaddset(ret, deadly[i]);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_deadly };
	struct sigaction old;

	deadly_set(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++) {
		(void)sigaction(deadly[i], NULL, &old);
		if (old.sa_handler == SIG_DFL)
			(void)sigaction(deadly[i], &sa, NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(useless); i++)
		(void)signal(useless[i], SIG_IGN);
}

void postdrop_file_init(struct postdrop_file *f)
{
	*f = (struct postdrop_file){ .fd = -1 };
	buf_init(&f->out, POSTDROP_BUF_MAX);
}

static void remove_it(struct postdrop_file *f)
{
	sigset_t set;
	sigset_t old;

	deadly_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	if (unfinished.armed)
		(void)unlink(f->path);
	unfinished.armed = 0;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

void postdrop_file_done(struct postdrop_file *f)
{
	if (f->fd >= 0)
		remove_it(f);
	fd_close(&f->fd);
	buf_done(&f->out);
}

static long microseconds(void)
{
	struct timeval now;

	(void)gettimeofday(&now, NULL);
	return (long)now.tv_usec;
}

/* Under a name that nobody has; the final one needs the inode's number. */
static int open_new(char path[POSTDROP_PATH_MAX])
{
	int fd = -EEXIST;

	for (int i = 0; i < TRIES && fd == -EEXIST; i++) {
		(void)snprintf(path, POSTDROP_PATH_MAX, "maildrop/%ld.%ld",
		    microseconds(), (long)getpid());
		fd = os_error(open(path,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    MODE_NEW));
	}
	return fd;
}

static int give_name(struct postdrop_file *f, const char *from)
{
	struct stat st;
	int r = os_error(fstat(f->fd, &st));

	if (r < 0)
		return r;
	(void)snprintf(f->id, sizeof(f->id), "%05lX%llX", microseconds(),
	    (unsigned long long)st.st_ino);
	(void)snprintf(f->path, sizeof(f->path), "maildrop/%s", f->id);
	return os_error(rename(from, f->path));
}

static int create(struct postdrop_file *f)
{
	char temporary[POSTDROP_PATH_MAX];
	int fd = open_new(temporary);
	int r;

	if (fd < 0)
		return fd;
	f->fd = fd;
	r = give_name(f, temporary);
	if (r < 0) {
		(void)unlink(temporary);
		fd_close(&f->fd);
		return r;
	}
	(void)snprintf(unfinished.path, sizeof(unfinished.path), "%s", f->path);
	unfinished.armed = 1;
	return 0;
}

int postdrop_file_create(struct postdrop_file *f)
{
	mode_t mask = umask(022);
	sigset_t set;
	sigset_t old;
	int r;

	catch_signals();
	deadly_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	r = create(f);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)umask(mask);
	return r;
}

void postdrop_file_flush(struct postdrop_file *f)
{
	if (f->out.failed)
		f->error = -ENOBUFS;
	if (f->error == 0)
		f->error = file_write_all(f->fd, buf_span(&f->out));
	buf_clear(&f->out);
}

int postdrop_file_commit(struct postdrop_file *f)
{
	int r;

	postdrop_file_flush(f);
	r = f->error;
	if (r == 0)
		r = os_error(fchmod(f->fd, MODE_COMPLETE));
	if (r == 0)
		r = os_error(fsync(f->fd));
	/* Some file systems find out late that there is no room. */
	if (r == 0)
		r = os_error(close(STEAL_FD(f->fd)));
	if (r == 0)
		unfinished.armed = 0;
	else
		remove_it(f);
	return r;
}

void postdrop_limit(uint64_t bytes)
{
	struct rlimit now;

	if (bytes == 0 || getrlimit(RLIMIT_FSIZE, &now) < 0 ||
	    now.rlim_cur <= bytes)
		return;
	now.rlim_cur = bytes;
	(void)setrlimit(RLIMIT_FSIZE, &now);
}

/* ---- pickup ---- */

static const char pickup[] = "public/pickup";
/* A wish to wake up, and the NUL that ends a request. */
static const char wakeup[] = "W";

static void nudge_fifo(void)
{
	int fd = open(pickup, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	(void)!write(fd, wakeup, sizeof(wakeup));
	(void)close(fd);
}

static void nudge_socket(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", pickup);
	if (connect(fd, (const struct sockaddr *)(void *)&to, sizeof(to)) == 0)
		(void)send(fd, wakeup, sizeof(wakeup), MSG_NOSIGNAL);
	(void)close(fd);
}

void postdrop_nudge(struct voice *v)
{
	struct stat st;

	if (stat(pickup, &st) < 0)
		voice_warn(
		    v, "unable to look up %s: %s", pickup, strerror(errno));
	else if (S_ISFIFO(st.st_mode))
		nudge_fifo();
	else if (S_ISSOCK(st.st_mode))
		nudge_socket();
	else
		voice_warn(v, "%s is not a socket or a fifo", pickup);
}
