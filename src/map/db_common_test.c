/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "map/db_common.h"
#include "test/lib/map_unit.h"

struct world {
	struct map_unit unit;
	struct map map;
	struct buf reason;
	struct map_setup setup;
	struct source_conf conf;
	struct db_common common;
	struct buf out;
};

/* A table with such parameters in main.cf; false: the reason is set. */
static bool begin(struct world *w, const char *const *params)
{
	map_unit_init(&w->unit);
	w->unit.params = params;
	w->map = (struct map){ .host = &w->unit.host, .spec = SPAN("x:t") };
	w->reason = (struct buf)BUF_INIT(4096);
	w->out = (struct buf)BUF_INIT(4096);
	w->setup = (struct map_setup){ .host = &w->unit.host,
		.type = SPAN("x"),
		.name = SPAN("t"),
		.reason = &w->reason };
	db_common_init(&w->common, &w->map, &w->setup);
	return source_conf_open(&w->conf, &w->setup, NULL);
}

static void end(struct world *w)
{
	db_common_done(&w->common);
	source_conf_done(&w->conf);
	map_unit_done(&w->unit);
	buf_done(&w->reason);
	buf_done(&w->out);
}

static const char *const nothing[] = { NULL };

static const struct {
	const char *query;
	const char *result;
	const char *key;
	const char *value; /* NULL: the query itself is expanded */
	const char *want;  /* NULL: nothing */
} cases[] = {
	/* clang-format off */
	{ "[%s]", "%s", "a@b.c", NULL, "[a@b.c]" },
	{ "[%S %u %U %d %D]", "%s", "a@b.c", NULL, "[a@b.c a a b.c b.c]" },
	{ "[%u]", "%s", "plain", NULL, "[plain]" },
	{ "[%u]", "%s", "a@", NULL, "[a]" },
	{ "[%u]", "%s", "@b", NULL, NULL },
	{ "[%s]", "%s", "@b", NULL, "[@b]" },
	{ "[%d]", "%s", "a", NULL, NULL },
	{ "[%d]", "%s", "a@", NULL, NULL },
	{ "[%d]", "%s", "a@x@b", NULL, "[b]" },
	{ "[%u]", "%s", "a@x@b", NULL, "[a@x]" },
	{ "[%1 %2 %3]", "%s", "a@x.y.z", NULL, "[z y x]" },
	{ "[%3]", "%s", "a@y.z", NULL, NULL },
	{ "[%2]", "%s", "a@.y..z.", NULL, "[y]" },
	{ "[%1]", "%s", "y.z", NULL, NULL },
	{ "[%%s 100%%]", "%s", "a", NULL, "[%s 100%]" },
	{ "", "%s", "a", NULL, "" },
	{ "%s", "%s", "", NULL, NULL },
	/* What a result wants of the key, the query wants too. */
	{ "[%s]", "%D", "a", NULL, NULL },
	{ "[%s]", "%9", "a@b.c", NULL, NULL },
	{ "%s", "<%s>", "k@x", "v@y", "<v@y>" },
	{ "%s", "%u %d %S %U %D", "k@x", "v@y", "v y k@x k x" },
	{ "%s", "%d", "k@x", "v", NULL },
	{ "%s", "%u", "k@x", "@v", NULL },
	{ "%s", "%u", "k@x", "v", "v" },
	{ "%s", "%2-%1", "k@a.b", "v", "a-b" },
	{ "%s", "%s", "k@x", "", NULL },
	/* clang-format on */
};

static void test_expand(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		span query = span_str(cases[i].query);
		span result = span_str(cases[i].result);
		bool of_value = cases[i].value != NULL;
		struct db_values v = { .value = span_str(cases[i].key) };
		struct world w;
		bool got;

		assert_true(begin(&w, nothing));
		db_common_template(&w.common, &w.conf, query, DB_QUERY, NULL);
		db_common_template(&w.common, &w.conf, result, DB_RESULT, NULL);
		assert_true(source_conf_ok(&w.conf));
		if (of_value) {
			v.key = v.value;
			v.value = span_str(cases[i].value);
		}
		got = db_common_expand(
		    &w.common, of_value ? result : query, &v, &w.out);
		assert_int_equal(got, cases[i].want != NULL);
		assert_span_equal(buf_span(&w.out), span_str(cases[i].want));
		end(&w);
	}
}

static void double_it(void *ctx UNUSED, span part, struct buf *out)
{
	buf_put(out, part);
	buf_put(out, part);
}

static void test_quote(void **state UNUSED)
{
	const struct db_values v = { .value = SPAN("a@b"), .quote = double_it };
	struct world w;

	assert_true(begin(&w, nothing));
	db_common_template(
	    &w.common, &w.conf, SPAN("x%ux%%%s"), DB_QUERY, NULL);
	assert_true(db_common_expand(&w.common, SPAN("x%ux%%%s"), &v, &w.out));
	assert_span_equal(buf_span(&w.out), SPAN("xaax%a@ba@b"));
	end(&w);
}

static void test_dynamic(void **state UNUSED)
{
	struct world w;
	bool dynamic;

	assert_true(begin(&w, nothing));
	db_common_template(
	    &w.common, &w.conf, SPAN("a%%b"), DB_QUERY, &dynamic);
	assert_false(dynamic);
	db_common_template(&w.common, &w.conf, SPAN("a%s"), DB_QUERY, &dynamic);
	assert_true(dynamic);
	db_common_template(&w.common, &w.conf, SPAN("a%"), DB_QUERY, NULL);
	assert_false(source_conf_ok(&w.conf));
	assert_span_equal(buf_span(&w.reason),
	    SPAN("db_common_parse: t: Invalid query template: a%"));
	end(&w);
}

static void test_rows(void **state UNUSED)
{
	struct world w;
	struct db_result r;

	assert_true(begin(&w, nothing));
	r = (struct db_result){ .common = &w.common,
		.format = SPAN("<%s>"),
		.key = SPAN("k"),
		.limit = 2,
		.out = &w.out };
	assert_true(db_result_put(&r, SPAN("a")));
	assert_true(db_result_put(&r, SPAN_NONE));
	assert_true(db_result_put(&r, SPAN("")));
	assert_true(db_result_put(&r, SPAN("b")));
	assert_span_equal(buf_span(&w.out), SPAN("<a>,<b>"));
	assert_false(db_result_put(&r, SPAN("c")));
	assert_span_equal(buf_span(&w.unit.warnings),
	    SPAN("table \"x:t\": empty lookup result for: \"k\" -- ignored\n"));
	end(&w);
}

static void test_domains(void **state UNUSED)
{
	static const char *const params[] = {
		"t_domain=!no.org, .org, Exact.Com, fail:x", NULL
	};
	struct world w;

	assert_true(begin(&w, params));
	db_common_domains(&w.common, &w.conf);
	assert_true(source_conf_ok(&w.conf));
	assert_int_equal(
	    db_common_check_key(&w.common, SPAN("a@exact.com")), MAP_FOUND);
	assert_int_equal(
	    db_common_check_key(&w.common, SPAN("a@no.org")), MAP_NONE);
	assert_int_equal(
	    db_common_check_key(&w.common, SPAN("exact.com")), MAP_NONE);
	assert_int_equal(db_common_check_key(&w.common, SPAN("a@")), MAP_NONE);
	assert_int_equal(
	    db_common_check_key(&w.common, SPAN("a@other")), MAP_RETRY);
	end(&w);
}

static void test_sql_query(void **state UNUSED)
{
	static const char *const whole[] = { "t_query=select 1", NULL };
	static const char *const pieces[] = { "t_table=t", "t_select_field=a,b",
		"t_where_field=k", "t_additional_conditions=and 1", NULL };
	struct world w;

	assert_true(begin(&w, whole));
	db_common_sql_query(&w.conf, &w.out);
	assert_span_equal(buf_span(&w.out), SPAN("select 1"));
	end(&w);
	assert_true(begin(&w, pieces));
	db_common_sql_query(&w.conf, &w.out);
	assert_span_equal(
	    buf_span(&w.out), SPAN("SELECT a,b FROM t WHERE k='%s' and 1"));
	end(&w);
	assert_true(begin(&w, nothing));
	db_common_sql_query(&w.conf, &w.out);
	assert_false(source_conf_ok(&w.conf));
	assert_span_equal(
	    buf_span(&w.reason), SPAN("bad string length 0 < 1: t_table = "));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_sql_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
