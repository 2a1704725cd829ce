/* SPDX-License-Identifier: ISC */
#include "mail/params.h"

#include "test/lib/unit.h"

enum { ARENA = 64 * 1024 };

/* "value|name=value|" for each. */
static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "|" },
	{ "text/plain", "text/plain|" },
	{ " text/plain ; charset=utf-8\r\n", "text/plain|charset=utf-8|" },
	{ "text/plain;\n\tCharset=\"utf-8\";format = flowed ;",
	    "text/plain|Charset=utf-8|format=flowed|" },
	{ "text/plain (a;b=c) ; (d) e (f) = (g) h (i) ; j=k",
	    "text/plain|e=h|j=k|" },
	{ "a; b=\"c;\\\"d\\\\ e=f\"; g=h", "a|b=c;\"d\\ e=f|g=h|" },
	{ "a; b=\"\"; c=; d=e", "a|b=|c=|d=e|" },
	{ "a; b=1; B=2; c=3", "a|b=1|c=3|" },
	/* Careless ones. */
	{ "text/plain charset=utf-8 format=flowed",
	    "text/plain|charset=utf-8|format=flowed|" },
	{ "attachment; filename=my file.txt; size=1",
	    "attachment|filename=my file.txt|size=1|" },
	{ "attachment; filename=\"C:\\temp\\new.txt\"",
	    "attachment|filename=C:\\temp\\new.txt|" },
	{ "filename=a.txt", "|filename=a.txt|" },
	{ "; b=c", "|b=c|" },
	{ "a;;; =b; c; d e; =; f=g", "a|f=g|" },
	{ "a; b=\"c; d=e", "a|b=c; d=e|" },
	{ "a; b=\"c\\", "a|b=c\\|" },
	{ "a; b=\"c\\\"", "a|b=c\"|" },
	{ "a (b; c=d", "a|" },
	{ "a; b=c=d; e=\"f\"g; h=i", "a|b=c=d|e=f|h=i|" },
	/* Other character sets. */
	{ "a; b=\"\303\244\"; c=\344", "a|b=\303\244|c=\303\244|" },
	{ "a; b=\"=?utf-8?Q?=C3=A4_b?=\"", "a|b=\303\244 b|" },
	{ "a; b==?utf-8?Q?=C3=A4?= =?utf-8?Q?b?=; c=d", "a|b=\303\244b|c=d|" },
	{ "a; b=\"c\n d\"", "a|b=c d|" },
	/* RFC 2231. */
	{ "a; b*=utf-8''%C3%a4%20c", "a|b=\303\244 c|" },
	{ "a; b*=iso-8859-1'de'%e4'", "a|b=\303\244'|" },
	{ "a; b*=''x%E4", "a|b=x\303\244|" },
	{ "a; b*=\"utf-8''%C3%A4\"", "a|b=\303\244|" },
	{ "a; b*=no-charset%41", "a|b=no-charsetA|" },
	{ "a; b*=utf-8''%4%zz%", "a|b=%4%zz%|" },
	{ "a; b*0=c; b*1=\" d\"; b*2=e", "a|b=c de|" },
	{ "a; b*0*=utf-8''%C3; b*1*=%A4; b*2=%41", "a|b=\303\244%41|" },
	{ "a; b*0=%41; b*1*=%41", "a|b=%41A|" },
	{ "a; b*0*=gb2312''%D6; b*1*=%D0", "a|b=\344\270\255|" },
	/* Out of order, twice, with gaps. */
	{ "a; b*2=e; b*0=c; x=y; b*1=d", "a|b=cde|x=y|" },
	{ "a; b*10=k; b*9=j; b*1=b; b*0=a", "a|b=abjk|" },
	{ "a; b*0=c; b*0=x; b*1=d; b*1=x", "a|b=cd|" },
	{ "a; b*1=c; b*3=d", "a|b=cd|" },
	{ "a; b=plain; b*=utf-8''ext", "a|b=ext|" },
	{ "a; b*=utf-8''ext; b=plain", "a|b=ext|" },
	{ "a; b*0=sec; b=plain; b*1=tion", "a|b=section|" },
	{ "a; b*x=c; b*1x=d; b**=e; *=f; *0=g; b*99999999999=h", "a|b=e|" },
	{ "a; b*4294967295=z; b*0=y", "a|b=yz|" },
};

static void parses(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);
		struct params p;
		struct arena a;

		arena_init(&a, ARENA);
		params_parse(span_str(cases[i].text), &a, &p);
		buf_put(&out, p.value);
		buf_putc(&out, '|');
		for (size_t k = 0; k < p.count; k++) {
			buf_put(&out, p.all[k].name);
			buf_putc(&out, '=');
			buf_put(&out, p.all[k].value);
			buf_putc(&out, '|');
		}
		if (!span_eq(buf_span(&out), span_str(cases[i].want)))
			print_error("case %s\n", cases[i].text);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
		arena_done(&a);
	}
}

static void gets_without_case(void **state UNUSED)
{
	struct params p;
	struct arena a;

	arena_init(&a, ARENA);
	params_parse(SPAN("a; CharSet=b"), &a, &p);
	assert_span_equal(params_get(&p, SPAN("charset")), SPAN("b"));
	assert_int_equal(params_get(&p, SPAN("name")).len, 0);
	arena_done(&a);
}

static const struct {
	const char *start, *name, *value, *want;
} writings[] = {
	{ "a", "b", "c", "a; b=c" },
	{ "a", "b", "c d", "a; b=\"c d\"" },
	{ "a", "b", "", "a; b=\"\"" },
	{ "a", "b", "c\"\\/", "a; b=\"c\\\"\\\\/\"" },
	{ "a", "b", "50%", "a; b=\"50%\"" },
	{ "a", "b", "c\303\244 d", "a; b*=utf-8''c%C3%A4%20d" },
	{ "a", "b", "c\344", "a; b*=utf-8''c%C3%A4" },
	{ "a", "b", "c\r\nd", "a; b*=utf-8''c%0D%0Ad" },
	{ "Content-Disposition: attachment", "filename",
	    "0123456789012345678901234567890123456789",
	    "Content-Disposition: attachment;\n"
	    " filename=0123456789012345678901234567890123456789" },
};

static void writes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(writings); i++) {
		struct buf out = BUF_INIT(1000);

		buf_put(&out, span_str(writings[i].start));
		params_write(&out, span_str(writings[i].name),
		    span_str(writings[i].value));
		assert_span_equal(buf_span(&out), span_str(writings[i].want));
		buf_done(&out);
	}
}

/* Names of all lengths come back; lines within 76. */
static void round_trip(span value)
{
	struct buf out = BUF_INIT(10000);
	struct params p;
	struct arena a;
	span rest;

	arena_init(&a, ARENA);
	buf_put(&out, SPAN("Content-Disposition: attachment"));
	params_write(&out, SPAN("filename"), value);
	params_write(&out, SPAN("size"), SPAN("12"));
	for (rest = buf_span(&out); rest.len;)
		assert_true(span_cut(&rest, '\n').len <= 76);
	params_parse(span_from(buf_span(&out), 21), &a, &p);
	assert_span_equal(params_get(&p, SPAN("filename")), value);
	assert_span_equal(params_get(&p, SPAN("size")), SPAN("12"));
	buf_done(&out);
	arena_done(&a);
}

static void comes_back_as_it_was(void **state UNUSED)
{
	struct buf ascii = BUF_INIT(1000);
	struct buf other = BUF_INIT(1000);

	for (int i = 0; i < 200; i++) {
		buf_putc(&ascii, " \"\\;a=b*'%."[i % 11]);
		buf_putc(&ascii, 'x');
		round_trip(buf_span(&ascii));
		buf_put(&other, i % 2 ? SPAN("\346\227\245") : SPAN("\""));
		round_trip(buf_span(&other));
	}
	buf_done(&ascii);
	buf_done(&other);
}

static void without_room(void **state UNUSED)
{
	struct params p;
	struct arena a;

	arena_init(&a, 0);
	params_parse(SPAN("a; b=c"), &a, &p);
	assert_span_equal(p.value, SPAN("a"));
	assert_int_equal(p.count, 0);
	arena_done(&a);
	arena_init(&a, 3 * sizeof(struct param));
	params_parse(SPAN("a; b=\"c\\\\0123456789012345678901234567890123456789"
	                  "0123456789012345678901234567890123456789"
	                  "0123456789012345678901234567890123456789\"; d=e"),
	    &a, &p);
	assert_int_equal(p.count, 1);
	assert_span_equal(params_get(&p, SPAN("d")), SPAN("e"));
	arena_done(&a);
}

/* A piece over and over, with its number if it asks for one. */
static void hostile(const char *piece, size_t count, size_t want, size_t len)
{
	struct buf text = BUF_INIT(SIZE_MAX / 2);
	struct params p;
	struct arena a;

	buf_putc(&text, 'a');
	for (size_t i = 0; i < count; i++) {
		span rest = span_str(piece);

		buf_put(&text, span_cut(&rest, '#'));
		if (strchr(piece, '#'))
			buf_put_u64(&text, count - i - 1);
		buf_put(&text, rest);
	}
	arena_init(&a, 1U << 24);
	params_parse(buf_span(&text), &a, &p);
	assert_int_equal(p.count, want);
	if (want)
		assert_int_equal(p.all[0].value.len, len);
	arena_done(&a);
	buf_done(&text);
}

static void is_linear(void **state UNUSED)
{
	hostile(";b=c", 1000000, 1, 1);
	hostile(";b#=c", 1000000, PARAMS_MAX, 1);
	hostile(";b*#=c", 100000, 1, 100000);
	hostile(";b*#=c", 1000000, 1, 100000);
	hostile(";b*#*=%41", 100000, 1, 100000);
	hostile(";b*1=c", 1000000, 1, 1);
	hostile("(", 2000000, 0, 0);
	hostile(" (x)", 600000, 0, 0);
	hostile(";", 2000000, 0, 0);
	hostile("; =", 600000, 0, 0);
	hostile(" b=", 600000, 1, 2);
	hostile(";b= c d e f", 1000000, 1, 7);
	hostile("\"", 2000000, 0, 0);
	hostile(";b=\"", 600000, 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(gets_without_case),
		cmocka_unit_test(writes),
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(without_room),
		cmocka_unit_test(is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
