/* SPDX-License-Identifier: ISC */
#include "map/rules_literal.h"

#include "test/lib/unit.h"

#include "base/buf.h"

/* "a|b & c": one of a and b, and c. */
static const struct {
	enum rules_syntax syntax;
	const char *pattern;
	const char *literals;
} cases[] = {
	{ RULES_ERE, "", "" },
	{ RULES_ERE, "abc", "abc" },
	{ RULES_ERE, "^ABC$", "abc" },
	{ RULES_ERE, "a", "" },
	{ RULES_ERE, "^a\\.b$", "a.b" },
	{ RULES_ERE, "ab.cd", "ab & cd" },
	{ RULES_ERE, "ab*cd", "cd" },
	{ RULES_ERE, "abb*cd", "ab & cd" },
	{ RULES_ERE, "ab+cd", "ab & cd" },
	{ RULES_ERE, "ab?cd", "cd" },
	{ RULES_ERE, "ab{2}cd", "ab & cd" },
	{ RULES_ERE, "ab{0,2}cd", "cd" },
	{ RULES_ERE, "ab{2,}cd", "ab & cd" },
	{ RULES_ERE, "ab{00}cd", "cd" },
	{ RULES_ERE, "ab{,2}cd", "" },
	{ RULES_ERE, "ab{x}cd", "" },
	{ RULES_ERE, "ab+?cd", "cd" },
	{ RULES_PCRE, "ab+?cd", "ab & cd" },
	{ RULES_PCRE, "ab++cd", "ab & cd" },
	{ RULES_PCRE, "ab+{0}cd", "cd" },
	{ RULES_ERE, "ab|cd", "ab|cd" },
	{ RULES_ERE, "ab|c", "" },
	{ RULES_ERE, "ab|", "" },
	{ RULES_ERE, "ab||cd", "" },
	{ RULES_ERE, "(ab|cd)ef", "ab|cd & ef" },
	{ RULES_ERE, "(ab|cd)?ef", "ef" },
	{ RULES_ERE, "(ab|cd)+ef", "ab|cd & ef" },
	{ RULES_ERE, "(ab|c)ef", "ef" },
	{ RULES_ERE, "(ab.cde|fg)|h.ij", "cde|fg|ij" },
	{ RULES_ERE, "(((abc)))", "abc" },
	{ RULES_ERE, "()ab", "ab" },
	{ RULES_ERE, "[ab]cd", "cd" },
	{ RULES_ERE, "x[.]y", "x.y" },
	{ RULES_ERE, "ab[]cd]ef", "ab & ef" },
	{ RULES_ERE, "ab[^]cd]ef", "ab & ef" },
	{ RULES_ERE, "ab[\\]cd", "ab & cd" },
	{ RULES_PCRE, "ab[\\]cd]ef", "ab & ef" },
	{ RULES_PCRE, "ab[\\c]]cd", "" },
	{ RULES_PCRE, "ab[\\Q]\\E]cd", "" },
	{ RULES_ERE, "ab[[:alpha:]]cd", "ab & cd" },
	{ RULES_ERE, "ab[[.x.]]cd", "" },
	{ RULES_ERE, "ab[[:x]cd", "" },
	{ RULES_ERE, "ab[cd", "" },
	{ RULES_ERE, "ab(cd", "" },
	{ RULES_ERE, "ab)cd", "" },
	{ RULES_ERE, "^*ab", "" },
	{ RULES_ERE, "*ab", "" },
	{ RULES_ERE, "{ab", "" },
	{ RULES_ERE, "ab\\", "" },
	{ RULES_ERE, "ab\\<cd\\wef", "ab & cd & ef" },
	{ RULES_ERE, "(ab)\\1", "" },
	{ RULES_ERE, "ab\\dcd", "" },
	{ RULES_PCRE, "ab\\dcd\\.ef", "ab & cd.ef" },
	{ RULES_PCRE, "ab\\Qcd\\E", "" },
	{ RULES_PCRE, "ab\\x41", "" },
	{ RULES_PCRE, "ab\\Kcd", "" },
	{ RULES_PCRE, "(?:ab|cd)", "ab|cd" },
	{ RULES_PCRE, "(?>ab|cd)", "ab|cd" },
	{ RULES_PCRE, "(?i)ab(?s-m:cd)", "ab & cd" },
	{ RULES_PCRE, "(?x)ab", "" },
	{ RULES_PCRE, "(?x:ab)", "" },
	{ RULES_PCRE, "ab(?=cd)ef", "ab & ef" },
	{ RULES_PCRE, "ab(?!cd)ef", "ab & ef" },
	{ RULES_PCRE, "ab(?<!cd)ef", "ab & ef" },
	{ RULES_PCRE, "ab(?<n>cd)ef", "" },
	{ RULES_PCRE, "ab(?#cd)ef", "" },
	{ RULES_PCRE, "ab(*ACCEPT)ef", "" },
	{ RULES_PCRE, "(*UTF)ab", "" },
	{ RULES_PCRE, "ab(?1)ef", "" },
	{ RULES_ERE,
	    "ab\xc3\xa4"
	    "cd",
	    "ab & cd" },
	{ RULES_OPAQUE, "abc", "" },
	{ RULES_ERE, "((((((((((((((((((ab))))))))))))))))))", "" },
	{ RULES_ERE, "aa.bb.cc.dd.ee.ff.gg.hh.iii",
	    "iii & bb & cc & dd & ee & ff & gg & hh" },
};

static void put_sets(struct buf *out, const struct rules_literals *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		buf_put(out, i ? SPAN(" & ") : SPAN(""));
		for (uint32_t k = 0; k < l->sets[i].count; k++) {
			buf_put(out, k ? SPAN("|") : SPAN(""));
			buf_put(out, l->sets[i].any[k]);
		}
	}
}

static void test_literals(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);
		struct rules_literals l;
		struct arena a;

		arena_init(&a, SIZE_MAX);
		rules_literals_find(
		    cases[i].syntax, span_str(cases[i].pattern), &a, &l);
		put_sets(&out, &l);
		if (!span_eq(buf_span(&out), span_str(cases[i].literals)))
			print_error("pattern %s\n", cases[i].pattern);
		assert_span_equal(buf_span(&out), span_str(cases[i].literals));
		arena_done(&a);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
