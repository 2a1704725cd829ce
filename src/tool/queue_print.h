/* SPDX-License-Identifier: ISC */
/*
 * tool/queue_print.h - the queue as mailq and "postqueue -j" show it, byte
 * for byte as Postfix 3.7 does, or in the form of sendmail 8.
 */
#pragma once

#include "ipc/msg_ctl.h"

enum queue_form {
	QUEUE_POSTFIX,
	QUEUE_JSON,
	QUEUE_SENDMAIL,
};

struct queue_print {
	enum queue_form form;
	uint64_t messages;
	uint64_t bytes;
};

/* One message, appended. The order of entry's recipients may change. */
void queue_print_entry(
    struct queue_print *p, struct ctl_entry *entry, struct buf *out);
/*
 * What stands before the first message and tells how many there are, so that
 * it is known last; only sendmail's form has such a line.
 */
void queue_print_head(const struct queue_print *p, struct buf *head);
/* What stands at the end, or instead of an empty list. */
void queue_print_end(const struct queue_print *p, struct buf *out);

/*
 * Text of strangers for a terminal: what is no printable ASCII and no UTF-8
 * becomes '?'.
 */
void queue_print_text(struct buf *out, span text);
