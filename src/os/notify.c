/* SPDX-License-Identifier: ISC */
#include "os/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "os/file.h"

enum { TEXT_MAX = 128 };

/* False for a name that is none: a path, or "@" and an abstract name. */
static bool parse_name(
    const char *name, struct sockaddr_un *ret, socklen_t *ret_len)
{
	size_t n = strlen(name);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((name[0] != '/' && name[0] != '@') || n < 2 ||
	    n >= sizeof(ret->sun_path))
		return false;
	memcpy(ret->sun_path, name, n);
	if (name[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
	    (name[0] == '/'));
	return true;
}

void notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to;
	socklen_t len;

	*n = (struct notify)NOTIFY_INIT;
	if (name && parse_name(name, &to, &len)) {
		n->fd = socket(
		    AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (n->fd >= 0 &&
		    connect(n->fd, (const struct sockaddr *)(void *)&to, len) <
		        0)
			fd_close(&n->fd);
	}
	(void)unsetenv("NOTIFY_SOCKET");
}

void notify_close(struct notify *n)
{
	fd_close(&n->fd);
}

/* A manager whose queue is full has other worries than us. */
static void tell(const struct notify *n, const char *text)
{
	if (n->fd >= 0)
		(void)send(n->fd, text, strlen(text), MSG_NOSIGNAL);
}

void notify_ready(const struct notify *n)
{
	tell(n, "READY=1\nSTATUS=running\n");
}

void notify_reloading(const struct notify *n)
{
	struct timespec now = { 0 };
	char text[TEXT_MAX];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading\n",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(n, text);
}

void notify_stopping(const struct notify *n)
{
	tell(n, "STOPPING=1\nSTATUS=stopping\n");
}
