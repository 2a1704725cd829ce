/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/box.h - the folder that is open, and what the user did to it.
 *
 * Messages are known by their position in the folder, from 0; people count
 * from 1. Sorting and threading change the order in which they are shown and
 * passed through, not their numbers.
 */
#pragma once

#include "mail/people.h"
#include "store/folder.h"
#include "tool/mail/mua.h"

enum box_marks {
	BOX_NEW = 1, /* it is new: never shown in a summary before */
	BOX_SAVED =
	    2,        /* it was saved: deleted at the end (not with keepsave) */
	BOX_HELD = 4, /* "hold": it stays in the system mailbox */
	BOX_MBOX = 8, /* "mbox": goes to ~/mbox at the end */
	BOX_TOUCHED = 16, /* it was looked at in this session */
	BOX_HIDDEN = 32,  /* behind a collapsed thread */
	BOX_FOLDED = 64,  /* the thread below it is collapsed */
	BOX_LISTED = 128, /* the last message list named it: "`" */
	BOX_KILLED = 256, /* "kill", or a score below 0: it is passed over */
};

struct box_message {
	uint16_t marks; /* enum box_marks */
	uint16_t depth; /* in its thread */
	float score;    /* "score"; -INFINITY: killed for good */
};

enum box_order {
	BOX_AS_IS,
	BOX_BY_DATE,
	BOX_BY_FROM,
	BOX_BY_SUBJECT,
	BOX_BY_SIZE,
	BOX_BY_STATUS,
	BOX_BY_SCORE,
	BOX_BY_TO,
	BOX_BY_THREAD,
};

#define BOX_NONE UINT32_MAX

struct box {
	struct folder *folder;
	struct box_message *all; /* one per message of the folder */
	uint32_t count;
	uint32_t dot;      /* the current message, or BOX_NONE */
	uint32_t previous; /* dot before: "`" */
	bool seen_dot;     /* dot was shown: ENTER goes on to the next */
	bool is_system;    /* an incoming mailbox: ~/mbox, hold, "Held ..." */
	uint32_t top;      /* rank of the first line of the summary shown */
	enum box_order order_by;
	uint32_t *order;     /* order[rank] is a position */
	uint32_t *rank;      /* the other way */
	char *path;          /* as shown in quotes: "+lists" below `folder` */
	char *file;          /* where it is */
	char *previous_path; /* "#" */
	/*
	 * A macro of folder-hook is running, for which nothing found is not
	 * worth a word; messages before `hook_first` are not its business.
	 */
	bool in_hook;
	uint32_t hook_first;
	/* What the last message lists looked for, to be named again. */
	struct buf last_subject; /* "/" */
	struct buf last_search;  /* "()" */
	unsigned last_colons;    /* ":" */
};

void box_free(struct box **pb);
/* Forget the folder, which becomes "#"; nothing is written. */
void box_close(struct box *b);

/*
 * Open `name` (expanded; NULL: the inbox) in place of the folder that is open,
 * which is left as "quit" would. 0; 1: an incoming mailbox is empty or not
 * there ("No mail for pue"; not with the variable emptystart); -1: an error
 * (`/x: No such file or directory`). Both were said. Unless it was the empty
 * one, the folder is still the one before.
 */
int box_change(struct mua *m, const char *name);
/* The end: quit (changes are written, "Held 1 message in ...") or exit. 0, or
 * 1: something could not be written, which was said. */
int box_leave(struct mua *m, bool write);
/* Whether the folder that is open is this file or directory. */
bool box_is_at(const struct mua *m, const char *path);
/* New mail: how many messages came. They are in the box, and announced with
 * their summary lines. */
uint32_t box_refresh(struct mua *m);

/* Not deleted, not hidden, not killed. */
bool box_is_shown(const struct box *b, uint32_t i);
bool box_is_deleted(const struct box *b, uint32_t i);
uint8_t box_flags(const struct box *b, uint32_t i);
void box_set_flags(struct box *b, uint32_t i, uint8_t set, uint8_t clear);
/* The next (previous) one shown behind `i` in order, or BOX_NONE. */
uint32_t box_next(const struct box *b, uint32_t i);
uint32_t box_previous(const struct box *b, uint32_t i);
uint32_t box_first(const struct box *b);
/* The letter in front of a summary line: N U R A F H M * ... and blank. */
char box_letter(const struct mua *m, uint32_t i);
/* Make it the current message. */
void box_goto(struct box *b, uint32_t i);
/* `last` was deleted: go on to the nearest one that is left. False: none. */
bool box_leave_deleted(struct box *b, uint32_t last);
/* It was read. */
void box_touch(struct box *b, uint32_t i);
/* Its size as summaries show it. */
void box_extent(
    struct mua *m, uint32_t i, uint64_t *ret_lines, uint64_t *ret_bytes);

/* Say why message i cannot be read, if `r` is an error; returns it. */
int box_trouble(struct mua *m, uint32_t i, int r);
/* Who sent it, by From, Sender or the From_ line. 0 or a negative errno. */
MUST_USE int box_sender(
    struct mua *m, uint32_t i, struct arena *a, struct person *ret);
/*
 * 0 or a negative errno, which was said. Appended. Of a header that is larger
 * than `out` the beginning; of one that somebody else removed nothing.
 */
MUST_USE int box_header(struct mua *m, uint32_t i, struct buf *out);
MUST_USE int box_content(struct mua *m, uint32_t i, struct buf *out);
