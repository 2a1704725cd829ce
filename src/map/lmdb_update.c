/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb_update.c - "postmap -i" and "postmap -d" on an LMDB file.
 *
 * In place and with the library: it costs as much as what changes. Postfix
 * uses the library without its own locks, and so do we: an exclusive fcntl()
 * lock for a moment, so that nobody reads the state before the last one,
 * whose pages are now written over; then a shared one, which readers may have
 * too, until the end.
 *
 * A lock is gone when the process closes any descriptor of the file, so the
 * one that the lock was taken with is kept until the library has its own.
 */
#include "map/lmdb_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>

#include "map/lmdb_file.h"
#include "os/error.h"

enum { TRIES = 40 /* to make it larger, twice each time */ };

struct lmdb_update {
	struct lmdb_writer *writer;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;
	uint64_t map_size;
	/* What was done so far, to do it again in a larger map. */
	struct pairs puts;
	struct pairs drops;
};

static int fail(const struct lmdb_update *u, const char *what, int status)
{
	buf_printf(u->writer->writer.reason, "%s lmdb:%s: %s", what,
	    u->writer->name, mdb_strerror(status));
	return status > 0 ? -status : -EBADMSG;
}

void lmdb_update_free(struct lmdb_update **pu)
{
	struct lmdb_update *u = STEAL(*pu);

	if (u->txn)
		mdb_txn_abort(u->txn);
	if (u->env)
		mdb_env_close(u->env);
	pairs_done(&u->puts);
	pairs_done(&u->drops);
	mem_free(u);
}

static int set_lock(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	int r;

	do
		r = os_error(fcntl(fd, F_SETLKW, &lock));
	while (r == -EINTR);
	return r;
}

static int begin(struct lmdb_update *u)
{
	int r = mdb_txn_begin(u->env, NULL, 0, &u->txn);

	return r ? r : mdb_dbi_open(u->txn, NULL, 0, &u->table);
}

static int open_env(struct lmdb_update *u)
{
	int fd;
	int r = mdb_env_create(&u->env);

	if (r == 0)
		r = mdb_env_set_mapsize(u->env, u->map_size);
	if (r == 0)
		r = mdb_env_open(u->env, u->writer->file.path,
		    MDB_NOSUBDIR | MDB_NOLOCK, 0644);
	if (r == 0)
		r = mdb_env_get_fd(u->env, &fd);
	if (r == 0)
		r = -set_lock(fd, F_WRLCK);
	if (r == 0)
		r = -set_lock(fd, F_RDLCK);
	return r ? r : begin(u);
}

int lmdb_update_new(struct lmdb_writer *w, struct lmdb_update **ret)
{
	struct lmdb_update *u;
	/* The library trusts the file: look at it first. */
	int r = lmdb_file_check(w->file.old);

	if (r < 0)
		return lmdb_fail_open(w, r);
	u = NEW(struct lmdb_update);
	u->writer = w;
	u->map_size = w->map_size;
	pairs_init(&u->puts);
	pairs_init(&u->drops);
	r = open_env(u);
	if (r) {
		r = fail(u, "error opening", r);
		lmdb_update_free(&u);
		return r;
	}
	*ret = u;
	return 0;
}

static MDB_val value_of(span s)
{
	return (MDB_val){ s.len, (void *)(uintptr_t)s.ptr };
}

static int put(struct lmdb_update *u, span key, span value, unsigned flags)
{
	MDB_val k = value_of(key);
	MDB_val v = value_of(value);

	return mdb_put(u->txn, u->table, &k, &v, flags);
}

static int drop(struct lmdb_update *u, span key)
{
	MDB_val k = value_of(key);

	return mdb_del(u->txn, u->table, &k, NULL);
}

static int repeat(struct lmdb_update *u)
{
	int r = begin(u);

	for (uint32_t i = 0; i < u->drops.used && r == 0; i++) {
		if (u->drops.all[i].key)
			r = drop(u, pair_key(&u->drops.all[i]));
		if (r == MDB_NOTFOUND)
			r = 0;
	}
	for (uint32_t i = 0; i < u->puts.used && r == 0; i++) {
		const struct pair *p = &u->puts.all[i];

		if (p->key)
			r = put(u, pair_key(p), pair_value(p), 0);
	}
	return r;
}

/* The table does not fit: a larger map, and everything once more. */
static int grow(struct lmdb_update *u)
{
	int r = MDB_MAP_FULL;

	for (int i = 0; i < TRIES && r == MDB_MAP_FULL; i++) {
		MDB_envinfo info;

		if (u->txn)
			mdb_txn_abort(u->txn);
		u->txn = NULL;
		r = mdb_env_info(u->env, &info);
		if (r == 0)
			u->map_size = MAX(u->map_size, info.me_mapsize) * 2;
		if (r == 0)
			r = mdb_env_set_mapsize(u->env, u->map_size);
		if (r == 0)
			r = repeat(u);
	}
	return r;
}

int lmdb_update_put(struct lmdb_update *u, span key, span value, bool replace)
{
	unsigned flags = replace ? 0 : MDB_NOOVERWRITE;
	int r = put(u, key, value, flags);

	if (r == MDB_MAP_FULL) {
		r = grow(u);
		if (r == 0)
			r = put(u, key, value, flags);
	}
	if (r == MDB_KEYEXIST)
		return MAP_PUT_THERE;
	if (r)
		return fail(u, "error updating", r);
	r = pairs_put(&u->puts, key, value, true);
	return r < 0 ? lmdb_fail(u->writer, "error updating", r) : MAP_PUT;
}

int lmdb_update_drop(struct lmdb_update *u, span key)
{
	int r = drop(u, key);

	if (r == MDB_MAP_FULL) {
		r = grow(u);
		if (r == 0)
			r = drop(u, key);
	}
	if (r == MDB_NOTFOUND)
		return MAP_DROP_NONE;
	if (r)
		return fail(u, "error deleting from", r);
	(void)pairs_drop(&u->puts, key);
	r = pairs_put(&u->drops, key, SPAN_NONE, true);
	return r < 0 ? lmdb_fail(u->writer, "error deleting from", r) : 0;
}

int lmdb_update_commit(struct lmdb_update *u)
{
	int r = mdb_txn_commit(STEAL(u->txn));

	if (r == MDB_MAP_FULL) {
		r = grow(u);
		if (r == 0)
			r = mdb_txn_commit(STEAL(u->txn));
	}
	return r ? fail(u, "error updating", r) : 0;
}
