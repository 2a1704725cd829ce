/* SPDX-License-Identifier: ISC */
/*
 * conf/params.h - the registry: every parameter we know, in one table
 * (params.def). postconf, the manual page, the range checks, the complaints
 * of "postfix check" and the typed structs of the daemons come from it.
 *
 * To add a parameter, add its row; the unit test says what is wrong with it.
 */
#pragma once

#include "base/span.h"

enum param_kind {
	PARAM_STR,
	PARAM_RAW, /* not expanded when read: who uses it expands it */
	PARAM_BOOL,
	PARAM_INT,  /* 0 to INT32_MAX */
	PARAM_LONG, /* 0 to INT64_MAX */
	PARAM_TIME, /* the unit of the preset is meant when none is written */
};

enum param_status {
	PARAM_ACTS,
	PARAM_IDLE,    /* accepted without effect: `note` says why */
	PARAM_MISSING, /* not supported: `note` says what instead */
};

/* Who reads it. */
enum param_reader {
	BY_MASTER = 1,
	BY_SMTPD = 2,
	BY_RULES = 4,
	BY_QUEUE = 8,
	BY_RELAY = 16,
	BY_DELIVER = 32,
	BY_TOOLS = 64,
	BY_ALL = 127,
};

/* In the order of the columns of the table, whatever the padding. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct param {
	const char *name;
	uint8_t kind;       /* enum param_kind */
	const char *preset; /* "" for those computed per machine */
	uint64_t min;       /* PARAM_INT, _LONG; PARAM_TIME: seconds; */
	uint64_t max;       /* PARAM_STR: length. A max of 0 is none */
	const char *since;  /* Postfix version that had it first; "" old */
	uint16_t readers;   /* enum param_reader */
	uint8_t status;     /* enum param_status */
	const char *note;   /* NULL when it acts */
	const char *doc;    /* one sentence */
};

/* NULL when there is none. */
const struct param *param_find(span name);
/* All of them, sorted by name. */
const struct param *params_all(size_t *ret_count);

/*
 * Each transport of master.cf has parameters of its own, "TRANSPORT_suffix":
 * whether it is such a suffix, and the parameter whose value is the default
 * (NULL if it is none).
 */
bool param_is_transport_suffix(span suffix);
const struct param *param_of_transport(span suffix);

/* A name that Postfix once had. */
struct param_old {
	const char *name;
	const char *now;  /* the parameter whose default is this one's value */
	const char *note; /* when there is none: what to do */
};

/* NULL when there is none. */
const struct param_old *param_find_old(span name);
const struct param_old *params_old(size_t *ret_count);
