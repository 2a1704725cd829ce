/* SPDX-License-Identifier: ISC */
/* A job between a queue, an expand and a pickup that are played here. */
#include <sys/socket.h>

#include "daemon/deliver/run.h"
#include "os/sock.h"
#include "test/lib/unit.h"

enum { ARENA_MAX = 1024 * 1024, ROUND = 100 * 1000 };

struct setting {
	struct deliver d;
	struct services services;
	struct service local;
	struct sync_conn *queue;
	struct sync_conn *expand;
	struct sync_conn *pickup;
	struct arena arena;
};

static const struct program_run program = { "local", plan_start, NULL };

/* That of main.c. */
void deliver_job_ended(struct deliver *d)
{
	(void)d;
}

static void on_nothing(void *ctx, struct chan_msg *msg)
{
	(void)ctx;
	(void)msg;
}

static void on_gone(void *ctx, int error)
{
	(void)ctx;
	(void)error;
}

static int pair_with(struct sync_conn **ret)
{
	int pair[2];

	assert_int_equal(sock_pair(pair), 0);
	*ret = sync_new(pair[1]);
	return pair[0];
}

static void set_up(struct setting *s)
{
	static const struct chan_calls calls = { on_nothing, on_gone, NULL };
	struct deliver *d = &s->d;

	*s = (struct setting){ 0 };
	s->local.program = &program;
	s->local.all = &s->services;
	s->local.name = SPAN("local");
	s->services.refs = 1;
	s->services.count = 1;
	s->services.items = &s->local;
	arena_init(&s->arena, ARENA_MAX);
	assert_int_equal(loop_new(&d->loop), 0);
	d->services = &s->services;
	d->expand = expand_new(d->loop);
	d->resend = resend_new(d->loop);
	outcomes_init(&d->outcomes);
	outcomes_new_epoch(&d->outcomes);
	expand_peer(d->expand, pair_with(&s->expand));
	resend_peer(d->resend, pair_with(&s->pickup));
	assert_int_equal(
	    chan_new(d->loop, pair_with(&s->queue), &calls, NULL, &d->queue),
	    0);
}

static void tear_down(struct setting *s)
{
	struct deliver *d = &s->d;

	expand_free(&d->expand);
	resend_free(&d->resend);
	chan_free(&d->queue);
	outcomes_done(&d->outcomes);
	sync_free(&s->queue);
	sync_free(&s->expand);
	sync_free(&s->pickup);
	arena_done(&s->arena);
	loop_free(&d->loop);
}

static void turn(struct setting *s)
{
	assert_true(loop_round(s->d.loop, ROUND) >= 0);
}

/* The next message that deliver has sent there. */
static span hear(struct sync_conn *conn, uint16_t type)
{
	struct sync_msg msg;

	assert_int_equal(sync_recv(conn, &msg), SYNC_OK);
	assert_int_equal(msg.type, type);
	return msg.payload;
}

/* A message for list@x; always the same one. */
static void give_job(struct setting *s)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(65536);
	struct rcpt rcpt = {
		.addr = SPAN("list@x"),
		.orig = SPAN("list@x"),
		.transport = SPAN("local"),
		.nexthop = SPAN("x"),
	};
	const struct job job = {
		.envelope = {
			.id = 7,
			.sender = SPAN("me@y"),
			.nrcpts = 1,
			.rcpts = &rcpt,
		},
		.content = SPAN("Subject: x\r\n\r\n"),
	};
	struct chan_msg msg = { .type = JOB };

	job_put(&bytes, &job);
	msg.payload = buf_span(&bytes);
	assert_true(job_start(&s->d, &msg));
}

/* It stands for a@z and b@z, in messages of their own. */
static void give_plan(struct setting *s)
{
	struct local_step steps[] = {
		{ .kind = LOCAL_RESEND,
		    .address = SPAN("a@z"),
		    .delivered = SPAN("one@x"),
		    .sender = SPAN("me@y") },
		{ .kind = LOCAL_RESEND,
		    .address = SPAN("b@z"),
		    .delivered = SPAN("two@x"),
		    .sender = SPAN("me@y") },
	};
	struct local_plan plan = {
		.expanded = true,
		.nsteps = ARRAY_LEN(steps),
		.steps = steps,
	};
	struct local_ask ask;

	turn(s);
	assert_true(local_ask_get(hear(s->expand, LOCAL_ASK), &ask));
	plan.ask = ask.ask;
	local_plan_put(sync_begin(s->expand, LOCAL_PLAN), &plan);
	sync_end(s->expand);
	assert_int_equal(sync_flush(s->expand), 0);
	turn(s);
}

/* One message to be sent on, and what becomes of it. */
static void send_on(struct setting *s, span to, enum submit_what what)
{
	struct submit_result result = { .what = (uint8_t)what, .id = 8 };
	struct submit m;

	assert_true(submit_get(hear(s->pickup, SUBMIT_MESSAGE), &s->arena, &m));
	assert_int_equal(m.envelope.nrcpts, 1);
	assert_span_equal(m.envelope.rcpts[0].addr, to);
	result.number = m.number;
	submit_result_put(sync_begin(s->pickup, SUBMIT_RESULT), &result);
	sync_end(s->pickup);
}

static void expect_done(struct setting *s, enum verdict_class class)
{
	struct job_done done;

	assert_int_equal(sync_flush(s->pickup), 0);
	turn(s);
	assert_true(job_done_get(hear(s->queue, JOB_DONE), &s->arena, &done));
	assert_int_equal(done.nverdicts, 1);
	assert_int_equal(done.verdicts[0].class, class);
}

/* The second attempt sends on what the first could not, and no more. */
static void test_nothing_is_sent_on_twice(void **state)
{
	struct setting s;

	(void)state;
	set_up(&s);
	give_job(&s);
	give_plan(&s);
	send_on(&s, SPAN("a@z"), SUBMIT_OK);
	send_on(&s, SPAN("b@z"), SUBMIT_AGAIN);
	expect_done(&s, VERDICT_DEFERRED);

	give_job(&s);
	give_plan(&s);
	send_on(&s, SPAN("b@z"), SUBMIT_OK);
	expect_done(&s, VERDICT_SENT);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_sent_on_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
