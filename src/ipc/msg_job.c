/* SPDX-License-Identifier: ISC */
#include "ipc/msg_job.h"

#include "base/wire_array.h"

/* Class, and five empty spans (a status is never empty, but no matter). */
enum { VERDICT_MIN = 1 + 5 * 4 };

void job_put(struct buf *out, const struct job *m)
{
	wire_put_u64(out, m->number);
	wire_put_u64(out, m->active);
	wire_put_u8(out, m->blob);
	wire_put_span(out, m->content);
	envelope_put(out, &m->envelope);
}

bool job_get(span payload, struct arena *a, struct job *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->active = wire_u64(&w);
	ret->blob = wire_u8(&w) != 0;
	ret->content = wire_span(&w);
	return envelope_get(&w, a, &ret->envelope) && wire_is_done(&w) &&
	    ret->envelope.nrcpts > 0;
}

/* Index and four spans; and the other one. */
enum { PASS_MIN = 5 * 4, PART_MIN = 4 * 4 + 1 + VERDICT_MIN };

static void put_pass(struct buf *out, const struct job_pass *p)
{
	wire_put_u32(out, p->rcpt);
	wire_put_span(out, p->addr);
	wire_put_span(out, p->orig);
	wire_put_span(out, p->transport);
	wire_put_span(out, p->nexthop);
}

static void put_part(struct buf *out, const struct job_part *p)
{
	wire_put_u32(out, p->rcpt);
	wire_put_span(out, p->addr);
	wire_put_u8(out, p->has_sender);
	wire_put_span(out, p->sender);
	wire_put_span(out, p->action);
	verdict_put(out, &p->verdict);
}

void job_done_put(struct buf *out, const struct job_done *m)
{
	wire_put_u64(out, m->number);
	wire_put_u8(out, m->site);
	wire_put_u32(out, m->nverdicts);
	for (uint32_t i = 0; i < m->nverdicts; i++)
		verdict_put(out, &m->verdicts[i]);
	wire_put_u32(out, m->npasses);
	for (uint32_t i = 0; i < m->npasses; i++)
		put_pass(out, &m->passes[i]);
	wire_put_u32(out, m->nparts);
	for (uint32_t i = 0; i < m->nparts; i++)
		put_part(out, &m->parts[i]);
}

static bool get_verdicts(struct wire *w, struct arena *a, struct job_done *m)
{
	m->verdicts =
	    wire_array(w, a, &m->nverdicts, VERDICT_MIN, sizeof(*m->verdicts));
	for (uint32_t i = 0; m->verdicts && i < m->nverdicts; i++)
		if (!verdict_get(w, &m->verdicts[i]))
			return false;
	return m->verdicts != NULL;
}

static bool get_passes(struct wire *w, struct arena *a, struct job_done *m)
{
	m->passes = wire_array(w, a, &m->npasses, PASS_MIN, sizeof(*m->passes));
	for (uint32_t i = 0; m->passes && i < m->npasses; i++) {
		struct job_pass *p = &m->passes[i];

		p->rcpt = wire_u32(w);
		p->addr = wire_span(w);
		p->orig = wire_span(w);
		p->transport = wire_span(w);
		p->nexthop = wire_span(w);
		if (p->rcpt >= m->nverdicts || !p->addr.len ||
		    !p->transport.len)
			return false;
	}
	return m->passes != NULL;
}

static bool get_parts(struct wire *w, struct arena *a, struct job_done *m)
{
	m->parts = wire_array(w, a, &m->nparts, PART_MIN, sizeof(*m->parts));
	for (uint32_t i = 0; m->parts && i < m->nparts; i++) {
		struct job_part *p = &m->parts[i];

		p->rcpt = wire_u32(w);
		p->addr = wire_span(w);
		p->has_sender = wire_u8(w) != 0;
		p->sender = wire_span(w);
		p->action = wire_span(w);
		if (!verdict_get(w, &p->verdict) || p->rcpt >= m->nverdicts)
			return false;
	}
	return m->parts != NULL;
}

bool job_done_get(span payload, struct arena *a, struct job_done *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->site = wire_u8(&w);
	return ret->site <= JOB_SITE_AGAIN && get_verdicts(&w, a, ret) &&
	    get_passes(&w, a, ret) && get_parts(&w, a, ret) && wire_is_done(&w);
}
