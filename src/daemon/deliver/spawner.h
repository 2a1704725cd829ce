/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/spawner.h - services that run spawn(8): a command for each
 * connection, with the connection as its input and output.
 *
 *	127.0.0.1:9998 inet n n n - 10 spawn user=nobody argv=/usr/bin/policy
 *	policy unix - n n - 0 spawn user=nobody argv=/usr/bin/policy
 *
 * Nothing of what is said there is read. As many run at a time as the line
 * allows; further clients wait. A command that runs when its line is changed
 * or taken away, or when the system ends, goes on.
 */
#pragma once

#include "conf/conf.h"
#include "os/loop.h"

struct spawner;

struct spawner *spawner_new(struct loop *loop);
/* NULL is fine. Commands go on. */
void spawner_free(struct spawner **s);

/* `service` is the index of its line in `conf`; takes the descriptor. */
void spawner_listen(
    struct spawner *s, struct conf *conf, uint32_t service, int fd);
/* Close all; what remains is listened for anew. */
void spawner_unlisten(struct spawner *s);
