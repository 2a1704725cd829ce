/* SPDX-License-Identifier: ISC */
#include "mail/dsn.h"

#include "mail/date.h"
#include "test/lib/unit.h"

#include <stdio.h>

#include "mail/dsn_cases.h"
#include "mail/dsn_trace_cases.h"

static const usec sunday = 1590303371 * USEC_SEC; /* 06:56:11 UTC */

static struct templates texts; /* with the values of test_*() filled in */

static const struct dsn_conf conf = {
	.texts = &texts,
	.myhostname = SPAN_INIT("mx.example.com"),
	.myorigin = SPAN_INIT("example.com"),
	.mail_name = SPAN_INIT("Postfix"),
	.bounce_size_limit = 50000,
	.maximal_queue_lifetime = 5 * USEC_DAY,
	.smtputf8 = true,
};

static const span original = SPAN_INIT("Original: header\r\n\r\nbody\r\n");

#define SAID(s, t) .status = SPAN_INIT(s), .text = SPAN_INIT(t)

static const struct verdict impossible = { .class = VERDICT_BOUNCED,
	SAID("5.1.2", "mail to this domain is not possible") };
static const struct verdict sent = { .class = VERDICT_SENT,
	SAID("2.0.0", "delivered to mailbox") };
static const struct verdict deferred = { .class = VERDICT_DEFERRED,
	SAID("4.3.2", "deferred transport") };

static struct envelope about(struct rcpt *rcpts, uint32_t n)
{
	return (struct envelope){ .id = (msgid)0x100000 << 20 | 0x0A000,
		.arrival = sunday - USEC_DAY,
		.sender = SPAN("news@example.com"),
		.size = 1000,
		.nrcpts = n,
		.rcpts = rcpts };
}

/* Text with names replaced, for ever. */
static span fill(span text)
{
	static const struct {
		span name;
		span value;
	} names[] = {
		{ SPAN_INIT("$myhostname"), SPAN_INIT("mx.example.com") },
		{ SPAN_INIT("$delay_warning_time_hours"), SPAN_INIT("4") },
		{ SPAN_INIT("$maximal_queue_lifetime_days"), SPAN_INIT("5") },
	};
	static char room[8192];
	static size_t used;
	size_t start = used;

	while (text.len) {
		span value = span_first(text, 1);
		size_t skip = 1;

		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			if (!span_has_prefix(text, names[i].name))
				continue;
			value = names[i].value;
			skip = names[i].name.len;
		}
		assert_true(used + value.len <= sizeof(room));
		memcpy(room + used, value.ptr, value.len);
		used += value.len;
		text = span_from(text, skip);
	}
	return span_of(room + start, used - start);
}

static void fill_all(void)
{
	templates_preset(&texts);
	for (size_t i = 0; i < TEMPLATES; i++)
		texts.of[i].text = fill(texts.of[i].text);
}

/* The whole notice, the original in pieces of `step` bytes. */
static void write_notice(struct buf *out, struct dsn_notice n, size_t step)
{
	span rest = original;

	n.conf = n.conf ? n.conf : &conf;
	n.id = (msgid)0xAC2470 << 20 | 0x1B440;
	n.now = sunday;
	if (!n.to.len)
		n.to = SPAN("news@example.com");
	dsn_write_head(out, &n);
	while (rest.len) {
		if (!dsn_write_original(out, &n, span_first(rest, step)))
			break;
		rest = span_from(rest, step);
	}
	dsn_write_tail(out, &n);
}

static void check(struct dsn_notice n, const char *want)
{
	static const size_t steps[] = { 1000, 1, 2, 19 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct buf out = BUF_INIT(100000);

		write_notice(&out, n, steps[i]);
		assert_span_equal(buf_span(&out), span_str(want));
		buf_done(&out);
	}
}

static void test_failure_full(void **state)
{
	struct rcpt rcpts[] = {
		{ .addr = SPAN("gone@err.example"),
		    .orig = SPAN("gone@err.example") },
		{ .addr = SPAN("fine@err.example"),
		    .orig = SPAN("fine@err.example") },
		{ .addr = SPAN("odd one@err.example"),
		    .orig = SPAN("odd one@err.example") },
	};
	struct verdict verdicts[] = { impossible, sent, impossible };
	struct envelope e = about(rcpts, 3);

	(void)state;
	check(
	    (struct dsn_notice){
	        .kind = DSN_FAILURE, .about = &e, .verdicts = verdicts },
	    failure_full);
}

static void test_failure_headers(void **state)
{
	struct rcpt rcpts[] = {
		{ .addr = SPAN("mismatch@example.com"),
		    .orig = SPAN("mismatch") },
		{ .addr = SPAN("gone@err.example"),
		    .orig = SPAN("gone@err.example"),
		    .orcpt = SPAN("rfc822;first+last@else.example"),
		    .notify = RCPT_NOTIFY_FAILURE },
		{ .addr = SPAN("quiet@err.example"),
		    .orig = SPAN("quiet@err.example"),
		    .notify = RCPT_NOTIFY_NEVER },
		{ .addr = SPAN("long@longerr.example"),
		    .orig = SPAN("long@longerr.example") },
		{ .addr = SPAN("nobodyhere@example.com"),
		    .orig = SPAN("nobodyhere@example.com") },
		{ .addr = SPAN("who@sink.example"),
		    .orig = SPAN("who@sink.example") },
	};
	struct verdict verdicts[] = {
		{ .class = VERDICT_BOUNCED,
		    SAID("5.1.1", "unknown user: \"mismatch\"") },
		impossible,
		impossible,
		{ .class = VERDICT_BOUNCED,
		    SAID("5.7.1",
		        "a very long reason that needs to be wrapped by the "
		        "notice since it is longer than seventy nine "
		        "characters all in all") },
		{ .class = VERDICT_BOUNCED,
		    SAID("5.1.1", "unknown user: \"nobodyhere\"") },
		{ .class = VERDICT_BOUNCED,
		    SAID("5.3.0",
		        "host 127.0.0.1[127.0.0.1] said: 500 5.3.0 Error: "
		        "command failed (in reply to RCPT TO command)"),
		    .remote_mta = SPAN_INIT("dns; 127.0.0.1"),
		    .diagnostic =
		        SPAN_INIT("smtp; 500 5.3.0 Error: command failed") },
	};
	struct envelope e = about(rcpts, 6);

	(void)state;
	e.envid = SPAN("abc=1");
	check((struct dsn_notice){ .kind = DSN_FAILURE,
	          .flags = DSN_HEADERS_ONLY,
	          .about = &e,
	          .verdicts = verdicts },
	    failure_headers);
}

static void test_delay(void **state)
{
	struct rcpt r = { .addr = SPAN("slow@remote.example"),
		.orig = SPAN("slow@remote.example") };
	struct envelope e = about(&r, 1);

	(void)state;
	check(
	    (struct dsn_notice){
	        .kind = DSN_DELAY, .about = &e, .verdicts = &deferred },
	    delay);
}

static void test_success(void **state)
{
	struct rcpt r = { .addr = SPAN("daemon@example.com"),
		.orig = SPAN("daemon@example.com"),
		.notify = RCPT_NOTIFY_SUCCESS,
		.transport = SPAN("local") };
	struct envelope e = about(&r, 1);

	(void)state;
	check(
	    (struct dsn_notice){
	        .kind = DSN_SUCCESS, .about = &e, .verdicts = &sent },
	    success);
}

/* What addresses came to, for reports with many of them. */
struct came_to {
	const char *addr;
	const char *orig;
	enum verdict_class class;
	const char *status;
	const char *text;
	const char *relay;
	const char *said; /* by the remote server; NULL: nobody did */
	const char *action;
};

#define AT   "127.0.0.1[127.0.0.1]"
#define SINK AT ":25000"
#define WHO  "550 5.1.1 who?"
#define BUSY "450 4.2.0 later"
#define NONE "none"
/* clang-format off */
#define GONE { "gone@err.example", "gone@err.example", VERDICT_BOUNCED, \
	"5.1.2", "mail to this domain is not possible", NONE, NULL, "" }
#define DISCARDED { "n@null.example", "n@null.example", VERDICT_SENT, \
	"2.0.0", "null.example", NONE, NULL, "" }
#define LATER { "x@later.example", "x@later.example", VERDICT_DEFERRED, \
	"4.3.2", "deferred transport", NONE, NULL, "" }
#define DAEMON(orig, text) { "daemon@example.com", orig, VERDICT_SENT, \
	"2.0.0", text, "local", NULL, "" }
#define NOBODY(orig) { "nobodyhere@example.com", orig, VERDICT_BOUNCED, \
	"5.1.1", "unknown user: \"nobodyhere\"", "local", NULL, "" }
#define BAD { "bad@sink.example", "bad@sink.example", VERDICT_BOUNCED, \
	"5.1.1", "host " AT " said: " WHO " (in reply to RCPT TO command)", \
	SINK, WHO, "" }
#define LAZY { "busy@sink.example", "busy@sink.example", VERDICT_DEFERRED, \
	"4.2.0", "host " AT " said: " BUSY " (in reply to RCPT TO command)", \
	SINK, BUSY, "" }
#define REACHED(status, said) { "who@sink.example", "who@sink.example", \
	VERDICT_SENT, status, said, SINK, said, "" }
#define LIST(text, action) { "list@example.com", "list@example.com", \
	VERDICT_SENT, "2.0.0", text, "local", NULL, action }
#define QUEUED "250 2.0.0 Ok: queued as 1A2B"

static const struct {
	enum dsn_kind kind;
	uint32_t flags; /* of the message */
	uint8_t notify;
	const char *want;
	struct came_to all[16];
} many[] = {
	{ DSN_VERIFY, ENVELOPE_VERIFY, 0, verify, {
	    DISCARDED, LATER,
	    DAEMON("daemon@example.com", "delivers to mailbox"),
	    DAEMON("list@example.com", "delivers to mailbox"),
	    NOBODY("list@example.com"),
	    { "who@sink.example", "list@example.com", VERDICT_SENT, "2.0.0",
	        "forwards to who@sink.example", "local", NULL, "" },
	    BAD, LAZY, REACHED("2.1.5", "250 2.1.5 Ok"), GONE,
	    NOBODY("nobodyhere@example.com") } },
	{ DSN_VERIFY, ENVELOPE_TRACE, 0, trace, {
	    DISCARDED,
	    DAEMON("daemon@example.com", "delivered to mailbox"),
	    DAEMON("list@example.com", "delivered to mailbox"),
	    GONE,
	    NOBODY("nobodyhere@example.com"), NOBODY("list@example.com"),
	    LIST("forwarded as 50342AA7629", "relayed"),
	    BAD, LAZY, REACHED("2.0.0", QUEUED), LATER } },
	{ DSN_FAILURE, 0, 0, failure_parts, {
	    GONE,
	    NOBODY("nobodyhere@example.com"), NOBODY("list@example.com"),
	    BAD } },
	{ DSN_SUCCESS, 0, RCPT_NOTIFY_SUCCESS, success_many, {
	    DISCARDED, REACHED("2.0.0", QUEUED),
	    LIST("alias expanded", "expanded"),
	    DAEMON("daemon@example.com", "delivered to mailbox") } },
};
/* clang-format on */

static void check_many(size_t i)
{
	static char diagnostics[16][100];
	struct rcpt rcpts[16];
	struct verdict verdicts[16];
	span actions[16];
	uint32_t n = 0;
	struct envelope e;

	for (; many[i].all[n].addr; n++) {
		const struct came_to *c = &many[i].all[n];

		rcpts[n] = (struct rcpt){ .addr = span_str(c->addr),
			.orig = span_str(c->orig),
			.notify = many[i].notify };
		verdicts[n] = (struct verdict){ .class = c->class,
			.status = span_str(c->status),
			.text = span_str(c->text),
			.relay = span_str(c->relay) };
		actions[n] = span_str(c->action);
		if (!c->said)
			continue;
		(void)snprintf(diagnostics[n], sizeof(diagnostics[n]),
		    "smtp; %s", c->said);
		verdicts[n].remote_mta = SPAN("dns; 127.0.0.1");
		verdicts[n].diagnostic = span_str(diagnostics[n]);
	}
	e = about(rcpts, n);
	e.flags = many[i].flags;
	check((struct dsn_notice){ .kind = many[i].kind,
	          .about = &e,
	          .verdicts = verdicts,
	          .actions = actions },
	    many[i].want);
}

static void test_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		check_many(i);
}

static void test_postmaster(void **state)
{
	struct rcpt r = { .addr = SPAN("gone@err.example"),
		.orig = SPAN("gone@err.example"),
		.notify = RCPT_NOTIFY_NEVER };
	struct envelope e = about(&r, 1);

	(void)state;
	e.sender = SPAN("");
	check((struct dsn_notice){ .kind = DSN_FAILURE,
	          .flags = DSN_TO_POSTMASTER,
	          .to = SPAN("mail@example.com"),
	          .about = &e,
	          .verdicts = &impossible },
	    postmaster);
}

static void test_count(void **state)
{
	struct rcpt rcpts[] = {
		{ .notify = 0 },
		{ .notify = RCPT_NOTIFY_NEVER },
		{ .notify = RCPT_NOTIFY_FAILURE },
		{ .notify = RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_DELAY },
	};
	struct verdict bounces[] = { impossible, impossible, impossible,
		impossible };
	struct verdict delays[] = { deferred, deferred, deferred, deferred };
	struct verdict successes[] = { sent, sent, sent, sent };
	struct envelope e = about(rcpts, 4);
	const struct {
		enum dsn_kind kind;
		unsigned flags;
		const struct verdict *verdicts;
		uint32_t count;
	} rows[] = {
		{ DSN_FAILURE, 0, bounces, 2 },
		{ DSN_FAILURE, DSN_TO_POSTMASTER, bounces, 4 },
		{ DSN_FAILURE, DSN_TO_POSTMASTER, successes, 0 },
		{ DSN_DELAY, 0, delays, 2 },
		{ DSN_DELAY, 0, bounces, 0 },
		{ DSN_SUCCESS, 0, successes, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
		    dsn_count(&(struct dsn_notice){ .kind = rows[i].kind,
		        .flags = rows[i].flags,
		        .about = &e,
		        .verdicts = rows[i].verdicts }),
		    rows[i].count);
}

static bool contains(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text));
}

/* Nothing a stranger wrote may end a line. */
static void test_hostile_text(void **state)
{
	struct rcpt r = { .addr = SPAN("a\r\nX-Evil: 1@b"),
		.orig = SPAN("a"),
		.orcpt = SPAN("rfc822;a\r\nX-Evil: 2") };
	struct verdict v = { .class = VERDICT_BOUNCED,
		SAID("5.0.0", "no\r\n.\r\nX-Evil: 3\x1b[2J"),
		.remote_mta = SPAN_INIT("dns; h\r\nX-Evil: 4"),
		.diagnostic = SPAN_INIT("smtp; 5\nX-Evil: 5") };
	struct envelope e = about(&r, 1);
	struct buf out = BUF_INIT(100000);

	(void)state;
	e.envid = SPAN("x\r\nX-Evil: 6");
	write_notice(&out,
	    (struct dsn_notice){ .kind = DSN_FAILURE,
	        .to = SPAN("t\r\nX-Evil: 7@b"),
	        .about = &e,
	        .verdicts = &v },
	    1000);
	assert_false(contains(&out, "\nX-Evil"));
	assert_false(contains(&out, "\n.\r"));
	assert_null(memchr(out.data, '\x1b', out.len));
	buf_done(&out);
}

static void test_size_limit_and_7bit(void **state)
{
	struct rcpt r = { .addr = SPAN("a@b") };
	struct envelope e = about(&r, 1);
	struct dsn_conf plain = conf;
	struct buf out = BUF_INIT(100000);

	(void)state;
	plain.smtputf8 = false;
	plain.myorigin = SPAN_NONE;
	e.size = 50001;
	write_notice(&out,
	    (struct dsn_notice){ .conf = &plain,
	        .kind = DSN_FAILURE,
	        .about = &e,
	        .verdicts = &impossible },
	    1000);
	assert_true(contains(&out, "Undelivered Message Headers\r\n"));
	assert_true(contains(&out, "charset=us-ascii\r\n\r\n"));
	assert_true(contains(&out, "<MAILER-DAEMON>\r\n"));
	assert_false(contains(&out, "Content-Transfer-Encoding"));
	assert_false(contains(&out, "body"));
	buf_done(&out);
}

/* Another template; a line of it with a dot is no end of the message. */
static void test_other_text(void **state)
{
	struct rcpt r = { .addr = SPAN("a@b") };
	struct envelope e = about(&r, 1);
	struct templates other = texts;
	struct dsn_conf c = conf;
	struct buf out = BUF_INIT(100000);

	(void)state;
	other.of[TEMPLATE_FAILURE] = (struct template){
		.charset = SPAN("iso-8859-1"),
		.from = SPAN("Poste <daemon>"),
		.subject = SPAN("Retour"),
		.text = SPAN("Bonjour\r\n.\n.ici\n"),
	};
	c.texts = &other;
	c.smtputf8 = false;
	write_notice(&out,
	    (struct dsn_notice){ .conf = &c,
	        .kind = DSN_FAILURE,
	        .about = &e,
	        .verdicts = &impossible },
	    1000);
	assert_true(contains(&out,
	    "\r\nFrom: Poste <daemon@example.com>\r\n"
	    "Subject: Retour\r\n"));
	assert_true(contains(&out,
	    "Content-Type: text/plain; charset=iso-8859-1\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "Bonjour\r\n..\r\n..ici\r\n\r\n<a@b>: "));
	buf_clear(&out);
	other.of[TEMPLATE_FAILURE].from =
	    SPAN("MAILER-DAEMON (Mail Delivery System)");
	write_notice(&out,
	    (struct dsn_notice){ .conf = &c,
	        .kind = DSN_FAILURE,
	        .about = &e,
	        .verdicts = &impossible },
	    1000);
	assert_true(contains(&out,
	    "From: MAILER-DAEMON@example.com (Mail Delivery System)\r\n"));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_text),
		cmocka_unit_test(test_failure_full),
		cmocka_unit_test(test_failure_headers),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_postmaster),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_size_limit_and_7bit),
	};

	(void)setenv("TZ", "UTC", 1);
	date_init();
	fill_all();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
