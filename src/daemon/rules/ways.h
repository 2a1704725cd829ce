/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/ways.h - where mail for an accepted recipient goes: to all
 * addresses that it stands for, and to those that are added for it or for the
 * sender.
 */
#pragma once

#include "daemon/rules/restrict.h"

/* e->v->sender; false: a table fails. */
MUST_USE bool ways_fill_sender(struct eval *e);
/* e->v->ways; needs the sender, and the recipient as resolved. */
MUST_USE bool ways_fill(struct eval *e);
/* The same for a process of ours: what is no address goes somewhere, too. */
MUST_USE bool ways_fill_inside(struct eval *e);
