/* SPDX-License-Identifier: ISC */
/* Any text as people: written out, they are the same people. */
#include "mail/people.h"

#include "mail/charset.h"

enum { MEMORY = 1 << 20, MANY = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Other names may come back with fewer blanks. */
static bool is_simple(span s)
{
	return span_find(s, '\r') < 0 && span_find(s, '\n') < 0 &&
	    span_find(s, '\t') < 0 && span_find(s, '\0') < 0 &&
	    !memmem(s.ptr, s.len, "  ", 2);
}

static void check_again(const struct person *p)
{
	struct buf out = BUF_INIT(1 << 20);
	struct people again;
	struct arena a;

	arena_init(&a, MEMORY);
	people_write(&out, p);
	if (span_find(buf_span(&out), '\r') >= 0 ||
	    span_find(buf_span(&out), '\0') >= 0)
		bug("a line end, or worse");
	people_parse(buf_span(&out), MANY, &a, &again);
	if (again.count > 1 || (p->addr.len && !again.count))
		bug("not one");
	if (again.count && p->name.len && is_simple(p->name) &&
	    !span_eq(span_trim(again.all[0].name), span_trim(p->name)))
		bug("another name");
	arena_done(&a);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span value = span_of(data, size);
	struct people all;
	struct arena a;

	arena_init(&a, MEMORY);
	people_parse(value, MANY, &a, &all);
	for (size_t i = 0; i < all.count; i++) {
		const struct person *p = &all.all[i];

		if (!p->text.len || (!p->addr.len && !p->name.len))
			bug("nobody");
		if (!charset_is_utf8(p->name))
			bug("a name that is not UTF-8");
		if (!people_same(p->addr, p->addr))
			bug("not himself");
		if (i < 8)
			check_again(p);
	}
	arena_done(&a);
	return 0;
}
