/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/local_content.c - a file that somebody else read for us, and
 * the state of the recursion at the place where it was wanted. The latter
 * went with the step and comes back with the content; rights are not in it
 * but looked up once more.
 */
#include "daemon/rules/local.h"

enum { HAS_OWNER = 1, HAS_UNMATCHED = 2, HAS_DOMAIN = 4, IS_OWNED = 8 };

static void put_place(struct buf *b, const struct walk *w)
{
	wire_put_u32(b, w->level);
	wire_put_u8(b,
	    (uint8_t)((w->owner.ptr ? HAS_OWNER : 0) |
	        (w->unmatched.ptr ? HAS_UNMATCHED : 0) |
	        (w->owned ? IS_OWNED : 0)));
	wire_put_u32(b, w->source);
	wire_put_span(b, w->address);
	wire_put_span(b, w->original);
	wire_put_span(b, w->delivered);
	wire_put_span(b, w->sender);
	wire_put_span(b, w->owner);
	wire_put_span(b, w->rights.login);
}

span local_context(struct local_run *r, const struct walk *w,
    const span *forward, uint32_t nforward, uint32_t matched)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LOCAL_MAX_CONTENT);

	put_place(&b, w);
	wire_put_u32(&b, matched);
	wire_put_u32(&b, nforward);
	for (uint32_t i = 0; i < nforward; i++)
		wire_put_span(&b, forward[i]);
	wire_put_u32(&b, r->nforwards);
	for (uint32_t i = 0; i < r->nforwards; i++)
		wire_put_span(&b, r->forwards[i]);
	return local_dup(r, buf_span(&b));
}

struct context {
	struct walk walk;
	bool unmatched;
	uint32_t matched;
	uint32_t nforward;
	span forward[LOCAL_MAX_FORWARD];
};

static span get_if(struct wire *w, bool there)
{
	span s = wire_span(w);

	return there ? s : SPAN_NONE;
}

static bool get_paths(
    struct wire *w, span *ret, uint32_t max, uint32_t *ret_count)
{
	uint32_t n = wire_u32(w);

	if (n > max)
		return false;
	for (uint32_t i = 0; i < n; i++)
		ret[i] = wire_span(w);
	*ret_count = n;
	return true;
}

static bool get_context(struct local_run *r, struct context *ret)
{
	struct wire w = wire_from(r->ask->context);
	struct walk *to = &ret->walk;
	uint8_t flags;

	*ret = (struct context){ .matched = 0 };
	to->level = wire_u32(&w);
	flags = wire_u8(&w);
	ret->unmatched = flags & HAS_UNMATCHED;
	to->owned = flags & IS_OWNED;
	to->source = wire_u32(&w);
	to->address = wire_span(&w);
	to->original = wire_span(&w);
	to->delivered = wire_span(&w);
	to->sender = wire_span(&w);
	to->owner = get_if(&w, flags & HAS_OWNER);
	to->rights.login = wire_span(&w);
	ret->matched = wire_u32(&w);
	return get_paths(&w, ret->forward, LOCAL_MAX_FORWARD, &ret->nforward) &&
	    get_paths(&w, r->forwards, LOCAL_MAX_NESTED - 1, &r->nforwards) &&
	    wire_is_done(&w);
}

/* The rights as they were, from the system once more. */
static bool restore(struct local_run *r, struct context *c)
{
	struct walk *w = &c->walk;
	span login = w->rights.login;

	w->rights = (struct rights){ .uid = 0 };
	local_split(r, w);
	if (!c->unmatched)
		w->unmatched = SPAN_NONE;
	if (login.len == 0 ||
	    local_find_user(r, login, &w->rights) == PASSWD_OK)
		return true;
	local_outcome(r, w, "4.0.0", "user lookup error");
	return false;
}

static void answer_forward(struct local_run *r, struct context *c)
{
	struct walk *w = &c->walk;
	uint32_t i = r->ask->path;

	if (i >= c->nforward) {
		local_outcome(r, w, "4.3.0", "user lookup error");
		return;
	}
	r->forwards[r->nforwards++] = c->forward[i];
	if (c->matched & 1u << i || !(r->l->propagate & IN_FORWARD))
		w->unmatched = SPAN_NONE;
	w->source = IN_FORWARD;
	w->owner = w->user;
	w->from = w->local;
	if (local_lines(r, w, r->ask->content))
		r->plan->m.expanded = true;
}

void local_content(struct local_run *r)
{
	struct context c;

	if (!get_context(r, &c)) {
		const struct walk w = { .address = r->ask->address,
			.sender = r->ask->sender };

		local_outcome(r, &w, "4.3.0", "broken question");
		return;
	}
	if (!restore(r, &c))
		return;
	if (r->ask->what == LOCAL_FORWARD)
		answer_forward(r, &c);
	else
		local_include_content(
		    r, c.walk, r->ask->owner, r->ask->content);
}
