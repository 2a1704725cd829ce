/* SPDX-License-Identifier: ISC */
#include "daemon/relay/nexthop.h"

#include "test/lib/unit.h"

static const struct {
	span text;
	bool lmtp;
	enum nexthop_result result;
	span host;
	unsigned port;
	bool literal;
} cases[] = {
	{ SPAN_INIT("example.org"), false, NEXTHOP_OK, SPAN_INIT("example.org"),
	    25, false },
	{ SPAN_INIT("example.org:587"), false, NEXTHOP_OK,
	    SPAN_INIT("example.org"), 587, false },
	{ SPAN_INIT("example.org:submission"), false, NEXTHOP_OK,
	    SPAN_INIT("example.org"), 587, false },
	{ SPAN_INIT("[mail.example.org]"), false, NEXTHOP_OK,
	    SPAN_INIT("mail.example.org"), 25, true },
	{ SPAN_INIT("[192.0.2.1]:2525"), false, NEXTHOP_OK,
	    SPAN_INIT("192.0.2.1"), 2525, true },
	{ SPAN_INIT("[IPv6:2001:db8::1]:26"), false, NEXTHOP_OK,
	    SPAN_INIT("2001:db8::1"), 26, true },
	{ SPAN_INIT("[::1]"), false, NEXTHOP_OK, SPAN_INIT("::1"), 25, true },
	{ SPAN_INIT("inet:[::1]:24"), true, NEXTHOP_OK, SPAN_INIT("::1"), 24,
	    true },
	{ SPAN_INIT("unix:private/lmtp"), true, NEXTHOP_OK,
	    SPAN_INIT("private/lmtp"), 0, false },
	{ SPAN_INIT("inet:24"), false, NEXTHOP_OK, SPAN_INIT("inet"), 24,
	    false },
	{ SPAN_INIT(""), false, NEXTHOP_END, SPAN_INIT(""), 0, false },
	{ SPAN_INIT(" , "), false, NEXTHOP_END, SPAN_INIT(""), 0, false },
	{ SPAN_INIT("[]"), false, NEXTHOP_BAD, SPAN_INIT(""), 0, true },
	{ SPAN_INIT(":25"), false, NEXTHOP_BAD, SPAN_INIT(""), 0, false },
	{ SPAN_INIT("[a"), false, NEXTHOP_BAD, SPAN_INIT(""), 0, true },
	{ SPAN_INIT("[a]b"), false, NEXTHOP_BAD, SPAN_INIT("a"), 0, true },
	{ SPAN_INIT("unix:"), true, NEXTHOP_BAD, SPAN_INIT(""), 0, false },
	{ SPAN_INIT("a:"), false, NEXTHOP_SERVICE, SPAN_INIT("a"), 0, false },
	{ SPAN_INIT("a:0"), false, NEXTHOP_SERVICE, SPAN_INIT("a"), 0, false },
	{ SPAN_INIT("a:65536"), false, NEXTHOP_SERVICE, SPAN_INIT("a"), 0,
	    false },
	{ SPAN_INIT("a:gopher"), false, NEXTHOP_SERVICE, SPAN_INIT("a"), 0,
	    false },
};

static void test_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		span list = cases[i].text;
		struct nexthop n;

		assert_int_equal(
		    nexthop_next(&list, SPAN("smtp"), cases[i].lmtp, &n),
		    cases[i].result);
		assert_span_equal(n.host, cases[i].host);
		assert_int_equal(n.port, cases[i].port);
		assert_int_equal(n.literal, cases[i].literal);
	}
}

static void test_list(void **state)
{
	span list = SPAN(" a.example, [b]:26  ,c ");
	struct nexthop n;

	(void)state;
	assert_int_equal(
	    nexthop_next(&list, SPAN("24"), false, &n), NEXTHOP_OK);
	assert_span_equal(n.text, SPAN("a.example"));
	assert_int_equal(n.port, 24);
	assert_int_equal(
	    nexthop_next(&list, SPAN("24"), false, &n), NEXTHOP_OK);
	assert_span_equal(n.text, SPAN("[b]:26"));
	assert_int_equal(
	    nexthop_next(&list, SPAN("24"), false, &n), NEXTHOP_OK);
	assert_span_equal(n.host, SPAN("c"));
	assert_int_equal(
	    nexthop_next(&list, SPAN("24"), false, &n), NEXTHOP_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
