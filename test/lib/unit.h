/* SPDX-License-Identifier: ISC */
/* test/lib/unit.h - cmocka with the headers it forgets, and span checks. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

#define assert_span_equal(got, want) \
	unit_assert_span((got), (want), __FILE__, __LINE__)

static inline void unit_assert_span(
    span got, span want, const char *file, int line)
{
	if (span_eq(got, want))
		return;
	print_error("%s:%d: got \"%.*s\", want \"%.*s\"\n", file, line,
	    (int)got.len, got.len ? got.ptr : "", (int)want.len,
	    want.len ? want.ptr : "");
	_fail(file, line);
}
