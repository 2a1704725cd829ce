/* SPDX-License-Identifier: ISC */
#include "ipc/msg_job.h"

/* Class, and four empty spans (a status is never empty, but no matter). */
enum { VERDICT_MIN = 1 + 4 * 4 };

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

void job_done_put(struct buf *out, const struct job_done *m)
{
	wire_put_u64(out, m->number);
	wire_put_u8(out, m->site);
	wire_put_u32(out, m->nverdicts);
	for (uint32_t i = 0; i < m->nverdicts; i++)
		verdict_put(out, &m->verdicts[i]);
}

bool job_done_get(span payload, struct arena *a, struct job_done *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->site = wire_u8(&w);
	ret->nverdicts = wire_u32(&w);
	if (w.failed || ret->site > JOB_SITE_AGAIN ||
	    ret->nverdicts > w.rest.len / VERDICT_MIN)
		return false;
	ret->verdicts = arena_alloc(a, ret->nverdicts, sizeof(*ret->verdicts));
	if (!ret->verdicts)
		return false;
	for (uint32_t i = 0; i < ret->nverdicts; i++)
		if (!verdict_get(&w, &ret->verdicts[i]))
			return false;
	return wire_is_done(&w);
}
