/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb.c - "lmdb:/etc/postfix/access": the file is that name and ".lmdb".
 *
 * Reading is done without the library (lmdb_file.h), so a damaged file is a
 * table that cannot be asked now, and no crash. Changes that others make in
 * place are seen by the next lookup, without opening the file again.
 *
 * A table that is made anew is a new file that takes the old one's place.
 * Adding to a table (lmdb_update.c) happens in place, with the library.
 */
#include "map/lmdb_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "map/database.h"
#include "map/lmdb_build.h"
#include "map/lmdb_file.h"
#include "map/types.h"
#include "os/error.h"
#include "os/file.h"

enum {
	MAX_PATH = 4096,
	DEFAULT_SIZE = 16 << 20,
};

static const char suffix[] = ".lmdb";

struct lmdb_map {
	struct database d;
	struct lmdb_file *file;
};

/* --- reading --- */

/* What the library would say. */
const char *lmdb_error(int r)
{
	switch (r) {
	case -EBADMSG:
		return "MDB_INVALID: File is not an LMDB file";
	case -ENOTSUP:
		return "MDB_INCOMPATIBLE: Operation and DB incompatible, or DB "
		       "flags changed";
	case -EMSGSIZE:
		return "MDB_BAD_VALSIZE: Unsupported size of key/DB name/data, "
		       "or wrong DUPFIXED size";
	case -EAGAIN:
		return "it does not stop changing";
	default:
		return strerror(-r);
	}
}

/* "error reading lmdb:x: text". */
static enum map_answer lmdb_complain(struct map *m, const char *doing, int r)
{
	map_warn_plain(
	    m, "error %s %.*s: %s", doing, PRI(m->spec), lmdb_error(r));
	return MAP_RETRY;
}

static int lmdb_get(struct database *d, span key, struct buf *value)
{
	return lmdb_file_get(
	    CONTAINER_OF(d, struct lmdb_map, d)->file, key, value);
}

static int lmdb_each(
    struct database *d, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	return lmdb_file_each(
	    CONTAINER_OF(d, struct lmdb_map, d)->file, fn, ctx);
}

static const struct database_ops ops = {
	.get = lmdb_get,
	.each = lmdb_each,
	.complain = lmdb_complain,
};

static struct map *lmdb_open(const struct map_setup *s)
{
	struct buf path = BUF_INIT(MAX_PATH);
	struct lmdb_file *file = NULL;
	struct lmdb_map *t = NULL;
	int fd;
	int r;

	buf_put(&path, s->name);
	buf_put(&path, span_of(suffix, sizeof(suffix) - 1));
	fd = os_error(open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	r = fd < 0 ? fd : lmdb_file_open(fd, s->flags & MAP_BULK, &file);
	if (r < 0) {
		buf_printf(s->reason, "open database %s: %s", buf_cstr(&path),
		    lmdb_error(r));
		fd_close(&fd);
	} else {
		t = NEW(struct lmdb_map);
		t->file = file;
		database_init(&t->d, &ops, s, buf_cstr(&path), fd);
	}
	buf_done(&path);
	return t ? &t->d.map : NULL;
}

static void lmdb_close(struct map *m)
{
	struct lmdb_map *t = CONTAINER_OF(m, struct lmdb_map, d.map);

	lmdb_file_close(&t->file);
	database_done(&t->d);
	mem_free(t);
}

/* Changes in place are seen anyway: is it another file? */
static bool lmdb_changed(struct map *m)
{
	struct lmdb_map *t = CONTAINER_OF(m, struct lmdb_map, d.map);
	struct stat st;

	if (stat(m->path, &st) == 0 &&
	    (st.st_dev != m->dev || st.st_ino != m->ino))
		return true;
	return lmdb_file_refresh(t->file) < 0;
}

/* --- making a table --- */

int lmdb_fail_open(const struct lmdb_writer *w, int r)
{
	buf_printf(w->writer.reason, "open database %s%s: %s", w->name, suffix,
	    lmdb_error(r));
	return r;
}

int lmdb_fail(const struct lmdb_writer *w, const char *what, int r)
{
	buf_printf(
	    w->writer.reason, "%s lmdb:%s: %s", what, w->name, lmdb_error(r));
	return r;
}

static uint64_t map_size(const struct map_write *w)
{
	span value = SPAN_NONE;
	uint64_t n;

	if (w->host->param)
		value = w->host->param(w->host->ctx, SPAN("lmdb_map_size"));
	return span_to_u64(value, &n) && n > 0 ? n : DEFAULT_SIZE;
}

static void lmdb_abandon(struct map_writer *writer)
{
	struct lmdb_writer *w =
	    CONTAINER_OF(writer, struct lmdb_writer, writer);

	if (w->update)
		lmdb_update_free(&w->update);
	replace_done(&w->file);
	pairs_done(&w->pairs);
	buf_done(&w->key);
	buf_done(&w->value);
	mem_free(w->name);
	mem_free(w);
}

static bool is_empty(const struct lmdb_writer *w)
{
	struct stat st;

	return w->file.old < 0 ||
	    (fstat(w->file.old, &st) == 0 && st.st_size == 0);
}

static struct map_writer *lmdb_begin(const struct map_write *s)
{
	struct buf path = BUF_INIT(MAX_PATH);
	struct lmdb_writer *w = NEW(struct lmdb_writer);
	int r;

	w->writer =
	    (struct map_writer){ &lmdb_writer_ops, .reason = s->reason };
	w->mode = s->mode;
	w->keep_owner = s->keep_owner;
	w->map_size = map_size(s);
	w->nul = !(s->flags & MAP_WITHOUT_NUL);
	w->both = !(s->flags & (MAP_WITH_NUL | MAP_WITHOUT_NUL));
	pairs_init(&w->pairs);
	buf_init(&w->key, MAP_VALUE_MAX);
	buf_init(&w->value, MAP_VALUE_MAX);
	buf_put(&path, s->name);
	buf_put(&path, span_of(suffix, sizeof(suffix) - 1));
	w->name = mem_new(s->name.len + 1, 1);
	memcpy(w->name, s->name.ptr, s->name.len);
	r = replace_begin(&w->file, buf_cstr(&path), REPLACE_FCNTL);
	buf_done(&path);
	if (r < 0)
		(void)lmdb_fail_open(w, r);
	else if (s->keep && !is_empty(w))
		r = lmdb_update_new(w, &w->update);
	if (r == 0)
		return &w->writer;
	lmdb_abandon(&w->writer);
	return NULL;
}

static span ended(struct buf *b, span s, bool nul)
{
	return nul ? database_with_nul(b, s) : s;
}

static int put(
    struct lmdb_writer *w, span key, span value, bool nul, bool replace)
{
	int r;

	key = ended(&w->key, key, nul);
	value = ended(&w->value, value, nul);
	if (key.len == 0 || key.len > LMDB_KEY_MAX)
		return lmdb_fail(w, "error updating", -EMSGSIZE);
	if (w->update)
		return lmdb_update_put(w->update, key, value, replace);
	r = pairs_put(&w->pairs, key, value, replace);
	if (r < 0)
		return lmdb_fail(w, "error updating", r);
	return r == PAIRS_THERE ? MAP_PUT_THERE : MAP_PUT;
}

static int lmdb_put(
    struct map_writer *writer, span key, span value, bool replace)
{
	struct lmdb_writer *w =
	    CONTAINER_OF(writer, struct lmdb_writer, writer);

	return put(w, key, value, w->nul, replace);
}

static int lmdb_put_plain(
    struct map_writer *writer, span key, span value, bool replace)
{
	return put(CONTAINER_OF(writer, struct lmdb_writer, writer), key, value,
	    false, replace);
}

static int drop_one(struct lmdb_writer *w, span key, bool nul)
{
	key = ended(&w->key, key, nul);
	if (w->update && key.len > 0 && key.len <= LMDB_KEY_MAX)
		return lmdb_update_drop(w->update, key);
	return pairs_drop(&w->pairs, key) ? 0 : MAP_DROP_NONE;
}

static int lmdb_drop(struct map_writer *writer, span key)
{
	struct lmdb_writer *w =
	    CONTAINER_OF(writer, struct lmdb_writer, writer);
	int r = drop_one(w, key, w->nul);

	if (r == MAP_DROP_NONE && w->both)
		r = drop_one(w, key, !w->nul);
	return r;
}

static int build(struct lmdb_writer *w)
{
	int r = replace_make(&w->file, w->mode, w->keep_owner);

	if (r == 0)
		r = lmdb_build(&w->pairs, w->map_size, w->file.fd);
	if (r == 0)
		r = replace_commit(&w->file);
	return r < 0 ? lmdb_fail(w, "error updating", r) : 0;
}

static int lmdb_commit(struct map_writer *writer)
{
	struct lmdb_writer *w =
	    CONTAINER_OF(writer, struct lmdb_writer, writer);
	int r = w->update ? lmdb_update_commit(w->update) : build(w);

	lmdb_abandon(writer);
	return r;
}

const struct map_writer_ops lmdb_writer_ops = {
	.suffix = suffix,
	.begin = lmdb_begin,
	.put = lmdb_put,
	.put_plain = lmdb_put_plain,
	.drop = lmdb_drop,
	.commit = lmdb_commit,
	.abandon = lmdb_abandon,
};

const struct map_type map_type_lmdb = {
	.name = "lmdb",
	.traits = MAP_EXACT | MAP_FILE,
	.open = lmdb_open,
	.find = database_find,
	.each = database_each,
	.changed = lmdb_changed,
	.close = lmdb_close,
	.writer = &lmdb_writer_ops,
};
