/* SPDX-License-Identifier: ISC */
#include "daemon/smtpd/nets.h"

#include "test/lib/unit.h"

static const struct {
	const char *list;
	const char *name;
	const char *addr;
	bool has;
} cases[] = {
	{ "", "h", "127.0.0.1", false },
	{ "127.0.0.0/8", "h", "127.0.0.1", true },
	{ "127.0.0.0/8", "h", "128.0.0.1", false },
	{ "10.0.0.1, 127.0.0.0/8", "h", "10.0.0.1", true },
	{ "192.0.2.128/25", "h", "192.0.2.127", false },
	{ "192.0.2.128/25", "h", "192.0.2.129", true },
	{ "192.0.2.1/32", "h", "192.0.2.1", true },
	{ "0.0.0.0/0", "h", "192.0.2.1", true },
	{ "0.0.0.0/0", "h", "::1", false },
	{ "[::1]/128", "h", "::1", true },
	{ "[::1]", "h", "::1", true },
	{ "[fe80::]/10", "h", "fe80::1", true },
	{ "[fe80::/10]", "h", "febf::1", true },
	{ "[fe80::]/10", "h", "fec0::1", false },
	{ "!10.0.0.1 10.0.0.0/8", "h", "10.0.0.1", false },
	{ "!10.0.0.1 10.0.0.0/8", "h", "10.0.0.2", true },
	{ "host.example", "HOST.example", "192.0.2.1", true },
	{ "host.example", "a.host.example", "192.0.2.1", false },
	{ ".example", "host.example", "192.0.2.1", true },
	{ "hash:/etc/x, /etc/y, 192.0.2.1/33", "h", "192.0.2.1", false },
	{ "nonsense/8 127.0.0.1", "unknown", "127.0.0.1", true },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct nets *nets = nets_new(span_str(cases[i].list));

		if (nets_has(nets, span_str(cases[i].name),
		        span_str(cases[i].addr)) != cases[i].has)
			fail_msg("\"%s\": %s[%s]", cases[i].list, cases[i].name,
			    cases[i].addr);
		nets_free(&nets);
		assert_null(nets);
		nets_free(&nets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
