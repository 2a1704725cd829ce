/* SPDX-License-Identifier: ISC */
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "test/lib/unit.h"

/* clang-format off */
static const struct {
	span text;
	bool ok;
	span back; /* empty: as it was */
} texts[] = {
	{ SPAN_INIT("127.0.0.1"), true, SPAN_INIT("") },
	{ SPAN_INIT("0.0.0.0"), true, SPAN_INIT("") },
	{ SPAN_INIT("255.255.255.255"), true, SPAN_INIT("") },
	{ SPAN_INIT("::1"), true, SPAN_INIT("") },
	{ SPAN_INIT("::"), true, SPAN_INIT("") },
	{ SPAN_INIT("2001:db8::1"), true, SPAN_INIT("") },
	{ SPAN_INIT("2001:DB8:0:0:0:0:0:1"), true, SPAN_INIT("2001:db8::1") },
	{ SPAN_INIT("fe80::1%1"), true, SPAN_INIT("fe80::1%lo") },
	{ SPAN_INIT("fe80::1%lo"), true, SPAN_INIT("fe80::1%lo") },
	{ SPAN_INIT("fe80::1%7777"), true, SPAN_INIT("") },
	{ SPAN_INIT("fe80::1%nosuch"), false, SPAN_INIT("") },
	{ SPAN_INIT("fe80::1%"), false, SPAN_INIT("") },
	{ SPAN_INIT(""), false, SPAN_INIT("") },
	{ SPAN_INIT("1.2.3"), false, SPAN_INIT("") },
	{ SPAN_INIT("01.2.3.4"), false, SPAN_INIT("") },
	{ SPAN_INIT("1.2.3.256"), false, SPAN_INIT("") },
	{ SPAN_INIT("1.2.3.4 "), false, SPAN_INIT("") },
	{ SPAN_INIT("1.2.3.4\0x"), false, SPAN_INIT("") },
	{ SPAN_INIT("[::1]"), false, SPAN_INIT("") },
	{ SPAN_INIT("IPv6:::1"), false, SPAN_INIT("") },
	{ SPAN_INIT("localhost"), false, SPAN_INIT("") },
	{ SPAN_INIT("1:2:3:4:5:6:7:8:9"), false, SPAN_INIT("") },
	{ SPAN_INIT("1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1"),
		false, SPAN_INIT("") },
};
/* clang-format on */

static void test_text(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct sock_addr a = { 0 };
		char text[SOCK_TEXT_MAX];

		print_message("%.*s\n", PRI(texts[i].text));
		assert_int_equal(
		    sock_parse(texts[i].text, 2525, &a), texts[i].ok);
		assert_int_equal(sock_port(&a), texts[i].ok ? 2525 : 0);
		if (texts[i].ok)
			assert_span_equal(sock_text(&a, text),
			    texts[i].back.len ? texts[i].back : texts[i].text);
	}
}

static void test_same_host(void **state UNUSED)
{
	struct sock_addr a, b, c, d;

	assert_true(sock_parse(SPAN("127.0.0.1"), 1, &a));
	assert_true(sock_parse(SPAN("127.0.0.1"), 2, &b));
	assert_true(sock_parse(SPAN("127.0.0.2"), 1, &c));
	assert_true(sock_parse(SPAN("::1"), 1, &d));
	assert_true(sock_same_host(&a, &b));
	assert_false(sock_same_host(&a, &c));
	assert_false(sock_same_host(&a, &d));
	assert_true(sock_same_host(&d, &d));
	sock_set_port(&d, 99);
	assert_int_equal(sock_port(&d), 99);
}

static int accept_soon(int listener, struct sock_addr *ret)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
	return sock_accept(listener, ret);
}

static void connect_and_talk(const struct sock_addr *at, int listener)
{
	struct sock_addr peer;
	struct sock_addr ours;
	struct pollfd p = { .events = POLLOUT };
	char byte;
	int server;
	int client = sock_connect(at, NULL);

	assert_true(client >= 0);
	server = accept_soon(listener, &peer);
	assert_true(server >= 0);
	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
	p.fd = client;
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(sock_connected(client), 0);

	assert_int_equal(sock_local(client, &ours), 0);
	assert_true(sock_same_host(&ours, &peer));
	assert_int_equal(sock_port(&ours), sock_port(&peer));
	assert_int_equal(sock_peer(client, &ours), 0);
	assert_int_equal(sock_port(&ours), sock_port(at));

	sock_nodelay(client);
	assert_int_equal(write(client, "x", 1), 1);
	p = (struct pollfd){ .fd = server, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(server, &byte, 1), 1);
	assert_int_equal(sock_accept(listener, NULL), -EAGAIN);
	(void)close(server);
	(void)close(client);
}

static void test_inet(void **state UNUSED)
{
	static const span hosts[] = { SPAN_INIT("127.0.0.1"),
		SPAN_INIT("::1") };

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct sock_addr at;
		int listener;

		assert_true(sock_parse(hosts[i], 0, &at));
		listener = sock_listen(&at, 5);
		if (listener == -EADDRNOTAVAIL || listener == -EAFNOSUPPORT)
			continue; /* no IPv6 here */
		assert_true(listener >= 0);
		assert_int_equal(sock_local(listener, &at), 0);
		assert_true(sock_port(&at) != 0);
		assert_int_equal(sock_listen(&at, 5), -EADDRINUSE);
		connect_and_talk(&at, listener);
		(void)close(listener);
	}
}

/* One interface, then all, then one: the port is never free meanwhile. */
static void test_replaced(void **state UNUSED)
{
	struct sock_addr one;
	struct sock_addr all;
	int narrow;
	int wide;

	assert_true(sock_parse(SPAN("127.0.0.1"), 0, &one));
	narrow = sock_listen(&one, 5);
	assert_true(narrow >= 0);
	assert_int_equal(sock_local(narrow, &one), 0);
	assert_true(sock_parse(SPAN("0.0.0.0"), sock_port(&one), &all));
	assert_int_equal(sock_listen(&all, 5), -EADDRINUSE);
	assert_int_equal(sock_listen_beside(&all, 5), -EADDRINUSE);

	sock_share_port(narrow, true);
	wide = sock_listen_beside(&all, 5);
	assert_true(wide >= 0);
	sock_share_port(narrow, false);
	assert_int_equal(sock_listen(&all, 5), -EADDRINUSE);
	assert_int_equal(sock_listen(&one, 5), -EADDRINUSE);
	connect_and_talk(&one, narrow);
	(void)close(narrow);
	connect_and_talk(&one, wide);

	sock_share_port(wide, true);
	narrow = sock_listen_beside(&one, 5);
	assert_true(narrow >= 0);
	(void)close(wide);
	connect_and_talk(&one, narrow);
	(void)close(narrow);
}

static void test_connect_from(void **state UNUSED)
{
	struct sock_addr at, from, peer;
	char text[SOCK_TEXT_MAX];
	int listener, client, server;

	assert_true(sock_parse(SPAN("127.0.0.1"), 0, &at));
	assert_true(sock_parse(SPAN("127.0.0.77"), 0, &from));
	listener = sock_listen(&at, 5);
	assert_int_equal(sock_local(listener, &at), 0);
	client = sock_connect(&at, &from);
	assert_true(client >= 0);
	server = accept_soon(listener, &peer);
	assert_span_equal(sock_text(&peer, text), SPAN("127.0.0.77"));
	(void)close(server);
	(void)close(client);
	(void)close(listener);

	assert_true(sock_parse(SPAN("192.0.2.1"), 0, &from));
	assert_int_equal(sock_connect(&at, &from), -EADDRNOTAVAIL);
}

static void test_connection_refused(void **state UNUSED)
{
	struct pollfd p = { .events = POLLOUT };
	struct sock_addr at;
	int fd;

	assert_true(sock_parse(SPAN("127.0.0.1"), 0, &at));
	fd = sock_listen(&at, 5);
	assert_int_equal(sock_local(fd, &at), 0);
	(void)close(fd);
	fd = sock_connect(&at, NULL);
	if (fd >= 0) {
		p.fd = fd;
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_int_equal(sock_connected(fd), -ECONNREFUSED);
		(void)close(fd);
	} else {
		assert_int_equal(fd, -ECONNREFUSED);
	}
}

/* A dual-stack listener made elsewhere shows IPv4 clients as such. */
static void test_mapped_address(void **state UNUSED)
{
	struct sock_addr at, peer;
	char text[SOCK_TEXT_MAX];
	int off = 0;
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client, server;

	if (listener < 0)
		skip();
	assert_true(sock_parse(SPAN("::"), 0, &at));
	assert_int_equal(
	    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)),
	    0);
	assert_int_equal(bind(listener, &at.any, at.len), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(sock_local(listener, &peer), 0);
	assert_true(sock_parse(SPAN("127.0.0.1"), sock_port(&peer), &at));
	client = sock_connect(&at, NULL);
	server = accept_soon(listener, &peer);
	assert_span_equal(sock_text(&peer, text), SPAN("127.0.0.1"));
	assert_int_equal(peer.len, sizeof(peer.v4));
	(void)close(server);
	(void)close(client);
	(void)close(listener);
}

static void test_unix(void **state UNUSED)
{
	char dir[] = "/tmp/sock_test.XXXXXX";
	char path[64];
	char text[SOCK_TEXT_MAX];
	struct sock_addr at;
	uid_t uid = 12345;
	int listener, again, client, server, file;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	assert_true(sock_path(span_str(path), &at));
	assert_span_equal(sock_text(&at, text), SPAN("local"));
	listener = sock_listen(&at, 5);
	assert_true(listener >= 0);
	again = sock_listen(&at, 5); /* the first one's place is taken over */
	assert_true(again >= 0);
	client = sock_connect(&at, NULL);
	assert_true(client >= 0);
	assert_int_equal(sock_accept(listener, NULL), -EAGAIN);
	server = sock_accept(again, NULL);
	assert_true(server >= 0);
	assert_int_equal(sock_peer_uid(server, &uid), 0);
	assert_int_equal(uid, getuid());
	(void)close(server);
	(void)close(client);
	(void)close(listener);
	(void)close(again);

	(void)unlink(path);
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(sock_listen(&at, 5), -EADDRINUSE);
	(void)close(file);
	assert_int_equal(access(path, F_OK), 0);
	(void)unlink(path);
	assert_int_equal(sock_connect(&at, NULL), -ENOENT);
	(void)rmdir(dir);
}

static void test_path(void **state UNUSED)
{
	struct sock_addr at;
	char longest[sizeof(at.local.sun_path)];

	memset(longest, 'x', sizeof(longest));
	assert_true(sock_path(span_of(longest, sizeof(longest) - 1), &at));
	assert_false(sock_path(span_of(longest, sizeof(longest)), &at));
	assert_false(sock_path(SPAN(""), &at));
	assert_false(sock_path(SPAN("\0abstract"), &at));
}

static void test_pair(void **state UNUSED)
{
	int pair[2];
	uid_t uid;

	assert_int_equal(sock_pair(pair), 0);
	assert_true(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(sock_peer_uid(pair[0], &uid), 0);
	assert_int_equal(uid, getuid());
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_int_equal(sock_peer_uid(pair[0], &uid), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_same_host),
		cmocka_unit_test(test_inet),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_connect_from),
		cmocka_unit_test(test_connection_refused),
		cmocka_unit_test(test_mapped_address),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
