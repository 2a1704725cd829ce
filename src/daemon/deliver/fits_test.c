/* SPDX-License-Identifier: ISC */
/* How much room there is; what is missing or odd is no reason to say none. */
#include "daemon/deliver/fits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/lib/worker.h"

struct place {
	struct bench b;
	char path[128];
};

static int setup(void **state)
{
	struct place *p = NEW(struct place);

	bench_begin(&p->b);
	*state = p;
	return 0;
}

static const char *path_of(struct place *p, const char *name)
{
	(void)snprintf(p->path, sizeof(p->path), "%s/%s", p->b.home, name);
	return p->path;
}

static int teardown(void **state)
{
	struct place *p = *state;

	if (p->b.worker.dir >= 0)
		(void)close(p->b.worker.dir);
	bench_end(&p->b);
	mem_free(p);
	return 0;
}

static void make(struct place *p, const char *name, size_t size)
{
	int fd = open(path_of(p, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(close(fd), 0);
}

static bool fits(struct place *p, const struct work_item *item)
{
	struct sync_msg msg;
	struct work_done done;

	fits_tell(&p->b.worker, item);
	bench_answer(&p->b, &msg, &done);
	assert_int_equal(done.number, item->number);
	if (done.verdict.class == VERDICT_SENT)
		return true;
	assert_int_equal(done.verdict.class, VERDICT_BOUNCED);
	assert_span_equal(done.verdict.status, SPAN("5.2.2"));
	return false;
}

static bool fits_file(
    struct place *p, const char *name, uint64_t limit, uint64_t size)
{
	const struct work_item item = {
		.number = 7,
		.kind = p->b.worker.dir >= 0 ? WORK_SPOOL : WORK_MBOX,
		.path =
		    span_str(p->b.worker.dir >= 0 ? name : path_of(p, name)),
		.size_max = limit,
		.size = size,
	};

	return fits(p, &item);
}

static void test_file(void **state)
{
	struct place *p = *state;

	make(p, "box", 1000);
	assert_int_equal(mkdir(path_of(p, "odd"), 0700), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(fits_file(p, "box", 1000, 0));
		assert_false(fits_file(p, "box", 1000, 1));
		assert_true(fits_file(p, "box", 1500, 500));
		assert_false(fits_file(p, "box", 1500, 501));
		assert_false(fits_file(p, "box", 999, 0));
		assert_false(fits_file(p, "box", UINT64_MAX, UINT64_MAX));
		assert_true(fits_file(p, "box", 0, UINT64_MAX));
		assert_true(fits_file(p, "none", 10, 11));
		assert_true(fits_file(p, "odd", 10, 11));
		/* The same, as a scribe. */
		p->b.worker.dir = open(p->b.home, O_PATH | O_DIRECTORY);
	}
}

static bool fits_maildir(
    struct place *p, uint32_t flags, span quota, uint64_t size)
{
	const struct work_item item = {
		.number = 7,
		.kind = WORK_MAILDIR,
		.flags = flags,
		.path = span_str(path_of(p, "dir/")),
		.quota = quota,
		.size = size,
	};

	return fits(p, &item);
}

static void test_maildir(void **state)
{
	struct place *p = *state;
	const span quota = SPAN("1500S,2C");

	/* Nothing was delivered yet: nothing is made. */
	assert_true(fits_maildir(p, WORK_QUOTA, quota, 1500));
	assert_false(fits_maildir(p, WORK_QUOTA, quota, 1501));
	assert_true(fits_maildir(p, WORK_QUOTA, SPAN("1C"), 1501));
	assert_int_equal(access(path_of(p, "dir"), F_OK), -1);

	assert_int_equal(mkdir(path_of(p, "dir"), 0700), 0);
	assert_int_equal(mkdir(path_of(p, "dir/tmp"), 0700), 0);
	assert_int_equal(mkdir(path_of(p, "dir/new"), 0700), 0);
	make(p, "dir/new/1", 1000);
	assert_true(fits_maildir(p, WORK_QUOTA, quota, 500));
	assert_false(fits_maildir(p, WORK_QUOTA, quota, 501));
	assert_true(fits_maildir(p, 0, quota, 501));
	/* Asking adds nothing to what is there. */
	assert_true(fits_maildir(p, WORK_QUOTA, quota, 500));
	assert_false(fits_maildir(p, WORK_QUOTA, SPAN("1C"), 0));
	/* Somebody else's quota holds where there is none of ours. */
	assert_false(fits_maildir(p, WORK_QUOTA, SPAN_NONE, 0));
	assert_true(fits_maildir(p, WORK_QUOTA, SPAN("nonsense"), 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maildir, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
