/* SPDX-License-Identifier: ISC */
/*
 * map/ldap_values.c - from entries to a value.
 *
 * The attributes that a table wants are of four kinds. An entry with a
 * `terminal` one gives only those. A `special` one holds a DN or an LDAP URL:
 * what that leads to is added, and so on, as deep as recursion_limit. An
 * entry with a special one does not give its `leaf` ones. All others are
 * ordinary. Values are what the server says: bytes with a length, checked
 * before they are used as text.
 */
#include "map/ldap_internal.h"

enum {
	MAX_TOLD = 200, /* of a value, in the log */
	MAX_NAME = 64 * 1024,
};

struct walk {
	struct ldap_table *t;
	span key;
	struct buf *out;
	uint32_t depth;
	uint32_t expanded; /* values so far */
};

static bool put_result(struct walk *w, LDAPMessage *res);

/* --- quoting --- */

static void put_quoted(span s, const char *which, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!s.ptr[i] || strchr(which, s.ptr[i]))
			buf_printf(out, "\\%02X", (unsigned char)s.ptr[i]);
		else
			buf_putc(out, s.ptr[i]);
	}
}

void ldap_quote_filter(void *unused UNUSED, span s, struct buf *out)
{
	put_quoted(s, "*()\\", out);
}

/* More than RFC 4514 wants quoted, which is harmless. */
void ldap_quote_name(void *unused UNUSED, span s, struct buf *out)
{
	put_quoted(s, " \t\"#+,;<>\\", out);
}

/* --- names of attributes --- */

/*
 * 1: they are the same, or `b` is a kind of `a` ("mail" and "mail;lang-en");
 * -1: the other way round; 0: neither.
 */
static int relation(const char *a, const char *b)
{
	while (*a && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	if (!*a && (!*b || *b == ';'))
		return 1;
	return !*b && *a == ';' ? -1 : 0;
}

static uint32_t find_attr(const struct ldap_attrs *attrs, const char *name)
{
	uint32_t i = 0;

	while (i < attrs->count && relation(attrs->names[i], name) <= 0)
		i++;
	return i;
}

static bool has_any(
    struct walk *w, LDAPMessage *entry, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct berval **values = ldap_get_values_len(
		    w->t->conn->ld, entry, w->t->attrs.names[i]);
		bool some = values && ldap_count_values_len(values) > 0;

		ldap_value_free_len(values);
		if (some)
			return true;
	}
	return false;
}

/* --- values --- */

static span span_of_value(const struct berval *v)
{
	return span_of(v->bv_val, v->bv_len);
}

/* For calls that want a string, and because no address has a NUL. */
static bool check_text(struct walk *w, const char *attr, span value)
{
	if (span_find(value, '\0') < 0)
		return true;
	ldap_warn(w->t,
	    "dict_ldap_get_values[%u]: null byte in a value of attribute %s",
	    w->depth, attr);
	return false;
}

static bool put_value(struct walk *w, const char *attr, span value)
{
	struct ldap_table *t = w->t;
	const struct db_values values = { .value = value, .key = w->key };

	if (!check_text(w, attr, value))
		return false;
	if (!db_common_expand(&t->common, t->result_format, &values, w->out))
		return true;
	if (!t->expansion_limit || ++w->expanded <= t->expansion_limit)
		return true;
	ldap_warn(t,
	    "dict_ldap_get_values[%u]: %.*s: Expansion limit exceeded for "
	    "key: '%.*s'",
	    w->depth, PRI(ldap_source(t)), PRI(w->key));
	return false;
}

/* --- where special values lead --- */

/* What the URL asks for and we want, of both the more particular. */
static char **url_attrs(const struct ldap_table *t, const LDAPURLDesc *url)
{
	const struct ldap_attrs *ours = &t->attrs;
	char **theirs = url->lud_attrs;
	char **both;
	size_t n = 0;

	if (!theirs || !*theirs) {
		both = mem_new(ours->count + 1, sizeof(*both));
		memcpy(both, ours->names, ours->count * sizeof(*both));
		return both;
	}
	while (theirs[n])
		n++;
	both = mem_new(n * ours->count + 1, sizeof(*both));
	n = 0;
	for (; *theirs; theirs++) {
		for (uint32_t i = 0; i < ours->count; i++) {
			int r = relation(*theirs, ours->names[i]);

			if (r)
				both[n++] = r > 0 ? ours->names[i] : *theirs;
		}
	}
	return both;
}

static int search_url(struct walk *w, const LDAPURLDesc *url, LDAPMessage **ret)
{
	char **attrs = url_attrs(w->t, url);
	struct ldap_query q = { url->lud_dn, url->lud_scope, url->lud_filter,
		attrs };
	/* With no attribute in common there is nothing to find. */
	int r = *attrs ? ldap_conn_search(w->t, &q, ret) : LDAP_SUCCESS;

	mem_free(attrs);
	return r;
}

/* -1: it was said what is wrong. */
static int search_special(struct walk *w, const char *value, LDAPMessage **ret)
{
	LDAPURLDesc *url = NULL;
	struct ldap_query q = { value, LDAP_SCOPE_BASE, "objectclass=*",
		w->t->attrs.names };
	int r;

	if (!ldap_is_ldap_url(value))
		return ldap_conn_search(w->t, &q, ret);
	r = ldap_url_parse(value, &url);
	if (r == LDAP_URL_SUCCESS) {
		r = search_url(w, url, ret);
		ldap_free_urldesc(url);
		return r;
	}
	ldap_warn(w->t, "dict_ldap_get_values[%u]: malformed URL %.*s: %s(%d)",
	    w->depth, MAX_TOLD, value, ldap_err2string(r), r);
	return -1;
}

static bool follow(struct walk *w, const char *attr, span value)
{
	struct buf name = BUF_INIT(MAX_NAME);
	LDAPMessage *res = NULL;
	bool ok = false;
	int r;

	if (!check_text(w, attr, value))
		return false;
	buf_put(&name, value);
	r = name.failed ? LDAP_INVALID_DN_SYNTAX
	                : search_special(w, buf_cstr(&name), &res);
	if (r == LDAP_SUCCESS) {
		ok = !res || put_result(w, res);
	} else if (r == LDAP_NO_SUCH_OBJECT) {
		/* As if it were there and had nothing for us. */
		ldap_warn(w->t,
		    "dict_ldap_get_values[%u]: DN %.*s not found, skipping ",
		    w->depth, PRI(span_first(value, MAX_TOLD)));
		ok = true;
	} else if (r != -1) {
		ldap_warn(w->t,
		    "dict_ldap_get_values[%u]: search error %d: %s ", w->depth,
		    r, ldap_err2string(r));
	}
	if (res)
		(void)ldap_msgfree(res);
	buf_done(&name);
	return ok;
}

static bool put_special(struct walk *w, const char *attr, span value)
{
	struct ldap_table *t = w->t;

	if (w->depth < t->recursion_limit)
		return follow(w, attr, value);
	ldap_warn(t,
	    "dict_ldap_get_values[%u]: %.*s: Recursion limit exceeded for "
	    "special attribute %s=%.*s",
	    w->depth, PRI(ldap_source(t)), attr,
	    PRI(span_first(value, MAX_TOLD)));
	return false;
}

/* --- entries --- */

enum kind { KIND_TERMINAL, KIND_BRANCH, KIND_LEAF };

static enum kind kind_of(struct walk *w, LDAPMessage *entry)
{
	const struct ldap_attrs *attrs = &w->t->attrs;

	if (has_any(w, entry, 0, attrs->terminal))
		return KIND_TERMINAL;
	if (attrs->leaf && has_any(w, entry, attrs->ordinary, attrs->count))
		return KIND_BRANCH;
	return KIND_LEAF;
}

typedef bool value_fn(struct walk *w, const char *attr, span value);

/* What to do with the values of one attribute; NULL: nothing. */
static value_fn *action(
    const struct ldap_attrs *attrs, enum kind kind, const char *name)
{
	uint32_t i = find_attr(attrs, name);

	if (i == attrs->count)
		return NULL;
	if (kind == KIND_TERMINAL)
		return i < attrs->terminal ? put_value : NULL;
	if (i >= attrs->ordinary)
		return put_special;
	if (kind == KIND_BRANCH && i < attrs->terminal + attrs->leaf)
		return NULL;
	return put_value;
}

static bool put_attr(
    struct walk *w, LDAPMessage *entry, enum kind kind, const char *name)
{
	value_fn *fn = action(&w->t->attrs, kind, name);
	struct berval **values;
	bool ok = true;

	if (!fn)
		return true;
	values = ldap_get_values_len(w->t->conn->ld, entry, name);
	for (int i = 0; ok && values && values[i]; i++)
		ok = fn(w, name, span_of_value(values[i]));
	ldap_value_free_len(values);
	return ok;
}

static bool put_entry(struct walk *w, LDAPMessage *entry)
{
	LDAP *ld = w->t->conn->ld;
	enum kind kind = kind_of(w, entry);
	BerElement *position = NULL;
	bool ok = true;
	char *name = ldap_first_attribute(ld, entry, &position);

	while (name && ok) {
		ok = put_attr(w, entry, kind, name);
		ldap_memfree(name);
		name = ok ? ldap_next_attribute(ld, entry, position) : NULL;
	}
	if (position)
		ber_free(position, 0);
	return ok;
}

/* libldap may give more entries than it was asked for. */
static bool put_result(struct walk *w, LDAPMessage *res)
{
	struct ldap_table *t = w->t;
	LDAP *ld = t->conn->ld;
	uint32_t entries = 0;
	bool ok = true;

	w->depth++;
	for (LDAPMessage *entry = ldap_first_entry(ld, res); entry && ok;
	     entry = ldap_next_entry(ld, entry)) {
		if (t->size_limit && ++entries > t->size_limit) {
			ldap_warn(t,
			    "dict_ldap_get_values[%u]: %.*s: Query size limit "
			    "(%u) exceeded",
			    w->depth, PRI(ldap_source(t)), t->size_limit);
			ok = false;
		} else {
			ok = put_entry(w, entry);
		}
	}
	w->depth--;
	return ok;
}

bool ldap_values_put(
    struct ldap_table *t, LDAPMessage *res, span key, struct buf *out)
{
	struct walk w = { .t = t, .key = key, .out = out };

	return put_result(&w, res);
}
