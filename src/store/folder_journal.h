/* SPDX-License-Identifier: ISC */
/*
 * store/folder_journal.h - changing an mbox in place, from the first byte
 * that changes to the end, so that whoever is killed on the way loses nothing.
 *
 * The journal is a file of its own, .NAME.journal beside the mailbox or else
 * .mail-journal-DEVICE-INODE in the user's home:
 *
 *	sector 0  "chasqui-journal 1 DEVICE INODE FROM OLD NEW SUMS DATA CRC\n"
 *	sector 1  the phase: "0", "1" or "2"
 *	          a crc32c for every block of 512 bytes of the old end
 *	          the new end of the mailbox
 *
 * FROM is where both ends begin; OLD and NEW are sizes of the mailbox. Numbers
 * are decimal; SUMS, DATA and CRC are crc32c of the sums, of the new end, and
 * of the line up to there. NUL bytes fill the sectors.
 */
#pragma once

#include "store/folder_plan.h"

/*
 * Do what the plan says. 0 or a negative errno: then the mailbox is what it
 * was, or (after an I/O error) what the journal, which stays, will finish.
 */
MUST_USE int folder_journal_commit(
    struct folder *f, const struct folder_plan *p, const struct folder_lock *l);
/* Whether there is a journal for this mailbox. */
bool folder_journal_is_there(const struct folder *f);
/*
 * Finish or forget what a dead process began. If the mailbox is neither what
 * that process found nor what it was making of it, it stays as it is, and the
 * journal gets a name with ".saved" at the end.
 */
MUST_USE int folder_journal_recover(
    struct folder *f, const struct folder_lock *l);
/*
 * For who only reads: a copy of the open mailbox, without a name, in which it
 * is finished or forgotten; -1: the mailbox is to be read as it is. 0 or a
 * negative errno.
 */
MUST_USE int folder_journal_view(const struct folder *f, int mailbox, int *ret);

/* For tests: the first line. */
struct folder_journal_head {
	uint64_t device;
	uint64_t inode;
	uint64_t from;
	uint64_t old_size;
	uint64_t new_size;
	uint64_t sums_crc;
	uint64_t data_crc;
};

void folder_journal_write_head(
    const struct folder_journal_head *h, struct buf *out);
MUST_USE bool folder_journal_parse_head(
    span sector, struct folder_journal_head *ret);
