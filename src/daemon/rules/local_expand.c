/* SPDX-License-Identifier: ISC */
#include "conf/expand.h"
#include "daemon/rules/local.h"

enum { TEXT_MAX = 64 * 1024, ERROR_MAX = 4096 };

struct expansion_of {
	struct local_run *run;
	const struct walk *walk;
	span filter;
	bool extension;
};

/* The character that stood before the extension, or would. */
static span delimiter(const struct local_run *r, const struct walk *w)
{
	if (w->local.len > w->user.len)
		return span_of(w->local.ptr + w->user.len, 1);
	if (r->l->s.recipient_delimiter.len)
		return span_first(r->l->s.recipient_delimiter, 1);
	return SPAN_NONE;
}

static span find_value(struct expansion_of *x, span name)
{
	const struct walk *w = x->walk;
	const struct {
		span name;
		span value;
	} values[] = {
		{ SPAN_INIT("user"), w->user },
		{ SPAN_INIT("home"), w->rights.home },
		{ SPAN_INIT("shell"), w->rights.shell },
		{ SPAN_INIT("domain"), w->domain },
		{ SPAN_INIT("local"), w->local },
		{ SPAN_INIT("mailbox"), w->local },
		{ SPAN_INIT("recipient"), w->address },
		{ SPAN_INIT("extension"), w->extension },
		{ SPAN_INIT("recipient_delimiter"), delimiter(x->run, w) },
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (span_eq(values[i].name, name))
			return values[i].value;
	return SPAN_NONE;
}

span local_censor(struct local_run *r, span value, span filter)
{
	char *copy = arena_alloc(r->arena, value.len + 1, 1);

	if (!copy) {
		r->full = true;
		return SPAN_NONE;
	}
	for (size_t i = 0; i < value.len; i++)
		copy[i] =
		    span_find(filter, value.ptr[i]) >= 0 ? value.ptr[i] : '_';
	return span_of(copy, value.len);
}

static span value_of(void *ctx, span name, bool tested)
{
	struct expansion_of *x = ctx;

	span value = find_value(x, name);

	if (!tested && span_eq(name, SPAN("extension")))
		x->extension = true;
	/* What is not there stays so. */
	if (tested || !x->filter.ptr || !value.len)
		return value;
	return local_censor(x->run, value, x->filter);
}

struct local_expanded local_expand(
    struct local_run *r, const struct walk *w, span text, span filter)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(ERROR_MAX);
	struct expansion_of x = { r, w, filter, false };
	const struct expand_once once = { value_of, &x, &error };
	struct local_expanded e = { .bad = false };

	e.bad = expand_once(text, &once, &out, &e.undefined) != EXPAND_OK;
	if (e.bad)
		plan_warn(r->plan, "%.*s", PRI(buf_span(&error)));
	e.extension = x.extension;
	e.text = local_dup(r, buf_span(&out));
	return e;
}
