/* SPDX-License-Identifier: ISC */
#include "dns/files.h"

#include "test/lib/unit.h"

static void test_servers(void **state)
{
	struct dns_servers s;

	(void)state;
	dns_servers_parse(SPAN("# nameserver 9.9.9.9\n"
	                       "search example.org\n"
	                       "nameserver\n"
	                       "nameserver nonsense\n"
	                       "nameserver 192.0.2.1@0\n"
	                       "nameserver 192.0.2.1@70000\n"
	                       "\tnameserver\t192.0.2.1 ; the first\r\n"
	                       "nameserver ::1@5353\n"
	                       "options edns0\n"
	                       "nameserver 2001:db8::1\n"
	                       "nameserver 192.0.2.4\n"),
	    &s);
	assert_int_equal(s.count, 3);
	assert_string_equal(s.text[0], "192.0.2.1");
	assert_string_equal(s.text[1], "::1@5353");
	assert_string_equal(s.text[2], "2001:db8::1");
	dns_servers_parse(SPAN(""), &s);
	assert_int_equal(s.count, 0);
	dns_servers_parse(SPAN("nameserver 127.0.0.1"), &s);
	assert_int_equal(s.count, 1);
}

static char seen[500];

static void see(void *ctx, span name, const struct dns_host *host)
{
	size_t len = strlen(seen);

	(void)ctx;
	(void)snprintf(seen + len, sizeof(seen) - len, "%.*s=%s%u.%u ",
	    PRI(name), host->is_v6 ? "v6:" : "", host->addr[0],
	    host->addr[host->is_v6 ? 15 : 3]);
}

static void test_hosts(void **state)
{
	(void)state;
	seen[0] = '\0';
	dns_hosts_parse(SPAN("127.0.0.1 localhost lo # comment\n"
	                     "# 1.2.3.4 nobody\n"
	                     "::1\tlocalhost\r\n"
	                     "garbage x\n"
	                     "\n"
	                     "10.0.0.7 a.example\n"
	                     "10.0.0.8"),
	    see, NULL);
	assert_string_equal(seen,
	    "localhost=127.1 lo=127.1 localhost=v6:0.1 "
	    "a.example=10.7 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
