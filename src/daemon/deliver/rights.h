/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/rights.h - a process that stays root acts on files as
 * somebody else.
 *
 * Only the kernel's idea of who opens, makes and writes files changes (fsuid,
 * fsgid, groups): the somebody cannot send us signals or look into us
 * meanwhile.
 */
#pragma once

#include <sys/types.h>

#include "base/base.h"

/* 0 or a negative errno: then we are nobody in particular, and must not touch
 * a file before it succeeds. Not being root: -EPERM unless we are him. */
MUST_USE int rights_take(uid_t uid, gid_t gid);
/* root again, with the file capabilities that we kept. */
MUST_USE int rights_return(void);

/*
 * Give up all capabilities but those to act as others and on their files.
 * No capability to go beyond quotas (CAP_SYS_RESOURCE) is among them.
 */
MUST_USE int rights_keep_files_only(void);
/* The same, without those on the files of others. */
MUST_USE int rights_keep_acting(void);
/* All of them. */
MUST_USE int rights_keep_none(void);
