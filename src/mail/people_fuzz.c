/* SPDX-License-Identifier: ISC */
/* Any text as people: written out, they are the same people. */
#include "mail/people.h"

#include "mail/charset.h"
#include "mail/transfer.h"

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

/* Whatever is encoded in a name, it is a name. */
static void check_decoded(span name)
{
	struct buf field = BUF_INIT(name.len * 2 + 64);
	struct buf out = BUF_INIT(name.len * 16 + 64);
	struct people again;
	struct arena a;

	arena_init(&a, MEMORY);
	buf_put(&field, SPAN("=?utf-8?B?"));
	transfer_base64(&field, name);
	buf_put(&field, SPAN("?= <ana@x>"));
	people_decode(&out, buf_span(&field));
	people_parse(buf_span(&out), MANY, &a, &again);
	if (field.failed || out.failed || again.count != 1 ||
	    !span_eq(again.all[0].addr, SPAN("ana@x")))
		bug("somebody came in");
	arena_done(&a);
	buf_done(&field);
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
		if (i < 8)
			check_again(p);
	}
	if (size < 10000)
		check_decoded(value);
	arena_done(&a);
	return 0;
}
