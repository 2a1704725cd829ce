/* SPDX-License-Identifier: ISC */
#include "tool/mail/recipients.h"

#include "test/lib/unit.h"
#include "tool/mail/draft.h"
#include "tool/mail/write_test.h"

/* "full=bare" of each, with blanks between. */
static void check_list(const struct recipients *r, const char *want)
{
	struct buf got = BUF_INIT(1 << 20);

	for (size_t i = 0; i < r->count; i++)
		buf_printf(&got, "%s[%.*s=%.*s]", i ? " " : "",
		    PRI(r->all[i].full), PRI(r->all[i].bare));
	assert_span_equal(buf_span(&got), span_str(want));
	buf_done(&got);
}

static const struct {
	const char *typed;
	const char *want;
} cut_cases[] = {
	{ "", "" },
	{ " , ,", "" },
	{ "ana bob", "[ana=ana] [bob=bob]" },
	{ "ana,bob", "[ana=ana] [bob=bob]" },
	{ "ana, bob@x.org\t carl",
	    "[ana=ana] [bob@x.org=bob@x.org] "
	    "[carl=carl]" },
	{ "Bob B. <bob@x>", "[Bob B. <bob@x>=bob@x]" },
	{ "Bob B. <bob@x>, ana", "[Bob B. <bob@x>=bob@x] [ana=ana]" },
	{ "Bob <bob@x> Ana <ana@y>",
	    "[Bob <bob@x>=bob@x] "
	    "[Ana <ana@y>=ana@y]" },
	{ "Bob <bob@x> (home), c", "[Bob <bob@x> (home)=bob@x] [c=c]" },
	{ "bob@x (Bob, B.)", "[bob@x (Bob, B.)=bob@x]" },
	{ "\"B, ob\" <bob@x>,c", "[\"B, ob\" <bob@x>=bob@x] [c=c]" },
	{ "\"B \\\", ob\" <b@x>,c", "[\"B \\\", ob\" <b@x>=b@x] [c=c]" },
	{ "<a@b>", "[<a@b>=a@b]" },
	{ "|cat >> /tmp/x y", "[|cat >> /tmp/x y=|cat >> /tmp/x y]" },
	{ "/tmp/a b", "[/tmp/a=/tmp/a] [b=b]" },
	{ "x(y)@z", "[x(y)@z=x@z]" },
	/* nobody closes them */
	{ "\"a, b", "[\"a=\"a] [b=b]" },
	{ "a (b, c", "[a (b=a] [c=c]" },
	{ "a <b, c", "[a <b=a <b] [c=c]" },
	{ "\\root", "[\\root=\\root]" },
};

static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cut_cases); i++) {
		struct recipients r;

		recipients_init(&r);
		recipients_take(&r, span_str(cut_cases[i].typed), RECIPIENT_TO);
		check_list(&r, cut_cases[i].want);
		recipients_done(&r);
	}
}

/* What never ends must not be looked for again and again. */
static void test_linear(void **state)
{
	static const char *const patterns[] = { "(,", "\",", "<,", "a>  ",
		"(\\", "<a> (", ",", "\"a\\\"," };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct buf typed = BUF_INIT(8 << 20);
		struct recipients r;

		while (typed.len < 4 << 20)
			buf_put(&typed, span_str(patterns[i]));
		recipients_init(&r);
		recipients_take(&r, buf_span(&typed), RECIPIENT_TO);
		assert_true(r.count <= RECIPIENTS_MAX);
		recipients_done(&r);
		buf_done(&typed);
	}
}

static const struct {
	const char *typed;
	const char *error; /* NULL: it is fine */
} check_cases[] = {
	{ "ana", NULL },
	{ "ana@example.org", NULL },
	{ "\"ana paz\"@example.org", NULL },
	{ "ana@[192.0.2.1]", NULL },
	{ "ana@[IPv6:::1]", NULL },
	{ "host!ana", NULL },
	{ "host!/etc/ana", NULL },
	{ "a/b@example.org", NULL },
	{ "ñandú@españa.example", NULL },
	{ "-oX", "-oX: an address cannot begin with \"-\"" },
	{ "Ana <-bs>", "-bs: an address cannot begin with \"-\"" },
	{ "|cat",
	    "|cat: a program is no address (\"set expandaddr\" would "
	    "allow it)" },
	{ "Ana <|cat>",
	    "|cat: a program is no address (\"set expandaddr\" "
	    "would allow it)" },
	{ "\"|cat\"",
	    "\"|cat\": a program is no address (\"set "
	    "expandaddr\" would allow it)" },
	{ "\"-oX\"", "\"-oX\": an address cannot begin with \"-\"" },
	{ "\"|cat\"@x.org", NULL },
	{ "/etc/passwd",
	    "/etc/passwd: a file is no address (\"set "
	    "expandaddr\" would allow it)" },
	{ "+inbox",
	    "+inbox: a file is no address (\"set expandaddr\" would "
	    "allow it)" },
	{ "./x",
	    "./x: a file is no address (\"set expandaddr\" would allow "
	    "it)" },
	{ "a@@b", "a@@b contains invalid @@ sequence" },
	{ "a;b", "a;b contains invalid character ';'" },
	{ "<a\nBcc: b>", "a?Bcc: b contains invalid character '\\012'" },
	{ "|cat\nBcc: b", "|cat?Bcc: b contains invalid character '\\012'" },
	{ "<a\x7f>", "a? contains invalid character '\\177'" },
	{ "<a\\\x7f>", "a\\? contains invalid character '\\'" },
	{ "<a b@c>", "a b@c contains invalid character ' '" },
	{ "<>", "An address is empty" },
	{ "<a\xff@b>", "An address is not UTF-8" },
	{ "a]@b", "a]@b contains invalid character ']'" },
};

static void test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(check_cases); i++) {
		struct recipients r;
		struct mua m;

		test_mua(&m, MANNER_HEIRLOOM);
		recipients_init(&r);
		recipients_take(
		    &r, span_str(check_cases[i].typed), RECIPIENT_TO);
		recipients_check(&m, &r, false);
		assert_string_equal(test_error,
		    check_cases[i].error ? check_cases[i].error : "");
		assert_int_equal(r.count, check_cases[i].error == NULL);
		assert_int_equal(r.wrong, check_cases[i].error != NULL);
		recipients_done(&r);
		test_mua_done(&m);
	}
}

static void test_expand(void **state)
{
	struct recipients r;
	struct mua m;
	const char **sorted;

	(void)state;
	test_mua(&m, MANNER_HEIRLOOM);
	recipients_init(&r);
	recipients_take(&r, SPAN("/x, |cat, -v, bob"), RECIPIENT_TO);
	recipients_take(&r, SPAN("/x"), RECIPIENT_OTHER);
	recipients_check(&m, &r, true);
	check_list(&r, "[/x=/x] [|cat=|cat] [bob=bob]");
	assert_int_equal(recipients_sorted(&r, &sorted), 1);
	assert_string_equal(sorted[0], "bob");
	recipients_done(&r);
	test_mua_done(&m);
}

static void alias(struct mua *m, const char *name, const char *values)
{
	struct dict_entry *e = dict_make(&m->aliases, span_str(name));
	span rest = span_str(values);
	span word;

	while ((word = span_word(&rest, " ")).len > 0)
		dict_add(e, word);
}

static const struct {
	enum manner manner;
	const char *typed;
	const char *full; /* in the header */
	const char *sent; /* to sendmail */
} alias_cases[] = {
	{ MANNER_HEIRLOOM, "a b", "b a", "a b" },
	{ MANNER_GNU, "b a", "b a", "a b" },
	{ MANNER_BSD, "b a b", "a b", "a b" },
	{ MANNER_HEIRLOOM, "team", "ana bob", "ana bob" },
	{ MANNER_HEIRLOOM, "x team y", "y ana bob x", "ana bob x y" },
	{ MANNER_HEIRLOOM, "all", "carl ana bob", "ana bob carl" },
	{ MANNER_HEIRLOOM, "\\team", "team", "team" },
	{ MANNER_HEIRLOOM, "self", "self z", "self z" },
	/* himself only when nobody else is named */
	{ MANNER_HEIRLOOM, "mine", "pue other", "other" },
	{ MANNER_HEIRLOOM, "me", "pue", "pue" },
	{ MANNER_HEIRLOOM, "pue", "pue", "pue" },
	{ MANNER_HEIRLOOM, "DUP dup dup@x", "dup@x dup DUP", "dup dup@x" },
};

static void test_aliases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(alias_cases); i++) {
		struct buf full = BUF_INIT(4096);
		struct buf sent = BUF_INIT(4096);
		const char **sorted;
		struct recipients r;
		struct mua m;
		size_t n;

		test_mua(&m, alias_cases[i].manner);
		alias(&m, "team", "ana bob");
		alias(&m, "all", "carl team");
		alias(&m, "self", "self z");
		alias(&m, "mine", "pue other");
		alias(&m, "me", "pue");
		recipients_init(&r);
		recipients_take(
		    &r, span_str(alias_cases[i].typed), RECIPIENT_TO);
		recipients_resolve(&m, &r);
		for (size_t j = 0; j < r.count; j++)
			buf_printf(
			    &full, "%s%.*s", j ? " " : "", PRI(r.all[j].full));
		n = recipients_sorted(&r, &sorted);
		for (size_t j = 0; j < n; j++)
			buf_printf(&sent, "%s%s", j ? " " : "", sorted[j]);
		assert_span_equal(
		    buf_span(&full), span_str(alias_cases[i].full));
		assert_span_equal(
		    buf_span(&sent), span_str(alias_cases[i].sent));
		buf_done(&full);
		buf_done(&sent);
		recipients_done(&r);
		test_mua_done(&m);
	}
}

/* Cycles, and aliases that double each time, end. */
static void test_alias_bombs(void **state)
{
	struct recipients r;
	struct mua m;

	(void)state;
	test_mua(&m, MANNER_HEIRLOOM);
	alias(&m, "a", "b b");
	alias(&m, "b", "a a");
	recipients_init(&r);
	recipients_take(&r, SPAN("a"), RECIPIENT_TO);
	recipients_resolve(&m, &r);
	assert_true(r.wrong > 0);
	assert_string_equal(
	    test_error, "Expanding alias to depth larger than 25");
	recipients_done(&r);
	for (size_t n = 0; n < 20; n++) {
		char c = (char)('c' + n);
		char name[2] = { c, '\0' };
		char values[] = "x x x x x x x x x x";

		for (size_t i = 0; i < sizeof(values); i += 2)
			values[i] = (char)(c + 1);
		alias(&m, name, values);
	}
	recipients_init(&r);
	recipients_take(&r, SPAN("c"), RECIPIENT_TO);
	recipients_resolve(&m, &r);
	assert_true(r.count <= RECIPIENTS_MAX);
	assert_true(r.wrong > 0);
	recipients_done(&r);
	test_mua_done(&m);
}

static void test_is_me(void **state)
{
	struct mua m;

	(void)state;
	test_mua(&m, MANNER_HEIRLOOM);
	vars_set(m.vars, "from", "Pue P. <pue@example.org>, p@x");
	names_add(&m.alternates, SPAN("other@x"));
	assert_true(draft_is_me(&m, SPAN("pue")));
	assert_true(draft_is_me(&m, SPAN("PUE@example.org")));
	assert_true(draft_is_me(&m, SPAN("p@x")));
	assert_true(draft_is_me(&m, SPAN("Other@x")));
	assert_false(draft_is_me(&m, SPAN("pue@localhost.localdomain")));
	assert_false(draft_is_me(&m, SPAN("pere")));
	vars_set(m.vars, "allnet", NULL);
	assert_true(draft_is_me(&m, SPAN("pue@localhost.localdomain")));
	test_mua_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_alias_bombs),
		cmocka_unit_test(test_is_me),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
