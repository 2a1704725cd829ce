/* SPDX-License-Identifier: ISC */
/*
 * map/mysql.c - "mysql:/etc/postfix/x.cf": mysql_table(5).
 *
 * The library waits for single packets as long as we allow; that bounds each
 * wait, not their sum, which is the business of a server we chose to trust.
 */
#include <mysql.h>

#include "map/types.h"

#include <errmsg.h>
#include <netdb.h>

#include "map/sql.h"
#include "os/clock.h"

enum { MAX_PACKET = 16 * 1024 * 1024 };

/* The options of the client library, beyond struct sql. */
struct mysql_table {
	struct sql sql;
	const char *option_file;
	const char *option_group;
	const char *tls_key_file;
	const char *tls_cert_file;
	const char *tls_ca_file;
	const char *tls_ca_path;
	const char *tls_ciphers;
	bool has_verify_cert;
	bool tls_verify_cert;
	bool require_result_set;
};

static struct mysql_table *table_of(struct sql *s)
{
	return CONTAINER_OF(s, struct mysql_table, sql);
}

/* --- servers --- */

static bool set_port(struct source_conf *c, span port, struct sql_host *h)
{
	char number[16];
	char *name = sql_cstr(port);
	const struct servent *service;
	uint32_t n;

	if (!span_to_u32(port, &n) || n == 0 || n > 65535) {
		service = getservbyname(name, "tcp");
		n = service ? ntohs((uint16_t)service->s_port) : 0;
	}
	mem_free(name);
	if (n == 0) {
		source_conf_fail(c, "unknown service: %.*s/tcp", PRI(port));
		return false;
	}
	(void)snprintf(number, sizeof(number), "%u", n);
	h->port = sql_cstr(span_str(number));
	return true;
}

/* unix:path, inet:host:port, host, host:port, [::1]:port */
static bool parse_host(struct source_conf *c, span target, struct sql_host *h)
{
	ssize_t colon;

	if (span_skip(&target, SPAN("unix:"))) {
		h->kind = SQL_UNIX;
		h->name = sql_cstr(target);
		return true;
	}
	(void)span_skip(&target, SPAN("inet:"));
	h->kind = SQL_INET;
	colon = span_rfind(target, ':');
	if (colon >= 0) {
		if (!set_port(c, span_from(target, (size_t)colon + 1), h))
			return false;
		target = span_first(target, (size_t)colon);
	}
	/* The library connects to its usual socket. */
	if (span_eq_nocase(target, SPAN("localhost"))) {
		h->kind = SQL_UNIX;
		return true;
	}
	if (target.len > 2 && target.ptr[0] == '[' &&
	    target.ptr[target.len - 1] == ']')
		target = span_of(target.ptr + 1, target.len - 2);
	h->name = sql_cstr(target);
	return true;
}

/* --- connecting --- */

static void set_timeouts(const struct sql *s, MYSQL *db)
{
	unsigned connect = sql_seconds(s->connect_timeout);
	unsigned query = sql_seconds(s->query_timeout);
	unsigned long packet = MAX_PACKET;
	/* A server must not ask us for our files. */
	unsigned none = 0;

	(void)mysql_optionsv(db, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
	(void)mysql_optionsv(db, MYSQL_OPT_READ_TIMEOUT, &query);
	(void)mysql_optionsv(db, MYSQL_OPT_WRITE_TIMEOUT, &query);
	(void)mysql_optionsv(db, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	(void)mysql_optionsv(db, MYSQL_OPT_LOCAL_INFILE, &none);
}

static void set_options(const struct mysql_table *t, MYSQL *db)
{
	my_bool verify = t->tls_verify_cert;

	if (t->option_file)
		(void)mysql_optionsv(
		    db, MYSQL_READ_DEFAULT_FILE, t->option_file);
	if (t->option_group)
		(void)mysql_optionsv(
		    db, MYSQL_READ_DEFAULT_GROUP, t->option_group);
	set_timeouts(&t->sql, db);
	if (t->tls_key_file || t->tls_cert_file || t->tls_ca_file ||
	    t->tls_ca_path || t->tls_ciphers)
		(void)mysql_ssl_set(db, t->tls_key_file, t->tls_cert_file,
		    t->tls_ca_file, t->tls_ca_path, t->tls_ciphers);
	if (t->has_verify_cert)
		(void)mysql_optionsv(
		    db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

static unsigned port_of(const struct sql_host *h)
{
	uint32_t port = 0;

	if (h->port && !span_to_u32(span_str(h->port), &port))
		bug("a port that was one is none");
	return port;
}

static bool log_in(struct sql *s, struct sql_host *h, MYSQL *db)
{
	bool inet = h->kind == SQL_INET;

	if (!mysql_real_connect(db, inet ? h->name : NULL,
	        s->user ? s->user : "", s->password ? s->password : "",
	        s->dbname, port_of(h), inet ? NULL : h->name,
	        CLIENT_MULTI_RESULTS)) {
		map_warn_plain(&s->map, "connect to mysql server %.*s: %s",
		    PRI(h->shown), mysql_error(db));
		return false;
	}
	if (mysql_set_character_set(db, s->charset)) {
		map_warn_plain(&s->map,
		    "dict_mysql: mysql_set_character_set '%s' failed: %s",
		    s->charset, mysql_error(db));
		return false;
	}
	return true;
}

static void *table_connect(struct sql *s, struct sql_host *h)
{
	MYSQL *db = mysql_init(NULL);

	if (!db)
		bug("mysql_init: no memory");
	set_options(table_of(s), db);
	if (log_in(s, h, db))
		return db;
	mysql_close(db);
	return NULL;
}

static void table_disconnect(void *conn)
{
	mysql_close(conn);
}

/* --- asking --- */

static bool table_escape(
    struct sql *s, struct sql_host *h, span part, struct buf *out)
{
	char *to = buf_room(out, 2 * part.len + 1);
	unsigned long n;

	if (!to)
		return true; /* the buffer says so */
	n = mysql_real_escape_string(h->conn, to, part.ptr, part.len);
	if (n == (unsigned long)-1) {
		map_warn_plain(&s->map,
		    "dict_mysql: host (%.*s) cannot escape input string: >%s<",
		    PRI(h->shown), mysql_error(h->conn));
		return false;
	}
	out->len += n;
	return true;
}

/* What the library says of the connection, not the server of the query. */
static bool is_our_end(MYSQL *db)
{
	unsigned code = mysql_errno(db);

	return code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;
}

static bool is_hung_up(MYSQL *db)
{
	unsigned code = mysql_errno(db);

	return code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST;
}

static enum sql_outcome complain(struct sql *s, MYSQL *db, const char *step)
{
	map_warn(&s->map, "query failed%s: %s", step, mysql_error(db));
	return is_our_end(db) ? SQL_BROKEN : SQL_REFUSED;
}

/* All result sets have to be fetched; the first one with columns counts. */
static enum sql_outcome take_sets(struct sql *s, MYSQL *db, MYSQL_RES **first)
{
	enum sql_outcome outcome = SQL_DONE;
	int more;

	do {
		MYSQL_RES *set = mysql_store_result(db);

		if (set && !*first) {
			*first = set;
		} else if (set) {
			if (outcome == SQL_DONE)
				map_warn(&s->map,
				    "query failed: multiple result sets "
				    "returning data are not supported");
			outcome = SQL_REFUSED;
			mysql_free_result(set);
		} else if (mysql_field_count(db) != 0) {
			return complain(s, db, " (mysql_store_result)");
		}
		more = mysql_next_result(db);
		if (more > 0)
			return complain(s, db, " (mysql_next_result)");
	} while (more == 0);
	return outcome;
}

static enum sql_outcome put_rows(
    struct sql *s, MYSQL_RES *set, struct db_result *r)
{
	unsigned columns = mysql_num_fields(set);
	MYSQL_ROW row;

	while ((row = mysql_fetch_row(set))) {
		const unsigned long *lengths = mysql_fetch_lengths(set);

		for (unsigned i = 0; i < columns; i++) {
			span value = span_of(row[i], row[i] ? lengths[i] : 0);

			if (db_result_put(r, value))
				continue;
			map_warn_plain(&s->map,
			    "dict_mysql_lookup: %.*s: Expansion limit "
			    "exceeded for key: '%.*s'",
			    PRI(span_from(s->map.spec, strlen("mysql:"))),
			    PRI(r->key));
			return SQL_TOO_BIG;
		}
	}
	return SQL_DONE;
}

static enum sql_outcome take_answer(
    struct sql *s, MYSQL *db, struct db_result *r)
{
	MYSQL_RES *set = NULL;
	enum sql_outcome outcome = take_sets(s, db, &set);

	if (outcome == SQL_DONE && set) {
		outcome = put_rows(s, set, r);
	} else if (outcome == SQL_DONE && table_of(s)->require_result_set) {
		map_warn(&s->map,
		    "query failed: query returned no result set"
		    "(require_result_set = yes)");
		outcome = SQL_REFUSED;
	}
	if (set)
		mysql_free_result(set);
	return outcome;
}

static enum sql_outcome table_query(
    struct sql *s, struct sql_host *h, const char *query, struct db_result *r)
{
	usec start = clock_monotonic();
	MYSQL *db = h->conn;

	if (mysql_query(db, query) == 0)
		return take_answer(s, db, r);
	/* A time that is up looks the same: it is not asked again. */
	if (is_hung_up(db) && clock_monotonic() - start < s->query_timeout)
		return SQL_HUNG_UP;
	return complain(s, db, "");
}

static void warn_hung_up(struct sql *s, struct sql_host *h)
{
	(void)complain(s, h->conn, "");
}

static const struct sql_driver driver = {
	.parse_host = parse_host,
	.connect = table_connect,
	.disconnect = table_disconnect,
	.escape = table_escape,
	.query = table_query,
	.warn_hung_up = warn_hung_up,
};

/* --- the table --- */

static const char *text(struct sql *s, const char *name, const char *preset)
{
	return source_conf_str(&s->conf, name, preset).ptr;
}

static void read_options(struct mysql_table *t)
{
	struct sql *s = &t->sql;

	s->charset = source_conf_str_needed(&s->conf, "charset", "utf8mb4").ptr;
	(void)source_conf_str_needed(&s->conf, "dbname", "");
	t->option_file = text(s, "option_file", NULL);
	t->option_group = text(s, "option_group", "client");
	if (!*t->option_group)
		t->option_group = NULL;
	t->tls_key_file = text(s, "tls_key_file", NULL);
	t->tls_cert_file = text(s, "tls_cert_file", NULL);
	t->tls_ca_file = text(s, "tls_CAfile", NULL);
	t->tls_ca_path = text(s, "tls_CApath", NULL);
	t->tls_ciphers = text(s, "tls_ciphers", NULL);
	t->has_verify_cert = source_conf_has(&s->conf, "tls_verify_cert");
	t->tls_verify_cert =
	    source_conf_bool(&s->conf, "tls_verify_cert", false);
	t->require_result_set =
	    source_conf_bool(&s->conf, "require_result_set", true);
}

/* The library reads them whenever it connects. */
static void table_files(
    struct map *m, void (*fn)(void *ctx, const char *path), void *ctx)
{
	const struct mysql_table *t =
	    CONTAINER_OF(m, struct mysql_table, sql.map);
	const char *const paths[] = { t->option_file, t->tls_key_file,
		t->tls_cert_file, t->tls_ca_file };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (paths[i])
			fn(ctx, paths[i]);
	sql_files(m, fn, ctx);
}

static void table_close(struct map *m)
{
	struct mysql_table *t = CONTAINER_OF(m, struct mysql_table, sql.map);

	sql_done(&t->sql);
	mem_free(t);
}

static struct map *table_open(const struct map_setup *setup)
{
	struct mysql_table *t = NEW(struct mysql_table);
	bool good = sql_read(&t->sql, setup, &driver);

	if (good) {
		read_options(t);
		good = sql_finish(&t->sql);
	}
	if (good)
		return &t->sql.map;
	mem_free(t->sql.map.path);
	table_close(&t->sql.map);
	return NULL;
}

__attribute__((visibility("default"))) const struct map_type map_module = {
	.name = "mysql",
	.traits = MAP_EXACT,
	.open = table_open,
	.find = sql_find,
	.files = table_files,
	.close = table_close,
};
