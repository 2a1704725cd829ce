/* SPDX-License-Identifier: ISC */
#include "mail/parts.h"

#include "test/lib/unit.h"

enum { ARENA = 1 << 20 };

#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\n\n"

/* "position type[body]" for each leaf, "position type{" "}" around others. */
static const struct {
	const char *message, *want;
} cases[] = {
	{ "", "1 text/plain[]" },
	{ "\n", "1 text/plain[]" },
	{ "A: b", "1 text/plain[]" },
	{ "A: b\n\nbody\n", "1 text/plain[body\n]" },
	{ "content-type: TEXT/Html\r\n\r\nbody\r\n", "1 text/html[body\r\n]" },
	{ "Content-Type: text\n\nbody", "1 text/plain[body]" },
	{ "Content-Type: text/a\nContent-Type: text/b\n\n", "1 text/a[]" },
	{ MIXED("b") "before\n--b\n\none\n--b\nContent-Type: x/y\n\ntwo\n\n"
	             "--b--\nbehind\n",
	    " multipart/mixed{1 text/plain[one]2 x/y[two\n]}" },
	{ "Content-Type: multipart/mixed;\r\n boundary=\"b c\"\r\n\r\n"
	  "--b c  \r\n\r\none\r\n--b c-- \t\r\n",
	    " multipart/mixed{1 text/plain[one]}" },
	/* Without end, without content, without header, without anything. */
	{ MIXED("b") "--b\n\none\n", " multipart/mixed{1 text/plain[one\n]}" },
	{ MIXED("b") "--b\n--b\n\n--b\n\n\n--b",
	    " multipart/mixed{1 text/plain[]2 text/plain[]3 text/plain[]"
	    "4 text/plain[]}" },
	{ MIXED("b") "--b\nX: y\n--b--\n", " multipart/mixed{1 text/plain[]}" },
	{ MIXED("b"), " multipart/mixed{}" },
	{ MIXED("b") "--b--\n--b\n\nx\n", " multipart/mixed{}" },
	{ "Content-Type: multipart/mixed\n\n--b\n\nx\n",
	    "1 multipart/mixed[--b\n\nx\n]" },
	{ "Content-Type: multipart/mixed; boundary=\" \"\n\n--\n\nx\n",
	    "1 multipart/mixed[--\n\nx\n]" },
	/* No boundary: something more or less in its line. */
	{ MIXED("b") "--b\n\n --b\n--bc\n-b\n--b-\n--b---\n--b --\n--b--\n",
	    " multipart/mixed{"
	    "1 text/plain[ --b\n--bc\n-b\n--b-\n--b---\n--b --]}" },
	/* One in another; boundaries that begin as others do. */
	{ MIXED("a") "--a\n" MIXED("ab") "--ab\n\none\n--ab--\nx\n--a\n\n"
	                                 "two\n--a--\n",
	    " multipart/mixed{1 multipart/mixed{1.1 text/plain[one]}"
	    "2 text/plain[two]}" },
	{ MIXED("ab") "--ab\n" MIXED("a") "--a\n\none\n--a--\nx\n--ab\n\n"
	                                  "two\n--ab--\n",
	    " multipart/mixed{1 multipart/mixed{1.1 text/plain[one]}"
	    "2 text/plain[two]}" },
	{ MIXED("a--") "--a--\n" MIXED("a") "--a\n\none\n--a--\n\ntwo\n"
	                                    "--a----\n",
	    " multipart/mixed{1 multipart/mixed{1.1 text/plain[one]}}" },
	{ MIXED("a") "--a\n" MIXED("a") "--a\n\none\n--a--\n--a\n\ntwo\n",
	    " multipart/mixed{1 multipart/mixed{1.1 text/plain[one]}"
	    "2 text/plain[two\n]}" },
	/* The outer one ends the inner ones. */
	{ MIXED("a") "--a\n" MIXED("b") "--b\n" MIXED("c") "--c\n\none\n"
	                                                   "--a\n\ntwo\n--c\n",
	    " multipart/mixed{1 multipart/mixed{1.1 multipart/mixed{"
	    "1.1.1 text/plain[one]}}2 text/plain[two\n--c\n]}" },
	/* Messages within. */
	{ "Content-Type: message/rfc822\n\nA: b\n\nbody\n",
	    "1 message/rfc822{1.1 text/plain[body\n]}" },
	{ "Content-Type: message/rfc822\n\n" MIXED("b") "--b\n\none\n--b--\n",
	    "1 message/rfc822{1 multipart/mixed{1.1 text/plain[one]}}" },
	{ "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\none\n"
	  "--b\nContent-Type: text/plain\n\ntwo\n--b\n--b--\n",
	    " multipart/digest{1 message/rfc822{1.1 text/plain[one]}"
	    "2 text/plain[two]3 message/rfc822{3.1 text/plain[]}}" },
	{ "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
	  "QTogYgo=\n",
	    "1 message/rfc822[QTogYgo=\n]" },
	{ "Content-Type: message/rfc822\n\n" MIXED("b") "--b\nContent-Type: "
	                                                "message/rfc822\n--b\n",
	    "1 message/rfc822{1 multipart/mixed{1.1 message/rfc822{"
	    "1.1.1 text/plain[]}1.2 text/plain[]}}" },
};

static void show(struct buf *out, const struct part *p)
{
	const struct part *next = parts_walk(p);

	parts_position(out, p);
	buf_putc(out, ' ');
	buf_put(out, p->type);
	if (p->kind == PARTS_LEAF) {
		buf_putc(out, '[');
		buf_put(out, p->body);
		buf_putc(out, ']');
	} else {
		buf_putc(out, '{');
	}
	for (; p != (next ? next->parent : NULL); p = p->parent)
		if (p->kind != PARTS_LEAF)
			buf_putc(out, '}');
}

static void finds_the_parts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(10000);
		struct arena a;
		struct part *p;

		arena_init(&a, ARENA);
		p = parts_parse(span_str(cases[i].message), NULL, &a);
		for (; p; p = parts_walk(p))
			show(&out, p);
		if (!span_eq(buf_span(&out), span_str(cases[i].want)))
			print_error("case %s\n", cases[i].message);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
		arena_done(&a);
	}
}

static void says_what_a_part_is(void **state UNUSED)
{
	struct arena a;
	struct part *p;

	arena_init(&a, ARENA);
	p = parts_parse(
	    SPAN("Content-Type: Text/Plain; charset=\"UTF-8 \"; name=a\n"
	         "Content-Disposition: ATTACHMENT;\n"
	         " filename*=utf-8''%C3%A4.txt\n"
	         "Content-Transfer-Encoding: Base64\n\nw6QNCg=="),
	    NULL, &a);
	assert_span_equal(p->type, SPAN("text/plain"));
	assert_span_equal(p->charset, SPAN("UTF-8"));
	assert_span_equal(p->disposition, SPAN("attachment"));
	assert_span_equal(p->filename, SPAN("\303\244.txt"));
	assert_int_equal(p->transfer, TRANSFER_BASE64);
	assert_null(p->parent);
	assert_int_equal(p->number, 1);
	p = parts_parse(
	    SPAN("Content-Type: image/png; charset=x; name=a\n\n"), NULL, &a);
	assert_span_equal(p->filename, SPAN("a"));
	assert_int_equal(p->charset.len, 0);
	assert_int_equal(p->disposition.len, 0);
	arena_done(&a);
}

static const struct {
	const char *header, *body, *want, *bytes;
} contents[] = {
	{ "", "a\r\nb\r\n", "a\nb\n", "a\nb\n" },
	{ "", "a\rb\r\r\nc\r", "a\rb\r\nc\r", "a\rb\r\nc\r" },
	{ "Content-Type: application/x\n", "a\r\nb\r\n", "a\r\nb\r\n",
	    "a\r\nb\r\n" },
	{ "Content-Transfer-Encoding: base64\n", "YQ0KYg0KDQ==\n", "a\nb\n\r",
	    "a\nb\n\r" },
	{ "Content-Transfer-Encoding: quoted-printable\n"
	  "Content-Type: text/plain; charset=iso-8859-1\n",
	    "=E4=\r\nb=0D=0Ac\r\n", "\303\244b\nc\n", "\344b\nc\n" },
	{ "Content-Type: text/plain; charset=none-such\n", "\344\303\244",
	    "\303\244\303\244", "\344\303\244" },
	{ "Content-Type: text/html; charset=gb18030\n"
	  "Content-Transfer-Encoding: base64\n",
	    "1tANCg==", "\344\270\255\n", "\326\320\n" },
	{ "Content-Type: application/x; charset=iso-8859-1\n"
	  "Content-Transfer-Encoding: x-none\n",
	    "\344=\n", "\344=\n", "\344=\n" },
};

static void gives_the_content(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		struct buf message = BUF_INIT(1000);
		struct buf out = BUF_INIT(1000);
		struct arena a;
		struct part *p;

		arena_init(&a, ARENA);
		buf_put(&message, span_str(contents[i].header));
		buf_putc(&message, '\n');
		buf_put(&message, span_str(contents[i].body));
		p = parts_parse(buf_span(&message), NULL, &a);
		parts_content(p, &out);
		assert_span_equal(buf_span(&out), span_str(contents[i].want));
		buf_clear(&out);
		parts_bytes(p, &out);
		assert_span_equal(buf_span(&out), span_str(contents[i].bytes));
		arena_done(&a);
		buf_done(&message);
		buf_done(&out);
	}
}

/* More than one piece of it. */
static void gives_long_content(void **state UNUSED)
{
	struct buf message = BUF_INIT(1 << 20);
	struct buf out = BUF_INIT(1 << 20);
	struct buf small = BUF_INIT(1000);
	struct arena a;
	struct part *p;

	arena_init(&a, ARENA);
	buf_put(&message, SPAN("Content-Type: text/plain; charset=utf-8\n\n"));
	for (int i = 0; i < 50000; i++)
		buf_put(&message, SPAN("\303\244x\r\n"));
	p = parts_parse(buf_span(&message), NULL, &a);
	parts_content(p, &out);
	assert_int_equal(out.len, 200000);
	assert_null(memmem(out.data, out.len, "\357\277\275", 3));
	assert_null(memchr(out.data, '\r', out.len));
	parts_content(p, &small);
	assert_true(small.failed);
	arena_done(&a);
	buf_done(&message);
	buf_done(&out);
	buf_done(&small);
}

static const struct {
	const char *name, *want;
} names[] = {
	{ "", "" },
	{ "a.txt", "a.txt" },
	{ "/etc/passwd", "passwd" },
	{ "../../x", "x" },
	{ "C:\\Windows\\x.exe", "x.exe" },
	{ ".bashrc", "bashrc" },
	{ " . .x ", "x" },
	{ "..", "" },
	{ "a/", "" },
	{ "a\tb\033[2J\177\302\233c", "a_b_[2J__c" },
	{ "\303\244 b", "\303\244 b" },
	{ "a\342\200\256txt.exe\342\201\246", "a_txt.exe_" },
};

static void gives_safe_names(void **state UNUSED)
{
	span pdf = SPAN(".pdf");
	char long_name[300];
	struct part p = { .filename = span_of(long_name, sizeof(long_name)) };
	struct buf out = BUF_INIT(1000);

	memset(long_name, '\244', sizeof(long_name));
	for (size_t i = 0; i < sizeof(long_name); i += 2)
		long_name[i] = '\303';
	memcpy(long_name + sizeof(long_name) - pdf.len, pdf.ptr, pdf.len);
	parts_filename(&p, &out);
	assert_int_equal(out.len, 200);
	assert_span_equal(span_from(buf_span(&out), 194), SPAN("\303\244.pdf"));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		p.filename = span_str(names[i].name);
		buf_clear(&out);
		parts_filename(&p, &out);
		assert_span_equal(buf_span(&out), span_str(names[i].want));
	}
	buf_done(&out);
}

#define PART(type) "--b\nContent-Type: " type "\n\nx\n"
#define ALT        "Content-Type: multipart/alternative; boundary=b\n\n"
#define RELATED \
	"--b\nContent-Type: multipart/related; boundary=c\n\n" \
	"--c\nContent-Type: text/html\n\nx\n--c--\n"

static const struct {
	const char *message;
	uint32_t plain, html; /* 0: none */
} choices[] = {
	{ ALT PART("text/plain") PART("text/html"), 1, 2 },
	{ ALT PART("text/html") PART("text/plain"), 2, 1 },
	{ ALT PART("text/plain") RELATED, 1, 2 },
	{ ALT RELATED PART("text/x"), 1, 1 },
	{ ALT PART("text/x") PART("image/png"), 1, 1 },
	{ ALT PART("image/gif") PART("image/png"), 2, 2 },
	{ ALT PART("text/html") PART("text/html"), 2, 2 },
	{ ALT, 0, 0 },
	{ "Content-Type: multipart/related; boundary=b\n\n" PART("text/html")
	        PART("text/plain"),
	    1, 1 },
};

static void chooses(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct arena a;
		struct part *p;
		struct part *best;

		arena_init(&a, ARENA);
		p = parts_parse(span_str(choices[i].message), NULL, &a);
		best = parts_best(p, false);
		assert_int_equal(best ? best->number : 0, choices[i].plain);
		best = parts_best(p, true);
		assert_int_equal(best ? best->number : 0, choices[i].html);
		arena_done(&a);
	}
}

static size_t count_parts(struct part *p, uint32_t *ret_deepest)
{
	size_t n = 0;

	for (*ret_deepest = 0; p; p = parts_walk(p)) {
		*ret_deepest = MAX(*ret_deepest, p->depth);
		n++;
	}
	return n;
}

static void stops_at_limits(void **state UNUSED)
{
	span message =
	    SPAN(MIXED("a") "--a\n" MIXED("b") "--b\n\none\n--b\n\n"
	                                       "two\n--b--\n--a\n\nx");
	struct parts_limits limits = { .depth = 1 };
	struct arena a;
	struct part *p;
	uint32_t deepest;

	arena_init(&a, ARENA);
	p = parts_parse(message, &limits, &a);
	assert_int_equal(count_parts(p, &deepest), 3);
	assert_int_equal(p->kids->kind, PARTS_LEAF);
	assert_span_equal(p->kids->body, SPAN("--b\n\none\n--b\n\ntwo\n--b--"));
	limits = (struct parts_limits){ .count = 3 };
	p = parts_parse(message, &limits, &a);
	assert_int_equal(count_parts(p, &deepest), 3);
	assert_span_equal(p->kids->kids->body, SPAN("one\n--b\n\ntwo"));
	arena_done(&a);
	for (size_t max = 0; max < 4000; max += 16) {
		arena_init(&a, max);
		p = parts_parse(message, NULL, &a);
		assert_true(!p == (max < sizeof(struct part)));
		if (p)
			assert_true(count_parts(p, &deepest) <= 5);
		arena_done(&a);
	}
}

/* `piece` over and over, "#" in it being its number. */
static void hostile(
    const char *head, const char *piece, size_t count, size_t want)
{
	struct buf message = BUF_INIT(SIZE_MAX / 2);
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	uint32_t deepest;
	struct arena a;
	struct part *p;

	buf_put(&message, span_str(head));
	for (size_t i = 0; i < count; i++) {
		span rest = span_str(piece);

		while (rest.len) {
			bool number = span_find(rest, '#') >= 0;

			buf_put(&message, span_cut(&rest, '#'));
			if (number)
				buf_put_u64(&message, i);
		}
	}
	arena_init(&a, 1U << 26);
	p = parts_parse(buf_span(&message), NULL, &a);
	assert_int_equal(count_parts(p, &deepest), want);
	assert_true(deepest <= 100);
	for (; p; p = parts_walk(p))
		if (p->kind == PARTS_LEAF)
			parts_content(p, &out);
	assert_true(out.len <= 3 * message.len);
	arena_done(&a);
	buf_done(&message);
	buf_done(&out);
}

static void is_linear(void **state UNUSED)
{
	/* Parts in parts, as deep as it gets. */
	hostile("", "Content-Type: multipart/mixed; boundary=b#\n\n--b#\n",
	    100000, 101);
	hostile("", "Content-Type: message/rfc822\n\n", 100000, 101);
	/* All boundaries are beginnings of the same line. */
	hostile("", MIXED("b") "--b\n", 100000, 10000);
	hostile(MIXED("b"), "--b\n", 500000, 10000);
	hostile(MIXED("b"), "--b\n\n--b--\n", 1000000, 2);
	hostile(MIXED("b"), "--bb\n--b-\n", 1000000, 1);
	hostile("", "A: b\n", 600000, 1);
	hostile("", "\n", 2000000, 1);
	hostile("A: ", "\n b", 600000, 1);
	hostile("Content-Type: ", "multipart/", 1000000, 1);
	hostile("", "Content-Type: text/plain; a=b\n", 1000000, 1);
	hostile("Content-Transfer-Encoding: base64\n\n", "A", 4000000, 1);
	hostile(
	    "Content-Transfer-Encoding: quoted-printable\n\n", "=", 4000000, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_parts),
		cmocka_unit_test(says_what_a_part_is),
		cmocka_unit_test(gives_the_content),
		cmocka_unit_test(gives_long_content),
		cmocka_unit_test(gives_safe_names),
		cmocka_unit_test(chooses),
		cmocka_unit_test(stops_at_limits),
		cmocka_unit_test(is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
