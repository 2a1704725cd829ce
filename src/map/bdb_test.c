/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "map/bdb_internal.h"

enum { LIMIT = 1 << 22 };

static int new_file(void)
{
	int fd = memfd_create("bdb", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct bdb *write_and_open(struct bdb_writer *w)
{
	struct bdb *db = NULL;
	int fd = new_file();

	assert_int_equal(bdb_write(w, fd), 0);
	bdb_writer_free(&w);
	assert_int_equal(bdb_open(fd, BDB_LOCKED, NULL, &db), 0);
	return db;
}

/* --- pairs of all sizes --- */

static size_t key_size(unsigned i)
{
	static const size_t sizes[] = { 0, 1, 17, 1007, 1008, 1024, 1025,
		9000 };

	return i % 50 == 3 ? sizes[i / 50 % ARRAY_LEN(sizes)] : 0;
}

static size_t value_size(unsigned i)
{
	static const size_t sizes[] = { 0, 1, 1007, 1024, 4070, 4071, 20000 };

	return i % 30 == 7 ? sizes[i / 30 % ARRAY_LEN(sizes)] : 5;
}

static span make(struct buf *b, const char *what, unsigned i, size_t fill)
{
	buf_clear(b);
	for (size_t n = 0; n < fill; n++)
		buf_putc(b, (char)('a' + n % 26));
	buf_printf(b, "%s%u", what, i);
	return buf_span(b);
}

static struct bdb_writer *fill(enum bdb_kind kind, unsigned count)
{
	struct bdb_writer *w = bdb_writer_new(kind);
	struct buf key = BUF_INIT(LIMIT);
	struct buf value = BUF_INIT(LIMIT);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(
		    bdb_put(w, make(&key, "k", i, key_size(i)),
		        make(&value, "v", i, value_size(i)), false),
		    BDB_PUT);
	buf_done(&key);
	buf_done(&value);
	return w;
}

static void check_get(struct bdb *db, unsigned from, unsigned count)
{
	struct buf key = BUF_INIT(LIMIT);
	struct buf want = BUF_INIT(LIMIT);
	struct buf got = BUF_INIT(LIMIT);

	for (unsigned i = from; i < count; i++) {
		buf_clear(&got);
		assert_int_equal(
		    bdb_get(db, make(&key, "k", i, key_size(i)), &got),
		    BDB_FOUND);
		assert_span_equal(
		    buf_span(&got), make(&want, "v", i, value_size(i)));
		assert_int_equal(
		    bdb_get(db, make(&key, "x", i, key_size(i)), &got),
		    BDB_NONE);
	}
	buf_done(&key);
	buf_done(&want);
	buf_done(&got);
}

static bool count_pair(void *ctx, span key UNUSED, span value UNUSED)
{
	unsigned *n = ctx;

	++*n;
	return true;
}

static void check_all(enum bdb_kind kind, unsigned count)
{
	struct bdb *db = write_and_open(fill(kind, count));
	unsigned n = 0;

	assert_int_equal(bdb_kind(db), kind);
	check_get(db, 0, count);
	assert_int_equal(bdb_each(db, count_pair, &n), 0);
	assert_int_equal(n, count);
	bdb_close(&db);
}

static void reads_what_it_writes(void **state UNUSED)
{
	static const unsigned counts[] = { 0, 1, 2, 60, 500, 3000, 20000 };

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		check_all(BDB_HASH, counts[i]);
		check_all(BDB_BTREE, counts[i]);
	}
}

/* --- order --- */

struct order {
	struct buf last;
	bool sorted;
};

static bool check_order(void *ctx, span key, span value UNUSED)
{
	struct order *o = ctx;

	if (span_cmp(buf_span(&o->last), key) > 0)
		o->sorted = false;
	buf_clear(&o->last);
	buf_put(&o->last, key);
	return true;
}

static void btree_is_in_order(void **state UNUSED)
{
	struct bdb *db = write_and_open(fill(BDB_BTREE, 5000));
	struct order o = { .last = BUF_INIT(LIMIT), .sorted = true };

	assert_int_equal(bdb_each(db, check_order, &o), 0);
	assert_true(o.sorted);
	buf_done(&o.last);
	bdb_close(&db);
}

static bool stop_at_three(void *ctx, span key UNUSED, span value UNUSED)
{
	unsigned *n = ctx;

	return ++*n < 3;
}

static void walking_can_be_stopped(void **state UNUSED)
{
	for (int kind = BDB_HASH; kind <= BDB_BTREE; kind++) {
		struct bdb *db = write_and_open(fill(kind, 100));
		unsigned n = 0;

		assert_int_equal(bdb_each(db, stop_at_three, &n), 0);
		assert_int_equal(n, 3);
		bdb_close(&db);
	}
}

/* --- changing --- */

static void puts_and_drops(void **state UNUSED)
{
	struct bdb_writer *w = fill(BDB_HASH, 1000);
	struct buf key = BUF_INIT(LIMIT);
	struct buf got = BUF_INIT(LIMIT);
	struct bdb *db;

	assert_int_equal(
	    bdb_put(w, SPAN("k5"), SPAN("other"), false), BDB_THERE);
	assert_int_equal(bdb_put(w, SPAN("k6"), SPAN("new"), true), BDB_PUT);
	for (unsigned i = 100; i < 500; i++)
		assert_true(bdb_drop(w, make(&key, "k", i, key_size(i))));
	assert_false(bdb_drop(w, SPAN("k100")));
	assert_int_equal(
	    bdb_put(w, SPAN("k100"), SPAN("back"), false), BDB_PUT);
	assert_int_equal(bdb_count(w), 601);
	db = write_and_open(w);
	check_get(db, 0, 6);
	check_get(db, 500, 1000);
	assert_int_equal(bdb_get(db, SPAN("k6"), &got), BDB_FOUND);
	assert_int_equal(bdb_get(db, SPAN("k100"), &got), BDB_FOUND);
	assert_span_equal(buf_span(&got), SPAN("newback"));
	assert_int_equal(bdb_get(db, SPAN("k101"), &got), BDB_NONE);
	buf_done(&key);
	buf_done(&got);
	bdb_close(&db);
}

/* Rewritten in place while it is open, as other programs do it. */
static void notices_changes(void **state UNUSED)
{
	struct bdb_writer *w = fill(BDB_HASH, 3000);
	struct buf got = BUF_INIT(LIMIT);
	struct bdb *db;
	int fd = new_file();

	assert_int_equal(bdb_write(w, fd), 0);
	bdb_writer_free(&w);
	assert_int_equal(bdb_open(fd, 0, NULL, &db), 0);
	check_get(db, 0, 10);
	w = fill(BDB_BTREE, 700);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(bdb_write(w, fd), 0);
	bdb_writer_free(&w);
	check_get(db, 10, 700);
	assert_int_equal(bdb_get(db, SPAN("k702"), &got), BDB_NONE);
	assert_int_equal(ftruncate(fd, 5000), 0);
	bdb_close(&db);
	buf_done(&got);
}

/* More than is held: pages take each other's frames. */
static void large_file(void **state UNUSED)
{
	enum { COUNT = 10000, SIZE = 4000 };
	struct bdb_writer *w = bdb_writer_new(BDB_BTREE);
	struct buf key = BUF_INIT(LIMIT);
	struct buf value = BUF_INIT(LIMIT);
	struct buf got = BUF_INIT(LIMIT);
	struct bdb *db;

	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(bdb_put(w, make(&key, "k", i, 0),
		                     make(&value, "v", i, SIZE), false),
		    BDB_PUT);
	db = write_and_open(w);
	for (unsigned n = 0; n < 2 * COUNT; n++) {
		unsigned i = n * 7919 % COUNT;

		buf_clear(&got);
		assert_int_equal(
		    bdb_get(db, make(&key, "k", i, 0), &got), BDB_FOUND);
		assert_span_equal(buf_span(&got), make(&value, "v", i, SIZE));
	}
	bdb_close(&db);
	buf_done(&key);
	buf_done(&value);
	buf_done(&got);
}

/* --- what is not for us --- */

static void refuses(void **state UNUSED)
{
	/* clang-format off */
	static const struct {
		size_t at;
		uint8_t byte;
		int result;
		const char *why;
	} cases[] = {
		{ META_MAGIC, 0, -EINVAL, "" },
		{ META_VERSION, 5, -ENOTSUP,
		  "a version of Berkeley DB not known here" },
		{ META_ENCRYPTION, 1, -ENOTSUP, "an encrypted database" },
		{ META_METAFLAGS, 2, -ENOTSUP, "a database in several files" },
		{ META_METAFLAGS, 1, -EBADMSG, "" },
		{ META_TYPE, 9, -EINVAL, "" },
		{ META_PAGE_SIZE, 1, -EINVAL, "" },
		{ META_PAGE_SIZE + 1, 0, -EINVAL, "" },
		{ META_FLAGS, 2, -ENOTSUP, "a file of several databases" },
		{ META_CHARKEY, 0, -ENOTSUP,
		  "made with a hash function of its own" },
		{ META_MAX_BUCKET + 2, 9, -EBADMSG, "" },
	};
	/* clang-format on */
	struct bdb_writer *w = fill(BDB_HASH, 10);
	struct bdb *db;
	int fd = new_file();

	assert_int_equal(bdb_write(w, fd), 0);
	bdb_writer_free(&w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf why = BUF_INIT(200);
		uint8_t was;

		assert_int_equal(pread(fd, &was, 1, (off_t)cases[i].at), 1);
		assert_int_equal(
		    pwrite(fd, &cases[i].byte, 1, (off_t)cases[i].at), 1);
		assert_int_equal(
		    bdb_open(fd, BDB_LOCKED, &why, &db), cases[i].result);
		assert_span_equal(buf_span(&why), span_str(cases[i].why));
		assert_int_equal(pwrite(fd, &was, 1, (off_t)cases[i].at), 1);
		buf_done(&why);
	}
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(bdb_open(fd, BDB_LOCKED, NULL, &db), -EINVAL);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(btree_is_in_order),
		cmocka_unit_test(walking_can_be_stopped),
		cmocka_unit_test(puts_and_drops),
		cmocka_unit_test(notices_changes),
		cmocka_unit_test(large_file),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
