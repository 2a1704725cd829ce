/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "conf/endpoint.h"

static const struct {
	const char *text;
	const char *host; /* NULL: `port` says what is wrong */
	const char *port;
} cases[] = {
	{ "smtp", "", "smtp" },
	{ "10025", "", "10025" },
	{ ":25", "", "25" },
	{ "127.0.0.1:10025", "127.0.0.1", "10025" },
	{ "localhost:smtp", "localhost", "smtp" },
	{ "[::1]:2525", "::1", "2525" },
	{ "[IPv6:fe80::1]:25", "fe80::1", "25" },
	{ "::1:25", "::1", "25" },
	{ "[127.0.0.1]:25", "127.0.0.1", "25" },
	{ "", NULL, "missing service information" },
	{ "host:", NULL, "missing service information" },
	{ "[::1]", NULL, "missing service information" },
	{ "[::1]:", NULL, "missing service information" },
	{ "[::1", NULL, "missing \"]\"" },
	{ "[::1]25", NULL, "garbage after \"]\"" },
	{ "[ipv6:127.0.0.1]:25", NULL, "malformed IPv6 address" },
	{ "[]:25", NULL, "valid hostname or network address required" },
	{ "a..b:25", NULL, "valid hostname or network address required" },
	{ "127.0.0.300:25", NULL,
	    "valid hostname or network address required" },
	{ "25x", NULL, "garbage after numerical service" },
	{ "127.0.0.1:2 5", NULL, "garbage after numerical service" },
};

static void test_split(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		span host = SPAN_NONE;
		span port = SPAN_NONE;
		const char *wrong =
		    endpoint_split(span_str(cases[i].text), &host, &port);

		if (!cases[i].host) {
			if (!wrong || strcmp(wrong, cases[i].port) != 0)
				fail_msg("%s: %s", cases[i].text,
				    wrong ? wrong : "accepted");
			assert_null(port.ptr);
			continue;
		}
		if (wrong)
			fail_msg("%s: %s", cases[i].text, wrong);
		assert_span_equal(host, span_str(cases[i].host));
		assert_span_equal(port, span_str(cases[i].port));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
