/* SPDX-License-Identifier: ISC */
/*
 * tool/postdrop_rights.h - who may submit, and as whom.
 *
 * Where authorized_submit_users and local_login_sender_maps are a plain list
 * or what they are unless set, no table is opened. Those that they name are
 * opened with the rights of postdrop; their keys are names of users, never
 * what a caller has chosen. What cannot be decided is refused.
 */
#pragma once

#include "tool/voice.h"

enum rights {
	RIGHTS_OK,
	RIGHTS_NO,
	RIGHTS_UNKNOWN, /* a table does not answer; it was said why */
};

/* Whether authorized_submit_users has the user of that name. */
MUST_USE enum rights rights_submit(struct voice *v, span user);
/*
 * Whether local_login_sender_maps lets the user of this uid send as `sender`
 * (internal form, empty for the null sender).
 */
MUST_USE enum rights rights_sender(struct voice *v, uid_t uid, span sender);
