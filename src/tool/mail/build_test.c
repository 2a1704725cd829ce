/* SPDX-License-Identifier: ISC */
#include "tool/mail/build.h"

#include "mail/field.h"
#include "test/lib/unit.h"
#include "tool/mail/attach.h"
#include "tool/mail/head.h"
#include "tool/mail/mimetype.h"
#include "tool/mail/write_test.h"

/* ---- how a text is sent ---- */

static const struct {
	const char *text;
	const char *type;
	const char *charset;
	enum manner manner;
	enum transfer encoding;
} text_cases[] = {
	{ "hello\n", "text/plain", "us-ascii", MANNER_HEIRLOOM, TRANSFER_7BIT },
	{ "a\tb\fc\n", "text/plain", "us-ascii", MANNER_HEIRLOOM,
	    TRANSFER_7BIT },
	{ "no end", "text/plain", "us-ascii", MANNER_HEIRLOOM,
	    TRANSFER_QUOTED },
	{ "", "text/plain", "us-ascii", MANNER_HEIRLOOM, TRANSFER_QUOTED },
	{ "caf\xc3\xa9\n", "text/plain", "iso-8859-1", MANNER_HEIRLOOM,
	    TRANSFER_8BIT },
	{ "\xe2\x82\xac\n", "text/plain", "utf-8", MANNER_HEIRLOOM,
	    TRANSFER_8BIT },
	{ "a\x1b[1m\n", "application/octet-stream", "", MANNER_HEIRLOOM,
	    TRANSFER_BASE64 },
	{ "a\r\n", "application/octet-stream", "", MANNER_HEIRLOOM,
	    TRANSFER_BASE64 },
	{ "a\xff\n", "application/octet-stream", "", MANNER_HEIRLOOM,
	    TRANSFER_BASE64 },
	{ "hello\n", "text/plain", "UTF-8", MANNER_BSD, TRANSFER_8BIT },
	{ "no end", "text/plain", "UTF-8", MANNER_BSD, TRANSFER_8BIT },
	{ "a\x1b\xc3\xa9\n", "text/plain", "UTF-8", MANNER_BSD, TRANSFER_8BIT },
	{ "a\r\n", "text/plain", "UTF-8", MANNER_BSD, TRANSFER_QUOTED },
	{ "a\xff\n", "text/plain", "unknown-8bit", MANNER_BSD, TRANSFER_8BIT },
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(text_cases); i++) {
		struct content c;
		struct mua m;

		test_mua(&m, text_cases[i].manner);
		vars_set(m.vars, "sendcharsets", "iso-8859-1,utf-8");
		content_of_text(&m, span_str(text_cases[i].text), &c);
		assert_string_equal(c.type, text_cases[i].type);
		assert_span_equal(c.charset, span_str(text_cases[i].charset));
		assert_int_equal(c.encoding, text_cases[i].encoding);
		content_done(&c);
		test_mua_done(&m);
	}
}

static void test_encoding(void **state)
{
	struct content c;
	struct mua m;

	(void)state;
	test_mua(&m, MANNER_HEIRLOOM);
	vars_set(m.vars, "encoding", "quoted-printable");
	content_of_text(&m, SPAN("caf\xc3\xa9\n"), &c);
	assert_int_equal(c.encoding, TRANSFER_QUOTED);
	assert_span_equal(c.charset, SPAN("utf-8"));
	content_done(&c);
	content_of_text(&m, SPAN("plain\n"), &c);
	assert_int_equal(c.encoding, TRANSFER_7BIT);
	content_done(&c);
	vars_set(m.vars, "maximum-unencoded-line-length", "4");
	content_of_text(&m, SPAN("plain\n"), &c);
	assert_int_equal(c.encoding, TRANSFER_QUOTED);
	content_done(&c);
	test_mua_done(&m);
}

/* ---- how a file is sent ---- */

static const struct {
	const char *name;
	const char *bytes;
	const char *type;
	const char *charset;
	enum transfer encoding;
} file_cases[] = {
	{ "a.txt", "x\n", "text/plain", "us-ascii", TRANSFER_7BIT },
	{ "a.txt", "x", "text/plain", "us-ascii", TRANSFER_QUOTED },
	{ "a.txt", "From x\n", "text/plain", "us-ascii", TRANSFER_QUOTED },
	{ "a.txt", "x\r\n", "text/plain", "us-ascii", TRANSFER_BASE64 },
	{ "a.txt", "\xc3\xa9\n", "text/plain", "utf-8", TRANSFER_QUOTED },
	{ "a.txt", "\xe9\n", "application/octet-stream", "", TRANSFER_BASE64 },
	{ "a.pdf", "x\n", "application/pdf", "", TRANSFER_BASE64 },
	{ "a.PDF", "x\n", "application/pdf", "", TRANSFER_BASE64 },
	{ "a", "x\n", "text/plain", "us-ascii", TRANSFER_7BIT },
	{ "a", "\x01\n", "application/octet-stream", "", TRANSFER_BASE64 },
	{ "a.", "x\n", "text/plain", "us-ascii", TRANSFER_7BIT },
};

static void test_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(file_cases); i++) {
		struct content c;
		struct mua m;

		test_mua(&m, MANNER_HEIRLOOM);
		content_of_file(&m, span_str(file_cases[i].bytes),
		    span_str(file_cases[i].name), &c);
		assert_string_equal(c.type, file_cases[i].type);
		assert_span_equal(c.charset, span_str(file_cases[i].charset));
		assert_int_equal(c.encoding, file_cases[i].encoding);
		content_done(&c);
		test_mua_done(&m);
	}
}

static void test_mimetype(void **state)
{
	static const char table[] = "# comment txt\n"
	                            "\n"
	                            "text/x-one one uno\r\n"
	                            "bad\x01/type two\n"
	                            "text/;x two\n"
	                            "text/x-two\ttwo";
	struct buf out = BUF_INIT(1024);

	(void)state;
	assert_true(mimetype_look(span_str(table), SPAN("UNO"), &out));
	assert_span_equal(buf_span(&out), SPAN("text/x-one"));
	buf_clear(&out);
	assert_true(mimetype_look(span_str(table), SPAN("two"), &out));
	assert_span_equal(buf_span(&out), SPAN("text/x-two"));
	assert_false(mimetype_look(span_str(table), SPAN("three"), &out));
	buf_done(&out);
}

/* ---- the header ---- */

static void check_header(struct mua *m, struct draft *d, const char *want)
{
	struct buf out = BUF_INIT(1 << 20);
	struct buf got = BUF_INIT(1 << 20);
	struct build_bcc bcc;
	struct recipients r;
	span header;
	span body;
	struct field f;

	recipients_init(&r);
	recipients_take(&r, buf_span(&d->to), RECIPIENT_TO);
	recipients_take(&r, buf_span(&d->cc), RECIPIENT_CC);
	recipients_take(&r, buf_span(&d->bcc), RECIPIENT_BCC);
	assert_true(build_message(m, d, &r, &out, &bcc));
	assert_true(span_has_prefix(span_from(buf_span(&out), bcc.at),
	    bcc.len ? SPAN("Bcc: ") : SPAN("")));
	assert_true(bcc.len == 0 || out.data[bcc.at + bcc.len - 1] == '\n');
	field_split(buf_span(&out), &header, &body);
	while (field_next(&header, &f)) {
		if (span_eq(f.name, SPAN("Date")))
			buf_put(&got, SPAN("Date\n"));
		else if (span_eq(f.name, SPAN("Message-ID")))
			buf_put(&got, SPAN("ID\n"));
		else
			buf_put(&got, f.whole);
	}
	assert_span_equal(buf_span(&got), span_str(want));
	recipients_done(&r);
	buf_done(&got);
	buf_done(&out);
}

#define AGENT "User-Agent: Heirloom mailx 12.5 7/5/10\n"
#define PLAIN \
	"MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n" \
	"Content-Transfer-Encoding: 7bit\n"

static void fill(struct draft *d)
{
	draft_init(d);
	buf_put(&d->to, SPAN("a@x, b@x"));
	buf_put(&d->cc, SPAN("c@x"));
	buf_put(&d->bcc, SPAN("d@x"));
	buf_put(&d->subject, SPAN("sub"));
	buf_put(&d->body, SPAN("hi\n"));
	d->has_subject = true;
}

static void test_layouts(void **state)
{
	struct draft d;
	struct mua m;

	(void)state;
	fill(&d);
	test_mua(&m, MANNER_HEIRLOOM);
	check_header(&m, &d,
	    "Date\nTo: a@x, b@x\nCc: c@x\nBcc: d@x\nSubject: sub\n" AGENT
	        PLAIN);
	vars_set(m.vars, "bsdcompat", NULL);
	check_header(&m, &d,
	    "Date\nTo: a@x, b@x\nSubject: sub\nCc: c@x\nBcc: d@x\n" AGENT
	        PLAIN);
	vars_set(m.vars, "stealthmua", NULL);
	check_header(&m, &d,
	    "Date\nTo: a@x, b@x\nSubject: sub\nCc: c@x\nBcc: d@x\n" PLAIN);
	m.manner = MANNER_BSD;
	check_header(&m, &d,
	    "To: a@x, b@x\nSubject: sub\nCc: c@x\nBcc: d@x\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=\"UTF-8\"\n"
	    "Content-Transfer-Encoding: 8bit\n");
	draft_done(&d);
	test_mua_done(&m);
}

static void test_own_fields(void **state)
{
	struct draft d;
	struct mua m;

	(void)state;
	draft_init(&d);
	buf_put(&d.to, SPAN("a@x"));
	buf_put(&d.body, SPAN("<p>\n"));
	buf_put(&d.fields,
	    SPAN("X-Foo: bar\nContent-Type: text/html; charset=utf-8\n"
	         "Cc: c@x\nFrom: F <f@x>\nUser-Agent: mine\nSubject: s\n"));
	test_mua(&m, MANNER_HEIRLOOM);
	vars_set(m.vars, "from", "other@x");
	vars_set(m.vars, "replyto", "r@x");
	assert_true(head_settle(&m, &d));
	check_header(&m, &d,
	    "Date\nFrom: F <f@x>\nReply-To: r@x\nTo: a@x\nCc: c@x\n"
	    "Subject: s\nX-Foo: bar\nUser-Agent: mine\nID\n"
	    "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n"
	    "Content-Transfer-Encoding: 7bit\n");
	buf_put(&d.fields, SPAN("no field\n"));
	assert_false(head_settle(&m, &d));
	assert_string_equal(test_error, "no field: not a header field");
	draft_done(&d);
	test_mua_done(&m);
}

/* Nothing that is typed becomes a line of the header. */
static void test_injection(void **state)
{
	struct draft d;
	struct mua m;

	(void)state;
	draft_init(&d);
	buf_put(&d.to, SPAN("a@x"));
	buf_put(&d.subject, SPAN("x\nBcc: evil@x\r\n\r\nbody"));
	buf_put(&d.references, SPAN("<a@b>\nX: y <c@d>\r\nZ: <e@f>"));
	buf_put(&d.body, SPAN("hi\n"));
	buf_put(&d.from, SPAN("\"a\nX: y\" <f@x>"));
	d.has_subject = true;
	test_mua(&m, MANNER_HEIRLOOM);
	check_header(&m, &d,
	    "Date\nFrom: a =?us-ascii?Q?X=3A?= y <f@x>\nTo: a@x\n"
	    "Subject: x Bcc: evil@x    body\nID\n"
	    "References: <a@b> <c@d> <e@f>\nIn-Reply-To: <e@f>\n" AGENT PLAIN);
	draft_done(&d);
	test_mua_done(&m);
}

static void test_fold(void **state)
{
	struct draft d;
	struct mua m;

	(void)state;
	draft_init(&d);
	for (unsigned i = 0; i < 8; i++)
		buf_printf(&d.to, "user%u@example.org, ", i);
	buf_put(&d.body, SPAN("hi\n"));
	test_mua(&m, MANNER_HEIRLOOM);
	check_header(&m, &d,
	    "Date\n"
	    "To: user0@example.org, user1@example.org, user2@example.org,\n"
	    " user3@example.org, user4@example.org, user5@example.org,\n"
	    " user6@example.org, user7@example.org\n" AGENT PLAIN);
	draft_done(&d);
	test_mua_done(&m);
}

static void test_references(void **state)
{
	struct buf typed = BUF_INIT(1 << 20);
	struct buf out = BUF_INIT(1 << 20);
	span first;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&typed, "<%u@x> no-id, ", i);
	head_write_references(&out, buf_span(&typed));
	first = span_first(buf_span(&out), 19);
	assert_span_equal(first, SPAN("References: <979@x>"));
	assert_true(span_has_suffix_nocase(
	    buf_span(&out), SPAN(" <999@x>\nIn-Reply-To: <999@x>\n")));
	buf_clear(&out);
	head_write_references(&out, SPAN("nothing here"));
	assert_int_equal(out.len, 0);
	buf_done(&typed);
	buf_done(&out);
}

/* ---- fields in text ---- */

static void test_extract(void **state)
{
	static const char text[] = "To: a@x,\n b@x\nTo: c@x\nSUBJECT: s\n"
	                           "X-Mine: 1\nFrom: f@x\n\nbody\n\nmore\n";
	span rest = span_str(text);
	struct draft d;
	struct mua m;

	(void)state;
	draft_init(&d);
	buf_put(&d.to, SPAN("old@x"));
	buf_put(&d.bcc, SPAN("old@x"));
	test_mua(&m, MANNER_HEIRLOOM);
	head_extract(&m, &d, &rest, false);
	assert_span_equal(rest, SPAN("body\n\nmore\n"));
	assert_span_equal(buf_span(&d.to), SPAN("a@x, b@x, c@x"));
	assert_span_equal(buf_span(&d.subject), SPAN("s"));
	assert_span_equal(buf_span(&d.from), SPAN("f@x"));
	assert_int_equal(d.bcc.len, 0);
	assert_string_equal(test_error, "Ignoring header field \"X-Mine: 1\"");
	rest = SPAN("no header\n\nbody\n");
	head_extract(&m, &d, &rest, true);
	assert_span_equal(rest, SPAN("no header\n\nbody\n"));
	assert_string_equal(test_error, "Restoring deleted header lines");
	assert_span_equal(buf_span(&d.subject), SPAN("s"));
	rest = SPAN("\nbody\n");
	head_extract(&m, &d, &rest, true);
	assert_span_equal(rest, SPAN("body\n"));
	draft_done(&d);
	test_mua_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_mimetype),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_own_fields),
		cmocka_unit_test(test_injection),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_extract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
