/* SPDX-License-Identifier: ISC */
/*
 * map/rules_literal.c - text that must stand in whatever a pattern matches.
 *
 * A parser of regular expressions that understands the plain parts and gives
 * up at the first thing it is not sure of: then nothing is known and the
 * pattern is always tried. So it may be incomplete, but never wrong.
 *
 *	alternatives   one set: the best of each; none if one has none
 *	sequence       runs of plain characters, each a set of one; sets of
 *	               its groups
 *	repeated       counts when it must be there at least once; what
 *	               follows is a new run
 *
 * Only ASCII counts: what a byte above that matches without regard to case
 * depends on more than the pattern.
 */
#include "map/rules_literal.h"

enum { MAX_DEPTH = 16, MAX_ANY = 32, MAX_RUN = 255 };

struct parser {
	enum rules_syntax syntax;
	span rest;
	struct arena *arena;
	unsigned depth;
	bool gave_up;
};

enum atom_kind {
	ATOM_CHAR,   /* this character */
	ATOM_OTHER,  /* some character */
	ATOM_ANCHOR, /* no character; not to be repeated */
	ATOM_GROUP,  /* what `inside` says */
};

struct atom {
	enum atom_kind kind;
	char c;
	struct rules_literals inside;
};

static void parse_alternatives(struct parser *p, struct rules_literals *ret);

/* --- reading --- */

static bool at(const struct parser *p, char c)
{
	return p->rest.len > 0 && p->rest.ptr[0] == c;
}

static bool skip(struct parser *p, span text)
{
	return span_skip(&p->rest, text);
}

static char take(struct parser *p)
{
	char c;

	if (p->rest.len == 0) {
		p->gave_up = true;
		return '\0';
	}
	c = p->rest.ptr[0];
	p->rest = span_from(p->rest, 1);
	return c;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

/* --- sets --- */

static size_t shortest_of(const struct rules_literal_set *s)
{
	size_t n = s->count ? s->any[0].len : 0;

	for (uint32_t i = 1; i < s->count; i++)
		n = MIN(n, s->any[i].len);
	return n;
}

/* The longest sets are kept. */
static void add_set(struct rules_literals *l, struct rules_literal_set set)
{
	uint32_t worst = 0;

	if (l->count < RULES_SETS) {
		l->sets[l->count++] = set;
		return;
	}
	for (uint32_t i = 1; i < RULES_SETS; i++)
		if (shortest_of(&l->sets[i]) < shortest_of(&l->sets[worst]))
			worst = i;
	if (shortest_of(&set) > shortest_of(&l->sets[worst]))
		l->sets[worst] = set;
}

static void add_run(
    struct parser *p, struct rules_literals *l, const char *run, size_t n)
{
	span *one;

	if (n < RULES_SHORTEST)
		return;
	one = arena_new(p->arena, span);
	if (one)
		*one = arena_dup(p->arena, span_of(run, n));
	if (one && one->ptr)
		add_set(l, (struct rules_literal_set){ 1, one });
}

static const struct rules_literal_set *best_of(const struct rules_literals *l)
{
	const struct rules_literal_set *best = NULL;

	for (uint32_t i = 0; i < l->count; i++)
		if (!best || shortest_of(&l->sets[i]) > shortest_of(best))
			best = &l->sets[i];
	return best;
}

/* --- atoms --- */

/* "[...]" behind the first bracket. */
static void parse_class(struct parser *p, struct atom *a)
{
	a->kind = ATOM_OTHER;
	if (p->rest.len >= 2 && p->rest.ptr[1] == ']' &&
	    !is_one_of(p->rest.ptr[0], "^[]\\")) {
		a->kind = ATOM_CHAR;
		a->c = take(p);
		(void)take(p);
		return;
	}
	(void)skip(p, SPAN("^"));
	(void)skip(p, SPAN("]"));
	while (!p->gave_up && !at(p, ']')) {
		char c = take(p);

		if (c == '\\' && p->syntax == RULES_PCRE) {
			c = take(p);
			p->gave_up |= is_one_of(c, "QEc");
		} else if (c == '[' && p->rest.len > 0 &&
		    is_one_of(p->rest.ptr[0], ".=")) {
			p->gave_up = true;
		} else if (c == '[' && skip(p, SPAN(":"))) {
			(void)skip(p, SPAN("^"));
			while (
			    p->rest.len > 0 && ascii_is_alpha(p->rest.ptr[0]))
				(void)take(p);
			p->gave_up |= !skip(p, SPAN(":]"));
		}
	}
	(void)take(p);
}

static void parse_escape(struct parser *p, struct atom *a)
{
	static const char *const some[] = {
		[RULES_ERE] = "wWsS", [RULES_PCRE] = "wWsSdDhHvVRNtnrfea"
	};
	static const char *const anchors[] = {
		[RULES_ERE] = "bB<>`'", [RULES_PCRE] = "bBAZzG"
	};
	char c = take(p);

	a->kind = ATOM_CHAR;
	a->c = c;
	if (is_one_of(c, some[p->syntax]))
		a->kind = ATOM_OTHER;
	else if (is_one_of(c, anchors[p->syntax]))
		a->kind = ATOM_ANCHOR;
	else if (ascii_is_alnum(c))
		p->gave_up = true;
}

/* Behind "(?": what may be different about a group of PCRE. */
static enum atom_kind parse_group_kind(struct parser *p)
{
	static const span looks[] = { SPAN_INIT("="), SPAN_INIT("!"),
		SPAN_INIT("<="), SPAN_INIT("<!") };

	if (skip(p, SPAN(":")) || skip(p, SPAN(">")))
		return ATOM_GROUP;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++)
		if (skip(p, looks[i]))
			return ATOM_OTHER; /* looks ahead or behind */
	while (p->rest.len > 0 && is_one_of(p->rest.ptr[0], "ims-"))
		(void)take(p);
	if (skip(p, SPAN(":")))
		return ATOM_GROUP;
	if (at(p, ')'))
		return ATOM_ANCHOR; /* options for what follows */
	p->gave_up = true;
	return ATOM_OTHER;
}

static void parse_group(struct parser *p, struct atom *a)
{
	a->kind = ATOM_GROUP;
	if (p->syntax == RULES_PCRE && skip(p, SPAN("?")))
		a->kind = parse_group_kind(p);
	else if (p->syntax == RULES_PCRE && at(p, '*'))
		p->gave_up = true; /* (*ACCEPT) and the like */
	if (++p->depth > MAX_DEPTH)
		p->gave_up = true;
	if (!p->gave_up)
		parse_alternatives(p, &a->inside);
	p->depth--;
	p->gave_up |= !skip(p, SPAN(")"));
}

static void parse_atom(struct parser *p, struct atom *a)
{
	char c = take(p);

	*a = (struct atom){ .kind = ATOM_CHAR, .c = c };
	if (c == '\\')
		parse_escape(p, a);
	else if (c == '[')
		parse_class(p, a);
	else if (c == '(')
		parse_group(p, a);
	else if (c == '^' || c == '$')
		a->kind = ATOM_ANCHOR;
	else if (c == '.')
		a->kind = ATOM_OTHER;
	else if (is_one_of(c, "*+?{)|"))
		p->gave_up = true;
	if (a->kind == ATOM_CHAR && (a->c <= 0 || a->c > '~'))
		a->kind = ATOM_OTHER;
}

/* --- how often --- */

enum repeat { REPEAT_ONCE, REPEAT_OFTEN, REPEAT_PERHAPS };

/* "{2,5}" behind the brace: whether the smallest number is zero. */
static bool parse_count(struct parser *p)
{
	bool zero = true;

	if (p->rest.len == 0 || !ascii_is_digit(p->rest.ptr[0]))
		p->gave_up = true;
	while (p->rest.len > 0 && ascii_is_digit(p->rest.ptr[0]))
		zero &= take(p) == '0';
	if (skip(p, SPAN(",")))
		while (p->rest.len > 0 && ascii_is_digit(p->rest.ptr[0]))
			(void)take(p);
	p->gave_up |= !skip(p, SPAN("}"));
	return zero;
}

/* Another one behind it repeats the repetition; in PCRE "?" and "+" there
 * say something else. */
static enum repeat parse_repeat(struct parser *p)
{
	enum repeat r = REPEAT_ONCE;
	bool perhaps = false;

	while (!p->gave_up && p->rest.len > 0 &&
	    is_one_of(p->rest.ptr[0], "*+?{")) {
		char c = take(p);

		perhaps |= c == '*' || c == '?' || (c == '{' && parse_count(p));
		r = REPEAT_OFTEN;
		if (p->syntax == RULES_PCRE && !skip(p, SPAN("?")))
			(void)skip(p, SPAN("+"));
	}
	return perhaps ? REPEAT_PERHAPS : r;
}

/* --- sequences and alternatives --- */

static void parse_sequence(struct parser *p, struct rules_literals *ret)
{
	char run[MAX_RUN];
	size_t n = 0;

	while (!p->gave_up && p->rest.len > 0 && !at(p, '|') && !at(p, ')')) {
		enum repeat repeat;
		struct atom a;

		parse_atom(p, &a);
		repeat = parse_repeat(p);
		if (a.kind == ATOM_ANCHOR && repeat != REPEAT_ONCE)
			p->gave_up = true;
		if (a.kind == ATOM_CHAR && repeat != REPEAT_PERHAPS &&
		    n < MAX_RUN)
			run[n++] = ascii_lower(a.c);
		if (a.kind == ATOM_CHAR && repeat == REPEAT_ONCE && n < MAX_RUN)
			continue;
		add_run(p, ret, run, n);
		n = 0;
		if (a.kind == ATOM_GROUP && repeat != REPEAT_PERHAPS)
			for (uint32_t i = 0; i < a.inside.count; i++)
				add_set(ret, a.inside.sets[i]);
	}
	add_run(p, ret, run, n);
}

/* One set of what is best in each alternative. */
struct joined {
	span any[MAX_ANY];
	uint32_t count;
	bool failed;
};

static void join(struct joined *j, const struct rules_literals *l)
{
	const struct rules_literal_set *best = best_of(l);

	if (!best || j->count + best->count > MAX_ANY) {
		j->failed = true;
		return;
	}
	for (uint32_t i = 0; i < best->count && !j->failed; i++)
		j->any[j->count++] = best->any[i];
}

static void parse_alternatives(struct parser *p, struct rules_literals *ret)
{
	struct rules_literals one = { 0 };
	struct joined j = { 0 };
	span *any;

	parse_sequence(p, &one);
	if (!at(p, '|')) {
		*ret = one;
		return;
	}
	join(&j, &one);
	while (!p->gave_up && skip(p, SPAN("|"))) {
		one.count = 0;
		parse_sequence(p, &one);
		join(&j, &one);
	}
	if (j.failed || p->gave_up)
		return;
	any = arena_alloc(p->arena, j.count, sizeof(*any));
	if (!any)
		return;
	memcpy(any, j.any, j.count * sizeof(*any));
	add_set(ret, (struct rules_literal_set){ j.count, any });
}

void rules_literals_find(enum rules_syntax syntax, span pattern,
    struct arena *a, struct rules_literals *ret)
{
	struct parser p = { .syntax = syntax, .rest = pattern, .arena = a };

	ret->count = 0;
	if (syntax == RULES_OPAQUE)
		return;
	parse_alternatives(&p, ret);
	if (p.gave_up || p.rest.len > 0)
		ret->count = 0;
}
