/* SPDX-License-Identifier: ISC */
/* Lines "id|references|subject" are messages: all of them are reached once,
 * parents first. */
#include "mail/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 200 };

static void check(const struct thread_node *nodes, uint32_t count, uint32_t i)
{
	bool seen[MOST] = { false };
	uint32_t reached = 0;

	for (; i != THREAD_NONE; i = thread_walk(nodes, i)) {
		const struct thread_node *n = &nodes[i];

		if (i >= count || seen[i])
			bug("a message twice");
		seen[i] = true;
		reached++;
		if (n->parent == THREAD_NONE && n->depth != 0)
			bug("a root that is not on top");
		if (n->parent != THREAD_NONE && !seen[n->parent])
			bug("a child before its parent");
		if (n->parent != THREAD_NONE &&
		    n->depth != nodes[n->parent].depth + 1)
			bug("a wrong depth");
	}
	if (reached != count)
		bug("a message was lost");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct thread_node nodes[MOST];
	span rest = span_of(data, size);
	uint32_t count = 0;
	struct arena a;
	uint32_t first;

	for (; rest.len && count < MOST; count++) {
		span line = span_cut(&rest, '\n');

		nodes[count] = (struct thread_node){ .when = line.len };
		nodes[count].message_id = span_cut(&line, '|');
		nodes[count].references = span_cut(&line, '|');
		nodes[count].subject = line;
	}
	arena_init(&a, size % 3 ? 1 << 20 : 2000);
	if (!thread_build(nodes, count, &a, &first) && first != 0)
		bug("no first message");
	check(nodes, count, first);
	arena_done(&a);
	return 0;
}
