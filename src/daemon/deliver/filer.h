/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/filer.h - the door that a filer closes behind itself.
 */
#pragma once

#include "daemon/deliver/work.h"

/*
 * Leaves it the tmp/ and new/ of the setup's Maildirs, as far as they are fit,
 * and the right to act as somebody else. 0 or a negative errno.
 */
MUST_USE int filer_enclose(const struct work_setup *setup);
