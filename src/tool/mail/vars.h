/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/vars.h - the variables of mail(1), and the lists beside them.
 *
 * A variable that is not set is looked up in the environment, as ever. What
 * variables there are and what they are at the start is one table in vars.c;
 * other names may be set, too.
 */
#pragma once

#include "base/buf.h"

/* Whose habits: the variable mail_personality, or the name we go by. */
enum manner {
	MANNER_HEIRLOOM, /* mail, mailx, Mail, s-nail: -a attaches a file ... */
	MANNER_BSD,      /* bsd-mailx: -a adds a header */
	MANNER_GNU,      /* mail.mailutils: -a adds a header, -A attaches */
};

struct vars;

/* With the presets of MANNER_HEIRLOOM. */
struct vars *vars_new(void);
/* With those of another manner instead. */
void vars_preset(struct vars *v, enum manner manner);
void vars_free(struct vars **pv);

/* NULL: not set. "" for one that was set without a value. Lives until the
 * variable is set or unset. */
const char *vars_get(const struct vars *v, const char *name);
bool vars_is_set(const struct vars *v, const char *name);
/* Its number; `otherwise` when it is not set or no number. */
uint64_t vars_number(
    const struct vars *v, const char *name, uint64_t otherwise);
/* A value of NULL sets it to "". `fixed`: by -S, which no file undoes. */
void vars_set(struct vars *v, const char *name, const char *value);
void vars_fix(struct vars *v, const char *name, const char *value);
/* -S noname: as if it were not set, in the environment neither. */
void vars_fix_unset(struct vars *v, const char *name);
/* The start-up files are read: from now on everything can be changed. */
void vars_thaw(struct vars *v);
/* False: it was not set. */
bool vars_unset(struct vars *v, const char *name);
typedef void vars_fn(void *ctx, const char *name, const char *value);
/* In alphabetical order, without the environment. */
void vars_each(const struct vars *v, vars_fn *fn, void *ctx);

/*
 * Lists of names: header fields to be ignored or retained, other addresses of
 * the user. Without case.
 */
struct names {
	char **all; /* sorted */
	size_t count;
};
void names_done(struct names *n);
void names_add(struct names *n, span name);
bool names_drop(struct names *n, span name);
bool names_has(const struct names *n, span name);

/*
 * Aliases, shortcuts, macros, accounts: words or lines under a name, which
 * minds case.
 */
struct dict_entry {
	char *name;
	char **values;
	size_t count;
};
struct dict {
	struct dict_entry *all; /* sorted */
	size_t count;
};
void dict_done(struct dict *d);
/* NULL: none. */
struct dict_entry *dict_find(const struct dict *d, span name);
/* Found or made. */
struct dict_entry *dict_make(struct dict *d, span name);
void dict_add(struct dict_entry *e, span value);
/* Without values, but there. */
void dict_clear(struct dict_entry *e);
bool dict_drop(struct dict *d, span name);
