/* SPDX-License-Identifier: ISC */
#include "proto/smtp_content.h"

#include "base/buf.h"
#include "test/lib/unit.h"

enum { OUT = 4096 };

struct result {
	struct buf content;
	struct buf rest;
	bool ended;
	uint64_t size;
};

/* Feed `in` in pieces; what stands behind the end is `rest`. */
static struct result play(enum smtp_content_kind kind, span in, size_t cut)
{
	struct result r = { .content = BUF_INIT(OUT), .rest = BUF_INIT(OUT) };
	struct smtp_content c;
	span piece;

	smtp_content_init(&c, kind);
	while (in.len) {
		span some = span_first(in, cut);

		in = span_from(in, some.len);
		while (!r.ended) {
			enum smtp_content_result got =
			    smtp_content_next(&c, &some, &piece);

			if (got == SMTP_CONTENT_MORE)
				break;
			if (got == SMTP_CONTENT_PIECE)
				buf_put(&r.content, piece);
			else
				r.ended = true;
		}
		buf_put(&r.rest, some);
	}
	if (kind == SMTP_CONTENT_BDAT)
		while (smtp_content_finish(&c, &piece) == SMTP_CONTENT_PIECE)
			buf_put(&r.content, piece);
	r.size = c.size;
	return r;
}

/* clang-format off */
static const struct {
	enum smtp_content_kind kind;
	span in;
	span content;
	const char *rest; /* NULL: no end was found */
} cases[] = {
#define S SMTP_CONTENT_STRICT
#define L SMTP_CONTENT_LAX
#define B SMTP_CONTENT_BDAT
	{ S, SPAN_INIT(".\r\n"), SPAN_INIT(""), "" },
	{ S, SPAN_INIT("a\r\n.\r\nrest"), SPAN_INIT("a\r\n"), "rest" },
	{ S, SPAN_INIT("a\r\n\r\nb\r\n..\r\n.x\r\n.\r\n"),
	    SPAN_INIT("a\r\n\r\nb\r\n..\r\n.x\r\n"), "" },
	{ S, SPAN_INIT("a\r\n.\r\n.\r\n"), SPAN_INIT("a\r\n"), ".\r\n" },
	{ S, SPAN_INIT("a\r\n"), SPAN_INIT("a\r\n"), NULL },
	{ S, SPAN_INIT("a"), SPAN_INIT("a"), NULL },
	/* No end: dots with anything but CRLF around them. */
	{ S, SPAN_INIT("a\n.\nb\r\n.\r\n"), SPAN_INIT("a\r\nb\r\n"), "" },
	{ S, SPAN_INIT("a\n.\r\nb\r\n.\r\n"), SPAN_INIT("a\r\nb\r\n"), "" },
	{ S, SPAN_INIT("a\r\n.\nb\r\n.\r\n"), SPAN_INIT("a\r\nb\r\n"), "" },
	{ S, SPAN_INIT("a\r.\r\nb\r\n.\r\n"), SPAN_INIT("a .\r\nb\r\n"), "" },
	{ S, SPAN_INIT("a\r\n.\rb\r\n.\r\n"), SPAN_INIT("a\r\n. b\r\n"), "" },
	{ S, SPAN_INIT("a\r.\rb\r\n.\r\n"), SPAN_INIT("a . b\r\n"), "" },
	{ S, SPAN_INIT("a\r\n.\r\r\nb\r\n.\r\n"), SPAN_INIT("a\r\n. \r\nb\r\n"), "" },
	{ S, SPAN_INIT("a\r\n\0.\r\n.\r\n"), SPAN_INIT("a\r\n\0.\r\n"), "" },
	{ S, SPAN_INIT("a\r\n.\0\r\n.\r\n"), SPAN_INIT("a\r\n.\0\r\n"), "" },
	{ S, SPAN_INIT(".\n.\r\n.\r\n"), SPAN_INIT(""), "" },
	{ S, SPAN_INIT("\n.\r\n.\r\nx"), SPAN_INIT("\r\n"), "x" },
	/* Repairs. */
	{ S, SPAN_INIT("a\nb\n\nc\r\n.\r\n"), SPAN_INIT("a\r\nb\r\n\r\nc\r\n"), "" },
	{ S, SPAN_INIT("a\rb\r\n.\r\n"), SPAN_INIT("a b\r\n"), "" },
	{ S, SPAN_INIT("a\r\r\r\nb\r\n.\r\n"), SPAN_INIT("a  \r\nb\r\n"), "" },
	{ S, SPAN_INIT("\r\r\n.\r\n"), SPAN_INIT(" \r\n"), "" },
	{ S, SPAN_INIT("\rx\r\n.\r\n"), SPAN_INIT(" x\r\n"), "" },
	{ S, SPAN_INIT(".\r\r.\r\n.\r\n"), SPAN_INIT(".  .\r\n"), "" },
	/* As before 2024. */
	{ L, SPAN_INIT("a\n.\nrest"), SPAN_INIT("a\r\n"), "rest" },
	{ L, SPAN_INIT("a\r\n.\nrest"), SPAN_INIT("a\r\n"), "rest" },
	{ L, SPAN_INIT("a\n.\r\nrest"), SPAN_INIT("a\r\n"), "rest" },
	{ L, SPAN_INIT("a\r\n.\r\r\nrest"), SPAN_INIT("a\r\n"), "rest" },
	{ L, SPAN_INIT("a\r\r\nb\r.\r\n.\r\n"), SPAN_INIT("a\r\nb .\r\n"), "" },
	/* BDAT: dots are nothing special until we stuff them. */
	{ B, SPAN_INIT(""), SPAN_INIT(""), NULL },
	{ B, SPAN_INIT("a\r\n.\r\nb"), SPAN_INIT("a\r\n..\r\nb\r\n"), NULL },
	{ B, SPAN_INIT(".\r\n..\r\n"), SPAN_INIT("..\r\n...\r\n"), NULL },
	{ B, SPAN_INIT("a\n.\n"), SPAN_INIT("a\r\n..\r\n"), NULL },
	{ B, SPAN_INIT("a\r"), SPAN_INIT("a \r\n"), NULL },
	{ B, SPAN_INIT("a\r\n\r"), SPAN_INIT("a\r\n \r\n"), NULL },
	{ B, SPAN_INIT("."), SPAN_INIT("..\r\n"), NULL },
};
/* clang-format on */

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t cut = 1; cut <= cases[i].in.len + 1; cut++) {
			struct result r = play(cases[i].kind, cases[i].in, cut);

			assert_span_equal(
			    buf_span(&r.content), cases[i].content);
			if (cases[i].rest)
				assert_span_equal(
				    buf_span(&r.rest), span_str(cases[i].rest));
			assert_int_equal(r.ended, cases[i].rest != NULL);
			buf_done(&r.content);
			buf_done(&r.rest);
		}
	}
}

static void test_size(void **state)
{
	/* Stuffed dots and the end do not count. */
	static const span in = SPAN_INIT("ab\r\n..\r\n.x\r\nc\nd\r\n.\r\n");

	(void)state;
	for (size_t cut = 1; cut <= in.len; cut++) {
		struct result r = play(SMTP_CONTENT_STRICT, in, cut);

		assert_int_equal(r.size, 4 + 3 + 3 + 3 + 3);
		buf_done(&r.content);
		buf_done(&r.rest);
	}
}

static void test_clean_input_is_not_copied(void **state)
{
	static const char in[] = "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n";
	struct smtp_content c;
	span rest = span_of(in, sizeof(in) - 1);
	span piece;

	(void)state;
	smtp_content_init(&c, SMTP_CONTENT_STRICT);
	assert_int_equal(
	    smtp_content_next(&c, &rest, &piece), SMTP_CONTENT_PIECE);
	assert_ptr_equal(piece.ptr, in);
	assert_int_equal(piece.len, sizeof(in) - 1 - 3);
	assert_int_equal(
	    smtp_content_next(&c, &rest, &piece), SMTP_CONTENT_END);
	assert_false(c.saw_bare_lf);
}

static void test_a_run_of_crs_is_bounded(void **state)
{
	struct buf in = BUF_INIT(OUT);
	struct result r;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_putc(&in, '\r');
	buf_put(&in, SPAN("\n.\r\n"));
	r = play(SMTP_CONTENT_STRICT, buf_span(&in), 7);
	assert_true(r.ended);
	assert_int_equal(r.content.len, 999 + 2);
	buf_done(&r.content);
	buf_done(&r.rest);
	buf_done(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_clean_input_is_not_copied),
		cmocka_unit_test(test_a_run_of_crs_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
