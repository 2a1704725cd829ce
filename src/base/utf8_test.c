/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

#include "test/lib/unit.h"

static const struct {
	const char *in;
	const char *want;
} cases[] = {
	{ "", "" },
	{ "ABC xyz", "abc xyz" },
	{ "Straße", "strasse" },
	{ "STRASSE", "strasse" },
	{ "ÀÉÎÕÜŸ", "àéîõüÿ" },
	{ "ΑΣ ς", "ασ σ" },
	{ "ЖЁЯ", "жёя" },
	{ "ǅ", "ǆ" },
	{ "ŁÓDŹ", "łódź" },
	{ "İ", "i\xcc\x87" },
	{ "ﬃ", "ffi" },
	{ "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8" }, /* Deseret */
	{ "A\xff\xc3", "a\xff\xc3" },
	{ "\xed\xa0\x80Z", "\xed\xa0\x80z" },
	{ "日本", "日本" },
};

static void folds(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);

		utf8_fold(span_str(cases[i].in), &out);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
	}
}

static void knows_ascii(void **state UNUSED)
{
	char text[24];

	for (size_t n = 0; n <= sizeof(text); n++) {
		memset(text, 'a', sizeof(text));
		assert_true(utf8_is_ascii(span_of(text, n)));
		for (size_t i = 0; i < n; i++) {
			text[i] = (char)0x80;
			assert_false(utf8_is_ascii(span_of(text, n)));
			text[i] = 'a';
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds),
		cmocka_unit_test(knows_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
