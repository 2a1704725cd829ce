/* SPDX-License-Identifier: ISC */
/*
 * map/ldap.c - "ldap:/file.cf": ldap_table(5). A module.
 *
 * A key fills the search base and the filter, each quoted in its own way; the
 * attributes of the entries that are found, and of those they point to, are
 * the value. A connection that was lost is made anew once; whatever else goes
 * wrong means "try later", never "not there".
 */
#include "map/ldap_internal.h"
#include "map/types.h"

#include "mail/address.h"
#include "os/clock.h"

enum {
	MAX_QUERY = 1024 * 1024,
	/* All searches of a lookup together: so often the timeout of one. */
	LOOKUP_TIMEOUTS = 10,
};

static void ldap_close(struct map *m)
{
	struct ldap_table *t = CONTAINER_OF(m, struct ldap_table, map);

	ldap_conn_put(t);
	ldap_conf_done(t);
	buf_done(&t->source);
	buf_done(&t->base);
	buf_done(&t->filter);
	mem_free(t);
}

static struct map *ldap_open_table(const struct map_setup *s)
{
	struct ldap_table *t = NEW(struct ldap_table);

	/* For warnings; map.c does the same later. */
	t->map.host = s->host;
	buf_init(&t->source, s->name.len + 1);
	buf_put(&t->source, s->name);
	buf_init(&t->base, MAX_QUERY);
	buf_init(&t->filter, MAX_QUERY);
	db_common_init(&t->common, &t->map, s);
	if (source_conf_open(&t->conf, s, &t->map) && ldap_conf_read(t) &&
	    ldap_conn_get(t, s))
		return &t->map;
	mem_free(t->map.path); /* otherwise map_close() does that */
	ldap_close(&t->map);
	return NULL;
}

/* False: such a key has no query. */
static bool build_query(struct ldap_table *t, span key)
{
	const struct db_values base = { .value = key,
		.quote = ldap_quote_name };
	const struct db_values filter = { .value = key,
		.quote = ldap_quote_filter };

	buf_clear(&t->base);
	buf_clear(&t->filter);
	return db_common_expand(&t->common, t->search_base, &base, &t->base) &&
	    db_common_expand(
	        &t->common, t->query_filter, &filter, &t->filter) &&
	    !t->base.failed && !t->filter.failed;
}

/* An LDAP code, or -1000 when there is no connection and it was said. */
enum { NOT_CONNECTED = -1000 };

static int search(struct ldap_table *t, LDAPMessage **ret)
{
	const struct ldap_query q = { buf_cstr(&t->base), t->scope,
		buf_cstr(&t->filter), t->attrs.names };

	if (!ldap_conn_open(t))
		return NOT_CONNECTED;
	return ldap_conn_search(t, &q, ret);
}

/* The server may have hung up long ago, which is not noticed before. */
static int search_again(struct ldap_table *t, LDAPMessage **ret)
{
	int r = search(t, ret);

	if (r != LDAP_SERVER_DOWN)
		return r;
	if (*ret)
		(void)ldap_msgfree(*ret);
	*ret = NULL;
	ldap_conn_close(t->conn);
	return search(t, ret);
}

static enum map_answer judge(
    struct ldap_table *t, int r, LDAPMessage *res, span key, struct buf *value)
{
	if (r == LDAP_SUCCESS && !ldap_values_put(t, res, key, value))
		return MAP_RETRY;
	if (r == LDAP_SUCCESS)
		return value->len ? MAP_FOUND : MAP_NONE;
	if (r == NOT_CONNECTED)
		return MAP_RETRY;
	if (r == LDAP_NO_SUCH_OBJECT) {
		/* A base made from the key need not be there. */
		if (t->dynamic_base)
			return MAP_NONE;
		ldap_warn(t,
		    "dict_ldap_lookup: %.*s: Search base '%s' not found: %d: "
		    "%s",
		    PRI(ldap_source(t)), buf_cstr(&t->base), r,
		    ldap_err2string(r));
		return MAP_RETRY;
	}
	ldap_warn(
	    t, "dict_ldap_lookup: Search error %d: %s ", r, ldap_err2string(r));
	ldap_conn_close(t->conn);
	return MAP_RETRY;
}

static enum map_answer ldap_find(struct map *m, span key, struct buf *value)
{
	struct ldap_table *t = CONTAINER_OF(m, struct ldap_table, map);
	LDAPMessage *res = NULL;
	enum map_answer answer;
	int r;

	if (!address_is_utf8(key))
		return MAP_NONE;
	answer = db_common_check_key(&t->common, key);
	if (answer != MAP_FOUND)
		return answer;
	if (!build_query(t, key))
		return MAP_NONE;
	t->deadline = clock_monotonic() + LOOKUP_TIMEOUTS * t->timeout;
	r = search_again(t, &res);
	answer = judge(t, r, res, key, value);
	if (res)
		(void)ldap_msgfree(res);
	return answer;
}

const struct map_type map_module = {
	.name = "ldap",
	.traits = MAP_EXACT,
	.open = ldap_open_table,
	.find = ldap_find,
	.close = ldap_close,
};
