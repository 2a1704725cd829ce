/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "map/source_conf.h"
#include "test/lib/map_unit.h"

struct world {
	struct map_unit unit;
	struct buf reason;
	struct map_setup setup;
	struct source_conf conf;
	char path[64];
};

static void init(struct world *w)
{
	map_unit_init(&w->unit);
	w->reason = (struct buf)BUF_INIT(4096);
	w->setup = (struct map_setup){
		.host = &w->unit.host, .type = SPAN("x"), .reason = &w->reason
	};
}

static bool open_file(struct world *w, const char *text)
{
	ssize_t n = (ssize_t)strlen(text);
	bool good;
	int fd;

	init(w);
	(void)snprintf(w->path, sizeof(w->path), "/tmp/source-conf-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)n), n);
	close(fd);
	w->setup.name = span_str(w->path);
	good = source_conf_open(&w->conf, &w->setup, NULL);
	(void)unlink(w->path);
	return good;
}

static bool open_main(struct world *w, const char *const *params)
{
	init(w);
	w->unit.params = params;
	w->setup.name = SPAN("t");
	return source_conf_open(&w->conf, &w->setup, NULL);
}

static void end(struct world *w)
{
	source_conf_done(&w->conf);
	map_unit_done(&w->unit);
	buf_done(&w->reason);
}

/* What the reason says, without the name of the file. */
static span reason(const struct world *w)
{
	span text = buf_span(&w->reason);

	(void)span_skip(&text, span_str(w->path));
	return text;
}

static void test_file(void **state UNUSED)
{
	struct world w;

	assert_true(open_file(&w,
	    "# comment\n"
	    "a = one\n"
	    "  two # no comment $a\n"
	    "\n"
	    "b=\n"
	    "n  =  -7 \n"
	    "yes = YES\n"
	    "no = no\n"));
	assert_span_equal(source_conf_str(&w.conf, "a", NULL),
	    SPAN("one  two # no comment $a"));
	assert_null(source_conf_str(&w.conf, "b", NULL).ptr);
	assert_non_null(source_conf_str(&w.conf, "b", "x").ptr);
	assert_string_equal(source_conf_str(&w.conf, "b", "x").ptr, "");
	assert_string_equal(source_conf_str(&w.conf, "c", "x").ptr, "x");
	assert_int_equal(source_conf_int(&w.conf, "n", 0, 0, 0), -7);
	assert_true(source_conf_has(&w.conf, "b"));
	assert_false(source_conf_has(&w.conf, "c"));
	assert_true(source_conf_bool(&w.conf, "yes", false));
	assert_false(source_conf_bool(&w.conf, "no", true));
	assert_true(source_conf_bool(&w.conf, "other", true));
	assert_true(source_conf_ok(&w.conf));
	end(&w);
}

static void test_main(void **state UNUSED)
{
	static const char *const params[] = { "t_a=x", "a=y", "t_n=12",
		"t_flag=maybe", NULL };
	struct world w;

	assert_true(open_main(&w, params));
	assert_span_equal(source_conf_str(&w.conf, "a", NULL), SPAN("x"));
	assert_int_equal(source_conf_int(&w.conf, "n", 1, 1, 100), 12);
	assert_int_equal(source_conf_int(&w.conf, "m", 1, 1, 100), 1);
	assert_true(source_conf_ok(&w.conf));
	assert_true(source_conf_bool(&w.conf, "flag", true));
	assert_span_equal(
	    reason(&w), SPAN("bad boolean configuration: t_flag = maybe"));
	end(&w);
}

static const struct {
	const char *text;
	int n; /* source_conf_int(..., "n", 5, 2, 9) */
	const char *reason;
} numbers[] = {
	/* clang-format off */
	{ "n = 2", 2, "" },
	{ "n = 9", 9, "" },
	{ "m = 1", 5, "" },
	{ "n = 1", 5, ": invalid n parameter value 1 < 2" },
	{ "n = 10", 5, ": invalid n parameter value 10 > 9" },
	{ "n = -3", 5, ": invalid n parameter value -3 < 2" },
	{ "n =", 5, ": bad numerical configuration: n = " },
	{ "n = 3x", 5, ": bad numerical configuration: n = 3x" },
	{ "n = 99999999999", 5,
	    ": bad numerical configuration: n = 99999999999" },
	{ "n = 2147483648", 5,
	    ": bad numerical configuration: n = 2147483648" },
	/* clang-format on */
};

static void test_numbers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct world w;

		assert_true(open_file(&w, numbers[i].text));
		assert_int_equal(
		    source_conf_int(&w.conf, "n", 5, 2, 9), numbers[i].n);
		assert_span_equal(reason(&w), span_str(numbers[i].reason));
		assert_int_equal(
		    source_conf_ok(&w.conf), numbers[i].reason[0] == '\0');
		end(&w);
	}
}

static void test_first_failure_counts(void **state UNUSED)
{
	struct world w;

	assert_true(open_file(&w, "a ="));
	(void)source_conf_str_needed(&w.conf, "a", "x");
	(void)source_conf_str_needed(&w.conf, "b", "");
	assert_span_equal(reason(&w), SPAN(": bad string length 0 < 1: a = "));
	end(&w);
}

static void test_bad_lines(void **state UNUSED)
{
	struct world w;

	assert_false(open_file(&w, "a = 1\nsecret word\n"));
	assert_span_equal(
	    reason(&w), SPAN(", line 2: missing '=' after attribute name"));
	end(&w);
	assert_false(open_file(&w, "= 1\n"));
	assert_span_equal(reason(&w), SPAN(", line 1: missing attribute name"));
	end(&w);
	init(&w);
	w.setup.name = SPAN("/nonexistent/x.cf");
	assert_false(source_conf_open(&w.conf, &w.setup, NULL));
	assert_span_equal(buf_span(&w.reason),
	    SPAN("open /nonexistent/x.cf: No such file or directory"));
	end(&w);
}

/* The last one counts; what could be a password is not shown. */
static void test_overriding(void **state UNUSED)
{
	struct world w;
	struct buf want = BUF_INIT(1024);

	assert_true(open_file(&w,
	    "a = 1\na = 1\na = 2\n"
	    "password = old\npassword = new\n"
	    "hosts = postgresql://u:pw@h/d\nhosts = h\n"));
	assert_span_equal(source_conf_str(&w.conf, "a", NULL), SPAN("2"));
	buf_printf(&want,
	    "%s, line 3: overriding earlier entry: a=1\n"
	    "%s, line 5: overriding earlier entry: password=...\n"
	    "%s, line 7: overriding earlier entry: hosts=...\n",
	    w.path, w.path, w.path);
	assert_span_equal(buf_span(&w.unit.warnings), buf_span(&want));
	buf_done(&want);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_main),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_first_failure_counts),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_overriding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
