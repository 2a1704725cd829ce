/* SPDX-License-Identifier: ISC */
/*
 * O_PATH asks nobody for permission, so a process can find out where a path
 * leads even when the sandbox would not let it go there.
 */
#include "daemon/deliver/grant.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "daemon/deliver/reach.h"
#include "os/file.h"

enum { NAME_LONGEST = 1 << 16, ARENA_MAX = 1 << 20 };

/* The directory, or the nearest above it that exists; -1: none. */
static int open_nearest(span path)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LONGEST);
	int fd = -1;

	while (fd < 0 && path.len > 0) {
		ssize_t slash = span_rfind(path, '/');

		buf_clear(&name);
		buf_put(&name, path);
		fd = open(buf_cstr(&name), O_PATH | O_DIRECTORY | O_CLOEXEC);
		path = span_first(path, (size_t)MAX(slash, 0));
	}
	return fd;
}

/* By which name the kernel knows it; empty: it does not say. */
static span real_name(int fd, char room[PATH_MAX])
{
	char link[32];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, room, PATH_MAX);
	return n > 0 && n < PATH_MAX ? span_of(room, n) : SPAN_NONE;
}

void grants_open(struct grants *g, const struct work_setup *setup)
{
	char room[PATH_MAX];

	*g = (struct grants){ 0 };
	arena_init(&g->arena, ARENA_MAX);
	for (size_t i = 0; i < GRANT_REMEMBERED; i++)
		buf_init(&g->fine[i], NAME_LONGEST);
	for (uint32_t i = 0; i < setup->npaths; i++) {
		int fd = open_nearest(setup->paths[i]);

		if (fd < 0)
			continue;
		g->paths[g->n] =
		    (struct sandbox_path){ fd, SANDBOX_READ | SANDBOX_WRITE };
		g->real[g->n++] = arena_dup(&g->arena, real_name(fd, room));
	}
}

void grants_close(struct grants *g)
{
	for (size_t i = 0; i < g->n; i++)
		fd_close(&g->paths[i].fd);
}

void grants_done(struct grants *g)
{
	for (size_t i = 0; i < GRANT_REMEMBERED; i++)
		buf_done(&g->fine[i]);
	arena_done(&g->arena);
}

static bool is_within(const struct grants *g, span real)
{
	for (size_t i = 0; i < g->n; i++)
		if (reach_is_below(real, g->real[i]))
			return true;
	return false;
}

static bool is_known(const struct grants *g, span dir)
{
	for (size_t i = 0; i < GRANT_REMEMBERED; i++)
		if (g->fine[i].len > 0 && span_eq(buf_span(&g->fine[i]), dir))
			return true;
	return false;
}

static bool have_directory(struct grants *g, span dir, struct buf *elsewhere)
{
	CLEANUP(fd_close) int fd = -1;
	char room[PATH_MAX];
	span real;

	if (is_known(g, dir))
		return true;
	fd = open_nearest(dir);
	real = fd < 0 ? SPAN_NONE : real_name(fd, room);
	/* What has no name will not be found when it is opened either. */
	if (real.len > 0 && !is_within(g, real)) {
		buf_put(elsewhere, real);
		return false;
	}
	buf_clear(&g->fine[g->next]);
	buf_put(&g->fine[g->next], dir);
	g->next = (g->next + 1) % GRANT_REMEMBERED;
	return true;
}

static span directory_of(span path)
{
	ssize_t slash = span_rfind(path, '/');

	return slash <= 0 ? SPAN("/") : span_first(path, (size_t)slash);
}

/* A file that may be a link to one in another directory. */
static bool have_target(struct grants *g, span path, struct buf *elsewhere)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LONGEST);
	CLEANUP(fd_close) int fd = -1;
	char room[PATH_MAX];

	buf_put(&name, path);
	fd = open(buf_cstr(&name), O_PATH | O_CLOEXEC);
	if (fd < 0)
		return true;
	return have_directory(g, directory_of(real_name(fd, room)), elsewhere);
}

bool grants_have(
    struct grants *g, const struct work_item *item, struct buf *elsewhere)
{
	/* The scribe has its directory, a runner everything. */
	if (g->n == 0)
		return true;
	for (uint32_t i = 0; i < item->nforward; i++)
		if (!have_directory(
		        g, directory_of(item->forward[i]), elsewhere))
			return false;
	if (item->path.len == 0)
		return true;
	if (item->kind == WORK_READ)
		return have_target(g, item->path, elsewhere);
	/* Of a Maildir all that is before the last slash. */
	return have_directory(g, directory_of(item->path), elsewhere);
}
