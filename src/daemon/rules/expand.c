/* SPDX-License-Identifier: ISC */
/*
 * An alias may stand for several addresses, each of which may be an alias
 * again; one that stands for itself among others ends there. The order of the
 * result, and the limits, are Postfix's.
 */
#include "daemon/rules/expand.h"

#include <stdarg.h>

#include "daemon/rules/resolve.h"
#include "mail/address.h"
#include "mail/masquerade.h"

enum {
	VALUE_MAX = 1024 * 1024,
	CANONICAL_STEPS = 10,
};

/* --- the addresses in a value --- */

static span with_extension(struct arena *a, span addr, span ext)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span local;
	span domain;
	span s;

	address_split(addr, &local, &domain);
	buf_put(&b, local);
	buf_put(&b, ext);
	buf_put(&b, span_from(addr, local.len));
	s = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	return s;
}

/* "@other.domain" keeps the local part that was asked for. */
static bool put_local_part(struct buf *out, span addr, span ext)
{
	struct buf plain = BUF_INIT(ADDRESS_QUOTED_MAX);
	span value = buf_span(out);
	span local;
	span domain;

	address_split(addr, &local, &domain);
	buf_put(&plain, span_first(local, local.len - ext.len));
	buf_put(&plain, value);
	buf_clear(out);
	address_quote(out, buf_span(&plain));
	out->failed |= plain.failed;
	buf_done(&plain);
	return !out->failed;
}

/* One address of the list: complete, internal. */
static span complete(
    const struct policy *p, struct arena *a, const struct token *t)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span inner = SPAN_NONE;
	span s;

	token_write_internal(&b, &t->kids);
	s = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	if (!s.ptr || resolve_rewrite(p, a, s, &inner) != RESOLVE_OK)
		return SPAN_NONE;
	return inner;
}

struct list {
	struct arena *arena;
	uint32_t count;
	uint32_t room;
	span *items;
};

static bool add(struct list *l, span s)
{
	if (!s.ptr)
		return false;
	if (l->count == l->room) {
		uint32_t room = l->room ? 2 * l->room : 8;
		span *more = arena_alloc(l->arena, room, sizeof(*more));

		if (!more)
			return false;
		if (l->count)
			memcpy(more, l->items, l->count * sizeof(*more));
		l->items = more;
		l->room = room;
	}
	l->items[l->count++] = s;
	return true;
}

static bool has(const struct list *l, span s)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (span_eq_nocase(l->items[i], s))
			return true;
	return false;
}

static bool read_list(
    const struct policy *p, span text, span ext, struct list *ret)
{
	struct token_list list;
	span copy = arena_dup(ret->arena, text);

	if (span_eq(text, SPAN("<>")))
		copy = SPAN("\"\"");
	if (!copy.ptr || !token_parse(copy, 0, ret->arena, &list))
		return false;
	for (struct token *t = list.head; t; t = t->next) {
		span addr;

		if (t->type != TOKEN_ADDR)
			continue;
		addr = complete(p, ret->arena, t);
		if (ext.len && addr.ptr)
			addr = with_extension(ret->arena, addr, ext);
		if (!add(ret, addr))
			return false;
	}
	return ret->count > 0;
}

/*
 * The addresses that the tables have for one: MAP_RETRY also for a value that
 * is no address.
 */
static enum map_answer map_address(const struct policy *p,
    const struct table_list *l, span addr, struct list *ret)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	bool propagate = l == &p->tables.virtual_alias_maps
	    ? p->propagate_virtual
	    : p->propagate_canonical;
	enum map_answer answer;
	span ext;
	bool ok = true;

	answer = lookup_with_extension(p, l, addr, &value, &ext);
	if (answer == MAP_FOUND && value.data[0] == '@')
		ok = put_local_part(&value, addr, ext);
	if (answer == MAP_FOUND && ok)
		ok = read_list(
		    p, buf_span(&value), propagate ? ext : SPAN_NONE, ret);
	buf_done(&value);
	return ok ? answer : MAP_RETRY;
}

/* --- canonical_maps, masquerade_domains --- */

/* Again and again, until nothing changes: x -> y -> z. */
static bool apply(const struct policy *p, const struct table_list *l,
    struct arena *a, span *addr, bool *ret_found)
{
	*ret_found = false;
	for (unsigned i = 0; i < CANONICAL_STEPS && l->count; i++) {
		struct list found = { .arena = a };
		enum map_answer answer = map_address(p, l, *addr, &found);
		span before = *addr;

		if (answer != MAP_FOUND)
			return answer == MAP_NONE;
		*ret_found = true;
		*addr = found.items[0];
		if (span_eq_nocase(before, *addr))
			return true;
	}
	return true;
}

static span converted(
    struct arena *a, span addr, void (*convert)(struct buf *out, span addr))
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	span s;

	convert(&b, addr);
	s = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	return s;
}

/* One table for an address in external form, which stays as it is written
 * when the table does not have it. */
static bool apply_external(const struct policy *p, const struct table_list *l,
    struct arena *a, span *addr)
{
	span inner;
	bool found;

	if (!l->count)
		return true;
	inner = converted(a, *addr, address_unquote);
	if (!inner.ptr || !apply(p, l, a, &inner, &found))
		return false;
	if (found)
		*addr = converted(a, inner, address_quote);
	return addr->ptr != NULL;
}

/* Users of whom the host may be seen. */
static enum matchlist_result is_excepted(const struct policy *p, span addr)
{
	ssize_t at = span_rfind(addr, '@');

	if (at < 0 || !p->masquerade_exceptions.count)
		return MATCH_NO;
	return matchlist_string(
	    &p->masquerade_exceptions, span_first(addr, (size_t)at), NULL);
}

static bool hide_host(const struct policy *p, struct arena *a, span *addr)
{
	struct buf b = BUF_INIT(ADDRESS_QUOTED_MAX);
	enum matchlist_result excepted = is_excepted(p, *addr);

	if (excepted == MATCH_NO &&
	    masquerade(p->r.masquerade_domains, *addr, &b))
		*addr = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	return excepted != MATCH_ERROR && addr->ptr;
}

bool expand_external(const struct policy *p, struct arena *a,
    enum policy_class class, span *addr, span *ret_title)
{
	const struct policy_tables *t = &p->tables;
	const struct {
		unsigned classes;
		const struct table_list *list;
	} tables[] = {
		{ class & (ENVELOPE_SENDER | HEADER_SENDER)
		        ? p->sender_canonical
		        : 0,
		    &t->sender_canonical_maps },
		{ class & (ENVELOPE_RECIPIENT | HEADER_RECIPIENT)
		        ? p->recipient_canonical
		        : 0,
		    &t->recipient_canonical_maps },
		{ p->canonical, &t->canonical_maps },
	};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		*ret_title = tables[i].list->title;
		if ((tables[i].classes & class) &&
		    !apply_external(p, tables[i].list, a, addr))
			return false;
	}
	*ret_title = p->masquerade_exceptions.name;
	return !(p->masquerade & class) || !p->r.masquerade_domains.len ||
	    hide_host(p, a, addr);
}

bool expand_canonical(const struct policy *p, struct arena *a,
    enum expand_side side, span addr, span *ret)
{
	const struct policy_tables *t = &p->tables;
	span title;

	*ret = addr;
	if (p->no_address_mappings || !addr.len ||
	    !(t->canonical_maps.count || t->sender_canonical_maps.count ||
	        t->recipient_canonical_maps.count ||
	        p->r.masquerade_domains.len))
		return true;
	*ret = converted(a, addr, address_quote);
	if (!ret->ptr ||
	    !expand_external(p, a,
	        side == EXPAND_SENDER ? ENVELOPE_SENDER : ENVELOPE_RECIPIENT,
	        ret, &title))
		return false;
	*ret = converted(a, *ret, address_unquote);
	return ret->ptr != NULL;
}

/* --- virtual_alias_maps --- */

struct expander {
	const struct policy *p;
	const struct world *world;
	span addr; /* what it began with */
	struct list all;
	struct list selves; /* those that stand for themselves, too */
};

PRINTF_LIKE(2, 3)
static bool refuse(const struct expander *x, const char *format, ...)
{
	char text[512];
	struct buf line = BUF_INIT(2048);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_printf(&line, "%s -- message not accepted, try again later", text);
	x->world->warn(x->world->ctx, buf_span(&line));
	buf_done(&line);
	return false;
}

/* The i-th address becomes the first of what it stands for, the others go to
 * the end. */
static bool replace(struct expander *x, uint32_t i, const struct list *found)
{
	const struct settings *s = &x->p->r;
	span before = x->all.items[i];

	for (uint32_t k = 0; k < found->count; k++) {
		span addr = found->items[k];

		if (addr.len > s->virtual_alias_address_length_limit)
			return refuse(x,
			    "unreasonable virtual_alias_maps result %.300s...",
			    arena_cstr(x->all.arena, span_first(addr, 300)));
		if (k == 0)
			x->all.items[i] = addr;
		else if (!add(&x->all, addr))
			return false;
		if (span_eq_nocase(before, addr) && !add(&x->selves, before))
			return false;
	}
	return true;
}

/* Look the i-th up until no table has it any more. */
static bool expand_one(struct expander *x, uint32_t i)
{
	for (uint32_t n = 0; !has(&x->selves, x->all.items[i]); n++) {
		struct list found = { .arena = x->all.arena };

		if (n >= x->p->r.virtual_alias_recursion_limit)
			return refuse(x,
			    "unreasonable virtual_alias_maps map nesting for "
			    "%.*s",
			    PRI(x->addr));
		switch (map_address(x->p, &x->p->tables.virtual_alias_maps,
		    x->all.items[i], &found)) {
		case MAP_NONE:
			return true;
		case MAP_RETRY:
			return refuse(x,
			    "virtual_alias_maps map lookup problem for %.*s",
			    PRI(x->addr));
		case MAP_FOUND:
			break;
		}
		if (!replace(x, i, &found))
			return false;
	}
	return true;
}

/* Two ways to the same address are one. */
static void drop_duplicates(struct list *l)
{
	struct list kept = { .items = l->items };

	for (uint32_t i = 0; i < l->count; i++)
		if (!has(&kept, l->items[i]))
			kept.items[kept.count++] = l->items[i];
	l->count = kept.count;
}

bool expand_virtual(const struct policy *p, const struct world *world,
    struct arena *a, span addr, struct expansion *ret)
{
	struct expander x = { .p = p,
		.world = world,
		.addr = addr,
		.all = { .arena = a },
		.selves = { .arena = a } };

	if (!add(&x.all, addr))
		return false;
	for (uint32_t i = 0; !p->no_address_mappings && i < x.all.count &&
	     p->tables.virtual_alias_maps.count;
	     i++) {
		if (x.all.count > p->r.virtual_alias_expansion_limit)
			return refuse(&x,
			    "unreasonable virtual_alias_maps map expansion "
			    "size for %.*s",
			    PRI(addr));
		if (!expand_one(&x, i))
			return false;
	}
	drop_duplicates(&x.all);
	*ret = (struct expansion){ x.all.count, x.all.items };
	return true;
}

/* --- who exists --- */

enum map_answer expand_knows(
    const struct policy *p, enum expand_side side, span addr)
{
	const struct policy_tables *t = &p->tables;
	const struct table_list *const lists[] = {
		&t->recipient_canonical_maps,
		side == EXPAND_SENDER ? &t->sender_canonical_maps : NULL,
		&t->canonical_maps,
		&t->virtual_alias_maps,
	};
	struct buf value = BUF_INIT(VALUE_MAX);
	enum map_answer answer = MAP_NONE;

	for (size_t i = 0; i < ARRAY_LEN(lists) && answer == MAP_NONE; i++)
		if (lists[i])
			answer = lookup_address(
			    p, lists[i], addr, ADDRESS_BY_DEFAULT, &value);
	buf_done(&value);
	return answer;
}
