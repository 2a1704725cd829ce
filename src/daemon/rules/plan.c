/* SPDX-License-Identifier: ISC */
#include "daemon/rules/plan.h"

#include <stdarg.h>

#include "mail/verdict.h"

enum {
	/* Of one piece. */
	BYTES_MAX = 1024 * 1024,
	WARNING_MAX = 64 * 1024,
	LINE_MAX_LEN = 4096,
	STEPS_FIRST = 16,
};

bool plan_begin(struct plan *p, uint64_t ask, struct arena *a)
{
	p->arena = a;
	p->m = (struct local_plan){ .ask = ask };
	p->bytes = 0;
	buf_init(&p->warning, WARNING_MAX);
	p->room = STEPS_FIRST;
	p->m.steps = arena_alloc(a, p->room, sizeof(*p->m.steps));
	return p->m.steps != NULL;
}

static void send_piece(struct plan *p, bool more)
{
	p->m.more = more;
	p->m.warning = buf_span(&p->warning);
	p->send(p->ctx, &p->m);
	p->m.nsteps = 0;
	p->bytes = 0;
	buf_clear(&p->warning);
}

/* What it takes on its way, about. */
static size_t size_of(const struct local_step *s)
{
	size_t n = sizeof(*s) + s->address.len + s->original.len +
	    s->delivered.len + s->sender.len + s->what.len + s->context.len +
	    s->directory.len + s->quota.len;

	for (uint32_t i = 0; i < s->nforward; i++)
		n += s->forward[i].len;
	for (uint32_t i = 0; i < s->nenv; i++)
		n += s->env[i].name.len + s->env[i].value.len;
	return n;
}

/* Most recipients are one step. False: the arena is full. */
static bool make_room(struct plan *p)
{
	uint32_t room = MIN(4 * p->room, (uint32_t)LOCAL_MAX_STEPS);
	struct local_step *steps;

	if (p->m.nsteps < p->room)
		return true;
	if (p->room == LOCAL_MAX_STEPS)
		return false;
	steps = arena_alloc(p->arena, room, sizeof(*steps));
	if (!steps)
		return false;
	memcpy(steps, p->m.steps, p->m.nsteps * sizeof(*steps));
	p->m.steps = steps;
	p->room = room;
	return true;
}

void plan_add(struct plan *p, const struct local_step *s)
{
	size_t size = size_of(s);

	if ((p->m.nsteps && p->bytes + size > BYTES_MAX) || !make_room(p))
		send_piece(p, true);
	p->m.steps[p->m.nsteps++] = *s;
	p->bytes += size;
}

void plan_warn(struct plan *p, const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || p->warning.len + sizeof(text) > WARNING_MAX)
		return;
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	if (p->warning.len)
		buf_putc(&p->warning, '\n');
	buf_put(&p->warning, span_str(text));
}

void plan_defer(struct plan *p, const struct local_ask *q)
{
	const struct local_step s = { .kind = LOCAL_OUTCOME,
		.address = q->address,
		.original = q->original,
		.sender = q->sender,
		.class = VERDICT_DEFERRED,
		.status = SPAN("4.3.5"),
		.what = SPAN("mail system configuration error") };

	plan_add(p, &s);
}

void plan_end(struct plan *p)
{
	send_piece(p, false);
	buf_done(&p->warning);
}
