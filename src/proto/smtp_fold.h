/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_fold.h - breaks lines that are longer than a server may take.
 *
 * Content in wire form (CRLF, dot-stuffed) goes in, the same comes out with
 * CRLF and a blank put into lines of more than `limit` bytes
 * (smtp_line_length_limit). The dot that stuffing added does not count.
 */
#pragma once

#include "base/buf.h"

struct smtp_fold {
	uint32_t limit; /* 0: lines may be of any length */
	uint32_t left;  /* bytes that the line may still have */
	bool within;    /* the line has begun */
};

void smtp_fold_init(struct smtp_fold *f, uint32_t limit);
/* By how many bytes the whole content would grow; 0: no line is too long. */
uint64_t smtp_fold_growth(span content, uint32_t limit);
/*
 * Consume input, append output until `out` has `enough` bytes (three more are
 * possible) or the input is empty.
 */
void smtp_fold_put(
    struct smtp_fold *f, span *input, struct buf *out, size_t enough);
