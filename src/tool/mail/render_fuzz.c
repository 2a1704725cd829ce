/* SPDX-License-Identifier: ISC */
/*
 * Any message for people: nothing comes out that a terminal obeys, in one
 * piece or in many, and both are the same. The first byte says how.
 */
#include "tool/mail/render.h"

#include "base/width.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_LIMIT = 64 << 20 };

static bool has_field(void *ctx UNUSED, span name)
{
	return name.len % 5 != 3;
}

static bool view(
    void *ctx UNUSED, const struct part *p, span content, struct buf *ret_text)
{
	buf_put(ret_text, content);
	return p->type.len % 2;
}

struct pieces {
	struct buf out;
	struct buf all;
};

static bool flush(void *ctx)
{
	struct pieces *p = ctx;

	buf_put(&p->all, buf_span(&p->out));
	buf_clear(&p->out);
	return true;
}

static struct render settings(uint8_t how)
{
	return (struct render){
		.has_field = has_field,
		.view = how & 8 ? view : NULL,
		.columns = how >> 4,
		.all_alternatives = how & 1,
		.only_text = how & 2,
		.as_is = how & 4,
		.status = SPAN("Status: RO\n"),
	};
}

static void check_harmless(span text)
{
	struct buf again = BUF_INIT(TEXT_LIMIT);

	width_harmless(&again, text, HARMLESS_LINES, false);
	/* Combining characters may pile up where two pieces meet. */
	if (again.len + 64 < text.len || again.len > text.len)
		bug("it is not harmless");
	for (size_t i = 0; i < text.len; i++)
		if ((uint8_t)text.ptr[i] < ' ' && text.ptr[i] != '\n' &&
		    text.ptr[i] != '\t')
			bug("a control character");
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pieces p = { 0 };
	struct buf whole = BUF_INIT(TEXT_LIMIT);
	struct render r;
	span message;

	if (!size)
		return 0;
	message = span_of(data + 1, size - 1);
	r = settings(data[0]);
	r.out = &whole;
	render_message(&r, message);
	check_harmless(buf_span(&whole));

	buf_init(&p.out, TEXT_LIMIT);
	buf_init(&p.all, TEXT_LIMIT);
	r = settings(data[0]);
	r.out = &p.out;
	r.ctx = &p;
	r.flush = flush;
	render_message(&r, message);
	(void)flush(&p);
	if (!span_eq(buf_span(&whole), buf_span(&p.all)))
		bug("pieces are not the whole");
	buf_done(&whole);
	buf_done(&p.out);
	buf_done(&p.all);
	return 0;
}
