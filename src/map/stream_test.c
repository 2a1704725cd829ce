/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "map/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "test/lib/map_unit.h"

static struct stream *new_stream(void)
{
	struct buf reason = BUF_INIT(1000);
	struct stream *s = stream_new(SPAN("unix:/nonexistent/x"), &reason);

	assert_non_null(s);
	buf_done(&reason);
	return s;
}

/* --- targets --- */

static const struct {
	const char *target, *endpoint, *reason;
} targets[] = {
	{ "inet:localhost:25", "localhost:25", NULL },
	{ "inet:[::1]:25", "[::1]:25", NULL },
	{ "inet:[ipv6:::1]:25", "[ipv6:::1]:25", NULL },
	{ "inet:smtp", "smtp", NULL },
	{ "inet::25", ":25", NULL },
	{ "unix:/a:b", "/a:b", NULL },
	{ "local:/a", "/a", NULL },
	{ "unix:", NULL, "unix:: bad pathname" },
	{ "inet:", NULL, "inet:: missing service information" },
	{ "inet:h:", NULL, "inet:h:: missing service information" },
	{ "inet:[::1]", NULL, "inet:[::1]: missing service information" },
	{ "inet:[::1", NULL, "inet:[::1: missing \"]\"" },
	{ "inet:[::1]x:1", NULL, "inet:[::1]x:1: garbage after \"]\"" },
	{ "inet:[]:1", NULL, "inet:[]:1: missing host information" },
	{ "tcp:a:1", NULL, "tcp:a:1: need inet:host:port or unix:pathname" },
	{ "", NULL, ": need inet:host:port or unix:pathname" },
};

static void test_targets(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct buf reason = BUF_INIT(1000);
		struct stream *s =
		    stream_new(span_str(targets[i].target), &reason);

		assert_int_equal(s != NULL, targets[i].endpoint != NULL);
		assert_span_equal(
		    buf_span(&reason), span_str(targets[i].reason));
		if (s)
			assert_span_equal(
			    stream_endpoint(s), span_str(targets[i].endpoint));
		stream_unref(&s);
		buf_done(&reason);
	}
}

static void test_shared(void **state UNUSED)
{
	struct buf reason = BUF_INIT(1000);
	struct stream *a = stream_share(SPAN("unix:/a"), &reason);
	struct stream *b = stream_share(SPAN("unix:/b"), &reason);
	struct stream *also_a = stream_share(SPAN("unix:/a"), &reason);
	struct stream *own = stream_new(SPAN("unix:/a"), &reason);

	assert_ptr_equal(a, also_a);
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(a, own);
	stream_unref(&own);
	stream_unref(&a);
	assert_null(a);
	a = stream_share(SPAN("unix:/a"), &reason);
	assert_ptr_equal(a, also_a);
	stream_unref(&a);
	stream_unref(&also_a);
	stream_unref(&b);
	stream_unref(&b);
	buf_done(&reason);
}

static void test_nobody_there(void **state UNUSED)
{
	struct stream *s = new_stream();
	int r = stream_begin(s, USEC_SEC);

	assert_int_equal(r, -ENOENT);
	assert_string_equal(stream_strerror(s, r), "No such file or directory");
	stream_end(s, r);
	stream_unref(&s);
}

static void test_no_such_host(void **state UNUSED)
{
	struct buf reason = BUF_INIT(1000);
	struct stream *s = stream_new(SPAN("inet:[::1%]:zz"), &reason);
	int r = stream_begin(s, USEC_SEC);

	assert_int_equal(r, -EADDRNOTAVAIL);
	assert_memory_equal(
	    stream_strerror(s, r), "host or service [::1%]:zz not found: ", 37);
	stream_unref(&s);
	buf_done(&reason);
}

/* --- reading --- */

static const struct {
	const char *said;
	size_t max;
	int result;
	const char *line;
} lines[] = {
	{ "one\ntwo\n", 100, 0, "one" },
	{ "\n", 100, 0, "" },
	{ "abc\r\n", 100, 0, "abc\r" },
	{ "abc\n", 4, 0, "abc" },
	{ "abcd\n", 4, STREAM_TOO_LONG, NULL },
	{ "abc", 100, STREAM_HUNG_UP, NULL },
	{ "", 100, STREAM_HUNG_UP, NULL },
};

static void test_lines(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct stream *s = new_stream();
		int peer = map_unit_attach(s, span_str(lines[i].said));
		span line = SPAN_NONE;
		int r;

		close(peer);
		s->deadline = clock_monotonic() + USEC_SEC;
		r = stream_read_line(s, lines[i].max, &line);
		assert_int_equal(r, lines[i].result);
		assert_span_equal(line, span_str(lines[i].line));
		stream_end(s, r);
		stream_unref(&s);
	}
}

static const struct {
	const char *said;
	size_t max;
	int result;
	const char *content;
} netstrings[] = {
	{ "5:hello,", 5, 0, "hello" },
	{ "0:,", 5, 0, "" },
	{ ":,", 5, 0, "" },
	{ "005:hello,", 5, 0, "hello" },
	{ "6:hello,,", 5, STREAM_TOO_LONG, NULL },
	{ "99999999999999999999:", 5, STREAM_TOO_LONG, NULL },
	{ "00000000000000000000:", 5, STREAM_TOO_LONG, NULL },
	{ "5:hello;", 5, STREAM_MALFORMED, NULL },
	{ "4:hello,", 5, STREAM_MALFORMED, NULL },
	{ "-1:hello,", 5, STREAM_MALFORMED, NULL },
	{ " 5:hello,", 5, STREAM_MALFORMED, NULL },
	{ "5:hell", 5, STREAM_HUNG_UP, NULL },
	{ "5", 5, STREAM_HUNG_UP, NULL },
};

static void test_netstrings(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(netstrings); i++) {
		struct stream *s = new_stream();
		int peer = map_unit_attach(s, span_str(netstrings[i].said));
		span content = SPAN_NONE;
		int r;

		close(peer);
		s->deadline = clock_monotonic() + USEC_SEC;
		r = stream_read_netstring(s, netstrings[i].max, &content);
		assert_int_equal(r, netstrings[i].result);
		assert_span_equal(content, span_str(netstrings[i].content));
		stream_unref(&s);
	}
}

static void test_mixed(void **state UNUSED)
{
	struct stream *s = new_stream();
	int peer = map_unit_attach(s, SPAN("line\nbytes3:net,rest"));
	span got;

	s->deadline = clock_monotonic() + USEC_SEC;
	assert_int_equal(stream_read_line(s, 100, &got), 0);
	assert_span_equal(got, SPAN("line"));
	assert_int_equal(stream_read_bytes(s, 5, &got), 0);
	assert_span_equal(got, SPAN("bytes"));
	assert_int_equal(stream_read_netstring(s, 100, &got), 0);
	assert_span_equal(got, SPAN("net"));
	/* There is more than the answer: no longer to be trusted. */
	stream_end(s, 0);
	assert_int_equal(s->fd, -1);
	close(peer);
	stream_unref(&s);
}

/* --- time --- */

static void test_deadline(void **state UNUSED)
{
	struct stream *s = new_stream();
	int peer = map_unit_attach(s, SPAN_NONE);
	usec began = clock_monotonic();
	span line;
	int r;

	assert_int_equal(stream_begin(s, 50 * USEC_MSEC), 0);
	assert_true(s->reused);
	r = stream_read_line(s, 100, &line);
	assert_int_equal(r, -ETIMEDOUT);
	assert_string_equal(stream_strerror(s, r), "time limit exceeded");
	assert_true(clock_monotonic() - began >= 50 * USEC_MSEC);
	stream_end(s, r);
	assert_int_equal(s->fd, -1);
	close(peer);
	stream_unref(&s);
}

/* A peer that does not read, and more than the sockets hold. */
static void test_write_deadline(void **state UNUSED)
{
	struct stream *s = new_stream();
	int peer = map_unit_attach(s, SPAN_NONE);
	static char much[4 << 20];

	assert_int_equal(stream_begin(s, 50 * USEC_MSEC), 0);
	assert_int_equal(
	    stream_write(s, span_of(much, sizeof(much))), -ETIMEDOUT);
	close(peer);
	assert_int_equal(stream_write(s, SPAN("x")), STREAM_HUNG_UP);
	stream_unref(&s);
}

static void test_lifetime(void **state UNUSED)
{
	struct stream *s = new_stream();
	int peer = map_unit_attach(s, SPAN_NONE);

	stream_lifetime(s, USEC_SEC, 10 * USEC_SEC);
	assert_int_equal(stream_begin(s, USEC_SEC), 0);
	s->used -= 2 * USEC_SEC;
	assert_int_equal(stream_begin(s, USEC_SEC), -ENOENT);
	close(peer);
	peer = map_unit_attach(s, SPAN_NONE);
	s->opened -= 11 * USEC_SEC;
	assert_int_equal(stream_begin(s, USEC_SEC), -ENOENT);
	close(peer);
	stream_unref(&s);
}

/* What comes while nobody asks is no answer to the next question. */
static void test_unasked(void **state UNUSED)
{
	struct stream *s = new_stream();
	int peer = map_unit_attach(s, SPAN("200 evil\n"));

	assert_int_equal(stream_begin(s, USEC_SEC), -ENOENT);
	close(peer);
	peer = map_unit_attach(s, SPAN_NONE);
	close(peer);
	assert_int_equal(stream_begin(s, USEC_SEC), -ENOENT);
	stream_unref(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_no_such_host),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_netstrings),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_write_deadline),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
