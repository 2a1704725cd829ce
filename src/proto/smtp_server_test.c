/* SPDX-License-Identifier: ISC */
/*
 * What the dialogues do not show: notes, delays, counts, questions that stay
 * open, ends from outside. The dialogues: smtp_dialogue_test.c.
 */
#include "proto/smtp_server.h"

#include "test/lib/unit.h"

enum { KIB = 1024, MIB = 1048576 };

static const struct smtp_server_conf conf = {
	.myhostname = SPAN_INIT("h"),
	.banner = SPAN_INIT("h ESMTP"),
	.message_size_limit = 100,
	.line_length_limit = 2048,
	.recipient_limit = 10,
	.junk_command_limit = 100,
	.soft_error_limit = 2,
	.hard_error_limit = 4,
	.bare_lf = SMTP_BARE_LF_NORMALIZE,
	.bare_lf_code = 550,
	.smtputf8 = true,
	.error_sleep = true,
};

static void start(struct smtp_server *s)
{
	smtp_server_init(s, &conf);
	smtp_server_start(s, SPAN("c[192.0.2.1]"), 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(s), SMTP_ASK_INPUT);
	buf_clear(&s->out);
}

static void say(struct smtp_server *s, const char *text)
{
	smtp_server_feed(s, span_str(text));
}

/* Until input or a delay is wanted: everything is granted. */
static enum smtp_ask go_to_delay(struct smtp_server *s)
{
	for (;;) {
		enum smtp_ask ask = smtp_server_next(s);

		switch (ask) {
		case SMTP_ASK_INPUT:
		case SMTP_ASK_CLOSE:
		case SMTP_ASK_DELAY:
			return ask;
		case SMTP_ASK_CHUNK:
		case SMTP_ASK_DROPPED:
		case SMTP_ASK_NOTE:
			break;
		case SMTP_ASK_FLUSH:
			buf_clear(&s->out);
			break;
		case SMTP_ASK_HELO:
		case SMTP_ASK_MAIL:
		case SMTP_ASK_RCPT:
		case SMTP_ASK_VRFY:
		case SMTP_ASK_ETRN:
		case SMTP_ASK_DATA:
		case SMTP_ASK_COMMIT:
		case SMTP_ASK_TLS:
			smtp_server_answer(s, 0, SPAN("ID"));
			break;
		}
	}
}

static enum smtp_ask go(struct smtp_server *s)
{
	enum smtp_ask ask;

	while ((ask = go_to_delay(s)) == SMTP_ASK_DELAY)
		smtp_server_answer(s, 0, SPAN_NONE);
	return ask;
}

static void assert_note(
    struct smtp_server *s, enum smtp_note note, const char *text)
{
	assert_int_equal(smtp_server_next(s), SMTP_ASK_NOTE);
	assert_int_equal(s->note, note);
	assert_span_equal(s->note_text, span_str(text));
}

static void assert_said(struct smtp_server *s, const char *text)
{
	assert_span_equal(buf_span(&s->out), span_str(text));
	buf_clear(&s->out);
}

static void assert_counts(struct smtp_server *s, const char *text)
{
	struct buf b = BUF_INIT(1000);

	smtp_server_counts(s, &b);
	assert_span_equal(buf_span(&b), span_str(text));
	buf_done(&b);
}

static void assert_where(struct smtp_server *s, const char *text)
{
	struct buf b = BUF_INIT(1000);

	smtp_server_where(s, &b);
	assert_span_equal(buf_span(&b), span_str(text));
	buf_done(&b);
}

static void test_questions(void **state)
{
	struct smtp_server s;

	(void)state;
	start(&s);
	say(&s,
	    "EHLO c\r\nMAIL FROM:<a@x> SIZE=10 BODY=8BITMIME RET=HDRS "
	    "ENVID=a+2Bb AUTH=me SMTPUTF8\r\n"
	    "RCPT TO:<\"b c\"@y> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;b+2Bc@y\r\nDATA\r\n");
	/* Nobody asked for pipelining behind EHLO. */
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_NOTE);
	assert_int_equal(s.note, SMTP_NOTE_PIPELINING);
	assert_true(s.pipelining);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_MAIL);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_MAIL);
	assert_span_equal(s.mail.sender, SPAN("a@x"));
	assert_span_equal(s.mail.envid, SPAN("a+b"));
	assert_span_equal(s.mail.auth, SPAN("me"));
	assert_int_equal(s.mail.size, 10);
	assert_true(s.mail.body_8bit && s.mail.ret_hdrs && s.mail.smtputf8);
	assert_false(s.mail.ret_full || s.mail.body_7bit);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_RCPT);
	assert_span_equal(s.rcpt.addr, SPAN("b c@y"));
	assert_span_equal(s.rcpt.orig, SPAN("\"b c\"@y"));
	assert_span_equal(s.rcpt.orcpt, SPAN("rfc822;b+c@y"));
	assert_int_equal(s.rcpt.notify, 2 | 8);
	/* What was fed goes away while the question is open. */
	smtp_server_park(&s);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_DATA);
	assert_span_equal(s.first_rcpt, SPAN("b c@y"));
	buf_clear(&s.out);
	smtp_server_answer(&s, 451, SPAN("4.3.0 later\r\nor never"));
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	assert_said(&s, "451 4.3.0 later  or never\r\n");
	assert_int_equal(s.state, SMTP_RCPT);
	smtp_server_done(&s);
}

static void test_commit(void **state)
{
	struct smtp_server s;

	(void)state;
	start(&s);
	say(&s, "EHLO c\r\n");
	(void)go(&s);
	say(&s, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
	(void)go(&s);
	assert_where(&s, "DATA (0 bytes)");
	say(&s, "hel");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_CHUNK);
	assert_span_equal(s.chunk, SPAN("hel"));
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	assert_where(&s, "DATA (3 bytes)");
	say(&s, "lo\r\n.\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_CHUNK);
	assert_span_equal(s.chunk, SPAN("lo\r\n"));
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_COMMIT);
	assert_where(&s, "END-OF-MESSAGE");
	assert_span_equal(s.mail.sender, SPAN("a@x"));
	buf_clear(&s.out);
	smtp_server_answer(&s, 452, SPAN("4.3.1 Insufficient system storage"));
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	assert_said(&s, "452 4.3.1 Insufficient system storage\r\n");
	assert_int_equal(s.state, SMTP_READY);
	assert_int_equal(s.nrcpts, 0);
	assert_counts(&s, " ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4");
	smtp_server_done(&s);
}

static void test_dropped(void **state)
{
	static const char *const ends[] = { "RSET\r\n", "EHLO c\r\n",
		"HELO c\r\n", "BDAT 300\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct smtp_server s;

		start(&s);
		say(&s, "EHLO c\r\n");
		(void)go(&s);
		say(&s, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n");
		(void)go(&s);
		say(&s, ends[i]);
		while (smtp_server_next(&s) == SMTP_ASK_NOTE)
			;
		/* BDAT asks first. */
		if (s.ask == SMTP_ASK_DATA) {
			smtp_server_answer(&s, 0, SPAN_NONE);
			while (smtp_server_next(&s) == SMTP_ASK_NOTE)
				;
		}
		/* The driver may still look at it now. */
		assert_true(s.drop_after);
		assert_span_equal(s.mail.sender, SPAN("a@x"));
		(void)smtp_server_next(&s);
		assert_span_equal(s.mail.sender, SPAN(""));
		assert_int_equal(s.nrcpts, 0);
		smtp_server_done(&s);
	}
}

static void test_notes(void **state)
{
	struct smtp_server s;

	(void)state;
	start(&s);
	say(&s, "EHLO c\r\n");
	(void)go(&s);
	say(&s, "MAIL FROM:<a@x..y>\r\n");
	assert_note(&s, SMTP_NOTE_BAD_ADDRESS, "<a@x..y>");
	(void)go(&s);
	say(&s, "MAIL FROM:<a@x> SIZE=101\r\n");
	assert_note(
	    &s, SMTP_NOTE_REJECT, "552 5.3.4 Message size exceeds fixed limit");
	assert_span_equal(s.mail.sender, SPAN("a@x"));
	(void)go(&s);
	say(&s, "Subject: x\r\n");
	assert_note(&s, SMTP_NOTE_NOT_SMTP, "Subject: x");
	assert_int_equal(go(&s), SMTP_ASK_CLOSE);
	assert_false(s.too_many_errors);
	assert_counts(&s, " ehlo=1 mail=0/2 unknown=0/1 commands=1/4");
	smtp_server_done(&s);
}

static void test_too_early(void **state)
{
	struct smtp_server s;

	(void)state;
	smtp_server_init(&s, &conf);
	say(&s, "EHLO c\r\n");
	smtp_server_start(&s, SPAN("c[192.0.2.1]"), 0, SPAN_NONE);
	assert_note(&s, SMTP_NOTE_PIPELINING, "EHLO c\r\n");
	assert_where(&s, "CONNECT");
	(void)go(&s);
	assert_int_equal(s.state, SMTP_READY);
	smtp_server_done(&s);
}

static void test_delay(void **state)
{
	struct smtp_server s;

	(void)state;
	start(&s);
	say(&s, "FOO\r\nFOO\r\nFOO\r\nFOO\r\nFOO\r\n");
	assert_int_equal(go_to_delay(&s), SMTP_ASK_DELAY);
	assert_int_equal(s.errors, 3);
	assert_int_equal(s.delays, 1);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_DELAY);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(go_to_delay(&s), SMTP_ASK_DELAY);
	assert_int_equal(s.errors, 4);
	smtp_server_answer(&s, 0, SPAN_NONE);
	/* The last word is held too. */
	assert_int_equal(go_to_delay(&s), SMTP_ASK_DELAY);
	assert_true(s.too_many_errors);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(go_to_delay(&s), SMTP_ASK_CLOSE);
	smtp_server_done(&s);
}

static void test_denied(void **state)
{
	struct smtp_server s;

	(void)state;
	smtp_server_init(&s, &conf);
	smtp_server_start(&s, SPAN("c[192.0.2.1]"), 554,
	    SPAN("5.7.1 <c[192.0.2.1]>: Client host rejected: Access denied"));
	say(&s, "EHLO c\r\n");
	(void)go(&s);
	assert_said(&s,
	    "554 5.7.1 <c[192.0.2.1]>: Client host rejected: "
	    "Access denied\r\n"
	    "503 5.7.0 Error: access denied for c[192.0.2.1]\r\n");
	say(&s, "QUIT\r\n");
	(void)go(&s);
	assert_said(&s, "221 2.0.0 Bye\r\n");
	assert_counts(&s, " ehlo=0/1 quit=1 commands=1/2");
	smtp_server_done(&s);
}

static void test_abort(void **state)
{
	struct smtp_server s;

	(void)state;
	start(&s);
	say(&s, "EHLO c\r\n");
	(void)go(&s);
	say(&s, "MAIL FROM:<a@x>\r\nNOOP\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_MAIL);
	buf_clear(&s.out);
	smtp_server_abort(&s, 421, SPAN("4.4.2 h Error: timeout exceeded"));
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_CLOSE);
	assert_said(&s, "421 4.4.2 h Error: timeout exceeded\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_CLOSE);
	smtp_server_done(&s);
}

/* Somebody sends for days and never ends the line. */
static void test_endless_line(void **state)
{
	static char text[16u * KIB];
	struct smtp_server s;
	enum smtp_ask ask = SMTP_ASK_INPUT;
	size_t sent = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	start(&s);
	while (ask != SMTP_ASK_CLOSE) {
		assert_true(sent < MIB);
		smtp_server_feed(&s, span_of(text, sizeof(text)));
		sent += sizeof(text);
		ask = go(&s);
		smtp_server_park(&s);
		assert_true(s.held.cap < 8192);
	}
	smtp_server_done(&s);
}

/* ... or the message. */
static void test_endless_message(void **state)
{
	static char text[1024];
	struct smtp_server s;
	enum smtp_ask ask = SMTP_ASK_INPUT;
	size_t sent = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	start(&s);
	say(&s, "EHLO c\r\n");
	(void)go(&s);
	say(&s, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
	(void)go(&s);
	while (ask != SMTP_ASK_CLOSE) {
		assert_true(sent < (size_t)100 * KIB);
		smtp_server_feed(&s, span_of(text, sizeof(text)));
		sent += sizeof(text);
		ask = go(&s);
		smtp_server_park(&s);
		assert_int_equal(s.held.cap, 0);
	}
	smtp_server_done(&s);
}

/* A client that writes and never reads. */
static void test_output_is_bounded(void **state)
{
	struct smtp_server_conf patient = conf;
	struct smtp_server s;
	struct buf text = BUF_INIT(MIB);
	unsigned flushes = 0;
	enum smtp_ask ask;

	(void)state;
	patient.junk_command_limit = 1000000;
	smtp_server_init(&s, &patient);
	smtp_server_start(&s, SPAN("c[192.0.2.1]"), 0, SPAN_NONE);
	for (int i = 0; i < 10000; i++)
		buf_put(&text, SPAN("EHLO c\r\n"));
	smtp_server_feed(&s, buf_span(&text));
	while ((ask = smtp_server_next(&s)) != SMTP_ASK_INPUT) {
		if (ask != SMTP_ASK_FLUSH)
			continue;
		assert_true(s.out.len < (size_t)20 * KIB);
		assert_int_equal(smtp_server_next(&s), SMTP_ASK_FLUSH);
		buf_clear(&s.out);
		flushes++;
	}
	assert_true(flushes > 10);
	smtp_server_done(&s);
	buf_done(&text);
}

static void test_idle_is_small(void **state)
{
	struct smtp_server s;

	(void)state;
	start(&s);
	say(&s, "EHLO c\r\n");
	(void)go(&s);
	buf_release(&s.out);
	smtp_server_park(&s);
	assert_true(smtp_server_is_idle(&s));
	assert_true(sizeof(s) <= 1024);
	assert_null(s.txn.head);
	assert_null(s.held.data);
	smtp_server_done(&s);
}

static void test_keywords(void **state)
{
	struct buf b = BUF_INIT(200);

	(void)state;
	assert_int_equal(smtp_keywords_parse(SPAN("DSN, pipelining,foo\tsize")),
	    SMTP_KEYWORD_DSN | SMTP_KEYWORD_PIPELINING | SMTP_KEYWORD_SIZE);
	assert_int_equal(smtp_keywords_parse(SPAN("")), 0);
	smtp_keywords_write(
	    &b, smtp_keywords_parse(SPAN("silent-discard SMTPUTF8 8bitmime")));
	assert_span_equal(
	    buf_span(&b), SPAN("8BITMIME EHLO_MASK_SMTPUTF8 SILENT-DISCARD"));
	buf_done(&b);
}

/* ---- STARTTLS ---- */

static void start_with(struct smtp_server *s, const struct smtp_server_conf *c)
{
	smtp_server_init(s, c);
	smtp_server_start(s, SPAN("c[192.0.2.1]"), 0, SPAN_NONE);
	buf_clear(&s->out);
}

static void test_starttls(void **state)
{
	struct smtp_server_conf may = conf;
	struct smtp_server s;

	(void)state;
	may.tls = SMTP_TLS_MAY;
	start_with(&s, &may);
	say(&s, "EHLO c\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	assert_said(&s,
	    "250-h\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-VRFY\r\n"
	    "250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n"
	    "250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
	/* What is sent behind the command never happened. */
	say(&s,
	    "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nSTARTTLS\r\n"
	    "RSET\r\nMAIL FROM:<evil@x>\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_MAIL);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_RCPT);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_TLS);
	assert_said(&s,
	    "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
	    "220 2.0.0 Ready to start TLS\r\n");
	assert_int_equal(s.in.len, 0);
	assert_counts(&s, " ehlo=1 starttls=0/1 mail=1 rcpt=1 commands=3/4");
	assert_where(&s, "STARTTLS");
	/* Nothing of before is left. */
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_true(s.tls);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_DROPPED);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	assert_int_equal(s.state, SMTP_GREETED);
	assert_int_equal(s.nrcpts, 0);
	assert_int_equal(s.helo.len, 0);
	assert_false(s.esmtp);
	say(&s, "RCPT TO:<b@x>\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	assert_said(&s, "503 5.5.1 Error: need MAIL command\r\n");
	/* Once is enough. */
	say(&s, "EHLO c\r\nSTARTTLS\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	assert_said(&s,
	    "250-h\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-VRFY\r\n"
	    "250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
	    "250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
	    "554 5.5.1 Error: TLS already active\r\n");
	smtp_server_done(&s);
}

static void test_starttls_is_a_must(void **state)
{
	struct smtp_server_conf must = conf;
	struct smtp_server s;

	(void)state;
	must.tls = SMTP_TLS_ENCRYPT;
	must.hard_error_limit = 20;
	start_with(&s, &must);
	say(&s, "HELO c\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	say(&s, "NOOP\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	buf_clear(&s.out);
	say(&s, "MAIL FROM:<a@x>\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	say(&s, "VRFY a\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	say(&s, "WHAT\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	assert_said(&s,
	    "530 5.7.0 Must issue a STARTTLS command first\r\n"
	    "530 5.7.0 Must issue a STARTTLS command first\r\n"
	    "500 5.5.2 Error: command not recognized\r\n");
	say(&s, "STARTTLS\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	buf_clear(&s.out);
	say(&s, "EHLO c\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	buf_clear(&s.out);
	say(&s, "MAIL FROM:<a@x>\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	assert_said(&s, "250 2.1.0 Ok\r\n");
	smtp_server_done(&s);
}

static void test_tls_that_cannot_be(void **state)
{
	struct smtp_server_conf broken = conf;
	struct smtp_server s;

	(void)state;
	broken.tls = SMTP_TLS_MAY;
	broken.tls_broken = true;
	start_with(&s, &broken);
	say(&s, "STARTTLS\r\n");
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	assert_said(&s, "454 4.7.0 TLS not available due to local problem\r\n");
	assert_false(s.tls);
	smtp_server_done(&s);
}

static void test_wrapped_and_dismissed(void **state)
{
	struct smtp_server_conf must = conf;
	struct smtp_server s;

	(void)state;
	must.tls = SMTP_TLS_ENCRYPT;
	smtp_server_init(&s, &must);
	smtp_server_wrapped(&s);
	smtp_server_dismiss(&s, SPAN("421 4.7.1 h Error: no certificate"));
	smtp_server_start(&s, SPAN("c[192.0.2.1]"), 0, SPAN_NONE);
	assert_int_equal(go(&s), SMTP_ASK_INPUT);
	say(&s, "EHLO c\r\nQUIT\r\n");
	assert_int_equal(go(&s), SMTP_ASK_CLOSE);
	assert_said(&s, "220 h ESMTP\r\n421 4.7.1 h Error: no certificate\r\n");
	smtp_server_done(&s);
}

/* A process of ours sends ahead, and says more; strangers do not. */
static void test_trusted(void **state)
{
	struct smtp_server_conf trusted = conf;
	struct smtp_server s;

	(void)state;
	trusted.trusted = true;
	start_with(&s, &trusted);
	buf_clear(&s.out);
	say(&s,
	    "MAIL FROM:<> XFROM=a+20b XUID=1000 XARRIVAL=5 XFINAL XPORT=65535"
	    "\r\n"
	    "RCPT TO:<> XTO=-c+22 XGIVEN=d\r\nRCPT TO:<> XTO=e\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_MAIL);
	assert_span_equal(s.mail.sender, SPAN("a b"));
	assert_true(s.mail.inside.has_uid && s.mail.inside.is_final);
	assert_int_equal(s.mail.inside.uid, 1000);
	assert_int_equal(s.mail.inside.arrival, 5);
	assert_int_equal(s.mail.inside.client_port, 65535);
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_RCPT);
	assert_span_equal(s.rcpt.addr, SPAN("-c\""));
	assert_span_equal(s.rcpt.given, SPAN("d"));
	smtp_server_answer(&s, 0, SPAN_NONE);
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_RCPT);
	smtp_server_answer(&s, 451, SPAN("4.3.0 later"));
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	buf_clear(&s.out);
	/* All of them, or none. */
	say(&s, "DATA\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	assert_said(&s, "451 4.3.0 Error: not all recipients\r\n");
	smtp_server_done(&s);

	start_with(&s, &conf);
	buf_clear(&s.out);
	say(&s, "MAIL FROM:<> XUID=0\r\n");
	assert_int_equal(smtp_server_next(&s), SMTP_ASK_INPUT);
	assert_said(&s, "555 5.5.4 Unsupported option: XUID=0\r\n");
	smtp_server_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_endless_message),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_idle_is_small),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_starttls_is_a_must),
		cmocka_unit_test(test_tls_that_cannot_be),
		cmocka_unit_test(test_wrapped_and_dismissed),
		cmocka_unit_test(test_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
