/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/order.c - sorting and threading.
 *
 * The keys of all messages are made first, each from one reading of its
 * header, then sorted; equal ones stay as they stand in the folder. SIGINT
 * leaves the order as it was.
 *
 * A thread stands in the order as a run: a message, then all that is below it,
 * which is deeper. So folding needs no tree.
 */
#include "tool/mail/order.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/people.h"
#include "mail/thread.h"
#include "tool/mail/term.h"

enum {
	HEADER_MAX = 1 << 20,
	KEY_MAX = 1000, /* of a subject or a name */
	DEEPEST = UINT16_MAX,
	/* For each message: its key, and what the thread needs of it. */
	ARENA_PER_MESSAGE = 16384,
};

struct key {
	uint64_t number;
	span text;
	uint32_t i;
};

struct keys {
	struct mua *m;
	struct arena *arena;
	struct buf header;
	struct buf text;
	struct buf folded;
};

static span field_of(const struct keys *k, const char *name)
{
	span value;

	if (!field_find(buf_span(&k->header), span_str(name), &value))
		return SPAN_NONE;
	return value;
}

static void key_date(struct keys *k, struct key *key)
{
	usec when;

	if (date_parse(field_of(k, "date"), &when))
		key->number = when;
}

static void key_size(struct keys *k, struct key *key)
{
	key->number = folder_get(k->m->box->folder, key->i)->size;
}

/* What wants to be read most stands last. */
static void key_status(struct keys *k, struct key *key)
{
	const struct box *b = k->m->box;
	uint8_t flags = box_flags(b, key->i);
	unsigned marks = b->all[key->i].marks;

	if (flags & FOLDER_DELETED)
		key->number = 1;
	else if (marks & BOX_NEW && !(flags & FOLDER_SEEN))
		key->number = 90;
	else if (flags & FOLDER_FLAGGED)
		key->number = 85;
	else if (marks & BOX_NEW)
		key->number = 80;
	else if (marks & BOX_MBOX)
		key->number = 70;
	else
		key->number = flags & FOLDER_SEEN ? 40 : 60;
}

/* The least first: a float's bits, made to be compared as numbers. */
static void key_score(struct keys *k, struct key *key)
{
	float score = k->m->box->all[key->i].score + 0.0F;
	uint32_t bits;

	memcpy(&bits, &score, sizeof(bits));
	key->number =
	    bits & UINT32_C(1) << 31 ? ~bits : bits | UINT32_C(1) << 31;
}

static void keep_folded(struct keys *k, struct key *key, span text)
{
	buf_clear(&k->folded);
	utf8_fold(span_first(text, KEY_MAX), &k->folded);
	key->text = arena_dup(k->arena, buf_span(&k->folded));
}

static void key_person(struct keys *k, struct key *key, const char *field)
{
	bool by_name = vars_is_set(k->m->vars, "showname");
	struct people people;
	struct arena arena;

	arena_init(&arena, HEADER_MAX);
	people_parse(field_of(k, field), 1, &arena, &people);
	if (people.count) {
		const struct person *p = &people.all[0];

		keep_folded(k, key, by_name && p->name.len ? p->name : p->addr);
	}
	arena_done(&arena);
}

static void key_from(struct keys *k, struct key *key)
{
	key_person(k, key, "from");
}

static void key_to(struct keys *k, struct key *key)
{
	key_person(k, key, "to");
}

static void key_subject(struct keys *k, struct key *key)
{
	span text;

	buf_clear(&k->text);
	encoded_decode(&k->text, field_of(k, "subject"));
	text = span_trim(buf_span(&k->text));
	while (span_skip_nocase(&text, SPAN("re:")))
		text = span_trim(text);
	keep_folded(k, key, text);
}

static const struct order {
	const char *name;
	void (*make)(struct keys *k, struct key *key);
	bool needs_header;
} orders[] = {
	[BOX_AS_IS] = { "unsorted", NULL, false },
	[BOX_BY_DATE] = { "date", key_date, true },
	[BOX_BY_FROM] = { "from", key_from, true },
	[BOX_BY_SUBJECT] = { "subject", key_subject, true },
	[BOX_BY_SIZE] = { "size", key_size, false },
	[BOX_BY_STATUS] = { "status", key_status, false },
	[BOX_BY_SCORE] = { "score", key_score, false },
	[BOX_BY_TO] = { "to", key_to, true },
	[BOX_BY_THREAD] = { "thread", NULL, true },
};

bool order_named(span name, enum box_order *ret)
{
	static const enum box_order tried[] = { BOX_BY_DATE, BOX_BY_FROM,
		BOX_BY_TO, BOX_BY_SUBJECT, BOX_BY_SIZE, BOX_BY_STATUS,
		BOX_BY_SCORE, BOX_BY_THREAD };

	for (size_t i = 0; name.len && i < ARRAY_LEN(tried); i++) {
		if (!span_has_prefix(span_str(orders[tried[i]].name), name))
			continue;
		*ret = tried[i];
		return true;
	}
	return false;
}

const char *order_name(enum box_order by)
{
	return orders[by].name;
}

static int by_key(const void *x, const void *y)
{
	const struct key *a = x;
	const struct key *b = y;
	int r;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	r = span_cmp(a->text, b->text);
	if (r)
		return r;
	return a->i < b->i ? -1 : a->i > b->i;
}

static void put(struct box *b, uint32_t rank, uint32_t i, uint32_t depth)
{
	b->order[rank] = i;
	b->rank[i] = rank;
	b->all[i].depth = (uint16_t)MIN(depth, (uint32_t)DEEPEST);
}

static void put_keys(struct box *b, struct key *keys)
{
	qsort(keys, b->count, sizeof(*keys), by_key);
	for (uint32_t r = 0; r < b->count; r++)
		put(b, r, keys[r].i, 0);
}

static bool sort(struct keys *k, enum box_order by)
{
	struct box *b = k->m->box;
	struct key *keys = mem_new(b->count, sizeof(*keys));
	bool good = true;

	for (uint32_t i = 0; i < b->count && good; i++) {
		good = !term_interrupted();
		keys[i].i = i;
		buf_clear(&k->header);
		if (good && orders[by].needs_header)
			good = box_header(k->m, i, &k->header) == 0;
		if (good)
			orders[by].make(k, &keys[i]);
	}
	if (good)
		put_keys(b, keys);
	mem_free(keys);
	return good;
}

/* ---- threads ---- */

static span message_id(span value)
{
	value = span_trim(value);
	if (!span_skip(&value, SPAN("<")))
		return value;
	return span_cut(&value, '>');
}

static void make_node(struct keys *k, struct thread_node *n)
{
	usec when;

	n->message_id =
	    arena_dup(k->arena, message_id(field_of(k, "message-id")));
	buf_clear(&k->text);
	buf_put(&k->text, field_of(k, "references"));
	buf_putc(&k->text, ' ');
	buf_put(&k->text, field_of(k, "in-reply-to"));
	n->references = arena_dup(k->arena, buf_span(&k->text));
	if (date_parse(field_of(k, "date"), &when))
		n->when = when;
}

static void put_threads(
    struct box *b, const struct thread_node *nodes, uint32_t first)
{
	uint32_t rank = 0;

	for (uint32_t i = first; i != THREAD_NONE; i = thread_walk(nodes, i))
		put(b, rank++, i, nodes[i].depth);
	if (rank != b->count)
		bug("%u of %u messages are in threads", rank, b->count);
}

static bool thread(struct keys *k)
{
	struct box *b = k->m->box;
	struct thread_node *nodes = mem_new(b->count, sizeof(*nodes));
	uint32_t first = THREAD_NONE;
	bool good = true;

	for (uint32_t i = 0; i < b->count && good; i++) {
		buf_clear(&k->header);
		good =
		    !term_interrupted() && box_header(k->m, i, &k->header) == 0;
		if (good)
			make_node(k, &nodes[i]);
	}
	if (good && !thread_build(nodes, b->count, k->arena, &first)) {
		mua_error(k->m, "Too many references to thread by");
		good = false;
	}
	if (good)
		put_threads(b, nodes, first);
	mem_free(nodes);
	return good;
}

static bool order_messages(struct mua *m, enum box_order by)
{
	struct box *b = m->box;
	struct arena arena;
	struct keys k = { .m = m,
		.arena = &arena,
		.header = BUF_INIT(HEADER_MAX),
		.text = BUF_INIT((size_t)3 * HEADER_MAX),
		.folded = BUF_INIT((size_t)8 * KEY_MAX) };
	bool good;

	arena_init(&arena, ((size_t)b->count + 100) * ARENA_PER_MESSAGE);
	good = by == BOX_BY_THREAD ? thread(&k) : sort(&k, by);
	arena_done(&arena);
	buf_done(&k.header);
	buf_done(&k.text);
	buf_done(&k.folded);
	return good;
}

static void fold_all(struct box *b)
{
	for (uint32_t r = 0; r < b->count; r++) {
		if (b->all[b->order[r]].depth == 0)
			order_fold(b, b->order[r]);
	}
}

static void put_as_is(struct box *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		put(b, i, i, 0);
	b->order_by = BOX_AS_IS;
}

bool order_by(struct mua *m, enum box_order by)
{
	struct box *b = m->box;

	if (by == BOX_AS_IS)
		put_as_is(b);
	else if (b->count && !order_messages(m, by))
		return false;
	for (uint32_t i = 0; i < b->count; i++)
		b->all[i].marks &= (uint16_t) ~(BOX_HIDDEN | BOX_FOLDED);
	b->order_by = by;
	if (by == BOX_BY_THREAD && vars_is_set(m->vars, "autocollapse"))
		fold_all(b);
	return true;
}

void order_at_start(struct mua *m)
{
	const char *wanted = vars_get(m->vars, "autosort");
	enum box_order by = BOX_AS_IS;

	if (vars_is_set(m->vars, "autothread"))
		by = BOX_BY_THREAD;
	else if (wanted && !order_named(span_str(wanted), &by))
		mua_error(m, "Unknown sorting method \"%s\"", wanted);
	if (by != BOX_AS_IS && !order_by(m, by))
		put_as_is(m->box);
}

void order_again(struct mua *m)
{
	enum box_order by = m->box->order_by;

	/* What was folded away stays so. */
	if (by != BOX_AS_IS && !order_messages(m, by))
		put_as_is(m->box);
}

static bool is_unread_news(const struct box *b, uint32_t i)
{
	return b->all[i].marks & BOX_NEW && !(box_flags(b, i) & FOLDER_SEEN);
}

void order_fold(struct box *b, uint32_t i)
{
	struct box_message *root = &b->all[i];

	if (root->marks & BOX_HIDDEN || is_unread_news(b, i))
		return;
	for (uint32_t r = b->rank[i] + 1; r < b->count; r++) {
		uint32_t below = b->order[r];

		if (b->all[below].depth <= root->depth)
			break;
		if (is_unread_news(b, below))
			continue;
		b->all[below].marks |= BOX_HIDDEN;
		b->all[below].marks &= (uint16_t)~BOX_FOLDED;
		root->marks |= BOX_FOLDED;
	}
}

static bool hides_something(const struct box *b, uint32_t i)
{
	for (uint32_t r = b->rank[i] + 1; r < b->count; r++) {
		const struct box_message *below = &b->all[b->order[r]];

		if (below->depth <= b->all[i].depth)
			return false;
		if (below->marks & BOX_HIDDEN)
			return true;
	}
	return false;
}

/* Those above `i` below which nothing is hidden any more. */
static void settle_above(struct box *b, uint32_t i)
{
	uint16_t depth = b->all[i].depth;

	for (uint32_t r = b->rank[i]; r > 0 && depth > 0; r--) {
		uint32_t above = b->order[r - 1];

		if (b->all[above].depth >= depth)
			continue;
		depth = b->all[above].depth;
		if (b->all[above].marks & BOX_FOLDED &&
		    !hides_something(b, above))
			b->all[above].marks &= (uint16_t)~BOX_FOLDED;
	}
}

void order_unfold(struct box *b, uint32_t i)
{
	struct box_message *root = &b->all[i];

	root->marks &= (uint16_t) ~(BOX_HIDDEN | BOX_FOLDED);
	for (uint32_t r = b->rank[i] + 1; r < b->count; r++) {
		struct box_message *below = &b->all[b->order[r]];

		if (below->depth <= root->depth)
			break;
		below->marks &= (uint16_t) ~(BOX_HIDDEN | BOX_FOLDED);
	}
	settle_above(b, i);
}
