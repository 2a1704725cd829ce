/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/dbms.c - the settings of database tables.
 *
 * A table "ldap:NAME" may have its settings in main.cf, as NAME_server_host
 * and so on: such names are valid. A table "ldap:/FILE" has them in FILE,
 * which is searched for names that mean nothing to that type of table.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/file.h"
#include "tool/postconf/postconf.h"

enum { FILE_MAX_BYTES = 1024 * 1024 };

static const char *const ldap_names[] = { "bind", "bind_dn", "bind_pw", "cache",
	"cache_expiry", "cache_size", "chase_referrals", "debuglevel",
	"dereference", "domain", "expansion_limit", "leaf_result_attribute",
	"query_filter", "recursion_limit", "result_attribute", "result_filter",
	"result_format", "sasl_authz_id", "sasl_mechs", "sasl_minssf",
	"sasl_realm", "scope", "search_base", "server_host", "server_port",
	"size_limit", "special_result_attribute", "start_tls",
	"terminal_result_attribute", "timeout", "tls_ca_cert_dir",
	"tls_ca_cert_file", "tls_cert", "tls_cipher_suite", "tls_key",
	"tls_random_file", "tls_require_cert", "version", NULL };
static const char *const mysql_names[] = { "additional_conditions", "dbname",
	"domain", "expansion_limit", "hosts", "option_file", "option_group",
	"password", "query", "require_result_set", "result_format",
	"select_field", "table", "tls_CAfile", "tls_CApath", "tls_cert_file",
	"tls_ciphers", "tls_key_file", "tls_verify_cert", "user", "where_field",
	NULL };
static const char *const pgsql_names[] = { "additional_conditions", "dbname",
	"domain", "expansion_limit", "hosts", "password", "query",
	"result_format", "select_field", "select_function", "table", "user",
	"where_field", NULL };
static const char *const sqlite_names[] = { "additional_conditions", "dbpath",
	"domain", "expansion_limit", "query", "result_format", "select_field",
	"table", "where_field", NULL };
static const char *const memcache_names[] = { "backup", "data_size_limit",
	"domain", "flags", "key_format", "line_size_limit", "max_try",
	"memcache", "retry_pause", "timeout", "ttl", NULL };

static const struct type {
	const char *name;
	const char *const *names;
} types[] = {
	{ "ldap", ldap_names },
	{ "mysql", mysql_names },
	{ "pgsql", pgsql_names },
	{ "sqlite", sqlite_names },
	{ "memcache", memcache_names },
};

static const struct type *find_type(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_eq(name, span_str(types[i].name)))
			return &types[i];
	return NULL;
}

static bool knows(const struct type *type, span name)
{
	for (size_t i = 0; type->names[i]; i++)
		if (span_eq(name, span_str(type->names[i])))
			return true;
	return false;
}

/* False after a complaint, or when the file is not for our eyes. */
static bool read_table(struct postconf *pc, const struct type *type,
    const char *path, struct buf *out)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0) {
		if (errno != EACCES)
			warn(pc, "open \"%s\" configuration \"%s\": %s",
			    type->name, path, strerror(errno));
		return false;
	}
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		warn(pc, "open \"%s\" configuration \"%s\": not a regular file",
		    type->name, path);
		return false;
	}
	r = file_read_all(fd, out);
	if (r < 0)
		warn(pc, "read \"%s\" configuration \"%s\": %s", type->name,
		    path, strerror(-r));
	return r == 0;
}

static void check_file(struct postconf *pc, const struct type *type, span path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
	CLEANUP(dict_done) struct dict settings = { 0 };
	span spec = keep_joined(pc, span_str(type->name), SPAN(":"), path);
	const char *file = spec.ptr + strlen(type->name) + 1;

	/* Only once each. */
	if (name_find(&pc->tables_seen, spec))
		return;
	(void)name_add(pc, &pc->tables_seen, spec, NAME_DBMS);
	dict_init(&settings);
	if (!read_table(pc, type, file, &text))
		return;
	dict_load(pc, &settings, file, buf_span(&text));
	for (const struct dict_entry *e = settings.first; e; e = e->next)
		if (!knows(type, e->name))
			warn(pc, "%.*s: unused parameter: %.*s=%.*s", ALL(spec),
			    ALL(e->name), ALL(e->value));
}

static void mention_all(struct postconf *pc, const struct type *type,
    span table, struct entry *scope)
{
	for (size_t i = 0; type->names[i]; i++)
		user_mention(pc,
		    keep_joined(pc, table, SPAN("_"), span_str(type->names[i])),
		    NAME_DBMS | NAME_USER, scope);
}

/* Up to a comma or blank outside of braces. */
static span take_item(span *rest)
{
	unsigned level = 0;
	size_t n = 0;
	span item;

	while (rest->len > 0 && span_find(SPAN(", \t\r\n"), *rest->ptr) >= 0)
		*rest = span_from(*rest, 1);
	for (; n < rest->len; n++) {
		char c = rest->ptr[n];

		if (c == '{')
			level++;
		else if (c == '}' && level > 0)
			level--;
		else if (level == 0 && span_find(SPAN(", \t\r\n"), c) >= 0)
			break;
	}
	item = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return item;
}

/* What stands in braces; damage is complained about and overlooked. */
static span unbrace(struct postconf *pc, span item, const struct entry *scope)
{
	size_t n = braced_length(item);
	span file = scope
	    ? keep_joined(pc, SPAN("master.cf:"), scope->space, SPAN_NONE)
	    : SPAN("main.cf");

	if (n == 0) {
		warn(pc, "%.*s: missing '}' in \"%.*s\"", ALL(file), ALL(item));
		return span_from(item, 1);
	}
	if (n < item.len)
		warn(pc, "%.*s: syntax error after '}' in \"%.*s\"", ALL(file),
		    ALL(item));
	return span_of(item.ptr + 1, n - 2);
}

static void scan_list(
    struct postconf *pc, span list, unsigned depth, struct entry *scope);

static void scan_table(struct postconf *pc, span type_name, span table,
    unsigned depth, struct entry *scope)
{
	const struct type *type = find_type(type_name);

	if (table.len > 0 && table.ptr[0] == '{')
		scan_list(pc, unbrace(pc, table, scope), depth + 1, scope);
	else if (!type)
		return;
	else if (table.len > 0 && table.ptr[0] == '/')
		check_file(pc, type, table);
	else if (table.len == 0 || table.ptr[0] != '.')
		mention_all(pc, type, table, scope);
}

static void scan_item(
    struct postconf *pc, span item, unsigned depth, struct entry *scope)
{
	ssize_t colon;

	if (item.ptr[0] == '{') {
		scan_list(pc, unbrace(pc, item, scope), depth + 1, scope);
		return;
	}
	while (span_skip(&item, SPAN("proxy:")))
		continue;
	colon = span_find(item, ':');
	if (colon >= 0)
		scan_table(pc, span_first(item, (size_t)colon),
		    span_from(item, (size_t)colon + 1), depth, scope);
}

static void scan_list(
    struct postconf *pc, span list, unsigned depth, struct entry *scope)
{
	enum { MAX_DEPTH = 100 };
	span item;

	if (depth > MAX_DEPTH)
		return;
	while ((item = take_item(&list)).len > 0)
		scan_item(pc, item, depth, scope);
}

void dbms_scan(struct postconf *pc, span value, struct entry *scope)
{
	scan_list(pc, value_expand(pc, SHOW_EVAL, value, scope), 0, scope);
}
