/* SPDX-License-Identifier: ISC */
/*
 * store/crc32c.h - the Castagnoli checksum of everything on disk.
 *
 * Start with 0; the result of one piece is the start of the next.
 */
#pragma once

#include "base/span.h"

uint32_t crc32c(uint32_t crc, span bytes);
/* The same without the processor's help: for tests, and other processors. */
uint32_t crc32c_portable(uint32_t crc, span bytes);
