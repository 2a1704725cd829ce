/* SPDX-License-Identifier: ISC */
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/loop.h"
#include "test/lib/unit.h"

static int new_file(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

static void open_file(int fd)
{
	const struct log_setup setup = { .kind = LOG_KIND_FILE,
		.fd = fd,
		.host = SPAN("mx"),
		.syslog_name = SPAN("postfix"),
		.facility = LOG_FACILITY_MAIL };

	log_open(&setup);
}

/* Returns the other end. */
static int open_syslog_by(void (*use)(const struct log_setup *setup))
{
	struct log_setup setup = { .kind = LOG_KIND_SYSLOG,
		.host = SPAN("mx"),
		.syslog_name = SPAN("postfix"),
		.facility = LOG_FACILITY_MAIL };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	setup.fd = pair[0];
	use(&setup);
	return pair[1];
}

static int open_syslog(void)
{
	return open_syslog_by(log_open);
}

static size_t content(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return (size_t)n;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not match \"%s\"", text, pattern);
	regfree(&re);
}

static void expect_datagram(int fd, const char *pattern)
{
	char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	text[n] = '\0';
	assert_matches(text, pattern);
}

#define STAMP "[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} "

static void test_file(void **state UNUSED)
{
	char text[4096];
	int fd = new_file();

	open_file(dup(fd));
	log_line("smtpd", "connect from %s", "a[192.0.2.1]");
	log_warn("smtpd", "careful");
	log_error("qmgr", "wrong");
	log_fatal("master", "the end");
	log_as(SPAN("postfix/submission"), "smtpd", LOG_LEVEL_INFO, "x=%d", 7);
	log_as(SPAN(""), "smtpd", LOG_LEVEL_PANIC, "help");
	assert_int_equal(content(fd, text, sizeof(text)), 0);
	log_flush();
	(void)content(fd, text, sizeof(text));
	assert_matches(text,
	    "^" STAMP "mx postfix/smtpd\\[[0-9]+\\]: connect from "
	    "a\\[192\\.0\\.2\\.1\\]\n" STAMP
	    "mx postfix/smtpd\\[[0-9]+\\]: warning: careful\n" STAMP
	    "mx postfix/qmgr\\[[0-9]+\\]: error: wrong\n" STAMP
	    "mx postfix/master\\[[0-9]+\\]: fatal: the end\n" STAMP
	    "mx postfix/submission/smtpd\\[[0-9]+\\]: x=7\n" STAMP
	    "mx postfix/smtpd\\[[0-9]+\\]: panic: help\n$");
	log_done();
	(void)close(fd);
}

static void test_done_flushes(void **state UNUSED)
{
	char text[4096];
	int fd = new_file();

	open_file(dup(fd));
	log_line("smtpd", "last words");
	log_done();
	log_done();
	(void)content(fd, text, sizeof(text));
	assert_matches(text, ": last words\n$");
	(void)close(fd);
}

static void test_syslog(void **state UNUSED)
{
	char text[4096];
	int fd = open_syslog();
	ssize_t n;

	log_line("smtpd", "one");
	log_warn("smtpd", "two");
	log_error("smtpd", "three");
	log_fatal("smtpd", "four");
	log_flush();
	for (int i = 0; i < 4; i++) {
		static const char *const patterns[] = {
			"^<22>" STAMP "postfix/smtpd\\[[0-9]+\\]: one$",
			"^<20>" STAMP
			"postfix/smtpd\\[[0-9]+\\]: warning: two$",
			"^<19>" STAMP
			"postfix/smtpd\\[[0-9]+\\]: error: three$",
			"^<18>" STAMP "postfix/smtpd\\[[0-9]+\\]: fatal: four$",
		};

		n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
		assert_true(n > 0);
		text[n] = '\0';
		assert_matches(text, patterns[i]);
	}
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
	log_done();
	(void)close(fd);
}

/* clang-format off */
static const struct {
	span text, logged;
} hostile[] = {
	{ SPAN_INIT("plain ~ text"), SPAN_INIT("plain ~ text") },
	{ SPAN_INIT(""), SPAN_INIT("") },
	{ SPAN_INIT("a\r\nNov  5 forged"), SPAN_INIT("a??Nov  5 forged") },
	{ SPAN_INIT("nul\0tab\tesc\33[2Jdel\177"),
		SPAN_INIT("nul?tab?esc?[2Jdel?") },
	{ SPAN_INIT("gr\303\274n \342\202\254 \360\237\230\200"),
		SPAN_INIT("gr\303\274n \342\202\254 \360\237\230\200") },
	{ SPAN_INIT("latin1 gr\374n"), SPAN_INIT("latin1 gr?n") },
	{ SPAN_INIT("csi \302\2332J"), SPAN_INIT("csi ??2J") },
	{ SPAN_INIT("nbsp \302\240."), SPAN_INIT("nbsp \302\240.") },
	{ SPAN_INIT("overlong \300\257 \340\200\257 \360\200\200\257"),
		SPAN_INIT("overlong ?? ??? ????") },
	{ SPAN_INIT("surrogate \355\240\200"), SPAN_INIT("surrogate ???") },
	{ SPAN_INIT("beyond \364\220\200\200 \370"), SPAN_INIT("beyond ???? ?") },
	{ SPAN_INIT("stray \200"), SPAN_INIT("stray ?") },
	{ SPAN_INIT("half \342\202"), SPAN_INIT("half ??") },
	{ SPAN_INIT("half \303(x"), SPAN_INIT("half ?(x") },
};
/* clang-format on */

static span logged(int fd, char *text, size_t size)
{
	span line = span_of(text, content(fd, text, size));

	while (!span_skip(&line, SPAN("]: ")))
		line = span_from(line, 1);
	assert_true(line.len > 0);
	assert_true(line.ptr[line.len - 1] == '\n');
	line.len--;
	return line;
}

static void test_hostile_bytes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		char text[4096];
		int fd = new_file();

		open_file(dup(fd));
		log_text(SPAN_NONE, "smtpd", LOG_LEVEL_INFO, hostile[i].text);
		log_done();
		assert_span_equal(
		    logged(fd, text, sizeof(text)), hostile[i].logged);
		(void)close(fd);
	}
}

static void test_hostile_name(void **state UNUSED)
{
	char text[4096];
	int fd = new_file();

	open_file(dup(fd));
	log_as(SPAN("a\nb"), "smtpd", LOG_LEVEL_INFO, "x");
	log_done();
	(void)content(fd, text, sizeof(text));
	assert_matches(text, "mx a\\?b/smtpd\\[[0-9]+\\]: x\n$");
	(void)close(fd);
}

/* Cut where a character ends, wherever the limit falls in it. */
static void test_long_lines(void **state UNUSED)
{
	for (size_t shift = 0; shift < 4; shift++) {
		char text[8192];
		struct buf in = BUF_INIT(4096);
		int fd = new_file();
		span line;

		open_file(dup(fd));
		buf_put(&in, span_first(SPAN("xxx"), shift));
		for (int i = 0; i < 900; i++)
			buf_put(&in, SPAN("\360\237\230\200"));
		log_line("smtpd", "%s", buf_cstr(&in));
		log_done();
		line = logged(fd, text, sizeof(text));
		assert_int_equal(
		    line.len, shift + (LOG_TEXT_MAX - shift) / 4 * 4);
		assert_span_equal(line, span_first(buf_span(&in), line.len));
		buf_done(&in);
		(void)close(fd);
	}
}

static void test_leaves_at_end_of_round(void **state UNUSED)
{
	char text[4096];
	int fd = new_file();
	struct loop *l;

	assert_int_equal(loop_new(&l), 0);
	open_file(dup(fd));
	log_line("smtpd", "before the loop");
	log_attach(l);
	assert_int_equal(content(fd, text, sizeof(text)), 0);
	assert_int_equal(loop_round(l, 0), 0);
	assert_true(content(fd, text, sizeof(text)) > 0);
	log_line("smtpd", "in a round");
	assert_int_equal(loop_round(l, 0), 0);
	(void)content(fd, text, sizeof(text));
	assert_matches(text, "before the loop\n.*in a round\n$");
	log_done();
	loop_free(&l);
	(void)close(fd);
}

struct failures {
	int count;
	int error;
	int fresh; /* what to replace the descriptor with, or -1 */
};

static void on_failure(void *ctx, int error)
{
	struct failures *f = ctx;

	f->count++;
	f->error = error;
	if (f->fresh >= 0)
		log_replace(STEAL_FD(f->fresh));
}

static void test_failure_keeps_lines(void **state UNUSED)
{
	char text[4096];
	struct failures f = { .fresh = -1 };
	int fd = new_file();
	int broken = open("/dev/null", O_RDONLY | O_CLOEXEC);

	open_file(broken);
	log_on_failure(on_failure, &f);
	log_line("smtpd", "first");
	log_flush();
	assert_int_equal(f.count, 1);
	assert_int_equal(f.error, -EBADF);
	log_line("smtpd", "second");
	log_flush();
	assert_int_equal(f.count, 1); /* once per second */
	log_replace(dup(fd));
	(void)content(fd, text, sizeof(text));
	assert_matches(text, ": first\n.*: second\n$");
	log_done();
	(void)close(fd);
}

static void test_replaced_by_the_handler(void **state UNUSED)
{
	char text[4096];
	int fd = new_file();
	struct failures f = { .fresh = dup(fd) };

	open_file(open("/dev/null", O_RDONLY | O_CLOEXEC));
	log_on_failure(on_failure, &f);
	log_line("smtpd", "first");
	log_flush();
	(void)content(fd, text, sizeof(text));
	assert_matches(text, ": first\n$");
	log_done();
	(void)close(fd);
}

/* syslogd is gone, later it is back. */
static void test_syslog_restarts(void **state UNUSED)
{
	char text[4096];
	struct failures f = { .fresh = -1 };
	int fd = open_syslog();
	int pair[2];

	log_on_failure(on_failure, &f);
	(void)close(fd);
	log_line("smtpd", "first");
	log_flush();
	assert_int_equal(f.count, 1);
	assert_int_equal(f.error, -ECONNREFUSED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	log_replace(pair[0]);
	assert_true(recv(pair[1], text, sizeof(text), MSG_DONTWAIT) > 0);
	log_done();
	(void)close(pair[1]);
}

/* From syslogd to a file under another name; what waits has the old form. */
static void test_changed(void **state UNUSED)
{
	char text[4096];
	struct failures f = { .fresh = -1 };
	int syslog = open_syslog();
	int fd = new_file();
	struct log_setup setup = { .kind = LOG_KIND_FILE,
		.fd = dup(fd),
		.host = SPAN("mx"),
		.syslog_name = SPAN("other"),
		.facility = LOG_FACILITY_MAIL };

	log_on_failure(on_failure, &f);
	log_line("smtpd", "first");
	log_change(&setup);
	assert_true(recv(syslog, text, sizeof(text), MSG_DONTWAIT) > 0);
	log_line("smtpd", "second");
	log_flush();
	(void)content(fd, text, sizeof(text));
	assert_matches(text, "^" STAMP "mx other/smtpd\\[[0-9]+\\]: second\n$");

	(void)close(syslog);
	log_replace(open("/dev/null", O_RDONLY | O_CLOEXEC));
	log_line("smtpd", "third");
	log_line("smtpd", "fourth");
	syslog = open_syslog_by(log_change);
	log_line("smtpd", "fifth");
	log_flush();
	expect_datagram(syslog, "^<20>.*warning: 2 log lines were lost$");
	expect_datagram(syslog, "^<22>.*: fifth$");
	log_done();
	(void)close(syslog);
	(void)close(fd);
}

/* Nobody reads: bounded memory, a count of what was lost, and then on. */
static void test_full_sink(void **state UNUSED)
{
	int fd = open_syslog();
	struct loop *l;
	char text[4096];
	int got = 0;
	bool confessed = false;

	assert_int_equal(loop_new(&l), 0);
	log_attach(l);
	for (int i = 0; i < 10000; i++)
		log_line("smtpd", "%0100d", i);
	for (int i = 0; i < 100 && !confessed; i++) {
		ssize_t n;

		while (
		    (n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
			text[n] = '\0';
			got++;
			if (strstr(text, "log lines were lost"))
				confessed = true;
		}
		log_line("smtpd", "again");
		assert_int_equal(loop_round(l, 0), 0);
	}
	assert_true(confessed);
	assert_true(got > 1000 && got < 9999);
	log_done();
	loop_free(&l);
	(void)close(fd);
}

/* More than one call's worth of datagrams, in order. */
static void test_many_datagrams(void **state UNUSED)
{
	int fd = open_syslog();
	struct loop *l;
	char text[4096];
	int got = 0;

	assert_int_equal(loop_new(&l), 0);
	log_attach(l);
	for (int i = 0; i < 500; i++)
		log_line("smtpd", "number=%d.", i);
	while (got < 500) {
		char want[32];
		ssize_t n;

		assert_int_equal(loop_round(l, 200 * USEC_MSEC), 0);
		while (
		    (n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
			text[n] = '\0';
			(void)snprintf(want, sizeof(want), "number=%d.", got++);
			assert_non_null(strstr(text, want));
		}
	}
	log_done();
	loop_free(&l);
	(void)close(fd);
}

/* A line that waits is written by the parent alone, and pids differ. */
static void test_fork(void **state UNUSED)
{
	char text[4096];
	char want[256];
	int fd = new_file();
	pid_t pid;
	int status;

	open_file(dup(fd));
	log_line("smtpd", "once");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		log_line("smtpd", "child");
		log_flush();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	log_done();
	(void)content(fd, text, sizeof(text));
	(void)snprintf(want, sizeof(want),
	    "^[^\n]*\\[%d\\]: child\n[^\n]*\\[%d\\]: once\n$", pid, getpid());
	assert_matches(text, want);
	(void)close(fd);
}

static void test_stderr_before_open(void **state UNUSED)
{
	char text[256];
	int fd = new_file();
	int saved = dup(STDERR_FILENO);

	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	log_fatal("postfix", "no such directory: %s", "/x\ny");
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)content(fd, text, sizeof(text));
	assert_string_equal(text, "postfix: fatal: no such directory: /x?y\n");
	log_done();
	(void)close(saved);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_done_flushes),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_leaves_at_end_of_round),
		cmocka_unit_test(test_failure_keeps_lines),
		cmocka_unit_test(test_replaced_by_the_handler),
		cmocka_unit_test(test_syslog_restarts),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_full_sink),
		cmocka_unit_test(test_many_datagrams),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_stderr_before_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
