/* SPDX-License-Identifier: ISC */
/*
 * "sendmail -t": the input is a message, its first byte the length of the
 * longest record. Recipients have no NUL and come one by one; records are no
 * longer than they may be; and what `sendmail -v` makes of them all is wire
 * form, in which nothing but the end ends the message.
 *
 * The sink is here.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "os/file.h"
#include "tool/sendmail/extract.h"
#include "tool/sendmail/held.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf records = BUF_INIT(1 << 26);
static size_t line_max;

void sink_put_content(struct sink *k, char type, span data)
{
	(void)k;
	if (data.len > line_max)
		bug("a record of %zu bytes", data.len);
	record_put(&records, type, data);
}

void sink_put(struct sink *k, char type, span data)
{
	(void)k;
	record_put(&records, type, data);
}

static void feed(struct extract *x, span text)
{
	while (text.len > 0) {
		ssize_t end = span_find(text, '\n');
		size_t n = end < 0 ? text.len : (size_t)end;
		bool whole = end >= 0 && n <= line_max;

		n = MIN(n, line_max);
		if (!extract_piece(x, whole ? INPUT_LINE : INPUT_PART,
		        span_first(text, n)))
			return;
		text = span_from(text, n + whole);
	}
	if (!extract_end(x))
		return;
}

static void put_recipients(span list)
{
	if (list.len > 0 && list.ptr[list.len - 1] != '\0')
		bug("the last recipient has no end");
	while (list.len > 0)
		record_put(&records, RECORD_RCPT, span_cut(&list, '\0'));
}

static void check_wire(span text)
{
	while (text.len > 0) {
		ssize_t end = span_find(text, '\n');
		span line = span_first(text, (size_t)end);

		if (end <= 0 || line.ptr[line.len - 1] != '\r')
			bug("a line without CRLF");
		if (line.ptr[0] == '.' && line.ptr[1] != '.')
			bug("a dot that stands alone");
		text = span_from(text, (size_t)end + 1);
	}
}

static void check_held(void)
{
	CLEANUP(fd_close) int fd = memfd_create("wire", MFD_CLOEXEC);
	CLEANUP(buf_done) struct buf before = BUF_INIT(1 << 26);
	struct held h;

	buf_put(&before, buf_span(&records));
	if (held_init(&h, buf_span(&before))) {
		bool *done = mem_new(h.nrcpts, sizeof(*done));
		struct held again;
		span wire;

		if (held_write(&h, SPAN("me@x"), fd) < 0 ||
		    file_map(fd, SIZE_MAX, &wire) < 0)
			bug("no wire form");
		check_wire(wire);
		file_unmap(&wire);
		done[0] = true;
		buf_clear(&records);
		held_replay(&h, done, NULL);
		if (held_init(&again, buf_span(&records)) != (h.nrcpts > 1) ||
		    again.nrcpts != h.nrcpts - 1)
			bug("%u recipients of %u", again.nrcpts, h.nrcpts);
		held_done(&again);
		mem_free(done);
	}
	held_done(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct submit_settings set = { .header_size_limit = 4096 };
	struct extract x;

	if (size == 0)
		return 0;
	set.line_length_limit = line_max = 1 + (size_t)data[0];
	extract_init(&x, NULL, &set);
	buf_clear(&records);
	record_put(&records, RECORD_FULL, SPAN("A. B"));
	record_put(&records, RECORD_FROM, SPAN("me"));
	record_put(&records, RECORD_MESG, SPAN(""));
	feed(&x, span_of(data + 1, size - 1));
	record_put(&records, RECORD_XTRA, SPAN(""));
	put_recipients(extract_recipients(&x));
	record_put(&records, RECORD_END, SPAN(""));
	if (!x.too_long)
		check_held();
	extract_done(&x);
	return 0;
}
