/* SPDX-License-Identifier: ISC */
/* Types that need no file format: what they answer, and what they say about
 * names that are wrong. */
#include <stdlib.h>

#include "map/map.h"
#include "map/pairs.h"

#include "test/lib/map_unit.h"
#include "test/lib/unit.h"

enum { FOLD = MAP_FOLD_FIXED, UTF8 = MAP_FOLD_FIXED | MAP_UTF8 };

static const struct {
	const char *spec;
	unsigned flags;
	const char *key;
	const char *value; /* NULL: not found; "!": cannot be said now */
	const char *error; /* or warning */
} cases[] = {
	{ "static:x", 0, "any", "x", "" },
	{ "static:{ x  y }", 0, "any", "x  y", "" },
	{ "static:{x", 0, "k", "!",
	    "bad static:name syntax: missing '}' in \"{x\"" },
	{ "inline:{a=1, {b = 2 3}}", 0, "b", "2 3", "" },
	{ "inline:{A=1}", FOLD, "a", "1", "" },
	{ "inline:{A=1}", 0, "a", NULL, "" },
	{ "inline:{Ä=1}", UTF8, "ä", "1", "" },
	{ "inline:{a=1}", UTF8, "\xff", NULL,
	    "inline:{a=1}: non-UTF-8 key \"\xff\": malformed UTF-8 or invalid "
	    "codepoint\n" },
	{ "inline:{{\"a b\"=1}}", 0, "\"a b\"", "1", "" },
	{ "inline:{a=1,a=2}", 0, "a", "2", "" },
	{ "inline:{,}", 0, "a", "!",
	    "empty table: \"inline:{,}\"; need \"inline:{name=value...}\"" },
	{ "inline:{a}", 0, "a", "!",
	    "missing '=' after attribute name: \"inline:{a}\"; need "
	    "\"inline:{name=value...}\"" },
	{ "internal:x", 0, "a", NULL, "" },
	{ "environ:", 0, "a", "!",
	    "open dictionary: expecting \"type:name\" form instead of "
	    "\"environ:\"" },
	{ "environ:x", 0, "MAP_SIMPLE_TEST", "here", "" },
	{ "environ:x", FOLD, "MAP_SIMPLE_TEST", NULL, "" },
	{ "unix:passwd.byname", 0, "no such user", NULL, "" },
	{ "unix:x", 0, "a", "!", "unknown table: unix:x" },
	{ "unionmap:{static:a,static:b}", 0, "k", "a,b", "" },
	{ "unionmap:{inline:{a=1},inline:{b=2}}", 0, "b", "2", "" },
	{ "unionmap:{inline:{a=1},inline:{b=2}}", 0, "c", NULL, "" },
	{ "unionmap:{static:a,fail:b}", 0, "k", "!", "" },
	{ "unionmap:{a}", 0, "k", "!",
	    "bad syntax: \"unionmap:{a}\"; need \"unionmap:{type:name...}\"" },
	{ "pipemap:{inline:{a=b},inline:{b=c}}", 0, "a", "c", "" },
	{ "pipemap:{inline:{a=b},inline:{c=d}}", 0, "a", NULL, "" },
	{ "pipemap:{inline:{a=b},nosuch:x}", 0, "k", NULL,
	    "unsupported dictionary type: nosuch" },
	{ "pipemap:{inline:{a=b},nosuch:x}", 0, "a", "!",
	    "unsupported dictionary type: nosuch" },
	{ "randmap:{x}", 0, "k", "x", "" },
	{ "randmap:{}", 0, "k", "!",
	    "bad syntax: \"randmap:{}\"; need \"randmap:{value...}\"" },
	{ "proxy:static:x", 0, "k", "x", "" },
	{ "proxy:inline:{A=1}", FOLD, "A", "1", "" },
	{ "proxy:nosuch:x", 0, "k", "!",
	    "unsupported dictionary type: nosuch" },
	{ "pipemap:{pipemap:{pipemap:{pipemap:{pipemap:{pipemap:{pipemap:{"
	  "pipemap:{pipemap:{pipemap:{static:x}}}}}}}}}}",
	    0, "k", "!", "too many tables within tables" },
};

static void says(
    const struct map_unit *u, const struct map *m, const char *text)
{
	span got =
	    m->reason.len ? buf_span(&m->reason) : buf_span(&u->warnings);

	assert_span_equal(got, span_str(text));
}

static void answers(void **state UNUSED)
{
	(void)setenv("MAP_SIMPLE_TEST", "here", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf value = BUF_INIT(1000);
		const char *want = cases[i].value;
		enum map_answer answer;
		struct map_unit u;
		struct map *m;

		map_unit_init(&u);
		m = map_open(&u.host, span_str(cases[i].spec), cases[i].flags);
		answer = map_find(m, span_str(cases[i].key), &value);
		says(&u, m, cases[i].error);
		if (!want)
			assert_int_equal(answer, MAP_NONE);
		else if (strcmp(want, "!") == 0)
			assert_int_equal(answer, MAP_RETRY);
		else
			assert_span_equal(buf_span(&value), span_str(want));
		map_close(&m);
		map_unit_done(&u);
		buf_done(&value);
	}
}

static void finds_root(void **state UNUSED)
{
	struct buf value = BUF_INIT(1000);
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("unix:passwd.byname"), 0);
	assert_int_equal(map_find(m, SPAN("root"), &value), MAP_FOUND);
	assert_true(span_has_prefix(buf_span(&value), SPAN("root:")));
	assert_true(map_is_exact(m));
	map_close(&m);
	m = map_open(&u.host, SPAN("randmap:{a,b}"), 0);
	assert_false(map_is_exact(m));
	map_close(&m);
	map_unit_done(&u);
	buf_done(&value);
}

static void texthash_reads_and_complains(void **state UNUSED)
{
	char path[] = "/tmp/texthash_test.XXXXXX";
	int fd = mkstemp(path);
	struct buf spec = BUF_INIT(1000);
	struct buf value = BUF_INIT(1000);
	struct buf want = BUF_INIT(1000);
	struct map_unit u;
	struct map *m;

	assert_int_equal(write(fd, "A 1\nb\nc 2\n 3\na 4\n", 17), 17);
	buf_printf(&spec, "texthash:%s", path);
	map_unit_init(&u);
	m = map_open(&u.host, buf_span(&spec), FOLD | MAP_DUP_WARN);
	assert_int_equal(map_find(m, SPAN("C"), &value), MAP_FOUND);
	assert_span_equal(buf_span(&value), SPAN("2 3"));
	buf_printf(&want,
	    "%s, line 2: expected format: key whitespace value -- ignoring "
	    "this line\n%s, line 5: duplicate entry: \"a\"\n",
	    path, path);
	assert_span_equal(buf_span(&u.warnings), buf_span(&want));
	assert_false(map_changed(m));
	assert_int_equal(write(fd, "x y\n", 4), 4);
	assert_true(map_changed(m));
	map_close(&m);
	/* For a daemon that is a mistake. */
	m = map_open(&u.host, buf_span(&spec), FOLD);
	assert_true(map_error(m).len > 0);
	map_close(&m);
	m = map_open(&u.host, buf_span(&spec), FOLD | MAP_DUP_REPLACE);
	assert_int_equal(map_find(m, SPAN("a"), &value), MAP_FOUND);
	assert_span_equal(buf_span(&value), SPAN("4"));
	map_close(&m);
	map_unit_done(&u);
	buf_done(&want);
	buf_done(&value);
	buf_done(&spec);
	(void)close(fd);
	(void)unlink(path);
}

static void pairs_keep_order(void **state UNUSED)
{
	enum { COUNT = 5000 };
	struct pairs p;
	const struct pair **sorted;
	char key[32];

	pairs_init(&p);
	for (int i = 0; i < COUNT; i++) {
		(void)snprintf(key, sizeof(key), "%d", i * 7919 % COUNT);
		assert_int_equal(
		    pairs_put(&p, span_str(key), SPAN("v"), false), PAIRS_PUT);
	}
	assert_int_equal(
	    pairs_put(&p, SPAN("7"), SPAN("w"), false), PAIRS_THERE);
	assert_int_equal(pairs_put(&p, SPAN("7"), SPAN("w"), true), PAIRS_PUT);
	assert_span_equal(pair_value(pairs_find(&p, SPAN("7"))), SPAN("w"));
	for (int i = 0; i < COUNT; i += 2) {
		(void)snprintf(key, sizeof(key), "%d", i);
		assert_true(pairs_drop(&p, span_str(key)));
		assert_false(pairs_drop(&p, span_str(key)));
	}
	assert_int_equal(p.live, COUNT / 2);
	assert_null(pairs_find(&p, SPAN("8")));
	sorted = pairs_sorted(&p);
	for (uint32_t i = 1; i < p.live; i++)
		assert_true(
		    span_cmp(pair_key(sorted[i - 1]), pair_key(sorted[i])) < 0);
	mem_free(sorted);
	pairs_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(finds_root),
		cmocka_unit_test(texthash_reads_and_complains),
		cmocka_unit_test(pairs_keep_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
