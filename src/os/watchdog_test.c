/* SPDX-License-Identifier: ISC */
#include "os/watchdog.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/lib/unit.h"

/* The exit status of a child that does this under a limit of 50 ms. */
static int run(void (*work)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(STDERR_FILENO);
		if (watchdog_start(50 * USEC_MSEC) < 0)
			_exit(2);
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void rest(unsigned ms)
{
	struct timespec left = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void hang(void)
{
	watchdog_begin();
	rest(10000);
}

static void idle(void)
{
	watchdog_begin();
	watchdog_end();
	rest(300);
}

static void many(void)
{
	for (int i = 0; i < 30; i++) {
		watchdog_begin();
		rest(10);
		watchdog_end();
	}
}

static void test_hang(void **state UNUSED)
{
	assert_int_equal(run(hang), 1);
}

static void test_no_hang(void **state UNUSED)
{
	assert_int_equal(run(idle), 0);
	assert_int_equal(run(many), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_no_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
