/* SPDX-License-Identifier: ISC */
/*
 * Two ends of a socketpair in one process: chans, sync conns, or raw bytes.
 * sendmsg() is replaced by one that counts and can be made to write little.
 */
#include "ipc/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/lib/unit.h"

static int sends;
static size_t send_limit;

ssize_t sendmsg(int fd, const struct msghdr *m, int flags);

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct msghdr copy = *m;
	struct iovec iov = m->msg_iov[0];

	sends++;
	if (send_limit && iov.iov_len > send_limit) {
		iov.iov_len = send_limit;
		copy.msg_iov = &iov;
	}
	return syscall(SYS_sendmsg, fd, &copy, flags);
}

enum { MAX_SEEN = 4096, MAX_FDS = 64 };

struct end {
	struct chan *chan;
	struct loop *loop;
	uint16_t types[MAX_SEEN];
	size_t seen;
	size_t bytes;
	struct buf last; /* payload of the last message */
	int fds[MAX_FDS];
	size_t nfds;
	bool leave_fds; /* do not take them */
	bool echo;
	int gone;
	int error;
	int drained;
	/* After so many messages: do one of these. */
	size_t pause_after;
	size_t fail_after;
	size_t free_after;
};

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct end *e = ctx;

	assert_true(e->seen < MAX_SEEN);
	e->types[e->seen++] = msg->type;
	e->bytes += msg->payload.len;
	buf_clear(&e->last);
	buf_put(&e->last, msg->payload);
	for (size_t i = 0; i < msg->nfds && !e->leave_fds; i++)
		e->fds[e->nfds++] = STEAL_FD(msg->fds[i]);
	if (e->echo) {
		buf_put(chan_begin(e->chan, msg->type), msg->payload);
		chan_end(e->chan);
	}
	if (e->seen == e->pause_after)
		chan_pause(e->chan, true);
	if (e->seen == e->fail_after)
		chan_fail(e->chan, -EBADMSG);
	if (e->seen == e->free_after)
		chan_free(&e->chan);
}

static void on_gone(void *ctx, int error)
{
	struct end *e = ctx;

	e->gone++;
	e->error = error;
	chan_free(&e->chan);
}

static void on_drained(void *ctx)
{
	struct end *e = ctx;

	e->drained++;
}

static const struct chan_calls calls = { on_message, on_gone, on_drained };

struct world {
	struct loop *loop;
	struct end a;
	struct end b;
	int raw; /* the other end of a, when b is no chan */
};

static void end_init(struct world *w, struct end *e, int fd)
{
	e->loop = w->loop;
	e->last = (struct buf)BUF_INIT(FRAME_MAX);
	assert_int_equal(chan_new(w->loop, fd, &calls, e, &e->chan), 0);
}

static void setup_raw(struct world *w)
{
	int pair[2];

	*w = (struct world){ .raw = -1 };
	sends = 0;
	send_limit = 0;
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	end_init(w, &w->a, pair[0]);
	w->raw = pair[1];
}

static void setup(struct world *w)
{
	setup_raw(w);
	end_init(w, &w->b, w->raw);
	w->raw = -1;
}

static void end_done(struct end *e)
{
	chan_free(&e->chan);
	buf_done(&e->last);
	for (size_t i = 0; i < e->nfds; i++)
		(void)close(e->fds[i]);
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void teardown(struct world *w)
{
	end_done(&w->a);
	end_done(&w->b);
	if (w->raw >= 0)
		(void)close(w->raw);
	loop_free(&w->loop);
}

static void rounds(struct world *w, int n)
{
	while (n--)
		assert_int_equal(loop_round(w->loop, 0), 0);
}

static void say(struct end *e, uint16_t type, span payload)
{
	buf_put(chan_begin(e->chan, type), payload);
	chan_end(e->chan);
}

/* Many messages of one round are one system call, and arrive in order. */
static void test_batch(void **state UNUSED)
{
	struct world w;

	setup(&w);
	for (uint16_t i = 0; i < 1000; i++)
		say(&w.a, i, SPAN("payload"));
	chan_send(w.a.chan, 1000);
	assert_int_equal(sends, 0);
	rounds(&w, 2);
	assert_int_equal(sends, 1);
	assert_int_equal(w.b.seen, 1001);
	for (uint16_t i = 0; i <= 1000; i++)
		assert_int_equal(w.b.types[i], i);
	assert_int_equal(w.b.last.len, 0);
	assert_int_equal(w.b.bytes, 7000);
	assert_int_equal(chan_backlog(w.a.chan), 0);
	teardown(&w);
}

static void test_echo(void **state UNUSED)
{
	struct world w;

	setup(&w);
	w.b.echo = true;
	say(&w.a, 7, SPAN("one"));
	say(&w.a, 8, SPAN("two"));
	rounds(&w, 3);
	assert_int_equal(w.a.seen, 2);
	assert_span_equal(buf_span(&w.a.last), SPAN("two"));
	assert_int_equal(sends, 2);
	teardown(&w);
}

/* Every write takes a few bytes only: cutting must not matter. */
static void test_partial_writes(void **state UNUSED)
{
	for (size_t limit = 1; limit < 40; limit += 6) {
		struct world w;

		setup(&w);
		send_limit = limit;
		for (uint16_t i = 0; i < 50; i++)
			say(&w.a, i,
			    span_first(SPAN("0123456789abcdef"), i % 17));
		rounds(&w, 5);
		assert_int_equal(w.b.seen, 50);
		for (uint16_t i = 0; i < 50; i++)
			assert_int_equal(w.b.types[i], i);
		assert_span_equal(buf_span(&w.b.last), SPAN("0123456789abcde"));
		teardown(&w);
	}
}

static void fill(struct buf *b, size_t n)
{
	char *p = buf_room(b, n);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 31 + i / 4096);
	b->len += n;
}

static void test_largest_message(void **state UNUSED)
{
	struct world w;
	struct buf big = BUF_INIT(FRAME_MAX);

	setup(&w);
	fill(&big, FRAME_MAX);
	say(&w.a, 1, SPAN("before"));
	say(&w.a, 2, buf_span(&big));
	say(&w.a, 3, SPAN("between"));
	say(&w.a, 4, buf_span(&big));
	w.b.pause_after = 4;
	for (int i = 0; i < 5000 && w.b.seen < 4; i++)
		rounds(&w, 1);
	assert_int_equal(w.b.seen, 4);
	assert_true(span_eq(buf_span(&w.b.last), buf_span(&big)));
	chan_pause(w.b.chan, false);
	say(&w.a, 5, SPAN("after"));
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 5);
	assert_span_equal(buf_span(&w.b.last), SPAN("after"));
	buf_done(&big);
	teardown(&w);
}

static void test_message_too_large_ends_it(void **state UNUSED)
{
	struct world w;
	struct buf *out;

	setup(&w);
	say(&w.a, 1, SPAN("lost with it"));
	out = chan_begin(w.a.chan, 2);
	fill(out, FRAME_MAX + 1);
	chan_end(w.a.chan);
	assert_int_equal(w.a.gone, 0);
	/* Still usable for a handler that does not know yet. */
	say(&w.a, 3, SPAN("into the void"));
	assert_int_equal(chan_backlog(w.a.chan), 0);
	rounds(&w, 2);
	assert_int_equal(w.a.gone, 1);
	assert_int_equal(w.a.error, -ENOBUFS);
	assert_int_equal(w.b.gone, 1);
	assert_int_equal(w.b.error, 0);
	teardown(&w);
}

/* A reader that sleeps: the backlog grows, falls, and that is told once. */
static void test_backlog_and_drained(void **state UNUSED)
{
	struct world w;
	struct buf mib = BUF_INIT(1 << 20);

	setup(&w);
	fill(&mib, 1 << 20);
	chan_pause(w.b.chan, true);
	for (uint16_t i = 0; i < 6; i++)
		say(&w.a, i, buf_span(&mib));
	assert_true(chan_backlog(w.a.chan) > CHAN_HIGH_WATER);
	rounds(&w, 5);
	assert_true(chan_backlog(w.a.chan) > CHAN_LOW_WATER);
	assert_int_equal(w.a.drained, 0);
	assert_int_equal(w.b.seen, 0);
	chan_pause(w.b.chan, false);
	for (int i = 0; i < 1000 && w.b.seen < 6; i++)
		rounds(&w, 1);
	assert_int_equal(w.b.seen, 6);
	assert_int_equal(w.a.drained, 1);
	assert_int_equal(chan_backlog(w.a.chan), 0);
	say(&w.a, 9, SPAN("small"));
	rounds(&w, 2);
	assert_int_equal(w.a.drained, 1);
	buf_done(&mib);
	teardown(&w);
}

static void test_pause_in_a_batch(void **state UNUSED)
{
	struct world w;

	setup(&w);
	w.b.pause_after = 3;
	for (uint16_t i = 0; i < 10; i++)
		say(&w.a, i, SPAN("payload"));
	rounds(&w, 4);
	assert_int_equal(w.b.seen, 3);
	/* What comes meanwhile must not overtake. */
	say(&w.a, 10, SPAN("last"));
	rounds(&w, 2);
	chan_pause(w.b.chan, false);
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 11);
	for (uint16_t i = 0; i < 11; i++)
		assert_int_equal(w.b.types[i], i);
	assert_span_equal(buf_span(&w.b.last), SPAN("last"));
	teardown(&w);
}

/* A file whose name tells which it is. */
static int numbered_file(int n)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "file%d", n);
	return (int)syscall(SYS_memfd_create, name, 1U);
}

static void assert_file(int fd, int n)
{
	char path[64];
	char target[64] = "";
	char want[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)!readlink(path, target, sizeof(target) - 1);
	(void)snprintf(want, sizeof(want), "/memfd:file%d (deleted)", n);
	assert_string_equal(target, want);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void say_files(struct end *e, uint16_t type, int first, size_t n)
{
	int fds[FRAME_MAX_FDS];

	for (size_t i = 0; i < n; i++)
		fds[i] = numbered_file(first + (int)i);
	buf_put(chan_begin_fds(e->chan, type, fds, n), SPAN("files"));
	chan_end(e->chan);
	/* Duplicated: ours may go before anything is sent. */
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void test_descriptors_in_order(void **state UNUSED)
{
	const size_t limits[] = { 0, 1, 5, 20 };

	for (size_t k = 0; k < ARRAY_LEN(limits); k++) {
		struct world w;
		int before = open_fds();

		setup(&w);
		send_limit = limits[k];
		say(&w.a, 0, SPAN("none"));
		say_files(&w.a, 1, 0, 2);
		say_files(&w.a, 2, 2, 1);
		say(&w.a, 3, SPAN("none"));
		say_files(&w.a, 4, 3, FRAME_MAX_FDS);
		say(&w.a, 5, SPAN("none"));
		rounds(&w, 8);
		assert_int_equal(w.b.seen, 6);
		assert_int_equal(w.b.nfds, 3 + FRAME_MAX_FDS);
		for (size_t i = 0; i < w.b.nfds; i++)
			assert_file(w.b.fds[i], (int)i);
		teardown(&w);
		assert_int_equal(open_fds(), before);
	}
}

static void test_descriptors_not_taken_are_closed(void **state UNUSED)
{
	struct world w;
	int before;

	setup(&w);
	before = open_fds();
	w.b.leave_fds = true;
	say_files(&w.a, 1, 0, 5);
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 1);
	assert_int_equal(open_fds(), before);
	teardown(&w);
}

static void test_descriptors_survive_a_pause(void **state UNUSED)
{
	struct world w;
	int before = open_fds();

	setup(&w);
	w.b.pause_after = 1;
	say(&w.a, 1, SPAN("pause"));
	say_files(&w.a, 2, 0, 3);
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 1);
	chan_pause(w.b.chan, false);
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 2);
	assert_int_equal(w.b.nfds, 3);
	assert_file(w.b.fds[2], 2);
	teardown(&w);
	assert_int_equal(open_fds(), before);
}

static void test_unsent_descriptors_are_closed(void **state UNUSED)
{
	struct world w;
	int before = open_fds();

	setup(&w);
	say_files(&w.a, 1, 0, 3);
	chan_fail(w.a.chan, -EBADMSG);
	say_files(&w.a, 1, 0, 3);
	teardown(&w);
	assert_int_equal(open_fds(), before);
}

static void raw_send(struct world *w, span bytes, size_t nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = mem_new(1, bytes.len),
		.iov_len = bytes.len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(iov.iov_base, bytes.ptr, bytes.len);
	if (nfds) {
		int zero = 0;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (size_t i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int),
			    &zero, sizeof(zero));
	}
	assert_int_equal(syscall(SYS_sendmsg, w->raw, &m, 0), (long)bytes.len);
	mem_free(iov.iov_base);
}

/* clang-format off */
static const struct {
	const char *name;
	span first;
	size_t first_fds;
	span second;
	size_t second_fds;
	size_t messages;
	int gone;
	int error;
} hostile[] = {
	{ "length beyond the limit",
		SPAN_INIT("\1\0\0\1\0\0\0\0"), 0, SPAN_INIT(""), 0,
		0, 1, -EPROTO },
	{ "good, then broken",
		SPAN_INIT("\1\0\0\0\1\0\0\0x\0\0\0\377\0\0\0\0"), 0,
		SPAN_INIT(""), 0, 1, 1, -EPROTO },
	{ "too many announced",
		SPAN_INIT("\0\0\0\0\1\0\11\0"), 0, SPAN_INIT(""), 0,
		0, 1, -EPROTO },
	{ "announced, not sent",
		SPAN_INIT("\0\0\0\0\1\0\1\0"), 0, SPAN_INIT(""), 0,
		0, 1, -EPROTO },
	{ "sent, not announced",
		SPAN_INIT("\0\0\0\0\1\0\0\0"), 1, SPAN_INIT(""), 0,
		1, 1, -EPROTO },
	{ "fewer than announced",
		SPAN_INIT("\0\0\0\0\1\0\3\0"), 2, SPAN_INIT(""), 0,
		0, 1, -EPROTO },
	{ "announced, but later",
		SPAN_INIT("\3\0\0\0\1\0\1\0x"), 0, SPAN_INIT("yz"), 1,
		0, 1, -EPROTO },
	{ "more than a frame may have",
		SPAN_INIT("\0\0\0\0\1\0\10\0"), 9, SPAN_INIT(""), 0,
		0, 1, -EPROTO },
	{ "very many", SPAN_INIT("\0\0\0\0\1\0\10\0"), 60, SPAN_INIT(""), 0,
		0, 1, -EPROTO },
	{ "with half a header",
		SPAN_INIT("\0\0\0\0"), 8, SPAN_INIT("\1\0\1\0"), 0,
		1, 1, -EPROTO },
	{ "with half a header, as announced",
		SPAN_INIT("\0\0\0\0"), 2, SPAN_INIT("\1\0\2\0"), 0,
		1, 0, 0 },
	{ "in the middle of a payload that has none",
		SPAN_INIT("\3\0\0\0\1\0\0\0x"), 0, SPAN_INIT("yz"), 4,
		1, 1, -EPROTO },
};
/* clang-format on */

static void test_hostile_peers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct world w;
		int before = open_fds();

		print_message("%s\n", hostile[i].name);
		setup_raw(&w);
		w.a.leave_fds = true;
		raw_send(&w, hostile[i].first, hostile[i].first_fds);
		rounds(&w, 2);
		if (hostile[i].second.len && !w.a.gone)
			raw_send(&w, hostile[i].second, hostile[i].second_fds);
		rounds(&w, 2);
		assert_int_equal(w.a.seen, hostile[i].messages);
		assert_int_equal(w.a.gone, hostile[i].gone);
		assert_int_equal(w.a.error, hostile[i].error);
		teardown(&w);
		assert_int_equal(open_fds(), before);
	}
}

static void test_peer_ends(void **state UNUSED)
{
	static const struct {
		span bytes;
		size_t messages;
		int error;
	} ends[] = {
		{ SPAN_INIT(""), 0, 0 },
		{ SPAN_INIT("\0\0\0\0\1\0\0\0"), 1, 0 },
		{ SPAN_INIT("\0\0\0"), 0, -ECONNRESET },
		{ SPAN_INIT("\0\0\0\0\1\0\0\0\4\0\0\0\1\0\0\0abc"), 1,
		    -ECONNRESET },
	};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct world w;

		setup_raw(&w);
		if (ends[i].bytes.len)
			raw_send(&w, ends[i].bytes, 0);
		(void)close(STEAL_FD(w.raw));
		rounds(&w, 4);
		assert_int_equal(w.a.seen, ends[i].messages);
		assert_int_equal(w.a.gone, 1);
		assert_int_equal(w.a.error, ends[i].error);
		teardown(&w);
	}
}

/* It died, but what it said before counts, even if we were writing. */
static void test_last_words(void **state UNUSED)
{
	struct world w;
	struct buf mib = BUF_INIT(1 << 20);

	setup_raw(&w);
	fill(&mib, 1 << 20);
	for (uint16_t i = 0; i < 6; i++)
		say(&w.a, i, buf_span(&mib));
	rounds(&w, 2);
	chan_pause(w.a.chan, true);
	raw_send(&w, SPAN("\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0"), 0);
	(void)close(STEAL_FD(w.raw));
	rounds(&w, 3);
	assert_int_equal(w.a.gone, 0);
	assert_int_equal(w.a.drained, 1);
	say(&w.a, 9, SPAN("nobody hears"));
	assert_int_equal(chan_backlog(w.a.chan), 0);
	chan_pause(w.a.chan, false);
	rounds(&w, 4);
	assert_int_equal(w.a.seen, 2);
	assert_int_equal(w.a.gone, 1);
	buf_done(&mib);
	teardown(&w);
}

static void test_fail_in_a_handler(void **state UNUSED)
{
	struct world w;

	setup(&w);
	w.b.fail_after = 2;
	for (uint16_t i = 0; i < 5; i++)
		say(&w.a, i, SPAN("payload"));
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 2);
	assert_int_equal(w.b.gone, 1);
	assert_int_equal(w.b.error, -EBADMSG);
	assert_int_equal(w.a.gone, 1);
	teardown(&w);
}

static void test_free_in_a_handler(void **state UNUSED)
{
	struct world w;

	setup(&w);
	w.b.free_after = 2;
	w.b.echo = true;
	for (uint16_t i = 0; i < 5; i++)
		say(&w.a, i, SPAN("payload"));
	rounds(&w, 4);
	assert_int_equal(w.b.seen, 2);
	assert_int_equal(w.b.gone, 0);
	assert_int_equal(w.a.gone, 1);
	/* What the freed end had answered was sent. */
	assert_int_equal(w.a.seen, 2);
	teardown(&w);
}

static void test_new_takes_the_descriptor(void **state UNUSED)
{
	struct world w;
	struct chan *c = NULL;
	int before;
	int fd;

	setup(&w);
	before = open_fds();
	fd = numbered_file(1); /* epoll refuses files */
	assert_int_equal(chan_new(w.loop, fd, &calls, &w.a, &c), -EPERM);
	assert_null(c);
	assert_int_equal(open_fds(), before);
	teardown(&w);
}

/* A worker that answers all it finds: one read, one write. */
static void test_sync_worker(void **state UNUSED)
{
	struct world w;
	struct sync_conn *c;
	struct sync_msg m;
	int answered = 0;

	setup_raw(&w);
	c = sync_new(STEAL_FD(w.raw));
	for (uint16_t i = 0; i < 20; i++)
		say(&w.a, i, SPAN("question"));
	rounds(&w, 1);
	sends = 0;
	do {
		assert_int_equal(sync_recv(c, &m), SYNC_OK);
		assert_span_equal(m.payload, SPAN("question"));
		buf_put(sync_begin(c, m.type), SPAN("answer"));
		sync_end(c);
		answered++;
	} while (sync_has_more(c));
	assert_int_equal(answered, 20);
	assert_int_equal(sends, 0);
	assert_int_equal(sync_flush(c), 0);
	assert_int_equal(sends, 1);
	rounds(&w, 1);
	assert_int_equal(w.a.seen, 20);
	assert_span_equal(buf_span(&w.a.last), SPAN("answer"));
	chan_free(&w.a.chan);
	assert_int_equal(sync_recv(c, &m), SYNC_END);
	assert_int_equal(sync_recv(c, &m), SYNC_END);
	sync_free(&c);
	assert_null(c);
	sync_free(&c);
	teardown(&w);
}

static void test_sync_descriptors(void **state UNUSED)
{
	struct world w;
	struct sync_conn *c;
	struct sync_msg m;
	int before = open_fds();
	int file;

	setup_raw(&w);
	c = sync_new(STEAL_FD(w.raw));
	say_files(&w.a, 1, 10, 3);
	chan_send(w.a.chan, 2);
	rounds(&w, 1);
	assert_int_equal(sync_recv(c, &m), SYNC_OK);
	assert_int_equal(m.nfds, 3);
	file = STEAL_FD(m.fds[1]);
	assert_file(file, 11);
	assert_int_equal(sync_recv(c, &m), SYNC_OK);
	assert_int_equal(m.nfds, 0);
	buf_put(sync_begin_fds(c, 9, &file, 1), SPAN("back"));
	sync_end(c);
	(void)close(file);
	sync_free(&c);
	rounds(&w, 3);
	assert_int_equal(w.a.seen, 1);
	assert_int_equal(w.a.nfds, 1);
	assert_file(w.a.fds[0], 11);
	assert_int_equal(w.a.gone, 1);
	teardown(&w);
	assert_int_equal(open_fds(), before);
}

static void test_sync_failures(void **state UNUSED)
{
	struct world w;
	struct sync_conn *c;
	struct sync_msg m;
	struct timeval soon = { .tv_usec = 1000 };
	int pair[2];

	setup_raw(&w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	c = sync_new(pair[0]);
	assert_int_equal(setsockopt(sync_fd(c), SOL_SOCKET, SO_RCVTIMEO, &soon,
	                     sizeof(soon)),
	    0);
	assert_int_equal(sync_recv(c, &m), -EAGAIN);
	assert_int_equal(write(pair[1], "\0\0\0", 3), 3);
	assert_int_equal(sync_recv(c, &m), -EAGAIN);
	(void)close(pair[1]);
	assert_int_equal(sync_recv(c, &m), -ECONNRESET);
	fill(sync_begin(c, 1), FRAME_MAX + 1);
	sync_end(c);
	assert_int_equal(sync_flush(c), -ENOBUFS);
	buf_put(sync_begin(c, 1), SPAN("x"));
	sync_end(c);
	assert_int_equal(sync_flush(c), -EPIPE);
	sync_free(&c);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	c = sync_new(pair[0]);
	assert_int_equal(write(pair[1], "\1\0\0\1\0\0\0\0", 8), 8);
	assert_int_equal(sync_recv(c, &m), -EPROTO);
	sync_free(&c);
	(void)close(pair[1]);
	teardown(&w);
}

/* Begun blocking, continued in the loop: nothing is lost in between. */
static void test_chan_from_sync(void **state UNUSED)
{
	struct world w;
	struct sync_conn *c;
	struct sync_msg m;

	setup_raw(&w);
	c = sync_new(STEAL_FD(w.raw));
	for (uint16_t i = 0; i < 5; i++)
		say(&w.a, i, SPAN("payload"));
	rounds(&w, 1);
	assert_int_equal(sync_recv(c, &m), SYNC_OK);
	buf_put(sync_begin(c, 77), SPAN("sent by then"));
	sync_end(c);
	w.b.last = (struct buf)BUF_INIT(1000);
	assert_int_equal(
	    chan_from_sync(w.loop, &c, &calls, &w.b, &w.b.chan), 0);
	assert_null(c);
	say(&w.a, 5, SPAN("later"));
	rounds(&w, 3);
	assert_int_equal(w.b.seen, 5);
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(w.b.types[i], i + 1);
	assert_span_equal(buf_span(&w.b.last), SPAN("later"));
	assert_int_equal(w.a.seen, 1);
	assert_int_equal(w.a.types[0], 77);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_partial_writes),
		cmocka_unit_test(test_largest_message),
		cmocka_unit_test(test_message_too_large_ends_it),
		cmocka_unit_test(test_backlog_and_drained),
		cmocka_unit_test(test_pause_in_a_batch),
		cmocka_unit_test(test_descriptors_in_order),
		cmocka_unit_test(test_descriptors_not_taken_are_closed),
		cmocka_unit_test(test_descriptors_survive_a_pause),
		cmocka_unit_test(test_unsent_descriptors_are_closed),
		cmocka_unit_test(test_hostile_peers),
		cmocka_unit_test(test_peer_ends),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_fail_in_a_handler),
		cmocka_unit_test(test_free_in_a_handler),
		cmocka_unit_test(test_new_takes_the_descriptor),
		cmocka_unit_test(test_sync_worker),
		cmocka_unit_test(test_sync_descriptors),
		cmocka_unit_test(test_sync_failures),
		cmocka_unit_test(test_chan_from_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
