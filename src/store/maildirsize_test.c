/* SPDX-License-Identifier: ISC */
#include "store/maildirsize.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "test/lib/unit.h"

struct place {
	char top[64];
	int root;
};

static int setup(void **state)
{
	static const char *const names[] = { "tmp", "new", "cur", ".Sent",
		".Sent/tmp", ".Sent/new", ".Sent/cur", ".Trash", ".Trash/cur" };
	struct place *p = NEW(struct place);

	(void)snprintf(p->top, sizeof(p->top), "/tmp/maildirsize-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	p->root = open(p->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->root >= 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(mkdirat(p->root, names[i], 0700), 0);
	*state = p;
	return 0;
}

static int remove_one(const char *path, const struct stat *st UNUSED,
    int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	fd_close(&p->root);
	assert_int_equal(nftw(p->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	mem_free(p);
	return 0;
}

/* A file of that many bytes. */
static void put_message(const struct place *p, const char *name, off_t size)
{
	int fd = openat(p->root, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(close(fd), 0);
}

static void put_file(const struct place *p, const char *name, span text)
{
	int fd = openat(p->root, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text), 0);
	assert_int_equal(close(fd), 0);
}

/* As if nobody had touched it for that long. */
static void age_file(const struct place *p, time_t seconds)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	assert_int_equal(fstatat(p->root, "maildirsize", &st, 0), 0);
	times[1].tv_sec = st.st_mtim.tv_sec - seconds;
	assert_int_equal(utimensat(p->root, "maildirsize", times, 0), 0);
}

static span size_file(const struct place *p)
{
	static char text[16384];
	int fd = openat(p->root, "maildirsize", O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return SPAN("(none)");
	n = read(fd, text, sizeof(text));
	assert_true(n >= 0);
	assert_int_equal(close(fd), 0);
	return span_of(text, (size_t)n);
}

static struct maildir_quota quota(const char *text)
{
	struct maildir_quota q = { 0 };

	if (*text)
		assert_true(maildir_quota_parse(span_str(text), &q));
	return q;
}

/* One delivery; whether it was admitted. */
static bool deliver(const struct place *p, const char *limits, uint64_t size)
{
	struct maildir_quota q = quota(limits);
	struct maildirsize m;
	bool in;

	maildirsize_open(&m, p->root, &q);
	in = maildirsize_admit(&m, size) == MAILDIRSIZE_OK;
	if (in)
		maildirsize_add(&m, size, 1);
	maildirsize_close(&m);
	return in;
}

static void test_quotas(void **state)
{
	static const struct {
		const char *text;
		const char *canonical; /* NULL: refused */
	} cases[] = {
		{ "10000000S,1000C", "10000000S,1000C" },
		{ "1000C,10000000S", "10000000S,1000C" },
		{ "1000C", "1000C" },
		{ " 5000 ", "5000S" },
		{ "5000 , 3C", "5000S,3C" },
		{ "0", "" },
		{ "0S,7C", "7C" },
		{ "4503599627370495S", "4503599627370495S" },
		{ "4503599627370496S", NULL },
		{ "", NULL },
		{ "S", NULL },
		{ "-5S", NULL },
		{ "5M", NULL },
		{ "5S,,3C", NULL },
		{ "5S;3C", NULL },
		{ "99999999999999999999S", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(64);
		struct maildir_quota q;
		bool ok = maildir_quota_parse(span_str(cases[i].text), &q);

		if (ok != (cases[i].canonical != NULL))
			fail_msg("\"%s\"", cases[i].text);
		if (!ok)
			continue;
		maildir_quota_write(&q, &out);
		assert_span_equal(buf_span(&out), span_str(cases[i].canonical));
	}
}

static void test_no_file_no_quota(void **state)
{
	struct place *p = *state;

	assert_true(deliver(p, "", UINT32_MAX));
	assert_span_equal(size_file(p), SPAN("(none)"));
}

static void test_made_and_kept(void **state)
{
	struct place *p = *state;
	struct stat st;

	put_message(p, "new/1.a", 100);
	put_message(p, "cur/2.b:2,S", 20);
	put_message(p, "cur/3.c:2,ST", 1000);      /* deleted */
	put_message(p, "cur/4.d,S=300:2,S", 0);    /* says its size */
	put_message(p, ".Sent/cur/5.e:2,S", 4000); /* a folder */
	put_message(p, ".Trash/cur/6.f:2,S", 50000);
	put_message(p, "cur/.hidden", 7);
	assert_true(deliver(p, "10000S,10C", 30));
	assert_span_equal(size_file(p),
	    SPAN("10000S,10C\n"
	         "        4420            4\n"
	         "          30            1\n"));
	/* Nothing of it need be in new/ for that. */
	assert_true(deliver(p, "10000S,10C", 31));
	assert_span_equal(size_file(p),
	    SPAN("10000S,10C\n"
	         "        4420            4\n"
	         "          30            1\n"
	         "          31            1\n"));
	assert_int_equal(fstatat(p->root, "maildirsize", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	/* Another quota: everything anew. */
	assert_true(deliver(p, "20000S", 32));
	assert_span_equal(size_file(p),
	    SPAN("20000S\n"
	         "        4420            4\n"
	         "          32            1\n"));
	/* Without a quota of ours it stays as it is. */
	assert_true(deliver(p, "", 33));
	assert_span_equal(size_file(p),
	    SPAN("20000S\n"
	         "        4420            4\n"
	         "          32            1\n"
	         "          33            1\n"));
}

static void test_over(void **state)
{
	static const struct {
		const char *file;
		time_t age;
		bool in;
	} cases[] = {
		/* Just counted: believed. */
		{ "1000S\n 990 1\n", 0, false },
		{ "1000S\n 990 1\n", 14 * 60, false },
		{ "1000S\n 980 1\n", 0, true },
		{ "2C\n 0 2\n", 0, false },
		{ "2C\n 0 1\n", 0, true },
		/* Counted some time ago, or changed since: counted again. */
		{ "1000S\n 990 1\n", 16 * 60, true },
		{ "1000S\n 900 1\n 90 1\n", 0, true },
		{ "2C\n 0 1\n 0 1\n", 0, true },
		/* Impossible */
		{ "1000S\n -1 1\n", 0, true },
		{ "1000S\n 5 -1\n", 0, true },
		{ "1000S\n", 0, true },
		{ "1000S", 0, true },
		/* Not numbers: as if the line was not there */
		{ "1000S\n99999999999999999999 1\n", 0, true },
		{ "1000S\nx 1\n 990 1", 16 * 60, true },
		/* No quota at all */
		{ "", 0, true },
		{ "\n 5000 5\n", 0, true },
		{ "0S\n 5000 5\n", 0, true },
		{ "nonsense\n 5000 5\n", 0, true },
	};
	struct place *p = *state;

	put_message(p, "new/1.a", 500);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put_file(p, "maildirsize", span_str(cases[i].file));
		if (cases[i].age)
			age_file(p, cases[i].age);
		if (deliver(p, "", 20) != cases[i].in)
			fail_msg("case %zu", i);
	}
	/* Really full */
	put_file(p, "maildirsize", SPAN("1000S\n 0 0\n"));
	put_message(p, "new/2.b", 490);
	assert_true(deliver(p, "", 1000));
	assert_false(deliver(p, "", 20));
	assert_span_equal(size_file(p),
	    SPAN("1000S\n"
	         "         990            2\n"));
	assert_true(deliver(p, "", 10));
}

static void test_long_file(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16384);
	struct place *p = *state;

	put_message(p, "cur/1.a", 500);
	buf_put(&text, SPAN("1000S\n"));
	while (text.len < 5120)
		buf_put(&text, SPAN("          40            1\n"));
	put_file(p, "maildirsize", buf_span(&text));
	assert_true(deliver(p, "", 20));
	assert_span_equal(size_file(p),
	    SPAN("1000S\n"
	         "         500            1\n"
	         "          20            1\n"));
}

/* What is admitted counts within a batch, also when all is counted again. */
static void test_batch(void **state)
{
	const struct maildir_quota q = { .bytes = 1000 };
	struct place *p = *state;
	struct maildirsize m;

	put_message(p, "cur/1.a", 500);
	put_file(p, "maildirsize", SPAN("1000S\n 0 0\n 600 1\n"));
	maildirsize_open(&m, p->root, &q);
	assert_int_equal(maildirsize_admit(&m, 300), MAILDIRSIZE_OK);
	assert_int_equal(maildirsize_admit(&m, 200), MAILDIRSIZE_OK);
	assert_int_equal(maildirsize_admit(&m, 1), MAILDIRSIZE_OVER);
	maildirsize_forget(&m, 200);
	assert_int_equal(maildirsize_admit(&m, 100), MAILDIRSIZE_OK);
	maildirsize_add(&m, 400, 2);
	maildirsize_close(&m);
	assert_span_equal(size_file(p),
	    SPAN("1000S\n"
	         "         500            1\n"
	         "         400            2\n"));
}

static void test_folder(void **state)
{
	struct place *p = *state;
	struct place folder = { .root = openat(
		                    p->root, ".Sent", O_PATH | O_DIRECTORY) };

	assert_true(folder.root >= 0);
	put_file(p, ".Sent/maildirfolder", SPAN(""));
	put_message(p, "new/1.a", 600);
	put_file(p, "maildirsize", SPAN("1000S\n 600 1\n"));
	assert_false(deliver(&folder, "", 500));
	assert_true(deliver(&folder, "", 5));
	assert_span_equal(size_file(p),
	    SPAN("1000S\n 600 1\n"
	         "           5            1\n"));
	fd_close(&folder.root);
}

/* What others may have put there */
static void test_strange_files(void **state)
{
	struct place *p = *state;

	put_file(p, "other", SPAN("10S\n 5 1\n"));
	assert_int_equal(symlinkat("other", p->root, "maildirsize"), 0);
	assert_true(deliver(p, "", 500));
	assert_true(deliver(p, "1000S", 500));
	assert_int_equal(unlinkat(p->root, "maildirsize", 0), 0);

	assert_int_equal(
	    linkat(p->root, "other", p->root, "maildirsize", 0), 0);
	assert_true(deliver(p, "", 500));
	assert_true(deliver(p, "1000S", 500));
	assert_int_equal(unlinkat(p->root, "maildirsize", 0), 0);

	assert_int_equal(mkfifoat(p->root, "maildirsize", 0600), 0);
	assert_true(deliver(p, "", 500));
	assert_true(deliver(p, "1000S", 500));
	assert_int_equal(unlinkat(p->root, "maildirsize", 0), 0);

	/* A directory cannot be replaced: the count holds all the same. */
	assert_int_equal(mkdirat(p->root, "maildirsize", 0700), 0);
	assert_true(deliver(p, "", 500));
	assert_true(deliver(p, "1000S", 1000));
	assert_false(deliver(p, "1000S", 1001));
	assert_int_equal(unlinkat(p->root, "maildirsize", AT_REMOVEDIR), 0);

	/* Links to elsewhere are not counted. */
	put_message(p, "big", 5000);
	assert_int_equal(symlinkat("../big", p->root, "cur/1.a"), 0);
	assert_int_equal(symlinkat(".Sent", p->root, ".Loop"), 0);
	put_message(p, ".Sent/cur/2.b", 600);
	assert_true(deliver(p, "1000S", 400));
	assert_false(deliver(p, "1000S", 401));

	assert_int_equal(unlinkat(p->root, "other", 0), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotas),
		CASE(test_no_file_no_quota),
		CASE(test_made_and_kept),
		CASE(test_over),
		CASE(test_long_file),
		CASE(test_batch),
		CASE(test_folder),
		CASE(test_strange_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
