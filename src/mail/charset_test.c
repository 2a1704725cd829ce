/* SPDX-License-Identifier: ISC */
#include "mail/charset.h"

#include <errno.h>

#include "test/lib/unit.h"

#define LIT(s) SPAN_INIT(s)
#define BAD    "\357\277\275"

/* clang-format off */
static const struct {
	span name, text, utf8;
} cases[] = {
	{ LIT("utf-8"), LIT("a\303\244\0z"), LIT("a\303\244\0z") },
	{ LIT("UTF8"), LIT("\303\244"), LIT("\303\244") },
	{ LIT("utf-8"), LIT("\360\237\230\200"), LIT("\360\237\230\200") },
	/* What has no meaning: one sign for each beginning of a character. */
	{ LIT("utf-8"), LIT("\303"), LIT(BAD) },
	{ LIT("utf-8"), LIT("\303a\377"), LIT(BAD "a" BAD) },
	{ LIT("utf-8"), LIT("\360\237\230x"), LIT(BAD "x") },
	{ LIT("utf-8"), LIT("\360\237\230\303\244"), LIT(BAD "\303\244") },
	{ LIT("utf-8"), LIT("\355\240\200"), LIT(BAD BAD BAD) },
	{ LIT("utf-8"), LIT("\300\257\200"), LIT(BAD BAD BAD) },
	{ LIT("utf-8"), LIT("\364\220\200\200"), LIT(BAD BAD BAD BAD) },
	/* No name, or none that says anything. */
	{ LIT(""), LIT("abc"), LIT("abc") },
	{ LIT("us-ascii"), LIT("\303\244\344"), LIT("\303\244\303\244") },
	{ LIT("unknown-8bit"), LIT("\200\344"), LIT("\342\202\254\303\244") },
	{ LIT("x-unknown"), LIT("\201\360\237"), LIT(BAD "\303\260\305\270") },
	{ LIT("no-such-set"), LIT("\344"), LIT("\303\244") },
	{ LIT("utf-8//TRANSLIT"), LIT("\344"), LIT("\303\244") },
	{ LIT("../../etc/passwd"), LIT("\303\244"), LIT("\303\244") },
	{ LIT("\0"), LIT("\303\244"), LIT("\303\244") },
	/* One byte. */
	{ LIT("ISO-8859-1"), LIT("\344\200"), LIT("\303\244\342\202\254") },
	{ LIT("iso_8859-1:1987"), LIT("\344"), LIT("\303\244") },
	{ LIT("windows-1252"), LIT("\223x\224"),
	  LIT("\342\200\234x\342\200\235") },
	{ LIT("iso-8859-15"), LIT("\244"), LIT("\342\202\254") },
	{ LIT("ISO-8859-2"), LIT("\271"), LIT("\305\241") },
	{ LIT("windows-1250"), LIT("\232"), LIT("\305\241") },
	{ LIT("windows-1251"), LIT("\317\360"), LIT("\320\237\321\200") },
	{ LIT("windows-1253"), LIT("\341"), LIT("\316\261") },
	{ LIT("windows-1254"), LIT("\375"), LIT("\304\261") },
	{ LIT("windows-1255"), LIT("\340"), LIT("\327\220") },
	{ LIT("windows-1256"), LIT("\307"), LIT("\330\247") },
	{ LIT("windows-1257"), LIT("\340"), LIT("\304\205") },
	{ LIT("windows-1258"), LIT("\320a"), LIT("\304\220a") },
	{ LIT("windows-874"), LIT("\241"), LIT("\340\270\201") },
	{ LIT("tis-620"), LIT("\241"), LIT("\340\270\201") },
	{ LIT("KOI8-R"), LIT("\360\322\311"), LIT("\320\237\321\200\320\270") },
	{ LIT("koi8-u"), LIT("\247"), LIT("\321\227") },
	{ LIT("cp866"), LIT("\217"), LIT("\320\237") },
	/* Several. */
	{ LIT("gb2312"), LIT("\326\320\316\304"),
	  LIT("\344\270\255\346\226\207") },
	{ LIT("gb18030"), LIT("\201\060\201\060\326\320"),
	  LIT("\302\200\344\270\255") },
	{ LIT("gb18030"), LIT("\326"), LIT(BAD) },
	{ LIT("big5"), LIT("\244\244"), LIT("\344\270\255") },
	{ LIT("shift_jis"), LIT("\223\372"), LIT("\346\227\245") },
	{ LIT("euc-jp"), LIT("\306\374"), LIT("\346\227\245") },
	{ LIT("iso-2022-jp"), LIT("a\033$BF|K\\\033(Bz"),
	  LIT("a\346\227\245\346\234\254z") },
	{ LIT("iso-2022-jp"), LIT("\033$BF|"), LIT("\346\227\245") },
	{ LIT("euc-kr"), LIT("\307\321"), LIT("\355\225\234") },
	{ LIT("iso-2022-kr"), LIT("\033$)C\016GQ\017z"),
	  LIT("\355\225\234z") },
	{ LIT("utf-7"), LIT("A+AOQ-z"), LIT("A\303\244z") },
	{ LIT("utf-16be"), LIT("\0a\330\075\336\000"),
	  LIT("a\360\237\230\200") },
	{ LIT("utf-16le"), LIT("\344\0a\0"), LIT("\303\244a") },
	{ LIT("utf-16"), LIT("\376\377\0a"), LIT("a") },
	{ LIT("utf-16be"), LIT("\0a\336\000\0b"), LIT("a" BAD "b") },
	{ LIT("utf-16be"), LIT("\0a\0"), LIT("a" BAD) },
};
/* clang-format on */

static void to_utf8(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);

		charset_to_utf8(cases[i].name, cases[i].text, &out);
		if (!span_eq(buf_span(&out), cases[i].utf8))
			print_error("case %zu\n", i);
		assert_span_equal(buf_span(&out), cases[i].utf8);
		assert_true(charset_is_utf8(buf_span(&out)));
		buf_done(&out);
	}
}

/* One decoder twice, so that the first text leaves nothing behind. */
static void to_utf8_cut_anywhere(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct charset *c = charset_open(cases[i].name);
		span text = cases[i].text;

		for (size_t at = 0; c && at <= text.len; at++) {
			struct buf out = BUF_INIT(1000);

			charset_decode(c, span_first(text, at), false, &out);
			charset_decode(c, span_from(text, at), true, &out);
			assert_span_equal(buf_span(&out), cases[i].utf8);
			buf_clear(&out);
			for (size_t k = 0; k < text.len; k++)
				charset_decode(c,
				    span_first(span_from(text, k), 1), false,
				    &out);
			charset_decode(c, SPAN_NONE, true, &out);
			assert_span_equal(buf_span(&out), cases[i].utf8);
			buf_done(&out);
		}
		charset_close(&c);
		assert_null(c);
	}
}

static const struct {
	span name, utf8;
	int result;
	span text;
} writings[] = {
	{ LIT("us-ascii"), LIT("abc"), 0, LIT("abc") },
	{ LIT("us-ascii"), LIT("\303\244"), -EILSEQ, LIT("") },
	{ LIT("utf-8"), LIT("\303\244"), 0, LIT("\303\244") },
	{ LIT("utf-8"), LIT("\303"), -EILSEQ, LIT("") },
	{ LIT("iso-8859-1"), LIT("\303\244"), 0, LIT("\344") },
	{ LIT("iso-8859-1"), LIT("\342\202\254"), -EILSEQ, LIT("") },
	{ LIT("iso-8859-1"), LIT("a\303"), -EILSEQ, LIT("") },
	{ LIT("iso-8859-15"), LIT("\342\202\254"), 0, LIT("\244") },
	{ LIT("iso-2022-jp"), LIT("a\346\227\245"), 0, LIT("a\033$BF|\033(B") },
	{ LIT("none-such"), LIT("a"), -ENOENT, LIT("") },
	{ LIT("unknown-8bit"), LIT("a"), -ENOENT, LIT("") },
};

static void from_utf8(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(writings); i++) {
		struct buf out = BUF_INIT(1000);

		buf_putc(&out, '>');
		assert_int_equal(
		    charset_from_utf8(writings[i].name, writings[i].utf8, &out),
		    writings[i].result);
		assert_span_equal(
		    span_from(buf_span(&out), 1), writings[i].text);
		buf_done(&out);
	}
}

static void chooses_the_first_that_can(void **state UNUSED)
{
	span list = SPAN("iso-8859-1,none iso-8859-15, utf-8");

	assert_span_equal(charset_choose(list, SPAN("abc")), SPAN("us-ascii"));
	assert_span_equal(
	    charset_choose(list, SPAN("\303\244")), SPAN("iso-8859-1"));
	assert_span_equal(
	    charset_choose(list, SPAN("\342\202\254")), SPAN("iso-8859-15"));
	assert_span_equal(
	    charset_choose(list, SPAN("\346\227\245")), SPAN("utf-8"));
	assert_span_equal(
	    charset_choose(SPAN(""), SPAN("\346\227\245")), SPAN("utf-8"));
}

/* More than is converted at once, and a limit that is passed. */
static void long_texts(void **state UNUSED)
{
	enum { N = 20000, TWICE = 40000, THRICE = 60000 };
	struct buf text = BUF_INIT(TWICE);
	struct buf out = BUF_INIT(THRICE);
	struct buf back = BUF_INIT(TWICE);
	struct buf small = BUF_INIT(100);

	for (int i = 0; i < N; i++)
		buf_put(&text, SPAN("\326\320"));
	charset_to_utf8(SPAN("gb18030"), buf_span(&text), &out);
	assert_false(out.failed);
	assert_int_equal(out.len, THRICE);
	assert_int_equal(
	    charset_from_utf8(SPAN("gb18030"), buf_span(&out), &back), 0);
	assert_span_equal(buf_span(&back), buf_span(&text));
	charset_to_utf8(SPAN("gb18030"), buf_span(&text), &small);
	assert_true(small.failed);
	buf_done(&text);
	buf_done(&out);
	buf_done(&back);
	buf_done(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_utf8),
		cmocka_unit_test(to_utf8_cut_anywhere),
		cmocka_unit_test(from_utf8),
		cmocka_unit_test(chooses_the_first_that_can),
		cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
