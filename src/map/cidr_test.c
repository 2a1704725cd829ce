/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "test/lib/map_unit.h"

/* clang-format off */
static const struct {
	const char *table;    /* within the braces */
	const char *keys;     /* "key=value", "key=" when there is none */
	const char *warnings; /* "N: text", a line each */
} cases[] = {
	{ "{10.0.0.0/8 a}, {10.1.0.0/16 b}, {0.0.0.0/0 c}",
	  "10.1.2.3=a 11.0.0.1=c ::1= x= 10.0.0= =", "" },
	{ "{10.1.0.0/16 b}, {10.0.0.0/8 a}", "10.1.2.3=b 10.2.0.0=a 9.9.9.9=",
	  "" },
	{ "{!10.0.0.0/8 no} {10.1.0.0/16 b}",
	  "10.1.2.3=b 10.2.0.0= 9.9.9.9=no ::1= 255.255.255.255=no 0.0.0.0=no",
	  "" },
	{ "{!0.0.0.0/0 no} {!::/0 no} {::/0 all}", "1.2.3.4= ::1=all", "" },
	{ "{2001:db8::/32 a} {::ffff:0:0/96 b} {[::1] c} {[fe80::]/10 d}",
	  "2001:DB8:1:0::9=a ::ffff:1.2.3.4=b 1.2.3.4= ::1=c febf::1=d fec0::=",
	  "" },
	{ "{if 10.0.0.0/8} {10.1.0.0/16 a} {192.0.2.0/24 b} {endif}"
	  " {192.0.2.0/24 c} {10.0.0.0/8 d}",
	  "10.1.0.1=a 192.0.2.1=c 10.2.0.0=d", "" },
	{ "{if !10.0.0.0/8} {0.0.0.0/0 a} {::/0 b} {endif} {10.0.0.0/8 c}",
	  "10.1.0.1=c 11.0.0.1=a ::1=", "" },
	{ "{if 10.0.0.0/8} {if !10.1.0.0/16} {0.0.0.0/0 a} {endif}"
	  " {10.1.1.0/24 b} {endif} {0.0.0.0/0 c}",
	  "10.2.0.0=a 10.1.1.1=b 10.1.2.1=c 11.0.0.1=c", "" },
	{ "{if 10.0.0.0/8} {10.1.0.0/16 a}", "10.1.0.1=a 11.0.0.1=",
	  "1: IF has no matching ENDIF\n" },
	{ "{10.0.0.0/7.5 x} {10.0.0.0/33 x} {10.0.0.0/256 x} {1.2.3/8 x}"
	  " {10.0.0.1/8 x} {1.2.3.4} {endif} {[1 x} {[1]x x} {1.2 x} {if}"
	  " {::1/64 x} {!}",
	  "10.0.0.1=",
	  "1: bad mask value in \"10.0.0.0/7.5\": skipping this rule\n"
	  "2: bad mask length in \"10.0.0.0/33\": skipping this rule\n"
	  "3: bad mask length in \"10.0.0.0/256\": skipping this rule\n"
	  "4: bad network value in \"1.2.3/8\": skipping this rule\n"
	  "5: non-null host address bits in \"10.0.0.1/8\", perhaps you "
	  "should use \"10.0.0.0/8\" instead: skipping this rule\n"
	  "6: no lookup result: skipping this rule\n"
	  "7: ENDIF without IF: skipping this rule\n"
	  "8: missing ']' character after \"[1\": skipping this rule\n"
	  "9: garbage after \"[1]\": skipping this rule\n"
	  "10: bad address pattern: \"1.2\": skipping this rule\n"
	  "11: no address pattern: skipping this rule\n"
	  "12: non-null host address bits in \"::1/64\", perhaps you should "
	  "use \"::/64\" instead: skipping this rule\n"
	  "13: no address pattern: skipping this rule\n" },
};
/* clang-format on */

static void check_keys(struct map *m, span keys)
{
	struct buf value = BUF_INIT(1000);
	span word;

	while ((word = span_word(&keys, " ")).len > 0) {
		span want = word;
		span key = span_cut(&want, '=');
		enum map_answer answer = map_find(m, key, &value);

		assert_int_equal(answer, want.len ? MAP_FOUND : MAP_NONE);
		assert_span_equal(buf_span(&value), want);
	}
	buf_done(&value);
}

/* Takes "cidr map NAME, line " off each line. */
static void check_warnings(span got, span name, const char *want)
{
	struct buf rest = BUF_INIT(10000);

	while (got.len > 0) {
		span line = span_cut(&got, '\n');

		assert_true(span_skip(&line, SPAN("cidr map ")));
		assert_true(span_skip(&line, name));
		assert_true(span_skip(&line, SPAN(", line ")));
		buf_put(&rest, line);
		buf_putc(&rest, '\n');
	}
	assert_span_equal(buf_span(&rest), span_str(want));
	buf_done(&rest);
}

static void test_tables(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf spec = BUF_INIT(10000);
		struct map_unit u;
		struct map *m;

		map_unit_init(&u);
		buf_printf(&spec, "cidr:{%s}", cases[i].table);
		m = map_open(&u.host, buf_span(&spec), 0);
		assert_span_equal(map_error(m), SPAN_NONE);
		assert_false(map_is_exact(m));
		check_keys(m, span_str(cases[i].keys));
		check_warnings(buf_span(&u.warnings),
		    span_from(buf_span(&spec), 5), cases[i].warnings);
		map_close(&m);
		map_unit_done(&u);
		buf_done(&spec);
	}
}

static void test_missing_file(void **state UNUSED)
{
	struct buf value = BUF_INIT(100);
	struct map_unit u;
	struct map *m;

	map_unit_init(&u);
	m = map_open(&u.host, SPAN("cidr:/nonexistent/x"), 0);
	assert_span_equal(map_error(m),
	    SPAN("open /nonexistent/x: No such file or directory"));
	assert_int_equal(map_find(m, SPAN("1.2.3.4"), &value), MAP_RETRY);
	map_close(&m);
	map_unit_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
