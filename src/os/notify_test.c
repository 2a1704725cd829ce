/* SPDX-License-Identifier: ISC */
#include "os/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/file.h"
#include "test/lib/unit.h"

/* Bind a socket of a manager to `name` ("@..." is abstract). */
static int manager(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(at.sun_path, name, strlen(name));
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	else
		len++;
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)(void *)&at, len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static span heard(int fd, char text[256])
{
	ssize_t n = recv(fd, text, 255, 0);

	return span_of(text, n > 0 ? (size_t)n : 0);
}

static void check_dialogue(const char *name)
{
	struct notify n = NOTIFY_INIT;
	int fd = manager(name);
	char text[256];

	notify_open(&n);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(heard(fd, text).len, 0);
	notify_ready(&n);
	assert_span_equal(heard(fd, text), SPAN("READY=1\nSTATUS=running\n"));
	notify_reloading(&n);
	assert_true(span_has_prefix(
	    heard(fd, text), SPAN("RELOADING=1\nMONOTONIC_USEC=")));
	notify_stopping(&n);
	assert_true(span_has_prefix(heard(fd, text), SPAN("STOPPING=1\n")));
	/* A manager that went away is no reason to complain. */
	(void)close(fd);
	notify_ready(&n);
	notify_close(&n);
	notify_close(&n);
}

static void test_path(void **state UNUSED)
{
	char name[64];

	(void)snprintf(
	    name, sizeof(name), "/tmp/chasqui-notify-%d", (int)getpid());
	check_dialogue(name);
	(void)unlink(name);
}

static void test_abstract(void **state UNUSED)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "@chasqui-notify-%d", (int)getpid());
	check_dialogue(name);
}

static void test_nobody(void **state UNUSED)
{
	char longest[200];
	const char *const names[] = { NULL, "", "/", "@", "relative",
		"/nonexistent/socket", longest };

	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct notify n = NOTIFY_INIT;

		(void)unsetenv("NOTIFY_SOCKET");
		if (names[i])
			assert_int_equal(
			    setenv("NOTIFY_SOCKET", names[i], 1), 0);
		notify_open(&n);
		assert_int_equal(n.fd, -1);
		assert_null(getenv("NOTIFY_SOCKET"));
		notify_ready(&n);
		notify_close(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
