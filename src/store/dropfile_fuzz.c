/* SPDX-License-Identifier: ISC */
/*
 * The bytes are a file of maildrop/. Its content comes out in wire form, and
 * the same when it is read once more.
 */
#include "store/dropfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	RECORD_MAX = 2048,
	CONTENT_MAX = 8 << 20,
};

static ssize_t read_span(void *ctx, char *to, size_t n, uint64_t at)
{
	const span *s = ctx;
	span part = span_first(span_from(*s, at), n);

	if (part.len)
		memcpy(to, part.ptr, part.len);
	return (ssize_t)part.len;
}

static void check_wire(span text)
{
	while (text.len) {
		ssize_t lf = span_find(text, '\n');
		span line;

		if (lf < 1 || text.ptr[lf - 1] != '\r')
			bug("a line that does not end in CRLF");
		line = span_first(text, (size_t)lf - 1);
		if (span_find(line, '\r') >= 0)
			bug("a bare CR");
		if (line.len && line.ptr[0] == '.' &&
		    (line.len < 2 || line.ptr[1] != '.'))
			bug("a dot that is not stuffed");
		text = span_from(text, (size_t)lf + 1);
	}
}

static bool read_all(struct dropfile *f, struct buf *out)
{
	bool first = true;

	buf_clear(out);
	for (;;) {
		size_t before = out->len;

		if (dropfile_content(f, first, out) != 0 || out->failed)
			return false;
		if (out->len == before)
			return true;
		first = false;
	}
}

static void check_envelope(const struct dropfile *f)
{
	const struct envelope *e = &f->message.envelope;
	struct buf out = BUF_INIT(CONTENT_MAX);

	if (!f->message.has_sender)
		bug("no sender");
	for (uint32_t i = 0; i < e->nrcpts; i++)
		if (!e->rcpts[i].addr.ptr || e->rcpts[i].notify > 15)
			bug("a recipient that is none");
	envelope_put(&out, e);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span file = span_of(data, size);
	const struct dropfile_source source = { &file, read_span };
	struct buf once = BUF_INIT(CONTENT_MAX);
	struct buf twice = BUF_INIT(CONTENT_MAX);
	struct dropfile f;
	struct arena a;

	arena_init(&a, CONTENT_MAX);
	dropfile_init(&f, &source, RECORD_MAX, &a);
	if (dropfile_scan(&f) == DROPFILE_OK) {
		check_envelope(&f);
		if (read_all(&f, &once)) {
			check_wire(buf_span(&once));
			if (!read_all(&f, &twice) ||
			    !span_eq(buf_span(&once), buf_span(&twice)))
				bug("the second reading is another");
		}
	}
	dropfile_done(&f);
	arena_done(&a);
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
