/* SPDX-License-Identifier: ISC */
/*
 * tool/postkick.c - postkick(1): a request to a service, from a script.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/sock.h"
#include "tool/submit.h"

enum { DRAIN_MSEC = 100 * 1000 };

struct postkick {
	struct voice voice;
	const char *dir;
	struct conf *conf;
	const char *class;
	const char *service;
	span request; /* with its NUL */
};

static int usage(struct postkick *p)
{
	voice_fatal(&p->voice,
	    "usage: %s [-c config_dir] [-v] class service request",
	    p->voice.name);
	return 1;
}

/* The other side hangs up when it has read; until then the request may be
 * lost with our end. */
static void wait_for_end(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char bytes[512];

	while (poll(&wait, 1, DRAIN_MSEC) > 0)
		if (read(fd, bytes, sizeof(bytes)) <= 0)
			return;
}

static int kick_socket(struct postkick *p, const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	struct sock_addr to;

	if (!sock_path(span_str(path), &to))
		return -ENAMETOOLONG;
	fd = os_error(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return fd;
	if (connect(fd, &to.any, to.len) < 0)
		return -errno;
	if (file_write_all(fd, p->request) == 0)
		wait_for_end(fd);
	return 0;
}

static int kick_fifo(struct postkick *p, const char *path)
{
	CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return file_write_all(fd, span_first(p->request, p->request.len - 1));
}

static int kick(struct postkick *p)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct stat st;

	buf_printf(&path, "%s/%s", p->class, p->service);
	if (stat(buf_cstr(&path), &st) < 0) {
		voice_warn(&p->voice, "unable to look up %s: %s",
		    buf_cstr(&path), strerror(errno));
		return -1;
	}
	if (S_ISFIFO(st.st_mode))
		return kick_fifo(p, buf_cstr(&path));
	if (S_ISSOCK(st.st_mode))
		return kick_socket(p, buf_cstr(&path));
	voice_warn(&p->voice, "%s is not a socket or a fifo", buf_cstr(&path));
	return -1;
}

static int run(struct postkick *p)
{
	CLEANUP(buf_done) struct buf queue = BUF_INIT(4096);
	const char *dir = submit_dir(&p->voice, p->dir, false);

	if (!dir || !submit_read(&p->voice, dir, &p->conf))
		return 1;
	buf_put(
	    &queue, conf_value(p->conf, CONF_MAIN, SPAN("queue_directory")));
	if (chdir(buf_cstr(&queue)) < 0) {
		voice_fatal(&p->voice, "chdir %s: %s", buf_cstr(&queue),
		    strerror(errno));
		return 1;
	}
	if (kick(p) == 0)
		return 0;
	voice_warn(&p->voice,
	    "Cannot contact class %s service %s - perhaps the mail system "
	    "is down",
	    p->class, p->service);
	return 1;
}

int main(int argc, char **argv)
{
	struct postkick p = { 0 };
	char *slash;
	int option;
	int code = 0;

	if (argc < 1 || !submit_open_stdio())
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	slash = strrchr(argv[0], '/');
	if (slash && slash[1])
		argv[0] = slash + 1;
	p.voice.name = argv[0];
	/* Postfix's says it to whoever called, and to nobody else. */
	p.voice.tried = true;
	while (code == 0 && (option = getopt(argc, argv, "+c:v")) > 0) {
		if (option == 'c')
			p.dir = optarg;
		if (option == '?')
			code = usage(&p);
	}
	if (code == 0 && argc != optind + 3)
		code = usage(&p);
	if (code == 0) {
		p.class = argv[optind];
		p.service = argv[optind + 1];
		p.request =
		    span_of(argv[optind + 2], strlen(argv[optind + 2]) + 1);
		code = run(&p);
	}
	conf_unref(&p.conf);
	return code;
}
