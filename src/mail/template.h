/* SPDX-License-Identifier: ISC */
/*
 * mail/template.h - the texts of delivery notices, and files that change
 * them (bounce(5)).
 *
 *	failure_template = <<EOF
 *	Charset: us-ascii
 *	Subject: Undelivered Mail Returned to Sender
 *
 *	This is the mail system at host $myhostname.
 *	EOF
 *
 * Pure; $names stay as they are. A template that is wrong is complained about
 * and the preset remains.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum template_kind {
	TEMPLATE_FAILURE,
	TEMPLATE_DELAY,
	TEMPLATE_SUCCESS,
	TEMPLATE_VERIFY,
	TEMPLATES,
};

struct template
{
	span name; /* "failure" */
	span charset;
	span from; /* ptr == NULL: the preset, which header_from_format decides
	            */
	span subject;
	span postmaster_subject; /* ptr == NULL: this kind has none */
	span text;               /* lines, each with its end */
};

struct templates {
	struct template of[TEMPLATES];
};

/*
 * Names that are no parameters: "delay_warning_time_hours",
 * "maximal_queue_lifetime_days".
 */
struct template_time {
	span parameter;
	span unit;        /* "hours" */
	uint64_t seconds; /* in one of them; 0: there is no such unit */
};
/* False: it is none of these. */
MUST_USE bool template_time_find(span name, struct template_time *ret);

/* With trailing line end; the spans are constants. */
void templates_preset(struct templates *t);

struct template_file {
	span path;           /* as it shall be called */
	struct arena *arena; /* the spans of the result live there */
	void *ctx;
	void (*warn)(void *ctx, span text);
};

/*
 * What the file says instead. True; false when it cannot be understood:
 * `error` says why.
 */
MUST_USE bool templates_parse(struct templates *t,
    const struct template_file *file, span text, struct buf *error);
