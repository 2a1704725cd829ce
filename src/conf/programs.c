/* SPDX-License-Identifier: ISC */
#include "conf/programs.h"

#define WAITS "mail that is routed there waits in the queue"

/* clang-format off */
static const struct program programs[] = {
	{ "anvil",           PROGRAM_INSIDE,    NULL, false },
	{ "bounce",          PROGRAM_INSIDE,    NULL, false },
	{ "cleanup",         PROGRAM_INSIDE,    NULL, false },
	{ "discard",         PROGRAM_TRANSPORT, NULL, false },
	{ "dnsblog",         PROGRAM_INSIDE,    NULL, false },
	{ "error",           PROGRAM_TRANSPORT, NULL, false },
	{ "flush",           PROGRAM_INSIDE,    NULL, false },
	{ "lmtp",            PROGRAM_TRANSPORT, NULL, true },
	{ "local",           PROGRAM_TRANSPORT, NULL, false },
	{ "nbdb_reindexd",   PROGRAM_INSIDE,    NULL, false },
	{ "nqmgr",           PROGRAM_INSIDE,    NULL, false },
	{ "oqmgr",           PROGRAM_INSIDE,    NULL, false },
	{ "pickup",          PROGRAM_LISTENS,   NULL, false },
	{ "pipe",            PROGRAM_TRANSPORT, NULL, true },
	{ "postlogd",        PROGRAM_INSIDE,    NULL, false },
	{ "postscreen",      PROGRAM_MISSING,   "let smtpd listen there", false },
	{ "proxymap",        PROGRAM_INSIDE,    NULL, false },
	{ "qmgr",            PROGRAM_INSIDE,    NULL, false },
	{ "qmqpd",           PROGRAM_MISSING,   "let clients use SMTP", false },
	{ "scache",          PROGRAM_INSIDE,    NULL, false },
	{ "showq",           PROGRAM_INSIDE,    NULL, false },
	{ "smtp",            PROGRAM_TRANSPORT, NULL, true },
	{ "smtpd",           PROGRAM_LISTENS,   NULL, false },
	{ "spawn",           PROGRAM_LISTENS,   NULL, true },
	{ "tlsmgr",          PROGRAM_INSIDE,    NULL, false },
	{ "tlsproxy",        PROGRAM_INSIDE,    NULL, false },
	{ "trivial-rewrite", PROGRAM_INSIDE,    NULL, false },
	{ "verify",          PROGRAM_INSIDE,    NULL, false },
	{ "virtual",         PROGRAM_TRANSPORT, NULL, false },
};
/* clang-format on */

static const struct program unknown = { "", PROGRAM_MISSING,
	"this version has no program of that name", true };

const struct program *program_find(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (span_eq(name, span_str(programs[i].name)))
			return &programs[i];
	return &unknown;
}
