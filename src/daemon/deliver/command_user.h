/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/command_user.h - whom a line of master.cf runs its command
 * as: user=NAME or user=NAME:GROUP of pipe(8) and spawn(8).
 */
#pragma once

#include "conf/conf.h"
#include "os/priv.h"

/*
 * Never root, and nobody who owns the mail system or a part of it. `group`
 * may be empty. False: `error` says why not. Without root, commands run as
 * who we are, and only that the user exists is looked at.
 */
MUST_USE bool command_user_find(struct conf *conf, span user, span group,
    struct priv_user *ret, struct buf *error);
