/* SPDX-License-Identifier: ISC */
#include "os/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

static bool parse_v4(const char *text, uint16_t port, struct sock_addr *ret)
{
	*ret = (struct sock_addr){ .len = sizeof(ret->v4) };
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	return inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1;
}

/* "%eth0" or "%2" behind a link-local address. */
static bool parse_scope(char *text, uint32_t *ret)
{
	char *percent = strchr(text, '%');
	uint32_t scope;

	*ret = 0;
	if (!percent)
		return true;
	*percent++ = '\0';
	scope = if_nametoindex(percent);
	if (!scope && !span_to_u32(span_str(percent), &scope))
		return false;
	*ret = scope;
	return true;
}

static bool parse_v6(char *text, uint16_t port, struct sock_addr *ret)
{
	*ret = (struct sock_addr){ .len = sizeof(ret->v6) };
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	return parse_scope(text, &ret->v6.sin6_scope_id) &&
	    inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1;
}

bool sock_parse(span text, uint16_t port, struct sock_addr *ret)
{
	char copy[SOCK_TEXT_MAX];
	struct sock_addr a;

	if (!text.len || text.len >= sizeof(copy) || span_find(text, '\0') >= 0)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (!parse_v4(copy, port, &a) && !parse_v6(copy, port, &a))
		return false;
	*ret = a;
	return true;
}

bool sock_path(span path, struct sock_addr *ret)
{
	struct sock_addr a = { 0 };

	if (!path.len || path.len >= sizeof(a.local.sun_path) ||
	    span_find(path, '\0') >= 0)
		return false;
	a.local.sun_family = AF_UNIX;
	memcpy(a.local.sun_path, path.ptr, path.len);
	a.len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
	*ret = a;
	return true;
}

span sock_text(const struct sock_addr *a, char text[SOCK_TEXT_MAX])
{
	char name[IF_NAMESIZE];
	size_t n;

	if (a->any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &a->v4.sin_addr, text, SOCK_TEXT_MAX);
		return span_str(text);
	}
	if (a->any.sa_family != AF_INET6)
		return SPAN("local");
	(void)inet_ntop(AF_INET6, &a->v6.sin6_addr, text, SOCK_TEXT_MAX);
	if (!a->v6.sin6_scope_id)
		return span_str(text);
	n = strlen(text);
	if (if_indextoname(a->v6.sin6_scope_id, name))
		(void)snprintf(text + n, SOCK_TEXT_MAX - n, "%%%s", name);
	else
		(void)snprintf(
		    text + n, SOCK_TEXT_MAX - n, "%%%u", a->v6.sin6_scope_id);
	return span_str(text);
}

uint16_t sock_port(const struct sock_addr *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohs(a->v4.sin_port);
	if (a->any.sa_family == AF_INET6)
		return ntohs(a->v6.sin6_port);
	return 0;
}

void sock_set_port(struct sock_addr *a, uint16_t port)
{
	if (a->any.sa_family == AF_INET)
		a->v4.sin_port = htons(port);
	else if (a->any.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
}

bool sock_same_host(const struct sock_addr *a, const struct sock_addr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	if (a->any.sa_family == AF_INET6)
		return !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr,
		           sizeof(a->v6.sin6_addr)) &&
		    a->v6.sin6_scope_id == b->v6.sin6_scope_id;
	return a->len == b->len && !memcmp(&a->local, &b->local, a->len);
}

/*
 * Listening and connecting
 */

/* What a process that ended left at the path is in the way. */
static void remove_stale(const struct sock_addr *at)
{
	struct stat st;

	if (lstat(at->local.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(at->local.sun_path);
}

static int set_option(int fd, int level, int option)
{
	int on = 1;

	return os_error(setsockopt(fd, level, option, &on, sizeof(on)));
}

void sock_share_port(int fd, bool share)
{
	int on = share;

	/* A failure shows when the other one binds. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static int prepare_listener(int fd, const struct sock_addr *at)
{
	int r;

	if (at->any.sa_family == AF_UNIX) {
		remove_stale(at);
		return 0;
	}
	r = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	if (r == 0 && at->any.sa_family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	return r;
}

static int new_socket(const struct sock_addr *for_what)
{
	return os_error(socket(for_what->any.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static int listen_at(const struct sock_addr *at, int backlog, bool share)
{
	CLEANUP(fd_close)
	int fd = new_socket(at);
	int r;

	if (fd < 0)
		return fd;
	r = prepare_listener(fd, at);
	if (r < 0)
		return r;
	if (share)
		sock_share_port(fd, true);
	if (bind(fd, &at->any, at->len) < 0 || listen(fd, backlog) < 0)
		return -errno;
	if (share)
		sock_share_port(fd, false);
	return STEAL_FD(fd);
}

int sock_listen(const struct sock_addr *at, int backlog)
{
	return listen_at(at, backlog, false);
}

int sock_listen_beside(const struct sock_addr *at, int backlog)
{
	return listen_at(at, backlog, true);
}

/* ::ffff:192.0.2.1 is 192.0.2.1. */
static void undress(struct sock_addr *a)
{
	struct sockaddr_in plain = { .sin_family = AF_INET };

	if (a->any.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return;
	plain.sin_port = a->v6.sin6_port;
	memcpy(&plain.sin_addr, a->v6.sin6_addr.s6_addr + 12,
	    sizeof(plain.sin_addr));
	a->v4 = plain;
	a->len = sizeof(plain);
}

/* accept(2): errors of the network, of a connection that is gone again. */
static bool is_of_the_network(int error)
{
	static const int errors[] = { ECONNABORTED, EINTR, ENETDOWN, EPROTO,
		ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
		ENETUNREACH, EPERM };

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

int sock_accept(int listener, struct sock_addr *ret_peer)
{
	struct sock_addr a = { .len = offsetof(struct sock_addr, len) };
	int fd;

	fd = os_error(accept4(listener, ret_peer ? &a.any : NULL,
	    ret_peer ? &a.len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	if (fd < 0)
		return is_of_the_network(-fd) ? -EAGAIN : fd;
	if (ret_peer) {
		undress(&a);
		*ret_peer = a;
	}
	return fd;
}

int sock_connect(const struct sock_addr *to, const struct sock_addr *from)
{
	CLEANUP(fd_close)
	int fd = new_socket(to);

	if (fd < 0)
		return fd;
	if (from && bind(fd, &from->any, from->len) < 0)
		return -errno;
	if (connect(fd, &to->any, to->len) < 0 && errno != EINPROGRESS)
		return -errno;
	return STEAL_FD(fd);
}

int sock_connected(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

int sock_local(int fd, struct sock_addr *ret)
{
	struct sock_addr a = { .len = offsetof(struct sock_addr, len) };

	if (getsockname(fd, &a.any, &a.len) < 0)
		return -errno;
	undress(&a);
	*ret = a;
	return 0;
}

int sock_peer(int fd, struct sock_addr *ret)
{
	struct sock_addr a = { .len = offsetof(struct sock_addr, len) };

	if (getpeername(fd, &a.any, &a.len) < 0)
		return -errno;
	undress(&a);
	*ret = a;
	return 0;
}

int sock_peer_uid(int fd, uid_t *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret = cred.uid;
	return 0;
}

void sock_nodelay(int fd)
{
	(void)set_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

enum { PAIR_BUFFER = 1024 * 1024 };

/*
 * The system's default holds three messages of 64 KiB: the sender would wait
 * for the receiver after each few. Only root may ask for more than the
 * system's maximum; others get that.
 */
static void widen(int fd)
{
	int bytes = PAIR_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) <
	    0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int sock_nonblock(int fd)
{
	int flags = os_error(fcntl(fd, F_GETFL));

	return flags < 0 ? flags
	                 : os_error(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int sock_pair(int ret[2])
{
	int r =
	    os_error(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret));

	if (r < 0)
		return r;
	widen(ret[0]);
	widen(ret[1]);
	return 0;
}
