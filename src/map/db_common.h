/* SPDX-License-Identifier: ISC */
/*
 * map/db_common.h - templates of queries and results: "%s", "%u", "%d" ...
 *
 *	%s	the key (in a result template: the value that was found)
 *	%u %d	its local part and domain
 *	%S %U %D	the same of the key, in both kinds of templates
 *	%1 - %9	labels of the key's domain, %1 is the last
 *	%%	a percent sign
 *
 * A key that lacks a part that some template wants is not asked for. Keys
 * can be limited to a list of domains.
 *
 * In a table's open(): db_common_init(), db_common_template() for each of its
 * templates, db_common_domains(). In its find(): db_common_check_key(), then
 * db_common_expand() as often as necessary.
 */
#pragma once

#include "base/arena.h"
#include "map/matchlist.h"
#include "map/source_conf.h"
#include "map/tables.h"

enum db_template { DB_QUERY, DB_RESULT };

struct db_common {
	struct map *map; /* for warnings */
	unsigned wants;
	unsigned parts; /* labels that a key's domain must have */
	bool limited;   /* there is a list of domains */
	struct matchlist domains;
	struct tables tables; /* those in the list */
	struct arena arena;
	struct buf list;
};

/* Append `part` as the server wants it written. */
typedef void db_quote_fn(void *ctx, span part, struct buf *out);

struct db_values {
	span value;         /* DB_QUERY: the key */
	span key;           /* DB_RESULT only; else SPAN_NONE */
	db_quote_fn *quote; /* NULL: as it is */
	void *ctx;
};

/* `m` is the struct map that open() will return. */
void db_common_init(
    struct db_common *d, struct map *m, const struct map_setup *s);
void db_common_done(struct db_common *d);
/*
 * Check a template; they all have an effect on which keys can be asked for.
 * `ret_dynamic`, when not NULL: whether anything but %% stands in it. What
 * is wrong becomes a failure of `c`.
 */
void db_common_template(struct db_common *d, struct source_conf *c,
    span template, enum db_template kind, bool *ret_dynamic);
/* The parameter "domain". */
void db_common_domains(struct db_common *d, struct source_conf *c);

/* The files of tables in the list: see struct map_type. */
void db_common_files(
    struct db_common *d, void (*fn)(void *ctx, const char *path), void *ctx);

/*
 * MAP_FOUND: go on. MAP_NONE: such a key is not in the table. MAP_RETRY: a
 * table in the list of domains has failed, which was said.
 */
enum map_answer db_common_check_key(struct db_common *d, span key);
/*
 * Append the template, filled in, behind a comma if `out` is not empty.
 * False, with nothing appended: there is nothing to ask, or to answer: a part
 * is missing, or the value is empty (with a warning) or NULL.
 */
bool db_common_expand(struct db_common *d, span template,
    const struct db_values *v, struct buf *out);

/* A value made of rows and columns. */
struct db_result {
	struct db_common *common;
	span format;
	span key;
	int limit; /* expansion_limit; 0: none */
	int count;
	struct buf *out;
};

/* Append one value, SPAN_NONE for NULL. False: the limit is passed; the
 * caller warns "Expansion limit exceeded for key: '...'". */
MUST_USE bool db_result_put(struct db_result *r, span value);

/* The query of the SQL tables: "query", or made of "table", "select_field",
 * "where_field" and "additional_conditions". */
void db_common_sql_query(struct source_conf *c, struct buf *out);
