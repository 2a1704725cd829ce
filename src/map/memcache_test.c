/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

/* NOLINTNEXTLINE(bugprone-suspicious-include): to get at its connection */
#include "map/memcache.c"

#include "test/lib/map_unit.h"

#define WHERE "(localhost:11211)"
#define ODD   "memcache:x: unexpected memcache server reply: "

static const struct {
	const char *says;
	enum map_answer answer;
	const char *value;
	const char *warning;
} replies[] = {
	{ "VALUE p:k 0 3\r\na b\r\nEND\r\n", MAP_FOUND, "a b", "" },
	{ "VALUE p:k 7 0\r\n\r\nEND\n", MAP_FOUND, "", "" },
	{ "VALUE p:k 0 1 99\r\nx\r\nEND\r\n", MAP_FOUND, "x", "" },
	{ "VALUE p:k 0 1\r\nx\r\nwhat\r\n", MAP_FOUND, "x", "" },
	{ "END\r\n", MAP_NONE, "", "" },
	{ "VALUE k 0 1\r\nx\r\nEND\r\n", MAP_RETRY, "",
	    ODD "VALUE k 0 1 " WHERE "\n" },
	{ "VALUE p:k 0 9\r\nx\r\nEND\r\n", MAP_RETRY, "",
	    ODD "VALUE p:k 0 9 " WHERE "\n" },
	{ "VALUE p:k 0 2\r\nabc\r\nEND\r\n", MAP_RETRY, "",
	    ODD "abc_ " WHERE "\n" },
	{ "ERROR\r\n", MAP_RETRY, "", ODD "ERROR " WHERE "\n" },
	{ "\r\n", MAP_RETRY, "", ODD " " WHERE "\n" },
	{ "EN", MAP_RETRY, "",
	    "database memcache:x: I/O error: unexpected disconnect " WHERE
	    "\n" },
	{ "12345678901234567890\r\n", MAP_RETRY, "",
	    "database memcache:x: I/O error: input exceeds size limit " WHERE
	    "\n" },
};

static void test_replies(void **state UNUSED)
{
	static const char *const params[] = { "x_key_format=p:%s",
		"x_max_try=1", "x_data_size_limit=8", "x_line_size_limit=19",
		NULL };

	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct buf value = BUF_INIT(1000);
		struct map_peer peer;
		struct map_unit u;
		enum map_answer answer;
		struct map *m;

		map_unit_init(&u);
		u.params = params;
		m = map_open(&u.host, SPAN("memcache:x"), 0);
		assert_span_equal(map_error(m), SPAN_NONE);
		map_peer_start(&peer,
		    CONTAINER_OF(m, struct memcache, map)->server,
		    span_str(replies[i].says));
		answer = map_find(m, SPAN("k"), &value);
		assert_span_equal(map_peer_join(&peer), SPAN("get p:k\r\n"));
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

/* Nothing is asked, and nobody is there to be asked. */
static void test_impossible_keys(void **state UNUSED)
{
	static const char *const params[] = { "x_key_format=%s",
		"x_memcache=unix:/nonexistent", NULL };
	static const span keys[] = { SPAN_INIT(""), SPAN_INIT("a b"),
		SPAN_INIT("a\tb"), SPAN_INIT("a\r\nb"), SPAN_INIT("a\0b"),
		SPAN_INIT("a\x7f") };
	struct buf value = BUF_INIT(1000);
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	u.params = params;
	m = map_open(&u.host, SPAN("memcache:x"), 0);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(map_find(m, keys[i], &value), MAP_NONE);
	assert_span_equal(buf_span(&u.warnings), SPAN_NONE);
	assert_int_equal(map_find(m, SPAN("a"), &value), MAP_RETRY);
	assert_span_equal(buf_span(&u.warnings),
	    SPAN("connect to /nonexistent: No such file or directory "
	         "(memcache:x)\n"));
	buf_done(&value);
	map_close(&m);
	map_unit_done(&u);
}

static void test_refused_use(void **state UNUSED)
{
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("memcache:x"), MAP_NO_UNAUTH);
	assert_span_equal(map_error(m),
	    SPAN("memcache:x map is not allowed for security-sensitive "
	         "data"));
	map_close(&m);
	map_unit_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_impossible_keys),
		cmocka_unit_test(test_refused_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
