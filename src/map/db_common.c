/* SPDX-License-Identifier: ISC */
/*
 * map/db_common.c - templates of queries and results.
 *
 * The templates of a table together decide which keys can be asked for at
 * all: one that wants %d lets no key pass that has no domain, and so on. That
 * is what `wants` and `parts` collect.
 */
#include "map/db_common.h"

#include "os/clock.h"
#include "os/file.h"

enum wants {
	KEY_DOMAIN = 1,
	KEY_USER = 2,
	VALUE_DOMAIN = 4,
	VALUE_USER = 8,
};

enum {
	MAX_PARTS = 9,
	MAX_LIST = 4 * 1024 * 1024,
	MAX_PATH = 4096,
};

void db_common_init(
    struct db_common *d, struct map *m, const struct map_setup *s)
{
	*d = (struct db_common){ .map = m };
	tables_init(&d->tables, s->host);
	d->tables.depth = s->depth + 1;
	arena_init(&d->arena, MAX_LIST);
	buf_init(&d->list, MAX_LIST);
}

void db_common_done(struct db_common *d)
{
	if (!d->map)
		return;
	tables_done(&d->tables);
	arena_done(&d->arena);
	buf_done(&d->list);
	d->map = NULL;
}

/* --- templates --- */

/* What a letter behind % wants, or -1 if it means nothing. */
static int wants_of(char letter, enum db_template kind)
{
	bool query = kind == DB_QUERY;

	if (letter >= '1' && letter <= '9')
		return KEY_DOMAIN;
	switch (letter) {
	case '%':
	case 's':
	case 'S':
		return 0;
	case 'u':
		return query ? KEY_USER : VALUE_USER;
	case 'd':
		return query ? KEY_DOMAIN : VALUE_DOMAIN;
	case 'U':
		return KEY_USER;
	case 'D':
		return KEY_DOMAIN;
	default:
		return -1;
	}
}

void db_common_template(struct db_common *d, struct source_conf *c,
    span template, enum db_template kind, bool *ret_dynamic)
{
	bool dynamic = false;

	for (size_t i = 0; i < template.len; i++) {
		char letter;
		int wants;

		if (template.ptr[i] != '%')
			continue;
		letter = ++i < template.len ? template.ptr[i] : '\0';
		wants = wants_of(letter, kind);
		if (wants < 0) {
			source_conf_fail(c,
			    "db_common_parse: %.*s: Invalid %s template: %.*s",
			    PRI(c->setup->name),
			    kind == DB_QUERY ? "query" : "result",
			    PRI(span_first(template, 500)));
			return;
		}
		d->wants |= (unsigned)wants;
		if (ascii_is_digit(letter))
			d->parts = MAX(d->parts, (unsigned)(letter - '0'));
		dynamic |= letter != '%';
	}
	if (ret_dynamic)
		*ret_dynamic = dynamic;
}

/* --- the list of domains --- */

void db_common_domains(struct db_common *d, struct source_conf *c)
{
	span value = source_conf_str(c, "domain", "");

	if (value.len == 0)
		return;
	/* The list borrows from its text. */
	buf_put(&d->list, value);
	d->limited = true;
	d->domains.name = SPAN("domain");
	d->domains.tables = &d->tables;
	if (!matchlist_parse(
	        &d->domains, buf_span(&d->list), &d->arena, file_read_named))
		source_conf_fail(
		    c, "%.*s: domain list is too long", PRI(c->setup->name));
}

void db_common_files(
    struct db_common *d, void (*fn)(void *ctx, const char *path), void *ctx)
{
	tables_each_file(&d->tables, fn, ctx);
}

static span domain_of(span s)
{
	ssize_t at = span_rfind(s, '@');

	return at < 0 ? SPAN_NONE : span_from(s, (size_t)at + 1);
}

static void warn_domain(struct db_common *d, const struct pattern *p, span key)
{
	struct buf text = BUF_INIT(4096);

	if (p)
		matchlist_error(p, &text);
	map_warn_plain(d->map, "domain: %.*s", PRI(buf_span(&text)));
	map_warn_plain(d->map, "%.*s 'domain' pattern match failed for '%.*s'",
	    PRI(d->map->spec), PRI(key));
	buf_done(&text);
}

enum map_answer db_common_check_key(struct db_common *d, span key)
{
	const struct pattern *hit = NULL;
	span domain;

	if (!d->limited)
		return MAP_FOUND;
	domain = domain_of(key);
	if (domain.len == 0)
		return MAP_NONE;
	tables_refresh(&d->tables, clock_monotonic());
	switch (matchlist_string(&d->domains, domain, &hit)) {
	case MATCH_YES:
		return MAP_FOUND;
	case MATCH_NO:
		return MAP_NONE;
	case MATCH_ERROR:
		break;
	}
	warn_domain(d, hit, key);
	return MAP_RETRY;
}

/* --- expansion --- */

/* A value and a key taken apart. */
struct parts {
	span whole[2];
	span user[2]; /* the whole, if there is no domain */
	span domain[2];
	span labels[MAX_PARTS]; /* the last one first */
};

enum { OF_VALUE, OF_KEY };

/* Empty labels do not count. False: there are not so many. */
static bool split_labels(span domain, unsigned want, span *labels)
{
	size_t end = domain.len;

	for (unsigned i = 0; i < want; i++) {
		size_t start;

		while (end && domain.ptr[end - 1] == '.')
			end--;
		for (start = end; start && domain.ptr[start - 1] != '.';)
			start--;
		if (start == end)
			return false;
		labels[i] = span_of(domain.ptr + start, end - start);
		end = start;
	}
	return true;
}

static void split_at(struct parts *p, unsigned which, span whole)
{
	span domain = domain_of(whole);

	p->whole[which] = whole;
	p->domain[which] = domain;
	p->user[which] =
	    domain.ptr ? span_first(whole, whole.len - domain.len - 1) : whole;
}

/* Whether what the templates want of it is there. */
static bool is_complete(
    const struct parts *p, unsigned which, bool domain, bool user)
{
	if (domain && p->domain[which].len == 0)
		return false;
	return !user || !p->domain[which].ptr || p->user[which].len > 0;
}

static void warn_empty(const struct db_common *d, const struct db_values *v)
{
	if (v->key.ptr)
		map_warn_plain(d->map,
		    "table \"%.*s\": empty lookup result for: \"%.*s\" -- "
		    "ignored",
		    PRI(d->map->spec), PRI(v->key));
	else
		map_warn_plain(d->map,
		    "table \"%.*s\": empty query string -- ignored",
		    PRI(d->map->spec));
}

static span name_of(const struct map *m)
{
	span name = m->spec;

	(void)span_cut(&name, ':');
	return name;
}

/* False: something is missing. */
static bool take_apart(
    const struct db_common *d, const struct db_values *v, struct parts *p)
{
	bool is_query = !v->key.ptr;
	unsigned wants = d->wants;

	split_at(p, OF_VALUE, v->value);
	split_at(p, OF_KEY, is_query ? v->value : v->key);
	if (!is_complete(p, OF_KEY, wants & KEY_DOMAIN, wants & KEY_USER)) {
		if (!is_query)
			map_warn_plain(d->map,
			    "db_common_expand: %.*s: lookup key '%.*s' "
			    "skipped after query",
			    PRI(name_of(d->map)), PRI(v->value));
		return false;
	}
	if (!is_query &&
	    !is_complete(p, OF_VALUE, wants & VALUE_DOMAIN, wants & VALUE_USER))
		return false;
	return split_labels(p->domain[OF_KEY], d->parts, p->labels);
}

static span part_of(const struct parts *p, char letter)
{
	unsigned which = letter >= 'a' ? OF_VALUE : OF_KEY;

	if (ascii_is_digit(letter))
		return p->labels[letter - '1'];
	switch (ascii_lower(letter)) {
	case 'u':
		return p->user[which];
	case 'd':
		return p->domain[which];
	default:
		return p->whole[which];
	}
}

bool db_common_expand(struct db_common *d, span template,
    const struct db_values *v, struct buf *out)
{
	struct parts p;

	if (!v->value.ptr)
		return false;
	if (v->value.len == 0) {
		warn_empty(d, v);
		return false;
	}
	if (!take_apart(d, v, &p))
		return false;
	if (out->len)
		buf_putc(out, ',');
	for (size_t i = 0; i < template.len; i++) {
		char c = template.ptr[i];

		if (c != '%' || ++i == template.len || template.ptr[i] == '%')
			buf_putc(out, c);
		else if (v->quote)
			v->quote(v->ctx, part_of(&p, template.ptr[i]), out);
		else
			buf_put(out, part_of(&p, template.ptr[i]));
	}
	return true;
}

bool db_result_put(struct db_result *r, span value)
{
	const struct db_values v = { .value = value, .key = r->key };

	if (!db_common_expand(r->common, r->format, &v, r->out))
		return true;
	return r->limit <= 0 || ++r->count <= r->limit;
}

/* --- SQL --- */

void db_common_sql_query(struct source_conf *c, struct buf *out)
{
	span query = source_conf_str(c, "query", NULL);
	span table;
	span field;
	span where;

	if (query.len) {
		buf_put(out, query);
		return;
	}
	table = source_conf_str_needed(c, "table", "");
	field = source_conf_str_needed(c, "select_field", "");
	where = source_conf_str_needed(c, "where_field", "");
	buf_put(out, SPAN("SELECT "));
	buf_put(out, field);
	buf_put(out, SPAN(" FROM "));
	buf_put(out, table);
	buf_put(out, SPAN(" WHERE "));
	buf_put(out, where);
	buf_put(out, SPAN("='%s' "));
	buf_put(out, source_conf_str(c, "additional_conditions", ""));
}
