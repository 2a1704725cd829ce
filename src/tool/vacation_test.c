/* SPDX-License-Identifier: ISC */
#include "tool/vacation.h"

#include <stdlib.h>
#include <unistd.h>

#include "test/lib/unit.h"

static const span names[] = { SPAN_INIT("eric"), SPAN_INIT("allman@cs.edu") };

static const struct {
	const char *text;
	const char *sender; /* NULL: none */
	const char *us;     /* NULL: not for us */
	bool refused;
} mails[] = {
	{ "From a@b Mon Jan 1\nTo: eric\n\n", "a@b", "eric", false },
	{ "Return-Path: <a@b>\r\nTo: ERIC@x\r\n\r\n", "a@b", "ERIC@x", false },
	{ "From x y\nReturn-Path: <a@b>\nCc: c, eric+z@x\n", "a@b", "eric+z@x",
	    false },
	{ "From a@b c\nReturn-Path: <>\nTo: eric\n", "", "eric", false },
	{ "From <> c\nTo: eric\n", "", "eric", false },
	{ "From a@b\nTo: erica, xeric, e ric\n", "a@b", NULL, false },
	{ "From a@b\nTo: allman@x\nCc: Allman@CS.edu\n", "a@b", "Allman@CS.edu",
	    false },
	{ "From a@b\nTo: \"x\" <y@z>,\n eric (me)\n\n", "a@b", "eric", false },
	{ "From a@b\nX: y\n\nTo: eric\n", "a@b", NULL, false },
	{ "From a@b\nno header\nTo: eric\n", "a@b", NULL, false },
	{ "To: eric\n\n", NULL, "eric", false },
	{ "", NULL, NULL, false },
	{ "From a@b\nResent-To: eric\n", "a@b", "eric", false },
	{ "From a@b\nBcc: eric\n", "a@b", "eric", false },
	{ "From a@b\nPrecedence: bulk\n", "a@b", NULL, true },
	{ "From a@b\nprecedence:\n LIST \n", "a@b", NULL, true },
	{ "From a@b\nPrecedence: first-class\n", "a@b", NULL, false },
	{ "From a@b\nAuto-Submitted: auto-replied\n", "a@b", NULL, true },
	{ "From a@b\nAuto-Submitted: auto-generated; x=y\n", "a@b", NULL,
	    true },
	{ "From a@b\nAuto-Submitted: no\n", "a@b", NULL, false },
	{ "From a@b\nAuto-Submitted: No ; x\n", "a@b", NULL, false },
	{ "From a@b\nList-Id: <x>\n", "a@b", NULL, true },
	{ "From a@b\nlist-unsubscribe : x\n", "a@b", NULL, true },
	{ "From a@b\nX-Spam-Flag: YES\n", "a@b", NULL, true },
	{ "From a@b\nX-Spam-Flag: no\n", "a@b", NULL, false },
	{ "From a@b\nX-Auto-Response-Suppress: DR, OOF\n", "a@b", NULL, true },
	{ "From a@b\nContent-Type: multipart/report; a=b\n", "a@b", NULL,
	    true },
};

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		struct vacation_mail m;
		struct arena a;

		arena_init(&a, 1 << 20);
		vacation_read(span_str(mails[i].text), names, 2, &a, &m);
		if (m.has_sender != !!mails[i].sender ||
		    !span_eq(m.sender, span_str(mails[i].sender)) ||
		    m.for_us != !!mails[i].us ||
		    !span_eq(m.us, span_str(mails[i].us)) ||
		    !!m.refusal != mails[i].refused)
			fail_msg("%s: sender %.*s, us %.*s, %s", mails[i].text,
			    PRI(m.sender), PRI(m.us), m.refusal);
		arena_done(&a);
	}
}

static void test_senders(void **state)
{
	static const char *const never[] = { "", "postmaster@x",
		"MAILER-DAEMON", "Mailer@y", "x-request@y", "owner-x@y",
		"x-OWNER@y", "majordomo@x", "uucp", "a\nb@c", "eric@here" };
	static const char *const may[] = { "a@b", "request@x", "a-requests@b",
		"post.master@x", "eric@there" };
	struct vacation_mail m = { .us = SPAN("Eric@Here") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		m.sender = span_str(never[i]);
		assert_non_null(vacation_refuses_sender(&m));
	}
	for (size_t i = 0; i < ARRAY_LEN(may); i++) {
		m.sender = span_str(may[i]);
		assert_null(vacation_refuses_sender(&m));
	}
}

static const struct {
	const char *mail;
	const char *template;
	const char *answer;
} answers[] = {
	{ "From a@b c\nSubject: hi\n there\nMessage-Id: <1@b>\n"
	  "References: <x@y> <z>\n\n",
	    "I am away.\n$FROM: $SUBJECT\n",
	    "To: a@b\nFrom: \"Eric \\\"E\\\" A\" <eric>\n"
	    "Subject: Auto: hi  there\nAuto-Submitted: auto-replied\n"
	    "Precedence: bulk\nIn-Reply-To: <1@b>\n"
	    "References: <x@y>\n <z>\n <1@b>\n\nI am away.\na@b: hi  there\n" },
	{ "From a@b c\n\n",
	    "From: me\nTo: everybody@x\nCc: all@y,\n more@z\n"
	    "Subject: re: $SUBJECT\nPrecedence: junk\nAuto-Submitted: no\n"
	    "X: y\n\nhello\n",
	    "To: a@b\nFrom: me\nSubject: re: \nPrecedence: junk\nX: y\n"
	    "Auto-Submitted: auto-replied\n\nhello\n" },
	{ "From \"a b\"@c d\nReturn-Path: <\"a b\"@c>\n"
	  "Message-Id: none\nSubject: =?x?q?y?=\n",
	    "Subject: x\r\n\r\nb\r\n",
	    "To: \"a b\"@c\nFrom: \"Eric \\\"E\\\" A\" <eric>\nSubject: x\n"
	    "Auto-Submitted: auto-replied\nPrecedence: bulk\n\nb\n" },
	{ "From a@b\nSubject: a\x01\rb\xff\nMessage-Id: <a b>\n", "$SUBJECT",
	    "To: a@b\nFrom: \"Eric \\\"E\\\" A\" <eric>\n"
	    "Subject: Auto: a? b?\nAuto-Submitted: auto-replied\n"
	    "Precedence: bulk\n\na? b?\n" },
	{ "From a@b\nSubject: \xc3\xa4\n", "\xc3\xb6 $SUBJECT\n",
	    "To: a@b\nFrom: \"Eric \\\"E\\\" A\" <eric>\n"
	    "Subject: Auto: \xc3\xa4\nAuto-Submitted: auto-replied\n"
	    "Precedence: bulk\nMIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n\n\xc3\xb6 \xc3\xa4\n" },
	{ "From a@b\n", "",
	    "To: a@b\nFrom: \"Eric \\\"E\\\" A\" <eric>\n"
	    "Subject: Auto: your message\nAuto-Submitted: auto-replied\n"
	    "Precedence: bulk\n\n" },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
		struct vacation_mail m;
		struct arena a;
		struct vacation_reply reply = {
			.template = span_str(answers[i].template),
			.from = SPAN("eric"),
			.full_name = SPAN("Eric \"E\" A"),
		};

		arena_init(&a, 1 << 20);
		vacation_read(span_str(answers[i].mail), names, 2, &a, &m);
		reply.to = m.sender;
		vacation_write(&out, &reply, &m);
		assert_string_equal(buf_cstr(&out), answers[i].answer);
		arena_done(&a);
	}
}

static void count(void *ctx, span sender, usec when)
{
	(void)sender;
	(void)when;
	++*(unsigned *)ctx;
}

static void test_database(void **state)
{
	char path[] = "/tmp/vacation-XXXXXX";
	struct vacation_db *db;
	usec now = 1000 * USEC_DAY;
	unsigned n = 0;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(vacation_db_open(path, true, &db), 0);
	assert_false(vacation_db_is_recent(db, SPAN("a@b"), now));
	vacation_db_note(db, SPAN("a@b"), now);
	vacation_db_exclude(db, SPAN("@spam"));
	assert_int_equal(vacation_db_save(db), 0);
	vacation_db_close(&db);

	assert_int_equal(vacation_db_open(path, false, &db), 0);
	assert_true(vacation_db_is_recent(db, SPAN("A@b"), now));
	assert_true(vacation_db_is_recent(db, SPAN("a@b"), now + 6 * USEC_DAY));
	assert_false(
	    vacation_db_is_recent(db, SPAN("a@b"), now + 7 * USEC_DAY));
	assert_true(vacation_db_is_recent(db, SPAN("x@spam"), now));
	assert_false(vacation_db_is_recent(db, SPAN("x@a.spam"), now));
	vacation_db_set_interval(db, USEC_DAY);
	assert_false(vacation_db_is_recent(db, SPAN("a@b"), now + USEC_DAY));
	vacation_db_set_interval(db, USEC_NEVER);
	assert_true(
	    vacation_db_is_recent(db, SPAN("a@b"), now + 9000 * USEC_DAY));
	/* Noted by a clock that was wrong. */
	vacation_db_set_interval(db, USEC_DAY);
	assert_false(
	    vacation_db_is_recent(db, SPAN("a@b"), now - 20 * USEC_DAY));
	assert_int_equal(vacation_db_save(db), 0);
	vacation_db_close(&db);

	assert_int_equal(vacation_db_open(path, false, &db), 0);
	vacation_db_each(db, count, &n);
	assert_int_equal(n, 2);
	vacation_db_close(&db);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
