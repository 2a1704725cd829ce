/* SPDX-License-Identifier: ISC */
#include "mail/envelope.h"

#include "test/lib/unit.h"

static struct rcpt rcpts[] = {
	{ .addr = SPAN_INIT("a@b.org"),
	    .orig = SPAN_INIT("a"),
	    .orcpt = SPAN_INIT("rfc822;a"),
	    .notify = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY,
	    .transport = SPAN_INIT("local"),
	    .nexthop = SPAN_INIT("mx.example.com") },
	{ .addr = SPAN_INIT("c@d.org"),
	    .transport = SPAN_INIT("smtp"),
	    .nexthop = SPAN_INIT("d.org") },
};

static const struct envelope sample = {
	.id = 1234567890123,
	.arrival = 1590303371 * USEC_SEC,
	.sender = SPAN_INIT("yo@mydom.com"),
	.size = 4096,
	.flags = ENVELOPE_8BIT | ENVELOPE_RET_HDRS,
	.envid = SPAN_INIT("id"),
	.client_name = SPAN_INIT("localhost"),
	.client_addr = SPAN_INIT("::1"),
	.client_port = 40000,
	.helo = SPAN_INIT("mydom.com"),
	.proto = SPAN_INIT("ESMTP"),
	.ident = SPAN_INIT("<x@y>"),
	.verp = SPAN_INIT("+="),
	.nrcpts = ARRAY_LEN(rcpts),
	.rcpts = rcpts,
};

static void check_rcpt(const struct rcpt *got, const struct rcpt *want)
{
	assert_span_equal(got->addr, want->addr);
	assert_span_equal(got->orig, want->orig);
	assert_span_equal(got->orcpt, want->orcpt);
	assert_int_equal(got->notify, want->notify);
	assert_span_equal(got->transport, want->transport);
	assert_span_equal(got->nexthop, want->nexthop);
}

static void check_envelope(const struct envelope *e)
{
	assert_int_equal(e->id, sample.id);
	assert_int_equal(e->arrival, sample.arrival);
	assert_span_equal(e->sender, sample.sender);
	assert_int_equal(e->size, sample.size);
	assert_int_equal(e->flags, sample.flags);
	assert_span_equal(e->envid, sample.envid);
	assert_span_equal(e->client_name, sample.client_name);
	assert_span_equal(e->client_addr, sample.client_addr);
	assert_int_equal(e->client_port, sample.client_port);
	assert_span_equal(e->helo, sample.helo);
	assert_span_equal(e->proto, sample.proto);
	assert_span_equal(e->ident, sample.ident);
	assert_span_equal(e->verp, sample.verp);
	assert_int_equal(e->nrcpts, sample.nrcpts);
	for (uint32_t i = 0; i < e->nrcpts; i++)
		check_rcpt(&e->rcpts[i], &rcpts[i]);
}

static void test_there_and_back(void **state)
{
	struct buf b = BUF_INIT(10000);
	struct envelope e;
	struct arena a;
	struct wire w;

	(void)state;
	arena_init(&a, 10000);
	envelope_put(&b, &sample);
	buf_put(&b, SPAN("what follows"));
	w = wire_from(buf_span(&b));
	assert_true(envelope_get(&w, &a, &e));
	check_envelope(&e);
	assert_span_equal(w.rest, SPAN("what follows"));
	arena_done(&a);
	buf_done(&b);
}

static void test_truncated(void **state)
{
	struct buf b = BUF_INIT(10000);

	(void)state;
	envelope_put(&b, &sample);
	for (size_t cut = 0; cut < b.len; cut++) {
		struct envelope e;
		struct arena a;
		struct wire w = wire_from(span_first(buf_span(&b), cut));

		arena_init(&a, 10000);
		assert_false(envelope_get(&w, &a, &e));
		arena_done(&a);
	}
	buf_done(&b);
}

/* A count that the bytes cannot hold must not be believed. */
static void test_hostile_count(void **state)
{
	static const uint32_t counts[] = { 3, 1000, ENVELOPE_MAX_RCPTS,
		ENVELOPE_MAX_RCPTS + 1, UINT32_MAX };
	struct envelope empty = sample;
	struct buf b = BUF_INIT(10000);
	size_t at;

	(void)state;
	empty.nrcpts = 0;
	envelope_put(&b, &empty);
	at = b.len - sizeof(uint32_t) - sizeof(uint16_t);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct envelope e;
		struct arena a;
		struct wire w;

		b.len = at;
		wire_put_u32(&b, counts[i]);
		w = wire_from(buf_span(&b));
		arena_init(&a, SIZE_MAX);
		assert_false(envelope_get(&w, &a, &e));
		assert_int_equal(a.used, 0);
		arena_done(&a);
	}
	buf_done(&b);
}

static void test_full_arena(void **state)
{
	struct buf b = BUF_INIT(10000);
	struct envelope e;
	struct arena a;
	struct wire w;

	(void)state;
	arena_init(&a, sizeof(struct rcpt));
	envelope_put(&b, &sample);
	w = wire_from(buf_span(&b));
	assert_false(envelope_get(&w, &a, &e));
	arena_done(&a);
	buf_done(&b);
}

/* As programs wrote it before they knew of ports: it is in spools. */
static const unsigned char of_old[] = {
	/* id, arrival */
	0xcb, 0x04, 0xfb, 0x71, 0x1f, 0x01, 0x00, 0x00, /**/
	0xc0, 0xe8, 0xd1, 0x39, 0x61, 0xa6, 0x05, 0x00, /**/
	4, 0, 0, 0, 's', '@', 'a', 'b',                 /* sender */
	0x00, 0x10, 0, 0, 0, 0, 0, 0,                   /* size */
	ENVELOPE_8BIT, 0, 0, 0,                         /* flags */
	0, 0, 0, 0,                                     /* envid */
	1, 0, 0, 0, 'h',                                /* client_name */
	3, 0, 0, 0, ':', ':', '1',                      /* client_addr */
	1, 0, 0, 0, 'e',                                /* helo */
	4, 0, 0, 0, 'S', 'M', 'T', 'P',                 /* proto */
	3, 0, 0, 0, '<', 'i', '>',                      /* ident */
	1, 0, 0, 0,                                     /* recipients */
	3, 0, 0, 0, 'r', '@', 'b',                      /* addr */
	1, 0, 0, 0, 'r',                                /* orig */
	0, 0, 0, 0, RCPT_NOTIFY_DELAY,                  /* orcpt, notify */
	1, 0, 0, 0, 't',                                /* transport */
	1, 0, 0, 0, 'n',                                /* nexthop */
};

static void test_of_old(void **state)
{
	struct wire w = wire_from(span_of(of_old, sizeof(of_old)));
	struct buf again = BUF_INIT(10000);
	struct envelope e;
	struct arena a;

	(void)state;
	arena_init(&a, 10000);
	assert_true(envelope_get(&w, &a, &e));
	assert_true(wire_is_done(&w));
	assert_int_equal(e.id, 1234567890123);
	assert_int_equal(e.flags, ENVELOPE_8BIT);
	assert_span_equal(e.client_addr, SPAN("::1"));
	assert_int_equal(e.client_port, 0);
	assert_int_equal(e.nrcpts, 1);
	assert_span_equal(e.rcpts[0].nexthop, SPAN("n"));
	/* Where there is nothing to add, nothing is. */
	envelope_put(&again, &e);
	assert_span_equal(buf_span(&again), span_of(of_old, sizeof(of_old)));
	/* What there is to add comes behind. */
	buf_clear(&again);
	e.client_port = 1;
	envelope_put(&again, &e);
	assert_int_equal(again.len, sizeof(of_old) + 2);
	assert_span_equal(
	    span_from(buf_span(&again), sizeof(of_old)), SPAN("\1\0"));
	arena_done(&a);
	buf_done(&again);
}

static bool is_taken(const struct buf *b)
{
	struct wire w = wire_from(buf_span(b));
	struct envelope e;
	struct arena a;
	bool ok;

	arena_init(&a, 10000);
	ok = envelope_get(&w, &a, &e);
	arena_done(&a);
	return ok;
}

/* It says that there is a port, and there is none. */
static void test_no_port(void **state)
{
	struct buf b = BUF_INIT(10000);
	struct envelope e = sample;

	(void)state;
	e.verp = SPAN_NONE;
	envelope_put(&b, &e);
	assert_true(is_taken(&b));
	memset(b.data + b.len - sizeof(uint16_t), 0, sizeof(uint16_t));
	assert_false(is_taken(&b));
	buf_done(&b);
}

static void test_bad_verp(void **state)
{
	static const span bad[] = { SPAN_INIT("+"), SPAN_INIT("+=-") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_INIT(10000);
		struct envelope e = sample;

		e.verp = bad[i];
		envelope_put(&b, &e);
		assert_false(is_taken(&b));
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_hostile_count),
		cmocka_unit_test(test_full_arena),
		cmocka_unit_test(test_of_old),
		cmocka_unit_test(test_no_port),
		cmocka_unit_test(test_bad_verp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
