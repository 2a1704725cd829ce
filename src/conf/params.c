/* SPDX-License-Identifier: ISC */
#include "conf/params.h"

#include <stdlib.h>

/* clang-format off */
/* Kinds. */
#define STR  PARAM_STR
#define RAW  PARAM_RAW
#define BOOL PARAM_BOOL
#define INT  PARAM_INT
#define LONG PARAM_LONG
#define TIME PARAM_TIME

/* Ranges. */
#define ANY           0, 0
#define AT_LEAST(n)   n, 0
#define BETWEEN(a, b) a, b

/* Statuses. */
#define ACTS PARAM_ACTS, NULL
/* ... without effect, because it is not needed here: */
#define OUR_QUEUE PARAM_IDLE, "the queue is a log, not files in directories"
#define OUR_PROCS PARAM_IDLE, "our processes serve many clients each and stay"
#define OUR_IPC   PARAM_IDLE, "our processes talk over channels made by master"
#define OUR_NAMES PARAM_IDLE, "our processes do not look for services by name"
#define OUR_LOG   PARAM_IDLE, "master hands the log to every process"
#define OUR_LINES PARAM_IDLE, "a stray CR or LF is always replaced"
#define OUR_PACE  PARAM_IDLE, "a client waits for the disk in any case"
#define OUR_PID   PARAM_IDLE, "the lock of master is pid/master.pid"
#define PACKAGING PARAM_IDLE, "only scripts that install packages read it"
/* ... without effect, so take care: */
#define NO_TLS     PARAM_MISSING, "TLS is not part of this version; " \
	"use networks that you trust, or a TLS proxy in front"
#define NO_SASL    PARAM_MISSING, "SASL is not part of this version; " \
	"list your clients in mynetworks"
#define NO_MILTER  PARAM_MISSING, "milters are not part of this version"
#define NO_FILTER  PARAM_MISSING, "content filters are not part of this version"
#define NO_CHECKS  PARAM_MISSING, "header and body checks are not part of " \
	"this version"
#define NO_REWRITE PARAM_MISSING, "this kind of address rewriting is not " \
	"part of this version"
#define NO_MAPS    PARAM_MISSING, "lookup tables are not part of this " \
	"version; mail that would need one is deferred"
#define NO_VIRTUAL PARAM_MISSING, "virtual mailboxes are not part of this " \
	"version; deliver to local users or to another host"
#define NO_VERIFY  PARAM_MISSING, "address verification is not part of this " \
	"version"
#define NO_SCREEN  PARAM_MISSING, "postscreen is not part of this version; " \
	"let smtpd listen"
#define NO_UTF8    PARAM_MISSING, "SMTPUTF8 is not part of this version"
#define NO_RATES   PARAM_MISSING, "rates per client are not part of this version"
#define NO_LOCAL   PARAM_MISSING, "local delivery of this version knows " \
	"mailbox files only"
#define NO_POLICY  PARAM_MISSING, "policy services are not part of this version"
#define OUR_LMTP   PARAM_MISSING, "LMTP uses port 24, or the one of the next " \
	"hop: write it there"
#define USE_SMTP   PARAM_MISSING, "LMTP follows the smtp_ parameter of the " \
	"same name; override that one for the service in master.cf"
#define NO_FEATURE PARAM_MISSING, "it is not part of this version"

static const struct param table[] = {
#include "conf/params.def"
};
/* clang-format on */

static int compare(const void *key, const void *member)
{
	const span *name = key;
	const struct param *p = member;

	return span_cmp(*name, span_str(p->name));
}

const struct param *param_find(span name)
{
	return bsearch(
	    &name, table, ARRAY_LEN(table), sizeof(table[0]), compare);
}

const struct param *params_all(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(table);
	return table;
}

bool param_is_transport_suffix(span suffix)
{
	static const span suffixes[] = {
		SPAN_INIT("delivery_slot_cost"),
		SPAN_INIT("delivery_slot_discount"),
		SPAN_INIT("delivery_slot_loan"),
		SPAN_INIT("destination_concurrency_failed_cohort_limit"),
		SPAN_INIT("destination_concurrency_limit"),
		SPAN_INIT("destination_concurrency_negative_feedback"),
		SPAN_INIT("destination_concurrency_positive_feedback"),
		SPAN_INIT("destination_rate_delay"),
		SPAN_INIT("destination_recipient_limit"),
		SPAN_INIT("extra_recipient_limit"),
		SPAN_INIT("initial_destination_concurrency"),
		SPAN_INIT("minimum_delivery_slots"),
		SPAN_INIT("recipient_limit"),
		SPAN_INIT("recipient_refill_delay"),
		SPAN_INIT("recipient_refill_limit"),
		SPAN_INIT("time_limit"),
		SPAN_INIT("transport_rate_delay"),
	};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (span_eq(suffix, suffixes[i]))
			return true;
	return false;
}
