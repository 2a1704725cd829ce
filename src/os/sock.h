/* SPDX-License-Identifier: ISC */
/*
 * os/sock.h - stream sockets, IPv4, IPv6 and unix. All descriptors made here
 * are close-on-exec.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/span.h"

struct sock_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	};
	socklen_t len;
};

enum {
	SOCK_TEXT_MAX = 64, /* "ffff:...:ffff%interface", with the NUL */
};

/*
 * A numeric address: "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; nothing
 * around it. False: it is something else.
 */
MUST_USE bool sock_parse(span text, uint16_t port, struct sock_addr *ret);
/* The path of a unix socket; false if it is too long or empty. */
MUST_USE bool sock_path(span path, struct sock_addr *ret);
/* As sock_parse() takes it; a unix socket is "local". Into the caller's array. */
span sock_text(const struct sock_addr *a, char text[SOCK_TEXT_MAX]);
/* 0 for a unix socket. */
uint16_t sock_port(const struct sock_addr *a);
void sock_set_port(struct sock_addr *a, uint16_t port);
/* The same host, whatever the port. */
bool sock_same_host(const struct sock_addr *a, const struct sock_addr *b);

/*
 * A listening, non-blocking socket, or a negative errno. Inet: SO_REUSEADDR,
 * and an IPv6 socket takes IPv6 only. Unix: a socket that lies at the path
 * is replaced, anything else there is -EADDRINUSE.
 */
MUST_USE int sock_listen(const struct sock_addr *at, int backlog);
/*
 * The same where sockets of ours listen that are to be replaced, at addresses
 * that overlap (0.0.0.0 and 127.0.0.1, one port): possible while they share
 * their port (SO_REUSEPORT: with sockets of the same user that ask for it).
 */
MUST_USE int sock_listen_beside(const struct sock_addr *at, int backlog);
void sock_share_port(int fd, bool share);
/*
 * A non-blocking connection, or a negative errno: -EAGAIN when none waits
 * (or the one that waited has gone again). `ret_peer` may be NULL; an IPv4
 * address in IPv6 clothes is undressed.
 */
MUST_USE int sock_accept(int listener, struct sock_addr *ret_peer);
/*
 * Begin to connect, from an address or NULL: a non-blocking descriptor or a
 * negative errno. When it is writable, sock_connected() tells the outcome: 0
 * or a negative errno.
 */
MUST_USE int sock_connect(
    const struct sock_addr *to, const struct sock_addr *from);
MUST_USE int sock_connected(int fd);

/* Our and the other's address. 0 or a negative errno. */
MUST_USE int sock_local(int fd, struct sock_addr *ret);
MUST_USE int sock_peer(int fd, struct sock_addr *ret);
/* Who opened the other end of a unix socket. */
MUST_USE int sock_peer_uid(int fd, uid_t *ret);

/* What we write leaves at once; failing is harmless. */
void sock_nodelay(int fd);
/* 0 or a negative errno. */
MUST_USE int sock_nonblock(int fd);
/* Two connected unix stream sockets. */
MUST_USE int sock_pair(int ret[2]);
