/* SPDX-License-Identifier: ISC */
#include "base/width.h"

#include "test/lib/unit.h"

#define COMBINED_1 "\xcc\x81"
#define COMBINED_5 COMBINED_1 COMBINED_1 COMBINED_1 COMBINED_1 COMBINED_1
#define COMBINED_30 \
	COMBINED_5 COMBINED_5 COMBINED_5 COMBINED_5 COMBINED_5 COMBINED_5
#define BAD "\xef\xbf\xbd"

static const struct {
	const char *text;
	size_t want;
} widths[] = {
	{ "", 0 },
	{ "hello", 5 },
	{ "año", 3 },
	{ "an\xcc\x83o", 3 }, /* n, combining tilde */
	{ "日本語", 6 },
	{ "ﾊﾝｶｸ", 4 },                                 /* halfwidth */
	{ "Ａ", 2 },                                   /* fullwidth */
	{ "\xed\x95\x9c", 2 },                         /* a Hangul syllable */
	{ "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2 }, /* the same in jamo */
	{ "a\xe2\x80\x8b"
	  "b",
	    2 }, /* zero width space */
	{ "a\xc2\xad"
	  "b",
	    3 },                                   /* soft hyphen */
	{ "\xf0\x9f\x98\x80", 2 },                 /* grinning face */
	{ "\xe2\x9d\xa4", 1 },                     /* heart, as text */
	{ "\xe2\x9d\xa4\xef\xb8\x8f", 2 },         /* heart, as emoji */
	{ "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", 2 }, /* thumb with a skin tone */
	{ "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d"
	  "\xf0\x9f\x91\xa7",
	    2 },                                   /* a family of three */
	{ "\xf0\x9f\x87\xaa\xf0\x9f\x87\xb8", 2 }, /* flag of Spain */
	{ "\xf0\x9f\x87\xaa\xf0\x9f\x87\xb8\xf0\x9f\x87\xaa", 3 },
	/* ZWJ in Devanagari joins letters, which keep their places. */
	{ "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7", 2 },
	{ "\xff\xfe", 2 },
	{ "\xe6\x97", 2 }, /* cut off */
	{ "e\xcc\x81", 1 },
};

static void counts_columns(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		size_t got = width_text(span_str(widths[i].text));

		if (got != widths[i].want)
			fail_msg("\"%s\": %zu", widths[i].text, got);
	}
	assert_int_equal(width_of('\n'), 1);
	assert_int_equal(width_of(0x1b), 1);
	assert_int_equal(width_of(0x10ffff), 1);
	assert_int_equal(width_of(0xffffffff), 1);
}

static const struct {
	const char *text;
	size_t columns;
	bool left;
	const char *first;
	const char *padded;
} cuts[] = {
	{ "hello", 3, false, "hel", "hel" },
	{ "hello", 7, false, "hello", "hello  " },
	{ "hello", 7, true, "hello", "  hello" },
	{ "", 2, false, "", "  " },
	{ "日本", 3, false, "日", "日 " },
	{ "日本", 3, true, "日", " 日" },
	{ "日本", 0, false, "", "" },
	{ "e\xcc\x81"
	  "e",
	    1, false, "e\xcc\x81", "e\xcc\x81" },
	{ "\xf0\x9f\x87\xaa\xf0\x9f\x87\xb8", 1, false, "", " " },
};

static void cuts_and_fills(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct buf out = BUF_INIT(100);
		span text = span_str(cuts[i].text);

		assert_span_equal(width_first(text, cuts[i].columns),
		    span_str(cuts[i].first));
		width_pad(&out, text, cuts[i].columns, cuts[i].left);
		assert_span_equal(buf_span(&out), span_str(cuts[i].padded));
		buf_done(&out);
	}
}

static const struct {
	span text;
	const char *line;
	const char *lines;
	const char *ascii; /* HARMLESS_LINES */
} texts[] = {
	{ SPAN_INIT("plain"), "plain", "plain", "plain" },
	{ SPAN_INIT("a\r\nb\tc"), "a b c", "a\nb\tc", "a\nb\tc" },
	{ SPAN_INIT("a\rb"), "a" BAD "b", "a" BAD "b", "a?b" },
	{ SPAN_INIT("a\r"), "a" BAD, "a" BAD, "a?" },
	{ SPAN_INIT("\033[2J"), BAD "[2J", BAD "[2J", "?[2J" },
	{ SPAN_INIT("a\0b\177"), "a" BAD "b" BAD, "a" BAD "b" BAD, "a?b?" },
	{ SPAN_INIT("\x9b"
	            "2J"),
	    BAD "2J", BAD "2J", "?2J" },
	{ SPAN_INIT("\xc2\x9b"
	            "2J"),
	    BAD "2J", BAD "2J", "?2J" },
	{ SPAN_INIT("\xc2\x80\xc2\x85\xc2\x9f"), BAD BAD BAD, BAD BAD BAD,
	    "???" },
	{ SPAN_INIT("\xc0\x9b"), BAD BAD, BAD BAD, "??" }, /* overlong */
	{ SPAN_INIT("\xe0\x82\x9b"), BAD BAD BAD, BAD BAD BAD, "???" },
	{ SPAN_INIT("\xed\xa0\x80"), BAD BAD BAD, BAD BAD BAD, "???" },
	{ SPAN_INIT("\xf4\x90\x80\x80"), BAD BAD BAD BAD, BAD BAD BAD BAD,
	    "????" },
	{ SPAN_INIT("x\xe2\x80\xae"
	            "exe"),
	    "x" BAD "exe", "x" BAD "exe", "x?exe" },  /* override */
	{ SPAN_INIT("\xe2\x81\xa6"), BAD, BAD, "?" }, /* isolate */
	{ SPAN_INIT("a\xe2\x80\xa8"
	            "b\xe2\x80\xa9"),
	    "a b ", "a\nb\n", "a\nb\n" },
	{ SPAN_INIT("\xef\xbf\xbf"), BAD, BAD, "?" },
	{ SPAN_INIT("\xe6\x97"), BAD BAD, BAD BAD, "??" },
	{ SPAN_INIT("año"), "año", "año", "a?o" },
	{ SPAN_INIT("an\xcc\x83o"), "an\xcc\x83o", "an\xcc\x83o", "ano" },
	{ SPAN_INIT("“it’s” — …"), "“it’s” — …", "“it’s” — …",
	    "\"it's\" - ..." },
	{ SPAN_INIT("e" COMBINED_30 COMBINED_5 "x"), "e" COMBINED_30 "x",
	    "e" COMBINED_30 "x", "ex" },
};

static void check(size_t i, enum harmless how, bool ascii, const char *want)
{
	struct buf out = BUF_INIT(1000);

	width_harmless(&out, texts[i].text, how, ascii);
	assert_span_equal(buf_span(&out), span_str(want));
	buf_done(&out);
}

static void makes_harmless(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		check(i, HARMLESS_LINE, false, texts[i].line);
		check(i, HARMLESS_LINES, false, texts[i].lines);
		check(i, HARMLESS_LINES, true, texts[i].ascii);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_columns),
		cmocka_unit_test(cuts_and_fills),
		cmocka_unit_test(makes_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
