/* SPDX-License-Identifier: ISC */
/*
 * map/support.c - what the types lean on; modules have their own copy.
 */
#include "map/map.h"

#include "os/error.h"
#include "os/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

/* --- warnings --- */

PRINTF_LIKE(3, 0)
static void warn_about(
    const struct map_host *host, span spec, const char *format, va_list args)
{
	char text[1024];
	struct buf line = BUF_INIT(8192);

	(void)vsnprintf(text, sizeof(text), format, args);
	buf_put(&line, spec);
	if (spec.len)
		buf_put(&line, SPAN(": "));
	buf_put(&line, span_str(text));
	host->warn(host->ctx, buf_span(&line));
	buf_done(&line);
}

void map_warn(struct map *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	warn_about(m->host, m->shown, format, args);
	va_end(args);
}

void map_warn_plain(struct map *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	warn_about(m->host, SPAN_NONE, format, args);
	va_end(args);
}

void map_setup_warn(const struct map_setup *s, const char *format, ...)
{
	struct buf spec = BUF_INIT(8192);
	va_list args;

	buf_put(&spec, s->type);
	buf_putc(&spec, ':');
	buf_put(&spec, s->name);
	va_start(args, format);
	warn_about(s->host, buf_span(&spec), format, args);
	va_end(args);
	buf_done(&spec);
}

/* --- files --- */

static void remember(struct map *m, const struct stat *st)
{
	m->owner = st->st_uid;
	m->mtime = st->st_mtim;
	m->dev = st->st_dev;
	m->ino = st->st_ino;
	m->size = st->st_size;
}

void map_watch(struct map *m, span path, int fd)
{
	struct stat st;

	mem_free(m->path);
	m->path = mem_new(path.len + 1, 1);
	memcpy(m->path, path.ptr, path.len);
	if (fstat(fd, &st) == 0)
		remember(m, &st);
}

int map_read_file(
    const struct map_setup *s, span path, struct buf *out, struct map *m)
{
	CLEANUP(fd_close) int fd = -1;
	struct buf name = BUF_INIT(4096);
	int r;

	buf_put(&name, path);
	fd = os_error(open(buf_cstr(&name), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	buf_done(&name);
	if (fd >= 0 && m)
		map_watch(m, path, fd);
	r = fd < 0 ? fd : file_read_all(fd, out);
	if (r < 0)
		buf_printf(s->reason, "%s %.*s: %s", fd < 0 ? "open" : "read",
		    PRI(path), strerror(-r));
	return r;
}
