/* SPDX-License-Identifier: ISC */
/* LMDB files that we write, read by the library; and the other way round. */
#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>

#include "map/cdb_file.h"
#include "map/lmdb_build.h"
#include "map/lmdb_file.h"

#include "test/lib/map_unit.h"
#include "test/lib/unit.h"

/* Sizes for all ways in which a page can be full. */
static span make_key(char *to, uint32_t i)
{
	size_t n = (size_t)snprintf(to, 600, "%u-", i * 2654435761U);

	while (n < (i % 17 == 3 ? 511 : i % 100))
		to[n++] = 'k';
	return span_of(to, n);
}

static span make_value(char *to, uint32_t i)
{
	size_t size = i % 31 == 5 ? i % 9000 : i % 50;

	memset(to, 'a' + (int)(i % 26), size);
	return span_of(to, size);
}

static char key_bytes[600];
static char value_bytes[10000];

static void fill(struct pairs *p, uint32_t count)
{
	pairs_init(p);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(pairs_put(p, make_key(key_bytes, i),
		                     make_value(value_bytes, i), false),
		    PAIRS_PUT);
}

struct env {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;
};

static void env_open(struct env *e, const char *path, unsigned flags)
{
	assert_int_equal(mdb_env_create(&e->env), 0);
	assert_int_equal(mdb_env_set_mapsize(e->env, 1 << 28), 0);
	assert_int_equal(
	    mdb_env_open(e->env, path, MDB_NOSUBDIR | MDB_NOLOCK | flags, 0644),
	    0);
	assert_int_equal(mdb_txn_begin(e->env, NULL, flags, &e->txn), 0);
	assert_int_equal(mdb_dbi_open(e->txn, NULL, 0, &e->table), 0);
}

static int get(struct env *e, span key, MDB_val *value)
{
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr };

	return mdb_get(e->txn, e->table, &k, value);
}

static int put(struct env *e, span key, span value)
{
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr };
	MDB_val v = { value.len, (void *)(uintptr_t)value.ptr };

	return mdb_put(e->txn, e->table, &k, &v, 0);
}

static void library_reads_all(const char *path, uint32_t count)
{
	struct env e;
	MDB_val v;

	env_open(&e, path, MDB_RDONLY);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(get(&e, make_key(key_bytes, i), &v), 0);
		assert_span_equal(
		    span_of(v.mv_data, v.mv_size), make_value(value_bytes, i));
	}
	assert_int_equal(get(&e, SPAN("none"), &v), MDB_NOTFOUND);
	mdb_txn_abort(e.txn);
	mdb_env_close(e.env);
}

static bool count_pair(void *ctx, span key UNUSED, span value UNUSED)
{
	++*(uint32_t *)ctx;
	return true;
}

static void we_read_all(int fd, uint32_t count, bool bulk)
{
	struct buf value = BUF_INIT(100000);
	struct lmdb_file *f;
	uint32_t seen = 0;

	assert_int_equal(lmdb_file_open(dup(fd), bulk, &f), 0);
	for (uint32_t i = 0; i < count; i++) {
		buf_clear(&value);
		assert_int_equal(
		    lmdb_file_get(f, make_key(key_bytes, i), &value),
		    LMDB_FOUND);
		assert_span_equal(buf_span(&value), make_value(value_bytes, i));
	}
	assert_int_equal(lmdb_file_get(f, SPAN("none"), &value), LMDB_NONE);
	assert_int_equal(lmdb_file_each(f, count_pair, &seen), 0);
	assert_int_equal(seen, count);
	lmdb_file_close(&f);
	buf_done(&value);
}

static void library_changes(const char *path, uint32_t count)
{
	struct env e;

	env_open(&e, path, 0);
	/* Splits pages that we filled. */
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(put(&e, make_key(key_bytes, count + i),
		                     make_value(value_bytes, count + i)),
		    0);
	assert_int_equal(mdb_txn_commit(e.txn), 0);
	mdb_env_close(e.env);
}

static void library_reads_ours(void **state UNUSED)
{
	static const uint32_t counts[] = { 0, 1, 2, 3, 40, 80, 300, 20000 };

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		char path[] = "/tmp/lmdb_test.XXXXXX";
		int fd = mkstemp(path);
		struct pairs p;

		fill(&p, counts[i]);
		assert_int_equal(lmdb_build(&p, 1 << 20, fd), 0);
		pairs_done(&p);
		library_reads_all(path, counts[i]);
		we_read_all(fd, counts[i], false);
		we_read_all(fd, counts[i], true);
		library_changes(path, counts[i]);
		we_read_all(fd, counts[i] + 500, false);
		library_reads_all(path, counts[i] + 500);
		(void)close(fd);
		(void)unlink(path);
	}
}

static void changes_are_seen(void **state UNUSED)
{
	char path[] = "/tmp/lmdb_test.XXXXXX";
	int fd = mkstemp(path);
	struct buf value = BUF_INIT(1000);
	struct lmdb_file *f;
	struct pairs p;

	fill(&p, 100);
	assert_int_equal(lmdb_build(&p, 1 << 20, fd), 0);
	pairs_done(&p);
	assert_int_equal(lmdb_file_open(dup(fd), false, &f), 0);
	for (int i = 0; i < 10; i++) {
		struct env e;
		char text[16];

		(void)snprintf(text, sizeof(text), "value %d", i);
		env_open(&e, path, 0);
		assert_int_equal(put(&e, SPAN("new"), span_str(text)), 0);
		assert_int_equal(mdb_txn_commit(e.txn), 0);
		mdb_env_close(e.env);
		buf_clear(&value);
		assert_int_equal(
		    lmdb_file_get(f, SPAN("new"), &value), LMDB_FOUND);
		assert_span_equal(buf_span(&value), span_str(text));
	}
	/* Somebody empties the file. */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lmdb_file_get(f, SPAN("new"), &value), -EBADMSG);
	lmdb_file_close(&f);
	buf_done(&value);
	(void)close(fd);
	(void)unlink(path);
}

static void cdb_finds_all(void **state UNUSED)
{
	enum { COUNT = 5000 };
	char path[] = "/tmp/cdb_test.XXXXXX";
	struct buf value = BUF_INIT(100000);
	int fd = mkstemp(path);
	struct pairs p;

	fill(&p, COUNT);
	assert_int_equal(cdb_build(&p, fd), 0);
	pairs_done(&p);
	for (int bulk = 0; bulk < 2; bulk++) {
		struct cdb_file f;
		uint32_t seen = 0;

		assert_int_equal(cdb_open(dup(fd), bulk, &f), 0);
		for (uint32_t i = 0; i < COUNT; i++) {
			buf_clear(&value);
			assert_int_equal(
			    cdb_get(&f, make_key(key_bytes, i), &value),
			    CDB_FOUND);
			assert_span_equal(
			    buf_span(&value), make_value(value_bytes, i));
		}
		assert_int_equal(cdb_get(&f, SPAN("none"), &value), CDB_NONE);
		assert_int_equal(cdb_each(&f, count_pair, &seen), 0);
		assert_int_equal(seen, COUNT);
		cdb_close(&f);
	}
	buf_done(&value);
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(library_reads_ours),
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(cdb_finds_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
