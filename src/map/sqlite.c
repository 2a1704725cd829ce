/* SPDX-License-Identifier: ISC */
/*
 * map/sqlite.c - "sqlite:/etc/postfix/x.cf": sqlite_table(5).
 *
 * The database is opened, and read for the first time, when the table is: a
 * daemon does that before it closes the door behind it. The descriptor stays
 * open. Whoever replaces the file makes the table "changed".
 */
#include "map/types.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "mail/address.h"
#include "map/db_common.h"
#include "os/clock.h"

enum {
	MAX_QUERY = 1024 * 1024,
	MAX_SHOWN = 500,
	BUSY_MSEC = 2000, /* somebody writes: wait for him so long */
	QUERY_SEC = 30,
	STEPS = 10000, /* between two looks at the clock */
};

struct sqlite_table {
	struct map map;
	struct source_conf conf; /* owns the strings */
	struct db_common common;
	sqlite3 *db;
	char *dbpath;
	struct stat opened; /* the database as it was */
	struct buf query;   /* the template */
	struct buf expanded;
	span result_format;
	int expansion_limit;
	usec deadline;
};

static span name_of(const struct sqlite_table *t)
{
	return span_from(t->map.spec, strlen("sqlite:"));
}

/* --- opening --- */

/* A template outside of quotes, or in double ones, is not protected by
 * escaping. Warn of each. */
static void warn_unquoted(const struct map_setup *s, span query)
{
	char quote = '\0';

	for (size_t i = 0; i < query.len; i++) {
		char c = query.ptr[i];

		if (!quote && (c == '\'' || c == '"'))
			quote = c;
		else if (quote && c == quote)
			quote = '\0';
		if (quote == '\'' || c != '%' || i + 1 == query.len)
			continue;
		i++;
		if (ascii_is_alnum(query.ptr[i]))
			map_setup_warn(s,
			    "query >%.*s< contains >%.2s< without the "
			    "recommended '' quotes",
			    PRI(span_first(query, MAX_SHOWN)),
			    query.ptr + i - 1);
	}
}

static void read_parameters(struct sqlite_table *t, const struct map_setup *s)
{
	struct source_conf *c = &t->conf;
	span path = source_conf_str_needed(c, "dbpath", "");

	t->dbpath = mem_new(path.len + 1, 1);
	if (path.len)
		memcpy(t->dbpath, path.ptr, path.len);
	db_common_sql_query(c, &t->query);
	t->result_format = source_conf_str_needed(c, "result_format", "%s");
	t->expansion_limit = source_conf_int(c, "expansion_limit", 0, 0, 0);
	db_common_template(&t->common, c, buf_span(&t->query), DB_QUERY, NULL);
	db_common_template(&t->common, c, t->result_format, DB_RESULT, NULL);
	db_common_domains(&t->common, c);
	if (source_conf_ok(c))
		warn_unquoted(s, buf_span(&t->query));
}

/* Stops a query that runs too long. */
static int look_at_clock(void *ctx)
{
	const struct sqlite_table *t = ctx;

	return clock_monotonic() >= t->deadline;
}

static void arm(struct sqlite_table *t)
{
	t->deadline = clock_monotonic() + QUERY_SEC * USEC_SEC;
}

/* The first look: what it needs beside the file is opened now. Whether it
 * can be read is the business of the lookups. */
static void look_into(struct sqlite_table *t)
{
	(void)sqlite3_exec(t->db,
	    "PRAGMA temp_store = memory; PRAGMA schema_version", NULL, NULL,
	    NULL);
}

static bool open_database(struct sqlite_table *t, const struct map_setup *s)
{
	int r = sqlite3_open_v2(t->dbpath, &t->db, SQLITE_OPEN_READONLY, NULL);

	if (r != SQLITE_OK || stat(t->dbpath, &t->opened) < 0) {
		buf_printf(s->reason, "open database %s: %s", t->dbpath,
		    t->db ? sqlite3_errmsg(t->db) : "no memory");
		return false;
	}
	(void)sqlite3_busy_timeout(t->db, BUSY_MSEC);
	sqlite3_progress_handler(t->db, STEPS, look_at_clock, t);
	arm(t);
	look_into(t);
	return true;
}

static void sqlite_close(struct map *m)
{
	struct sqlite_table *t = CONTAINER_OF(m, struct sqlite_table, map);

	(void)sqlite3_close_v2(t->db);
	db_common_done(&t->common);
	source_conf_done(&t->conf);
	buf_done(&t->query);
	buf_done(&t->expanded);
	mem_free(t->dbpath);
	mem_free(t);
}

static struct map *sqlite_open(const struct map_setup *s)
{
	struct sqlite_table *t = NEW(struct sqlite_table);
	bool good;

	buf_init(&t->query, MAX_QUERY);
	buf_init(&t->expanded, MAX_QUERY);
	db_common_init(&t->common, &t->map, s);
	good = source_conf_open(&t->conf, s, &t->map);
	if (good) {
		read_parameters(t, s);
		good = source_conf_ok(&t->conf) && open_database(t, s);
	}
	t->conf.setup = NULL;
	if (good)
		return &t->map;
	mem_free(t->map.path);
	sqlite_close(&t->map);
	return NULL;
}

/* --- lookup --- */

static void escape(void *ctx UNUSED, span part, struct buf *out)
{
	char *text = sqlite3_mprintf("%.*q", (int)part.len, part.ptr);

	if (!text)
		bug("sqlite3_mprintf: no memory");
	buf_put(out, span_str(text));
	sqlite3_free(text);
}

static void warn_step(struct sqlite_table *t, const char *step)
{
	map_warn_plain(&t->map,
	    "dict_sqlite_lookup: %.*s: SQL %s failed for query '%.*s': %s",
	    PRI(name_of(t)), step,
	    PRI(span_first(buf_span(&t->expanded), MAX_SHOWN)),
	    sqlite3_errmsg(t->db));
}

static span first_column(sqlite3_stmt *statement)
{
	const void *text = sqlite3_column_text(statement, 0);
	int n = sqlite3_column_bytes(statement, 0);

	return span_of(text, text ? (size_t)n : 0);
}

/* MAP_FOUND: all rows are there, be it none. */
static enum map_answer take_rows(
    struct sqlite_table *t, sqlite3_stmt *statement, struct db_result *r)
{
	int status;

	while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
		if (db_result_put(r, first_column(statement)))
			continue;
		map_warn_plain(&t->map,
		    "dict_sqlite_lookup: %.*s: Expansion limit exceeded for "
		    "key '%.*s'",
		    PRI(name_of(t)), PRI(r->key));
		return MAP_RETRY;
	}
	if (status == SQLITE_DONE)
		return MAP_FOUND;
	warn_step(t, "step");
	return MAP_RETRY;
}

static enum map_answer ask(struct sqlite_table *t, struct db_result *r)
{
	sqlite3_stmt *statement = NULL;
	enum map_answer answer;

	arm(t);
	if (sqlite3_prepare_v2(t->db, buf_cstr(&t->expanded), -1, &statement,
	        NULL) != SQLITE_OK) {
		map_warn_plain(&t->map,
		    "dict_sqlite_lookup: %.*s: SQL prepare failed: %s",
		    PRI(name_of(t)), sqlite3_errmsg(t->db));
		return MAP_RETRY;
	}
	if (!statement) {
		map_warn(&t->map, "the query is empty");
		return MAP_RETRY;
	}
	answer = take_rows(t, statement, r);
	/* An error of the last step is said again here. */
	(void)sqlite3_finalize(statement);
	if (answer == MAP_FOUND && r->out->len == 0)
		return MAP_NONE;
	return answer;
}

static enum map_answer sqlite_find(struct map *m, span key, struct buf *value)
{
	struct sqlite_table *t = CONTAINER_OF(m, struct sqlite_table, map);
	const struct db_values v = { .value = key, .quote = escape };
	struct db_result result = {
		.common = &t->common,
		.format = t->result_format,
		.key = key,
		.limit = t->expansion_limit,
		.out = value,
	};
	enum map_answer answer;

	if (span_find(key, '\0') >= 0 || !address_is_utf8(key))
		return MAP_NONE;
	answer = db_common_check_key(&t->common, key);
	if (answer != MAP_FOUND)
		return answer;
	buf_clear(&t->expanded);
	if (!db_common_expand(
	        &t->common, buf_span(&t->query), &v, &t->expanded))
		return MAP_NONE;
	if (t->expanded.failed) {
		map_warn(m, "query is longer than %d bytes", MAX_QUERY);
		return MAP_RETRY;
	}
	answer = ask(t, &result);
	if (answer != MAP_FOUND)
		buf_clear(value);
	return answer;
}

/* --- change --- */

static bool is_other(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino;
}

/* What is written into the database is seen anyway; and a file that is gone
 * for the moment is about to be replaced. */
static bool sqlite_changed(struct map *m)
{
	struct sqlite_table *t = CONTAINER_OF(m, struct sqlite_table, map);
	struct stat st;

	if (stat(t->dbpath, &st) == 0 && is_other(&st, &t->opened))
		return true;
	if (!m->path || stat(m->path, &st) < 0)
		return false;
	return is_other(
	           &st, &(struct stat){ .st_dev = m->dev, .st_ino = m->ino }) ||
	    st.st_size != m->size || st.st_mtim.tv_sec != m->mtime.tv_sec ||
	    st.st_mtim.tv_nsec != m->mtime.tv_nsec;
}

static void sqlite_files(
    struct map *m, void (*fn)(void *ctx, const char *path), void *ctx)
{
	struct sqlite_table *t = CONTAINER_OF(m, struct sqlite_table, map);

	fn(ctx, t->dbpath);
	db_common_files(&t->common, fn, ctx);
}

__attribute__((visibility("default"))) const struct map_type map_module = {
	.name = "sqlite",
	.traits = MAP_EXACT,
	.open = sqlite_open,
	.find = sqlite_find,
	.changed = sqlite_changed,
	.files = sqlite_files,
	.close = sqlite_close,
};
