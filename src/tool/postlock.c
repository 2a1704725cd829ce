/* SPDX-License-Identifier: ISC */
/*
 * tool/postlock.c - postlock(1): run a command while a mailbox is locked,
 * as local delivery locks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "conf/value.h"
#include "os/file.h"
#include "store/mailbox.h"
#include "tool/submit.h"

struct postlock {
	struct voice voice;
	const char *dir;
	const char *style; /* -l */
	struct conf *conf;
	const char *folder;
	char **command;
	struct mailbox_spec spec;
	uint64_t attempts; /* deliver_lock_attempts */
	usec delay;        /* deliver_lock_delay */
	struct buf path;   /* of the folder's directory */
};

static int usage(struct postlock *p)
{
	voice_fatal(&p->voice,
	    "usage: %s [-c config_dir] [-l lock_style] [-v] folder "
	    "command...",
	    p->voice.name);
	return EX_TEMPFAIL;
}

static bool read_time(struct postlock *p, const char *name, usec *ret)
{
	span value = conf_value(p->conf, CONF_MAIN, span_str(name));

	if (conf_parse_duration(value, 's', ret))
		return true;
	voice_fatal(&p->voice, "parameter %s: bad time value or unit: %.*s",
	    name, PRI(value));
	return false;
}

static bool read_spec(struct postlock *p)
{
	span style = p->style
	    ? span_str(p->style)
	    : conf_value(p->conf, CONF_MAIN, SPAN("mailbox_delivery_lock"));

	/* No style at all is one, too. */
	if (style.len > 0 && !mailbox_locks_parse(style, &p->spec.locks)) {
		voice_fatal(&p->voice,
		    "unknown mailbox_delivery_lock value \"%.*s\" in "
		    "\"%.*s\"",
		    PRI(style), PRI(style));
		return false;
	}
	if (!submit_number(
	        &p->voice, p->conf, "deliver_lock_attempts", &p->attempts))
		return false;
	return read_time(p, "deliver_lock_delay", &p->delay) &&
	    read_time(p, "stale_lock_time", &p->spec.stale);
}

/* Open the folder's directory; false: it was said why not. */
static bool open_dir(struct postlock *p)
{
	const char *slash = strrchr(p->folder, '/');

	p->spec.path = p->folder;
	p->spec.name = slash ? slash + 1 : p->folder;
	p->spec.rules = MAILBOX_ANY_OWNER;
	p->spec.maker = geteuid();
	if (slash)
		buf_put(&p->path,
		    span_of(p->folder, (size_t)(slash - p->folder) + 1));
	else
		buf_putc(&p->path, '.');
	p->spec.dir =
	    open(buf_cstr(&p->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->spec.dir >= 0)
		return true;
	if (p->spec.locks & MAILBOX_DOTLOCK)
		voice_fatal(&p->voice,
		    "open file %s: unable to create lock file %s.lock: %s",
		    p->folder, p->folder, strerror(errno));
	else
		voice_fatal(
		    &p->voice, "open file %s: %s", p->folder, strerror(errno));
	return false;
}

/* One attempt. */
static int claim(
    struct postlock *p, struct mailbox *m, struct mailbox_trouble *t)
{
	int r = mailbox_claim(m, &p->spec, t);

	if (r != MAILBOX_OK)
		return r;
	r = mailbox_lock(m, &p->spec, t);
	if (r == MAILBOX_LOCKED) {
		mailbox_close(m);
		mailbox_release(m, &p->spec);
		mailbox_init(m);
	}
	return r;
}

static void wait_some(const struct postlock *p)
{
	struct timespec t = { .tv_sec = (time_t)(p->delay / USEC_SEC) };

	(void)nanosleep(&t, NULL);
}

static int lock(struct postlock *p, struct mailbox *m)
{
	struct mailbox_trouble t = { .reason = BUF_INIT(MAILBOX_REASON_MAX),
		.warning = BUF_INIT(MAILBOX_REASON_MAX) };
	int r = claim(p, m, &t);

	for (uint64_t i = 1; r == MAILBOX_LOCKED && i < p->attempts; i++) {
		wait_some(p);
		buf_clear(&t.reason);
		r = claim(p, m, &t);
	}
	/* A device needs no lock, and has none. */
	if (r == MAILBOX_REFUSED && t.special && t.error == 0)
		r = MAILBOX_OK;
	if (r != MAILBOX_OK)
		voice_fatal(&p->voice, "open file %s: %s", p->folder,
		    buf_cstr(&t.reason));
	buf_done(&t.reason);
	buf_done(&t.warning);
	return r == MAILBOX_OK ? 0 : EX_TEMPFAIL;
}

/* Its exit status. */
static int run_command(struct postlock *p)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0) {
		voice_warn(
		    &p->voice, "fork %s: %s", p->command[0], strerror(errno));
		return EX_TEMPFAIL;
	}
	if (pid == 0) {
		(void)execvp(p->command[0], p->command);
		voice_fatal(
		    &p->voice, "execvp %s: %s", p->command[0], strerror(errno));
		_exit(1);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EX_TEMPFAIL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run(struct postlock *p)
{
	const char *dir = submit_dir(&p->voice, p->dir, false);
	struct mailbox mailbox;
	int code;

	if (!dir || !submit_read(&p->voice, dir, &p->conf) || !read_spec(p) ||
	    !open_dir(p))
		return EX_TEMPFAIL;
	mailbox_init(&mailbox);
	code = lock(p, &mailbox);
	if (code == 0)
		code = run_command(p);
	mailbox_close(&mailbox);
	mailbox_release(&mailbox, &p->spec);
	return code;
}

int main(int argc, char **argv)
{
	struct postlock p = { .spec.dir = -1 };
	int option;
	int code = 0;

	(void)umask(022);
	if (argc < 1 || !submit_open_stdio())
		return EX_TEMPFAIL;
	p.voice.name = argv[0];
	p.voice.tried = true;
	buf_init(&p.path, 4096);
	while (code == 0 && (option = getopt(argc, argv, "+c:l:v")) > 0) {
		if (option == 'c')
			p.dir = optarg;
		if (option == 'l')
			p.style = optarg;
		if (option == '?')
			code = usage(&p);
	}
	if (code == 0 && optind + 2 > argc)
		code = usage(&p);
	if (code == 0) {
		p.folder = argv[optind];
		p.command = argv + optind + 1;
		code = run(&p);
	}
	fd_close(&p.spec.dir);
	buf_done(&p.path);
	conf_unref(&p.conf);
	return code;
}
