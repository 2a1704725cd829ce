/* SPDX-License-Identifier: ISC */
#include "daemon/rules/headers.h"

#include "daemon/rules/expand.h"
#include "mail/clean.h"
#include "mail/msgid.h"

enum {
	/* What the way to one address takes. */
	ONE_MAX = 4 * 1024 * 1024,
};

struct mapper {
	const struct policy *p;
	const struct world *world;
	const struct rules_map *q;
	struct arena *arena;
};

static void warn(const struct mapper *m, span title, span addr)
{
	char id[MSGID_TEXT_MAX];
	struct buf line = BUF_INIT(64 * 1024);

	buf_printf(&line,
	    "%.*s: %.*s map lookup problem for %.*s -- message not accepted, "
	    "try again later",
	    PRI(msgid_text(m->q->id, id)), PRI(title),
	    PRI(span_first(addr, 1000)));
	m->world->warn(m->world->ctx, buf_span(&line));
	buf_done(&line);
}

/* ptr NULL: it stays as it is. */
static bool map_one(const struct mapper *m, struct wire *questions, span *ret)
{
	struct arena scratch;
	span title = SPAN_NONE;
	span before;
	span after;
	uint8_t class;
	bool ok;

	if (!clean_next_question(questions, &class, &before))
		return false;
	after = before;
	arena_init(&scratch, ONE_MAX);
	ok = expand_external(m->p, &scratch,
	    class == CLEAN_SENDER ? HEADER_SENDER : HEADER_RECIPIENT, &after,
	    &title);
	if (!ok)
		warn(m, title, before);
	if (ok && !span_eq(before, after)) {
		*ret = arena_dup(m->arena, after);
		ok = ret->ptr != NULL;
	}
	arena_done(&scratch);
	return ok;
}

void headers_answer(const struct policy *p, const struct world *world,
    const struct rules_map *q, struct arena *a, struct rules_mapped *ret)
{
	struct mapper m = { p, world, q, a };
	struct wire questions = wire_from(q->addrs);
	span *addrs = arena_alloc(a, q->count, sizeof(*addrs));
	bool ok = addrs && !p->useless;

	for (uint32_t i = 0; i < q->count && ok; i++)
		ok = map_one(&m, &questions, &addrs[i]);
	*ret = (struct rules_mapped){ .ask = q->ask,
		.failed = !ok,
		.count = ok ? q->count : 0,
		.addrs = addrs };
}
