/* SPDX-License-Identifier: ISC */
/*
 * Dialogues. Each script is what both sides say, in order:
 *
 *	+A      give message A (see `messages`)
 *	S: x    the server says x
 *	C: x    the client has said x, line by line
 *	!quit   what the driver does: quit, lost, timeout, hold, release
 *	* x     an event
 *
 * The script is played with the server's bytes in pieces of every size from
 * 1 on; what the client says between two things that others do must be
 * exactly what stands there, no line more, no line earlier.
 */
#include "proto/smtp_client.h"

#include "base/buf.h"
#include "test/lib/unit.h"

#define TAG "host h[1.2.3.4] "

enum { RCPTS = 3 };

static const struct rcpt rcpts[RCPTS] = {
	{ .addr = SPAN_INIT("a@x.org"),
	    .orig = SPAN_INIT("a b@x.org"),
	    .notify = RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_DELAY },
	{ .addr = SPAN_INIT("b c@x.org"), .orcpt = SPAN_INIT("rfc822;b+c@x") },
	{ .addr = SPAN_INIT("c@x.org") },
};

static const struct rcpt bad_rcpt = { .addr = SPAN_INIT("a\r\nRSET@x") };
static const struct rcpt utf8_rcpt = { .addr = SPAN_INIT("\xc3\xa9@x") };

/* Named in scripts by their first letter. */
static const struct smtp_message messages[] = {
	{ .sender = SPAN_INIT("me@y.org"),
	    .nrcpts = 1,
	    .rcpts = rcpts,
	    .content = SPAN_INIT("Subject: A\r\n"),
	    .size = 12 },
	{ .nrcpts = 1,
	    .rcpts = rcpts + 2,
	    .content = SPAN_INIT("Subject: B\r\n"),
	    .size = 12 },
	{ .sender = SPAN_INIT("me@y.org"),
	    .nrcpts = 3,
	    .rcpts = rcpts,
	    .flags = ENVELOPE_8BIT | ENVELOPE_RET_HDRS,
	    .envid = SPAN_INIT("x=1"),
	    .content = SPAN_INIT("Subject: C\r\n"),
	    .size = 12 },
	{ .sender = SPAN_INIT("me@y.org"),
	    .nrcpts = 1,
	    .rcpts = rcpts,
	    .content = SPAN_INIT("no end"),
	    .open_end = true,
	    .size = 2000 },
	{ .sender = SPAN_INIT("me@y.org"),
	    .nrcpts = 1,
	    .rcpts = &bad_rcpt,
	    .content = SPAN_INIT("") },
	{ .sender = SPAN_INIT("me@y.org"),
	    .nrcpts = 1,
	    .rcpts = &utf8_rcpt,
	    .flags = ENVELOPE_SMTPUTF8,
	    .content = SPAN_INIT("Subject: F\r\n") },
	{ .sender = SPAN_INIT("me@y.org"),
	    .nrcpts = 3,
	    .rcpts = rcpts,
	    .flags = ENVELOPE_VERIFY,
	    .content = SPAN_INIT("Subject: G\r\n") },
};

struct play {
	struct smtp_client client;
	struct smtp_message messages[ARRAY_LEN(messages)];
	uint8_t fates[ARRAY_LEN(messages)][RCPTS];
	struct buf log;
	bool hold; /* the socket takes nothing */
};

static char name_of(const struct play *p, const struct smtp_message *m)
{
	return (char)('A' + (m - p->messages));
}

static void log_verdict(struct play *p)
{
	const struct smtp_outcome *o = &p->client.outcome;

	buf_printf(
	    &p->log, "%.*s %.*s", PRI(o->verdict.status), PRI(o->verdict.text));
	if (o->site)
		buf_put(&p->log, SPAN(" (site)"));
}

static void log_event(struct play *p, enum smtp_client_event event)
{
	static const char *const names[] = { "wait", "ready", "rcpt", "done",
		"unsent", "failed", "note", "closed" };

	buf_printf(&p->log, "* %s", names[event]);
	if (p->client.message)
		buf_printf(&p->log, " %c", name_of(p, p->client.message));
	if (event == SMTP_CLIENT_RCPT) {
		buf_printf(&p->log, "%u ", p->client.outcome.rcpt);
		log_verdict(p);
		if (!p->client.outcome.first)
			buf_put(&p->log, SPAN(" (same)"));
	} else if (event == SMTP_CLIENT_FAILED) {
		buf_putc(&p->log, ' ');
		log_verdict(p);
	} else if (event == SMTP_CLIENT_NOTE) {
		buf_printf(&p->log, " %.*s", PRI(p->client.note));
	}
	buf_putc(&p->log, '\n');
}

static void log_sent(struct play *p, span bytes)
{
	while (bytes.len) {
		span line = span_cut(&bytes, '\n');

		buf_printf(&p->log, "C: %.*s\n", PRI(span_trim(line)));
	}
}

static void events(struct play *p, span input)
{
	enum smtp_client_event event;

	while ((event = smtp_client_next(&p->client, &input)))
		log_event(p, event);
	assert_int_equal(input.len, 0);
}

/* Send all there is, in one go, as the driver would. */
static void flush(struct play *p)
{
	struct buf sent = BUF_INIT(1 << 20);

	while (!p->hold) {
		struct smtp_client_output o = smtp_client_output(&p->client);
		size_t n = o.content.len + o.commands.len;

		if (!n)
			break;
		buf_put(&sent, o.content);
		buf_put(&sent, o.commands);
		smtp_client_sent(&p->client, n);
		events(p, SPAN_NONE);
	}
	log_sent(p, buf_span(&sent));
	buf_done(&sent);
}

static void give(struct play *p, char name)
{
	size_t i = (size_t)(name - 'A');

	p->messages[i] = messages[i];
	p->messages[i].content_len = messages[i].content.len;
	p->messages[i].fates = p->fates[i];
	memset(p->fates[i], 0, sizeof(p->fates[i]));
	smtp_client_give(&p->client, &p->messages[i]);
	events(p, SPAN_NONE);
}

static void act(struct play *p, span what)
{
	if (span_eq(what, SPAN("quit")))
		smtp_client_quit(&p->client);
	else if (span_eq(what, SPAN("lost")))
		smtp_client_end(&p->client, SMTP_END_LOST);
	else if (span_eq(what, SPAN("timeout")))
		smtp_client_end(&p->client, SMTP_END_TIMEOUT);
	else if (span_eq(what, SPAN("hold")))
		p->hold = true;
	else if (span_eq(what, SPAN("release")))
		p->hold = false;
	else
		fail_msg("bad script: !%.*s", PRI(what));
	events(p, SPAN_NONE);
}

static void feed(struct play *p, span bytes, size_t piece)
{
	while (bytes.len) {
		events(p, span_first(bytes, piece));
		flush(p);
		bytes = span_from(bytes, piece);
	}
}

/* All consecutive S: lines as one run of bytes. */
static void server(struct play *p, span *script, size_t piece)
{
	struct buf bytes = BUF_INIT(1 << 20);

	while (span_has_prefix(*script, SPAN("S: "))) {
		span line = span_cut(script, '\n');

		buf_printf(&p->log, "%.*s\n", PRI(line));
		buf_printf(&bytes, "%.*s\r\n", PRI(span_from(line, 3)));
	}
	feed(p, buf_span(&bytes), piece);
	buf_done(&bytes);
}

static void step(struct play *p, span *script, size_t piece)
{
	span line;

	if (span_has_prefix(*script, SPAN("S: "))) {
		server(p, script, piece);
		return;
	}
	line = span_cut(script, '\n');
	if (!line.len || line.ptr[0] == 'C' || line.ptr[0] == '*')
		return; /* what we expect */
	buf_printf(&p->log, "%.*s\n", PRI(line));
	if (line.ptr[0] == '+')
		give(p, line.ptr[1]);
	else
		act(p, span_from(line, 1));
	flush(p);
}

static void play(unsigned flags, const char *script, size_t piece)
{
	static struct play p;
	struct smtp_setup setup = {
		.flags = flags,
		.helo = SPAN("me"),
		.myhostname = SPAN("me"),
		.peer = SPAN("h[1.2.3.4]"),
		.nexthop = SPAN("x.org"),
	};
	span rest = span_str(script);

	p = (struct play){ .log = BUF_INIT(1 << 20) };
	smtp_client_init(&p.client, &setup);
	while (rest.len)
		step(&p, &rest, piece);
	if (!span_eq(buf_span(&p.log), span_str(script)))
		print_error("pieces of %zu\n", piece);
	assert_span_equal(buf_span(&p.log), span_str(script));
	smtp_client_done(&p.client);
	buf_done(&p.log);
}

/* How most dialogues begin. */
#define HELLO \
	"S: 220 h ESMTP\n" \
	"C: EHLO me\n" \
	"S: 250-h\n" \
	"S: 250-PIPELINING\n" \
	"S: 250 HELP\n" \
	"* ready\n"
#define PLAIN \
	"S: 220 h ESMTP\n" \
	"C: EHLO me\n" \
	"S: 250 h\n" \
	"* ready\n"
#define A_SENT \
	"+A\n" \
	"C: MAIL FROM:<me@y.org>\n" \
	"C: RCPT TO:<a@x.org>\n" \
	"C: DATA\n"
#define C_SENT \
	"+C\n" \
	"C: MAIL FROM:<me@y.org>\n" \
	"C: RCPT TO:<a@x.org>\n" \
	"C: RCPT TO:<\"b c\"@x.org>\n" \
	"C: RCPT TO:<c@x.org>\n" \
	"C: DATA\n"

enum {
	USUAL = SMTP_SETUP_ALWAYS_EHLO | SMTP_SETUP_SKIP_5XX | SMTP_SETUP_QUOTE,
	LMTP = USUAL | SMTP_SETUP_LMTP,
	LOOPS = USUAL | SMTP_SETUP_NO_LOOPS
};

static const struct {
	const char *name;
	unsigned flags;
	const char *script;
} cases[] = {
	{ "one message", USUAL,
	    HELLO A_SENT "S: 250 2.1.0 Ok\n"
	                 "S: 250 2.1.5 Ok\n"
	                 "S: 354 go on\n"
	                 "C: Subject: A\n"
	                 "C: .\n"
	                 "S: 250 2.0.0 Ok: queued as 123\n"
	                 "* rcpt A0 2.0.0 250 2.0.0 Ok: queued as 123\n"
	                 "* done A\n"
	                 "!quit\n"
	                 "C: QUIT\n"
	                 "S: 221 bye\n"
	                 "* closed\n" },
	{ "without PIPELINING, with HELO, without status codes", USUAL,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 500 what?\n"
	    "C: HELO me\n"
	    "S: 250 h\n"
	    "* ready\n"
	    "+C\n"
	    "C: MAIL FROM:<me@y.org>\n"
	    "S: 250 ok\n"
	    "C: RCPT TO:<a@x.org>\n"
	    "S: 250 ok\n"
	    "C: RCPT TO:<\"b c\"@x.org>\n"
	    "S: 450 later\n"
	    "* rcpt C1 4.0.0 " TAG "said: 450 later (in reply to RCPT TO "
	    "command)\n"
	    "C: RCPT TO:<c@x.org>\n"
	    "S: 550 never\n"
	    "* rcpt C2 5.0.0 " TAG "said: 550 never (in reply to RCPT TO "
	    "command)\n"
	    "C: DATA\n"
	    "S: 354 go on\n"
	    "C: Subject: C\n"
	    "C: .\n"
	    "S: 250 fine\n"
	    "* rcpt C0 2.0.0 250 fine\n"
	    "* done C\n" },
	{ "all extensions", USUAL,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 250-h at your service\n"
	    "S: 250-pipelining\n"
	    "S: 250-SIZE 1000\n"
	    "S: 250-8BITMIME\n"
	    "S: 250-AUTH=PLAIN\n"
	    "S: 250 DSN\n"
	    "* ready\n"
	    "+C\n"
	    "C: MAIL FROM:<me@y.org> SIZE=12 BODY=8BITMIME ENVID=x+3D1 "
	    "RET=HDRS\n"
	    "C: RCPT TO:<a@x.org> ORCPT=rfc822;\"a+20b\"@x.org "
	    "NOTIFY=SUCCESS,DELAY\n"
	    "C: RCPT TO:<\"b c\"@x.org> ORCPT=rfc822;b+2Bc@x\n"
	    "C: RCPT TO:<c@x.org>\n"
	    "C: DATA\n"
	    "S: 250 ok\n"
	    "S: 250 ok\n"
	    "S: 550-5.1.1 no\n"
	    "S: 550 5.1.1 really not\n"
	    "* rcpt C1 5.1.1 " TAG "said: 550-5.1.1 no 550 5.1.1 really not "
	    "(in reply to RCPT TO command)\n"
	    "S: 250 ok\n"
	    "S: 354 ok\n"
	    "C: Subject: C\n"
	    "C: .\n"
	    "S: 250 ok\n"
	    "* rcpt C0 2.0.0 250 ok\n"
	    "* rcpt C2 2.0.0 250 ok (same)\n"
	    "* done C\n"
	    "+D\n"
	    "* rcpt D0 5.3.4 message size 2000 exceeds size limit 1000 of "
	    "server h[1.2.3.4]\n"
	    "* done D\n" },
	{ "the next message rides behind the dot", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "!hold\n"
	                 "S: 354 ok\n"
	                 "+B\n"
	                 "!release\n"
	                 "C: Subject: A\n"
	                 "C: .\n"
	                 "C: MAIL FROM:<>\n"
	                 "C: RCPT TO:<c@x.org>\n"
	                 "C: DATA\n"
	                 "S: 250 first\n"
	                 "* rcpt A0 2.0.0 250 first\n"
	                 "* done A\n"
	                 "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 354 ok\n"
	                 "C: Subject: B\n"
	                 "C: .\n"
	                 "S: 250 second\n"
	                 "* rcpt B0 2.0.0 250 second\n"
	                 "* done B\n" },
	{ "a message that does not end in CRLF", USUAL,
	    PLAIN "+D\n"
	          "C: MAIL FROM:<me@y.org>\n"
	          "S: 250 ok\n"
	          "C: RCPT TO:<a@x.org>\n"
	          "S: 250 ok\n"
	          "C: DATA\n"
	          "S: 354 ok\n"
	          "C: no end\n"
	          "C: .\n"
	          "S: 250 ok\n"
	          "* rcpt D0 2.0.0 250 ok\n"
	          "* done D\n" },
	{ "sender refused, pipelined", USUAL,
	    HELLO A_SENT "S: 450 4.7.1 not you\n"
	                 "* rcpt A0 4.7.1 " TAG
	                 "said: 450 4.7.1 not you (in reply to "
	                 "MAIL FROM command)\n"
	                 "S: 503 5.5.1 no\n"
	                 "S: 503 5.5.1 no\n"
	                 "C: RSET\n"
	                 "S: 250 ok\n"
	                 "* done A\n"
	                 "+B\n"
	                 "C: MAIL FROM:<>\n"
	                 "C: RCPT TO:<c@x.org>\n"
	                 "C: DATA\n" },
	{ "sender refused, one by one", USUAL,
	    PLAIN "+C\n"
	          "C: MAIL FROM:<me@y.org>\n"
	          "S: 550 no\n"
	          "* rcpt C0 5.0.0 " TAG "said: 550 no (in reply to MAIL FROM "
	          "command)\n"
	          "* rcpt C1 5.0.0 " TAG "said: 550 no (in reply to MAIL FROM "
	          "command) (same)\n"
	          "* rcpt C2 5.0.0 " TAG "said: 550 no (in reply to MAIL FROM "
	          "command) (same)\n"
	          "C: RSET\n"
	          "S: 250 ok\n"
	          "* done C\n" },
	{ "all recipients refused, DATA taken nevertheless", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 550 5.1.1 who?\n"
	                 "* rcpt A0 5.1.1 " TAG
	                 "said: 550 5.1.1 who? (in reply to RCPT TO "
	                 "command)\n"
	                 "S: 354 well\n"
	                 "C: .\n"
	                 "S: 554 no recipients\n"
	                 "* done A\n" },
	{ "all recipients refused, one by one", USUAL,
	    PLAIN "+A\n"
	          "C: MAIL FROM:<me@y.org>\n"
	          "S: 250 ok\n"
	          "C: RCPT TO:<a@x.org>\n"
	          "S: 452 4.2.2 full\n"
	          "* rcpt A0 4.2.2 " TAG
	          "said: 452 4.2.2 full (in reply to RCPT TO "
	          "command)\n"
	          "C: RSET\n"
	          "S: 250 ok\n"
	          "* done A\n" },
	{ "DATA refused", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 451 4.3.0 later\n"
	                 "* rcpt A0 4.3.0 " TAG
	                 "said: 451 4.3.0 later (in reply to DATA "
	                 "command)\n"
	                 "C: RSET\n"
	                 "S: 500 what\n"
	                 "* done A\n"
	                 "!quit\n"
	                 "C: QUIT\n" },
	{ "DATA answered with 250", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 250 2.0.0 sure\n"
	                 "* rcpt A0 5.5.0 Protocol error: " TAG
	                 "said: 250 2.0.0 sure (in "
	                 "reply to DATA command)\n"
	                 "C: RSET\n"
	                 "S: 250 ok\n"
	                 "* done A\n" },
	{ "content refused, next one taken", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 354 ok\n"
	                 "C: Subject: A\n"
	                 "C: .\n"
	                 "+B\n"
	                 "C: MAIL FROM:<>\n"
	                 "C: RCPT TO:<c@x.org>\n"
	                 "C: DATA\n"
	                 "S: 554 5.7.1 spam\n"
	                 "* rcpt A0 5.7.1 " TAG
	                 "said: 554 5.7.1 spam (in reply to end of "
	                 "DATA command)\n"
	                 "* done A\n"
	                 "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 354 ok\n"
	                 "C: Subject: B\n"
	                 "C: .\n" },
	{ "only tried, with PIPELINING", USUAL,
	    HELLO "+G\n"
	          "C: MAIL FROM:<me@y.org>\n"
	          "C: RCPT TO:<a@x.org>\n"
	          "C: RCPT TO:<\"b c\"@x.org>\n"
	          "C: RCPT TO:<c@x.org>\n"
	          "S: 250 2.1.0 Ok\n"
	          "S: 250 2.1.5 Ok\n"
	          "* rcpt G0 2.1.5 250 2.1.5 Ok\n"
	          "S: 550 5.1.1 no\n"
	          "* rcpt G1 5.1.1 " TAG "said: 550 5.1.1 no (in reply to RCPT "
	          "TO command)\n"
	          "S: 252 2.1.5 perhaps\n"
	          "* rcpt G2 2.1.5 252 2.1.5 perhaps\n"
	          "C: RSET\n"
	          "S: 250 2.0.0 Ok\n"
	          "* done G\n" A_SENT },
	{ "only tried, without PIPELINING", USUAL,
	    PLAIN "+G\n"
	          "C: MAIL FROM:<me@y.org>\n"
	          "S: 250 2.1.0 Ok\n"
	          "C: RCPT TO:<a@x.org>\n"
	          "S: 450 4.2.0 later\n"
	          "* rcpt G0 4.2.0 " TAG "said: 450 4.2.0 later (in reply to "
	          "RCPT TO command)\n"
	          "C: RCPT TO:<\"b c\"@x.org>\n"
	          "S: 250 2.1.5 Ok\n"
	          "* rcpt G1 2.1.5 250 2.1.5 Ok\n"
	          "C: RCPT TO:<c@x.org>\n"
	          "!lost\n"
	          "* rcpt G2 4.4.2 lost connection with h[1.2.3.4] while "
	          "sending RCPT TO (site)\n"
	          "* done G\n"
	          "* closed\n" },
	{ "only tried, and the sender is not liked", USUAL,
	    HELLO "+G\n"
	          "C: MAIL FROM:<me@y.org>\n"
	          "C: RCPT TO:<a@x.org>\n"
	          "C: RCPT TO:<\"b c\"@x.org>\n"
	          "C: RCPT TO:<c@x.org>\n"
	          "S: 550 5.1.8 no\n"
	          "* rcpt G0 5.1.8 " TAG "said: 550 5.1.8 no (in reply to MAIL "
	          "FROM command)\n"
	          "* rcpt G1 5.1.8 " TAG "said: 550 5.1.8 no (in reply to MAIL "
	          "FROM command) (same)\n"
	          "* rcpt G2 5.1.8 " TAG "said: 550 5.1.8 no (in reply to MAIL "
	          "FROM command) (same)\n"
	          "S: 503 5.5.1 what\n"
	          "S: 503 5.5.1 what\n"
	          "S: 503 5.5.1 what\n"
	          "C: RSET\n"
	          "S: 250 2.0.0 Ok\n"
	          "* done G\n" },
	{ "LMTP: a reply for each recipient", LMTP,
	    "S: 220 h LMTP\n"
	    "C: LHLO me\n"
	    "S: 250-h\n"
	    "S: 250 PIPELINING\n"
	    "* ready\n" C_SENT "S: 250 ok\n"
	    "S: 250 ok\n"
	    "S: 550 5.1.1 no\n"
	    "* rcpt C1 5.1.1 " TAG "said: 550 5.1.1 no (in reply to RCPT TO "
	    "command)\n"
	    "S: 250 ok\n"
	    "S: 354 ok\n"
	    "C: Subject: C\n"
	    "C: .\n"
	    "S: 250 2.1.5 a saved\n"
	    "* rcpt C0 2.1.5 250 2.1.5 a saved\n"
	    "S: 452 4.2.2 c full\n"
	    "* rcpt C2 4.2.2 " TAG "said: 452 4.2.2 c full (in reply to end "
	    "of DATA command)\n"
	    "* done C\n" },
	{ "LMTP: nobody home", LMTP,
	    "S: 220 h LMTP\n"
	    "C: LHLO me\n"
	    "S: 421 4.3.2 closed\n"
	    "* failed 4.3.2 " TAG "refused to talk to me: 421 4.3.2 closed "
	    "(site)\n" },
	{ "greeting 5xx is taken for 4xx", USUAL,
	    "S: 554 5.7.1 go away\n"
	    "* failed 4.7.1 " TAG "refused to talk to me: 554 5.7.1 go away "
	    "(site)\n"
	    "!quit\n"
	    "C: QUIT\n"
	    "!lost\n"
	    "* closed\n" },
	{ "greeting 5xx is believed", SMTP_SETUP_ALWAYS_EHLO,
	    "S: 554-go\n"
	    "S: 554 5.7.1 away\n"
	    "* failed 5.7.1 " TAG "refused to talk to me: 554-go 554 5.7.1 "
	    "away (site)\n" },
	{ "EHLO answered with 421", USUAL,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 421 busy\n"
	    "* failed 4.0.0 " TAG "refused to talk to me: 421 busy (site)\n" },
	{ "HELO refused", USUAL,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 502 no\n"
	    "C: HELO me\n"
	    "S: 550 5.7.1 bad name\n"
	    "* failed 5.7.1 " TAG "refused to talk to me: 550 5.7.1 bad name "
	    "(site)\n" },
	{ "no EHLO unless asked", SMTP_SETUP_SKIP_5XX,
	    "S: 220 h Service\n"
	    "C: HELO me\n"
	    "S: 250 h\n"
	    "* ready\n" },
	{ "EHLO because of the greeting", SMTP_SETUP_SKIP_5XX,
	    "S: 220 h ESMTP Service\n"
	    "C: EHLO me\n" },
	{ "talking to ourselves", LOOPS,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 250 ME\n"
	    "* failed 4.4.6 mail for x.org loops back to myself (site)\n" },
	{ "talking to ourselves, the best MX", LOOPS | SMTP_SETUP_BEST_MX,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 250-me\n"
	    "S: 250 SIZE\n"
	    "* failed 5.4.6 mail for x.org loops back to myself (site)\n" },
	{ "lost while greeting", USUAL,
	    "S: 220-h\n"
	    "!lost\n"
	    "* failed 4.4.2 lost connection with h[1.2.3.4] while receiving "
	    "the initial server greeting (site)\n"
	    "* closed\n" },
	{ "timeout at EHLO", USUAL,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "!timeout\n"
	    "* failed 4.4.2 conversation with h[1.2.3.4] timed out while "
	    "performing the EHLO handshake (site)\n"
	    "* closed\n" },
	{ "lost at MAIL", USUAL,
	    HELLO A_SENT
	    "!lost\n"
	    "* rcpt A0 4.4.2 lost connection with h[1.2.3.4] while sending "
	    "MAIL FROM (site)\n"
	    "* done A\n"
	    "* closed\n" },
	{ "421 in the middle of the pipeline", USUAL,
	    HELLO C_SENT
	    "S: 250 ok\n"
	    "S: 421 4.3.2 shutting down\n"
	    "* rcpt C0 4.3.2 " TAG "said: 421 4.3.2 shutting down (in reply "
	    "to RCPT TO command)\n"
	    "!lost\n"
	    "* rcpt C1 4.4.2 lost connection with h[1.2.3.4] while sending "
	    "RCPT TO (site)\n"
	    "* rcpt C2 4.4.2 lost connection with h[1.2.3.4] while sending "
	    "RCPT TO (site) (same)\n"
	    "* done C\n"
	    "* closed\n" },
	{ "timeout at DATA", USUAL,
	    HELLO A_SENT
	    "S: 250 ok\n"
	    "S: 250 ok\n"
	    "!timeout\n"
	    "* rcpt A0 4.4.2 conversation with h[1.2.3.4] timed out while "
	    "sending DATA command (site)\n"
	    "* done A\n"
	    "* closed\n" },
	{ "lost in the content", USUAL,
	    HELLO A_SENT
	    "S: 250 ok\n"
	    "S: 250 ok\n"
	    "!hold\n"
	    "S: 354 ok\n"
	    "!lost\n"
	    "* rcpt A0 4.4.2 lost connection with h[1.2.3.4] while sending "
	    "message body (site)\n"
	    "* done A\n"
	    "* closed\n" },
	{ "refused in the content", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "!hold\n"
	                 "S: 354 ok\n"
	                 "S: 552 5.3.4 too much\n"
	                 "* rcpt A0 5.3.4 " TAG
	                 "said: 552 5.3.4 too much (in reply to end "
	                 "of DATA command)\n"
	                 "* done A\n"
	                 "* closed\n" },
	{ "accepted in the content is no acceptance", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "!hold\n"
	                 "S: 354 ok\n"
	                 "S: 250 2.0.0 Ok: queued\n"
	                 "* rcpt A0 4.5.0 " TAG
	                 "sent a reply before it was asked: 250 "
	                 "2.0.0 Ok: queued (site)\n"
	                 "* done A\n"
	                 "* closed\n" },
	{ "lost after the dot, with another message behind", USUAL,
	    HELLO A_SENT
	    "S: 250 ok\n"
	    "S: 250 ok\n"
	    "S: 354 ok\n"
	    "C: Subject: A\n"
	    "C: .\n"
	    "+B\n"
	    "C: MAIL FROM:<>\n"
	    "C: RCPT TO:<c@x.org>\n"
	    "C: DATA\n"
	    "!lost\n"
	    "* rcpt A0 4.4.2 lost connection with h[1.2.3.4] while sending "
	    "end of data -- message may be sent more than once (site)\n"
	    "* done A\n"
	    "* unsent B\n"
	    "* closed\n" },
	{ "a used session that is gone", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 354 ok\n"
	                 "C: Subject: A\n"
	                 "C: .\n"
	                 "S: 250 ok\n"
	                 "* rcpt A0 2.0.0 250 ok\n"
	                 "* done A\n"
	                 "+B\n"
	                 "C: MAIL FROM:<>\n"
	                 "C: RCPT TO:<c@x.org>\n"
	                 "C: DATA\n"
	                 "!lost\n"
	                 "* unsent B\n"
	                 "* closed\n" },
	{ "a used session whose time is over", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: 250 ok\n"
	                 "S: 354 ok\n"
	                 "C: Subject: A\n"
	                 "C: .\n"
	                 "S: 250 ok\n"
	                 "* rcpt A0 2.0.0 250 ok\n"
	                 "* done A\n"
	                 "+B\n"
	                 "C: MAIL FROM:<>\n"
	                 "C: RCPT TO:<c@x.org>\n"
	                 "C: DATA\n"
	                 "S: 421 enough\n"
	                 "* unsent B\n"
	                 "* closed\n" },
	{ "goodbye while idle", USUAL,
	    HELLO "S: 421 idle too long\n"
	          "* closed\n" },
	{ "replies before commands", USUAL,
	    "!hold\n"
	    "S: 220 h\n"
	    "S: 250 h\n"
	    "S: 250 ok\n"
	    "* failed 4.5.0 " TAG "sent a reply before it was asked: 250 h "
	    "(site)\n"
	    "* closed\n" },
	{ "a reply too many is not the answer to the next command", USUAL,
	    HELLO "!hold\n"
	          "+A\n"
	          "S: 250 ok\n"
	          "* rcpt A0 4.5.0 " TAG
	          "sent a reply before it was asked: 250 ok "
	          "(site)\n"
	          "* done A\n"
	          "* closed\n" },
	{ "lines that are no replies", USUAL,
	    HELLO A_SENT "S: 250 ok\n"
	                 "S: hello?\n"
	                 "* note A hello?\n"
	                 "S: 2500 x\n"
	                 "S: 25\n"
	                 "S: 550 no\n"
	                 "* rcpt A0 5.0.0 " TAG
	                 "said: hello? 2500 x 25 550 no (in reply "
	                 "to RCPT TO command)\n" },
	{ "mixed codes: the last one counts", USUAL,
	    HELLO A_SENT "S: 550-no\n"
	                 "S: 250 yes\n"
	                 "S: 250-yes\n"
	                 "S: 550 no\n"
	                 "* rcpt A0 5.0.0 " TAG
	                 "said: 250-yes 550 no (in reply to RCPT TO "
	                 "command)\n" },
	{ "a status of another class is not believed", USUAL,
	    HELLO A_SENT "S: 450 5.1.1 later\n"
	                 "* rcpt A0 4.0.0 " TAG
	                 "said: 450 5.1.1 later (in reply to MAIL "
	                 "FROM command)\n" },
	{ "a 3xx where none belongs", USUAL,
	    HELLO A_SENT "S: 354 what\n"
	                 "* rcpt A0 5.5.0 " TAG
	                 "said: 354 what (in reply to MAIL FROM "
	                 "command)\n" },
	{ "an address that would be two commands", USUAL,
	    HELLO
	    "+E\n"
	    "* rcpt E0 4.3.0 local data error while talking to h[1.2.3.4] "
	    "(site)\n"
	    "* done E\n"
	    "* closed\n" },
	{ "SMTPUTF8 is not there", USUAL,
	    HELLO
	    "+F\n"
	    "* rcpt F0 5.6.7 SMTPUTF8 is required, but was not offered by "
	    "host h[1.2.3.4]\n"
	    "* done F\n" A_SENT },
	{ "SMTPUTF8", USUAL,
	    "S: 220 h\n"
	    "C: EHLO me\n"
	    "S: 250-h\n"
	    "S: 250 SMTPUTF8\n"
	    "* ready\n"
	    "+F\n"
	    "C: MAIL FROM:<me@y.org> SMTPUTF8\n"
	    "S: 250 ok\n"
	    "C: RCPT TO:<\xc3\xa9@x>\n" },
};

static void test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		for (size_t piece = 1; piece < 70; piece++)
			play(cases[i].flags, cases[i].script, piece);
		play(cases[i].flags, cases[i].script, 100000);
	}
}

static void start(struct play *p, const struct smtp_setup *setup)
{
	*p = (struct play){ .log = BUF_INIT(1 << 20) };
	smtp_client_init(&p->client, setup);
}

static void stop(struct play *p)
{
	smtp_client_done(&p->client);
	buf_done(&p->log);
}

/* Endless replies and endless lines end the session within a bound. */
static void test_flood(void **state)
{
	static const char *const floods[] = { "220-more\r\n", "220 ", "x\r\n",
		"\n", "220-\0\0\r\n", "2" };
	struct smtp_setup setup = { .peer = SPAN("h[1.2.3.4]") };
	static struct play p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
		span flood =
		    i == 4 ? SPAN("220-\0\0\r\n") : span_str(floods[i]);

		start(&p, &setup);
		for (uint32_t n = 0; n < 1000000; n++)
			events(&p, flood);
		assert_int_equal(smtp_client_step(&p.client), SMTP_STEP_CLOSED);
		assert_true(p.client.reply.text.cap <= 2 * 2048 + 1);
		assert_true(p.client.reply.part.cap <= 2048);
		stop(&p);
	}
}

/* More recipients than fit in one window of commands; all kinds of fates. */
static void test_many_rcpts(void **state)
{
	enum { MANY = 5000 };
	static struct rcpt many[MANY];
	static uint8_t fates[MANY];
	struct smtp_setup setup = { .peer = SPAN("h"), .flags = USUAL };
	struct smtp_message m = {
		.nrcpts = MANY, .rcpts = many, .fates = fates
	};
	struct smtp_client c;
	uint32_t seen = 0;
	uint32_t mails = 0;
	span input;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		many[i].addr = SPAN("somebody@example.org");
		fates[i] = i % 5 == 4 ? SMTP_FATE_SKIP : SMTP_FATE_OPEN;
	}
	smtp_client_init(&c, &setup);
	input = SPAN("220 h\r\n");
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_WAIT);
	smtp_client_sent(&c, c.out.len);
	input = SPAN("250-h\r\n250 PIPELINING\r\n");
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_READY);
	smtp_client_give(&c, &m);
	/* The window: nothing is answered, and yet all leaves bit by bit. */
	while (c.out.len) {
		assert_true(c.out.len < 8192);
		smtp_client_sent(&c, MIN(c.out.len, (size_t)1000));
	}
	assert_int_equal(c.waiting, 1 + 4000 + 1);
	for (uint32_t i = 0; i < 4001; i++) {
		input =
		    i && i % 4 == 0 ? SPAN("550 no\r\n") : SPAN("250 ok\r\n");
		while (smtp_client_next(&c, &input) == SMTP_CLIENT_RCPT) {
			assert_int_equal(
			    c.outcome.verdict.class, VERDICT_BOUNCED);
			assert_int_equal(c.outcome.rcpt % 5, 3);
			seen++;
		}
	}
	assert_int_equal(seen, 1000);
	input = SPAN("354 go\r\n");
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_WAIT);
	smtp_client_sent(&c, c.out.len);
	input = SPAN("250 ok\r\n");
	while (smtp_client_next(&c, &input) == SMTP_CLIENT_RCPT)
		mails++;
	assert_int_equal(mails, 3000);
	assert_ptr_equal(c.message, &m);
	smtp_client_done(&c);
}

/* An address longer than any command may be does no harm. */
static void test_long_address(void **state)
{
	static char text[100000];
	struct rcpt rcpt = { .addr = span_of(text, sizeof(text)) };
	uint8_t fate = SMTP_FATE_OPEN;
	struct smtp_setup setup = { .peer = SPAN("h"), .flags = USUAL };
	struct smtp_message m = { .nrcpts = 1, .rcpts = &rcpt, .fates = &fate };
	struct smtp_client c;
	span input;

	(void)state;
	memset(text, 'a', sizeof(text));
	smtp_client_init(&c, &setup);
	input = SPAN("220 h\r\n");
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_WAIT);
	smtp_client_sent(&c, c.out.len);
	input = SPAN("250-h\r\n250 PIPELINING\r\n");
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_READY);
	smtp_client_give(&c, &m);
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_RCPT);
	assert_span_equal(c.outcome.verdict.status, SPAN("4.3.0"));
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_DONE);
	assert_int_equal(smtp_client_next(&c, &input), SMTP_CLIENT_CLOSED);
	smtp_client_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_many_rcpts),
		cmocka_unit_test(test_long_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
