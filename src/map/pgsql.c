/* SPDX-License-Identifier: ISC */
/*
 * map/pgsql.c - "pgsql:/etc/postfix/x.cf": pgsql_table(5).
 *
 * Everything goes through the half of libpq that does not block, with a
 * deadline of ours. Its messages may quote what it was given: passwords are
 * taken out of them.
 */
#include <libpq-fe.h>

#include "map/types.h"

#include <errno.h>
#include <poll.h>

#include "map/sql.h"
#include "os/clock.h"

enum {
	MAX_MESSAGE = 2048,
	MIN_SECRET = 3, /* shorter ones would be found everywhere */
};

/* --- messages --- */

static void replace(struct buf *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	char *at;

	if (n < MIN_SECRET)
		return;
	while (text->len && (at = memmem(text->data, text->len, secret, n)))
		memset(at, '*', n);
}

static void put_message(const struct sql *s, const struct sql_host *h,
    const char *message, struct buf *out)
{
	sql_flatten(span_first(span_str(message), MAX_MESSAGE), out);
	replace(out, s->password);
	replace(out, h->secret);
}

static void warn_connect(
    struct sql *s, const struct sql_host *h, const char *message)
{
	struct buf text = BUF_INIT(2 * MAX_MESSAGE);

	put_message(s, h, message, &text);
	map_warn_plain(&s->map, "connect to pgsql server %.*s: %.*s",
	    PRI(h->shown), PRI(buf_span(&text)));
	buf_done(&text);
}

static void warn_query(
    struct sql *s, const struct sql_host *h, const char *message)
{
	struct buf text = BUF_INIT(2 * MAX_MESSAGE);

	put_message(s, h, message, &text);
	map_warn_plain(&s->map,
	    "pgsql query failed: fatal error from host %.*s: %.*s",
	    PRI(h->shown), PRI(buf_span(&text)));
	buf_done(&text);
}

/* --- servers --- */

static bool is_conninfo(span s)
{
	return s.len && memmem(s.ptr, s.len, "://", 3);
}

static const char *option_of(
    const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (!strcmp(options->keyword, keyword))
			return options->val;
	return NULL;
}

static void put_label(const PQconninfoOption *options, struct buf *out)
{
	const char *host = option_of(options, "host");
	const char *port = option_of(options, "port");
	const char *dbname = option_of(options, "dbname");

	buf_printf(out, "postgresql://%s", host ? host : "");
	if (port)
		buf_printf(out, ":%s", port);
	if (dbname)
		buf_printf(out, "/%s", dbname);
}

/* Its name has everything; the log gets what is no secret. */
static bool parse_uri(struct source_conf *c, struct sql_host *h)
{
	struct buf label = BUF_INIT(MAX_MESSAGE);
	char *error = NULL; /* quotes the URI */
	PQconninfoOption *options = PQconninfoParse(h->name, &error);
	const char *password;

	PQfreemem(error);
	if (!options) {
		source_conf_fail(c, "%.*s: hosts: a URI that is not valid",
		    PRI(c->setup->name));
		return false;
	}
	password = option_of(options, "password");
	if (password)
		h->secret = sql_cstr(span_str(password));
	put_label(options, &label);
	h->label = sql_cstr(buf_span(&label));
	h->shown = span_str(h->label);
	buf_done(&label);
	PQconninfoFree(options);
	return true;
}

/* URI, unix:/directory, inet:host:port, /directory, host, host:port */
static bool parse_host(struct source_conf *c, span target, struct sql_host *h)
{
	ssize_t colon;

	if (is_conninfo(target)) {
		h->kind = SQL_URI;
		h->name = sql_cstr(target);
		return parse_uri(c, h);
	}
	if (!span_skip(&target, SPAN("unix:")))
		(void)span_skip(&target, SPAN("inet:"));
	if (target.len == 0 || target.ptr[0] == '/') {
		h->kind = SQL_UNIX;
		h->name = sql_cstr(target);
		return true;
	}
	h->kind = SQL_INET;
	colon = span_rfind(target, ':');
	if (colon >= 0) {
		h->port = sql_cstr(span_from(target, (size_t)colon + 1));
		target = span_first(target, (size_t)colon);
	}
	if (target.len > 2 && target.ptr[0] == '[' &&
	    target.ptr[target.len - 1] == ']')
		target = span_of(target.ptr + 1, target.len - 2);
	h->name = sql_cstr(target);
	return true;
}

/* --- waiting --- */

/* False: the time is up, or there is nothing to wait for. */
static bool wait_for(PGconn *db, short events, usec deadline)
{
	struct pollfd p = { .fd = PQsocket(db), .events = events };

	while (p.fd >= 0) {
		usec now = clock_monotonic();
		int n;

		if (now >= deadline)
			return false;
		n = poll(&p, 1, (int)((deadline - now) / USEC_MSEC) + 1);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

/* --- connecting --- */

enum { MAX_KEYWORDS = 8 };

/* Empty ones are not there: the library's presets hold. */
struct keywords {
	const char *names[MAX_KEYWORDS + 1];
	const char *values[MAX_KEYWORDS + 1];
	size_t n;
};

static void add_keyword(struct keywords *k, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	k->names[k->n] = name;
	k->values[k->n++] = value;
}

static PGconn *start(const struct sql *s, const struct sql_host *h)
{
	struct keywords k = { .n = 0 };

	/* What comes later is stronger. */
	if (h->kind == SQL_URI) {
		add_keyword(&k, "dbname", h->name);
	} else {
		add_keyword(&k, "dbname", s->dbname);
		add_keyword(&k, "host", h->name);
		add_keyword(&k, "port", h->port);
		add_keyword(&k, "user", s->user);
		add_keyword(&k, "password", s->password);
	}
	add_keyword(&k, "client_encoding", s->charset);
	return PQconnectStartParams(k.names, k.values, 1);
}

/* NULL, or what went wrong. */
static const char *log_in(PGconn *db, usec deadline)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	if (PQstatus(db) == CONNECTION_BAD)
		return PQerrorMessage(db);
	while (
	    state == PGRES_POLLING_WRITING || state == PGRES_POLLING_READING) {
		short events =
		    state == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (!wait_for(db, events, deadline))
			return "timeout expired";
		state = PQconnectPoll(db);
	}
	if (state != PGRES_POLLING_OK || PQsetnonblocking(db, 1))
		return PQerrorMessage(db);
	return NULL;
}

static void ignore_notice(void *ctx UNUSED, const PGresult *r UNUSED)
{
}

static void *table_connect(struct sql *s, struct sql_host *h)
{
	PGconn *db = start(s, h);
	const char *wrong;

	if (!db)
		bug("PQconnectStartParams: no memory");
	(void)PQsetNoticeReceiver(db, ignore_notice, NULL);
	wrong = log_in(db, clock_monotonic() + s->connect_timeout);
	if (!wrong)
		return db;
	warn_connect(s, h, wrong);
	PQfinish(db);
	return NULL;
}

static void table_disconnect(void *conn)
{
	PQfinish(conn);
}

/* --- asking --- */

static bool table_escape(
    struct sql *s, struct sql_host *h, span part, struct buf *out)
{
	char *to = buf_room(out, 2 * part.len + 1);
	struct buf text = BUF_INIT(2 * MAX_MESSAGE);
	int wrong = 0;
	size_t n;

	if (!to)
		return true; /* the buffer says so */
	n = PQescapeStringConn(h->conn, to, part.ptr, part.len, &wrong);
	if (!wrong) {
		out->len += n;
		return true;
	}
	put_message(s, h, PQerrorMessage(h->conn), &text);
	map_warn_plain(&s->map,
	    "dict pgsql: (host %.*s) cannot escape input string: %.*s",
	    PRI(h->shown), PRI(buf_span(&text)));
	buf_done(&text);
	return false;
}

static bool send_query(PGconn *db, const char *query, usec deadline)
{
	int left;

	if (!PQsendQuery(db, query))
		return false;
	while ((left = PQflush(db)) > 0) {
		if (!wait_for(db, POLLIN | POLLOUT, deadline) ||
		    !PQconsumeInput(db))
			return false;
	}
	return left == 0;
}

static bool is_copy(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
	    status == PGRES_COPY_BOTH;
}

/* The last result, which is the one with the error if there is one. */
static PGresult *receive(PGconn *db, usec deadline)
{
	PGresult *last = NULL;

	for (;;) {
		PGresult *next;

		while (PQisBusy(db)) {
			if (wait_for(db, POLLIN, deadline) &&
			    PQconsumeInput(db))
				continue;
			PQclear(last);
			return NULL;
		}
		next = PQgetResult(db);
		if (!next)
			return last;
		PQclear(last);
		last = next;
		if (is_copy(last))
			return last; /* it would go on for ever */
	}
}

static enum sql_outcome put_rows(
    struct sql *s, const PGresult *rows, struct db_result *r)
{
	int columns = PQnfields(rows);

	for (int i = 0; i < PQntuples(rows) * columns; i++) {
		int row = i / columns;
		int column = i % columns;
		/* NULL comes as an empty string. */
		span value = span_of(PQgetvalue(rows, row, column),
		    (size_t)PQgetlength(rows, row, column));

		if (db_result_put(r, value))
			continue;
		map_warn_plain(&s->map,
		    "dict_pgsql_lookup: %.*s: Expansion limit exceeded for "
		    "key: '%.*s'",
		    PRI(span_from(s->map.spec, strlen("pgsql:"))), PRI(r->key));
		return SQL_TOO_BIG;
	}
	return SQL_DONE;
}

static enum sql_outcome judge(
    struct sql *s, struct sql_host *h, const PGresult *rows)
{
	ExecStatusType status = PQresultStatus(rows);

	if (status == PGRES_FATAL_ERROR) {
		warn_query(s, h, PQresultErrorMessage(rows));
		return SQL_REFUSED;
	}
	if (status == PGRES_BAD_RESPONSE)
		map_warn_plain(&s->map,
		    "pgsql query failed: protocol error, host %.*s",
		    PRI(h->shown));
	else
		map_warn_plain(&s->map,
		    "pgsql query failed: unknown code 0x%x from host %.*s",
		    (unsigned)status, PRI(h->shown));
	return SQL_BROKEN;
}

static enum sql_outcome table_query(
    struct sql *s, struct sql_host *h, const char *query, struct db_result *r)
{
	usec deadline = clock_monotonic() + s->query_timeout;
	enum sql_outcome outcome;
	PGconn *db = h->conn;
	PGresult *rows = NULL;

	if (send_query(db, query, deadline))
		rows = receive(db, deadline);
	if (PQstatus(db) == CONNECTION_BAD) {
		outcome = SQL_HUNG_UP;
	} else if (!rows) {
		warn_query(s, h,
		    clock_monotonic() >= deadline ? "timeout expired"
		                                  : PQerrorMessage(db));
		outcome = SQL_BROKEN;
	} else if (PQresultStatus(rows) == PGRES_TUPLES_OK ||
	    PQresultStatus(rows) == PGRES_COMMAND_OK) {
		outcome = put_rows(s, rows, r);
	} else {
		outcome = judge(s, h, rows);
	}
	PQclear(rows);
	return outcome;
}

static void warn_hung_up(struct sql *s, struct sql_host *h)
{
	warn_query(s, h, PQerrorMessage(h->conn));
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

static void read_options(struct sql *s)
{
	struct source_conf *c = &s->conf;
	span function = source_conf_str(c, "select_function", NULL);

	s->charset = source_conf_str_needed(c, "encoding", "UTF8").ptr;
	if (source_conf_str(c, "query", NULL).len == 0 && function.len)
		buf_printf(&s->query, "SELECT %.*s('%%s')", PRI(function));
	for (uint32_t i = 0; i < s->host_count && !s->dbname; i++)
		if (s->hosts[i].kind != SQL_URI)
			source_conf_fail(c,
			    "%.*s:%.*s host target '%.*s' requires dbname "
			    "setting",
			    PRI(c->setup->type), PRI(c->setup->name),
			    PRI(s->hosts[i].shown));
}

static void table_close(struct map *m)
{
	struct sql *s = CONTAINER_OF(m, struct sql, map);

	sql_done(s);
	mem_free(s);
}

static struct map *table_open(const struct map_setup *setup)
{
	struct sql *s = NEW(struct sql);
	bool good = sql_read(s, setup, &driver);

	if (good) {
		read_options(s);
		good = sql_finish(s);
	}
	if (good)
		return &s->map;
	mem_free(s->map.path);
	table_close(&s->map);
	return NULL;
}

__attribute__((visibility("default"))) const struct map_type map_module = {
	.name = "pgsql",
	.traits = MAP_EXACT,
	.open = table_open,
	.find = sql_find,
	.files = sql_files,
	.close = table_close,
};
