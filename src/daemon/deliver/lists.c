/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/lists.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/words.h"
#include "os/file.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

/* "hash:/etc/aliases" has its text there; empty: it has none. */
static span text_of(span table)
{
	static const span types[] = {
		SPAN_INIT("hash:"),
		SPAN_INIT("btree:"),
		SPAN_INIT("cdb:"),
		SPAN_INIT("lmdb:"),
		SPAN_INIT("dbm:"),
		SPAN_INIT("sdbm:"),
		SPAN_INIT("texthash:"),
	};

	(void)span_skip(&table, SPAN("proxy:"));
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_skip(&table, types[i]))
			break;
	return table.len > 0 && table.ptr[0] == '/' ? table : SPAN_NONE;
}

static bool is_roots_own(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static bool ends(span rest)
{
	return rest.len == 0 || ascii_is_space(rest.ptr[0]) ||
	    rest.ptr[0] == ',' || rest.ptr[0] == '"';
}

/* ":include:path", and no longer name. */
static bool has_list(span text, span path)
{
	static const span include = SPAN_INIT(":include:");

	while (text.len > include.len) {
		const char *at = memmem(text.ptr, text.len, path.ptr, path.len);
		size_t before = at ? (size_t)(at - text.ptr) : text.len;
		span rest = span_from(text, MIN(before + path.len, text.len));

		if (!at)
			return false;
		if (before >= include.len && ends(rest) &&
		    span_eq_nocase(
		        include, span_of(at - include.len, include.len)))
			return true;
		text = span_from(text, before + 1);
	}
	return false;
}

static bool names(span table, span path)
{
	CLEANUP(fd_close) int fd = -1;
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_MAX);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	buf_put(&name, text_of(table));
	if (name.len == 0 || name.failed)
		return false;
	fd = open(buf_cstr(&name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && is_roots_own(fd) && file_read_all(fd, &text) == 0 &&
	    has_list(buf_span(&text), path);
}

bool lists_named(const struct service *at, span path)
{
	const span settings[] = { at->c.alias_maps, at->c.alias_database };

	if (path.len == 0 || path.ptr[0] != '/')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		span list = settings[i];
		span table;

		while ((table = words_next(&list)).len > 0)
			if (names(table, path))
				return true;
	}
	return false;
}

static bool is_firm(const struct stat *st)
{
	return st->st_uid == 0 && S_ISDIR(st->st_mode) &&
	    (!(st->st_mode & (S_IWGRP | S_IWOTH)) || st->st_mode & S_ISVTX);
}

bool lists_is_fixed(span path)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(PATH_MAX);
	struct stat st;

	for (size_t i = 1; i < path.len; i++) {
		if (path.ptr[i] != '/')
			continue;
		buf_clear(&name);
		buf_put(&name, span_first(path, i));
		if (lstat(buf_cstr(&name), &st) < 0 || !is_firm(&st))
			return false;
	}
	buf_clear(&name);
	buf_put(&name, path);
	return !name.failed && lstat(buf_cstr(&name), &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_uid == 0;
}
