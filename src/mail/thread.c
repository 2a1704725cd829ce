/* SPDX-License-Identifier: ISC */
/*
 * mail/thread.c - threads, after Jamie Zawinski's algorithm.
 *
 * Every message-id that is heard of has a place, whether the message is here
 * or not. References say which place is below which:
 *
 *	1. for each message its references, oldest first, are a chain; a link
 *	   that another message made already stays. The message itself goes
 *	   below the last one;
 *	2. everybody has at most one place above him, so loops are found by
 *	   walking up once from each place: one that is met twice in the same
 *	   walk is cut loose;
 *	3. the parent of a message is the nearest message above. Where there is
 *	   none, those that share the topmost place go below the oldest of them;
 *	4. answers without references go below the oldest of the same subject;
 *	5. brothers are sorted.
 *
 * In 3 and 4 a message goes only below one that is a root and stays so, which
 * makes no new loops.
 */
#include "mail/thread.h"

#include "base/hmap.h"
#include "base/utf8.h"

#include <stdlib.h>

/* Of very long chains the last ones say enough. */
enum { REFERENCES_MAX = 64 };
enum { SUBJECT_MAX = 1000, FOLDED_MAX = 3 * SUBJECT_MAX };

enum mark { FRESH, WALKING, DONE };

struct place {
	struct hnode node;
	span id;
	struct place *above;
	struct place *top; /* valid when DONE */
	uint32_t message;  /* the one with this id, or THREAD_NONE */
	uint32_t nearest;  /* the message at or above, or THREAD_NONE */
	uint32_t heir;     /* oldest message that has this place for a top */
	enum mark mark;
};

/* Who begins a thread of this subject. */
struct topic {
	struct hnode node;
	span subject;
	uint32_t oldest;
};

struct threads {
	struct thread_node *nodes;
	uint32_t count;
	struct arena *arena;
	struct hmap places;
	struct hmap topics;
	struct place **own; /* of each message */
};

/* ---- places ---- */

static struct place *new_place(struct threads *t, span id, uint32_t message)
{
	struct place *p = arena_new(t->arena, struct place);

	if (p)
		*p = (struct place){
			.id = id,
			.message = message,
			.nearest = THREAD_NONE,
			.heir = THREAD_NONE,
		};
	return p;
}

static struct place *find_place(struct threads *t, span id)
{
	uint64_t hash = hash_bytes(id);
	struct hnode *n = hmap_first(&t->places, hash);
	struct place *p;

	for (; n; n = hmap_next(n, hash)) {
		p = CONTAINER_OF(n, struct place, node);
		if (span_eq(p->id, id))
			return p;
	}
	p = new_place(t, id, THREAD_NONE);
	if (p)
		hmap_put(&t->places, &p->node, hash);
	return p;
}

static span bare_id(span id)
{
	id = span_trim(id);
	if (id.len >= 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
		id = span_of(id.ptr + 1, id.len - 2);
	return id;
}

/* The next <id> of References; what stands between is passed over. */
static bool next_reference(span *rest, span *ret)
{
	while (rest->len) {
		ssize_t begin = span_find(*rest, '<');
		ssize_t end;

		if (begin < 0)
			return false;
		*rest = span_from(*rest, (size_t)begin + 1);
		end = span_find(*rest, '>');
		if (end < 0)
			return false;
		*ret = span_trim(span_first(*rest, (size_t)end));
		*rest = span_from(*rest, (size_t)end + 1);
		if (ret->len)
			return true;
	}
	return false;
}

static bool place_messages(struct threads *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		span id = bare_id(t->nodes[i].message_id);
		struct place *p = NULL;

		if (id.len) {
			p = find_place(t, id);
			if (!p)
				return false;
		}
		/* A second message with this id stands for itself. */
		if (!p || p->message != THREAD_NONE)
			p = new_place(t, id, i);
		if (!p)
			return false;
		p->message = i;
		t->own[i] = p;
	}
	return true;
}

static bool link_references(struct threads *t, uint32_t i)
{
	span last[REFERENCES_MAX];
	span rest = t->nodes[i].references;
	size_t n = 0;
	span id;
	struct place *above = NULL;

	while (next_reference(&rest, &id))
		last[n++ % REFERENCES_MAX] = id;
	for (size_t k = n > REFERENCES_MAX ? n - REFERENCES_MAX : 0; k < n;
	     k++) {
		struct place *p = find_place(t, last[k % REFERENCES_MAX]);

		if (!p)
			return false;
		if (p == t->own[i])
			continue;
		if (!p->above && above != p)
			p->above = above;
		above = p;
	}
	if (above)
		t->own[i]->above = above;
	return true;
}

/* ---- who is above ---- */

/*
 * Walk up from `p` to a place that is done or to the end, leaving marks; then
 * again, telling everybody what is above him. The way back is turned around
 * in a chain of its own.
 */
static void settle(struct place *p)
{
	struct place *down = NULL; /* the way we came */
	struct place *above;

	while (p->mark == FRESH) {
		above = p->above;
		p->mark = WALKING;
		p->top = down;
		down = p;
		if (!above)
			break;
		if (above->mark == WALKING) {
			p->above = NULL; /* a loop ends here */
			break;
		}
		p = above;
	}
	while (down) {
		p = down;
		above = p->above;
		down = p->top;
		p->top = above ? above->top : p;
		p->nearest = p->message;
		if (p->nearest == THREAD_NONE && above)
			p->nearest = above->nearest;
		p->mark = DONE;
	}
}

static bool is_older(const struct threads *t, uint32_t a, uint32_t b)
{
	usec x = t->nodes[a].when;
	usec y = t->nodes[b].when;

	return x != y ? x < y : a < b;
}

static void find_parents(struct threads *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		struct place *p = t->own[i];

		settle(p);
		t->nodes[i].parent = p->above ? p->above->nearest : THREAD_NONE;
		if (t->nodes[i].parent != THREAD_NONE)
			continue;
		if (p->top->heir == THREAD_NONE || is_older(t, i, p->top->heir))
			p->top->heir = i;
	}
	for (uint32_t i = 0; i < t->count; i++) {
		uint32_t heir = t->own[i]->top->heir;

		if (t->nodes[i].parent == THREAD_NONE && heir != i)
			t->nodes[i].parent = heir;
	}
}

/* ---- subjects ---- */

/* What mailers put before a subject, in the languages they speak. */
static const span marks[] = {
	SPAN_INIT("re"),
	SPAN_INIT("fwd"),
	SPAN_INIT("fw"),
	SPAN_INIT("aw"),
	SPAN_INIT("wg"),
	SPAN_INIT("antw"),
	SPAN_INIT("sv"),
	SPAN_INIT("vs"),
	SPAN_INIT("rv"),
	SPAN_INIT("res"),
	SPAN_INIT("enc"),
	SPAN_INIT("rif"),
	SPAN_INIT("tr"),
	SPAN_INIT("odp"),
	SPAN_INIT("ynt"),
	SPAN_INIT("vb"),
};

/* "Re:", "RE[2]:", "Fwd :". */
static bool skip_mark(span *rest)
{
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		span after = *rest;
		ssize_t end;

		if (!span_skip_nocase(&after, marks[i]))
			continue;
		if (after.len && after.ptr[0] == '[') {
			end = span_find(span_first(after, 8), ']');
			after = span_from(after, (size_t)(end + 1));
		}
		after = span_trim(after);
		if (span_skip(&after, SPAN(":"))) {
			*rest = span_trim(after);
			return true;
		}
	}
	return false;
}

/* "[list]", if something follows. */
static bool skip_list(span *rest)
{
	span after = *rest;
	ssize_t end;

	if (!after.len || after.ptr[0] != '[')
		return false;
	end = span_find(after, ']');
	if (end < 0 || span_find(span_of(after.ptr + 1, (size_t)end), '[') >= 0)
		return false;
	after = span_trim(span_from(after, (size_t)end + 1));
	if (!after.len)
		return false;
	*rest = after;
	return true;
}

bool thread_subject(struct buf *out, span subject)
{
	bool is_answer = false;
	span word;
	size_t words = 0;

	subject = span_trim(subject);
	for (;;) {
		if (skip_mark(&subject))
			is_answer = true;
		else if (!skip_list(&subject))
			break;
	}
	while (span_has_suffix_nocase(subject, SPAN("(fwd)"))) {
		subject = span_trim(span_first(subject, subject.len - 5));
		is_answer = true;
	}
	while ((word = span_word(&subject, " \t\r\n\v\f")).len) {
		if (words++)
			buf_putc(out, ' ');
		buf_put(out, word);
	}
	return is_answer;
}

/* Its thread's subject as it is compared; empty: it has none to go by. */
static span topic_of(struct threads *t, uint32_t i, bool *ret_is_answer)
{
	struct buf base = BUF_INIT(SUBJECT_MAX);
	struct buf folded = BUF_INIT(FOLDED_MAX);
	span topic;

	*ret_is_answer =
	    thread_subject(&base, span_first(t->nodes[i].subject, SUBJECT_MAX));
	utf8_fold(buf_span(&base), &folded);
	topic = arena_dup(t->arena, buf_span(&folded));
	buf_done(&base);
	buf_done(&folded);
	return topic;
}

static struct topic *find_topic(struct threads *t, span subject)
{
	uint64_t hash = hash_bytes(subject);
	struct hnode *n = hmap_first(&t->topics, hash);

	for (; n; n = hmap_next(n, hash)) {
		struct topic *s = CONTAINER_OF(n, struct topic, node);

		if (span_eq(s->subject, subject))
			return s;
	}
	return NULL;
}

static bool note_topic(struct threads *t, span subject, uint32_t i)
{
	struct topic *s = find_topic(t, subject);

	if (s) {
		if (is_older(t, i, s->oldest))
			s->oldest = i;
		return true;
	}
	s = arena_new(t->arena, struct topic);
	if (!s)
		return false;
	s->subject = subject;
	s->oldest = i;
	hmap_put(&t->topics, &s->node, hash_bytes(subject));
	return true;
}

static bool has_references(const struct threads *t, uint32_t i)
{
	span rest = t->nodes[i].references;
	span id;

	return next_reference(&rest, &id);
}

static bool join_subjects(struct threads *t)
{
	struct joining {
		span topic;
		bool is_answer;
	} *all = arena_alloc(t->arena, t->count, sizeof(*all));

	if (!all)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		if (t->nodes[i].parent != THREAD_NONE)
			continue;
		all[i].topic = topic_of(t, i, &all[i].is_answer);
		if (!all[i].topic.ptr)
			return false;
		if (all[i].topic.len && !note_topic(t, all[i].topic, i))
			return false;
	}
	for (uint32_t i = 0; i < t->count; i++) {
		struct topic *s;

		if (!all[i].topic.len || !all[i].is_answer ||
		    has_references(t, i))
			continue;
		s = find_topic(t, all[i].topic);
		if (s->oldest != i)
			t->nodes[i].parent = s->oldest;
	}
	return true;
}

/* ---- the result ---- */

static int by_age(const void *a, const void *b, void *ctx)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	if (x == y)
		return 0;
	return is_older(ctx, x, y) ? -1 : 1;
}

static bool put_in_order(struct threads *t, uint32_t *ret_first)
{
	uint32_t *order = arena_alloc(t->arena, t->count, sizeof(*order));
	uint32_t first = THREAD_NONE;

	if (!order)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		t->nodes[i].first_child = THREAD_NONE;
		order[i] = i;
	}
	qsort_r(order, t->count, sizeof(*order), by_age, t);
	for (uint32_t k = t->count; k-- > 0;) {
		struct thread_node *n = &t->nodes[order[k]];
		uint32_t *list = n->parent == THREAD_NONE
		    ? &first
		    : &t->nodes[n->parent].first_child;

		n->next = *list;
		*list = order[k];
	}
	for (uint32_t i = first; i != THREAD_NONE;
	     i = thread_walk(t->nodes, i)) {
		struct thread_node *n = &t->nodes[i];

		n->depth = n->parent == THREAD_NONE
		    ? 0
		    : t->nodes[n->parent].depth + 1;
	}
	*ret_first = first;
	return true;
}

static void join_nothing(struct thread_node *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		nodes[i].parent = THREAD_NONE;
		nodes[i].first_child = THREAD_NONE;
		nodes[i].next = i + 1 < count ? i + 1 : THREAD_NONE;
		nodes[i].depth = 0;
	}
}

static bool join(struct threads *t)
{
	t->own = arena_alloc(t->arena, t->count, sizeof(struct place *));
	if (!t->own || !place_messages(t))
		return false;
	for (uint32_t i = 0; i < t->count; i++)
		if (!link_references(t, i))
			return false;
	find_parents(t);
	return join_subjects(t);
}

bool thread_build(struct thread_node *nodes, uint32_t count, struct arena *a,
    uint32_t *ret_first)
{
	struct threads t = { .nodes = nodes, .count = count, .arena = a };
	bool ok;

	*ret_first = count ? 0 : THREAD_NONE;
	if (!count)
		return true;
	hmap_init(&t.places);
	hmap_init(&t.topics);
	ok = join(&t) && put_in_order(&t, ret_first);
	if (!ok)
		join_nothing(nodes, count);
	hmap_done(&t.places);
	hmap_done(&t.topics);
	return ok;
}

uint32_t thread_walk(const struct thread_node *nodes, uint32_t i)
{
	if (nodes[i].first_child != THREAD_NONE)
		return nodes[i].first_child;
	while (i != THREAD_NONE && nodes[i].next == THREAD_NONE)
		i = nodes[i].parent;
	return i == THREAD_NONE ? THREAD_NONE : nodes[i].next;
}
