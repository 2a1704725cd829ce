/* SPDX-License-Identifier: ISC */
/*
 * map/mongodb_json.h - the filter of a mongodb: table, a JSON text into which
 * parts of keys are put.
 *
 * A part may only ever be text inside of a value. So the template must have
 * it in double quotes, not at the beginning of a name (a "$" there would make
 * it an operator), and what could end the string is escaped (RFC 8259 7).
 */
#pragma once

#include "base/buf.h"

/* What is wrong with the places of the "%s" in the template, or NULL. */
MUST_USE const char *mongodb_json_check(span template);
/* Append the template with `sample` for each part. */
void mongodb_json_sample(span template, span sample, struct buf *out);
/* A db_quote_fn. */
void mongodb_json_quote(void *unused, span part, struct buf *out);
