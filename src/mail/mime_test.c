/* SPDX-License-Identifier: ISC */
#include "mail/mime.h"

#include "test/lib/unit.h"

/* What came out: "P" primary, "M" part, "N" nested header; "B" body. */
static const struct {
	const char *message;
	bool parts;
	const char *want;
} cases[] = {
	{ "A: b\n c\nD : e\n\nbody\n", false,
	    "P[A: b\n c]P[D: e]E B[]B[body]" },
	{ "A: b\nno header\n\n", false, "P[A: b]E B[]B[no header]B[]" },
	{ "", false, "E " },
	{ "\n", false, "E B[]" },
	{ "Content-Type: message/rfc822\n\nX: y\n\nz\n", false,
	    "P[Content-Type: message/rfc822]E B[]B[X: y]B[]B[z]" },
	{ "Content-Type: message/rfc822\n\nX: y\n\nz\n", true,
	    "P[Content-Type: message/rfc822]E B[]N[X: y]B[]B[z]" },
	{ "Content-Type: Multipart/mixed; x=y; boundary=\"q r\"\n\n"
	  "pre\n--q r\nX: y\n\nz\n--q r--\npost\n",
	    true,
	    "P[Content-Type: Multipart/mixed; x=y; boundary=\"q r\"]E B[]"
	    "B[pre]B[--q r]M[X: y]B[]B[z]B[--q r--]B[post]" },
	{ "Content-Type: multipart/digest (c) ; boundary=q\n\n--q\n\nS: "
	  "t\n\nu\n",
	    true,
	    "P[Content-Type: multipart/digest (c) ; boundary=q]E B[]B[--q]B[]"
	    "N[S: t]B[]B[u]" },
};

static void put(struct buf *out, const char *what, span text)
{
	buf_put(out, span_str(what));
	buf_putc(out, '[');
	buf_put(out, text);
	buf_putc(out, ']');
}

static void on_header(void *ctx, enum mime_class class, span header)
{
	static const char *const names[] = { "P", "M", "N" };

	put(ctx, names[class], header);
}

static void on_end(void *ctx)
{
	buf_put(ctx, SPAN("E "));
}

static void on_body(void *ctx, span line)
{
	put(ctx, "B", line);
}

static void tells_headers_from_bodies(void **state UNUSED)
{
	static const struct mime_limits limits = { 1000, 70, 10 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(10000);
		const struct mime_events events = { on_header, on_end, on_body,
			&out };
		struct mime *m = mime_new(&limits, &events, cases[i].parts);
		span rest = span_str(cases[i].message);

		while (rest.len)
			mime_line(m, span_cut(&rest, '\n'));
		mime_end(m);
		mime_free(&m);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_headers_from_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
