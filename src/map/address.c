/* SPDX-License-Identifier: ISC */
#include "map/address.h"

#include "mail/address.h"

struct finder {
	const struct table_list *list;
	const struct address_lookup *how;
	struct buf *value;
	span local;
	span user;   /* without the extension */
	span domain; /* ptr NULL: there is none */
	bool bare;   /* found without the extension */
};

static enum map_answer ask(struct finder *f, span key, enum table_find how)
{
	return table_list_find(f->list, key, how, f->value, NULL);
}

/* The local part in external form: quoted if it must be. */
static void quote_local(struct buf *out, span local)
{
	struct buf whole = BUF_INIT(ADDRESS_QUOTED_MAX);

	/* With an '@' behind it, one within it cannot be taken for the last. */
	buf_put(&whole, local);
	buf_putc(&whole, '@');
	address_quote(out, buf_span(&whole));
	out->failed |= whole.failed;
	if (!out->failed)
		out->len--;
	buf_done(&whole);
}

/* The key in external form, then as it is. `tail` needs no quotes. */
static enum map_answer ask_address(
    struct finder *f, span local, span tail, enum table_find how)
{
	struct buf plain = BUF_INIT(ADDRESS_QUOTED_MAX);
	struct buf quoted = BUF_INIT(ADDRESS_QUOTED_MAX);
	enum map_answer answer = MAP_NONE;
	bool same;

	buf_put(&plain, local);
	buf_put(&plain, tail);
	quote_local(&quoted, local);
	buf_put(&quoted, tail);
	same = f->how->plain || span_eq(buf_span(&plain), buf_span(&quoted));
	if (!plain.failed && !quoted.failed && !same)
		answer = ask(f, buf_span(&quoted), how);
	if (!plain.failed && answer == MAP_NONE && (same || !f->how->quoted))
		answer = ask(f, buf_span(&plain), how);
	buf_done(&plain);
	buf_done(&quoted);
	return answer;
}

static bool has_extension(const struct finder *f)
{
	return f->user.len < f->local.len;
}

/* "@domain", with its at sign. */
static span at_domain(const struct finder *f)
{
	return f->domain.ptr ? span_of(f->domain.ptr - 1, f->domain.len + 1)
	                     : SPAN_NONE;
}

static enum map_answer without_extension(struct finder *f, span tail)
{
	enum map_answer answer;

	if (!has_extension(f) || !(f->how->by & ADDRESS_BY_NOEXT))
		return MAP_NONE;
	answer = ask_address(f, f->user, tail, TABLE_PART_OF_KEY);
	f->bare = answer == MAP_FOUND;
	return answer;
}

static enum map_answer by_full(struct finder *f)
{
	return ask_address(f, f->local, at_domain(f), TABLE_WHOLE_KEY);
}

static enum map_answer by_noext(struct finder *f)
{
	return without_extension(f, at_domain(f));
}

static enum map_answer by_local(struct finder *f, span tail)
{
	enum map_answer answer =
	    ask_address(f, f->local, tail, TABLE_PART_OF_KEY);

	return answer == MAP_NONE ? without_extension(f, tail) : answer;
}

static enum map_answer if_ours(struct finder *f, span tail)
{
	enum map_answer ours;

	if (!f->domain.ptr || !f->how->is_local)
		return MAP_NONE;
	ours = f->how->is_local(f->how->ctx, f->domain);
	return ours == MAP_FOUND ? by_local(f, tail) : ours;
}

static enum map_answer by_localpart(struct finder *f)
{
	return if_ours(f, SPAN_NONE);
}

static enum map_answer by_localpart_at(struct finder *f)
{
	return if_ours(f, SPAN("@"));
}

static enum map_answer by_at_domain(struct finder *f)
{
	return ask(f, at_domain(f), TABLE_PART_OF_KEY);
}

static enum map_answer by_domain(struct finder *f)
{
	unsigned parents = ADDRESS_BY_PARENTS | ADDRESS_BY_DOT_PARENTS;
	span name = f->domain;

	while (name.len) {
		enum map_answer answer = ask(f, name, TABLE_PART_OF_KEY);
		ssize_t dot;

		if (answer != MAP_NONE || !(f->how->by & parents))
			return answer;
		dot = span_find(span_from(name, 1), '.');
		if (dot < 0)
			break;
		name = span_from(name, (size_t)dot + 1);
		if (!(f->how->by & ADDRESS_BY_DOT_PARENTS))
			name = span_from(name, 1);
	}
	return MAP_NONE;
}

static enum map_answer by_any_local_at(struct finder *f)
{
	return by_local(f, SPAN("@"));
}

static const struct {
	unsigned by;
	enum map_answer (*ask)(struct finder *f);
} ways[] = {
	{ ADDRESS_BY_FULL, by_full },
	{ ADDRESS_BY_NOEXT, by_noext },
	{ ADDRESS_BY_LOCALPART, by_localpart },
	{ ADDRESS_BY_LOCALPART_AT, by_localpart_at },
	{ ADDRESS_BY_AT_DOMAIN, by_at_domain },
	{ ADDRESS_BY_DOMAIN, by_domain },
	{ ADDRESS_BY_ANY_LOCAL_AT, by_any_local_at },
};

enum map_answer address_find(const struct table_list *l,
    const struct address_lookup *how, span addr, struct buf *value,
    span *ret_ext)
{
	struct finder f = { .list = l, .how = how, .value = value };
	enum map_answer answer = MAP_NONE;

	if (ret_ext)
		*ret_ext = SPAN_NONE;
	if (l->count == 0)
		return MAP_NONE;
	address_split(addr, &f.local, &f.domain);
	f.user = how->extension.delimiters.len
	    ? extension_user(&how->extension, f.local)
	    : f.local;
	for (size_t i = 0; i < ARRAY_LEN(ways) && answer == MAP_NONE; i++)
		if (how->by & ways[i].by)
			answer = ways[i].ask(&f);
	if (answer == MAP_FOUND && f.bare && ret_ext)
		*ret_ext = span_from(f.local, f.user.len);
	return answer;
}
