/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/claims.h - what a plan may ask for, whoever made it.
 *
 * expand reads what strangers and users wrote, so a plan may be one that it
 * was talked into. It can name any user, and what is done is done with that
 * user's rights. Root is another matter: as root nothing is done but what the
 * configuration says of everybody, for root's own mail.
 */
#pragma once

#include "daemon/deliver/services.h"
#include "ipc/msg_local.h"

/* Whether `user`, whom the step names, may be who carries it out. Commands
 * and files that an alias names are not asked about: they are never root's. */
bool claims_allow(const struct service *at, const struct local_step *step,
    const struct user *user);
