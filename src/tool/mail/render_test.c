/* SPDX-License-Identifier: ISC */
#include "tool/mail/render.h"

#include "test/lib/unit.h"

enum { QUOTING = 1, ALL = 2, AS_IS = 4, VIEWING = 8 };

static const struct {
	const char *name;
	unsigned flags;
	const char *message;
	const char *want;
} cases[] = {
	{ "fields", 0, "Received: x\n\ty\nTo: a,\n  b\nSubject: hi\n\nbody\n",
	    "To: a,\n  b\nSubject: hi\nStatus: R\nX-Status: F\n\nbody\n" },
	{ "all fields", ALL, "Received: x\n\ty\nSubject: hi\n\nbody\n",
	    "Received: x\n\ty\nSubject: hi\nStatus: R\nX-Status: F\n\nbody\n" },
	{ "status in its place", 0,
	    "X-Status: A\nA: b\nStatus: O\nStatus: O\n\nx\n",
	    "X-Status: F\nA: b\nStatus: R\n\nx\n" },
	{ "no body", 0, "A: b\n", "A: b\nStatus: R\nX-Status: F\n\n" },
	{ "nothing", 0, "", "Status: R\nX-Status: F\n\n" },
	{ "encoded words", 0,
	    "Subject: =?utf-8?q?Ma=C3=B1ana?=\n =?utf-8?q?_x=1B[2J=0A?=\n\n",
	    "Subject: Mañana x\xef\xbf\xbd[2J\nStatus: R\nX-Status: F\n\n" },
	{ "escapes", 0, "A: \033[2J\r\n\nx\x9b\r\n\033]0;y\a\n",
	    "A: \xef\xbf\xbd[2J\nStatus: R\nX-Status: F\n\n"
	    "x›\n\xef\xbf\xbd]0;y\xef\xbf\xbd\n" },
	{ "masked", 0, "A: b\n\n>From me\n>>From you\n> From\nx >From\n",
	    "A: b\nStatus: R\nX-Status: F\n\n"
	    "From me\n>From you\n> From\nx >From\n" },
	{ "no line end", 0, "A: b\n\nx",
	    "A: b\nStatus: R\nX-Status: F\n\nx\n" },
	{ "quoted-printable", 0,
	    "Content-Type: text/plain; charset=iso-8859-1\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "a=F1o =\nx=1B\n>From\n",
	    "Content-Type: text/plain; charset=iso-8859-1\nStatus: R\n"
	    "X-Status: F\n\naño x\xef\xbf\xbd\n>From\n" },
	{ "flowed", 0, "Content-Type: text/plain; format=flowed\n\none \ntwo\n",
	    "Content-Type: text/plain; format=flowed\nStatus: R\n"
	    "X-Status: F\n\none two\n" },
	{ "html", 0, "Content-Type: text/html\n\n<p>a<p>&eacute;&#27;\n",
	    "Content-Type: text/html\nStatus: R\nX-Status: F\n\n"
	    "a\n\né\xef\xbf\xbd\n" },
	{ "html by a program", VIEWING, "Content-Type: text/html\n\n<p>a\n",
	    "Content-Type: text/html\nStatus: R\nX-Status: F\n\n"
	    "seen: <p>a\n\xef\xbf\xbd\n" },
	{ "binary", 0, "Content-Type: image/png; name=\"a\033.png\"\n\nxyz\n",
	    "Content-Type: image/png; name=\"a\xef\xbf\xbd.png\"\nStatus: R\n"
	    "X-Status: F\n\n"
	    "[Binary content]\n[image/png \"a\xef\xbf\xbd.png\", 4 "
	    "bytes]\n\n" },
	{ "parts", 0,
	    "Content-Type: multipart/mixed; boundary=b\n\npre\n"
	    "--b\nContent-Type: text/plain\n\none\n\n"
	    "--b\nContent-Type: application/pdf; name=x.pdf\n"
	    "Content-Transfer-Encoding: base64\n\nAAAA\n"
	    "--b\n\nthree\n--b--\npost\n",
	    "Content-Type: multipart/mixed; boundary=b\nStatus: R\n"
	    "X-Status: F\n\n"
	    "Part 1:\nContent-Type: text/plain\n\none\n\n"
	    "Part 2:\nContent-Type: application/pdf; name=x.pdf\n"
	    "\n[application/pdf \"x.pdf\", 3 bytes]\n\n"
	    "Part 3:\n\nthree\n" },
	{ "a notice", 0,
	    "Content-Type: multipart/report; boundary=b\n\n"
	    "--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; m\n\nStatus: 5.1.1\033\n--b\n"
	    "Content-Type: message/rfc822\nContent-Transfer-Encoding: "
	    "base64\n\nAAAA\n--b--\n",
	    "Content-Type: multipart/report; boundary=b\nStatus: R\n"
	    "X-Status: F\n\nPart 1:\n\nfailed\n\n"
	    "Part 2:\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; m\n\nStatus: 5.1.1\xef\xbf\xbd\n\n"
	    "Part 3:\nContent-Type: message/rfc822\n\n"
	    "[message/rfc822, 3 bytes]\n" },
	{ "alternatives", 0,
	    "Content-Type: multipart/alternative; boundary=b\n\n"
	    "--b\nContent-Type: text/html\n\n<b>html</b>\n"
	    "--b\nContent-Type: text/plain\n\nplain\n--b--\n",
	    "Content-Type: multipart/alternative; boundary=b\nStatus: R\n"
	    "X-Status: F\n\nContent-Type: text/plain\n\nplain\n" },
	{ "all alternatives", ALL,
	    "Content-Type: multipart/alternative; boundary=b\n\n"
	    "--b\nContent-Type: text/plain\n\nplain\n"
	    "--b\nContent-Type: text/html\n\n<b>html</b>\n--b--\n",
	    "Content-Type: multipart/alternative; boundary=b\nStatus: R\n"
	    "X-Status: F\n\n"
	    "Part 1:\nContent-Type: text/plain\n\nplain\n\n"
	    "Part 2:\nContent-Type: text/html\n\nhtml\n" },
	{ "a message within", 0,
	    "Content-Type: message/rfc822\n\n"
	    "Received: x\nFrom: A <a@x>\nSubject: in\n\ninner\n",
	    "Content-Type: message/rfc822\nStatus: R\nX-Status: F\n\n"
	    "From a@x\nFrom: A <a@x>\nSubject: in\n\ninner\n" },
	{ "no boundary", 0, "Content-Type: multipart/mixed\n\nx\n",
	    "Content-Type: multipart/mixed\nStatus: R\nX-Status: F\n\n"
	    "[Missing multipart boundary - use \"show\" to display the raw "
	    "message]\n\n" },
	{ "quoting", QUOTING,
	    "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
	    "--b\nContent-Type: image/png\n\nx\n"
	    "--b\nContent-Type: text/plain\n\nfirst\n"
	    "--b\nContent-Type: text/plain\n\nsecond\n--b--\n",
	    "first\n" },
	{ "as it is", AS_IS,
	    "Subject: =?utf-8?q?x?=\nStatus: O\nContent-Type: text/html\n\n"
	    "<p>\033\n>From x\n",
	    "Subject: =?utf-8?q?x?=\nStatus: R\nContent-Type: text/html\n"
	    "X-Status: F\n\n<p>\xef\xbf\xbd\nFrom x\n" },
};

static bool most(void *ctx UNUSED, span name)
{
	return !span_eq_nocase(name, SPAN("received")) &&
	    !span_eq_nocase(name, SPAN("content-transfer-encoding"));
}

static bool every(void *ctx UNUSED, span name UNUSED)
{
	return true;
}

static bool see(void *ctx UNUSED, const struct part *p UNUSED, span content,
    struct buf *ret_text)
{
	buf_put(ret_text, SPAN("seen: "));
	buf_put(ret_text, content);
	buf_putc(ret_text, '\033');
	return true;
}

static void shows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned flags = cases[i].flags;
		struct buf out = BUF_INIT(10000);
		struct render r = {
			.out = &out,
			.has_field = flags & ALL ? every : most,
			.view = flags & VIEWING ? see : NULL,
			.all_alternatives = flags & ALL,
			.only_text = flags & QUOTING,
			.as_is = flags & AS_IS,
			.status = SPAN("Status: R\n"),
			.x_status = SPAN("X-Status: F\n"),
		};

		render_message(&r, span_str(cases[i].message));
		if (!span_eq(buf_span(&out), span_str(cases[i].want)))
			print_error("in: %s\n", cases[i].name);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
	}
}

struct flushed {
	struct buf out;
	struct buf all;
	unsigned left;
};

static bool move(void *ctx)
{
	struct flushed *f = ctx;

	buf_put(&f->all, buf_span(&f->out));
	buf_clear(&f->out);
	return f->left-- > 0;
}

/* A large message leaves in pieces, and the reader may have enough. */
static void flushes(void **state UNUSED)
{
	struct buf message = BUF_INIT(4 << 20);
	size_t whole;

	buf_put(&message, SPAN("A: b\n\n"));
	while (message.len < 2 << 20)
		buf_put(&message, SPAN(">From here on ñ\n"));
	whole = message.len - (message.len - 6) / 17 - 1;
	for (unsigned left = 0; left < 20; left += 19) {
		struct flushed f = { .left = left };
		struct render r = { .out = &f.out,
			.ctx = &f,
			.has_field = every,
			.flush = move };

		buf_init(&f.out, 1 << 20);
		buf_init(&f.all, 4 << 20);
		render_message(&r, buf_span(&message));
		assert_false(f.out.failed);
		(void)move(&f);
		assert_int_equal(r.is_over, left == 0);
		if (left)
			assert_true(f.all.len >= whole);
		else
			assert_true(f.all.len < whole / 2);
		buf_done(&f.out);
		buf_done(&f.all);
	}
	buf_done(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows),
		cmocka_unit_test(flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
