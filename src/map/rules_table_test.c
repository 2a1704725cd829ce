/* SPDX-License-Identifier: ISC */
#include "map/rules_table.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/unit.h"

#include "os/sandbox.h"
#include "test/lib/map_unit.h"

/* --- what tables say --- */

/* clang-format off */
static const struct {
	const char *spec;
	unsigned flags;
	const char *key;
	const char *value; /* NULL: none */
	const char *warnings;
} cases[] = {
	{ "regexp:{{/^a(b)?c$/ x${1}y}}", 0, "ac", "xy", "" },
	{ "regexp:{{/^a(b)?c$/ x${1}y}}", 0, "ABC", "xBy", "" },
	{ "pcre:{{/^a(b)?c$/ x${1}y}}", 0, "ac", "xy", "" },
	{ "pcre:{{/^a(b)?c$/ x${1}y}}", 0, "ABC", "xBy", "" },
	{ "pcre:{{/^a(b)?c$/ x${1}y}}", MAP_FOLD_SEARCHED, "ABC", "xby", "" },
	{ "pcre:{{/^(a)$/ x}}", MAP_NO_SUBSTITUTION, "a", "x", "" },
	{ "regexp:{{/^(a)$/ $1}}", MAP_NO_SUBSTITUTION, "a", NULL,
	  "regexp map {{/^(a)$/ $1}}, line 1: regular expression substitution "
	  "is not allowed: skipping this rule\n" },
	{ "pcre:{{/^(a)$/ $1}}", MAP_NO_SUBSTITUTION, "a", NULL,
	  "pcre map {{/^(a)$/ $1}}, line 1: regular expression substitution "
	  "is not allowed: skipping this rule\n" },
	{ "pcre:{{/a/}}", 0, "a", "",
	  "pcre map {{/a/}}, line 1: no replacement text: using empty "
	  "string\n" },
	{ "pcre:{{/abc(/ x}}", 0, "abc(", NULL,
	  "pcre map {{/abc(/ x}}, line 1: error in regex at offset 4: missing "
	  "closing parenthesis\n" },
	{ "regexp:{{/abc(/ x}}", 0, "abc(", NULL,
	  "regexp map {{/abc(/ x}}, line 1: Unmatched ( or \\(\n" },
	{ "pcre:{{/a/X x}}", 0, "a", "x",
	  "pcre map {{/a/X x}}, line 1: ignoring obsolete regexp option "
	  "\"X\"\n" },
	{ "regexp:{{/abc/!/bcd/ x}}", 0, "abcd", NULL, "" },
	{ "regexp:{{/abc/!/bcd/ x}}", 0, "abce", "x", "" },
	{ "regexp:{{!/abc/ x}}", 0, "abx", "x", "" },
	{ "regexp:{{!/abc/ x}}", 0, "abc", NULL, "" },
	{ "regexp:{{if /abc/} {/x/ x} {endif} {/x/ y}}", 0, "x", "y", "" },
	{ "regexp:{{if !/abc/} {/x/ x} {endif} {/x/ y}}", 0, "x", "x", "" },
	{ "regexp:{{if /abc/} {/x/ x}}", 0, "x", NULL,
	  "regexp map {{if /abc/} {/x/ x}}, line 1: IF has no matching "
	  "ENDIF\n" },
	{ "pcre:{{/x/ a$$b}}", 0, "x", "a$b", "" },
	{ "pcre:{{/x/ a$}}", 0, "x", NULL,
	  "empty macro name: \"a$\"\n"
	  "pcre map {{/x/ a$}}, line 1: bad replacement syntax: skipping "
	  "this rule\n" },
	/* More steps than one may take. */
	{ "pcre:{{/^(a+)+[bc]$/ x} {/./ y}}", 0,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbaaaaaab", NULL,
	  "pcre map {{/^(a+)+[bc]$/ x} {/./ y}}, line 1: match limit "
	  "exceeded\n" },
};
/* clang-format on */

static void test_tables(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf value = BUF_INIT(1000);
		struct map_unit u;
		struct map *m;
		enum map_answer answer;
		enum map_answer want = cases[i].value ? MAP_FOUND : MAP_NONE;

		if (strstr(cases[i].warnings, "limit"))
			want = MAP_RETRY;
		map_unit_init(&u);
		m = map_open(&u.host, span_str(cases[i].spec), cases[i].flags);
		assert_span_equal(map_error(m), SPAN_NONE);
		answer = map_find(m, span_str(cases[i].key), &value);
		if (answer != want)
			print_error("%s\n", cases[i].spec);
		assert_int_equal(answer, want);
		assert_span_equal(buf_span(&value), span_str(cases[i].value));
		assert_span_equal(
		    buf_span(&u.warnings), span_str(cases[i].warnings));
		map_close(&m);
		map_unit_done(&u);
		buf_done(&value);
	}
}

/* --- what the filter may not change --- */

static uint32_t pick(unsigned short *seed, uint32_t n)
{
	return (uint32_t)nrand48(seed) % n;
}

static void put_pattern(struct buf *out, unsigned short *seed, unsigned depth)
{
	/* clang-format off */
	static const char *const atoms[] = { "a", "b", "ab", "bc", "cab", "ABC",
		"abab", "bcbcbcbcbc", "aabbccaabb", ".", "[ab]", "[^a]", "[.]",
		"\\.", "[a-c]", "[]b]", "^", "$", "[[:alpha:]]", "a", "c",
		"\\b", "\\w" };
	static const char *const repeats[] = { "*", "+", "?", "{0}", "{2}",
		"{1,2}", "{0,1}", "+?" };
	/* clang-format on */
	uint32_t n = 1 + pick(seed, 3);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t atom = pick(seed, ARRAY_LEN(atoms));

		if (depth < 3 && pick(seed, 4) == 0) {
			buf_putc(out, '(');
			put_pattern(out, seed, depth + 1);
			if (pick(seed, 2)) {
				buf_putc(out, '|');
				put_pattern(out, seed, depth + 1);
			}
			buf_putc(out, ')');
		} else {
			buf_put(out, span_str(atoms[atom]));
		}
		if (pick(seed, 4) == 0)
			buf_put(out,
			    span_str(repeats[pick(seed, ARRAY_LEN(repeats))]));
	}
}

static void put_table(struct buf *out, unsigned short *seed)
{
	static const char *const starts[] = { "/", "/", "/", "/", "/", "/^",
		"!/", "if /", "if !/" };
	static const char *const flags[] = { "", "", "", "i", "m", "x" };

	for (uint32_t i = 0; i < 30; i++) {
		span start = span_str(starts[pick(seed, ARRAY_LEN(starts))]);

		buf_put(out, start);
		put_pattern(out, seed, 0);
		buf_putc(out, '/');
		buf_put(out, span_str(flags[pick(seed, ARRAY_LEN(flags))]));
		if (start.ptr[0] != 'i')
			buf_printf(out, " value %u", i);
		buf_putc(out, '\n');
		if (pick(seed, 6) == 0)
			buf_put(out, SPAN("endif\n"));
	}
}

static void write_table(const char *path, span text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
	assert_int_equal(fclose(f), 0);
}

static void compare_keys(struct map *m, struct map *all, unsigned short *seed)
{
	struct buf value = BUF_INIT(1000);
	struct buf other = BUF_INIT(1000);

	for (int i = 0; i < 100; i++) {
		char key[24];
		uint32_t n = pick(seed, sizeof(key));

		for (uint32_t k = 0; k < n; k++)
			key[k] = "abcabcABC."[pick(seed, 10)];
		assert_int_equal(map_find(m, span_of(key, n), &value),
		    map_find(all, span_of(key, n), &other));
		assert_span_equal(buf_span(&value), buf_span(&other));
	}
	buf_done(&value);
	buf_done(&other);
}

static void compare_tables(const char *type)
{
	char path[] = "/tmp/rules_table_test.XXXXXX";
	unsigned short seed[3] = { 4, 5, 6 };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	(void)close(fd);
	for (int round = 0; round < 150; round++) {
		struct buf text = BUF_INIT(100000);
		struct buf spec = BUF_INIT(1000);
		struct map_unit u;
		struct map *m;
		struct map *all;

		map_unit_init(&u);
		put_table(&text, seed);
		write_table(path, buf_span(&text));
		buf_printf(&spec, "%s:%s", type, path);
		m = map_open(&u.host, buf_span(&spec), 0);
		all = map_open(&u.host, buf_span(&spec), 0);
		assert_span_equal(map_error(all), SPAN_NONE);
		rules_table_try_all(all);
		compare_keys(m, all, seed);
		map_close(&m);
		map_close(&all);
		map_unit_done(&u);
		buf_done(&text);
		buf_done(&spec);
	}
	(void)unlink(path);
}

static void test_filter_regexp(void **state UNUSED)
{
	compare_tables("regexp");
}

static void test_filter_pcre(void **state UNUSED)
{
	compare_tables("pcre");
}

/* --- many rules --- */

enum { MANY = 3000 };

static void check_many(const char *type)
{
	struct buf spec = BUF_INIT(1 << 20);
	struct buf value = BUF_INIT(100);
	struct buf key = BUF_INIT(100);
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	buf_printf(&spec, "%s:{", type);
	for (int i = 0; i < MANY; i++)
		buf_printf(&spec, "{/^user%d@(a|b)\\.org$/ v%d$1} ", i, i);
	buf_putc(&spec, '}');
	m = map_open(&u.host, buf_span(&spec), 0);
	assert_span_equal(map_error(m), SPAN_NONE);
	/* Twice, so that compiled patterns had to go and come back. */
	for (int i = 0; i < 2 * MANY; i++) {
		char want[20];

		buf_clear(&key);
		buf_printf(&key, "user%d@b.org", i % MANY);
		(void)snprintf(want, sizeof(want), "v%db", i % MANY);
		assert_int_equal(
		    map_find(m, buf_span(&key), &value), MAP_FOUND);
		assert_span_equal(buf_span(&value), span_str(want));
	}
	assert_int_equal(map_find(m, SPAN("user1@c.org"), &value), MAP_NONE);
	assert_span_equal(buf_span(&u.warnings), SPAN_NONE);
	map_close(&m);
	map_unit_done(&u);
	buf_done(&spec);
	buf_done(&value);
	buf_done(&key);
}

static void test_many(void **state UNUSED)
{
	check_many("regexp");
	check_many("pcre");
}

/* The same before and after a pattern became machine code, also where that
 * code needs more stack than it has. */
static void test_often(void **state UNUSED)
{
	struct buf value = BUF_INIT(1 << 20);
	struct buf key = BUF_INIT(1 << 20);
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("pcre:{{/^((?:a|b|cd)*)x$/ [$1]}}"), 0);
	for (int i = 0; i < 50000; i++)
		buf_put(&key, i % 3 ? SPAN("a") : SPAN("cd"));
	buf_putc(&key, 'x');
	for (int i = 0; i < 40; i++) {
		assert_int_equal(
		    map_find(m, buf_span(&key), &value), MAP_FOUND);
		assert_int_equal(value.len, key.len + 1);
	}
	assert_span_equal(buf_span(&u.warnings), SPAN_NONE);
	map_close(&m);
	map_unit_done(&u);
	buf_done(&value);
	buf_done(&key);
}

/* Where there can be no new machine code the interpreter goes on. */
static void test_sandboxed(void **state UNUSED)
{
	struct buf value = BUF_INIT(100);
	struct map_unit u;
	struct map *m;
	int status;
	pid_t pid;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("pcre:{{/^(a+|b)x$/ [$1]} {/c/ y}}"), 0);
	pid = fork();
	if (pid == 0) {
		bool ok = sandbox_enter(0, NULL, 0) == 0;

		for (int i = 0; i < 100 && ok; i++)
			ok = map_find(m, SPAN("aax"), &value) == MAP_FOUND &&
			    map_find(m, SPAN("cc"), &value) == MAP_FOUND;
		_exit(ok && u.warnings.len == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	map_close(&m);
	map_unit_done(&u);
	buf_done(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: before this process has any machine code. */
		cmocka_unit_test(test_sandboxed),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_filter_regexp),
		cmocka_unit_test(test_filter_pcre),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
