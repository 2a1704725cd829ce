/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/texts.c - the texts of notices: bounce_template_file, with the
 * values of parameters filled in.
 *
 * The file is read when the process starts and at each reload; the sandbox
 * lets that file through, so one that was put in its place counts after a
 * restart only. A text that is wrong is said once, and the preset remains.
 */
#include "daemon/queue/queue.h"

#include "conf/expand.h"
#include "daemon/daemon.h"
#include "os/file.h"
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 1024 * 1024, ARENA_MAX = 8 * FILE_MAX_BYTES };

static void warn(void *ctx UNUSED, span text)
{
	log_warn("bounce", "%.*s", PRI(text));
}

/* A path as the system wants it; what it says, when it can be opened. */
static int open_file(span path)
{
	struct buf name = BUF_INIT(4096);
	int fd;

	buf_put(&name, path);
	fd = open(buf_cstr(&name), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	buf_done(&name);
	return fd;
}

static void read_file(struct queue *q, span path, struct templates *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	CLEANUP(fd_close) int fd = open_file(path);
	const struct template_file file = {
		.path = path,
		.arena = &q->texts_arena,
		.warn = warn,
	};
	int r = fd < 0 ? fd : file_read_all(fd, &text);

	if (r < 0)
		log_warn("bounce", "open %.*s: %s", PRI(path), strerror(-r));
	else if (!templates_parse(t, &file, buf_span(&text), &error))
		log_warn("bounce", "%.*s", PRI(buf_span(&error)));
}

/* ---- filling in ---- */

struct filling {
	struct queue *q;
	char number[24];
};

static span value_of(void *ctx, span name, bool tested UNUSED)
{
	struct filling *f = ctx;
	struct template_time t;
	struct buf text = BUF_INIT(sizeof(f->number));
	usec time;

	if (!template_time_find(name, &t))
		return conf_value(f->q->conf, CONF_MAIN, name);
	if (!t.seconds)
		return SPAN_NONE;
	time = span_eq(t.parameter, SPAN("delay_warning_time"))
	    ? f->q->set.delay_warning_time
	    : f->q->set.maximal_queue_lifetime;
	buf_put_u64(&text, time / USEC_SEC / t.seconds);
	memcpy(f->number, text.data, text.len);
	name = span_of(f->number, text.len);
	buf_done(&text);
	return name;
}

/* False: it cannot be, and why was said. */
static bool fill(struct queue *q, struct template *t)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	struct filling f = { .q = q };
	const struct expand_once x = { value_of, &f, &error };
	bool undefined = false;
	bool bad = expand_once(t->text, &x, &out, &undefined) != EXPAND_OK;

	if (bad || undefined || out.failed) {
		log_warn("bounce",
		    "%s in %.*s template%s%.*s -- ignoring this template",
		    undefined ? "undefined $name" : "bad $name syntax",
		    PRI(t->name), error.len ? ": " : "", PRI(buf_span(&error)));
		return false;
	}
	t->text = arena_dup(&q->texts_arena, buf_span(&out));
	return t->text.ptr != NULL;
}

void texts_load(struct queue *q)
{
	span path =
	    conf_value(q->conf, CONF_MAIN, SPAN("bounce_template_file"));
	struct templates presets;

	arena_done(&q->texts_arena);
	arena_init(&q->texts_arena, ARENA_MAX);
	templates_preset(&presets);
	q->texts = presets;
	if (path.len)
		read_file(q, path, &q->texts);
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (fill(q, &q->texts.of[i]))
			continue;
		q->texts.of[i] = presets.of[i];
		if (!fill(q, &q->texts.of[i]))
			bug("a text of our own that cannot be filled in");
	}
}

void texts_allow(struct queue *q, struct daemon *d)
{
	span path =
	    conf_value(q->conf, CONF_MAIN, SPAN("bounce_template_file"));
	int fd = path.len ? open_file(path) : -1;

	if (fd < 0)
		return;
	daemon_allow(d, fd, DAEMON_READ);
	(void)close(fd);
}
