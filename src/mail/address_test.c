/* SPDX-License-Identifier: ISC */
#include "mail/address.h"

#include "test/lib/unit.h"

static const struct {
	unsigned flags;
	const char *args;
	int result;
	const char *addr;
} paths[] = {
#include "mail/address_cases.h"
};

static void test_as_postfix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		span args = span_str(paths[i].args);
		struct address_path p;
		struct arena a;
		int r;

		arena_init(&a, 64 * 1024);
		r = address_parse_path(&args, paths[i].flags, &a, &p);
		if (r != paths[i].result)
			print_error("%s\n", paths[i].args);
		assert_int_equal(r, paths[i].result);
		if (r == ADDRESS_OK) {
			assert_span_equal(p.addr, span_str(paths[i].addr));
			assert_int_equal(span_trim(args).len, 0);
		}
		arena_done(&a);
	}
}

#define UTF8  ADDRESS_SMTPUTF8
#define EMPTY ADDRESS_MAY_BE_EMPTY

/* clang-format off */
static const struct {
	unsigned flags;
	const char *args;
	int result;
	const char *text, *bare, *addr, *rest;
} details[] = {
	{ EMPTY, "<>", ADDRESS_OK, "<>", "", "", "" },
	{ EMPTY, "<> BODY=8BITMIME", ADDRESS_OK, "<>", "", "",
	  " BODY=8BITMIME" },
	{ 0, "", ADDRESS_MISSING, "", NULL, NULL, "" },
	{ 0, " \t ", ADDRESS_MISSING, "", NULL, NULL, "" },
	{ 0, "<a@b> SIZE=10", ADDRESS_OK, "<a@b>", "a@b", "a@b", " SIZE=10" },
	{ 0, "a@b SIZE=10", ADDRESS_OK, "a@b", "a@b", "a@b", " SIZE=10" },
	{ 0, "<\"a b\"@c> X=<y z>", ADDRESS_OK, "<\"a b\"@c>", "\"a b\"@c",
	  "a b@c", " X=<y z>" },
	{ 0, "<@r:a@b>", ADDRESS_OK, "<@r:a@b>", "@r:a@b", "a@b", "" },
	/* The dialogue of a course book: a blank behind the @. */
	{ 0, "yo@ mydom.com", ADDRESS_OK, "yo@mydom.com", "yo@mydom.com",
	  "yo@mydom.com", "" },
	{ 0, "yo@ mydom.com SIZE=1", ADDRESS_OK, "yo@mydom.com",
	  "yo@mydom.com", "yo@mydom.com", " SIZE=1" },
	{ 0, "yo@ SIZE=1", ADDRESS_BAD, "yo@", "yo@", NULL, " SIZE=1" },
	{ 0, "@ b.org", ADDRESS_BAD, "@", "@", NULL, " b.org" },
	{ ADDRESS_STRICT, "yo@ mydom.com", ADDRESS_BAD, "yo@", "yo@", NULL,
	  " mydom.com" },
	/* Domains beyond ASCII only with SMTPUTF8; UTF-8 always. */
	{ UTF8, "<a@\303\266.org>", ADDRESS_OK, "<a@\303\266.org>",
	  "a@\303\266.org", "a@\303\266.org", "" },
	{ UTF8, "<\303\266@\303\266.org>", ADDRESS_OK,
	  "<\303\266@\303\266.org>", "\303\266@\303\266.org",
	  "\303\266@\303\266.org", "" },
	{ UTF8, "<a@\303.org>", ADDRESS_BAD, "<a@\303.org>", "a@\303.org",
	  NULL, "" },
	{ 0, "<\377@x.org>", ADDRESS_BAD, "<\377@x.org>", "\377@x.org", NULL,
	  "" },
	{ ADDRESS_ALLOW_MIN_USER, "<-x@y>", ADDRESS_OK, "<-x@y>", "-x@y",
	  "-x@y", "" },
	{ ADDRESS_ALLOW_NUMERIC, "<x@1.2.3.4>", ADDRESS_OK, "<x@1.2.3.4>",
	  "x@1.2.3.4", "x@1.2.3.4", "" },
};
/* clang-format on */

static void test_details(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(details); i++) {
		span args = span_str(details[i].args);
		struct address_path p = { 0 };
		struct arena a;

		arena_init(&a, 64 * 1024);
		if (address_parse_path(&args, details[i].flags, &a, &p) !=
		    details[i].result)
			fail_msg("%s", details[i].args);
		assert_span_equal(p.text, span_str(details[i].text));
		assert_span_equal(args, span_str(details[i].rest));
		if (details[i].bare)
			assert_span_equal(p.bare, span_str(details[i].bare));
		if (details[i].addr)
			assert_span_equal(p.addr, span_str(details[i].addr));
		arena_done(&a);
	}
}

/* A hundred thousand levels: no stack, bounded memory, an answer. */
static void test_deep_nesting(void **state)
{
	static const char openers[] = "(<\"[";

	(void)state;
	for (size_t k = 0; k < sizeof(openers) - 1; k++) {
		struct buf b = BUF_INIT(1 << 20);
		struct address_path p;
		struct arena a;
		span args;

		for (int i = 0; i < 100000; i++)
			buf_putc(&b, openers[k]);
		args = buf_span(&b);
		arena_init(&a, 64 * 1024);
		assert_int_equal(
		    address_parse_path(&args, 0, &a, &p), ADDRESS_BAD);
		arena_done(&a);
		buf_done(&b);
	}
}

static void test_quote(void **state)
{
	static const struct {
		span internal, external;
	} rows[] = {
		{ SPAN_INIT("user@x.org"), SPAN_INIT("user@x.org") },
		{ SPAN_INIT("user"), SPAN_INIT("user") },
		{ SPAN_INIT(""), SPAN_INIT("\"\"") },
		{ SPAN_INIT("@x.org"), SPAN_INIT("\"\"@x.org") },
		{ SPAN_INIT("a b@x.org"), SPAN_INIT("\"a b\"@x.org") },
		{ SPAN_INIT("a\"\\b@x.org"),
		    SPAN_INIT("\"a\\\"\\\\b\"@x.org") },
		{ SPAN_INIT("a..b@x.org"), SPAN_INIT("\"a..b\"@x.org") },
		{ SPAN_INIT("a.@x.org"), SPAN_INIT("\"a.\"@x.org") },
		{ SPAN_INIT(".a@x.org"), SPAN_INIT("\".a\"@x.org") },
		{ SPAN_INIT("a@b@x.org"), SPAN_INIT("\"a@b\"@x.org") },
		{ SPAN_INIT("\303\266@x.org"), SPAN_INIT("\303\266@x.org") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF_INIT(1000);

		address_quote(&b, rows[i].internal);
		assert_span_equal(buf_span(&b), rows[i].external);
		buf_clear(&b);
		address_unquote(&b, rows[i].external);
		assert_span_equal(buf_span(&b), rows[i].internal);
		buf_done(&b);
	}
}

/* Only the part before the last bare @ is unquoted. */
static void test_unquote(void **state)
{
	struct buf b = BUF_INIT(1000);

	(void)state;
	address_unquote(&b, SPAN("a\\@b@\"c\"\\d"));
	assert_span_equal(buf_span(&b), SPAN("a@b@\"c\"\\d"));
	buf_done(&b);
}

static void test_split(void **state)
{
	span local;
	span domain;

	(void)state;
	address_split(SPAN("a@b@c"), &local, &domain);
	assert_span_equal(local, SPAN("a@b"));
	assert_span_equal(domain, SPAN("c"));
	address_split(SPAN("a@"), &local, &domain);
	assert_span_equal(domain, SPAN(""));
	assert_non_null(domain.ptr);
	address_split(SPAN("a"), &local, &domain);
	assert_span_equal(local, SPAN("a"));
	assert_null(domain.ptr);
}

/* clang-format off */
static const struct {
	bool (*test)(span s);
	const char *text;
	bool result;
} names[] = {
	{ address_is_hostname, "example.org", true },
	{ address_is_hostname, "localhost", true },
	{ address_is_hostname, "a_b.c-d", true },
	{ address_is_hostname, "1.2.3.x", true },
	{ address_is_hostname, "xn--p1ai", true },
	{ address_is_hostname, "", false },
	{ address_is_hostname, "a..b", false },
	{ address_is_hostname, ".a", false },
	{ address_is_hostname, "a.", false },
	{ address_is_hostname, "-a", false },
	{ address_is_hostname, "a-.b", false },
	{ address_is_hostname, "a.b-", false },
	{ address_is_hostname, "1.2.3", false },
	{ address_is_hostname, "a b", false },
	{ address_is_hostname, "a:b", false },
	{ address_is_hostname, "\303\266.org", false },
	{ address_is_hostname_utf8, "\303\266.org", true },
	{ address_is_hostname_utf8, "\303.org", false },
	{ address_is_hostname_utf8, "\303\266 x.org", false },
	{ address_is_ipv4, "192.0.2.1", true },
	{ address_is_ipv4, "0.0.0.0", true },
	{ address_is_ipv4, "0.0.0.1", false },
	{ address_is_ipv4, "1.2.3", false },
	{ address_is_ipv4, "1.2.3.", false },
	{ address_is_ipv4, "1.2.3.4.", false },
	{ address_is_ipv4, "1.2.3.4.5", false },
	{ address_is_ipv4, "1..3.4", false },
	{ address_is_ipv4, ".1.2.3", false },
	{ address_is_ipv4, "256.1.1.1", false },
	{ address_is_ipv4, "1.1.1.99999999999", false },
	{ address_is_ipv4, "", false },
	{ address_is_ipv6, "::", true },
	{ address_is_ipv6, "::1", true },
	{ address_is_ipv6, "1::", true },
	{ address_is_ipv6, "2001:db8::1:2", true },
	{ address_is_ipv6, "1:2:3:4:5:6:7:8", true },
	{ address_is_ipv6, "1:2:3:4:5:6:1.2.3.4", true },
	{ address_is_ipv6, "::ffff:1.2.3.4", true },
	{ address_is_ipv6, "", false },
	{ address_is_ipv6, ":", false },
	{ address_is_ipv6, ":::", false },
	{ address_is_ipv6, "1::2::3", false },
	{ address_is_ipv6, "1:2:3:4:5:6:7", false },
	{ address_is_ipv6, "1:2:3:4:5:6:7:8:9", false },
	{ address_is_ipv6, "1:2:3:4:5:6:7:8::", false },
	{ address_is_ipv6, "12345::", false },
	{ address_is_ipv6, "g::", false },
	{ address_is_ipv6, "1.2.3.4::", false },
	{ address_is_ipv6, "::1.2.3", false },
	{ address_is_ipv6, "1:2:", false },
	{ address_is_utf8, "plain", true },
	{ address_is_utf8, "\303\266\342\202\254\360\237\230\200", true },
	{ address_is_utf8, "\303", false },
	{ address_is_utf8, "\266", false },
	{ address_is_utf8, "\300\257", false },     /* overlong */
	{ address_is_utf8, "\340\200\200", false }, /* overlong */
	{ address_is_utf8, "\355\240\200", false }, /* surrogate */
	{ address_is_utf8, "\364\220\200\200", false }, /* beyond */
	{ address_is_utf8, "\342\202", false },
	{ address_is_ascii, "plain", true },
	{ address_is_ascii, "\303\266", false },
};
/* clang-format on */

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].test(span_str(names[i].text)) != names[i].result)
			fail_msg("row %zu: \"%s\"", i, names[i].text);
}

static void test_long_names(void **state)
{
	struct buf b = BUF_INIT(1000);

	(void)state;
	for (int i = 0; i < 63; i++)
		buf_putc(&b, 'a');
	assert_true(address_is_hostname(buf_span(&b)));
	buf_putc(&b, 'a');
	assert_false(address_is_hostname(buf_span(&b)));
	buf_clear(&b);
	for (int i = 0; i < 127; i++)
		buf_put(&b, SPAN("a."));
	buf_putc(&b, 'a');
	assert_true(address_is_hostname(buf_span(&b)));
	b.len--;
	buf_put(&b, SPAN("aa"));
	assert_false(address_is_hostname(buf_span(&b)));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_postfix),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_unquote),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
