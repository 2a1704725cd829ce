/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_inside.h - what only a process of ours can say of a message, in
 * a session that is trusted (smtp_server_inside.c).
 */
#pragma once

#include "base/span.h"

struct smtp_inside {
	uint64_t arrival;  /* wall clock, microseconds; 0: now */
	uint64_t received; /* the same, for the Received header */
	uint32_t uid;
	bool has_uid;   /* a user's, from maildrop: `uid` is his */
	bool is_final;  /* it was here before: nothing of it is changed */
	bool is_remote; /* headers are rewritten as those of a stranger */
	bool trace;
	bool verify;
	span full_name;
	span former_id;   /* of what was here before */
	span client_name; /* of the message that it comes from */
	span client_addr;
	uint16_t client_port;
	span helo;
	span proto;
};
