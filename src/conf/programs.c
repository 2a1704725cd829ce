/* SPDX-License-Identifier: ISC */
#include "conf/programs.h"

#define WAITS "mail that is routed there waits in the queue"

/* clang-format off */
static const struct program programs[] = {
	{ "anvil",           PROGRAM_INSIDE,    NULL },
	{ "bounce",          PROGRAM_INSIDE,    NULL },
	{ "cleanup",         PROGRAM_INSIDE,    NULL },
	{ "discard",         PROGRAM_TRANSPORT, NULL },
	{ "dnsblog",         PROGRAM_INSIDE,    NULL },
	{ "error",           PROGRAM_TRANSPORT, NULL },
	{ "flush",           PROGRAM_INSIDE,    NULL },
	{ "lmtp",            PROGRAM_TRANSPORT, NULL },
	{ "local",           PROGRAM_TRANSPORT, NULL },
	{ "nbdb_reindexd",   PROGRAM_INSIDE,    NULL },
	{ "nqmgr",           PROGRAM_INSIDE,    NULL },
	{ "oqmgr",           PROGRAM_INSIDE,    NULL },
	{ "pickup",          PROGRAM_INSIDE,    NULL },
	{ "pipe",            PROGRAM_MISSING,   WAITS },
	{ "postlogd",        PROGRAM_INSIDE,    NULL },
	{ "postscreen",      PROGRAM_MISSING,   "let smtpd listen there" },
	{ "proxymap",        PROGRAM_INSIDE,    NULL },
	{ "qmgr",            PROGRAM_INSIDE,    NULL },
	{ "qmqpd",           PROGRAM_MISSING,   "let clients use SMTP" },
	{ "scache",          PROGRAM_INSIDE,    NULL },
	{ "showq",           PROGRAM_INSIDE,    NULL },
	{ "smtp",            PROGRAM_TRANSPORT, NULL },
	{ "smtpd",           PROGRAM_LISTENS,   NULL },
	{ "spawn",           PROGRAM_MISSING,   "start the program from "
		"systemd or inetd, on the same address" },
	{ "tlsmgr",          PROGRAM_INSIDE,    NULL },
	{ "tlsproxy",        PROGRAM_INSIDE,    NULL },
	{ "trivial-rewrite", PROGRAM_INSIDE,    NULL },
	{ "verify",          PROGRAM_INSIDE,    NULL },
	{ "virtual",         PROGRAM_MISSING,   WAITS },
};
/* clang-format on */

static const struct program unknown = { "", PROGRAM_MISSING,
	"this version has no program of that name" };

const struct program *program_find(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (span_eq(name, span_str(programs[i].name)))
			return &programs[i];
	return &unknown;
}
