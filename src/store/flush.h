/* SPDX-License-Identifier: ISC */
/*
 * store/flush.h - fsync() of many files at once.
 *
 * One after the other, each would wait for the disk to empty its cache. Asked
 * for at the same time, the kernel lets them share that.
 */
#pragma once

#include "base/base.h"

struct flush {
	int fd;
	int result; /* 0 or a negative errno */
};

/* In threads, where the process may make them. */
void flush_all(struct flush *files, size_t n);
