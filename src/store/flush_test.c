/* SPDX-License-Identifier: ISC */
#include "store/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "test/lib/unit.h"

/* Each has a result of its own, however many there are. */
static void test_results(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 17, 100 };
	struct flusher *const flushers[] = { NULL, flusher_new() };
	struct flush files[100];
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	int pair[2];

	(void)state;
	if (fd < 0)
		fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pipe(pair), 0);
	for (size_t c = 0; c < 2 * ARRAY_LEN(counts); c++) {
		size_t n = counts[c / 2];

		for (size_t i = 0; i < n; i++)
			files[i] = (struct flush){
				.fd = i % 3 == 2 ? pair[0] : fd,
				.result = 1,
			};
		flusher_run(flushers[c % 2], files, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(
			    files[i].result, i % 3 == 2 ? -EINVAL : 0);
	}
	flusher_free(&(struct flusher *){ flushers[1] });
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(pair[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
