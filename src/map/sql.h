/* SPDX-License-Identifier: ISC */
/*
 * map/sql.h - what tables in SQL servers have in common: the servers, which
 * of them is asked, and what becomes of its rows.
 *
 * A table has several equal servers. The one that is connected is asked,
 * unix sockets first; without one, the others in random order. One that
 * cannot be reached, or that does not answer, is left alone for a while. One
 * that says no to a query stays connected - clients of ours may have caused
 * it - but the others are asked, too.
 */
#pragma once

#include "base/time.h"
#include "map/db_common.h"

enum sql_kind { SQL_UNIX, SQL_INET, SQL_URI };

enum sql_state { SQL_UNTRIED, SQL_ACTIVE, SQL_FAILED };

struct sql_host {
	span shown;   /* for the log: without a password */
	char *label;  /* what it lies in, if not in the parameter */
	char *secret; /* a password that stood in the name */
	char *name;   /* NULL: the library's own choice */
	char *port;   /* NULL: the usual one */
	enum sql_kind kind;
	enum sql_state state;
	void *conn;     /* with SQL_ACTIVE */
	bool reused;    /* it has answered something before */
	usec used;      /* when it last did */
	usec retry_at;  /* with SQL_FAILED */
	uint64_t round; /* the last lookup that failed here */
};

enum sql_outcome {
	SQL_DONE,    /* the rows are in the result */
	SQL_TOO_BIG, /* more than expansion_limit */
	SQL_REFUSED, /* an error of the server's, which was said */
	SQL_BROKEN,  /* the connection is no good any more, which was said */
	SQL_HUNG_UP, /* the server had closed it: not said yet */
};

struct sql;

/* What differs. */
struct sql_driver {
	/* Takes apart what stands in "hosts": name, port, kind and so on.
	 * False: a failure of `c`. */
	bool (*parse_host)(
	    struct source_conf *c, span target, struct sql_host *h);
	/* Within s->connect_timeout; NULL: warned already. */
	void *(*connect)(struct sql *s, struct sql_host *h);
	void (*disconnect)(void *conn);
	/* Append `part` so that it can stand between single quotes. False:
	 * warned already. */
	bool (*escape)(
	    struct sql *s, struct sql_host *h, span part, struct buf *out);
	/* Within s->query_timeout. */
	enum sql_outcome (*query)(struct sql *s, struct sql_host *h,
	    const char *query, struct db_result *r);
	/* SQL_HUNG_UP after all. */
	void (*warn_hung_up)(struct sql *s, struct sql_host *h);
};

struct sql {
	struct map map;
	const struct sql_driver *driver;
	struct source_conf conf; /* as long as the table: it owns the strings */
	struct db_common common;
	struct buf query;    /* the template */
	struct buf expanded; /* of this lookup */
	span result_format;
	int expansion_limit;
	const char *user;
	const char *password;
	const char *dbname;
	const char *charset;
	usec retry_interval;
	usec idle_interval;
	usec connect_timeout;
	usec query_timeout;
	uint32_t host_count;
	struct sql_host *hosts;
	uint64_t round;
};

/*
 * Reads what is common; the query may be there already. The caller reads
 * the rest from s->conf, and then says sql_finish(). NULL pointers in `s` are
 * those of strings that are not set.
 */
MUST_USE bool sql_read(struct sql *s, const struct map_setup *setup,
    const struct sql_driver *driver);
/* False, with the reason set, if anything was wrong. */
MUST_USE bool sql_finish(struct sql *s);
/* Everything but the struct. */
void sql_done(struct sql *s);

/* As in struct map_type. */
void sql_files(
    struct map *m, void (*fn)(void *ctx, const char *path), void *ctx);
enum map_answer sql_find(struct map *m, span key, struct buf *value);

/* Copy of a span, with a NUL; mem_free() it. */
char *sql_cstr(span s);
/* Without line ends: messages of libraries have several lines. */
void sql_flatten(span message, struct buf *out);
/* Whole seconds, at least one. */
unsigned sql_seconds(usec t);
