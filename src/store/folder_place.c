/* SPDX-License-Identifier: ISC */
/*
 * Where a mailbox really is. What replaces it must stand beside the file
 * itself, so links are followed here and nowhere else; and only those that
 * nobody can have put there to make us open something of his choice.
 */
#include "store/folder_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum { LINKS_MAX = 16 };

void folder_stamp_take(struct folder_stamp *s, const struct stat *st)
{
	*s = (struct folder_stamp){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim,
	};
}

bool folder_stamp_eq(const struct folder_stamp *a, const struct folder_stamp *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	    a->mtime.tv_nsec == b->mtime.tv_nsec;
}

void folder_place_done(struct folder_place *p)
{
	fd_close(&p->dir);
	mem_free(p->name);
	p->name = NULL;
}

/* A directory that cannot be listed can be used all the same. */
static int open_directory(int at, const char *path)
{
	const int flags = O_DIRECTORY | O_CLOEXEC;
	int fd = os_error(openat(at, path, flags | O_RDONLY));

	return fd == -EACCES ? os_error(openat(at, path, flags | O_PATH)) : fd;
}

/* One step: from `at`, which is closed if it is ours, to the end of `path`. */
static int enter(struct folder_place *p, span path)
{
	int from = p->dir < 0 ? AT_FDCWD : p->dir;
	ssize_t slash;
	char *dir;
	int fd;

	while (path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	slash = span_rfind(path, '/');
	dir = slash < 0 ? span_dup(SPAN("."))
	                : span_dup(span_first(path, (size_t)MAX(slash, 1)));
	fd = open_directory(from, dir);
	mem_free(dir);
	if (fd < 0)
		return fd;
	folder_place_done(p);
	p->dir = fd;
	p->name =
	    span_dup(slash < 0 ? path : span_from(path, (size_t)slash + 1));
	if (!*p->name) {
		mem_free(p->name);
		p->name = span_dup(SPAN("."));
	}
	return 0;
}

static bool may_follow(int dir, const struct stat *link)
{
	struct stat st;
	uid_t me = geteuid();

	if (fstat(dir, &st) < 0)
		return false;
	if (link->st_uid == 0 || link->st_uid == me)
		return true;
	return me != 0 && link->st_uid == st.st_uid &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int folder_place_find(struct folder_place *p, const char *path)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;
	int r;

	*p = (struct folder_place){ .dir = -1 };
	r = enter(p, span_str(path));
	for (int i = 0; r == 0 && i < LINKS_MAX; i++) {
		if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISLNK(st.st_mode))
			return 0;
		if (!may_follow(p->dir, &st))
			break;
		n = readlinkat(p->dir, p->name, target, sizeof(target));
		r = n <= 0 || n == sizeof(target)
		    ? -ELOOP
		    : enter(p, span_of(target, (size_t)n));
	}
	folder_place_done(p);
	return r < 0 ? r : -ELOOP;
}
