/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/postconf.h - what the files of postconf(1) share.
 *
 * postconf shows files as they are written, in whatever state they are: it
 * works where a daemon would refuse to start. So it does not use the checked
 * snapshot of conf/conf.h, but reads main.cf and master.cf on its own, with
 * the same parsers of lines, settings and $name.
 *
 * One `struct postconf` is the whole command. Everything it reads lives in
 * its arena until the process ends; spans never need a copy.
 */
#pragma once

#include <stdarg.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hmap.h"
#include "conf/params.h"

/* For "%.*s", however long it is. */
#define ALL(s) (int)(s).len, (s).ptr

/* One bit per option. */
enum mode {
	SHOW_NONDEF = 1 << 0,       /* -n */
	SHOW_DEFS = 1 << 1,         /* -d */
	HIDE_NAME = 1 << 2,         /* -h */
	SHOW_MAPS = 1 << 3,         /* -m */
	EDIT_CONF = 1 << 4,         /* -e */
	SHOW_LOCKS = 1 << 5,        /* -l */
	SHOW_EVAL = 1 << 6,         /* -x */
	SHOW_SASL_SERVER = 1 << 7,  /* -a */
	SHOW_SASL_CLIENT = 1 << 8,  /* -A */
	COMMENT_OUT = 1 << 9,       /* -# */
	MASTER_ENTRY = 1 << 10,     /* -M */
	FOLD_LINE = 1 << 11,        /* -f */
	EDIT_EXCL = 1 << 12,        /* -X */
	MASTER_FIELD = 1 << 13,     /* -F */
	MAIN_PARAM = 1 << 14,       /* -p */
	EXPAND_TEMPLATES = 1 << 15, /* -b */
	PARAM_CLASS = 1 << 16,      /* -C */
	MAIN_OVERRIDE = 1 << 17,    /* -o */
	DUMP_TEMPLATES = 1 << 18,   /* -t */
	MASTER_PARAM = 1 << 19,     /* -P */
	HIDE_VALUE = 1 << 20,       /* -H */
	SHOW_TLS = 1 << 21,         /* -T */
	SHOW_JSON = 1 << 22,        /* -j */
	MASTER_MERGED = 1 << 23,    /* -PP */

	MASTER_ANY = MASTER_ENTRY | MASTER_FIELD | MASTER_PARAM,
	EDIT_ANY = EDIT_CONF | COMMENT_OUT | EDIT_EXCL,
};

/* name = value pairs in the order they were first set. */
struct dict_entry {
	struct hnode by_name;
	struct dict_entry *next;
	span name;
	span value;
	bool removed;
};

struct dict {
	struct hmap by_name;
	struct dict_entry *first;
	struct dict_entry *last;
};

/* What makes a name valid. */
enum name_flags {
	NAME_RAW = 1 << 0, /* its value is not expanded */
	NAME_BUILTIN = 1 << 1,
	NAME_SERVICE = 1 << 2, /* made of a transport's name */
	NAME_USER = 1 << 3,    /* some value mentions it */
	NAME_LEGACY = 1 << 4,  /* shown only when it is set */
	NAME_READONLY = 1 << 5,
	NAME_DBMS = 1 << 6, /* a setting of a table: "NAME_server_host" */

	NAME_CLASSES = NAME_BUILTIN | NAME_SERVICE | NAME_USER,
};

struct name {
	struct hnode by_name;
	span name;
	unsigned flags;
	span preset; /* ptr == NULL: computed, see value.c */
};

enum { ENTRY_MAX = 64 * 1024 * 1024 }; /* longest line of master.cf */

enum {
	FIELD_SERVICE,
	FIELD_TYPE,
	FIELD_PRIVATE,
	FIELD_UNPRIVILEGED,
	FIELD_CHROOT,
	FIELD_WAKEUP,
	FIELD_MAXPROC,
	FIELD_COMMAND,
	FIELDS,
};

/* A line of master.cf. */
struct entry {
	span *words; /* the fields, then the command's arguments */
	size_t count;
	span space;          /* "name/type" */
	struct dict *params; /* of its -o; NULL: none. Shared by namesakes */
	struct hmap valid;   /* struct name: the user's names among them */
};

struct postconf {
	const char *program;
	span dir;
	bool dir_chosen;  /* by -c or the environment */
	unsigned mode;    /* enum mode */
	unsigned classes; /* of -C */
	unsigned verbose;
	bool quiet; /* -q: nothing about unused parameters */
	struct arena arena;
	struct buf out;
	struct dict main_cf;
	struct hmap names; /* struct name: what main.cf may set */
	size_t nnames;
	struct entry *entries;
	size_t nentries;
	struct hmap tables_seen;  /* struct name: files that dbms.c has read */
	struct hmap classes_seen; /* struct name: smtpd_restriction_classes */
	span myhostname;          /* defaults that were computed already */
	span mydomain;
	span mynetworks;
};

/* report.c: messages go to stderr. */
PRINTF_LIKE(2, 3)
void warn(struct postconf *pc, const char *format, ...);
PRINTF_LIKE(2, 3)
void info(struct postconf *pc, const char *format, ...);
/* Says it, and ends with exit status 1. What waits in pc->out is lost. */
NO_RETURN PRINTF_LIKE(2, 3) void fatal(
    struct postconf *pc, const char *format, ...);
/* Writes what waits in pc->out. */
void flush(struct postconf *pc);

/* memory that lasts; never NULL */
void *keep_new(struct postconf *pc, size_t n, size_t size);
span keep(struct postconf *pc, span s);
span keep_joined(struct postconf *pc, span a, span b, span c);

/* dict.c */
void dict_init(struct dict *d);
void dict_done(struct dict *d);
struct dict_entry *dict_find(const struct dict *d, span name);
/* ptr == NULL: not there. */
span dict_get(const struct dict *d, span name);
void dict_set(struct postconf *pc, struct dict *d, span name, span value);
void dict_remove(struct dict *d, struct dict_entry *e);
/* Expands $name with what is set here alone; fatal when that cannot be. */
span dict_expand(
    struct postconf *pc, struct dict *d, const char *d_name, span value);
/* A line that continues nothing. */
void warn_stray_line(struct postconf *pc, const char *path, const char *line);
/* Later settings replace earlier ones, with a warning. */
void dict_load(
    struct postconf *pc, struct dict *d, const char *path, span text);

/* names.c */
struct name *name_find(const struct hmap *names, span name);
struct name *name_add(
    struct postconf *pc, struct hmap *names, span name, unsigned flags);
void names_add_builtin(struct postconf *pc);
/* TRANSPORT_destination_... of the services in master.cf. */
void names_add_services(struct postconf *pc);
/* The names that values mention; complains about those that nobody set. */
void names_add_user(struct postconf *pc);
void names_warn_unused_main(struct postconf *pc);
void names_warn_unused_master(struct postconf *pc);

/* dbms.c: names made of a table's name: "ldapx_server_host" of "ldap:ldapx".
 * `value` is that of a parameter of ours; `scope` is the service or NULL. */
void dbms_scan(struct postconf *pc, span value, struct entry *scope);
/* user.c, for dbms.c: `name` is mentioned. */
void user_mention(
    struct postconf *pc, span name, unsigned flags, struct entry *scope);

/* value.c */
span value_default(struct postconf *pc, const struct name *n);
/* Ends the program when what main.cf says of this machine's name and networks
 * leaves no default. */
void value_check_defaults(struct postconf *pc);
/* As written; ptr == NULL: not set, and no default wanted (-n) or known. */
span value_find(
    struct postconf *pc, unsigned mode, span name, const struct entry *scope);
/* Whether that will do. */
bool value_can_expand(
    struct postconf *pc, span value, const struct entry *scope);
/* Expands $name; fatal when that cannot be done. Kept. */
span value_expand(
    struct postconf *pc, unsigned mode, span value, const struct entry *scope);

/* main_cf.c */
void main_read(struct postconf *pc);
void main_override(struct postconf *pc, span setting);
void main_show(struct postconf *pc, char **names);

/* print.c: white space becomes single blanks, long lines are folded (-f). */
void print_line(struct postconf *pc, span line);
void print_quoted_json(struct buf *out, span text);

/* master_cf.c */
void master_read(struct postconf *pc, bool must_exist);
/* NULL, or what is wrong. */
const char *master_parse(struct postconf *pc, span line, struct entry *ret);
/*
 * A word begins with a brace: its length up to the partner, both included;
 * 0 when there is none.
 */
size_t braced_length(span word);
bool word_is_option(span word);
/* Whether the option takes the next word: "-o". */
bool word_wants_value(span word);
void master_set_field(
    struct postconf *pc, struct entry *e, size_t field, span value);
/* Sets it, or (value.ptr == NULL) removes it. */
void master_set_param(
    struct postconf *pc, struct entry *e, span name, span value);

/* master_show.c */
void master_show_entries(struct postconf *pc, char **patterns);
void master_show_fields(struct postconf *pc, char **patterns);
void master_show_params(struct postconf *pc, char **patterns);
void master_print_entry(
    struct postconf *pc, unsigned mode, struct buf *out, const struct entry *e);

/* edit_main.c, edit_master.c */
void edit_main(struct postconf *pc, char **requests);
void edit_master(struct postconf *pc, char **requests);

/* kinds.c: -a -A -l -m -T; `tls` is the argument of -T */
void kinds_show(struct postconf *pc, const char *tls);

/* templates.c: -b -t */
void templates_show(struct postconf *pc, char **files);
