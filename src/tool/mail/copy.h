/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/copy.h - messages of the open folder into another one.
 */
#pragma once

#include "tool/mail/box.h"

struct copying {
	const char *path;
	const uint32_t *all;
	size_t count;
	uint8_t flags; /* set on all of them: enum folder_flags */
	/* out: */
	bool is_new;
	bool is_maildir;
	uint64_t lines;
	uint64_t bytes;
};

/*
 * All or none, without the fields of save_ignored. The folder is made if there
 * is none. 0, or 1: that failed, which was said.
 */
int copy_messages(struct mua *m, struct copying *c);
/* The same, but in front of what an mbox has. */
int prepend_messages(struct mua *m, struct copying *c);
