/* SPDX-License-Identifier: ISC */
/*
 * Messages are taken over in batches:
 *
 *	write    each into maildrop/, not complete
 *	flush    the file system
 *	complete each: pickup takes it from now on
 *	flush
 *	remove   each original
 *
 * So a power failure loses nothing. One between the last two steps leaves
 * both; when the command is run again before the mail system, it finds the
 * new one complete and only removes the original.
 */
#include "tool/import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/site.h"
#include "os/error.h"
#include "os/file.h"
#include "os/sock.h"

enum {
	BATCH = 200,
	DEPTH_MAX = 8, /* of hashed directories */
	NAME_LONGEST = 255,
	PROGRESS = 1000,
};

struct options {
	const char *config;
	const char *source;
	bool keep; /* the originals */
	bool hold; /* those on hold, too */
};

/* An original that is to be removed. */
struct original {
	int dir;
	char name[NAME_LONGEST + 1];
};

struct import {
	struct options options;
	struct conf *conf;
	struct import_target target;
	int source;
	struct original batch[BATCH];
	bool written[BATCH]; /* in this run: it is to be completed */
	size_t count;
	uint64_t taken; /* of this queue */
	uint64_t bad;
	uint64_t left; /* on hold */
};

PRINTF_LIKE(2, 3)
static int fail(int code, const char *format, ...)
{
	va_list ap;

	(void)fputs("chasqui: import: ", stderr);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return code;
}

/* ---- batches ---- */

static void forget_batch(struct import *m)
{
	for (size_t i = 0; i < m->count; i++)
		fd_close(&m->batch[i].dir);
	m->count = 0;
}

/* 0, or an exit code: something is very wrong. */
static int finish_batch(struct import *m)
{
	int dir = m->target.dir;
	int r = m->count ? os_error(syncfs(dir)) : 0;

	for (size_t i = 0; i < m->count && r == 0; i++)
		if (m->written[i])
			r = import_complete(&m->target, m->batch[i].name);
	if (r == 0 && m->count)
		r = os_error(syncfs(dir));
	for (size_t i = 0; i < m->count && r == 0; i++)
		if (!m->options.keep)
			r = os_error(
			    unlinkat(m->batch[i].dir, m->batch[i].name, 0));
	forget_batch(m);
	return r < 0 ? fail(EX_IOERR, "maildrop: %s", strerror(-r)) : 0;
}

static int add_to_batch(
    struct import *m, int from, const char *name, bool written)
{
	struct original *o = &m->batch[m->count];

	o->dir = fcntl(from, F_DUPFD_CLOEXEC, 0);
	if (o->dir < 0)
		return fail(EX_OSERR, "%s", strerror(errno));
	(void)snprintf(o->name, sizeof(o->name), "%s", name);
	m->written[m->count++] = written;
	return m->count == BATCH ? finish_batch(m) : 0;
}

/* ---- directories ---- */

struct queue {
	const char *name;
	bool is_maildrop;
	bool is_hold;
};

static bool is_id(span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.ptr[i]) && name.ptr[i] != '_')
			return false;
	return name.len && name.len <= NAME_LONGEST;
}

static int take_file(
    struct import *m, const struct queue *q, int from, const char *name)
{
	enum import_result r;

	if (q->is_hold && !m->options.hold) {
		m->left++;
		return 0;
	}
	r = q->is_maildrop ? import_dropped(&m->target, from, name)
	                   : import_message(&m->target, from, q->name, name);
	switch (r) {
	case IMPORT_OK:
	case IMPORT_THERE:
		if (++m->taken % PROGRESS == 0)
			(void)fprintf(stderr, "%s: %llu messages ...\n",
			    q->name, (unsigned long long)m->taken);
		return add_to_batch(m, from, name, r == IMPORT_OK);
	case IMPORT_DONE:
		return add_to_batch(m, from, name, false);
	case IMPORT_BAD:
		m->bad++;
		break;
	case IMPORT_SKIP:
		break;
	}
	return 0;
}

static int walk(struct import *m, const struct queue *q, int dir, int depth);

/* A directory of a hashed queue, or a message. */
static int visit(struct import *m, const struct queue *q, int dir,
    const char *name, int depth)
{
	struct stat st;
	int below;

	if (!is_id(span_str(name)) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return S_ISREG(st.st_mode) ? take_file(m, q, dir, name) : 0;
	if (depth == DEPTH_MAX)
		return 0;
	below =
	    openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? 0 : walk(m, q, below, depth + 1);
}

/* Takes the descriptor. */
static int walk(struct import *m, const struct queue *q, int dir, int depth)
{
	DIR *names = fdopendir(dir);
	struct dirent *e;
	int r = 0;

	if (!names) {
		(void)close(dir);
		return fail(EX_OSERR, "%s: %s", q->name, strerror(errno));
	}
	while (r == 0 && (e = readdir(names)))
		r = visit(m, q, dirfd(names), e->d_name, depth);
	(void)closedir(names);
	return r;
}

/* Our maildrop/ may be the very one. */
static bool is_same(int a, int b)
{
	struct stat x;
	struct stat y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

static int take_queue(struct import *m, const struct queue *q)
{
	int dir =
	    openat(m->source, q->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return fail(EX_NOPERM, "%s/%s: %s", m->options.source, q->name,
		    strerror(errno));
	if (q->is_maildrop && is_same(dir, m->target.dir)) {
		(void)close(dir);
		return 0;
	}
	m->taken = 0;
	r = walk(m, q, dir, 0);
	if (r == 0)
		r = finish_batch(m);
	forget_batch(m);
	(void)printf("%s: %llu\n", q->name, (unsigned long long)m->taken);
	return r;
}

static int take_all(struct import *m)
{
	static const struct queue queues[] = {
		{ "maildrop", true, false },
		{ "incoming", false, false },
		{ "active", false, false },
		{ "deferred", false, false },
		{ "hold", false, true },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(queues) && r == 0; i++)
		r = take_queue(m, &queues[i]);
	return r;
}

/* ---- the beginning and the end ---- */

/* Postfix's master holds this lock while it runs; ours has another one. */
static bool postfix_runs(const struct import *m)
{
	CLEANUP(fd_close)
	int fd = openat(m->source, "pid/master.pid", O_RDWR | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 &&
	    errno == EWOULDBLOCK;
}

static int open_source(struct import *m)
{
	const char *path = m->options.source;

	m->source = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->source < 0)
		return fail(EX_NOINPUT, "%s: %s", path, strerror(errno));
	if (faccessat(m->source, "active", F_OK, 0) < 0 &&
	    faccessat(m->source, "deferred", F_OK, 0) < 0)
		return fail(EX_DATAERR,
		    "%s: there is no queue of a Postfix here", path);
	if (postfix_runs(m))
		return fail(EX_TEMPFAIL,
		    "the Postfix of %s is running; stop it first", path);
	return 0;
}

static int open_target(struct import *m)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct conf_report report = CONF_REPORT_INIT;
	const char *dir = conf_default_dir(m->options.config);
	int r = conf_read(dir, &report, &m->conf);

	if (r != CONF_OK) {
		r = fail(EX_CONFIG, "%s", buf_cstr(&report.error));
		conf_report_done(&report);
		return r;
	}
	conf_report_done(&report);
	if (site_make_dirs(m->conf, &error) != SITE_OK ||
	    site_user(m->conf, SPAN("mail_owner"), &m->target.owner, &error) !=
	        SITE_OK)
		return fail(EX_CONFIG, "%s", buf_cstr(&error));
	buf_put(&path, conf_value(m->conf, CONF_MAIN, SPAN("queue_directory")));
	buf_put(&path, SPAN("/maildrop"));
	m->target.dir =
	    open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->target.dir < 0)
		return fail(
		    EX_NOPERM, "%s: %s", buf_cstr(&path), strerror(errno));
	m->target.line_max =
	    (size_t)conf_number(m->conf, CONF_MAIN, SPAN("line_length_limit"));
	return 0;
}

/* If the mail system runs, it need not wait for its next look. */
static void knock(const struct import *m)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct sock_addr at;
	int fd;

	buf_put(&path, conf_value(m->conf, CONF_MAIN, SPAN("queue_directory")));
	buf_put(&path, SPAN("/public/pickup"));
	if (!sock_path(buf_span(&path), &at))
		return;
	fd = sock_connect(&at, NULL);
	fd_close(&fd);
}

static int conclude(const struct import *m)
{
	if (m->left)
		(void)fprintf(stderr,
		    "chasqui: import: %llu messages on hold were left in "
		    "%s/hold; \"chasqui import --hold\" takes them, and they "
		    "are delivered\n",
		    (unsigned long long)m->left, m->options.source);
	if (m->target.filtered)
		(void)fprintf(stderr,
		    "chasqui: import: %llu messages were to go through a "
		    "content filter; they will not\n",
		    (unsigned long long)m->target.filtered);
	if (m->bad)
		return fail(EX_DATAERR,
		    "%llu files cannot be read and were left where they are",
		    (unsigned long long)m->bad);
	return EX_OK;
}

static int usage(void)
{
	return fail(EX_USAGE,
	    "usage: chasqui import [-c DIR] [--keep] [--hold] "
	    "QUEUE_DIRECTORY");
}

static bool parse(int argc, char **argv, struct options *ret)
{
	for (int i = 1; i < argc; i++) {
		span word = span_str(argv[i]);

		if (span_eq(word, SPAN("--keep")))
			ret->keep = true;
		else if (span_eq(word, SPAN("--hold")))
			ret->hold = true;
		else if (span_eq(word, SPAN("-c")) && i + 1 < argc)
			ret->config = argv[++i];
		else if (argv[i][0] == '-' || ret->source)
			return false;
		else
			ret->source = argv[i];
	}
	return ret->source != NULL;
}

int import_run(int argc, char **argv)
{
	struct import *m = NEW(struct import);
	int r;

	m->source = -1;
	m->target.dir = -1;
	if (!parse(argc, argv, &m->options)) {
		mem_free(m);
		return usage();
	}
	r = open_source(m);
	if (r == 0)
		r = open_target(m);
	if (r == 0)
		r = take_all(m);
	if (r == 0) {
		knock(m);
		r = conclude(m);
	}
	fd_close(&m->source);
	fd_close(&m->target.dir);
	conf_unref(&m->conf);
	mem_free(m);
	return r;
}
