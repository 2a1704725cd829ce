/* SPDX-License-Identifier: ISC */
/* Homes, ~/.forward and included lists, seen by the user himself. */
#include "daemon/deliver/look.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/lib/worker.h"

struct place {
	struct bench b;
	struct sync_msg msg;
	struct work_done done; /* the last answer */
};

static int setup(void **state)
{
	struct place *p = NEW(struct place);

	bench_begin(&p->b);
	*state = p;
	return 0;
}

static const char *path_of(const struct place *p, const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", p->b.home, name);
	return path;
}

static int teardown(void **state)
{
	struct place *p = *state;

	bench_end(&p->b);
	mem_free(p);
	return 0;
}

static void make(const struct place *p, const char *name, mode_t mode)
{
	const char *path = path_of(p, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\\ana, bob\n", 10), 10);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

/* Look, with both candidates. True: it may be delivered. */
static bool look(struct place *p, uint32_t flags)
{
	char paths[2][128];
	span forward[2];
	struct work_item item = {
		.number = 7,
		.kind = WORK_MBOX,
		.flags = flags,
		.uid = geteuid(),
		.gid = getegid(),
		.home = span_str(p->b.home),
		.address = SPAN("ana@example.com"),
		.nforward = 2,
		.forward = forward,
	};

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "%s",
		    path_of(p, i == 0 ? ".forward+x" : ".forward"));
		forward[i] = span_str(paths[i]);
	}
	if (look_first(&p->b.worker, &item))
		return true;
	bench_answer(&p->b, &p->msg, &p->done);
	assert_int_equal(p->done.number, 7);
	return false;
}

static void test_no_home(void **state)
{
	struct place *p = *state;
	char text[160];

	assert_true(look(p, WORK_NEEDS_HOME));
	assert_int_equal(rmdir(p->b.home), 0);
	assert_true(look(p, 0));
	assert_false(look(p, WORK_NEEDS_HOME));
	assert_int_equal(p->done.verdict.class, VERDICT_DEFERRED);
	assert_span_equal(p->done.verdict.status, SPAN("4.3.0"));
	(void)snprintf(text, sizeof(text),
	    "cannot access home directory %s: No such file or directory",
	    p->b.home);
	assert_span_equal(p->done.verdict.text, span_str(text));
	assert_int_equal(mkdir(p->b.home, 0700), 0);
}

static void test_forward(void **state)
{
	struct place *p = *state;

	make(p, ".forward", 0644);
	assert_false(look(p, 0));
	assert_int_equal(p->done.found, WORK_FOUND_FORWARD);
	assert_int_equal(p->done.which, 1);
	assert_span_equal(p->done.bytes, SPAN("\\ana, bob\n"));

	/* A scribe does not look into it. */
	p->b.worker.setup.kind = WORK_SCRIBE;
	assert_false(look(p, 0));
	assert_int_equal(p->done.found, WORK_FOUND_FORWARD);
	assert_int_equal(p->done.which, 1);
	assert_int_equal(p->done.bytes.len, 0);
}

static void expect_warning(
    struct place *p, const char *before, const char *after)
{
	char text[256];

	assert_false(look(p, 0));
	assert_int_equal(p->done.found, WORK_FOUND_NOTHING);
	assert_int_equal(p->done.bytes.len, 0);
	(void)snprintf(
	    text, sizeof(text), "%s %s/.forward+x%s", before, p->b.home, after);
	assert_span_equal(p->done.warning, span_str(text));
}

/* The first that is there counts, even if it may not be trusted. */
static void test_distrust(void **state)
{
	struct place *p = *state;

	make(p, ".forward", 0644);
	make(p, ".forward+x", 0646);
	expect_warning(p, "file", " is world writable");
	assert_int_equal(unlink(path_of(p, ".forward+x")), 0);

	make(p, "real", 0644);
	assert_int_equal(symlink("real", path_of(p, ".forward+x")), 0);
	expect_warning(p, "file", " is not a regular file");
	assert_int_equal(unlink(path_of(p, ".forward+x")), 0);

	assert_int_equal(mkfifo(path_of(p, ".forward+x"), 0600), 0);
	expect_warning(p, "file", " is not a regular file");
	assert_int_equal(unlink(path_of(p, ".forward+x")), 0);

	if (geteuid() != 0)
		return;
	make(p, ".forward+x", 0644);
	assert_int_equal(chown(path_of(p, ".forward+x"), 12345, 12345), 0);
	expect_warning(p, "file", " has bad owner uid 12345");
}

static void test_large_forward(void **state)
{
	struct place *p = *state;

	make(p, ".forward+x", 0644);
	assert_int_equal(
	    truncate(path_of(p, ".forward+x"), WORK_MAX_BYTES + 1), 0);
	expect_warning(p, "cannot read file", ": File too large");
}

static void read_list(struct place *p, const char *name)
{
	const struct work_item item = {
		.number = 8,
		.kind = WORK_READ,
		.path = span_str(path_of(p, name)),
	};

	look_read(&p->b.worker, &item, -1);
	bench_answer(&p->b, &p->msg, &p->done);
}

static void expect_no_list(struct place *p, const char *name, const char *end)
{
	read_list(p, name);
	assert_int_equal(p->done.found, WORK_FOUND_NONE);
	assert_int_equal(p->done.verdict.class, VERDICT_BOUNCED);
	assert_span_equal(p->done.verdict.status, SPAN("5.3.5"));
	assert_span_equal(
	    p->done.verdict.text, SPAN("mail system configuration error"));
	assert_true(span_has_suffix_nocase(p->done.warning, span_str(end)));
}

static void test_list(void **state)
{
	struct place *p = *state;

	make(p, "real", 0644);
	assert_int_equal(symlink("real", path_of(p, ".forward")), 0);
	read_list(p, ".forward");
	assert_int_equal(p->done.found, WORK_FOUND_LIST);
	assert_span_equal(p->done.bytes, SPAN("\\ana, bob\n"));

	assert_int_equal(chmod(path_of(p, "real"), 0646), 0);
	expect_no_list(p, "real", "/real is world writable");
	assert_int_equal(unlink(path_of(p, "real")), 0);
	expect_no_list(p, "real", "/real: No such file or directory");
	assert_int_equal(mkfifo(path_of(p, "real"), 0644), 0);
	expect_no_list(p, "real", "/real is not a regular file");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_no_home),
		CASE(test_forward),
		CASE(test_distrust),
		CASE(test_large_forward),
		CASE(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
