/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

/* NOLINTNEXTLINE(bugprone-suspicious-include): to get at its connection */
#include "map/socketmap.c"

#include "test/lib/map_unit.h"

#define TABLE "socketmap:unix:/nonexistent/socket:aliases"
#define LOST  "table " TABLE " lookup error: "

static struct map *open_socketmap(struct map_unit *u)
{
	struct map *m = map_open(&u->host, SPAN(TABLE), 0);

	assert_span_equal(map_error(m), SPAN_NONE);
	return m;
}

static struct stream *server_of(struct map *m)
{
	return CONTAINER_OF(m, struct socketmap, map)->server;
}

static const struct {
	const char *said;
	enum map_answer answer;
	const char *value;
	const char *warning;
} replies[] = {
	{ "8:OK value,", MAP_FOUND, "value", "" },
	{ "10:OK  va lue,", MAP_FOUND, " va lue", "" },
	{ "3:OK ,", MAP_FOUND, "", "" },
	{ "2:OK,", MAP_FOUND, "", "" },
	{ "9:NOTFOUND ,", MAP_NONE, "", "" },
	{ "8:NOTFOUND,", MAP_NONE, "", "" },
	{ "9:TEMP busy,", MAP_RETRY, "",
	    TABLE " socketmap server temporary error: busy\n" },
	{ "12:TIMEOUT  why,", MAP_RETRY, "",
	    TABLE " socketmap server timeout error: why\n" },
	{ "10:PERM no\x01no,", MAP_RETRY, "",
	    TABLE " socketmap server permanent error: no?no\n" },
	{ "4:PERM,", MAP_RETRY, "",
	    TABLE " socketmap server permanent error\n" },
	{ "4:ok x,", MAP_RETRY, "",
	    TABLE " socketmap server unknown error: x\n" },
	{ "0:,", MAP_RETRY, "", TABLE " socketmap server unknown error\n" },
	{ "x:,", MAP_RETRY, "", LOST "input format error\n" },
	{ "5:OK xx;", MAP_RETRY, "", LOST "input format error\n" },
	{ "100001:", MAP_RETRY, "", LOST "input exceeds size limit\n" },
};

static void test_replies(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct map_unit u;
		struct map_peer peer;
		struct buf value = BUF_INIT(10000);
		enum map_answer answer;
		struct map *m;

		map_unit_init(&u);
		m = open_socketmap(&u);
		map_peer_start(&peer, server_of(m), span_str(replies[i].said));
		answer = map_find(m, SPAN("some key"), &value);
		assert_span_equal(
		    map_peer_join(&peer), SPAN("16:aliases some key,"));
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

static void test_null_byte(void **state UNUSED)
{
	struct map_unit u;
	struct map_peer peer;
	struct buf value = BUF_INIT(10000);
	struct map *m;

	map_unit_init(&u);
	m = open_socketmap(&u);
	map_peer_start(&peer, server_of(m), SPAN("6:OK a\0b,"));
	assert_int_equal(map_find(m, SPAN("k"), &value), MAP_RETRY);
	(void)map_peer_join(&peer);
	assert_span_equal(
	    buf_span(&u.warnings), SPAN(LOST "null byte in the result\n"));
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

/* A server that hangs up is asked again, on a connection of its own. */
static void test_hung_up(void **state UNUSED)
{
	struct map_unit u;
	struct map_peer peer;
	struct buf value = BUF_INIT(10000);
	struct map *m;

	map_unit_init(&u);
	m = open_socketmap(&u);
	map_peer_start(&peer, server_of(m), SPAN("5:OK "));
	assert_int_equal(map_find(m, SPAN("k"), &value), MAP_RETRY);
	(void)map_peer_join(&peer);
	assert_span_equal(buf_span(&u.warnings),
	    SPAN("connect to /nonexistent/socket: No such file or "
	         "directory\n" LOST "No such file or directory\n"));
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

static void test_silent(void **state UNUSED)
{
	struct map_unit u;
	struct buf value = BUF_INIT(10000);
	struct map *m;
	int peer;

	map_unit_init(&u);
	m = open_socketmap(&u);
	CONTAINER_OF(m, struct socketmap, map)->timeout = 50 * USEC_MSEC;
	peer = map_unit_attach(server_of(m), SPAN_NONE);
	assert_int_equal(map_find(m, SPAN("k"), &value), MAP_RETRY);
	assert_span_equal(
	    buf_span(&u.warnings), SPAN(LOST "time limit exceeded\n"));
	close(peer);
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

static void test_limits(void **state UNUSED)
{
	static const char *const params[] = { "socketmap_max_reply_size=3",
		"socketmap_max_query_size=4", NULL };
	struct map_unit u;
	struct map_peer peer;
	struct buf value = BUF_INIT(10000);
	struct map *m;

	map_unit_init(&u);
	u.params = params;
	m = open_socketmap(&u);
	assert_int_equal(map_find(m, SPAN("12345"), &value), MAP_NONE);
	map_peer_start(&peer, server_of(m), SPAN("4:OK x,"));
	assert_int_equal(map_find(m, SPAN("1234"), &value), MAP_RETRY);
	(void)map_peer_join(&peer);
	assert_span_equal(buf_span(&u.warnings),
	    SPAN("table " TABLE " query too large: '12345', "
	         "returning 'not found'\n" LOST "input exceeds size limit\n"));
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

static const struct {
	const char *spec;
	unsigned flags;
	const char *error;
} specs[] = {
	{ "socketmap:inet:h:1:name", 0, "" },
	{ "socketmap:unix:/a:name", 0, "" },
	{ "socketmap:name", 0, "socketmap requires server:socketmap argument" },
	{ "socketmap:tcp:h:1:name", 0,
	    "tcp:h:1: need inet:host:port or unix:pathname" },
	{ "socketmap:unix:/a:name", MAP_NO_UNAUTH,
	    "socketmap:unix:/a:name map is not allowed for "
	    "security-sensitive data" },
};

static void test_specs(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		struct map_unit u;
		struct map *m;

		map_unit_init(&u);
		m = map_open(&u.host, span_str(specs[i].spec), specs[i].flags);
		assert_span_equal(map_error(m), span_str(specs[i].error));
		map_close(&m);
		map_unit_done(&u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_null_byte),
		cmocka_unit_test(test_hung_up),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
