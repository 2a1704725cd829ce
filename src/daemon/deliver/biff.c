/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/biff.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/error.h"

struct biff {
	int fd; /* -1: there is no such service */
	struct sockaddr_in at;
};

struct biff *biff_new(void)
{
	struct biff *b = NEW(struct biff);
	const struct servent *service = getservbyname("biff", "udp");

	b->fd = -1;
	if (!service)
		return b;
	b->at = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = (in_port_t)service->s_port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	b->fd = os_error(
	    socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	return b;
}

void biff_free(struct biff **biff)
{
	struct biff *b = STEAL(*biff);

	if (!b)
		return;
	if (b->fd >= 0)
		(void)close(b->fd);
	mem_free(b);
}

void biff(struct biff *b, span user, uint64_t offset)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(512);

	if (b->fd < 0)
		return;
	buf_put(&text, user);
	buf_putc(&text, '@');
	buf_put_u64(&text, offset);
	buf_putc(&text, '\0');
	(void)!sendto(b->fd, text.data, text.len, 0,
	    (const struct sockaddr *)&b->at, sizeof(b->at));
}
