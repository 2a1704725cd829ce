/* SPDX-License-Identifier: ISC */
/*
 * Mail on its way from deliver to smtpd: both are played here, on sockets of
 * their own, while the lanes, sessions and submits are the real ones.
 */
#include "test/lib/unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/pickup/pickup.h"
#include "daemon/pickup/wire.h"
#include "ipc/msg_submit.h"
#include "os/file.h"
#include "os/sock.h"

enum { MOST = 1 << 20, FAKES = 8 };

/* A session, as smtpd sees it. */
struct fake {
	int fd;
	struct buf heard;
	bool in_content;
	bool rcpt_refused;
};

struct world {
	struct pickup p;
	struct chan *smtpd; /* the other ends */
	struct chan *deliver;
	struct fake fakes[FAKES];
	size_t nfakes;
	uint32_t answers; /* of submits */
	struct submit_result result;
	bool refuse_rcpts;
	bool refuse_content;
	bool is_mute; /* it says nothing to the final dot */
};

static struct world w;

/* What the parts call of the others. */
void pickup_check_end(struct pickup *p UNUSED)
{
}

/* ---- the fake smtpd ---- */

static void say(struct fake *f, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(send(f->fd, text, n, MSG_NOSIGNAL), n);
}

static void on_line(struct fake *f, span line)
{
	if (f->in_content) {
		if (!span_eq(line, SPAN(".")))
			return;
		f->in_content = false;
		if (!w.is_mute)
			say(f,
			    w.refuse_content
			        ? "452 4.3.1 full\r\n"
			        : "250 2.0.0 Ok: queued as 12345100000\r\n");
	} else if (span_has_prefix(line, SPAN("RCPT")) && w.refuse_rcpts) {
		f->rcpt_refused = true;
		say(f, "451 4.3.0 a table\r\n");
	} else if (span_eq(line, SPAN("DATA"))) {
		f->in_content = !f->rcpt_refused;
		say(f, f->rcpt_refused ? "554 none\r\n" : "354 go\r\n");
	} else {
		f->rcpt_refused = false;
		say(f, "250 ok\r\n");
	}
}

static void listen_to(struct fake *f)
{
	char piece[4096];
	ssize_t n;
	size_t done = f->heard.len;

	while (f->fd >= 0 && (n = read(f->fd, piece, sizeof(piece))) > 0)
		buf_put(&f->heard, span_of(piece, (size_t)n));
	for (;;) {
		span rest = span_from(buf_span(&f->heard), done);
		ssize_t lf = span_find(rest, '\n');

		if (lf < 1)
			break;
		done += (size_t)lf + 1;
		on_line(f, span_first(rest, (size_t)lf - 1));
	}
}

static void on_session(void *ctx UNUSED, struct chan_msg *msg)
{
	struct fake *f = &w.fakes[w.nfakes++];

	assert_int_equal(msg->type, SUBMIT_SESSION);
	assert_int_equal(msg->nfds, 1);
	f->fd = STEAL_FD(msg->fds[0]);
	buf_init(&f->heard, MOST);
	say(f, "220 hello\r\n");
}

static void on_result(void *ctx UNUSED, struct chan_msg *msg)
{
	assert_int_equal(msg->type, SUBMIT_RESULT);
	assert_true(submit_result_get(msg->payload, &w.result));
	w.answers++;
}

static void on_nobody(void *ctx UNUSED, int error UNUSED)
{
}

static void rounds(int n)
{
	while (n-- > 0) {
		assert_int_equal(loop_round(w.p.loop, 5 * USEC_MSEC), 0);
		for (size_t i = 0; i < w.nfakes; i++)
			listen_to(&w.fakes[i]);
	}
}

/* Until deliver has its answer. */
static void until_answered(uint32_t n)
{
	for (int i = 0; i < 2000 && w.answers < n; i++)
		rounds(1);
	assert_int_equal(w.answers, n);
}

/* ---- the world ---- */

static void add_smtpd(void)
{
	static const struct chan_calls calls = {
		.message = on_session,
		.gone = on_nobody,
	};
	int pair[2];

	assert_int_equal(sock_pair(pair), 0);
	chan_free(&w.smtpd);
	assert_int_equal(chan_new(w.p.loop, pair[1], &calls, &w, &w.smtpd), 0);
	smtpd_add(&w.p, 0, pair[0]);
}

static int setup(void **state UNUSED)
{
	static const struct chan_calls calls = {
		.message = on_result,
		.gone = on_nobody,
	};
	int pair[2];

	w = (struct world){ 0 };
	list_init(&w.p.smtpds);
	assert_int_equal(loop_new(&w.p.loop), 0);
	for (size_t i = 0; i < LANES; i++)
		lane_init(&w.p.lanes[i], &w.p);
	w.p.submits = submits_new(&w.p);
	assert_int_equal(sock_pair(pair), 0);
	assert_int_equal(
	    chan_new(w.p.loop, pair[1], &calls, &w, &w.deliver), 0);
	submits_peer(w.p.submits, pair[0]);
	return 0;
}

static int teardown(void **state UNUSED)
{
	for (size_t i = 0; i < LANES; i++)
		lane_end(&w.p.lanes[i]);
	submits_free(&w.p.submits);
	smtpds_end(&w.p);
	chan_free(&w.smtpd);
	chan_free(&w.deliver);
	for (size_t i = 0; i < w.nfakes; i++) {
		fd_close(&w.fakes[i].fd);
		buf_done(&w.fakes[i].heard);
	}
	loop_free(&w.p.loop);
	return 0;
}

static void submit(const char *content, int blob)
{
	struct rcpt rcpts[] = {
		{ .addr = SPAN("bob@x"), .orig = SPAN("list@x") },
		{ .addr = SPAN("a b\r\nDATA@x"),
		    .orcpt = SPAN("rfc822;c+d@x"),
		    .notify = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY },
	};
	const struct submit m = {
		.number = 7,
		.envelope = {
			.sender = SPAN("ana@x"),
			.arrival = 5,
			.flags = ENVELOPE_8BIT | ENVELOPE_TRACE,
			.client_name = SPAN("mx.example"),
			.client_port = 40000,
			.nrcpts = ARRAY_LEN(rcpts),
			.rcpts = rcpts,
		},
		.head = SPAN("Delivered-To: list@x\r\n"),
		.blob = blob >= 0,
		.content = span_str(content),
	};
	struct buf *out = blob >= 0
	    ? chan_begin_fds(w.deliver, SUBMIT_MESSAGE, &blob, 1)
	    : chan_begin(w.deliver, SUBMIT_MESSAGE);

	submit_put(out, &m);
	chan_end(w.deliver);
}

#define ENVELOPE_SAID \
	"MAIL FROM:<> XFROM=ana@x BODY=8BITMIME XTRACE XNAME=mx.example " \
	"XPORT=40000\r\n" \
	"RCPT TO:<> XTO=bob@x XGIVEN=list@x\r\n" \
	"RCPT TO:<> XTO=a+20b+3F+3FDATA@x XORCPT=rfc822+3Bc+2Bd@x " \
	"NOTIFY=FAILURE,DELAY\r\n" \
	"DATA\r\n"

/* ---- tests ---- */

static void test_taken(void **state UNUSED)
{
	add_smtpd();
	submit("Subject: x\r\n\r\n..\r\nend\r\n", -1);
	until_answered(1);
	assert_int_equal(w.result.number, 7);
	assert_int_equal(w.result.what, SUBMIT_OK);
	assert_true(w.result.id != 0);
	assert_span_equal(buf_span(&w.fakes[0].heard),
	    SPAN(ENVELOPE_SAID
	        "Delivered-To: list@x\r\nSubject: x\r\n\r\n..\r\nend\r\n"
	        ".\r\n"));
	/* The session serves the next one, too. */
	submit("", -1);
	until_answered(2);
	assert_int_equal(w.nfakes, 1);
}

static void test_blob(void **state UNUSED)
{
	struct buf text = BUF_INIT(MOST);
	span heard;
	int fd;

	for (int i = 0; i < 20000; i++)
		buf_put(&text, SPAN("0123456789\r\n"));
	fd = file_memfd("content", buf_span(&text));
	assert_true(fd >= 0);
	add_smtpd();
	submit("", fd);
	(void)close(fd);
	until_answered(1);
	assert_int_equal(w.result.what, SUBMIT_OK);
	heard = buf_span(&w.fakes[0].heard);
	assert_int_equal(heard.len,
	    strlen(ENVELOPE_SAID "Delivered-To: list@x\r\n") + text.len + 3);
	buf_done(&text);
}

/* What ends too early is nothing that is sent. */
static void test_no_smuggling(void **state UNUSED)
{
	static const char *const bad[] = {
		"x\r\n.\r\nMAIL FROM:<>\r\n",
		".\r\nQUIT\r\n",
		"x\n.\n",
		"x\r.\r\n",
		".x\r\n",
	};

	w.p.stopping = true; /* no second try */
	add_smtpd();
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		submit(bad[i], -1);
		until_answered(i + 1);
		assert_int_equal(w.result.what, SUBMIT_AGAIN);
		assert_true(span_find(buf_span(&w.fakes[i].heard), 'Q') < 0);
		rounds(2);
	}
}

/* An open end is closed. */
static void test_open_end(void **state UNUSED)
{
	add_smtpd();
	submit("x\r\ny", -1);
	until_answered(1);
	assert_int_equal(w.result.what, SUBMIT_OK);
	assert_true(span_has_suffix_nocase(
	    buf_span(&w.fakes[0].heard), SPAN("x\r\ny\r\n.\r\n")));
}

static void test_refused(void **state UNUSED)
{
	w.p.stopping = true;
	w.refuse_rcpts = true;
	add_smtpd();
	submit("x\r\n", -1);
	until_answered(1);
	assert_int_equal(w.result.what, SUBMIT_AGAIN);
	/* The transaction was given up; the session goes on. */
	w.refuse_rcpts = false;
	submit("x\r\n", -1);
	until_answered(2);
	assert_int_equal(w.result.what, SUBMIT_OK);
	assert_int_equal(w.nfakes, 1);
	w.refuse_content = true;
	submit("x\r\n", -1);
	until_answered(3);
	assert_int_equal(w.result.what, SUBMIT_AGAIN);
}

/* The queue was starting anew. */
static void test_refused_for_a_while(void **state UNUSED)
{
	w.refuse_content = true;
	add_smtpd();
	submit("x\r\n", -1);
	rounds(10);
	assert_int_equal(w.answers, 0);
	w.refuse_content = false;
	until_answered(1);
	assert_int_equal(w.result.what, SUBMIT_OK);
}

/* It dies before it has said anything. */
static void test_smtpd_dies(void **state UNUSED)
{
	w.is_mute = true;
	add_smtpd();
	submit("x\r\n", -1);
	for (int i = 0; i < 500 && !w.nfakes; i++)
		rounds(1);
	rounds(10);
	fd_close(&w.fakes[0].fd);
	chan_free(&w.smtpd);
	rounds(2);
	assert_int_equal(w.answers, 0);
	w.is_mute = false;
	add_smtpd();
	until_answered(1);
	assert_int_equal(w.result.what, SUBMIT_OK);
	assert_int_equal(w.nfakes, 2);
}

/* Nobody waits for what is not on its way; what is, is taken. */
static void test_deliver_dies(void **state UNUSED)
{
	submit("x\r\n", -1);
	rounds(3);
	chan_free(&w.deliver);
	rounds(3);
	add_smtpd();
	rounds(10);
	assert_int_equal(w.nfakes, 0);
	assert_true(lane_is_idle(&w.p.lanes[LANE_RESENT]));
}

static void test_renewed(void **state UNUSED)
{
	add_smtpd();
	submit("x\r\n", -1);
	until_answered(1);
	lane_renew(&w.p.lanes[LANE_RESENT], CONF_MAIN);
	submit("x\r\n", -1);
	until_answered(2);
	assert_int_equal(w.nfakes, 2);
}

/* Cut anywhere, the judgement is the same. */
static void test_wire(void **state UNUSED)
{
	static const struct {
		span text;
		bool good;
	} cases[] = {
		{ SPAN_INIT(""), true },
		{ SPAN_INIT("a\r\n..\r\n\r\n"), true },
		{ SPAN_INIT("a"), true },
		{ SPAN_INIT(".\r\n"), false },
		{ SPAN_INIT("a\r\n.\r\n"), false },
		{ SPAN_INIT("a\n"), false },
		{ SPAN_INIT("a\rb\r\n"), false },
		{ SPAN_INIT("\r\r\n"), false },
		{ SPAN_INIT("..\n"), false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t cut = 0; cut <= cases[i].text.len; cut++) {
			struct wire_check c;
			bool good;

			wire_check_init(&c);
			good = wire_check(&c, span_first(cases[i].text, cut)) &&
			    wire_check(&c, span_from(cases[i].text, cut));
			assert_int_equal(good, cases[i].good);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blob, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_no_smuggling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_refused_for_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_smtpd_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_deliver_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renewed, setup, teardown),
		cmocka_unit_test(test_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
