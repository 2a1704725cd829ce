/* SPDX-License-Identifier: ISC */
/*
 * map/map.h - lookup tables: "hash:/etc/postfix/access", "pcre:/...", ...
 *
 * One file per type; a type is a row of types.c. What is common stands here
 * and in map.c: opening by "type:name", case, change of the file, warnings.
 *
 * A table that cannot be opened is still a table: looking something up in it
 * warns and answers MAP_RETRY. So nobody decides by what is not there.
 *
 * Everything blocks: for workers and commands, never for a loop.
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"

#include <sys/stat.h>

enum map_answer {
	MAP_FOUND,
	MAP_NONE,
	MAP_RETRY, /* cannot be said now; the reason was given to warn() */
};

/* How a table is opened. */
enum map_flags {
	/* Keys of types with MAP_EXACT do not know case. */
	MAP_FOLD_FIXED = 1,
	/* The same for the types that search (regexp, tcp, ...). */
	MAP_FOLD_SEARCHED = 2,
	/* Keys and values must be UTF-8; case folding knows it. */
	MAP_UTF8 = 4,
	/* Values are names of files: the table gives their content, base64. */
	MAP_VALUE_IS_FILE = 8,
	/* The table decides what may be done: pcre/regexp values must not take
	 * text out of the key ($1). */
	MAP_NO_SUBSTITUTION = 16,
	/* Must not be one that others can write to or listen for: tcp. */
	MAP_NO_UNAUTH = 32,
	/* A key that is there twice in a text (texthash): say so, take the
	 * first, or take the last. Without any of them it is an error. */
	MAP_DUP_WARN = 64,
	MAP_DUP_IGNORE = 128,
	MAP_DUP_REPLACE = 256,
	/* Keys and values in files (hash, lmdb, cdb) end in a NUL, or do not.
	 * Neither: both are tried; what is written is the type's choice. */
	MAP_WITH_NUL = 512,
	MAP_WITHOUT_NUL = 1024,
	/* Very many lookups follow: spend memory on it. Answers may be as old
	 * as the last map_changed(). */
	MAP_BULK = 2048,
	/* Others wait for the answer: a table that took long to say that it
	 * cannot answer is not asked again for some seconds. */
	MAP_RESTS = 4096,
};

#define MAP_OWNERS ((uid_t)-1) /* of a table: several users */
/* Values longer than this are nobody's. */
enum { MAP_VALUE_MAX = 1 << 28 };

/* What a type is like. */
enum map_traits {
	/* A key is one string, found or not; parts of addresses and domains
	 * are looked up one after the other. Without it the table searches
	 * with the whole key only (regexp, cidr, ...). */
	MAP_EXACT = 1,
	/* The table's own protocol takes its keys as they are. */
	MAP_REMOTE = 2,
	/* The name is a file: relative ones are an error for daemons. */
	MAP_FILE = 4,
	/* Messages call it by the file that it opened: "hash:x.db". */
	MAP_SHOWN_BY_PATH = 8,
};

/* Whoever uses tables. */
struct map_host {
	void *ctx;
	/* A line for the log or stderr, "warning: " not included. */
	void (*warn)(void *ctx, span text);
	/* A main.cf parameter, expanded: "ldapsource_server_host" for
	 * "ldap:ldapsource". ptr == NULL: there is none. */
	span (*param)(void *ctx, span name);
	/* Where map-TYPE.so are. */
	span module_dir;
};

struct map;
struct map_index;
struct map_type;
struct map_writer;
struct map_writer_ops;

/* What a type's open() gets. The spans last until it returns. */
struct map_setup {
	const struct map_host *host;
	span type;
	span name; /* behind "type:" */
	unsigned flags;
	struct buf *reason; /* why not: goes into the log line */
	unsigned depth;     /* of tables within tables */
};

struct map_type {
	const char *name;
	unsigned traits;
	/*
	 * A table, with its own struct around the embedded struct map, made
	 * with mem_new() (so zeroed); map.c fills the common members. NULL:
	 * `reason` says why. Warnings about single lines go to the host.
	 */
	struct map *(*open)(const struct map_setup *setup);
	/* Append the value of the key (folded already if it should be). */
	enum map_answer (*find)(struct map *m, span key, struct buf *value);
	/* Free it all, the struct too. `m` is never NULL. */
	void (*close)(struct map *m);
	/* Call `fn` for each entry, in the order of the file, until it says
	 * false. MAP_NONE at the end, or MAP_RETRY. NULL: cannot be done. */
	enum map_answer (*each)(struct map *m,
	    bool (*fn)(void *ctx, span key, span value), void *ctx);
	/* NULL: the file of map_watch(), if any, says it. */
	bool (*changed)(struct map *m);
	/* Files that it opens later, beside that of map_watch(): who locks
	 * himself in lets them in first. NULL: none. */
	void (*files)(
	    struct map *m, void (*fn)(void *ctx, const char *path), void *ctx);
	/* NULL: cannot be written. */
	const struct map_writer_ops *writer;
};

/* Embedded in each type's own struct, as its first member. */
struct map {
	const struct map_type *type; /* NULL: could not be opened */
	const struct map_host *host;
	span spec;        /* "hash:/etc/postfix/access" */
	span shown;       /* the same as messages call it */
	unsigned flags;   /* enum map_flags */
	unsigned traits;  /* enum map_traits: the type's, unless changed */
	usec rests_until; /* MAP_RESTS */
	/* MAP_BULK: all of it in memory, once that pays. */
	struct map_index *index;
	uint64_t asked;
	bool no_index; /* it was tried, or the file changed meanwhile */
	struct buf fold;
	struct buf reason; /* why not, or why not all: of inner tables */
	/* The file it was read from; path is empty for the others. */
	char *path;
	uid_t owner; /* of the file, or of inner tables that are not root's */
	struct timespec mtime;
	dev_t dev;
	ino_t ino;
	off_t size;
};

/*
 * Open "type:name". Never NULL; map_error() says whether it works. `host`
 * must outlive it.
 */
struct map *map_open(const struct map_host *host, span spec, unsigned flags);
/* The same for a table within another: setup's depth is watched. */
struct map *map_open_inner(const struct map_setup *outer, span spec);
/* Why it cannot be used ("open /etc/x: No such file or directory"), or an
 * empty span. */
span map_error(const struct map *m);
/* Nulls the caller's pointer; NULL is fine. */
void map_close(struct map **m);

/* `value` is emptied first. */
enum map_answer map_find(struct map *m, span key, struct buf *value);
/* With MAP_BULK: these are the next keys, some dozen of them. */
void map_expect(struct map *m, const span *keys, size_t n);
enum map_answer map_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx);
/* Whether the file is another one than the one that was opened. */
bool map_changed(struct map *m);

static inline bool map_is_exact(const struct map *m)
{
	return m->traits & MAP_EXACT;
}

/* The type of that name; NULL with the reason if there is none here. */
const struct map_type *map_type_find(
    const struct map_host *host, span name, struct buf *reason);
/* Names of all that can be opened here, sorted, for "postconf -m". */
void map_types_each(
    const struct map_host *host, void (*fn)(void *ctx, span name), void *ctx);

/* --- for the types --- */

/* "warning: SPEC: text" is made of it. */
PRINTF_LIKE(2, 3) void map_warn(struct map *m, const char *format, ...);
/* The same where the text itself says which table: "warning: text". */
PRINTF_LIKE(2, 3) void map_warn_plain(struct map *m, const char *format, ...);
/* While open() runs there is no map yet. */
PRINTF_LIKE(2, 3)
void map_setup_warn(const struct map_setup *s, const char *format, ...);
/* Remember the state of the open file, for map_changed(). */
void map_watch(struct map *m, span path, int fd);
/*
 * The whole text of a file: 0, or a negative errno with the reason set to
 * "open PATH: No such file or directory". The descriptor's state goes to
 * `m` when that is not NULL.
 */
MUST_USE int map_read_file(
    const struct map_setup *s, span path, struct buf *out, struct map *m);
/* In lower case; with MAP_UTF8 also what is not ASCII. */
void map_fold(unsigned flags, span key, struct buf *out);
/* The content of the file(s) that the value names, base64. */
MUST_USE bool map_file_value(
    const struct map_setup *s, span names, struct buf *out);

/* --- building tables: postmap, postalias --- */

struct map_write {
	const struct map_host *host;
	span name;       /* behind "type:" */
	unsigned flags;  /* MAP_WITH_NUL, MAP_WITHOUT_NUL */
	bool keep;       /* begin with what is there: -i, -d */
	mode_t mode;     /* of a new file */
	bool keep_owner; /* the new file gets the old one's owner and mode */
	struct buf *reason;
};

/* Outcomes of put and drop; negative: errno, the reason is set. */
enum map_put { MAP_PUT = 0, MAP_PUT_THERE = 1, MAP_DROP_NONE = 2 };

struct map_writer_ops {
	/* What stands behind the name of the source: ".db"; "" for none. */
	const char *suffix;
	struct map_writer *(*begin)(const struct map_write *w);
	/* `replace`: take the place of an entry with the same key, else
	 * MAP_PUT_THERE and nothing changes. */
	int (*put)(struct map_writer *w, span key, span value, bool replace);
	/* The same without a trailing NUL, whatever the others have. */
	int (*put_plain)(
	    struct map_writer *w, span key, span value, bool replace);
	int (*drop)(struct map_writer *w, span key);
	/* Make it what readers see, all at once and durably: 0 or a negative
	 * errno with the reason set. The writer is gone in any case. */
	int (*commit)(struct map_writer *w);
	/* Leave everything as it was. */
	void (*abandon)(struct map_writer *w);
};

/* Embedded as first member in what begin() returns. */
struct map_writer {
	const struct map_writer_ops *ops;
	struct buf *reason;
};
