/* SPDX-License-Identifier: ISC */
/*
 * conf/special.h - values that must be more than of the right kind: one of a
 * few words, a host name.
 */
#pragma once

#include "base/buf.h"

/*
 * Whether the value of that parameter is one of those it may have; if not,
 * what is wrong, as Postfix says it, and what to write instead.
 */
MUST_USE bool special_check(span name, span value, struct buf *error);
