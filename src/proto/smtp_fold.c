/* SPDX-License-Identifier: ISC */
#include "proto/smtp_fold.h"

enum { BREAK = 3 }; /* CR LF SP */

/* A line could not even hold its own blank. */
static bool is_unlimited(uint32_t limit)
{
	return limit < 2;
}

void smtp_fold_init(struct smtp_fold *f, uint32_t limit)
{
	*f = (struct smtp_fold){ .limit = limit, .left = limit };
}

uint64_t smtp_fold_growth(span content, uint32_t limit)
{
	uint64_t growth = 0;

	if (is_unlimited(limit))
		return 0;
	while (content.len) {
		span line = span_cut(&content, '\n');

		if (line.len <= limit)
			continue;
		(void)span_skip(&line, SPAN("."));
		if (line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > limit)
			growth += BREAK *
			    ((line.len - limit + limit - 2) / (limit - 1));
	}
	return growth;
}

/* Bytes of a line up to its end; at least one. */
static size_t run_length(span input)
{
	ssize_t at = span_find(input, '\r');

	return at < 0 ? input.len : (size_t)at;
}

static void put_run(
    struct smtp_fold *f, span *input, struct buf *out, size_t most)
{
	size_t n = MIN(run_length(*input), (size_t)f->left);

	n = MIN(n, most);
	buf_put(out, span_first(*input, n));
	f->left -= (uint32_t)n;
	*input = span_from(*input, n);
}

static void put_byte(struct smtp_fold *f, span *input, struct buf *out)
{
	char c = input->ptr[0];

	buf_putc(out, c);
	*input = span_from(*input, 1);
	f->within = c != '\n';
	if (c == '\n')
		f->left = f->limit;
}

void smtp_fold_put(
    struct smtp_fold *f, span *input, struct buf *out, size_t enough)
{
	while (input->len && out->len < enough && !out->failed) {
		char c = input->ptr[0];
		bool stuffed = c == '.' && !f->within;

		if (c == '\r' || c == '\n' || stuffed) {
			put_byte(f, input, out);
			continue;
		}
		/* Full, and more to come. */
		if (!f->left) {
			buf_put(out, SPAN("\r\n "));
			f->left = f->limit - 1;
			continue;
		}
		f->within = true;
		put_run(f, input, out, enough - out->len);
	}
}
