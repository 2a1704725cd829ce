/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/work.h"

#include "base/wire_array.h"

enum {
	SPAN_MIN = 4,
	ENV_MIN = 2 * SPAN_MIN,
	MAILDIR_MIN = SPAN_MIN + 8,
};

static void put_spans(struct buf *out, const span *spans, uint32_t n)
{
	wire_put_u32(out, n);
	for (uint32_t i = 0; i < n; i++)
		wire_put_span(out, spans[i]);
}

static bool get_spans(
    struct wire *w, struct arena *a, uint32_t max, uint32_t *ret_n, span **ret)
{
	uint32_t n;
	span *spans = wire_array(w, a, &n, SPAN_MIN, sizeof(span));

	if (!spans || n > max)
		return false;
	for (uint32_t i = 0; i < n; i++)
		spans[i] = wire_span(w);
	*ret_n = n;
	*ret = spans;
	return true;
}

static void put_maildirs(struct buf *out, const struct work_setup *m)
{
	wire_put_u32(out, m->nmaildirs);
	for (uint32_t i = 0; i < m->nmaildirs; i++) {
		wire_put_span(out, m->maildirs[i].path);
		wire_put_u32(out, m->maildirs[i].uid);
		wire_put_u32(out, m->maildirs[i].gid);
	}
}

static bool get_maildirs(
    struct wire *w, struct arena *a, struct work_setup *ret)
{
	ret->maildirs = wire_array(
	    w, a, &ret->nmaildirs, MAILDIR_MIN, sizeof(*ret->maildirs));
	if (!ret->maildirs || ret->nmaildirs > WORK_MAX_MAILDIRS)
		return false;
	for (uint32_t i = 0; i < ret->nmaildirs; i++) {
		ret->maildirs[i].path = wire_span(w);
		ret->maildirs[i].uid = wire_u32(w);
		ret->maildirs[i].gid = wire_u32(w);
	}
	return true;
}

void work_setup_put(struct buf *out, const struct work_setup *m)
{
	wire_put_u8(out, m->kind);
	put_spans(out, m->paths, m->npaths);
	put_maildirs(out, m);
	wire_put_u32(out, m->attempts);
	wire_put_u64(out, m->delay);
	wire_put_u64(out, m->stale);
	wire_put_u8(out, m->any_owner);
	wire_put_span(out, m->shell);
	put_spans(out, m->keep, m->nkeep);
}

bool work_setup_get(span payload, struct arena *a, struct work_setup *ret)
{
	struct wire w = wire_from(payload);

	ret->kind = wire_u8(&w);
	if (!get_spans(&w, a, WORK_MAX_PATHS, &ret->npaths, &ret->paths) ||
	    !get_maildirs(&w, a, ret))
		return false;
	ret->attempts = wire_u32(&w);
	ret->delay = wire_u64(&w);
	ret->stale = wire_u64(&w);
	ret->any_owner = wire_u8(&w);
	ret->shell = wire_span(&w);
	if (!get_spans(&w, a, WORK_MAX_KEEP, &ret->nkeep, &ret->keep))
		return false;
	return wire_is_done(&w) && ret->kind < WORK_KINDS;
}

static void put_env(struct buf *out, const struct work_item *m)
{
	wire_put_u32(out, m->nenv);
	for (uint32_t i = 0; i < m->nenv; i++) {
		wire_put_span(out, m->env[i].name);
		wire_put_span(out, m->env[i].value);
	}
}

static bool get_env(struct wire *w, struct arena *a, struct work_item *ret)
{
	ret->env = wire_array(w, a, &ret->nenv, ENV_MIN, sizeof(*ret->env));
	if (!ret->env || ret->nenv > WORK_MAX_ENV)
		return false;
	for (uint32_t i = 0; i < ret->nenv; i++) {
		ret->env[i].name = wire_span(w);
		ret->env[i].value = wire_span(w);
	}
	return true;
}

void work_item_put(struct buf *out, const struct work_item *m)
{
	wire_put_u64(out, m->number);
	wire_put_u8(out, m->kind);
	wire_put_u32(out, m->flags);
	wire_put_u32(out, m->uid);
	wire_put_u32(out, m->gid);
	wire_put_span(out, m->user);
	wire_put_span(out, m->home);
	put_spans(out, m->forward, m->nforward);
	wire_put_span(out, m->path);
	wire_put_u32(out, m->locks);
	wire_put_u64(out, m->size_max);
	wire_put_span(out, m->quota);
	wire_put_u64(out, m->size);
	wire_put_u32(out, m->head);
	wire_put_span(out, m->sender);
	wire_put_span(out, m->address);
	wire_put_span(out, m->original);
	wire_put_span(out, m->delivered);
	put_spans(out, m->argv, m->nargv);
	put_env(out, m);
	wire_put_span(out, m->directory);
	wire_put_u64(out, m->time_limit);
	wire_put_span(out, m->eol);
	wire_put_u64(out, m->message);
	wire_put_u8(out, m->same);
	wire_put_u8(out, m->blob);
	wire_put_span(out, m->content);
}

bool work_item_get(span payload, struct arena *a, struct work_item *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->kind = wire_u8(&w);
	ret->flags = wire_u32(&w);
	ret->uid = wire_u32(&w);
	ret->gid = wire_u32(&w);
	ret->user = wire_span(&w);
	ret->home = wire_span(&w);
	if (!get_spans(&w, a, WORK_MAX_FORWARD, &ret->nforward, &ret->forward))
		return false;
	ret->path = wire_span(&w);
	ret->locks = wire_u32(&w);
	ret->size_max = wire_u64(&w);
	ret->quota = wire_span(&w);
	ret->size = wire_u64(&w);
	ret->head = wire_u32(&w);
	ret->sender = wire_span(&w);
	ret->address = wire_span(&w);
	ret->original = wire_span(&w);
	ret->delivered = wire_span(&w);
	if (!get_spans(&w, a, WORK_MAX_ARGV, &ret->nargv, &ret->argv) ||
	    !get_env(&w, a, ret))
		return false;
	ret->directory = wire_span(&w);
	ret->time_limit = wire_u64(&w);
	ret->eol = wire_span(&w);
	ret->message = wire_u64(&w);
	ret->same = wire_u8(&w);
	ret->blob = wire_u8(&w);
	ret->content = wire_span(&w);
	return wire_is_done(&w) && ret->kind < WORK_DOS;
}

void work_done_put(struct buf *out, const struct work_done *m)
{
	wire_put_u64(out, m->number);
	wire_put_u8(out, m->found);
	wire_put_u32(out, m->which);
	wire_put_span(out, m->bytes);
	if (m->found == WORK_FOUND_NONE)
		verdict_put(out, &m->verdict);
	wire_put_u8(out, m->foreign);
	wire_put_span(out, m->warning);
	wire_put_u64(out, m->offset);
}

bool work_done_get(span payload, struct work_done *ret)
{
	struct wire w = wire_from(payload);

	*ret = (struct work_done){ .number = wire_u64(&w) };
	ret->found = wire_u8(&w);
	ret->which = wire_u32(&w);
	ret->bytes = wire_span(&w);
	if (ret->found == WORK_FOUND_NONE && !verdict_get(&w, &ret->verdict))
		return false;
	ret->foreign = wire_u8(&w);
	ret->warning = wire_span(&w);
	ret->offset = wire_u64(&w);
	return wire_is_done(&w) && ret->found < WORK_FOUNDS;
}

void work_reach_put(struct buf *out, const struct work_reach *m)
{
	wire_put_u64(out, m->number);
	wire_put_span(out, m->path);
}

bool work_reach_get(span payload, struct work_reach *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->path = wire_span(&w);
	return wire_is_done(&w);
}
