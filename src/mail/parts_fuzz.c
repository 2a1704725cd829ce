/* SPDX-License-Identifier: ISC */
/*
 * First byte: the limits. The rest is a message: its parts lie within their
 * parents, one behind the other, and their content and names are clean.
 */
#include "mail/charset.h"
#include "mail/parts.h"

enum { MEMORY = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *end_of(span s)
{
	return s.ptr + s.len;
}

static void check_place(const struct part *p)
{
	if (end_of(p->header) > p->body.ptr)
		bug("the body begins in the header");
	/* Without an empty line the header has the line end of the boundary. */
	if (p->parent &&
	    (p->header.ptr < p->parent->body.ptr ||
	        (p->body.len && end_of(p->body) > end_of(p->parent->body))))
		bug("outside of its parent");
	if (p->next &&
	    (p->next->header.ptr < end_of(p->body) ||
	        p->next->parent != p->parent ||
	        p->next->number != p->number + 1))
		bug("not a brother");
	if ((p->kind == PARTS_LEAF && p->kids) ||
	    (p->kind == PARTS_MESSAGE && (!p->kids || p->kids->next)))
		bug("wrong children");
}

static void check_content(const struct part *p)
{
	struct buf out = BUF_INIT(1 << 20);

	parts_content(p, &out);
	if (span_has_prefix(p->type, SPAN("text/")) && !out.failed &&
	    !charset_is_utf8(buf_span(&out)))
		bug("text that is not UTF-8");
	buf_clear(&out);
	parts_filename(p, &out);
	for (size_t i = 0; i < out.len; i++)
		if (memchr("/\\\n\177", out.data[i], 5) ||
		    (out.data[i] >= 0 && out.data[i] < ' '))
			bug("a dangerous name");
	if (out.len > 255 || (out.len && out.data[0] == '.') ||
	    !charset_is_utf8(buf_span(&out)))
		bug("a strange name");
	buf_clear(&out);
	parts_position(&out, p);
	if (!out.len && p->kind != PARTS_MULTI)
		bug("nowhere");
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts_limits limits = { 0 };
	const struct part *root;
	struct arena a;
	size_t count = 0;

	if (!size)
		return 0;
	limits.depth = data[0] % 16;
	limits.count = data[0] / 16U * 4;
	arena_init(&a, data[0] == 0xff ? 1000 : MEMORY);
	root = parts_parse(span_of(data + 1, size - 1), &limits, &a);
	for (const struct part *p = root; p; p = parts_walk(p)) {
		const struct part *best = parts_best(p, data[0] & 1);

		if (best && best->parent != p)
			bug("not a child");
		if (limits.depth && p->depth > limits.depth)
			bug("too deep");
		check_place(p);
		if (count++ < 20)
			check_content(p);
	}
	if (limits.count && count > limits.count)
		bug("too many");
	if (root && size > 1 && end_of(root->body) != (const char *)data + size)
		bug("the message is not all of it");
	arena_done(&a);
	return 0;
}
