/* SPDX-License-Identifier: ISC */
/*
 * test/lib/bdb_tool.c - Berkeley DB files from and to the command line, for
 * the tests that compare with other programs.
 *
 *	bdb-tool make hash|btree FILE	of lines "key value" on stdin
 *	bdb-tool get FILE		for each key on stdin: "key<tab>value"
 *	bdb-tool dump FILE		all of it
 *
 * Keys and values have a trailing NUL in the file, as Postfix makes it; with
 * "raw" as last argument they have none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "map/bdb.h"

static bool raw;

static int fail(const char *what, int r)
{
	(void)fprintf(stderr, "bdb-tool: %s: %s\n", what, strerror(-r));
	return 1;
}

static void put_text(span s)
{
	if (!raw && s.len && s.ptr[s.len - 1] == '\0')
		s.len--;
	(void)fwrite(s.ptr, 1, s.len, stdout);
}

static bool print_pair(void *ctx, span key, span value)
{
	(void)ctx;
	put_text(key);
	(void)putchar('\t');
	put_text(value);
	(void)putchar('\n');
	return true;
}

/* The NUL of getline() stands behind each word. */
static span with_nul(span s)
{
	return span_of(s.ptr, s.len + (raw ? 0 : 1));
}

static int make(const char *kind, const char *path)
{
	struct bdb_writer *w =
	    bdb_writer_new(strcmp(kind, "btree") == 0 ? BDB_BTREE : BDB_HASH);
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int fd;
	int r;

	while ((n = getline(&line, &room, stdin)) > 0) {
		span value;
		span key;

		line[n - 1] = '\0';
		value = span_of(line, (size_t)n - 1);
		key = span_cut(&value, ' ');
		line[key.len] = '\0';
		r = bdb_put(w, with_nul(key), with_nul(value), false);
		if (r != BDB_PUT)
			(void)fprintf(stderr, "twice: %s\n", line);
	}
	free(line);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : bdb_write(w, fd);
	bdb_writer_free(&w);
	(void)close(fd);
	return r < 0 ? fail(path, r) : 0;
}

static int get_all(struct bdb *db)
{
	struct buf value = BUF_INIT(1 << 26);
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	while (r >= 0 && (n = getline(&line, &room, stdin)) > 0) {
		span key = with_nul(span_of(line, (size_t)n - 1));

		line[n - 1] = '\0';
		buf_clear(&value);
		r = bdb_get(db, key, &value);
		if (r == BDB_FOUND)
			print_pair(NULL, key, buf_span(&value));
	}
	free(line);
	buf_done(&value);
	return r < 0 ? fail("get", r) : 0;
}

static int with_file(const char *what, const char *path)
{
	struct buf why = BUF_INIT(1000);
	struct bdb *db;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	r = fd < 0 ? -errno : bdb_open(fd, BDB_BULK, &why, &db);
	if (r < 0 && why.len)
		(void)fprintf(stderr, "%.*s\n", PRI(buf_span(&why)));
	buf_done(&why);
	if (r < 0)
		return fail(path, r);
	if (strcmp(what, "get") == 0) {
		r = get_all(db);
	} else {
		r = bdb_each(db, print_pair, NULL);
		r = r < 0 ? fail(path, r) : 0;
	}
	bdb_close(&db);
	return r;
}

int main(int argc, char **argv)
{
	raw = argc > 3 && strcmp(argv[argc - 1], "raw") == 0;
	if (argc > 3 && strcmp(argv[1], "make") == 0)
		return make(argv[2], argv[3]);
	if (argc > 2)
		return with_file(argv[1], argv[2]);
	return 2;
}
