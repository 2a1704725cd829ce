/* SPDX-License-Identifier: ISC */
/* os/sandbox_internal.h - the locks that sandbox_enter() turns. */
#pragma once

#include "os/sandbox.h"

/* 0 or a negative errno. Needs no_new_privs. */
MUST_USE int sandbox_lock_files(
    unsigned may, const struct sandbox_path *paths, size_t npaths);
MUST_USE int sandbox_lock_calls(unsigned may);

/* What a sanitizer must do as long as it can; nothing without one. */
void sandbox_last_orders(void);
