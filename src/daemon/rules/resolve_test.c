/* SPDX-License-Identifier: ISC */
#include "daemon/rules/resolve.h"

#include "test/lib/policy.h"

static const struct {
	const char *settings;
	const char *address;
	enum resolve_result result;
	enum address_class class;
	bool routed;
	const char *recipient;
	const char *transport;
	const char *nexthop;
} cases[] = {
#include "daemon/rules/resolve_cases.h"
};

static void play(const struct policy *p, size_t i)
{
	struct resolved r;
	struct arena a;
	enum resolve_result result;

	arena_init(&a, 1 << 20);
	result =
	    resolve_address(p, &a, SPAN_NONE, span_str(cases[i].address), &r);
	if (result != cases[i].result)
		print_error("%s%s:\n", cases[i].settings, cases[i].address);
	assert_int_equal(result, cases[i].result);
	if (result == RESOLVE_OK) {
		assert_span_equal(r.recipient, span_str(cases[i].recipient));
		assert_span_equal(r.transport, span_str(cases[i].transport));
		assert_span_equal(r.nexthop, span_str(cases[i].nexthop));
		assert_int_equal(r.class, cases[i].class);
		if (r.routed != cases[i].routed)
			fail_msg("%s: routed", cases[i].address);
	}
	arena_done(&a);
}

static void test_as_postfix(void **state)
{
	struct policy *p = NULL;
	struct conf *conf = NULL;
	struct test_world w;

	(void)state;
	test_world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (i == 0 ||
		    strcmp(cases[i].settings, cases[i - 1].settings)) {
			policy_free(&p);
			conf_unref(&conf);
			conf =
			    test_conf(span_str(cases[i].settings), SPAN_NONE);
			p = test_policy(conf, &w);
		}
		play(p, i);
	}
	policy_free(&p);
	conf_unref(&conf);
	test_world_done(&w);
}

/* What a table would decide is not decided without it. */
static void test_tables(void **state)
{
	static const struct {
		const char *settings, *address, *why;
	} rows[] = {
		{ "transport_maps = fail:x\n", "x@y.org",
		    "transport_maps lookup failure" },
		{ "relocated_maps = fail:x\n", "x@example.com",
		    "relocated_maps lookup failure" },
		{ "sender_dependent_relayhost_maps = fail:x\n", "x@y.org",
		    "sender_dependent_relayhost_maps lookup failure" },
		{ "mydestination = a.org, fail:d\n", "x@y.org",
		    "mydestination: fail:d: table lookup problem" },
		{ "relay_domains = /no/such/file\n", "x@y.org",
		    "relay_domains: open file /no/such/file: No such file or "
		    "directory" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *conf =
		    test_conf(span_str(rows[i].settings), SPAN_NONE);
		struct test_world w;
		struct resolved r;
		struct policy *p;
		struct arena a;

		test_world_init(&w);
		arena_init(&a, 1 << 20);
		p = test_policy(conf, &w);
		assert_int_equal(resolve_address(p, &a, SPAN_NONE,
		                     span_str(rows[i].address), &r),
		    RESOLVE_FAIL);
		assert_span_equal(r.why, span_str(rows[i].why));
		policy_free(&p);
		arena_done(&a);
		conf_unref(&conf);
		test_world_done(&w);
	}
}

/* A pattern before the table decides without it. */
static void test_before_table(void **state)
{
	struct conf *conf =
	    test_conf(SPAN("mydestination = a.org, fail:d\n"), SPAN_NONE);
	struct test_world w;
	struct resolved r;
	struct policy *p;
	struct arena a;

	(void)state;
	test_world_init(&w);
	arena_init(&a, 1 << 20);
	p = test_policy(conf, &w);
	assert_int_equal(
	    resolve_address(p, &a, SPAN_NONE, SPAN("x@A.org"), &r), RESOLVE_OK);
	assert_int_equal(r.class, CLASS_LOCAL);
	policy_free(&p);
	arena_done(&a);
	conf_unref(&conf);
	test_world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_postfix),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_before_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
