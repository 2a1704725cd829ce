/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map/bdb.h"
#include "test/lib/map_unit.h"

static char folder[] = "/tmp/chasqui-hash-XXXXXX";
static struct map_unit unit;

static span path_of(struct buf *b, const char *name)
{
	buf_clear(b);
	buf_printf(b, "%s/%s", folder, name);
	return buf_span(b);
}

static struct map *open_with(const char *type, const char *name, unsigned flags)
{
	struct buf spec = BUF_INIT(4096);
	struct map *m;

	buf_printf(&spec, "%s:%s/%s", type, folder, name);
	m = map_open(&unit.host, buf_span(&spec), MAP_FOLD_FIXED | flags);
	buf_done(&spec);
	return m;
}

static struct map *open_map(const char *type, const char *name)
{
	return open_with(type, name, 0);
}

static struct map_writer *begin(const char *type, const char *name, bool keep)
{
	struct buf reason = BUF_INIT(4096);
	struct buf path = BUF_INIT(4096);
	const struct map_type *t =
	    map_type_find(&unit.host, span_str(type), &reason);
	const struct map_write w = {
		.host = &unit.host,
		.name = path_of(&path, name),
		.keep = keep,
		.mode = 0640,
		.keep_owner = keep,
		.reason = &reason,
	};
	struct map_writer *writer;

	assert_non_null(t);
	writer = t->writer->begin(&w);
	assert_span_equal(buf_span(&reason), SPAN_NONE);
	assert_non_null(writer);
	buf_done(&path);
	return writer;
}

static void check(struct map *m, span key, span want)
{
	struct buf value = BUF_INIT(4096);

	assert_int_equal(
	    map_find(m, key, &value), want.ptr ? MAP_FOUND : MAP_NONE);
	if (want.ptr)
		assert_span_equal(buf_span(&value), want);
	buf_done(&value);
}

static void check_mode(const char *name, mode_t mode)
{
	struct buf path = BUF_INIT(4096);
	struct stat st;

	(void)path_of(&path, name);
	assert_int_equal(stat(buf_cstr(&path), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	buf_done(&path);
}

static void builds_and_changes(const char *type)
{
	struct map_writer *w = begin(type, "table", false);
	struct map *old;
	struct map *m;

	assert_int_equal(w->ops->put(w, SPAN("a"), SPAN("1"), false), MAP_PUT);
	assert_int_equal(w->ops->put(w, SPAN("b"), SPAN("2"), false), MAP_PUT);
	assert_int_equal(
	    w->ops->put(w, SPAN("a"), SPAN("3"), false), MAP_PUT_THERE);
	assert_int_equal(w->ops->commit(w), 0);
	check_mode("table.db", 0640);
	old = open_map(type, "table");
	check(old, SPAN("A"), SPAN("1"));

	w = begin(type, "table", true);
	assert_int_equal(w->ops->drop(w, SPAN("b")), 0);
	assert_int_equal(w->ops->drop(w, SPAN("b")), MAP_DROP_NONE);
	assert_int_equal(w->ops->put(w, SPAN("a"), SPAN("new"), true), MAP_PUT);
	assert_int_equal(w->ops->put(w, SPAN("c"), SPAN("3"), true), MAP_PUT);
	check(old, SPAN("b"), SPAN("2"));
	assert_false(map_changed(old));
	assert_int_equal(w->ops->commit(w), 0);
	check_mode("table.db", 0640);

	assert_true(map_changed(old));
	check(old, SPAN("b"), SPAN("2"));
	map_close(&old);
	m = open_map(type, "table");
	check(m, SPAN("a"), SPAN("new"));
	check(m, SPAN("b"), SPAN_NONE);
	check(m, SPAN("c"), SPAN("3"));
	map_close(&m);
}

static void hash_builds_and_changes(void **state UNUSED)
{
	builds_and_changes("hash");
}

static void btree_builds_and_changes(void **state UNUSED)
{
	builds_and_changes("btree");
}

static void abandoned_leaves_nothing(void **state UNUSED)
{
	struct map_writer *w = begin("hash", "other", false);
	struct map *m;

	assert_int_equal(w->ops->put(w, SPAN("a"), SPAN("1"), false), MAP_PUT);
	w->ops->abandon(w);
	m = open_map("hash", "other");
	assert_true(map_error(m).len > 0);
	map_close(&m);
}

/* Made by programs that put no NUL behind. */
static void knows_both_kinds_of_text(void **state UNUSED)
{
	struct bdb_writer *w = bdb_writer_new(BDB_HASH);
	struct buf path = BUF_INIT(4096);
	struct map_writer *change;
	struct map *m;
	int fd;

	assert_int_equal(bdb_put(w, SPAN("a"), SPAN("1"), false), BDB_PUT);
	assert_int_equal(bdb_put(w, SPAN("b\0"), SPAN("2\0x"), false), BDB_PUT);
	assert_int_equal(bdb_put(w, SPAN("c"), SPAN("3"), false), BDB_PUT);
	(void)path_of(&path, "both.db");
	fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(bdb_write(w, fd), 0);
	bdb_writer_free(&w);
	(void)close(fd);

	m = open_map("hash", "both");
	check(m, SPAN("a"), SPAN("1"));
	check(m, SPAN("b"), SPAN_NONE); /* none have a NUL, then */
	map_close(&m);
	m = open_map("hash", "both");
	check(m, SPAN("b"), SPAN("2"));
	check(m, SPAN("a"), SPAN_NONE);
	map_close(&m);

	change = begin("hash", "both", true);
	assert_int_equal(change->ops->drop(change, SPAN("a")), 0);
	assert_int_equal(change->ops->commit(change), 0);
	m = open_map("hash", "both");
	check(m, SPAN("a"), SPAN_NONE);
	check(m, SPAN("c"), SPAN("3"));
	map_close(&m);
	buf_done(&path);
}

static void nul_as_asked(void **state UNUSED)
{
	struct map_writer *w = begin("btree", "table", false);
	struct map *m;

	assert_int_equal(w->ops->put(w, SPAN("a"), SPAN("1"), false), MAP_PUT);
	assert_int_equal(
	    w->ops->put_plain(w, SPAN("b"), SPAN("2"), false), MAP_PUT);
	assert_int_equal(
	    w->ops->put_plain(w, SPAN("a"), SPAN("3"), false), MAP_PUT);
	assert_int_equal(
	    w->ops->put_plain(w, SPAN("b"), SPAN("4"), false), MAP_PUT_THERE);
	assert_int_equal(w->ops->commit(w), 0);
	m = open_with("btree", "table", MAP_WITH_NUL | MAP_BULK);
	check(m, SPAN("b"), SPAN_NONE);
	check(m, SPAN("a"), SPAN("1"));
	map_close(&m);
	m = open_with("btree", "table", MAP_WITHOUT_NUL);
	check(m, SPAN("a"), SPAN("3"));
	check(m, SPAN("b"), SPAN("2"));
	map_close(&m);
}

static void check_error(const char *type, const char *name, const char *want)
{
	struct map *m = open_map(type, name);
	struct buf text = BUF_INIT(4096);

	buf_printf(&text, "open database %s/%s", folder, want);
	assert_span_equal(map_error(m), buf_span(&text));
	buf_done(&text);
	map_close(&m);
}

static void says_why_not(void **state UNUSED)
{
	struct map_writer *w = begin("hash", "table", false);
	struct buf path = BUF_INIT(4096);
	int fd;

	assert_int_equal(w->ops->commit(w), 0);
	(void)path_of(&path, "junk.db");
	fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "junk", 4), 4);
	(void)close(fd);
	check_error("hash", "none", "none.db: No such file or directory");
	check_error("hash", "junk", "junk.db: Invalid argument");
	check_error("btree", "table", "table.db: Invalid argument");
	buf_done(&path);
}

static void set_age(const char *name, time_t seconds)
{
	const struct timespec times[2] = {
		{ .tv_sec = time(NULL) - seconds },
		{ .tv_sec = time(NULL) - seconds },
	};
	struct buf path = BUF_INIT(4096);
	int fd;

	(void)path_of(&path, name);
	fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	(void)close(fd);
	buf_done(&path);
}

static size_t warnings_with_ages(time_t source, time_t table)
{
	struct map *m;

	set_age("table", source);
	set_age("table.db", table);
	buf_clear(&unit.warnings);
	m = open_map("hash", "table");
	assert_span_equal(map_error(m), SPAN_NONE);
	map_close(&m);
	return unit.warnings.len;
}

static void warns_about_old_tables(void **state UNUSED)
{
	struct map_writer *w = begin("hash", "table", false);
	struct buf text = BUF_INIT(4096);

	assert_int_equal(w->ops->commit(w), 0);
	assert_int_equal(warnings_with_ages(5, 500), 0);
	assert_int_equal(warnings_with_ages(1000, 500), 0);
	assert_true(warnings_with_ages(500, 1000) > 0);
	buf_printf(&text,
	    "database %s/table.db is older than source file %s/table\n", folder,
	    folder);
	assert_span_equal(buf_span(&unit.warnings), buf_span(&text));
	buf_done(&text);
}

static int set_up(void **state UNUSED)
{
	map_unit_init(&unit);
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	static const char *const names[] = { "table", "table.db", "both.db",
		"junk.db", "" };
	struct buf path = BUF_INIT(4096);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)path_of(&path, names[i]);
		(void)remove(buf_cstr(&path));
	}
	buf_done(&path);
	map_unit_done(&unit);
	/* Nothing else may have been left there. */
	return access(folder, F_OK) < 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_builds_and_changes),
		cmocka_unit_test(btree_builds_and_changes),
		cmocka_unit_test(abandoned_leaves_nothing),
		cmocka_unit_test(knows_both_kinds_of_text),
		cmocka_unit_test(nul_as_asked),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(warns_about_old_tables),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
