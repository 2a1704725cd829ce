/* SPDX-License-Identifier: ISC */
/*
 * The first byte says how the mailbox is cut into windows. However it was cut,
 * the same messages are found; and they are those that a plain loop over lines
 * finds.
 */
#include "store/folder_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 4096 };

struct found {
	struct folder_item items[ITEMS_MAX];
	size_t count;
	bool is_mailbox;
};

static void add_found(void *ctx, const struct folder_item *item)
{
	struct found *f = ctx;

	if (f->count < ITEMS_MAX)
		f->items[f->count++] = *item;
}

static void run(span input, size_t step, struct found *f)
{
	static const struct folder_scan_calls calls = { .found = add_found };
	struct folder_scan s;
	size_t window = 0;

	f->count = 0;
	folder_scan_init(&s, 7, &calls, f);
	while (input.len > 0) {
		size_t used;

		window = step > input.len - window ? input.len : window + step;
		used = folder_scan_feed(
		    &s, span_first(input, window), window == input.len);
		if (used > window)
			bug("more than there is");
		if (used < window && window == input.len)
			bug("the last window is left");
		input = span_from(input, used);
		window -= used;
	}
	f->is_mailbox = folder_scan_end(&s);
}

static void compare(const struct found *a, const struct found *b)
{
	if (a->count != b->count || a->is_mailbox != b->is_mailbox)
		bug("how it was cut mattered");
	for (size_t i = 0; i < a->count; i++) {
		const struct folder_item *x = &a->items[i];
		const struct folder_item *y = &b->items[i];

		if (x->at != y->at || x->m.size != y->m.size ||
		    x->m.lines != y->m.lines || x->head != y->head ||
		    x->hash != y->hash || x->m.flags != y->m.flags ||
		    x->m.form != y->m.form || x->m.from != y->m.from)
			bug("a message differs");
	}
}

/* The plain way */

static bool is_empty(span line)
{
	return line.len == 0 || span_eq(line, SPAN("\r"));
}

static bool has_time(span line)
{
	for (size_t i = 0; i + 5 <= line.len; i++) {
		const char *c = line.ptr + i;

		if (ascii_is_digit(c[0]) && ascii_is_digit(c[1]) &&
		    c[2] == ':' && ascii_is_digit(c[3]) && ascii_is_digit(c[4]))
			return true;
	}
	return false;
}

static bool is_field(span line)
{
	size_t i = 0;

	while (i < line.len && (unsigned char)line.ptr[i] > ' ' &&
	    line.ptr[i] != ':' && line.ptr[i] != 0x7f)
		i++;
	line = span_from(line, i);
	while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		line = span_from(line, 1);
	return i > 0 && line.len && line.ptr[0] == ':';
}

static bool is_status(span line)
{
	if (!span_skip_nocase(&line, SPAN("Status")) &&
	    !span_skip_nocase(&line, SPAN("X-Status")))
		return false;
	return line.ptr[0] == ':' || line.ptr[0] == ' ' || line.ptr[0] == '\t';
}

static void check_plainly(span input, const struct found *f)
{
	span rest = input;
	bool at_top = true;
	bool behind_empty = true;
	size_t k = 0;

	while (rest.len > 0) {
		uint64_t at = (uint64_t)(rest.ptr - input.ptr);
		span line = span_cut(&rest, '\n');
		span next = rest;

		next = span_cut(&next, '\n');
		if (behind_empty && span_has_prefix(line, SPAN("From ")) &&
		    (at_top || has_time(line) ||
		        (is_field(next) && !is_status(next)))) {
			if (k == f->count || f->items[k].at != at)
				bug("a message was not found");
			k++;
			at_top = false;
		}
		if (at_top && !is_empty(line)) {
			if (f->is_mailbox)
				bug("no mailbox");
			return;
		}
		behind_empty = is_empty(line);
	}
	if (k != f->count)
		bug("too many messages");
}

static void check_sums(span input, const struct found *f)
{
	uint64_t at = f->count ? f->items[0].at : 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct folder_item *item = &f->items[i];

		if (item->at != at)
			bug("a gap");
		at += item->m.size;
		if (item->m.from > item->head || item->head > item->m.size)
			bug("a header longer than its message");
	}
	if (f->count && at != input.len)
		bug("the end is missing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct found whole;
	static struct found pieces;
	span input = span_from(span_of(data, size), 1);

	/* Longer lines are cut where this loop does not. */
	if (size < 1 || size > 2000)
		return 0;
	run(input, SIZE_MAX, &whole);
	run(input, 1 + data[0], &pieces);
	compare(&whole, &pieces);
	check_plainly(input, &whole);
	check_sums(input, &whole);
	return 0;
}
