/* SPDX-License-Identifier: ISC */
/*
 * os/notify.h - tell the service manager how we are: the protocol of
 * sd_notify(3), which is a datagram of "NAME=value" lines to the unix socket
 * that $NOTIFY_SOCKET names. Without a manager, or with one that does not
 * listen, nothing happens: no mail depends on it.
 */
#pragma once

#include "base/base.h"

struct notify {
	int fd; /* connected; -1: nobody wants to know */
};

#define NOTIFY_INIT \
	{ \
		.fd = -1 \
	}

/*
 * Connect to whom the environment names, and take the name out of it: our
 * children have nothing to say there.
 */
void notify_open(struct notify *n);
/* Idempotent. */
void notify_close(struct notify *n);

/* All processes run; also: a reload is done. */
void notify_ready(const struct notify *n);
/* A reload begins; notify_ready() ends it, whether it worked or not. */
void notify_reloading(const struct notify *n);
void notify_stopping(const struct notify *n);
