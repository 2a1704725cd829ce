/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

/* NOLINTNEXTLINE(bugprone-suspicious-include): how it chooses is its own */
#include "map/redis.c"

#include "test/lib/map_unit.h"

static struct redis *open_redis(
    struct map_unit *u, const char *const *params, struct map **ret)
{
	map_unit_init(u);
	u->params = params;
	*ret = map_open(&u->host, SPAN("redis:x"), 0);
	return map_error(*ret).len ? NULL
	                           : CONTAINER_OF(*ret, struct redis, map);
}

/* --- parameters --- */

static const struct {
	const char *hosts, *targets;
} lists[] = {
	{ "a", "inet:a:6379" },
	{ "a:1, inet:b:2 unix:/c", "inet:a:1 inet:b:2 unix:/c" },
	{ "/run/redis", "unix:/run/redis" },
	{ "[::1]", "inet:[::1]:6379" },
	{ "[::1]:1", "inet:[::1]:1" },
};

static void test_hosts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		char hosts[100];
		const char *const params[] = { hosts, NULL };
		struct buf got = BUF_INIT(1000);
		struct map_unit u;
		struct map *m;
		struct redis *t;

		(void)snprintf(
		    hosts, sizeof(hosts), "x_hosts=%s", lists[i].hosts);
		t = open_redis(&u, params, &m);
		assert_non_null(t);
		for (size_t j = 0; j < t->host_count; j++)
			buf_printf(&got, "%s%s", j ? " " : "",
			    t->hosts[j].server->target);
		assert_span_equal(buf_span(&got), span_str(lists[i].targets));
		buf_done(&got);
		map_close(&m);
		map_unit_done(&u);
	}
}

static const struct {
	const char *param, *error;
} wrong[] = {
	{ "x_command=DEL", "unsupported parameter value: command = DEL" },
	{ "x_command=hget", "command = HGET needs hash_format" },
	{ "x_hash_format=%d", "hash_format needs command = HGET" },
	{ "x_username=u", "username without password" },
	{ "x_hosts=a:", "inet:a:: missing service information" },
};

static void test_wrong(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		const char *const params[] = { wrong[i].param, NULL };
		struct map_unit u;
		struct map *m;

		assert_null(open_redis(&u, params, &m));
		assert_span_equal(map_error(m), span_str(wrong[i].error));
		map_close(&m);
		map_unit_done(&u);
	}
}

/* --- lookups --- */

static const struct {
	const char *params[4];
	const char *heard;
	const char *says;
	enum map_answer answer;
	const char *value;
} lookups[] = {
	{ { NULL }, "*2\r\n$3\r\nGET\r\n$5\r\nu@d.e\r\n", "$1\r\nv\r\n",
	    MAP_FOUND, "v" },
	{ { "x_command=HGET", "x_hash_format=%d", "x_key_format=%u", NULL },
	    "*3\r\n$4\r\nHGET\r\n$3\r\nd.e\r\n$1\r\nu\r\n", "$-1\r\n", MAP_NONE,
	    "" },
	{ { "x_key_format=%2.%1 \r\n", "x_result_format=<%s|%U>", NULL },
	    "*2\r\n$3\r\nGET\r\n$6\r\nd.e \r\n\r\n", "$3\r\na\nb\r\n",
	    MAP_FOUND, "<a\nb|u>" },
};

static void test_lookups(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
		struct buf value = BUF_INIT(1000);
		struct map_peer peer;
		struct map_unit u;
		struct map *m;
		struct redis *t = open_redis(&u, lookups[i].params, &m);
		enum map_answer answer;

		map_peer_start(
		    &peer, t->hosts[0].server, span_str(lookups[i].says));
		answer = map_find(m, SPAN("u@d.e"), &value);
		assert_span_equal(
		    map_peer_join(&peer), span_str(lookups[i].heard));
		assert_int_equal(answer, lookups[i].answer);
		if (answer == MAP_FOUND)
			assert_span_equal(
			    buf_span(&value), span_str(lookups[i].value));
		assert_span_equal(buf_span(&u.warnings), SPAN_NONE);
		buf_done(&value);
		map_close(&m);
		map_unit_done(&u);
	}
}

/* --- the choice of a host --- */

static void test_choice(void **state UNUSED)
{
	static const char *const params[] = { "x_hosts=/a /b /c", NULL };
	struct map_unit u;
	struct map *m;
	struct redis *t = open_redis(&u, params, &m);
	unsigned seen[3] = { 0 };

	for (usec now = 1000; now < 1100; now++)
		seen[choose(t, now) - t->hosts]++;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		assert_true(seen[i] > 10);
	t->hosts[0].not_before = t->hosts[2].not_before = 2000;
	assert_ptr_equal(choose(t, 1999), &t->hosts[1]);
	t->hosts[1].not_before = 2000;
	assert_null(choose(t, 1999));
	assert_non_null(choose(t, 2000));
	close(map_unit_attach(t->hosts[2].server, SPAN_NONE));
	for (usec now = 2000; now < 2010; now++)
		assert_ptr_equal(choose(t, now), &t->hosts[2]);
	map_close(&m);
	map_unit_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
