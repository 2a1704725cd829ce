/* SPDX-License-Identifier: ISC */
/*
 * map/cdb.c - "cdb:/etc/postfix/access": the file is that name and ".cdb".
 * It is never changed, only replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "map/cdb_file.h"
#include "map/database.h"
#include "map/pairs.h"
#include "map/replace.h"
#include "map/types.h"
#include "os/error.h"
#include "os/file.h"

enum { MAX_PATH = 4096 };

static const char suffix[] = ".cdb";

/* --- the type --- */

struct cdb_map {
	struct database d;
	struct cdb_file file;
};

static enum map_answer cdb_complain(struct map *m, const char *doing, int r)
{
	map_warn_plain(m, "error %s %s: %s", doing, m->path,
	    strerror(r == -EBADMSG ? EPROTO : -r));
	return MAP_RETRY;
}

static int cdb_map_get(struct database *d, span key, struct buf *value)
{
	return cdb_get(&CONTAINER_OF(d, struct cdb_map, d)->file, key, value);
}

static int cdb_map_each(
    struct database *d, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	return cdb_each(&CONTAINER_OF(d, struct cdb_map, d)->file, fn, ctx);
}

static const struct database_ops ops = {
	.get = cdb_map_get,
	.each = cdb_map_each,
	.complain = cdb_complain,
};

static struct map *cdb_map_open(const struct map_setup *s)
{
	struct buf path = BUF_INIT(MAX_PATH);
	struct cdb_map *t = NEW(struct cdb_map);
	int fd;
	int r;

	buf_put(&path, s->name);
	buf_put(&path, span_of(suffix, sizeof(suffix) - 1));
	fd = os_error(open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	r = fd < 0 ? fd : cdb_open(fd, s->flags & MAP_BULK, &t->file);
	if (r == -EPROTO)
		buf_printf(s->reason, "dict_cdbq_open: unable to init %s: %s",
		    buf_cstr(&path), strerror(EPROTO));
	else if (r < 0)
		buf_printf(s->reason, "open database %s: %s", buf_cstr(&path),
		    strerror(-r));
	if (r < 0) {
		fd_close(&fd);
		mem_free(t);
		buf_done(&path);
		return NULL;
	}
	database_init(&t->d, &ops, s, buf_cstr(&path), fd);
	buf_done(&path);
	return &t->d.map;
}

static void cdb_map_close(struct map *m)
{
	struct cdb_map *t = CONTAINER_OF(m, struct cdb_map, d.map);

	cdb_close(&t->file);
	database_done(&t->d);
	mem_free(t);
}

/* --- writing --- */

struct cdb_writer {
	struct map_writer writer;
	struct replace file;
	struct pairs pairs;
	char *name; /* without ".cdb" */
	mode_t mode;
	bool nul;
	struct buf key;
	struct buf value;
};

static void cdb_abandon(struct map_writer *writer)
{
	struct cdb_writer *w = CONTAINER_OF(writer, struct cdb_writer, writer);

	replace_done(&w->file);
	pairs_done(&w->pairs);
	buf_done(&w->key);
	buf_done(&w->value);
	mem_free(w->name);
	mem_free(w);
}

static int fail(const struct cdb_writer *w, const char *what, int r)
{
	buf_printf(w->writer.reason, "%s %s%s: %s", what, w->name, suffix,
	    strerror(-r));
	return r;
}

static struct map_writer *cdb_begin(const struct map_write *s)
{
	struct buf path = BUF_INIT(MAX_PATH);
	struct cdb_writer *w;
	int r;

	if (s->keep) {
		buf_put(s->reason, SPAN("unsupported non-bulk change request"));
		return NULL;
	}
	w = NEW(struct cdb_writer);
	w->writer = (struct map_writer){ map_type_cdb.writer, s->reason };
	w->mode = s->mode;
	w->nul = s->flags & MAP_WITH_NUL;
	pairs_init(&w->pairs);
	buf_init(&w->key, MAP_VALUE_MAX);
	buf_init(&w->value, MAP_VALUE_MAX);
	w->name = mem_new(s->name.len + 1, 1);
	memcpy(w->name, s->name.ptr, s->name.len);
	buf_put(&path, s->name);
	buf_put(&path, span_of(suffix, sizeof(suffix) - 1));
	r = replace_begin(&w->file, buf_cstr(&path), REPLACE_NO_LOCK);
	/* Now, so that it is known before the source is read. */
	if (r == 0)
		r = replace_make(&w->file, w->mode, false);
	buf_done(&path);
	if (r == 0)
		return &w->writer;
	(void)fail(w, "open database", r);
	cdb_abandon(&w->writer);
	return NULL;
}

static int put(struct cdb_writer *w, span key, span value, bool replace)
{
	int r = pairs_put(&w->pairs, key, value, replace);

	if (r < 0)
		return fail(w, "error writing", r);
	return r == PAIRS_THERE ? MAP_PUT_THERE : MAP_PUT;
}

static int cdb_put(
    struct map_writer *writer, span key, span value, bool replace)
{
	struct cdb_writer *w = CONTAINER_OF(writer, struct cdb_writer, writer);

	if (w->nul) {
		key = database_with_nul(&w->key, key);
		value = database_with_nul(&w->value, value);
	}
	return put(w, key, value, replace);
}

static int cdb_put_plain(
    struct map_writer *writer, span key, span value, bool replace)
{
	return put(CONTAINER_OF(writer, struct cdb_writer, writer), key, value,
	    replace);
}

static int cdb_drop(struct map_writer *writer, span key)
{
	struct cdb_writer *w = CONTAINER_OF(writer, struct cdb_writer, writer);

	return pairs_drop(&w->pairs, key) ? 0 : MAP_DROP_NONE;
}

static int cdb_commit(struct map_writer *writer)
{
	struct cdb_writer *w = CONTAINER_OF(writer, struct cdb_writer, writer);
	int r = cdb_build(&w->pairs, w->file.fd);

	if (r == 0)
		r = replace_commit(&w->file);
	if (r < 0)
		(void)fail(w, "error writing", r);
	cdb_abandon(writer);
	return r;
}

static const struct map_writer_ops cdb_writer_ops = {
	.suffix = suffix,
	.begin = cdb_begin,
	.put = cdb_put,
	.put_plain = cdb_put_plain,
	.drop = cdb_drop,
	.commit = cdb_commit,
	.abandon = cdb_abandon,
};

const struct map_type map_type_cdb = {
	.name = "cdb",
	.traits = MAP_EXACT | MAP_FILE | MAP_SHOWN_BY_PATH,
	.open = cdb_map_open,
	.find = database_find,
	.each = database_each,
	.close = cdb_map_close,
	.writer = &cdb_writer_ops,
};
