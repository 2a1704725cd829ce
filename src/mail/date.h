/* SPDX-License-Identifier: ISC */
/*
 * mail/date.h - the ways mail writes a time, in local time; and reading what
 * others wrote.
 *
 * The time zone is read once; a process that will lose its file system calls
 * date_init() before.
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"

enum { DATE_MAX = 64 }; /* enough for each form */

void date_init(void);

/* RFC 5322: "Sun, 24 May 2020 08:56:11 +0200 (CEST)". */
void date_write(struct buf *out, usec wall);
/* As users' programs write it: "Sun, 24 May 2020 08:56:11 +0200". */
void date_write_plain(struct buf *out, usec wall);
/* As in an mbox From_ line: "Sun May 24 08:57:10 2020". */
void date_write_ctime(struct buf *out, usec wall);
/* As in mailq: "Sun May 24 08:57:10" (19 characters). */
void date_write_short(struct buf *out, usec wall);
/* UTC, digits only, as in our Message-Ids: "20200524065632". */
void date_write_stamp(struct buf *out, usec wall);

/*
 * A time as it stands in a Date field (old forms, too), in a From_ line
 * behind the sender, or as "24-Feb-2020". Without a zone it is local time.
 * False: no date can be seen in it, or one before 1970.
 */
MUST_USE bool date_parse(span text, usec *ret);
