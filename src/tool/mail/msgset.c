/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/msgset.c - message lists.
 *
 * A list is read from left to right. Numbers, ranges, . $ ^ ; + - and searches
 * in parentheses mark messages as they come. Names, /subject, @field@text, a
 * comma (the parent of the current message) and :n wait until the end: names
 * and the like choose among all messages, whatever was marked, and colons
 * strike out of that. This is how mail has done it since BSD, and POSIX does
 * not say otherwise.
 *
 * In one thing we are stricter than others: a list that names nothing ("5-1",
 * "3-") is an error. Elsewhere it means the current message, and "d 5-1"
 * deletes what nobody named.
 */
#include "tool/mail/msgset.h"

#include <stdarg.h>

#include "tool/mail/box.h"
#include "tool/mail/match.h"
#include "tool/mail/msgset_scan.h"
#include "tool/mail/search.h"
#include "tool/mail/term.h"

struct list {
	struct mua *m;
	struct box *b;
	struct arena *arena;
	bool of_deleted; /* deleted messages are asked for */
	struct msg_scan scan;
	uint8_t *marked;
	struct match_rule *rules; /* names, subjects, fields, the parent */
	size_t nrules;
	size_t capacity;
	unsigned colons; /* bits by their place in the table */
	uint32_t begin;  /* of a range whose end has not come, or BOX_NONE */
	bool star;
	bool other; /* anything that does not go with a star */
	bool searched;
	bool repeated; /* "`" */
};

enum { MAX_RULES = 10000 };

static const struct colon {
	char letter;
	uint16_t marks; /* of enum box_marks ... */
	uint8_t flags;  /* ... or of enum folder_flags */
	bool is_set;    /* it must be there, or must not */
} colons[] = {
	{ 'n', BOX_NEW, 0, true },
	{ 'o', BOX_NEW, 0, false },
	{ 'u', 0, FOLDER_SEEN, false },
	{ 'd', 0, FOLDER_DELETED, true },
	{ 'r', 0, FOLDER_SEEN, true },
	{ 'f', 0, FOLDER_FLAGGED, true },
	{ 'a', 0, FOLDER_ANSWERED, true },
	{ 't', 0, FOLDER_DRAFT, true },
	{ 'k', BOX_KILLED, 0, true },
};

/* Complaints about lists go where the answer would: to standard output. */
PRINTF_LIKE(1, 2) static bool refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
	return false;
}

/* The same where nothing was found. */
static bool refuse_none(const struct list *l, const char *sentence)
{
	return l->b->in_hook ? false : refuse("%s", sentence);
}

static bool is_applicable(const struct list *l, uint32_t i)
{
	return box_is_deleted(l->b, i) == l->of_deleted;
}

/* + - ^ $ come to it: they pass over those that were killed. */
static bool is_reached(const struct list *l, uint32_t i)
{
	return is_applicable(l, i) && !(l->b->all[i].marks & BOX_KILLED);
}

static uint32_t shown_number(uint32_t i)
{
	return i + 1;
}

/* Whether message `i` (any number) may be named. */
static bool check(const struct list *l, uint32_t number)
{
	if (number == 0 || number > l->b->count)
		return refuse("%u: Invalid message number", number);
	if (!l->of_deleted && box_is_deleted(l->b, number - 1))
		return refuse("%u: Inappropriate message", number);
	return true;
}

/* Those that stand below `i` in its thread. */
static uint32_t thread_end(const struct box *b, uint32_t i)
{
	uint32_t rank = b->rank[i] + 1;

	while (
	    rank < b->count && b->all[b->order[rank]].depth > b->all[i].depth)
		rank++;
	return rank;
}

static void mark(struct list *l, uint32_t i)
{
	uint32_t end;

	l->marked[i] = true;
	if (!l->scan.is_thread || l->b->order_by != BOX_BY_THREAD)
		return;
	end = thread_end(l->b, i);
	for (uint32_t rank = l->b->rank[i] + 1; rank < end; rank++) {
		uint32_t below = l->b->order[rank];

		if (l->of_deleted || !box_is_deleted(l->b, below))
			l->marked[below] = true;
	}
}

static void mark_range(struct list *l, uint32_t first, uint32_t last)
{
	const struct box *b = l->b;

	for (uint32_t r = b->rank[first]; r <= b->rank[last]; r++) {
		if (l->of_deleted || !box_is_deleted(b, b->order[r]))
			l->marked[b->order[r]] = true;
	}
}

/* ---- what the words mean ---- */

static bool take_position(struct list *l, uint32_t number)
{
	if (l->star)
		return refuse("No numbers mixed with *");
	l->other = true;
	if (!check(l, number))
		return false;
	if (l->begin != BOX_NONE) {
		mark_range(l, l->begin, number - 1);
		l->begin = BOX_NONE;
		return true;
	}
	struct msg_scan ahead = l->scan;

	msg_scan_next(&ahead);
	if (ahead.token == MSG_DASH)
		l->begin = number - 1;
	else
		mark(l, number - 1);
	return true;
}

static bool take_number(struct list *l)
{
	if (l->scan.number == UINT32_MAX)
		return refuse(
		    "%.*s: Invalid message number", PRI(l->scan.text));
	return take_position(l, l->scan.number);
}

static uint32_t first_reached(const struct list *l)
{
	for (uint32_t r = 0; r < l->b->count; r++) {
		if (is_reached(l, l->b->order[r]))
			return l->b->order[r];
	}
	return BOX_NONE;
}

static uint32_t last_reached(const struct list *l)
{
	for (uint32_t r = l->b->count; r > 0; r--) {
		if (is_reached(l, l->b->order[r - 1]))
			return l->b->order[r - 1];
	}
	return BOX_NONE;
}

static bool take_meta(struct list *l)
{
	char c = l->scan.text.ptr[0];
	uint32_t i;

	if (c == '^')
		i = first_reached(l);
	else if (c == '$')
		i = last_reached(l);
	else
		i = c == '.' ? l->b->dot : l->b->previous;
	if (i == BOX_NONE && c == ';')
		return refuse("No previously current message");
	if (i == BOX_NONE)
		return refuse_none(l, "No applicable messages");
	if (!is_applicable(l, i))
		return refuse("%u: Inappropriate message", shown_number(i));
	return take_position(l, shown_number(i));
}

static bool take_plus(struct list *l)
{
	if (l->begin != BOX_NONE)
		return refuse("Non-numeric second argument");
	l->other = true;
	for (uint32_t r = l->b->rank[l->b->dot] + 1; r < l->b->count; r++) {
		if (!is_reached(l, l->b->order[r]))
			continue;
		mark(l, l->b->order[r]);
		return true;
	}
	return refuse("Referencing beyond EOF");
}

static bool take_dash(struct list *l)
{
	if (l->begin != BOX_NONE)
		return true; /* of a range */
	l->other = true;
	for (uint32_t r = l->b->rank[l->b->dot]; r > 0; r--) {
		if (!is_reached(l, l->b->order[r - 1]))
			continue;
		mark(l, l->b->order[r - 1]);
		return true;
	}
	return refuse("Referencing before 1");
}

static bool add_rule(struct list *l, const struct match_rule *rule)
{
	if (l->nrules == l->capacity) {
		size_t more = l->capacity ? l->capacity * 2 : 8;
		struct match_rule *grown =
		    arena_alloc(l->arena, more, sizeof(*grown));

		if (!grown || more > MAX_RULES)
			return refuse("The message list is too long");
		if (l->nrules)
			(void)memcpy(
			    grown, l->rules, l->nrules * sizeof(*grown));
		l->rules = grown;
		l->capacity = more;
	}
	l->rules[l->nrules++] = *rule;
	return true;
}

static bool take_colon(struct list *l)
{
	if (l->scan.text.len == 1) {
		l->colons |= l->b->last_colons;
		if (l->colons)
			return true;
	}
	for (size_t i = 0; l->scan.text.len > 1 && i < ARRAY_LEN(colons); i++) {
		if (l->scan.text.ptr[1] != colons[i].letter)
			continue;
		l->colons |= 1U << i;
		return true;
	}
	return refuse("Unknown colon modifier \"%.*s\"", PRI(l->scan.text));
}

static bool take_string(struct list *l)
{
	struct match_rule rule;

	if (l->begin != BOX_NONE)
		return refuse("Non-numeric second argument");
	l->other = true;
	if (span_has_prefix(l->scan.text, SPAN(":")))
		return take_colon(l);
	if (!match_rule(l->m, l->scan.text, l->arena, &rule))
		return refuse("The message list is too long");
	return add_rule(l, &rule);
}

static bool take_comma(struct list *l)
{
	struct match_rule rule;

	if (!match_parent(l->m, l->b->dot, l->arena, &rule))
		return refuse("Cannot determine parent Message-ID of the "
		              "current message");
	l->other = true;
	return add_rule(l, &rule);
}

static bool take_search(struct list *l)
{
	struct search *s;

	l->other = true;
	l->searched = true;
	if (!search_parse(l->m, l->scan.text, l->arena, &s))
		return false;
	search_open(s);
	for (uint32_t i = 0; i < l->b->count && !term_interrupted(); i++) {
		if (!l->of_deleted && box_is_deleted(l->b, i))
			continue;
		if (search_matches(s, i))
			mark(l, i);
	}
	search_close(s);
	return !term_interrupted();
}

static bool take_star(struct list *l)
{
	if (l->other)
		return refuse("Can't mix \"*\" with anything");
	l->star = true;
	return true;
}

static bool take_back(struct list *l)
{
	l->repeated = true;
	for (uint32_t i = 0; i < l->b->count; i++) {
		if (is_applicable(l, i) && l->b->all[i].marks & BOX_LISTED)
			mark(l, i);
	}
	return true;
}

static bool take_nothing(struct list *l UNUSED)
{
	return true;
}

static bool take_error(struct list *l)
{
	mua_error(l->m, "%.*s", PRI(l->scan.text));
	return false;
}

static bool (*const take[MSG_TOKENS])(struct list *l) = {
	[MSG_END] = take_nothing,
	[MSG_NUMBER] = take_number,
	[MSG_STRING] = take_string,
	[MSG_SEARCH] = take_search,
	[MSG_META] = take_meta,
	[MSG_STAR] = take_star,
	[MSG_DASH] = take_dash,
	[MSG_PLUS] = take_plus,
	[MSG_CLOSE] = take_nothing,
	[MSG_COMMA] = take_comma,
	[MSG_BACK] = take_back,
	[MSG_ERROR] = take_error,
};

/* ---- what is left of it at the end ---- */

static size_t count_marked(const struct list *l)
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->b->count; i++)
		n += l->marked[i];
	return n;
}

static void mark_applicable(struct list *l)
{
	for (uint32_t i = 0; i < l->b->count; i++)
		l->marked[i] = is_applicable(l, i);
}

static bool refuse_names(const struct list *l)
{
	const char *between = "{";
	bool named = false;

	for (size_t i = 0; i < l->nrules; i++)
		named = named || l->rules[i].text.len;
	if (!named || l->b->in_hook)
		return refuse_none(l, "Parent message not found");
	(void)printf("No applicable messages from ");
	for (size_t i = 0; i < l->nrules; i++) {
		if (l->rules[i].text.len == 0)
			continue;
		(void)printf("%s%.*s", between, PRI(l->rules[i].text));
		between = ", ";
	}
	return refuse("}");
}

static bool choose_by_rules(struct list *l)
{
	struct matcher *matcher = match_open(l->m, l->rules, l->nrules);

	for (uint32_t i = 0; i < l->b->count && !term_interrupted(); i++)
		l->marked[i] = l->marked[i] && match_message(matcher, i);
	match_close(&matcher);
	if (term_interrupted())
		return false;
	return count_marked(l) > 0 || refuse_names(l);
}

static bool satisfies(const struct list *l, uint32_t i)
{
	unsigned marks = l->b->all[i].marks;
	uint8_t flags = box_flags(l->b, i);

	for (size_t c = 0; c < ARRAY_LEN(colons); c++) {
		bool is_set =
		    marks & colons[c].marks || flags & colons[c].flags;

		if (l->colons & 1U << c && is_set != colons[c].is_set)
			return false;
	}
	return true;
}

static bool choose_by_colons(struct list *l)
{
	for (uint32_t i = 0; i < l->b->count; i++)
		l->marked[i] = l->marked[i] && satisfies(l, i);
	if (count_marked(l) > 0 || l->b->in_hook)
		return count_marked(l) > 0;
	(void)printf("No messages satisfy");
	for (size_t c = 0; c < ARRAY_LEN(colons); c++) {
		if (l->colons & 1U << c)
			(void)printf(" :%c", colons[c].letter);
	}
	(void)putchar('\n');
	return false;
}

static bool choose(struct list *l)
{
	bool found = l->searched || l->repeated;

	l->b->last_colons = l->colons;
	if (l->star) {
		mark_applicable(l);
		return count_marked(l) > 0 ||
		    refuse_none(l, "No applicable messages.");
	}
	if (found && count_marked(l) == 0)
		return l->repeated
		    ? refuse_none(l, "No previously marked messages.")
		    : refuse_none(l, "No messages satisfy (criteria).");
	if ((l->nrules || l->colons) && !found)
		mark_applicable(l);
	if (l->nrules && !choose_by_rules(l))
		return false;
	if (l->colons && !choose_by_colons(l))
		return false;
	return count_marked(l) > 0 || refuse_none(l, "No applicable messages");
}

static bool evaluate(struct list *l)
{
	do {
		msg_scan_next(&l->scan);
		if (!take[l->scan.token](l))
			return false;
	} while (l->scan.token != MSG_END);
	return choose(l);
}

/* No list: the nearest one behind the current, or else before it. */
static bool mark_nearest(struct list *l)
{
	const struct box *b = l->b;
	uint32_t here = b->rank[b->dot];

	for (uint32_t r = here; r < b->count; r++) {
		if (!is_applicable(l, b->order[r]))
			continue;
		l->marked[b->order[r]] = true;
		return true;
	}
	for (uint32_t r = here; r > 0; r--) {
		if (!is_applicable(l, b->order[r - 1]))
			continue;
		l->marked[b->order[r - 1]] = true;
		return true;
	}
	return refuse_none(l, "No applicable messages");
}

static bool collect(struct list *l, struct msgset *ret)
{
	struct msgset set = { .count = 0 };

	set.all = arena_alloc(l->arena, count_marked(l) + 1, sizeof(*set.all));
	if (!set.all)
		return refuse("The message list is too long");
	for (uint32_t r = 0; r < l->b->count; r++) {
		if (l->marked[l->b->order[r]])
			set.all[set.count++] = l->b->order[r];
	}
	*ret = set;
	return true;
}

static void remember(struct list *l)
{
	for (uint32_t i = 0; i < l->b->count; i++) {
		l->b->all[i].marks &= (uint16_t)~BOX_LISTED;
		if (l->marked[i])
			l->b->all[i].marks |= BOX_LISTED;
	}
}

/* In a hook for new mail, only that counts. */
static bool keep_new(struct list *l)
{
	if (!l->b->in_hook || l->b->hook_first == 0)
		return true;
	for (uint32_t i = 0; i < l->b->hook_first; i++)
		l->marked[i] = false;
	return count_marked(l) > 0;
}

static bool parse(struct list *l, unsigned flags, struct msgset *ret)
{
	bool is_empty = l->scan.rest.len == 0;
	bool good = is_empty || evaluate(l);

	good = good && keep_new(l);
	remember(l);
	if (good && is_empty && !(flags & MSGSET_EMPTY))
		good = mark_nearest(l);
	return good && collect(l, ret);
}

bool msgset_parse(struct mua *m, span text, unsigned flags, struct arena *a,
    struct msgset *ret)
{
	struct list l = { .m = m,
		.b = m->box,
		.arena = a,
		.of_deleted = flags & MSGSET_DELETED,
		.scan = { .rest = span_trim(text), .arena = a },
		.begin = BOX_NONE };
	bool good;

	*ret = (struct msgset){ .count = 0 };
	if (l.scan.rest.len == 0 && flags & MSGSET_EMPTY &&
	    (!l.b || l.b->count == 0))
		return true;
	if (!l.b)
		return refuse("No applicable messages");
	if (l.b->count == 0)
		return refuse_none(&l, "No applicable messages");
	l.marked = mem_new(l.b->count, 1);
	good = parse(&l, flags, ret);
	mem_free(l.marked);
	return good;
}
