/* SPDX-License-Identifier: ISC */
/*
 * conf/expand.h - $name and its relatives in configuration values.
 *
 *	$x ${x} $(x)         the value of x, itself expanded
 *	${x?text} ${x:text}  text if x is not empty; if it is empty or unset
 *	${x?{y}:{z}}         either; white space between the braces is free
 *	${{a} == {b}?...}    == != < <= > >=, numeric when both are numbers;
 *	                     with "level" behind: compatibility levels
 *	${domain_to_ascii{text}}  text, which must be ASCII
 *	$$                   a dollar sign
 *
 * Pure: where values come from is the caller's lookup.
 */
#pragma once

#include "base/buf.h"

/* The unexpanded value of a name; ptr == NULL if there is none. */
typedef span expand_lookup_fn(void *ctx, span name);

enum expand_result {
	EXPAND_OK,
	EXPAND_BAD, /* `error` says what is wrong with the text */
};

enum { EXPAND_MAX = 1024 * 1024 }; /* longest result */

/* Appends to `out`, which has its own limit: check out->failed too. */
MUST_USE enum expand_result expand_text(span text, expand_lookup_fn *lookup,
    void *ctx, struct buf *out, struct buf *error);

/*
 * The same for texts that are expanded once for each message: a value is put
 * in as it is, whatever it contains. `tested`: only whether it is empty
 * counts. `ret_undefined`: the text uses a name that has no value.
 */
typedef span expand_value_fn(void *ctx, span name, bool tested);
struct expand_once {
	expand_value_fn *value;
	void *ctx;
	struct buf *error;
};
MUST_USE enum expand_result expand_once(span text, const struct expand_once *x,
    struct buf *out, bool *ret_undefined);

/*
 * Call fn for each name in `text`, in conditions and in both branches too,
 * but not in the values of those names. EXPAND_BAD as above; fn was called
 * for what stands before the mistake.
 */
typedef void expand_name_fn(void *ctx, span name);
MUST_USE enum expand_result expand_scan(
    span text, expand_name_fn *fn, void *ctx, struct buf *error);

/* Call fn for each name that `text` itself mentions, in any form. */
void expand_names(span text, expand_name_fn *fn, void *ctx);
