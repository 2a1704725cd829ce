/* SPDX-License-Identifier: ISC */
#include "mail/verdict.h"

enum { REPORTS = 0x80 }; /* in the byte of the class */

static bool is_class(char c)
{
	return c == '2' || c == '4' || c == '5';
}

static bool is_number(span s)
{
	if (s.len < 1 || s.len > 3)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_digit(s.ptr[i]))
			return false;
	return true;
}

bool verdict_is_status(span s)
{
	span class = span_cut(&s, '.');
	span subject = span_cut(&s, '.');

	return class.len == 1 && is_class(class.ptr[0]) && is_number(subject) &&
	    is_number(s);
}

void verdict_put(struct buf *out, const struct verdict *v)
{
	wire_put_u8(out, (uint8_t)(v->class | (v->reports ? REPORTS : 0)));
	wire_put_span(out, v->status);
	wire_put_span(out, v->text);
	wire_put_span(out, v->remote_mta);
	wire_put_span(out, v->diagnostic);
	wire_put_span(out, v->relay);
}

bool verdict_get(struct wire *w, struct verdict *ret)
{
	uint8_t class = wire_u8(w);
	struct verdict v = { .reports = class & REPORTS };

	class &= (uint8_t)~REPORTS;
	v.status = wire_span(w);
	v.text = wire_span(w);
	v.remote_mta = wire_span(w);
	v.diagnostic = wire_span(w);
	v.relay = wire_span(w);
	if (w->failed || !verdict_is_status(v.status))
		return false;
	if (class != VERDICT_SENT && class != VERDICT_DEFERRED &&
	    class != VERDICT_BOUNCED)
		return false;
	v.class = (enum verdict_class) class;
	*ret = v;
	return true;
}

bool verdict_is_worse(const struct verdict *v, const struct verdict *than)
{
	static const uint8_t rank[] = {
		[VERDICT_SENT] = 1,
		[VERDICT_BOUNCED] = 2,
		[VERDICT_DEFERRED] = 3,
	};

	return rank[v->class] > rank[than->class];
}
