/* SPDX-License-Identifier: ISC */
/*
 * O_PATH asks nobody for permission, so a process can find out where a path
 * leads even when the sandbox would not let it go there.
 */
#include "daemon/deliver/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
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
	for (uint32_t i = 0; i < setup->npaths; i++) {
		int fd = open_nearest(setup->paths[i]);
		struct stat st;

		if (fd < 0)
			continue;
		if (fstat(fd, &st) < 0)
			bug("fstat: %s", strerror(errno));
		g->paths[g->n] =
		    (struct sandbox_path){ fd, SANDBOX_READ | SANDBOX_WRITE };
		g->real[g->n++] = (struct grant){
			.name = arena_cstr(&g->arena, real_name(fd, room)),
			.device = st.st_dev,
			.inode = st.st_ino,
		};
	}
}

void grants_close(struct grants *g)
{
	for (size_t i = 0; i < g->n; i++)
		fd_close(&g->paths[i].fd);
}

void grants_done(struct grants *g)
{
	arena_done(&g->arena);
}

/* The sandbox has what had that name then. */
static bool is_still_there(const struct grant *g)
{
	struct stat st;

	return stat(g->name, &st) == 0 && st.st_dev == g->device &&
	    st.st_ino == g->inode;
}

static bool is_within(const struct grants *g, span real)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->real[i].name &&
		    reach_is_below(real, span_str(g->real[i].name)) &&
		    is_still_there(&g->real[i]))
			return true;
	return false;
}

static bool have_directory(
    const struct grants *g, span dir, struct buf *elsewhere)
{
	CLEANUP(fd_close) int fd = -1;
	char room[PATH_MAX];
	span real;

	fd = open_nearest(dir);
	real = fd < 0 ? SPAN_NONE : real_name(fd, room);
	/* What has no name will not be found when it is opened either. */
	if (real.len == 0 || is_within(g, real))
		return true;
	buf_put(elsewhere, real);
	return false;
}

static span directory_of(span path)
{
	ssize_t slash = span_rfind(path, '/');

	return slash <= 0 ? SPAN("/") : span_first(path, (size_t)slash);
}

/* A file that may be a link to one in another directory. */
static bool have_target(
    const struct grants *g, span path, struct buf *elsewhere)
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
    const struct grants *g, const struct work_item *item, struct buf *elsewhere)
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
