/* SPDX-License-Identifier: ISC */
#include "map/matchlist.h"

#include <errno.h>

#include "test/lib/unit.h"

static int read_file(span path, struct buf *out)
{
	if (span_eq(path, SPAN("/networks")))
		buf_put(out,
		    SPAN("# comment\n10.0.0.0/8, 192.0.2.1\n\n!10.1.1.1\n"));
	else if (span_eq(path, SPAN("/loop")))
		buf_put(out, SPAN("/loop\n"));
	else
		return -ENOENT;
	return 0;
}

enum { STRING, DOMAIN, CLIENT };

#define PARENTS MATCHLIST_PARENTS

/* clang-format off */
static const struct {
	int how;
	unsigned flags;
	const char *list;
	const char *what; /* for CLIENT: name, blank, address */
	enum matchlist_result result;
} cases[] = {
	{ STRING, 0, "a.org, b.org", "b.org", MATCH_YES },
	{ STRING, 0, "a.org b.org", "B.Org", MATCH_YES },
	{ STRING, 0, "A.org", "a.org", MATCH_YES },
	{ STRING, 0, "a.org", "x.a.org", MATCH_NO },
	{ STRING, 0, "", "a.org", MATCH_NO },
	{ STRING, 0, "!a.org, a.org", "a.org", MATCH_NO },
	{ STRING, 0, "!!a.org", "a.org", MATCH_YES },
	{ STRING, 0, "a.org hash:/x b.org", "a.org", MATCH_YES },
	{ STRING, 0, "a.org hash:/x b.org", "b.org", MATCH_ERROR },
	{ STRING, 0, "/missing", "a.org", MATCH_ERROR },
	{ STRING, 0, "/loop", "a.org", MATCH_ERROR },
	{ STRING, 0, "! a.org", "b.org", MATCH_ERROR },

	{ DOMAIN, PARENTS, "a.org", "x.a.org", MATCH_YES },
	{ DOMAIN, PARENTS, "a.org", "xa.org", MATCH_NO },
	{ DOMAIN, PARENTS, ".a.org", "x.a.org", MATCH_NO },
	{ DOMAIN, 0, "a.org", "x.a.org", MATCH_NO },
	{ DOMAIN, 0, ".a.org", "x.a.org", MATCH_YES },
	{ DOMAIN, 0, ".a.org", "a.org", MATCH_NO },
	{ DOMAIN, PARENTS, "!x.a.org, a.org", "y.x.a.org", MATCH_NO },
	{ DOMAIN, PARENTS, "!x.a.org, a.org", "y.a.org", MATCH_YES },

	{ CLIENT, 0, "127.0.0.0/8", "unknown 127.1.2.3", MATCH_YES },
	{ CLIENT, 0, "127.0.0.0/8", "unknown 128.0.0.1", MATCH_NO },
	{ CLIENT, 0, "0.0.0.0/0", "unknown 1.2.3.4", MATCH_YES },
	{ CLIENT, 0, "0.0.0.0/0", "unknown ::1", MATCH_NO },
	{ CLIENT, 0, "192.0.2.7", "unknown 192.0.2.7", MATCH_YES },
	{ CLIENT, 0, "10.0.0.0/9", "unknown 10.127.255.255", MATCH_YES },
	{ CLIENT, 0, "10.0.0.0/9", "unknown 10.128.0.0", MATCH_NO },
	{ CLIENT, 0, "[::1]", "unknown ::1", MATCH_YES },
	{ CLIENT, 0, "[::1]/128", "unknown ::1", MATCH_YES },
	{ CLIENT, 0, "[::1/128]", "unknown ::1", MATCH_YES },
	{ CLIENT, 0, "[0:0:0:0:0:0:0:1]", "unknown ::1", MATCH_YES },
	{ CLIENT, 0, "[2001:db8::]/32", "unknown 2001:db8:1::", MATCH_YES },
	{ CLIENT, 0, "[2001:db8::]/32", "unknown 2001:db9::", MATCH_NO },
	{ CLIENT, 0, "[2001:db8::]/33", "unknown 2001:db8:8000::", MATCH_NO },
	/* Without brackets it is a table of type "2001". */
	{ CLIENT, 0, "2001:db8::/32", "unknown 2001:db8:1::", MATCH_ERROR },
	{ CLIENT, 0, "!10.1.0.0/16 10.0.0.0/8", "unknown 10.1.0.1", MATCH_NO },
	{ CLIENT, 0, "!10.1.0.0/16 10.0.0.0/8", "unknown 10.2.0.1",
	  MATCH_YES },
	{ CLIENT, 0, "192.168.1.1/24", "unknown 10.0.0.1", MATCH_ERROR },
	{ CLIENT, 0, "192.168.1.1/24", "unknown ::1", MATCH_NO },
	{ CLIENT, 0, "192.168.1.0/33", "unknown 10.0.0.1", MATCH_ERROR },
	{ CLIENT, 0, "192.168.1.0/x", "unknown 10.0.0.1", MATCH_NO },
	{ CLIENT, 0, "host.org", "host.org 10.0.0.1", MATCH_YES },
	{ CLIENT, PARENTS, "org", "host.org 10.0.0.1", MATCH_YES },
	{ CLIENT, 0, "/networks", "unknown 10.2.2.2", MATCH_YES },
	{ CLIENT, 0, "/networks", "unknown 192.0.2.1", MATCH_YES },
	{ CLIENT, 0, "!/networks 0.0.0.0/0", "unknown 10.2.2.2", MATCH_NO },
	{ CLIENT, 0, "!/networks 0.0.0.0/0", "unknown 11.2.2.2", MATCH_YES },
	{ CLIENT, 0, "10.0.0.0/8", "unknown garbage", MATCH_NO },
};
/* clang-format on */

static enum matchlist_result match(
    int how, const struct matchlist *l, span what)
{
	const struct pattern *hit = NULL;
	enum matchlist_result r;
	span rest = what;

	if (how == STRING)
		r = matchlist_string(l, what, &hit);
	else if (how == DOMAIN)
		r = matchlist_domain(l, what, &hit);
	else
		r = matchlist_client(l, span_cut(&rest, ' '), rest, &hit);
	if (r != MATCH_NO)
		assert_non_null(hit);
	return r;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct matchlist l = { .name = SPAN("x"),
			.flags = cases[i].flags };
		struct arena a;

		if (cases[i].how == CLIENT)
			l.flags |= MATCHLIST_NETWORKS;
		arena_init(&a, 1 << 20);
		assert_true(matchlist_parse(
		    &l, span_str(cases[i].list), &a, read_file));
		if (match(cases[i].how, &l, span_str(cases[i].what)) !=
		    cases[i].result)
			fail_msg(
			    "\"%s\" ~ \"%s\"", cases[i].list, cases[i].what);
		arena_done(&a);
	}
}

static void test_complaint(void **state)
{
	struct matchlist l = { .name = SPAN("mynetworks"),
		.flags = MATCHLIST_NETWORKS };
	const struct pattern *hit = NULL;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_true(matchlist_parse(&l, SPAN("192.168.1.1/24"), &a, read_file));
	assert_int_equal(
	    matchlist_client(&l, SPAN("unknown"), SPAN("192.168.1.1"), &hit),
	    MATCH_ERROR);
	assert_span_equal(hit->text,
	    SPAN("non-null host address bits in \"192.168.1.1/24\", perhaps "
	         "you should use \"192.168.1.0/24\" instead"));
	arena_done(&a);
}

static void test_full_arena(void **state)
{
	struct matchlist l = { .name = SPAN("x") };
	struct arena a;

	(void)state;
	arena_init(&a, 64);
	assert_false(matchlist_parse(&l, SPAN("a b c d"), &a, read_file));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_complaint),
		cmocka_unit_test(test_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
