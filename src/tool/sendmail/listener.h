/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/listener.h - where the mail system takes SMTP on this host.
 */
#pragma once

#include "os/sock.h"
#include "tool/sendmail/sendmail.h"

/*
 * A loopback address if it listens there, else one of its own. False: it
 * takes none, or nobody can say that it would be the mail system who answers.
 */
MUST_USE bool listener_find(struct sendmail *s, struct sock_addr *ret);
