/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/folder_name.h - what names of folders stand for; see
 * mua_expand_name().
 */
#pragma once

#include "tool/mail/mua.h"

/* Where "+name" is, from the variable `folder`; false: it is not set. */
MUST_USE bool mua_folder_dir(struct mua *m, struct buf *out);
/* Whether new folders are Maildirs (newfolders). */
bool mua_makes_maildirs(struct mua *m);
/*
 * A plain name of a file after an address, which a stranger may have chosen:
 * the part before "@" with "_" for what could mean something to anybody.
 */
void mua_file_name(span addr, struct buf *out);
