/* SPDX-License-Identifier: ISC */
/*
 * mime-ask - what the readers of a message make of it, for tests that compare
 * them with others. Requests come on stdin, "VERB ARGUMENT LENGTH" in a line
 * of its own and so many bytes; the answer to each is lines of fields in hex,
 * one blank between two, and ".".
 *
 *	parts -		each leaf: position, type, charset, file name, content
 *	decode -	the value of a field
 *	encode CHARSET	as the value of Subject
 *	people -	each: name, address
 *	person CHARSET	"name LF address", as it is written
 *	params -	the value; then each parameter: name, value
 *	param NAME	Content-Disposition with it, as it is written
 */
#include "mail/encoded.h"
#include "mail/params.h"
#include "mail/parts.h"
#include "mail/people.h"

#include <stdio.h>

enum { MEMORY = 1 << 26, LONGEST = 1 << 26 };

static void put_hex(span s, char end)
{
	for (size_t i = 0; i < s.len; i++)
		(void)printf("%02x", (unsigned)(uint8_t)s.ptr[i]);
	(void)putchar(end);
}

static void ask_parts(span text, span arg UNUSED, struct arena *a)
{
	const struct part *p = parts_parse(text, NULL, a);

	for (; p; p = parts_walk(p)) {
		struct buf b = BUF_INIT(MEMORY);

		if (p->kind != PARTS_LEAF)
			continue;
		parts_position(&b, p);
		put_hex(buf_span(&b), ' ');
		put_hex(p->type, ' ');
		put_hex(p->charset, ' ');
		put_hex(p->filename, ' ');
		buf_clear(&b);
		parts_content(p, &b);
		put_hex(buf_span(&b), '\n');
		buf_done(&b);
	}
}

static void ask_decode(span text, span arg UNUSED, struct arena *a UNUSED)
{
	struct buf b = BUF_INIT(MEMORY);

	encoded_decode(&b, text);
	put_hex(buf_span(&b), '\n');
	buf_done(&b);
}

static void ask_encode(span text, span arg, struct arena *a UNUSED)
{
	struct buf b = BUF_INIT(MEMORY);

	encoded_encode(&b, text, arg, ENCODED_TEXT, 9);
	put_hex(buf_span(&b), '\n');
	buf_done(&b);
}

static void ask_people(span text, span arg UNUSED, struct arena *a)
{
	struct people all;

	people_parse(text, 1000, a, &all);
	for (size_t i = 0; i < all.count; i++) {
		put_hex(all.all[i].name, ' ');
		put_hex(all.all[i].addr, '\n');
	}
}

static void ask_person(span text, span arg, struct arena *a UNUSED)
{
	struct person p = { .name = span_cut(&text, '\n') };
	struct buf b = BUF_INIT(MEMORY);

	p.addr = text;
	people_write_as(&b, &p, arg);
	put_hex(buf_span(&b), '\n');
	buf_done(&b);
}

static void ask_params(span text, span arg UNUSED, struct arena *a)
{
	struct params p;

	params_parse(text, a, &p);
	put_hex(p.value, '\n');
	for (size_t i = 0; i < p.count; i++) {
		put_hex(p.all[i].name, ' ');
		put_hex(p.all[i].value, '\n');
	}
}

static void ask_param(span text, span arg, struct arena *a UNUSED)
{
	struct buf b = BUF_INIT(MEMORY);

	buf_put(&b, SPAN("Content-Disposition: attachment"));
	params_write(&b, arg, text);
	put_hex(buf_span(&b), '\n');
	buf_done(&b);
}

static const struct {
	span name;
	void (*ask)(span text, span arg, struct arena *a);
} verbs[] = {
	{ SPAN_INIT("parts"), ask_parts },
	{ SPAN_INIT("decode"), ask_decode },
	{ SPAN_INIT("encode"), ask_encode },
	{ SPAN_INIT("people"), ask_people },
	{ SPAN_INIT("person"), ask_person },
	{ SPAN_INIT("params"), ask_params },
	{ SPAN_INIT("param"), ask_param },
};

static void answer(span verb, span arg, span text)
{
	struct arena a;

	arena_init(&a, MEMORY);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_eq(verbs[i].name, verb))
			verbs[i].ask(text, arg, &a);
	(void)puts(".");
	arena_done(&a);
}

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		span rest = span_trim(span_str(line));
		span verb = span_cut(&rest, ' ');
		span arg = span_cut(&rest, ' ');
		struct buf text = BUF_INIT(LONGEST);
		uint32_t len;
		char *p;

		if (!span_to_u32(rest, &len))
			return 2;
		p = buf_room(&text, MAX(len, 1U));
		if (!p || fread(p, 1, len, stdin) != len)
			return 2;
		answer(verb, arg, span_of(p, len));
		buf_done(&text);
	}
	return 0;
}
