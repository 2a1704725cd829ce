/* SPDX-License-Identifier: ISC */
/*
 * daemon/master/listen.c - from lines of master.cf to listening sockets.
 *
 * An inet service is "port", "host:port" or "[address]:port". Without a host
 * it means the addresses of inet_interfaces: all (one wildcard socket per IP
 * version) or each address listed. A reload keeps a socket whose address did
 * not change, so that no client is turned away meanwhile.
 */
#include "daemon/master/master.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/endpoint.h"
#include "os/error.h"
#include "os/file.h"

enum { BACKLOG = 4096, MAX_LISTENERS = 1024 };

struct opener {
	struct conf *conf;
	const struct listeners *old;
	struct listeners *list;
	struct buf *error;
	uint32_t service;
	enum role_listen what; /* for whom it is */
};

void listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++)
		fd_close(&l->items[i].fd);
	mem_free(l->items);
	*l = (struct listeners){ NULL, 0 };
}

static bool same_address(const struct sock_addr *a, const struct sock_addr *b)
{
	return a->len == b->len && memcmp(&a->any, &b->any, a->len) == 0;
}

static struct listener *find_listener(
    const struct listeners *l, const struct sock_addr *at)
{
	for (size_t i = 0; l && i < l->count; i++)
		if (same_address(&l->items[i].addr, at))
			return &l->items[i];
	return NULL;
}

/* "25" and "smtp" are one service, and the last line is the one that counts. */
static bool use_last(struct opener *o, struct listener *twin)
{
	const struct conf_service *old = conf_service(o->conf, twin->service);
	const struct conf_service *s = conf_service(o->conf, o->service);

	if (twin->service == o->service)
		return true; /* a host with the same address twice */
	twin->service = o->service;
	twin->what = o->what;
	log_warn("master",
	    "%.*s/master.cf: line %u: duplicate master.cf entry for service "
	    "\"%.*s\" -- using the last entry (the other one is in line %u)",
	    PRI(conf_dir(o->conf)), s->line, PRI(s->name), old->line);
	return true;
}

static bool fail_bind(struct opener *o, const struct sock_addr *at, int error)
{
	char text[SOCK_TEXT_MAX];
	span path = span_str(at->local.sun_path);

	if (at->any.sa_family == AF_UNIX)
		buf_printf(
		    o->error, "bind %.*s: %s", PRI(path), strerror(-error));
	else
		buf_printf(o->error, "bind %.*s port %u: %s%s",
		    PRI(sock_text(at, text)), sock_port(at), strerror(-error),
		    error == -EADDRINUSE
		        ? "; stop the program that listens there"
		        : "");
	return false;
}

/* Whether it listens at this port, perhaps of another address. */
static bool has_port(const struct listener *l, const struct sock_addr *at)
{
	return l->addr.any.sa_family == at->any.sa_family &&
	    sock_port(&l->addr) == sock_port(at);
}

static void share_port(
    const struct opener *o, const struct sock_addr *at, bool share)
{
	for (size_t i = 0; o->old && i < o->old->count; i++)
		if (has_port(&o->old->items[i], at))
			sock_share_port(o->old->items[i].fd, share);
}

/* When inet_interfaces changes, the old sockets are in the way of the new. */
static int listen_anew(struct opener *o, const struct sock_addr *at)
{
	int fd = sock_listen(at, BACKLOG);

	if (fd != -EADDRINUSE || at->any.sa_family == AF_UNIX)
		return fd;
	share_port(o, at, true);
	fd = sock_listen_beside(at, BACKLOG);
	share_port(o, at, false);
	return fd;
}

/* IPv6 may be switched off in the kernel while inet_protocols says "all". */
static bool is_wildcard_v6(const struct sock_addr *at)
{
	return at->any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&at->v6.sin6_addr);
}

static bool open_at(struct opener *o, const struct sock_addr *at)
{
	struct listeners *l = o->list;
	struct listener *twin = find_listener(l, at);
	const struct listener *old = find_listener(o->old, at);
	int fd;

	if (twin)
		return use_last(o, twin);
	if (l->count == MAX_LISTENERS)
		return true;
	if (old)
		fd = os_error(fcntl(old->fd, F_DUPFD_CLOEXEC, 0));
	else
		fd = listen_anew(o, at);
	if (is_wildcard_v6(at) && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL))
		return true;
	if (fd < 0)
		return fail_bind(o, at, fd);
	l->items = mem_resize(l->items, l->count + 1, sizeof(*l->items));
	l->items[l->count++] = (struct listener){
		.what = o->what, .addr = *at, .service = o->service, .fd = fd
	};
	return true;
}

/* ---- names ---- */

static bool fail_line(struct opener *o, const char *wrong)
{
	const struct conf_service *s = conf_service(o->conf, o->service);

	buf_printf(o->error, "%.*s/master.cf: line %u: %s",
	    PRI(conf_dir(o->conf)), s->line, wrong);
	return false;
}

static bool fail_name(struct opener *o, const char *wrong)
{
	const struct conf_service *s = conf_service(o->conf, o->service);

	buf_printf(o->error,
	    "%.*s/master.cf: line %u: %s in \"%.*s\"; write \"port\", "
	    "\"host:port\" or \"[address]:port\"",
	    PRI(conf_dir(o->conf)), s->line, wrong, PRI(s->name));
	return false;
}

static bool from_conf_address(
    const struct conf_address *a, uint16_t port, struct sock_addr *ret)
{
	*ret = (struct sock_addr){ .len = 0 };
	if (a->family == 4) {
		ret->v4.sin_family = AF_INET;
		memcpy(&ret->v4.sin_addr, a->bytes, 4);
		ret->len = sizeof(ret->v4);
	} else {
		ret->v6.sin6_family = AF_INET6;
		memcpy(&ret->v6.sin6_addr, a->bytes, 16);
		ret->v6.sin6_scope_id = a->scope;
		ret->len = sizeof(ret->v6);
	}
	sock_set_port(ret, port);
	return true;
}

static bool open_interfaces(struct opener *o, uint16_t port)
{
	uint32_t n;
	const struct conf_address *own = conf_addresses(o->conf, &n);
	struct sock_addr at;

	if (n == 0)
		return fail_line(o,
		    "service definition requires valid host name or address, "
		    "or non-empty inet_interfaces setting");

	for (uint32_t i = 0; i < n; i++)
		if (!from_conf_address(&own[i], port, &at) || !open_at(o, &at))
			return false;
	return true;
}

static bool open_wildcards(struct opener *o, uint16_t port)
{
	struct sock_addr at;

	if (conf_has_family(o->conf, 4) &&
	    (!sock_parse(SPAN("0.0.0.0"), port, &at) || !open_at(o, &at)))
		return false;
	return !conf_has_family(o->conf, 6) ||
	    (sock_parse(SPAN("::"), port, &at) && open_at(o, &at));
}

static bool has_family(struct conf *conf, const struct sockaddr *sa)
{
	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return false;
	return conf_has_family(conf, sa->sa_family == AF_INET6 ? 6 : 4);
}

static bool open_host(struct opener *o, span host, uint16_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char name[256];
	bool ok = true;

	(void)snprintf(name, sizeof(name), "%.*s", PRI(host));
	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return fail_name(o, "bad hostname or network address");
	for (struct addrinfo *i = found; i && ok; i = i->ai_next) {
		struct sock_addr at = { .len = i->ai_addrlen };

		if (!has_family(o->conf, i->ai_addr))
			continue;
		memcpy(&at.any, i->ai_addr, i->ai_addrlen);
		sock_set_port(&at, port);
		ok = open_at(o, &at);
	}
	freeaddrinfo(found);
	return ok;
}

static bool open_service(struct opener *o)
{
	const struct conf_service *s = conf_service(o->conf, o->service);
	span interfaces =
	    conf_value(o->conf, CONF_MAIN, SPAN("inet_interfaces"));
	uint16_t port;
	span host;
	span name;
	const char *wrong = endpoint_split(s->name, &host, &name);

	if (wrong)
		return fail_name(o, wrong);
	if (!endpoint_port(o->conf, name, &port))
		return fail_name(o, "unknown port");
	if (host.len > 0)
		return open_host(o, host, port);
	if (span_eq(interfaces, SPAN("all")))
		return open_wildcards(o, port);
	return open_interfaces(o, port);
}

/* ---- which services ---- */

/* A socket in queue_directory; who may come to it, the directory says. */
static bool open_local(struct opener *o, const char *dir, span name)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct sock_addr at;

	buf_put(&path, conf_value(o->conf, CONF_MAIN, SPAN("queue_directory")));
	buf_printf(&path, "/%s/%.*s", dir, PRI(name));
	if (!sock_path(buf_span(&path), &at)) {
		buf_printf(o->error,
		    "%s: the path is too long for a socket; choose a "
		    "shorter queue_directory",
		    buf_cstr(&path));
		return false;
	}
	if (!open_at(o, &at))
		return false;
	return chmod(buf_cstr(&path), 0666) == 0 || fail_bind(o, &at, -errno);
}

/* By type and program: smtpd has strangers' connections only. */
static bool open_line(struct opener *o, const struct conf_service *s)
{
	bool spawns = span_eq(s->command, SPAN("spawn"));

	o->what = spawns ? ROLE_LISTEN_SPAWN : ROLE_LISTEN_SMTP;
	if (s->type == CONF_INET &&
	    (spawns || span_eq(s->command, SPAN("smtpd"))))
		return open_service(o);
	if (s->type != CONF_UNIX || !spawns)
		return true;
	if (span_find(s->name, '/') >= 0)
		return fail_line(o,
		    "a service of type unix has no \"/\" in "
		    "its name");
	return open_local(o, s->private ? "private" : "public", s->name);
}

static bool open_services(struct opener *o)
{
	for (uint32_t i = 0; i < conf_services(o->conf); i++) {
		o->service = i;
		if (!open_line(o, conf_service(o->conf, i)))
			return false;
	}
	return true;
}

static bool open_control(struct opener *o)
{
	o->service = CONF_MAIN;
	o->what = ROLE_LISTEN_CONTROL;
	return open_local(o, "public", SPAN("queue"));
}

/* Where postdrop says that there is mail. Without that line of master.cf it
 * stays where it is. */
static bool open_pickup(struct opener *o)
{
	for (uint32_t i = 0; i < conf_services(o->conf); i++) {
		const struct conf_service *s = conf_service(o->conf, i);

		if (!span_eq(s->command, SPAN("pickup")) || s->private ||
		    span_find(s->name, '/') >= 0)
			continue;
		o->service = i;
		o->what = ROLE_LISTEN_PICKUP;
		return open_local(o, "public", s->name);
	}
	return true;
}

int listeners_open(struct conf *conf, const struct listeners *old,
    struct listeners *ret, struct buf *error)
{
	struct listeners list = { NULL, 0 };
	struct opener o = {
		.conf = conf, .old = old, .list = &list, .error = error
	};

	if (!open_services(&o) || !open_control(&o) || !open_pickup(&o)) {
		listeners_close(&list);
		return SITE_BAD;
	}
	*ret = list;
	return SITE_OK;
}
