/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/drop.h - one file of maildrop/: what it is, and the message
 * in it.
 */
#pragma once

#include <sys/stat.h>

#include "base/hmap.h"
#include "daemon/pickup/pickup.h"
#include "store/dropfile.h"

enum drop_state {
	DROP_SEEN,   /* and nothing else yet */
	DROP_FLYING, /* on its way to smtpd */
	DROP_HELD,   /* to be tried again at `when` */
	DROP_STUCK,  /* taken; it cannot be removed */
};

/* What is to be done with a file. */
enum drop_look {
	DROP_GOOD,   /* drop_open(): there is a message in it */
	DROP_SKIP,   /* postdrop is not done with it, or it is no mail */
	DROP_KEEP,   /* later, perhaps */
	DROP_REMOVE, /* nobody can ever do anything with it */
};

struct drop_rules {
	int dir;
	uid_t owner;       /* whose files may say more: the mail system's */
	size_t record_max; /* line_length_limit */
	span verp_filter;
	usec now; /* wall clock */
};

struct drop {
	struct hnode node; /* by name */
	struct list link;  /* all that are known */
	struct maildrop *maildrop;
	char *name;
	uint8_t state;    /* enum drop_state */
	uint8_t failures; /* how often it was not taken */
	usec when;
	uint64_t seen; /* the last scan that has seen it */
	struct stat stat;
	/* While it flies: */
	struct mail mail;
	struct dropfile file;
	struct arena arena;
	int fd;
};

struct drop *drop_new(struct maildrop *m, span name);
void drop_free(struct drop *d);

/* Without opening it. */
enum drop_look drop_look(struct drop *d, const struct drop_rules *rules);
/* Read its envelope: d->mail is set for DROP_GOOD, except for `calls`. */
enum drop_look drop_open(struct drop *d, const struct drop_rules *rules);
/* Only the name is still known. */
void drop_close(struct drop *d);
/* For struct mail_calls. */
int drop_read(struct mail *m, bool first, struct buf *out);

PRINTF_LIKE(2, 3) void drop_warn(const char *name, const char *format, ...);
