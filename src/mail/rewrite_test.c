/* SPDX-License-Identifier: ISC */
#include "mail/rewrite.h"

#include "test/lib/unit.h"

enum { DOT = 1, NO_ORIGIN = 2, NO_BANG = 4, NO_PERCENT = 8 };

/* Internal forms, as Postfix's trivial-rewrite makes them. */
static const struct {
	unsigned flags;
	const char *addr, *want;
} cases[] = {
	{ 0, "", "" },
	{ 0, "user@x.org", "user@x.org" },
	{ 0, "user", "user@origin.com" },
	{ NO_ORIGIN, "user", "user" },
	{ 0, "user@host", "user@host" },
	{ DOT, "user@host", "user@host.my.net" },
	{ DOT, "user", "user@origin.com" },
	{ DOT, "user@[1.2.3.4]", "user@[1.2.3.4]" },
	{ DOT, "user@", "user@" },
	{ 0, "site!user", "user@site" },
	{ 0, "a!b!user", "b!user@a" },
	{ 0, "!user", "user@" },
	{ 0, "site!", "@site" },
	{ DOT, "site!user", "user@site.my.net" },
	{ NO_BANG, "site!user", "site!user@origin.com" },
	{ 0, "user%host", "user@host" },
	{ 0, "user%a%b", "user%a@b" },
	{ NO_PERCENT, "user%host", "user%host@origin.com" },
	{ 0, "user%host@x.org", "user%host@x.org" },
	{ 0, "site!user%host", "user%host@site" },
	{ 0, "user@x.org.", "user@x.org" },
	{ 0, "user@x.org..", "user@x.org.." },
	{ 0, "user@.", "user@." },
	{ 0, "first last", "first last@origin.com" },
	{ 0, "a@b@c.org", "a@b@c.org" },
	{ 0, "@a:user@b.org", "user@b.org" },
	{ 0, "user.@x.org", "user.@x.org" },
	{ 0, "@", "@" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned flags = cases[i].flags;
		struct rewrite_conf conf = { .origin = SPAN("origin.com"),
			.domain = SPAN("my.net"),
			.swap_bangpath = !(flags & NO_BANG),
			.percent_hack = !(flags & NO_PERCENT),
			.append_at_myorigin = !(flags & NO_ORIGIN),
			.append_dot_mydomain = flags & DOT };
		struct buf out = BUF_INIT(1000);
		struct arena a;

		arena_init(&a, 64 * 1024);
		assert_true(
		    rewrite_address(&conf, &a, span_str(cases[i].addr), &out));
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		arena_done(&a);
		buf_done(&out);
	}
}

static void test_full_arena(void **state)
{
	struct rewrite_conf conf = { .origin = SPAN("origin.com"),
		.append_at_myorigin = true };
	struct buf out = BUF_INIT(1000);
	struct arena a;

	(void)state;
	arena_init(&a, 32);
	assert_false(rewrite_address(&conf, &a, SPAN("user"), &out));
	arena_done(&a);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
