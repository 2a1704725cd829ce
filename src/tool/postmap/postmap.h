/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/postmap.h - what the files of postmap(1), postalias(1) and
 * newaliases(1) share. They are one program: the source of an alias table has
 * other lines, and a key is printed with a colon, that is all.
 *
 * Messages and exit codes are those of Postfix 3.7.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"
#include "map/map.h"

struct tool {
	const char *name; /* who complains */
	int failure;      /* exit code of fatal errors */
	bool alias;       /* postalias */
	bool json;
	bool utf8;      /* smtputf8_enable */
	bool as_owner;  /* unless -o */
	bool save_mode; /* unless -p */
	bool headers;   /* -h: keys are headers of a message */
	bool body;      /* -b: lines of its body */
	bool mime;      /* -m: of its parts too */
	bool announce;  /* tell what a table of aliases has, as sendmail does */
	bool bad_lines; /* there were lines that had to be left out */
	unsigned flags; /* enum map_flags */
	struct conf *conf;
	struct map_host host;
	struct buf out;
};

/* A table as it is named on the command line; the type may be missing. */
struct table_name {
	span type;
	span name;
	struct buf spec; /* "type:name" */
};

/* --- main.c --- */

NO_RETURN PRINTF_LIKE(2, 3) void fatal(struct tool *t, const char *format, ...);
PRINTF_LIKE(2, 3) void warn(struct tool *t, const char *format, ...);
/* Write what is there, if it is more than `keep` bytes. */
void flush_out(struct tool *t, size_t keep);
/* One line: "key value", as the options want it. */
void print_pair(struct tool *t, span key, span value);
/* With default_database_type if there is no type. */
void name_table(struct tool *t, const char *argument, struct table_name *ret);
/* End if a part of it is missing. */
void check_name(struct tool *t, struct table_name *name);
/* Open it, or complain and end. */
struct map *open_table(struct tool *t, const char *argument, unsigned flags);

/* --- query.c: 0, or 1 when nothing was found --- */

int query_one(struct tool *t, char **names, const char *key);
int query_stdin(struct tool *t, char **names);
int show_all(struct tool *t, const char *name);
/* Each table's value of the key; the first is printed. */
struct asked;
struct asked *asked_new(struct tool *t, char **names);
void asked_free(struct asked **pa);
/* Whether one of the tables has it; it is printed then. */
bool asked_find(struct asked *a, span key);
/* A lot will be asked. */
void asked_expect_many(struct asked *a);

/* --- input.c: standard input, line by line --- */

struct input {
	struct tool *tool;
	struct buf bytes;
	size_t at;
	bool ended;
	/* Called before more is read. */
	void (*on_read)(void *ctx, size_t last);
	void *ctx;
};

void input_init(struct input *in, struct tool *t);
void input_done(struct input *in);
/* The next line without its end, until the next call; false: no more. */
bool input_line(struct input *in, span *ret);
/* As many as are there, one at least; their number, or 0 at the end. */
size_t input_lines(struct input *in, span *ret, size_t most);

/* --- message.c --- */

int query_message(struct tool *t, char **names);

/* --- remove.c --- */

int remove_one(struct tool *t, char **names, const char *key);
int remove_stdin(struct tool *t, char **names);

/* --- build.c --- */

void build_table(struct tool *t, const char *argument, bool incremental);
