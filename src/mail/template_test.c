/* SPDX-License-Identifier: ISC */
#include "mail/template.h"

#include "test/lib/unit.h"

static struct arena arena;
static struct buf warnings = BUF_INIT(65536);

static int set_up(void **state UNUSED)
{
	arena_init(&arena, (size_t)1024 * 1024);
	buf_clear(&warnings);
	return 0;
}

static int clean_up(void **state UNUSED)
{
	arena_done(&arena);
	buf_release(&warnings);
	return 0;
}

static void on_warning(void *ctx UNUSED, span text)
{
	buf_put(&warnings, text);
	buf_putc(&warnings, '\n');
}

static bool parse(struct templates *t, const char *text, struct buf *error)
{
	const struct template_file file = {
		.path = SPAN("T"), .arena = &arena, .warn = on_warning
	};

	templates_preset(t);
	return templates_parse(t, &file, span_str(text), error);
}

static void must_parse(struct templates *t, const char *text)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);

	if (!parse(t, text, &error))
		fail_msg("%s", buf_cstr(&error));
}

static void test_presets(void **state UNUSED)
{
	struct templates t;

	templates_preset(&t);
	for (size_t i = 0; i < TEMPLATES; i++) {
		assert_span_equal(t.of[i].charset, SPAN("us-ascii"));
		assert_null(t.of[i].from.ptr);
		assert_true(span_has_prefix(t.of[i].text,
		    SPAN("This is the mail system at host $myhostname.\n\n")));
		assert_int_equal(t.of[i].text.ptr[t.of[i].text.len - 1], '\n');
	}
	assert_span_equal(
	    t.of[TEMPLATE_VERIFY].subject, SPAN("Mail Delivery Status Report"));
	assert_null(t.of[TEMPLATE_SUCCESS].postmaster_subject.ptr);
}

static void test_file(void **state UNUSED)
{
	struct templates t;

	must_parse(&t,
	    "# comment\n"
	    "\n"
	    "failure_template = <<EOF\n"
	    "charset: UTF-8\n"
	    "From:  me <me>\n"
	    "Postmaster-Subject: copy\n"
	    "\n"
	    "  \n"
	    "Text: $x\n"
	    "\n"
	    "end\n"
	    "EOF\n"
	    "verify_template=<<  END\n"
	    "only text\n"
	    "EOF\n"
	    "END\n");
	assert_int_equal(warnings.len, 0);
	assert_span_equal(t.of[TEMPLATE_FAILURE].charset, SPAN("UTF-8"));
	assert_span_equal(t.of[TEMPLATE_FAILURE].from, SPAN("me <me>"));
	assert_span_equal(
	    t.of[TEMPLATE_FAILURE].postmaster_subject, SPAN("copy"));
	assert_span_equal(t.of[TEMPLATE_FAILURE].subject,
	    SPAN("Undelivered Mail Returned to Sender"));
	assert_span_equal(
	    t.of[TEMPLATE_FAILURE].text, SPAN("Text: $x\n\nend\n"));
	assert_span_equal(t.of[TEMPLATE_VERIFY].text, SPAN("only text\nEOF\n"));
}

/* The preset stays, and somebody hears why. */
static const struct {
	const char *text;
	const char *warning;
} ignored[] = {
	{ "delay_template = <<E\nSubject:\n\nx\nE\n",
	    "T: empty \"Subject\" header value in delay template" },
	{ "delay_template = <<E\nSubject: \303\244\n\nx\nE\n",
	    "T: non-ASCII \"Subject\" header value in delay template" },
	{ "delay_template = <<E\nX-Y: 1\n\nx\nE\n",
	    "T: unknown \"X-Y\" header label in delay template" },
	{ "success_template = <<E\nPostmaster-Subject: 1\n\nx\nE\n",
	    "T: inapplicable \"Postmaster-Subject\" header label in success" },
	{ "delay_template = <<E\nSubject: x\n\nE\n",
	    "T: missing message text in delay template" },
	{ "delay_template = <<E\n\303\244\nE\n",
	    "T: 8-bit message text in delay template\nplease specify" },
	{ "other_template = <<E\nx\nE\n",
	    "T, line 4: unknown template name: other_template -- ignoring" },
};

static void test_ignored(void **state UNUSED)
{
	struct templates presets;

	templates_preset(&presets);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
		struct templates t;

		buf_clear(&warnings);
		must_parse(&t, ignored[i].text);
		assert_memory_equal(&t, &presets, sizeof(t));
		if (!span_has_prefix(
		        buf_span(&warnings), span_str(ignored[i].warning)))
			fail_msg("%s", buf_cstr(&warnings));
	}
}

static void test_no_end(void **state UNUSED)
{
	struct templates t;

	must_parse(&t, "delay_template = <<E\nx\n");
	assert_span_equal(
	    buf_span(&warnings), SPAN("T, line 3: missing \"E\" end marker\n"));
	assert_span_equal(t.of[TEMPLATE_DELAY].text, SPAN("x\n"));
}

static const struct {
	const char *text;
	const char *error;
} bad[] = {
	{ "x\n", "T, line 2: missing '=' after attribute name: \"x\"" },
	{ "\n= y\n", "T, line 3: missing attribute name: \"= y\"" },
	{ "a = <<\n", "T, line 2: missing end marker after <<" },
	{ "a = <<-\n", "T, line 2: malformed end marker after <<" },
};

static void test_bad(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
		struct templates t;

		assert_false(parse(&t, bad[i].text, &error));
		assert_span_equal(buf_span(&error), span_str(bad[i].error));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test_setup_teardown(test_file, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_ignored, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_no_end, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_bad, set_up, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
