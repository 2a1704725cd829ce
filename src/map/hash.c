/* SPDX-License-Identifier: ISC */
/*
 * map/hash.c - "hash:/etc/postfix/access" and "btree:...": Berkeley DB files.
 *
 * The file is that name and ".db". Keys and values have a trailing NUL or
 * have none, depending on who made the file; the first hit says which, as
 * with Postfix. New entries get one.
 *
 * A file is changed by making a new one and renaming it, so that readers see
 * the old or the new table and a crash leaves the old one. Who begins with
 * what is there locks it until the end, as Postfix does: two who add entries
 * wait for each other. Who makes the table anew locks only while he replaces
 * the old one.
 */
#include "map/types.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "map/bdb.h"
#include "map/database.h"
#include "map/replace.h"
#include "os/error.h"
#include "os/file.h"

enum {
	MAX_PATH = 4096,
	MAX_TEXT = 2 * MAX_PATH, /* of a warning */
	MAX_ENTRY = INT32_MAX,
};

static const char suffix[] = ".db";

struct hash_map {
	struct database d;
	struct bdb *db;
};

/* --- reading --- */

static void hash_close(struct map *m)
{
	struct hash_map *h = CONTAINER_OF(m, struct hash_map, d.map);

	bdb_close(&h->db);
	database_done(&h->d);
	mem_free(h);
}

static void say_why(struct buf *reason, const char *path, int r, span why)
{
	if (why.len == 0)
		/* What the library says to all that it does not like. */
		why = span_str(strerror(r == -EBADMSG ? EINVAL : -r));
	buf_printf(reason, "open database %s: %.*s", path, PRI(why));
}

static enum map_answer hash_complain(
    struct map *m, const char *doing UNUSED, int r)
{
	map_warn(m, "error reading %s: %s", m->path,
	    r == -EAGAIN ? "it does not stop changing" : strerror(-r));
	return MAP_RETRY;
}

static int hash_get(struct database *d, span key, struct buf *value)
{
	return bdb_get(CONTAINER_OF(d, struct hash_map, d)->db, key, value);
}

static int hash_each(
    struct database *d, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	return bdb_each(CONTAINER_OF(d, struct hash_map, d)->db, fn, ctx);
}

static const struct database_ops hash_ops = {
	.get = hash_get,
	.each = hash_each,
	.complain = hash_complain,
};

/* The database, if it is of this kind; else NULL, and the reason is set. */
static struct bdb *open_kind(int fd, unsigned flags, enum bdb_kind kind,
    const char *path, struct buf *reason)
{
	struct buf why = BUF_INIT(MAX_PATH);
	struct bdb *db = NULL;
	int r;

	r = bdb_open(fd, flags, &why, &db);
	if (r < 0)
		(void)close(fd);
	if (r == 0 && bdb_kind(db) != kind)
		r = -EINVAL;
	if (r < 0) {
		say_why(reason, path, r, buf_span(&why));
		bdb_close(&db);
	}
	buf_done(&why);
	return db;
}

static struct map *open_table(const struct map_setup *s, enum bdb_kind kind)
{
	struct buf path = BUF_INIT(MAX_PATH);
	unsigned flags = s->flags & MAP_BULK ? BDB_BULK : 0;
	struct hash_map *h = NULL;
	struct bdb *db = NULL;
	int fd;

	buf_put(&path, s->name);
	buf_put(&path, span_of(suffix, sizeof(suffix) - 1));
	fd = os_error(open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	if (fd < 0)
		say_why(s->reason, buf_cstr(&path), fd, SPAN_NONE);
	else
		db = open_kind(fd, flags, kind, buf_cstr(&path), s->reason);
	if (db) {
		h = NEW(struct hash_map);
		h->db = db;
		database_init(&h->d, &hash_ops, s, buf_cstr(&path), bdb_fd(db));
	}
	buf_done(&path);
	return h ? &h->d.map : NULL;
}

static struct map *hash_open(const struct map_setup *s)
{
	return open_table(s, BDB_HASH);
}

static struct map *btree_open(const struct map_setup *s)
{
	return open_table(s, BDB_BTREE);
}

/* --- writing --- */

struct hash_writer {
	struct map_writer writer;
	const struct map_host *host;
	struct bdb_writer *pairs;
	struct replace file;
	char *path; /* of the database */
	bool locked;
	unsigned flags;
	mode_t mode;
	bool keep_owner;
	struct buf key;
	struct buf value;
};

static int fail(const struct hash_writer *h, const char *what, int r)
{
	buf_printf(h->writer.reason, "%s %s: %s", what, h->path, strerror(-r));
	return r;
}

static void hash_abandon(struct map_writer *w)
{
	struct hash_writer *h = CONTAINER_OF(w, struct hash_writer, writer);

	replace_done(&h->file);
	bdb_writer_free(&h->pairs);
	buf_done(&h->key);
	buf_done(&h->value);
	mem_free(h->path);
	mem_free(h);
}

/* As Postfix calls it; we put another one in its place. */
static void warn_if_empty(const struct hash_writer *h)
{
	struct buf text = BUF_INIT(MAX_TEXT);
	struct stat st;

	if (fstat(h->file.old, &st) == 0 && st.st_size == 0) {
		buf_printf(
		    &text, "removing zero-length database file: %s", h->path);
		h->host->warn(h->host->ctx, buf_span(&text));
	}
	buf_done(&text);
}

static int lock_old(struct hash_writer *h)
{
	int r;

	if (h->locked)
		return 0;
	r = replace_begin(&h->file, h->path, REPLACE_FLOCK);
	if (r < 0)
		return r;
	h->locked = true;
	if (h->file.old >= 0)
		warn_if_empty(h);
	return 0;
}

struct taking {
	struct bdb_writer *pairs;
	int result;
};

/* Of several values of one key, the first: it is the one to be found. */
static bool take_pair(void *ctx, span key, span value)
{
	struct taking *t = ctx;

	t->result = bdb_put(t->pairs, key, value, false);
	return t->result >= 0;
}

/* Begin with what is in the file there is. */
static int take_old(struct hash_writer *h, enum bdb_kind kind)
{
	struct taking t = { .pairs = h->pairs };
	int old;
	struct bdb *db;
	struct stat st;
	int fd;
	int r;

	r = lock_old(h);
	if (r < 0)
		return fail(h, "open database", r);
	old = h->file.old;
	/* An empty one: Postfix takes it for none. */
	if (old < 0 || (fstat(old, &st) == 0 && st.st_size == 0))
		return 0;
	/* The lock lasts until the last copy is closed. */
	fd = os_error(fcntl(old, F_DUPFD_CLOEXEC, 0));
	if (fd < 0)
		return fail(h, "open database", fd);
	db = open_kind(fd, BDB_LOCKED, kind, h->path, h->writer.reason);
	if (!db)
		return -EINVAL;
	r = bdb_each(db, take_pair, &t);
	bdb_close(&db);
	if (r == 0 && t.result < 0)
		r = t.result;
	return r < 0 ? fail(h, "error reading", r) : 0;
}

static struct map_writer *begin(const struct map_write *w, enum bdb_kind kind,
    const struct map_writer_ops *ops)
{
	struct hash_writer *h = NEW(struct hash_writer);
	char *path = mem_new(w->name.len + sizeof(suffix), 1);
	int r;

	memcpy(path, w->name.ptr, w->name.len);
	memcpy(path + w->name.len, suffix, sizeof(suffix));
	*h = (struct hash_writer){
		.writer = { .ops = ops, .reason = w->reason },
		.host = w->host,
		.pairs = bdb_writer_new(kind),
		.file = { .old = -1, .fd = -1 },
		.path = path,
		.flags = w->flags,
		.mode = w->mode,
		.keep_owner = w->keep_owner,
		.key = BUF_INIT(MAX_ENTRY),
		.value = BUF_INIT(MAX_ENTRY),
	};
	r = w->keep ? take_old(h, kind) : 0;
	if (r < 0) {
		hash_abandon(&h->writer);
		return NULL;
	}
	return &h->writer;
}

static int hash_put_plain(
    struct map_writer *w, span key, span value, bool replace)
{
	struct hash_writer *h = CONTAINER_OF(w, struct hash_writer, writer);
	int r = bdb_put(h->pairs, key, value, replace);

	if (r == BDB_THERE)
		return MAP_PUT_THERE;
	return r < 0 ? fail(h, "error writing", r) : MAP_PUT;
}

static int hash_put(struct map_writer *w, span key, span value, bool replace)
{
	struct hash_writer *h = CONTAINER_OF(w, struct hash_writer, writer);

	if (h->flags & MAP_WITHOUT_NUL)
		return hash_put_plain(w, key, value, replace);
	return hash_put_plain(w, database_with_nul(&h->key, key),
	    database_with_nul(&h->value, value), replace);
}

static int hash_drop(struct map_writer *w, span key)
{
	struct hash_writer *h = CONTAINER_OF(w, struct hash_writer, writer);

	if (!(h->flags & MAP_WITHOUT_NUL) &&
	    bdb_drop(h->pairs, database_with_nul(&h->key, key)))
		return 0;
	if (!(h->flags & MAP_WITH_NUL) && bdb_drop(h->pairs, key))
		return 0;
	return MAP_DROP_NONE;
}

static int hash_commit(struct map_writer *w)
{
	struct hash_writer *h = CONTAINER_OF(w, struct hash_writer, writer);
	int r;

	r = lock_old(h);
	if (r == 0)
		r = replace_make(&h->file, h->mode, h->keep_owner);
	if (r == 0)
		r = bdb_write(h->pairs, h->file.fd);
	if (r == 0)
		r = replace_commit(&h->file);
	if (r < 0)
		(void)fail(h, "error writing", r);
	hash_abandon(w);
	return r;
}

/* --- the types --- */

static struct map_writer *hash_begin(const struct map_write *w);
static struct map_writer *btree_begin(const struct map_write *w);

static const struct map_writer_ops hash_writer_ops = {
	.suffix = suffix,
	.begin = hash_begin,
	.put = hash_put,
	.put_plain = hash_put_plain,
	.drop = hash_drop,
	.commit = hash_commit,
	.abandon = hash_abandon,
};

static const struct map_writer_ops btree_writer_ops = {
	.suffix = suffix,
	.begin = btree_begin,
	.put = hash_put,
	.put_plain = hash_put_plain,
	.drop = hash_drop,
	.commit = hash_commit,
	.abandon = hash_abandon,
};

static struct map_writer *hash_begin(const struct map_write *w)
{
	return begin(w, BDB_HASH, &hash_writer_ops);
}

static struct map_writer *btree_begin(const struct map_write *w)
{
	return begin(w, BDB_BTREE, &btree_writer_ops);
}

const struct map_type map_type_hash = {
	.name = "hash",
	.traits = MAP_EXACT | MAP_FILE | MAP_SHOWN_BY_PATH,
	.open = hash_open,
	.find = database_find,
	.close = hash_close,
	.each = database_each,
	.writer = &hash_writer_ops,
};

const struct map_type map_type_btree = {
	.name = "btree",
	.traits = MAP_EXACT | MAP_FILE | MAP_SHOWN_BY_PATH,
	.open = btree_open,
	.find = database_find,
	.close = hash_close,
	.each = database_each,
	.writer = &btree_writer_ops,
};
