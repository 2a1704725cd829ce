/* SPDX-License-Identifier: ISC */
#include "mail/encoded.h"

#include "mail/charset.h"
#include "test/lib/unit.h"

/* clang-format off */
static const struct {
	const char *value, *want;
} readings[] = {
	{ "", "" },
	{ " plain text ", "plain text" },
	{ "folded\r\n text\n\there", "folded text\there" },
	{ "=?utf-8?q?=C3=A4_b?=", "\303\244 b" },
	{ "=?UTF-8?B?w6Q=?=", "\303\244" },
	{ "=?UTF-8?B?w6Q?=", "\303\244" },
	{ "=?iso-8859-1?Q?a?=", "a" },
	/* RFC 2047, 8. */
	{ "=?ISO-8859-1?Q?a?= b", "a b" },
	{ "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?=", "ab" },
	{ "=?ISO-8859-1?Q?a_b?=", "a b" },
	{ "=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b" },
	{ "x =?utf-8?q?=C3=A4?= y", "x \303\244 y" },
	{ "x=?utf-8?q?=C3=A4?=y", "x\303\244y" },
	{ "(=?utf-8?q?=C3=A4?=)", "(\303\244)" },
	/* RFC 2231, 5. */
	{ "=?us-ascii*en-us?Q?Keith?=", "Keith" },
	/* A character in two words. */
	{ "=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "\303\244" },
	{ "=?utf-8?B?w6TD?= =?UTF-8?Q?=A4?=", "\303\244\303\244" },
	{ "=?utf-8?Q?=C3?= x =?utf-8?Q?=A4?=",
	  "\357\277\275 x \357\277\275" },
	{ "=?gb2312?B?1tA=?= =?gb2312?B?zsQ=?=",
	  "\344\270\255\346\226\207" },
	{ "=?iso-2022-jp?B?GyRCRnwbKEI=?=", "\346\227\245" },
	{ "=?iso-2022-jp?B?GyRCRnw=?= =?iso-2022-jp?B?S1w=?=",
	  "\346\227\245\346\234\254" },
	{ "=?iso-2022-jp?B?GyRCRnw=?= a", "\346\227\245 a" },
	{ "=?koi8-r?Q?=F0?=", "\320\237" },
	{ "=?utf-7?Q?+AOQ-?=", "\303\244" },
	/* Unknown sets are guessed. */
	{ "=?no-such?Q?=E4?=", "\303\244" },
	{ "=?utf-8//IGNORE?Q?=C3=A4?=", "\303\244" },
	/* Raw bytes. */
	{ "\303\244 \344", "\303\244 \303\244" },
	{ "\344 =?utf-8?Q?=C3=A4?= \344", "\303\244 \303\244 \303\244" },
	/* Careless ones. */
	{ "=?utf-8?Q?a b?=", "a b" },
	{ "=?utf-8?Q?a=XY=4?=", "a=XY=4" },
	{ "=?utf-8?Q?a=?=", "a=" },
	{ "=?utf-8?Q?a?b?=", "a?b" },
	{ "=?utf-8?Q?" "?=", "" },
	{ "=?utf-8?B?!!?=", "" },
	{ "=?utf-8?Q?=00=0A=1B?=x", NULL },
	/* None. */
	{ "=?", "=?" },
	{ "=?=?", "=?=?" },
	{ "=?utf-8?", "=?utf-8?" },
	{ "=?utf-8?Q", "=?utf-8?Q" },
	{ "=?utf-8?Q?", "=?utf-8?Q?" },
	{ "=?utf-8?Q?a", "=?utf-8?Q?a" },
	{ "=?utf-8?Q?a?", "=?utf-8?Q?a?" },
	{ "=?utf-8?X?a?=", "=?utf-8?X?a?=" },
	{ "=??Q?a?=", "=??Q?a?=" },
	{ "=?utf 8?Q?a?=", "=?utf 8?Q?a?=" },
	{ "=?a?Q?b=?utf-8?Q?c?=", "=?a?Q?bc" },
	{ "=?=?utf-8?Q?c?=", "=?c" },
};
/* clang-format on */

static void reads(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
		struct buf out = BUF_INIT(1000);

		encoded_decode(&out, span_str(readings[i].value));
		if (readings[i].want)
			assert_span_equal(
			    buf_span(&out), span_str(readings[i].want));
		else
			assert_span_equal(buf_span(&out), SPAN("\0\n\033x"));
		buf_done(&out);
	}
}

/* clang-format off */
static const struct {
	const char *utf8, *charset;
	enum encoded_where where;
	size_t column;
	const char *want;
} writings[] = {
	{ "", "utf-8", ENCODED_TEXT, 9, "" },
	{ "plain, (text)", "utf-8", ENCODED_TEXT, 9, "plain, (text)" },
	{ "a\tb", "utf-8", ENCODED_TEXT, 9, "a\tb" },
	{ "\303\244", "utf-8", ENCODED_TEXT, 9, "=?utf-8?B?w6Q=?=" },
	{ "gr\303\274n", "utf-8", ENCODED_TEXT, 9, "=?utf-8?B?Z3LDvG4=?=" },
	{ "gr\303\274nlicher", "utf-8", ENCODED_TEXT, 9,
	  "=?utf-8?Q?gr=C3=BCnlicher?=" },
	{ "gr\303\274n", "iso-8859-1", ENCODED_TEXT, 9,
	  "=?iso-8859-1?Q?gr=FCn?=" },
	{ "a gr\303\274n b", "utf-8", ENCODED_TEXT, 9,
	  "a =?utf-8?B?Z3LDvG4=?= b" },
	{ "a \303\274_=? b \303\274 c", "utf-8", ENCODED_TEXT, 9,
	  "a =?utf-8?B?w7xfPT8gYiDDvA==?= c" },
	{ "say =?xyz123456789", "us-ascii", ENCODED_TEXT, 9,
	  "say =?us-ascii?Q?=3D=3Fxyz123456789?=" },
	/* It cannot be said in that set, or there is none. */
	{ "10 \342\202\254 to you", "iso-8859-1", ENCODED_TEXT, 9,
	  "10 =?utf-8?B?4oKs?= to you" },
	{ "\303\274berall und nirgends", "x y", ENCODED_TEXT, 9,
	  "=?utf-8?Q?=C3=BCberall?= und nirgends" },
	{ "\303\274berall und nirgends", "utf-8?Q?a?=\n", ENCODED_TEXT, 9,
	  "=?utf-8?Q?=C3=BCberall?= und nirgends" },
	{ "\346\227\245\346\234\254", "iso-2022-jp", ENCODED_TEXT, 9,
	  "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=" },
	/* No line ends, no control characters as they are. */
	{ "a\nBcc: b\r\n", "utf-8", ENCODED_TEXT, 9, "a Bcc: b  " },
	{ "a\001[2Jbcdefghi", "us-ascii", ENCODED_TEXT, 9,
	  "=?us-ascii?Q?a=01[2Jbcdefghi?=" },
	/* What is no UTF-8. */
	{ "a \344hnlich", "utf-8", ENCODED_TEXT, 9,
	  "a =?utf-8?Q?=C3=A4hnlich?=" },
	/* In a phrase fewer characters are bare. */
	{ "J\303\274rgen Maier M.", "utf-8", ENCODED_PHRASE, 0,
	  "=?utf-8?Q?J=C3=BCrgen_Maier_M=2E?=" },
	{ "Max (\303\274)", "utf-8", ENCODED_PHRASE, 0,
	  "Max =?utf-8?B?KMO8KQ==?=" },
	{ "Smithers, Anna-Katharina", "us-ascii", ENCODED_PHRASE, 0,
	  "=?us-ascii?Q?Smithers=2C?= Anna-Katharina" },
	/* Folding. */
	{ "0123456789 0123456789 0123456789 0123456789 0123456789 012345678901",
	  "utf-8", ENCODED_TEXT, 9,
	  "0123456789 0123456789 0123456789 0123456789 0123456789 012345678901"
	},
	{ "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789012",
	  "utf-8", ENCODED_TEXT, 9,
	  "0123456789 0123456789 0123456789 0123456789 0123456789"
	  "\n 0123456789012" },
	{ "0123456789 0123456789 0123456789 0123456789 012345 \303\274berall",
	  "utf-8", ENCODED_TEXT, 9,
	  "0123456789 0123456789 0123456789 0123456789 012345"
	  "\n =?utf-8?Q?=C3=BCberall?=" },
};
/* clang-format on */

static void writes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(writings); i++) {
		struct buf out = BUF_INIT(1000);

		encoded_encode(&out, span_str(writings[i].utf8),
		    span_str(writings[i].charset), writings[i].where,
		    writings[i].column);
		assert_span_equal(buf_span(&out), span_str(writings[i].want));
		buf_done(&out);
	}
}

static void knows_what_must_be_encoded(void **state UNUSED)
{
	char long_run[901];

	memset(long_run, 'x', sizeof(long_run));
	assert_false(encoded_is_needed(SPAN("")));
	assert_false(encoded_is_needed(SPAN("a\tb = ? x?= ~")));
	assert_false(encoded_is_needed(span_of(long_run, 900)));
	assert_true(encoded_is_needed(span_of(long_run, 901)));
	assert_true(encoded_is_needed(SPAN("x=?y")));
	assert_true(encoded_is_needed(SPAN("\303\244")));
	assert_true(encoded_is_needed(SPAN("a\nb")));
	assert_true(encoded_is_needed(SPAN("a\0b")));
	assert_true(encoded_is_needed(SPAN("\177")));
	assert_false(encoded_has_word(SPAN("")));
	assert_false(encoded_has_word(SPAN("=x?==")));
	assert_true(encoded_has_word(SPAN("==?x")));
}

/* Lines within 76, words within 75 that are whole by themselves. */
static void check_words(span text)
{
	while (text.len) {
		span line = span_cut(&text, '\n');
		span word;

		assert_true(line.len <= 76);
		while ((word = span_word(&line, " ")).len) {
			struct buf out = BUF_INIT(1000);

			if (!span_has_prefix(word, SPAN("=?")))
				continue;
			assert_true(word.len <= 75);
			encoded_decode(&out, word);
			assert_int_equal(out.len % 3, 0);
			assert_null(
			    memmem(out.data, out.len, "\357\277\275", 3));
			buf_done(&out);
		}
	}
}

static void comes_back_as_it_was(const char *charset, size_t column)
{
	struct buf text = BUF_INIT(1000);
	struct buf out = BUF_INIT(4000);
	struct buf back = BUF_INIT(1000);

	for (int i = 0; i < 150; i++) {
		buf_put(&text, SPAN("\346\227\245"));
		buf_clear(&out);
		buf_clear(&back);
		encoded_encode(&out, buf_span(&text), span_str(charset),
		    i % 2 ? ENCODED_TEXT : ENCODED_PHRASE, column);
		check_words(span_from(buf_span(&out), column > 50));
		encoded_decode(&back, buf_span(&out));
		assert_span_equal(buf_span(&back), buf_span(&text));
	}
	buf_done(&text);
	buf_done(&out);
	buf_done(&back);
}

static void splits_between_characters(void **state UNUSED)
{
	comes_back_as_it_was("utf-8", 9);
	comes_back_as_it_was("utf-8", 75);
	comes_back_as_it_was("utf-8", 1000);
	comes_back_as_it_was("iso-2022-jp", 0);
	comes_back_as_it_was("gb18030", 33);
	comes_back_as_it_was("euc-jp", 9);
}

/* Beginnings of words without end, and words without number. */
static void hostile(const char *piece, size_t count)
{
	struct buf text = BUF_INIT(SIZE_MAX / 2);
	struct buf out = BUF_INIT(SIZE_MAX / 2);

	for (size_t i = 0; i < count; i++)
		buf_put(&text, span_str(piece));
	encoded_decode(&out, buf_span(&text));
	assert_false(out.failed);
	assert_true(out.len <= 3 * text.len);
	assert_true(charset_is_utf8(buf_span(&out)));
	buf_done(&text);
	buf_done(&out);
}

/* Were it quadratic, none of these would end today. */
static void is_linear(void **state UNUSED)
{
	hostile("=?", 1000000);
	hostile("=", 1000000);
	hostile("=?a?Q?", 300000);
	hostile("=?a?Q?b ", 200000);
	hostile("=?utf-8?B?w6Q=?= ", 100000);
	hostile("=?utf-8?Q?=C3?= x ", 100000);
	hostile("=?gbk?Q?=D6?= =?big5?Q?=A4?= ", 3000);
	hostile("                ", 100000);
	hostile("\r\n ", 500000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(writes),
		cmocka_unit_test(knows_what_must_be_encoded),
		cmocka_unit_test(splits_between_characters),
		cmocka_unit_test(is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
