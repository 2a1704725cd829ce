/* SPDX-License-Identifier: ISC */
/*
 * conf/value.h - the typed values of parameters, from expanded text.
 */
#pragma once

#include "base/span.h"
#include "base/time.h"

/* "yes" or "no", in any case. */
MUST_USE bool conf_parse_bool(span text, bool *ret);
/* Decimal, at most INT64_MAX. */
MUST_USE bool conf_parse_number(span text, uint64_t *ret);
/*
 * A number and one of s, m, h, d, w; `unit` is meant when there is none.
 * At most INT32_MAX seconds, as everywhere in Postfix.
 */
MUST_USE bool conf_parse_duration(span text, char unit, usec *ret);
/* "2", "3.6", "3.6.1" as one number that compares. */
MUST_USE bool conf_parse_level(span text, uint64_t *ret);
