/* SPDX-License-Identifier: ISC */
#include "mail/people.h"

#include "test/lib/unit.h"

enum { ARENA = 64 * 1024 };

/* "name|addr " for each. */
static const struct {
	const char *value, *want;
} cases[] = {
	{ "", "" },
	{ " , ;,\r\n ", "" },
	{ "ana@example.org", "|ana@example.org " },
	{ "<ana@example.org>", "|ana@example.org " },
	{ "Ana Paz <ana@example.org>", "Ana Paz|ana@example.org " },
	{ "Ana  \r\n\tPaz<ana@x>", "Ana Paz|ana@x " },
	{ "a@x, b@y", "|a@x |b@y " },
	{ "a@x; B <b@y>;", "|a@x B|b@y " },
	/* Comments as names, and names with comments. */
	{ "bob@x (Bob B.)", "Bob B.|bob@x " },
	{ "(Bob (the) \\) B.) bob@x", "Bob (the) ) B.|bob@x " },
	{ "<bob@x> (Bob)", "Bob|bob@x " },
	{ "Bob (no, not that) B. <bob@x> (x)", "Bob B.|bob@x " },
	{ "bob@x (=?utf-8?q?B=C3=B6b?=)", "B\303\266b|bob@x " },
	{ "bob@x ()", "|bob@x " },
	{ "bob (Bob) @x", "Bob|bob@x " },
	/* Quotes. */
	{ "\"Paz, Ana\" <a@x>, b@y", "Paz, Ana|a@x |b@y " },
	{ "\"A \\\"B\\\" C\" <a@x>", "A \"B\" C|a@x " },
	{ "\"a  b\" <a@x>", "a  b|a@x " },
	{ "Ana \"P.\" Paz <a@x>", "Ana P. Paz|a@x " },
	{ "J. R. Paz <a@x>", "J. R. Paz|a@x " },
	{ "a@x <a@x>", "a@x|a@x " },
	{ "\"a b\"@x", "|a b@x " },
	{ "<\"a>b, c\"@x>", "|a>b, c@x " },
	{ "a\\,b@x", "|a,b@x " },
	{ "\"\" <a@x>", "|a@x " },
	/* Groups. */
	{ "undisclosed-recipients:;", "" },
	{ "team: ana@x, Bob <bob@y>; carl@z", "|ana@x Bob|bob@y |carl@z " },
	{ "\"a: b\": ana@x;, b: c@x", "|ana@x |c@x " },
	{ "team: ana@x, bob@y", "|ana@x |bob@y " },
	{ "mailto:ana@x", "|ana@x " },
	/* Routes. */
	{ "<@a,@b:c@d>, e@f", "|c@d |e@f " },
	{ "C <@a:c@d>", "C|c@d " },
	{ "@a:c@d", "|c@d " },
	{ "< @a , @b : c@d >", "|c@d " },
	/* Domain literals. */
	{ "a@[192.0.2.1], b@[IPv6:::1]", "|a@[192.0.2.1] |b@[IPv6:::1] " },
	{ "<a@[IPv6:::1]>", "|a@[IPv6:::1] " },
	/* Encoded words, with a comma that should not be there. */
	{ "=?utf-8?q?J=C3=BCrg?= <j@x>", "J\303\274rg|j@x " },
	{ "\"=?utf-8?q?J=C3=BCrg?=\" <j@x>", "J\303\274rg|j@x " },
	{ "=?utf-8?q?J?= =?utf-8?q?=C3=BCrg?= P <j@x>", "J\303\274rg P|j@x " },
	{ "=?utf-8?q?Paz,_J=C3=BCrg?= <j@x>, b@y",
	    "Paz, J\303\274rg|j@x |b@y " },
	{ "=?utf-8?q?=22<x>?= <j@x>", "\"<x>|j@x " },
	{ "=?a, b@y, c?=", "|=?a |b@y |c?= " },
	/* Raw bytes. */
	{ "J\303\274rg <j\303\274@x>", "J\303\274rg|j\303\274@x " },
	{ "J\374rg <j@x>", "J\303\274rg|j@x " },
	{ "j\303\274@x", "|j\303\274@x " },
	/* Words. */
	{ "ana bob", "|ana |bob " },
	{ " ana\tbob@x ", "|ana |bob@x " },
	{ "ana bob, carl", "|ana bob |carl " },
	{ "\"|cat -n\"", "||cat -n " },
	{ "/tmp/x +inbox", "|/tmp/x |+inbox " },
	/* Without end, or senseless. */
	{ "\"Ana <a@x>, b@y", "\"Ana|a@x |b@y " },
	{ "(Ana <a@x>, b@y", "(Ana|a@x |b@y " },
	{ "Ana <a@x, b@y", "Ana|a@x |b@y " },
	{ "Ana <@x, b@y", "Ana|@x |b@y " },
	{ "Ana <>", "Ana| " },
	{ "<>", "" },
	{ "Ana <Paz> <a@x>", "Ana <Paz>|a@x " },
	{ "a@x > b, c", "|a@x > b |c " },
	{ "a <b\r\n c@d>, e", "a|b c@d |e " },
	{ "\\", "|\\ " },
	{ "[", "|[] " },
};

static void show(struct buf *out, const struct people *all)
{
	for (size_t i = 0; i < all->count; i++) {
		buf_put(out, all->all[i].name);
		buf_putc(out, '|');
		buf_put(out, all->all[i].addr);
		buf_putc(out, ' ');
	}
}

static void parses(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);
		struct people all;
		struct arena a;

		arena_init(&a, ARENA);
		people_parse(span_str(cases[i].value), 100, &a, &all);
		show(&out, &all);
		if (!span_eq(buf_span(&out), span_str(cases[i].want)))
			print_error("case %s\n", cases[i].value);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		assert_false(all.truncated);
		buf_done(&out);
		arena_done(&a);
	}
}

static void keeps_the_text(void **state UNUSED)
{
	struct people all;
	struct arena a;

	arena_init(&a, ARENA);
	people_parse(SPAN("x: \"Paz, A\"\n <a@x> , (c) b ;d"), 100, &a, &all);
	assert_int_equal(all.count, 3);
	assert_span_equal(all.all[0].text, SPAN("\"Paz, A\"\n <a@x>"));
	assert_span_equal(all.all[1].text, SPAN("(c) b"));
	assert_span_equal(all.all[2].text, SPAN("d"));
	arena_done(&a);
}

static void stops_at_limits(void **state UNUSED)
{
	struct people all;
	struct arena a;

	arena_init(&a, ARENA);
	people_parse(SPAN("a, b, c"), 3, &a, &all);
	assert_int_equal(all.count, 3);
	assert_false(all.truncated);
	people_parse(SPAN("a, b, c,, d"), 3, &a, &all);
	assert_int_equal(all.count, 3);
	assert_true(all.truncated);
	people_parse(SPAN("a"), 0, &a, &all);
	assert_int_equal(all.count, 0);
	assert_true(all.truncated);
	arena_done(&a);
	/* An arena for two of them, and none for a name. */
	arena_init(&a, sizeof(struct person) * 4);
	people_parse(SPAN("a, b, c"), 100, &a, &all);
	assert_int_equal(all.count, 2);
	assert_true(all.truncated);
	assert_span_equal(all.all[1].addr, SPAN("b"));
	arena_done(&a);
	arena_init(&a, sizeof(struct person) * 2);
	people_parse(SPAN("\"0123456789012345678901234567890123456789012345678"
	                  "9012345678901234567890123456789\" <a@x>"),
	    100, &a, &all);
	assert_int_equal(all.count, 0);
	assert_true(all.truncated);
	arena_done(&a);
	arena_init(&a, 0);
	people_parse(SPAN("a"), 100, &a, &all);
	assert_int_equal(all.count, 0);
	assert_true(all.truncated);
	arena_done(&a);
}

static const struct {
	const char *name, *addr, *want;
} writings[] = {
	{ "", "a@x", "a@x" },
	{ "", "a b@x", "\"a b\"@x" },
	{ "Ana Paz", "a@x", "Ana Paz <a@x>" },
	{ "Ana P. Paz", "a@x", "\"Ana P. Paz\" <a@x>" },
	{ "Paz, \"Ana\\", "a@x", "\"Paz, \\\"Ana\\\\\" <a@x>" },
	{ " Ana", "a@x", "\" Ana\" <a@x>" },
	{ "J\303\274rg Paz", "j@x", "=?utf-8?B?SsO8cmc=?= Paz <j@x>" },
	{ "=?utf-8?q?x?=", "j@x", "=?utf-8?B?PT91dGYtOD9xP3g/PQ==?= <j@x>" },
	{ "A\r\nBcc: b", "a\r\nBcc: b@x",
	    "A  =?utf-8?Q?Bcc=3A?= b <\"aBcc: b\"@x>" },
	/* What is no address must not become several. */
	{ "Ana", "b\" <c@d>, e@f.org>, g",
	    "Ana <\"b\\\" <c@d>, e@f.org>, g\">" },
	{ "Ana", "", "Ana <>" },
	{ "", "", "" },
};

static void writes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(writings); i++) {
		struct buf out = BUF_INIT(1000);
		struct person p = { .name = span_str(writings[i].name),
			.addr = span_str(writings[i].addr) };

		people_write(&out, &p);
		assert_span_equal(buf_span(&out), span_str(writings[i].want));
		buf_done(&out);
	}
}

static void folds_where_the_line_ends(void **state UNUSED)
{
	struct buf out = BUF_INIT(1000);
	struct person p = { .name = SPAN("J\303\274rgen Gr\303\274n"),
		.addr = SPAN("jurgen@example.org") };

	buf_put(&out, SPAN("X: y\nTo: ana.maria.de.la.paz@example.org, "));
	people_write_as(&out, &p, SPAN("iso-8859-1"));
	assert_span_equal(buf_span(&out),
	    SPAN("X: y\nTo: ana.maria.de.la.paz@example.org, \n"
	         " =?iso-8859-1?Q?J=FCrgen_Gr=FCn?= <jurgen@example.org>"));
	buf_done(&out);
}

static void comes_back_as_it_was(void **state UNUSED)
{
	static const char *const names[] = { "Ana", "A. B.", "a, \"b\" <c>",
		"(x) y", "J\303\274rg, M. (\346\227\245)", "a;b:c@d", "\\\"",
		"=?x", "a  b" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct buf out = BUF_INIT(1000);
		struct person p = { .name = span_str(names[i]),
			.addr = SPAN("x \"y\",z@[192.0.2.1]") };
		struct people all;
		struct arena a;

		arena_init(&a, ARENA);
		people_write(&out, &p);
		people_parse(buf_span(&out), 10, &a, &all);
		assert_int_equal(all.count, 1);
		assert_span_equal(all.all[0].name, p.name);
		assert_span_equal(all.all[0].addr, p.addr);
		arena_done(&a);
		buf_done(&out);
	}
}

static const struct {
	const char *value, *want;
} typed[] = {
	{ "", "" },
	{ "Ana <a@x>,\n\tb@y (Bob); c", "Ana <a@x>, b@y (Bob), c" },
	{ "team: \"Paz, A.\" <a@x>, b;", "\"Paz, A.\" <a@x>, b" },
	{ "ana  bob", "ana, bob" },
	{ "J\374rg <j@x>", "J\303\274rg <j@x>" },
	{ "=?utf-8?q?J=C3=BCrg_Paz?= <j@x>", "J\303\274rg Paz <j@x>" },
	{ "j@x (=?utf-8?q?J=C3=BCrg?=)", "J\303\274rg <j@x>" },
	/* What is encoded separates nobody, and is no address. */
	{ "=?utf-8?q?Paz=2C_J=C3=BCrg?= <j@x>", "\"Paz, J\303\274rg\" <j@x>" },
	{ "=?utf-8?q?e=40f=3E=2C_=22?= <j@x>", "\"e@f>, \\\"\" <j@x>" },
	{ "=?utf-8?q?a=0ABcc:_e=40f?= <j@x>", "\"a Bcc: e@f\" <j@x>" },
	/* Nor does a name become a program. */
	{ "=?utf-8?q?=7Ccat?= <j@x>, |cat <k@x>",
	    "\"|cat\" <j@x>, \"|cat\" <k@x>" },
	{ "=?utf-8?q?e=40f,?=", "\"=?utf-8?q?e=40f,?=\"" },
	{ "<=?utf-8?q?e=2C?=@x>", "=?utf-8?q?e=2C?=@x" },
};

static void decodes_one_by_one(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		struct buf out = BUF_INIT(1000);

		people_decode(&out, span_str(typed[i].value));
		assert_span_equal(buf_span(&out), span_str(typed[i].want));
		buf_done(&out);
	}
}

/* The beginning of something, over and over: time must stay linear. */
static void hostile(const char *piece, size_t count, size_t want)
{
	struct buf text = BUF_INIT(SIZE_MAX / 2);
	struct people all;
	struct arena a;

	for (size_t i = 0; i < count; i++)
		buf_put(&text, span_str(piece));
	arena_init(&a, 1U << 28);
	people_parse(buf_span(&text), 1000000, &a, &all);
	assert_int_equal(all.count, want);
	assert_true(a.used <= 1U << 28);
	arena_done(&a);
	buf_done(&text);
}

static void is_linear(void **state UNUSED)
{
	hostile("Ana <ana@x>,", 1000000, 1000000);
	hostile("ana@example.org (Ana), ", 20000, 20000);
	hostile("a ", 1000000, 1000000);
	hostile("\"", 2000001, 1);
	hostile("(", 2000000, 1);
	hostile("<", 2000000, 1);
	hostile("[", 2000000, 1);
	hostile("=?", 1000000, 1);
	hostile("=?a?b?c", 300000, 1);
	hostile("<@", 1000000, 1);
	hostile("\\", 2000000, 1);
	hostile(":", 2000000, 1);
	hostile("a:;", 500000, 0);
	hostile("@ :", 500000, 1);
	hostile("\"a\" ", 500000, 1);
	hostile("\303\274 <", 500000, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(keeps_the_text),
		cmocka_unit_test(stops_at_limits),
		cmocka_unit_test(writes),
		cmocka_unit_test(folds_where_the_line_ends),
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(decodes_one_by_one),
		cmocka_unit_test(is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
