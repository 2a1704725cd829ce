/* SPDX-License-Identifier: ISC */
/*
 * map/cidr.c - "cidr:/file": networks, of which the first that holds the
 * address decides.
 *
 *	192.0.2.0/24            value
 *	!2001:db8::/32          value   (every other IPv6 address)
 *	if [!]10.0.0.0/8
 *	...
 *	endif
 *
 * Nothing of that is left when addresses are looked up: each rule has become
 * the ranges of addresses for which it can be reached and matches. Within an
 * "if" these are the ranges that the "if", too, lets through; `within` is what
 * all open ones together let through. A network speaks only of its own
 * family: a negated one never matches an address of the other.
 */
#include "map/cidr_ranges.h"
#include "map/rules.h"
#include "map/types.h"

#include <arpa/inet.h>

#include "base/arena.h"

enum { MAX_VALUES = 1 << 30 };

enum family { IPV4, IPV6, FAMILIES };

static const struct {
	int af;
	uint32_t bits;
} families[FAMILIES] = {
	[IPV4] = { AF_INET, 32 },
	[IPV6] = { AF_INET6, 128 },
};

/* Ranges in ascending order that do not touch each other's addresses. */
struct set {
	struct cidr_range *ranges;
	size_t count;
};

struct cidr_map {
	struct map map;
	struct cidr_ranges ranges[FAMILIES];
	struct arena arena; /* of the values */
	span *values;
	uint32_t count;
	uint32_t room;
};

/* A table that is being read. */
struct reading {
	struct cidr_map *m;
	struct rules rules;
	/* [depth][family]: what the open "if"s let through. */
	struct set (*within)[FAMILIES];
	size_t room;
};

/* What a line says about addresses. */
struct network_rule {
	enum family family;
	struct cidr_range parts[2]; /* a negated network has two sides */
	size_t count;
};

/* --- addresses --- */

static enum family family_of(span text)
{
	return span_find(text, ':') < 0 ? IPV4 : IPV6;
}

static struct cidr_addr from_bytes(enum family family, const uint8_t *bytes)
{
	struct cidr_addr a = { 0 };

	for (uint32_t i = 0; i < families[family].bits / 8; i++) {
		a.high = a.high << 8 | a.low >> 56;
		a.low = a.low << 8 | bytes[i];
	}
	return a;
}

static void to_bytes(enum family family, struct cidr_addr a, uint8_t *bytes)
{
	for (uint32_t i = families[family].bits / 8; i-- > 0;) {
		bytes[i] = (uint8_t)a.low;
		a.low = a.low >> 8 | a.high << 56;
		a.high >>= 8;
	}
}

static bool parse_address(enum family family, span text, struct cidr_addr *ret)
{
	char copy[INET6_ADDRSTRLEN + 1];
	uint8_t bytes[16];

	if (text.len >= sizeof(copy))
		return false;
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(families[family].af, copy, bytes) != 1)
		return false;
	*ret = from_bytes(family, bytes);
	return true;
}

/* The bits of the host part set: 2^n - 1. */
static struct cidr_addr host_bits(uint32_t n)
{
	return (struct cidr_addr){
		.high = n <= 64 ? 0 : UINT64_MAX >> (128 - n),
		.low = n == 0 ? 0
		    : n >= 64 ? UINT64_MAX
		              : UINT64_MAX >> (64 - n),
	};
}

static struct cidr_range whole_family(enum family family)
{
	return (struct cidr_range){ .last = host_bits(families[family].bits) };
}

/* --- networks --- */

static void put_bad_host_part(enum family family, struct cidr_addr network,
    uint32_t prefix, struct buf *why)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	to_bytes(family, network, bytes);
	(void)inet_ntop(families[family].af, bytes, text, sizeof(text));
	buf_printf(
	    why, ", perhaps you should use \"%s/%u\" instead", text, prefix);
}

static bool is_number(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_digit(s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool parse_prefixed(enum family family, span address, span mask,
    struct cidr_range *ret, struct buf *why)
{
	uint32_t bits = families[family].bits;
	const char *error = NULL;
	struct cidr_addr host;
	struct cidr_addr network;
	uint32_t prefix;

	if (!is_number(mask))
		error = "bad mask value";
	else if (!span_to_u32(mask, &prefix) || prefix > bits)
		error = "bad mask length";
	else if (!parse_address(family, address, &ret->first))
		error = "bad network value";
	if (error) {
		buf_printf(
		    why, "%s in \"%.*s/%.*s\"", error, PRI(address), PRI(mask));
		return false;
	}
	host = host_bits(bits - prefix);
	network.high = ret->first.high & ~host.high;
	network.low = ret->first.low & ~host.low;
	if (cidr_addr_cmp(network, ret->first) != 0) {
		buf_printf(why, "non-null host address bits in \"%.*s/%.*s\"",
		    PRI(address), PRI(mask));
		put_bad_host_part(family, network, prefix, why);
		return false;
	}
	ret->last.high = network.high | host.high;
	ret->last.low = network.low | host.low;
	return true;
}

/*
 * Take the brackets off "[address]", "[address]/mask" and "[address/mask]";
 * `ret_mask` has a NULL ptr where there is no mask.
 */
static bool split_pattern(
    span pattern, span *ret_address, span *ret_mask, struct buf *why)
{
	span rest = pattern;

	*ret_mask = SPAN_NONE;
	if (span_skip(&rest, SPAN("["))) {
		if (span_find(rest, ']') < 0) {
			buf_printf(why, "missing ']' character after \"[%.*s\"",
			    PRI(rest));
			return false;
		}
		pattern = span_cut(&rest, ']');
		if (span_skip(&rest, SPAN("/"))) {
			*ret_address = pattern;
			*ret_mask = rest;
			return true;
		}
		if (rest.len > 0) {
			buf_printf(
			    why, "garbage after \"[%.*s]\"", PRI(pattern));
			return false;
		}
	}
	rest = pattern;
	*ret_address = span_cut(&rest, '/');
	if (ret_address->len < pattern.len)
		*ret_mask = rest;
	return true;
}

static bool parse_network(
    span pattern, enum family *ret, struct cidr_range *range, struct buf *why)
{
	span address;
	span mask;

	if (!split_pattern(pattern, &address, &mask, why))
		return false;
	*ret = family_of(address);
	if (mask.ptr)
		return parse_prefixed(*ret, address, mask, range, why);
	if (!parse_address(*ret, address, &range->first)) {
		buf_printf(why, "bad address pattern: \"%.*s\"", PRI(address));
		return false;
	}
	range->last = range->first;
	return true;
}

/* All of the family that is not in `range`. */
static void set_both_sides(struct network_rule *n, struct cidr_range range)
{
	struct cidr_range all = whole_family(n->family);

	n->count = 0;
	if (cidr_addr_cmp(range.first, all.first) > 0)
		n->parts[n->count++] = (struct cidr_range){ all.first,
			cidr_addr_prev(range.first) };
	if (cidr_addr_cmp(range.last, all.last) < 0)
		n->parts[n->count++] =
		    (struct cidr_range){ cidr_addr_next(range.last), all.last };
}

static bool parse_rule(
    span pattern, bool negated, struct network_rule *ret, struct buf *why)
{
	struct cidr_range range;

	if (pattern.len == 0) {
		buf_put(why, SPAN("no address pattern"));
		return false;
	}
	if (!parse_network(pattern, &ret->family, &range, why))
		return false;
	ret->parts[0] = range;
	ret->count = 1;
	if (negated)
		set_both_sides(ret, range);
	return true;
}

/* --- sets --- */

/* False: nothing is in both. */
static bool intersect(
    struct cidr_range a, struct cidr_range b, struct cidr_range *ret)
{
	ret->first = cidr_addr_cmp(a.first, b.first) > 0 ? a.first : b.first;
	ret->last = cidr_addr_cmp(a.last, b.last) < 0 ? a.last : b.last;
	return cidr_addr_cmp(ret->first, ret->last) <= 0;
}

static void put_within(struct reading *r)
{
	size_t depth = r->rules.depth;

	if (depth + 2 <= r->room)
		return;
	r->room = r->room ? r->room * 2 : 4;
	r->within = mem_resize(r->within, r->room, sizeof(*r->within));
}

/* --- lines --- */

static bool take_if(struct reading *r, span pattern, struct buf *why)
{
	bool negated = rules_negated(&pattern);
	size_t depth = r->rules.depth;
	struct network_rule n;
	struct set *outer;
	struct set *inner;

	if (!parse_rule(rules_trim_end(pattern), negated, &n, why))
		return false;
	put_within(r);
	memset(r->within[depth + 1], 0, sizeof(r->within[depth + 1]));
	outer = &r->within[depth][n.family];
	inner = &r->within[depth + 1][n.family];
	inner->ranges = mem_new(outer->count + n.count, sizeof(*inner->ranges));
	for (size_t i = 0; i < outer->count; i++)
		for (size_t k = 0; k < n.count; k++)
			inner->count += intersect(outer->ranges[i], n.parts[k],
			    &inner->ranges[inner->count]);
	rules_if_push(&r->rules, 0);
	return true;
}

static void leave_if(struct reading *r)
{
	for (size_t i = 0; i < FAMILIES; i++)
		mem_free(r->within[r->rules.depth][i].ranges);
	(void)rules_if_pop(&r->rules);
}

static bool take_endif(struct reading *r, span rest, struct buf *why)
{
	rules_skip_space(&rest);
	if (rest.len > 0)
		buf_put(why, SPAN("garbage after ENDIF"));
	else if (r->rules.depth == 0)
		buf_put(why, SPAN("ENDIF without IF"));
	else
		leave_if(r);
	return why->len == 0;
}

static void add_rule(struct reading *r, const struct network_rule *n, span v)
{
	const struct set *within = &r->within[r->rules.depth][n->family];
	struct cidr_map *m = r->m;
	struct cidr_range part;

	if (m->count == m->room) {
		m->room = m->room ? m->room * 2 : 16;
		m->values = mem_resize(m->values, m->room, sizeof(span));
	}
	m->values[m->count] = arena_dup(&m->arena, v);
	for (size_t i = 0; i < within->count; i++)
		for (size_t k = 0; k < n->count; k++)
			if (intersect(within->ranges[i], n->parts[k], &part))
				cidr_ranges_add(
				    &m->ranges[n->family], part, m->count);
	m->count++;
}

static bool take_match(struct reading *r, span line, struct buf *why)
{
	struct buf content = BUF_INIT(MAX_VALUES);
	bool negated = rules_negated(&line);
	struct network_rule n;
	span value = line;
	bool ok;

	while (value.len > 0 && !ascii_is_space(value.ptr[0]))
		value = span_from(value, 1);
	line.len -= value.len;
	value = span_trim(value);
	ok = parse_rule(line, negated, &n, why);
	if (ok && value.len == 0)
		buf_put(why, SPAN("no lookup result"));
	ok = ok && value.len > 0;
	if (ok && !rules_value(&r->rules, &value, &content)) {
		buf_put(why, buf_span(&content));
		ok = false;
	}
	if (ok)
		add_rule(r, &n, value);
	buf_done(&content);
	return ok;
}

static bool take_line(struct reading *r, span line, struct buf *why)
{
	if (rules_statement(&line, SPAN("IF")))
		return take_if(r, line, why);
	if (rules_statement(&line, SPAN("ENDIF")))
		return take_endif(r, line, why);
	return take_match(r, line, why);
}

/* --- the type --- */

static void begin_reading(struct reading *r)
{
	put_within(r);
	for (enum family f = 0; f < FAMILIES; f++) {
		r->within[0][f].ranges = NEW(struct cidr_range);
		r->within[0][f].ranges[0] = whole_family(f);
		r->within[0][f].count = 1;
	}
}

static void end_reading(struct reading *r)
{
	for (size_t depth = r->rules.depth; depth > 0; depth--)
		for (size_t f = 0; f < FAMILIES; f++)
			mem_free(r->within[depth][f].ranges);
	for (size_t f = 0; f < FAMILIES; f++)
		mem_free(r->within[0][f].ranges);
	mem_free(r->within);
}

static void read_all(struct reading *r)
{
	struct buf why = BUF_INIT(65536);
	span line;

	begin_reading(r);
	while (rules_next(&r->rules, &line)) {
		buf_clear(&why);
		if (!take_line(r, line, &why))
			rules_warn(&r->rules, "%.*s: skipping this rule",
			    PRI(buf_span(&why)));
	}
	end_reading(r);
	rules_warn_open_ifs(&r->rules);
	for (size_t f = 0; f < FAMILIES; f++)
		cidr_ranges_seal(&r->m->ranges[f]);
	buf_done(&why);
}

static void cidr_close(struct map *m)
{
	struct cidr_map *c = CONTAINER_OF(m, struct cidr_map, map);

	for (size_t f = 0; f < FAMILIES; f++)
		cidr_ranges_done(&c->ranges[f]);
	arena_done(&c->arena);
	mem_free(c->values);
	mem_free(c);
}

static struct map *cidr_open(const struct map_setup *s)
{
	struct reading r = { .m = NEW(struct cidr_map) };
	struct map *m = &r.m->map;

	arena_init(&r.m->arena, SIZE_MAX);
	if (rules_open(&r.rules, s, m)) {
		read_all(&r);
	} else {
		mem_free(m->path);
		cidr_close(m);
		m = NULL;
	}
	rules_done(&r.rules);
	return m;
}

static enum map_answer cidr_find(struct map *m, span key, struct buf *value)
{
	struct cidr_map *c = CONTAINER_OF(m, struct cidr_map, map);
	enum family family;
	struct cidr_addr a;
	uint32_t rule;

	family = family_of(key);
	if (!parse_address(family, key, &a))
		return MAP_NONE;
	rule = cidr_ranges_find(&c->ranges[family], a);
	if (rule == CIDR_NO_RULE)
		return MAP_NONE;
	buf_put(value, c->values[rule]);
	return MAP_FOUND;
}

const struct map_type map_type_cidr = {
	.name = "cidr",
	.traits = MAP_FILE,
	.open = cidr_open,
	.find = cidr_find,
	.close = cidr_close,
};
