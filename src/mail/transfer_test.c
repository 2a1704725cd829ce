/* SPDX-License-Identifier: ISC */
#include "mail/transfer.h"

#include "test/lib/unit.h"

#define LIT(s) SPAN_INIT(s)

static const struct {
	enum transfer kind;
	span from, to;
} decodings[] = {
	{ TRANSFER_7BIT, LIT("a=20b\r\n"), LIT("a=20b\r\n") },
	{ TRANSFER_UNKNOWN, LIT("a=20b\r\n"), LIT("a=20b\r\n") },
	{ TRANSFER_BASE64, LIT(""), LIT("") },
	{ TRANSFER_BASE64, LIT("YQ=="), LIT("a") },
	{ TRANSFER_BASE64, LIT("YWI="), LIT("ab") },
	{ TRANSFER_BASE64, LIT("YWJj"), LIT("abc") },
	{ TRANSFER_BASE64, LIT("YW\r\nJj\n\nZA=="), LIT("abcd") },
	{ TRANSFER_BASE64, LIT("YWJjZA"), LIT("abcd") },
	{ TRANSFER_BASE64, LIT("YWJjZGU"), LIT("abcde") },
	{ TRANSFER_BASE64, LIT("YWJjZ"), LIT("abc") },
	{ TRANSFER_BASE64, LIT("Y-W*J\0j\377"), LIT("abc") },
	{ TRANSFER_BASE64, LIT("YQ==\nYg==\n"), LIT("ab") },
	{ TRANSFER_BASE64, LIT("===="), LIT("") },
	{ TRANSFER_BASE64, LIT("AP+/"), LIT("\0\377\277") },
	{ TRANSFER_QUOTED, LIT(""), LIT("") },
	{ TRANSFER_QUOTED, LIT("a=3Db=c3=A4"), LIT("a=b\303\244") },
	{ TRANSFER_QUOTED, LIT("a=\nb=\r\nc= \t\r\nd"), LIT("abcd") },
	{ TRANSFER_QUOTED, LIT("a  \nb\t\r\nc d"), LIT("a\nb\r\nc d") },
	{ TRANSFER_QUOTED, LIT("a=20\nb=09 \n"), LIT("a \nb\t\n") },
	{ TRANSFER_QUOTED, LIT("==3D=x=4x="), LIT("===x=4x") },
	{ TRANSFER_QUOTED, LIT("a=4"), LIT("a=4") },
	{ TRANSFER_QUOTED, LIT("a= x=\rb"), LIT("a= x=\rb") },
	{ TRANSFER_QUOTED, LIT("a \rb \r\rc \r\n"), LIT("a \rb \r\rc\r\n") },
	{ TRANSFER_QUOTED, LIT("a  "), LIT("a") },
	{ TRANSFER_QUOTED, LIT("\0\377=00=FF"), LIT("\0\377\0\377") },
	{ TRANSFER_UUENCODE, LIT("text\nbegin 644 a\n#0V%T\n`\nend\n#0V%T\n"),
	    LIT("Cat") },
	{ TRANSFER_UUENCODE, LIT("begin 644 a\r\n#0V%T\r\n \r\nend\r\n"),
	    LIT("Cat") },
	{ TRANSFER_UUENCODE, LIT("begin 644 a\n\"0V$\n!``\nend"), LIT("Ca\0") },
	{ TRANSFER_UUENCODE, LIT("begin 644 a\n#0V%T"), LIT("Cat") },
	{ TRANSFER_UUENCODE, LIT("#0V%T\n"), LIT("") },
};

static void decode_in_pieces(size_t i, size_t first, size_t rest)
{
	struct buf out = BUF_INIT(1000);
	struct transfer_decoder t;
	span from = decodings[i].from;
	size_t n = first;

	transfer_init(&t, decodings[i].kind);
	while (from.len) {
		transfer_decode(&t, span_first(from, n), &out);
		from = span_from(from, n);
		n = rest;
	}
	transfer_finish(&t, &out);
	assert_int_equal(t.held_len, 0);
	if (!span_eq(buf_span(&out), decodings[i].to))
		print_error("case %zu, cut at %zu\n", i, first);
	assert_span_equal(buf_span(&out), decodings[i].to);
	buf_done(&out);
}

static void decodes_cut_at_every_byte(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(decodings); i++) {
		for (size_t at = 1; at <= decodings[i].from.len; at++)
			decode_in_pieces(i, at, 1000);
		decode_in_pieces(i, 1, 1);
		decode_in_pieces(i, 3, 3);
	}
}

static void keeps_long_blanks(void **state UNUSED)
{
	struct buf text = BUF_INIT(10000);
	struct buf out = BUF_INIT(10000);
	struct transfer_decoder t;

	for (int i = 0; i < 5000; i++)
		buf_putc(&text, ' ');
	buf_putc(&text, 'x');
	transfer_init(&t, TRANSFER_QUOTED);
	transfer_decode(&t, buf_span(&text), &out);
	transfer_finish(&t, &out);
	assert_span_equal(buf_span(&out), buf_span(&text));
	buf_done(&text);
	buf_done(&out);
}

static void decode_stops_at_the_limit(void **state UNUSED)
{
	struct buf out = BUF_INIT(3000);
	struct transfer_decoder t;

	transfer_init(&t, TRANSFER_BASE64);
	for (int i = 0; i < 1000; i++)
		transfer_decode(&t, SPAN("YWJjZGVm"), &out);
	assert_true(out.failed);
	assert_true(out.len <= 3000);
	buf_done(&out);
}

static const struct {
	const char *value;
	enum transfer kind;
} values[] = {
	{ "", TRANSFER_7BIT },
	{ " 7BIT ", TRANSFER_7BIT },
	{ "8Bit", TRANSFER_8BIT },
	{ "binary (x)", TRANSFER_BINARY },
	{ "Quoted-Printable;", TRANSFER_QUOTED },
	{ "\"base64\"", TRANSFER_BASE64 },
	{ "(none) base64", TRANSFER_UNKNOWN },
	{ "x-uuencode", TRANSFER_UUENCODE },
	{ "base-64", TRANSFER_UNKNOWN },
};

static void knows_names(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		assert_int_equal(
		    transfer_parse(span_str(values[i].value)), values[i].kind);
	for (int k = TRANSFER_7BIT; k <= TRANSFER_UUENCODE; k++)
		assert_int_equal(
		    transfer_parse(transfer_name((enum transfer)k)), k);
}

static const struct {
	span from, to;
} quotings[] = {
	{ LIT(""), LIT("") },
	{ LIT("a b\n"), LIT("a b\n") },
	{ LIT("a=b \nc\t\n"), LIT("a=3Db=20\nc=09\n") },
	{ LIT("a"), LIT("a=\n") },
	{ LIT("a "), LIT("a=20=\n") },
	{ LIT("\303\244\r\n"), LIT("=C3=A4=0D\n") },
	{ LIT("From me\nFromm\n From x\n"),
	    LIT("=46rom me\nFromm\n From x\n") },
	{ LIT(".\n..\n.a\n."), LIT("=2E\n..\n.a\n=2E=\n") },
	/* 76 stand in one line, 77 do not; nor does a soft one with 76. */
	{ LIT("01234567890123456789012345678901234567890123456789"
	      "01234567890123456789012345\n"),
	    LIT("01234567890123456789012345678901234567890123456789"
	        "01234567890123456789012345\n") },
	{ LIT("01234567890123456789012345678901234567890123456789"
	      "012345678901234567890123456\n"),
	    LIT("01234567890123456789012345678901234567890123456789"
	        "0123456789012345678901234=\n56\n") },
	{ LIT("01234567890123456789012345678901234567890123456789"
	      "0123456789012345678901234From \n"),
	    LIT("01234567890123456789012345678901234567890123456789"
	        "0123456789012345678901234=\n=46rom=20\n") },
	{ LIT("01234567890123456789012345678901234567890123456789"
	      "01234567890123456789012345.\n"),
	    LIT("01234567890123456789012345678901234567890123456789"
	        "0123456789012345678901234=\n5.\n") },
};

static void quotes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(quotings); i++) {
		struct buf out = BUF_INIT(1000);

		transfer_encode(&out, TRANSFER_QUOTED, quotings[i].from);
		assert_span_equal(buf_span(&out), quotings[i].to);
		buf_done(&out);
	}
}

/* Whatever it is, in lines of 76. */
static void round_trip(enum transfer kind, span body)
{
	struct buf out = BUF_INIT(10000);
	struct buf back = BUF_INIT(10000);
	struct transfer_decoder t;
	span rest;

	transfer_encode(&out, kind, body);
	for (rest = buf_span(&out); rest.len;) {
		span line = span_cut(&rest, '\n');

		assert_true(line.len <= 76);
		assert_false(span_has_prefix(line, SPAN("From ")));
		assert_false(span_eq(line, SPAN(".")));
	}
	transfer_init(&t, kind);
	transfer_decode(&t, buf_span(&out), &back);
	transfer_finish(&t, &back);
	assert_span_equal(buf_span(&back), body);
	buf_done(&out);
	buf_done(&back);
}

static void comes_back_as_it_was(void **state UNUSED)
{
	static const char some[] = "From .\n =\rx\0\377\t";
	char body[600];
	uint32_t random = 1;

	for (size_t n = 0; n < sizeof(body); n++) {
		random = random * 1103515245 + 12345;
		body[n] = n % 3 ? 'a' : some[(random >> 16) % sizeof(some)];
		round_trip(TRANSFER_QUOTED, span_of(body, n));
		round_trip(TRANSFER_BASE64, span_of(body, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_cut_at_every_byte),
		cmocka_unit_test(keeps_long_blanks),
		cmocka_unit_test(decode_stops_at_the_limit),
		cmocka_unit_test(knows_names),
		cmocka_unit_test(quotes),
		cmocka_unit_test(comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
