/* SPDX-License-Identifier: ISC */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/lib/unit.h"

static void test_fd_close(void **state UNUSED)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int old = fd;

	assert_true(fd >= 0);
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(old, F_GETFD), -1);
	fd_close(&fd);
}

static int file_of(size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct buf b = BUF_INIT(1 << 20);

	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++)
		buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(file_write_all(fd, buf_span(&b)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buf_done(&b);
	return fd;
}

static void test_read_all(void **state UNUSED)
{
	static const struct {
		size_t size, max;
		int result;
	} cases[] = {
		{ 0, 10, 0 },
		{ 10, 10, 0 },
		{ 11, 10, -EFBIG },
		{ 0, 0, 0 },
		{ 1, 0, -EFBIG },
		{ 16 * 1024, 20 * 1024, 0 },
		{ 100 * 1024, 100 * 1024, 0 },
		{ 100 * 1024, 1 << 20, 0 },
		{ 100 * 1024 + 1, 100 * 1024, -EFBIG },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT(cases[i].max);
		int fd = file_of(cases[i].size);

		assert_int_equal(file_read_all(fd, &b), cases[i].result);
		assert_int_equal(b.len, MIN(cases[i].size, cases[i].max));
		for (size_t k = 0; k < b.len; k++)
			assert_int_equal(b.data[k], 'a' + k % 26);
		buf_done(&b);
		(void)close(fd);
	}
}

static void test_read_fails(void **state UNUSED)
{
	struct buf b = BUF_INIT(10);

	assert_int_equal(file_read_all(-1, &b), -EBADF);
	assert_int_equal(file_write_all(-1, SPAN("x")), -EBADF);
	buf_done(&b);
}

static void test_read_named(void **state UNUSED)
{
	struct buf b = BUF_INIT(10);
	char longest[5000];

	memset(longest, 'x', sizeof(longest));
	assert_int_equal(file_read_named(SPAN("/dev/null"), &b), 0);
	assert_int_equal(file_read_named(SPAN("/dev/zero"), &b), -EFBIG);
	assert_int_equal(b.len, 10);
	/* A span ends where it says. */
	assert_int_equal(
	    file_read_named(span_first(SPAN("/dev/null/x"), 9), &b), 0);
	assert_int_equal(file_read_named(SPAN("/dev/none"), &b), -ENOENT);
	assert_int_equal(file_read_named(span_of(longest, sizeof(longest)), &b),
	    -ENAMETOOLONG);
	buf_done(&b);
}

static void test_memfd_and_map(void **state UNUSED)
{
	char text[16];
	int fd = file_memfd("conf", SPAN("content"));
	span map;

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 7);
	assert_memory_equal(text, "content", 7);
	assert_int_equal(file_write_all(fd, SPAN("x")), -EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(file_map(fd, 6, &map), -EFBIG);
	assert_int_equal(file_map(fd, 7, &map), 0);
	assert_span_equal(map, SPAN("content"));
	file_unmap(&map);
	assert_null(map.ptr);
	file_unmap(&map);
	(void)close(fd);
}

static void test_map_empty(void **state UNUSED)
{
	int fd = file_memfd("conf", SPAN(""));
	span map = SPAN("before");

	assert_int_equal(file_map(fd, 7, &map), 0);
	assert_int_equal(map.len, 0);
	file_unmap(&map);
	(void)close(fd);
	assert_int_equal(file_map(fd, 7, &map), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd_close),
		cmocka_unit_test(test_read_all),
		cmocka_unit_test(test_read_fails),
		cmocka_unit_test(test_read_named),
		cmocka_unit_test(test_memfd_and_map),
		cmocka_unit_test(test_map_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
