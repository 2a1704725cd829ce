/* SPDX-License-Identifier: ISC */
/*
 * map/types.c - the table of types, and the modules of the larger ones.
 */
#include "map/types.h"

#include <dlfcn.h>
#include <unistd.h>

struct type_row {
	const char *name;
	const struct map_type *type;
	const char *package; /* a module: what it needs when it is built */
};

/* clang-format off */
static const struct type_row rows[] = {
	{ "btree", &map_type_btree, NULL },
	{ "cdb", &map_type_cdb, NULL },
	{ "cidr", &map_type_cidr, NULL },
	{ "environ", &map_type_environ, NULL },
	{ "fail", &map_type_fail, NULL },
	{ "hash", &map_type_hash, NULL },
	{ "inline", &map_type_inline, NULL },
	{ "internal", &map_type_internal, NULL },
	{ "ldap", NULL, "libldap-dev and libsasl2-dev" },
	{ "lmdb", &map_type_lmdb, NULL },
	{ "memcache", &map_type_memcache, NULL },
	{ "mongodb", NULL, "libmongoc-dev" },
	{ "mysql", NULL, "libmariadb-dev" },
	{ "nis", NULL, "libnsl-dev" },
	{ "pcre", &map_type_pcre, NULL },
	{ "pgsql", NULL, "libpq-dev" },
	{ "pipemap", &map_type_pipemap, NULL },
	{ "proxy", &map_type_proxy, NULL },
	{ "randmap", &map_type_randmap, NULL },
	{ "redis", &map_type_redis, NULL },
	{ "regexp", &map_type_regexp, NULL },
	{ "socketmap", &map_type_socketmap, NULL },
	{ "sqlite", NULL, "libsqlite3-dev" },
	{ "static", &map_type_static, NULL },
	{ "tcp", &map_type_tcp, NULL },
	{ "texthash", &map_type_texthash, NULL },
	{ "unionmap", &map_type_unionmap, NULL },
	{ "unix", &map_type_unix, NULL },
};
/* clang-format on */

static const struct type_row *find_row(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (span_eq(name, span_str(rows[i].name)))
			return &rows[i];
	return NULL;
}

static void module_path(
    const struct map_host *host, const char *name, struct buf *out)
{
	buf_printf(out, "%.*s/map-%s.so", PRI(host->module_dir), name);
}

/* Stays loaded until the process ends. */
static const struct map_type *load_module(
    const struct map_host *host, const struct type_row *row, struct buf *reason)
{
	struct buf path = BUF_INIT(4096);
	const struct map_type *type = NULL;
	map_type_find_fn **finder;
	void *module;

	module_path(host, row->name, &path);
	module = dlopen(buf_cstr(&path), RTLD_NOW | RTLD_LOCAL);
	if (module)
		type = dlsym(module, MAP_MODULE_SYMBOL);
	finder = type ? dlsym(module, MAP_MODULE_FINDER) : NULL;
	if (finder)
		*finder = map_type_find;
	if (!type && access(buf_cstr(&path), F_OK) < 0)
		buf_printf(reason,
		    "unsupported dictionary type: %s (not built in: install "
		    "%s and build again)",
		    row->name, row->package);
	else if (!type)
		buf_printf(reason, "%s", dlerror());
	buf_done(&path);
	return type;
}

const struct map_type *map_type_find(
    const struct map_host *host, span name, struct buf *reason)
{
	const struct type_row *row = find_row(name);

	if (!row) {
		buf_printf(
		    reason, "unsupported dictionary type: %.*s", PRI(name));
		return NULL;
	}
	return row->type ? row->type : load_module(host, row, reason);
}

static bool is_there(const struct map_host *host, const struct type_row *row)
{
	struct buf path = BUF_INIT(4096);
	bool there;

	if (row->type)
		return true;
	module_path(host, row->name, &path);
	there = access(buf_cstr(&path), R_OK) == 0;
	buf_done(&path);
	return there;
}

void map_types_each(
    const struct map_host *host, void (*fn)(void *ctx, span name), void *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_there(host, &rows[i]))
			fn(ctx, span_str(rows[i].name));
}
