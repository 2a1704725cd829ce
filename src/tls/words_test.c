/* SPDX-License-Identifier: ISC */
#include "tls/words.h"

#include <openssl/ssl.h>

#include "test/lib/unit.h"

/* clang-format off */
static const struct {
	const char *words;
	bool ok;
	int floor, ceiling;
	uint64_t exclude;
} protocols[] = {
	{ "", true, 0, 0, 0 },
	{ ">=TLSv1", true, TLS1_VERSION, 0, 0 },
	{ ">=TLSv1.2", true, TLS1_2_VERSION, 0, 0 },
	{ ">=TLSv1.2, <=TLSv1.3", true, TLS1_2_VERSION, TLS1_3_VERSION, 0 },
	{ "<=tlsv1.2", true, 0, TLS1_2_VERSION, 0 },
	{ ">=0303", true, TLS1_2_VERSION, 0, 0 },
	{ ">=0x0304", true, TLS1_3_VERSION, 0, 0 },
	{ ">=None", true, 0, 0, 0 },
	{ "!SSLv2, !SSLv3", true, 0, 0, SSL_OP_NO_SSLv3 },
	{ "!SSLv2:!SSLv3:!TLSv1", true, 0, 0, SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 },
	{ "TLSv1.2 TLSv1.3", true, 0, 0, SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 },
	{ "TLSv1.2 !TLSv1.2", true, 0, 0, SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3 },
	{ "SSLv2", true, 0, 0, SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3 },
	{ "TLSv1.4", false, 0, 0, 0 },
	{ ">=SSLv2", false, 0, 0, 0 },
	{ ">=", false, 0, 0, 0 },
	{ ">=03zz", false, 0, 0, 0 },
	{ ">=ffffffffffffffff", false, 0, 0, 0 },
	{ "!", false, 0, 0, 0 },
	{ "! TLSv1", false, 0, 0, 0 },
};
/* clang-format on */

static void test_protocols(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		struct tls_protocols p = { .floor = -1 };
		bool ok = tls_protocols_parse(span_str(protocols[i].words), &p);

		if (ok != protocols[i].ok)
			fail_msg("\"%s\"", protocols[i].words);
		if (!ok) {
			assert_int_equal(p.floor, -1);
			continue;
		}
		assert_int_equal(p.floor, protocols[i].floor);
		assert_int_equal(p.ceiling, protocols[i].ceiling);
		assert_int_equal(p.exclude, protocols[i].exclude);
	}
}

static const struct {
	const char *grade, *exclude;
	int result;
	const char *list;
} ciphers[] = {
	{ "high", "", TLS_CIPHERS_OK, "H" },
	{ "MEDIUM", "", TLS_CIPHERS_OK, "M" },
	{ "low", "RC4", TLS_CIPHERS_OK, "L:!RC4" },
	{ "export", "RC4, aNULL:MD5", TLS_CIPHERS_OK, "E:!RC4:!aNULL:!MD5" },
	{ "null", " ", TLS_CIPHERS_OK, "N" },
	{ "best", "", TLS_CIPHERS_GRADE, "best" },
	{ "", "", TLS_CIPHERS_GRADE, "" },
	{ "high", "RC4 !MD5", TLS_CIPHERS_UNARY, "!MD5" },
	{ "high", "@STRENGTH", TLS_CIPHERS_UNARY, "@STRENGTH" },
};

static void test_ciphers(void **state UNUSED)
{
	const struct tls_grades grades = { SPAN("H"), SPAN("M"), SPAN("L"),
		SPAN("E"), SPAN("N") };

	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		struct buf out = BUF_INIT(1000);
		span bad;
		int r =
		    tls_ciphers_write(&out, &grades, span_str(ciphers[i].grade),
		        span_str(ciphers[i].exclude), &bad);

		assert_int_equal(r, ciphers[i].result);
		assert_span_equal(r == TLS_CIPHERS_OK ? buf_span(&out) : bad,
		    span_str(ciphers[i].list));
		buf_done(&out);
	}
}

static void test_log(void **state UNUSED)
{
	assert_int_equal(tls_log_parse(SPAN("")), 0);
	assert_int_equal(tls_log_parse(SPAN("0")), 0);
	assert_int_equal(tls_log_parse(SPAN("1")), TLS_LOG_SUMMARY);
	assert_int_equal(tls_log_parse(SPAN("2")),
	    TLS_LOG_SUMMARY | TLS_LOG_VERBOSE | TLS_LOG_CACHE | TLS_LOG_DEBUG);
	assert_int_equal(tls_log_parse(SPAN("9")), tls_log_parse(SPAN("4")));
	assert_int_equal(tls_log_parse(SPAN("Summary, untrusted what")),
	    TLS_LOG_SUMMARY | TLS_LOG_UNTRUSTED);
}

static void test_options(void **state UNUSED)
{
	const uint64_t all = (uint64_t)SSL_OP_ALL;
	span bad;

	assert_int_equal(tls_options_parse(SPAN_NONE, SPAN_NONE, &bad), all);
	assert_int_equal(bad.len, 0);
	assert_int_equal(tls_options_parse(SPAN("tlsext_padding CVE-2010-4180"),
	                     SPAN("NO_TICKET, prioritize_chacha"), &bad),
	    (all & ~SSL_OP_TLSEXT_PADDING) | SSL_OP_NO_TICKET |
	        SSL_OP_PRIORITIZE_CHACHA);
	assert_int_equal(bad.len, 0);
	/* Not what other parameters decide about. */
	assert_int_equal(
	    tls_options_parse(SPAN_NONE, SPAN("0x7fffffffffffffff"), &bad) &
	        (SSL_OP_NO_TLSv1_2 | SSL_OP_CIPHER_SERVER_PREFERENCE),
	    0);
	(void)tls_options_parse(SPAN("FOO"), SPAN("NO_TICKET BAR"), &bad);
	assert_span_equal(bad, SPAN("FOO"));
	(void)tls_options_parse(SPAN_NONE, SPAN("12 0xzz"), &bad);
	assert_span_equal(bad, SPAN("12"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
