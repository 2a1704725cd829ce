/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_submit.h - mail that starts on this machine.
 *
 *	deliver -> pickup   SUBMIT_MESSAGE    pickup -> deliver  SUBMIT_RESULT
 *	pickup -> smtpd     SUBMIT_SESSION
 *
 * pickup brings what commands have left in maildrop/, and what aliases and
 * ~/.forward send on, into the mail system: through smtpd, over a session of
 * SMTP like any other, except that it comes over a socketpair of our own. So
 * there is one way in, with one place where headers are cleaned and addresses
 * looked up.
 */
#pragma once

#include "mail/envelope.h"

enum {
	SUBMIT_MESSAGE = 0x800, /* struct submit; one descriptor if blob */
	SUBMIT_RESULT,          /* struct submit_result */
	/* One end of a socketpair: a session that is trusted. u32 service:
	 * the pickup line of master.cf. */
	SUBMIT_SESSION,
};

struct submit {
	uint64_t number;
	/* Of the new message: sender, flags, envid, client_*, and of the
	 * recipients addr, orig, orcpt, notify. No id. */
	struct envelope envelope;
	span head;    /* header lines to stand on top, in wire form */
	bool blob;    /* the content is in the descriptor, from offset 0 */
	span content; /* else here, in wire form without the final dot */
};

enum submit_what {
	SUBMIT_OK,    /* on stable storage */
	SUBMIT_AGAIN, /* not now */
};

struct submit_result {
	uint64_t number;
	uint8_t what; /* enum submit_what */
	msgid id;     /* SUBMIT_OK */
	span why;     /* else */
};

void submit_put(struct buf *out, const struct submit *m);
MUST_USE bool submit_get(span payload, struct arena *a, struct submit *ret);
void submit_result_put(struct buf *out, const struct submit_result *m);
MUST_USE bool submit_result_get(span payload, struct submit_result *ret);
