/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

/* NOLINTNEXTLINE(bugprone-suspicious-include): its parts are its own */
#include "map/tcp.c"

#include "test/lib/map_unit.h"

static struct map *open_tcp(struct map_unit *u)
{
	struct map *m;

	map_unit_init(u);
	m = map_open(&u->host, SPAN("tcp:127.0.0.1:1"), 0);
	assert_span_equal(map_error(m), SPAN_NONE);
	return m;
}

static const struct {
	const char *said;
	enum map_answer answer;
	const char *value;
	const char *warning;
} replies[] = {
	{ "200 value\n", MAP_FOUND, "value", "" },
	{ "200\tvalue\n", MAP_FOUND, "value", "" },
	{ "200 \n", MAP_FOUND, "", "" },
	{ "299 a%20b%0a%25\n", MAP_FOUND, "a b\n%", "" },
	{ "200 a b  c\n", MAP_FOUND, "a b  c", "" },
	{ "200 x\r\n", MAP_FOUND, "x\r", "" },
	{ "500 no\n", MAP_NONE, "", "" },
	{ "400 later\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: soft error: 400 later\n" },
	{ "300 x\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: bad status code: 300 x\n" },
	{ "200\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: 200\n" },
	{ "\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: \n" },
	{ "2x0 a\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: 2x0 a\n" },
	{ "200 %zz\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: 200 %zz\n" },
	{ "200 %4\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: 200 %4\n" },
	{ "200 a%00b\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: "
	    "200 a%00b\n" },
	{ "\x1b[2J\xff\n", MAP_RETRY, "",
	    "read TCP map reply from 127.0.0.1:1: malformed reply: _[2J_\n" },
};

static void test_replies(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct map_unit u;
		struct map *m = open_tcp(&u);
		struct tcp *t = CONTAINER_OF(m, struct tcp, map);
		struct buf value = BUF_INIT(10000);
		span line = span_str(replies[i].said);
		enum map_answer answer;

		line.len--; /* the reader takes the newline off */
		answer = judge(t, line, &value);
		assert_int_equal(answer, replies[i].answer);
		if (answer == MAP_FOUND)
			assert_span_equal(
			    buf_span(&value), span_str(replies[i].value));
		assert_span_equal(
		    buf_span(&u.warnings), span_str(replies[i].warning));
		buf_done(&value);
		map_close(&m);
		map_unit_done(&u);
	}
}

static void test_request(void **state UNUSED)
{
	struct buf out = BUF_INIT(100);

	put_quoted(&out, SPAN("a b%\n\xc3\xa9~!"));
	assert_span_equal(buf_span(&out), SPAN("a%20b%25%0A%C3%A9~!"));
	buf_done(&out);
}

/* Nobody listens at port 1: all the tries, and then no answer. */
static void test_refused(void **state UNUSED)
{
	struct map_unit u;
	struct map *m = open_tcp(&u);
	struct tcp *t = CONTAINER_OF(m, struct tcp, map);
	struct buf value = BUF_INIT(10000);
	span warnings;
	int lines = 0;

	t->pause = USEC_MSEC;
	assert_int_equal(map_find(m, SPAN("key"), &value), MAP_RETRY);
	warnings = buf_span(&u.warnings);
	while (warnings.len) {
		assert_span_equal(span_cut(&warnings, '\n'),
		    SPAN("connect to TCP map 127.0.0.1:1: "
		         "Connection refused"));
		lines++;
	}
	assert_int_equal(lines, MAX_TRIES);
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

/* One that never answers costs the time of one lookup, not of ten. */
static void test_silent(void **state UNUSED)
{
	struct map_unit u;
	struct map *m = open_tcp(&u);
	struct tcp *t = CONTAINER_OF(m, struct tcp, map);
	struct buf value = BUF_INIT(10000);
	int peer = map_unit_attach(t->server, SPAN_NONE);

	t->timeout = 50 * USEC_MSEC;
	assert_int_equal(map_find(m, SPAN("key"), &value), MAP_RETRY);
	assert_span_equal(buf_span(&u.warnings),
	    SPAN("read TCP map reply from 127.0.0.1:1: unexpected EOF "
	         "(time limit exceeded)\n"));
	close(peer);
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

static void test_refused_names(void **state UNUSED)
{
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("tcp:a:1"), MAP_NO_UNAUTH);
	assert_span_equal(map_error(m),
	    SPAN("tcp:a:1 map is not allowed for security sensitive data"));
	map_close(&m);
	m = map_open(&u.host, SPAN("tcp:[::1"), 0);
	assert_span_equal(map_error(m), SPAN("inet:[::1: missing \"]\""));
	map_close(&m);
	map_unit_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_refused_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
