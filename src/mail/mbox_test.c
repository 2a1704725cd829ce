/* SPDX-License-Identifier: ISC */
#include "mail/mbox.h"

#include "mail/date.h"
#include "test/lib/unit.h"

static const struct {
	unsigned flags;
	const char *content, *mailbox;
} cases[] = {
	{ MBOX_FILE, "Subject: s\r\n\r\nbody\r\n", "Subject: s\n\nbody\n\n" },
	{ MBOX_FILE, "", "\n" },
	{ MBOX_FILE, "From a\r\n\r\nFrom b\r\nFrom\r\nFromage\r\n",
	    ">From a\n\n>From b\nFrom\nFromage\n\n" },
	{ MBOX_FILE, "From \r\n>From x\r\n From y\r\nfrom z\r\n",
	    ">From \n>From x\n From y\nfrom z\n\n" },
	{ MBOX_FILE, "..\r\n...x\r\n.From y\r\n..From z\r\n",
	    ".\n..x\n>From y\n.From z\n\n" },
	{ MBOX_MAILDIR, "From a\r\n..x\r\n", "From a\n.x\n" },
	{ MBOX_DOT, "..\r\n...x\r\na.\r\n..From y\r\n",
	    "..\n...x\na.\n..From y\n" },
	{ MBOX_DOT | MBOX_QUOTE, "From .\r\n..From\r\nF\r\n",
	    ">From .\n..From\nF\n" },
	/* What the contract excludes must do no harm either. */
	{ MBOX_DOT, ".a\r\n", "a\n" },
	{ MBOX_FILE, "no end", "no end\n\n" },
	{ MBOX_FILE, "Fro", "Fro\n\n" },
	{ MBOX_FILE, ".", "\n\n" },
	{ MBOX_FILE, "a\rb\r\r\n\r", "a\rb\r\n\r\n\n" },
	{ MBOX_FILE, "a\nFrom x\n", "a\n>From x\n\n" },
	{ MBOX_FILE, "a\r", "a\r\n\n" },
};

static void play(size_t i, size_t step)
{
	span rest = span_str(cases[i].content);
	struct buf out = BUF_INIT(10000);
	struct mbox m;

	mbox_init(&m, cases[i].flags);
	while (rest.len) {
		mbox_feed(&m, span_first(rest, step), &out);
		rest = span_from(rest, step);
	}
	mbox_finish(&m, &out);
	assert_span_equal(buf_span(&out), span_str(cases[i].mailbox));
	buf_done(&out);
}

/* Any text may end the lines. */
static void test_eol(void **state)
{
	struct buf out = BUF_INIT(10000);
	struct mbox m;

	(void)state;
	mbox_init(&m, MBOX_BLANK | MBOX_DOT);
	m.eol = SPAN("<>");
	mbox_feed(&m, SPAN("a\r\n..b\r\n\r\nc"), &out);
	mbox_finish(&m, &out);
	assert_span_equal(buf_span(&out), SPAN("a<>..b<><>c<><>"));
	/* Even none. */
	buf_clear(&out);
	mbox_init(&m, MBOX_BLANK | MBOX_DOT);
	m.eol = SPAN("");
	mbox_feed(&m, SPAN("a\r\n..b\r\n\r\nc"), &out);
	mbox_finish(&m, &out);
	assert_span_equal(buf_span(&out), SPAN("a..bc"));
	buf_done(&out);
}

static void test_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 1; step < 20; step++)
			play(i, step);
}

static void check_head(
    const struct mbox_head *head, unsigned flags, const char *want)
{
	struct buf out = BUF_INIT(10000);

	mbox_write_head(&out, head, flags);
	assert_span_equal(buf_span(&out), span_str(want));
	buf_done(&out);
}

static void test_head(void **state)
{
	struct mbox_head head = { .sender = SPAN("yo@mydom.com"),
		.original_to = SPAN("aca"),
		.delivered_to = SPAN("aca@centos7.localdomain"),
		.now = 1590303430 * USEC_SEC };

	(void)state;
	check_head(&head, MBOX_FILE,
	    "From yo@mydom.com  Sun May 24 06:57:10 2020\n"
	    "Return-Path: <yo@mydom.com>\n"
	    "X-Original-To: aca\n"
	    "Delivered-To: aca@centos7.localdomain\n");
	check_head(&head, MBOX_MAILDIR,
	    "Return-Path: <yo@mydom.com>\n"
	    "X-Original-To: aca\n"
	    "Delivered-To: aca@centos7.localdomain\n");
	head.sender = SPAN("");
	head.original_to = SPAN("");
	head.delivered_to = SPAN("first last@x");
	check_head(&head, MBOX_FILE,
	    "From MAILER-DAEMON  Sun May 24 06:57:10 2020\n"
	    "Return-Path: <>\n"
	    "Delivered-To: \"first last\"@x\n");
	head.eol = SPAN("\r\n");
	check_head(&head, MBOX_FILE,
	    "From MAILER-DAEMON  Sun May 24 06:57:10 2020\r\n"
	    "Return-Path: <>\r\n"
	    "Delivered-To: \"first last\"@x\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_eol),
		cmocka_unit_test(test_head),
	};

	(void)setenv("TZ", "UTC", 1);
	date_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
