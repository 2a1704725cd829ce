/* SPDX-License-Identifier: ISC */
/*
 * os/sandbox_sanitized.c - takes the place of sandbox_plain.c in builds with
 * AddressSanitizer.
 *
 * At exit its leak checker starts a process that attaches to us by ptrace:
 * the sandbox would kill it, and rightly so. So the one check it makes is
 * made here. Leaks of what comes later are found by the unit tests.
 */
#include <sanitizer/lsan_interface.h>

#include "os/sandbox_internal.h"

void sandbox_last_orders(void)
{
	__lsan_do_leak_check();
}
