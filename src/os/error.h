/* SPDX-License-Identifier: ISC */
/*
 * os/error.h - from the C library's -1 and errno to our negative errno.
 */
#pragma once

#include <errno.h>
#include <sys/types.h>

#include "base/base.h"

/* What the call returned if it is not negative, else -errno. */
static inline int os_error(int r)
{
	return r < 0 ? -errno : r;
}

static inline ssize_t os_size(ssize_t r)
{
	return r < 0 ? -errno : r;
}
