/* SPDX-License-Identifier: ISC */
/* Any text as a value with parameters: they can be written and read again. */
#include "mail/params.h"

#include "mail/charset.h"

enum { MEMORY = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(span text)
{
	if (span_find(text, '\r') >= 0 || span_find(text, '\0') >= 0)
		bug("a line end, or worse");
	while (text.len)
		if (span_cut(&text, '\n').len > 76)
			bug("a long line");
}

static void check_again(span value)
{
	struct buf out = BUF_INIT(1 << 20);
	struct params p;
	struct arena a;

	arena_init(&a, MEMORY);
	buf_put(&out, SPAN("x"));
	params_write(&out, SPAN("name"), value);
	params_write(&out, SPAN("last"), SPAN("z"));
	check_lines(buf_span(&out));
	params_parse(buf_span(&out), &a, &p);
	if (p.count != 2 || !span_eq(params_get(&p, SPAN("last")), SPAN("z")))
		bug("other parameters");
	if (charset_is_utf8(value) &&
	    !span_eq(params_get(&p, SPAN("name")), value))
		bug("another value");
	arena_done(&a);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span text = span_of(data, size);
	struct params p;
	struct arena a;

	arena_init(&a, MEMORY);
	params_parse(text, &a, &p);
	if (p.count > PARAMS_MAX)
		bug("too many");
	for (size_t i = 0; i < p.count; i++) {
		if (!p.all[i].name.len || span_find(p.all[i].name, '*') >= 0)
			bug("a name that is none");
		if (!charset_is_utf8(p.all[i].value))
			bug("a value that is not UTF-8");
		if (p.all[i].value.len < 10000)
			check_again(p.all[i].value);
	}
	if (size < 10000)
		check_again(text);
	arena_done(&a);
	return 0;
}
