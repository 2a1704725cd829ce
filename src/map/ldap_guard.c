/* SPDX-License-Identifier: ISC */
/*
 * map/ldap_guard.c - a layer between libldap and its sockets.
 *
 * libldap's own timeouts are for connecting and for waiting; a server that
 * stops in the middle of a TLS record, or sends for ever, is not covered. So
 * each read and write first waits until our deadline, and what is read is
 * counted. The layer lies directly above TCP: what TLS reads passes it too.
 * It also keeps SIGPIPE away from a process that has no use for it.
 */
#include "map/ldap_internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"

enum {
	/* Between the socket and TLS. */
	LEVEL = LBER_SBIOD_LEVEL_PROVIDER + 5,
	/* One message, an entry with all its values. */
	MAX_MESSAGE = 16 * 1024 * 1024,
};

void ldap_guard_arm(struct ldap_guard *g, usec deadline, size_t budget)
{
	g->deadline = deadline;
	g->budget = budget;
	g->timed_out = false;
	g->flooded = false;
}

static bool wait_for(Sockbuf_IO_Desc *io, short events)
{
	struct ldap_guard *g = io->sbiod_pvt;
	struct pollfd p = { .fd = -1, .events = events };
	int r;

	(void)ber_sockbuf_ctrl(io->sbiod_sb, LBER_SB_OPT_GET_FD, &p.fd);
	do {
		usec now = clock_monotonic();
		usec left = g->deadline > now ? g->deadline - now : 0;

		r = os_error(poll(&p, 1,
		    (int)MIN(
		        (left + USEC_MSEC - 1) / USEC_MSEC, (usec)INT32_MAX)));
		if (r == 0 && left == 0) {
			g->timed_out = true;
			errno = ETIMEDOUT;
			return false;
		}
	} while (r == 0 || r == -EINTR);
	return r > 0;
}

static int guard_setup(Sockbuf_IO_Desc *io, void *arg)
{
	io->sbiod_pvt = arg;
	return 0;
}

static int guard_remove(Sockbuf_IO_Desc *io)
{
	io->sbiod_pvt = NULL;
	return 0;
}

static int guard_ctrl(Sockbuf_IO_Desc *io, int option, void *arg)
{
	return LBER_SBIOD_CTRL_NEXT(io, option, arg);
}

static ber_slen_t guard_read(Sockbuf_IO_Desc *io, void *to, ber_len_t len)
{
	struct ldap_guard *g = io->sbiod_pvt;
	ber_slen_t n;

	if (g->budget == 0) {
		g->flooded = true;
		errno = EMSGSIZE;
		return -1;
	}
	if (!wait_for(io, POLLIN))
		return -1;
	n = LBER_SBIOD_READ_NEXT(io, to, MIN(len, (ber_len_t)g->budget));
	if (n > 0)
		g->budget -= (size_t)n;
	return n;
}

static ber_slen_t guard_write(Sockbuf_IO_Desc *io, void *from, ber_len_t len)
{
	int fd = -1;

	if (!wait_for(io, POLLOUT))
		return -1;
	(void)ber_sockbuf_ctrl(io->sbiod_sb, LBER_SB_OPT_GET_FD, &fd);
	return send(fd, from, len, MSG_NOSIGNAL);
}

static int guard_close(Sockbuf_IO_Desc *io UNUSED)
{
	return 0;
}

static Sockbuf_IO layer = {
	.sbi_setup = guard_setup,
	.sbi_remove = guard_remove,
	.sbi_ctrl = guard_ctrl,
	.sbi_read = guard_read,
	.sbi_write = guard_write,
	.sbi_close = guard_close,
};

/* --- libldap's call-backs --- */

int ldap_guard_socket(struct ldap_guard *g, Sockbuf *sb)
{
	ber_len_t max = MAX_MESSAGE;

	(void)ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max);
	return ber_sockbuf_add_io(sb, &layer, LEVEL, g);
}

static int on_connected(LDAP *ld UNUSED, Sockbuf *sb, LDAPURLDesc *url UNUSED,
    struct sockaddr *addr UNUSED, struct ldap_conncb *cb)
{
	return ldap_guard_socket(cb->lc_arg, sb);
}

static void on_closed(
    LDAP *ld UNUSED, Sockbuf *sb UNUSED, struct ldap_conncb *cb UNUSED)
{
}

int ldap_guard_attach(struct ldap_guard *g, LDAP *ld)
{
	g->callbacks = (ldap_conncb){
		.lc_add = on_connected,
		.lc_del = on_closed,
		.lc_arg = g,
	};
	return ldap_set_option(ld, LDAP_OPT_CONNECT_CB, &g->callbacks);
}
