/* SPDX-License-Identifier: ISC */
/*
 * Whatever a message says, the answer's header is ours: none of its lines
 * comes from the message as a line.
 */
#include <stdint.h>

#include "mail/header.h"
#include "tool/vacation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const span names[] = { SPAN_INIT("eric"), SPAN_INIT("a@b") };
	struct buf out = BUF_INIT(1 << 24);
	struct vacation_mail m;
	struct arena a;

	arena_init(&a, 1 << 26);
	vacation_read(span_of(data, size), names, 2, &a, &m);
	if (!vacation_refuses_sender(&m)) {
		struct vacation_reply reply = { .to = m.sender,
			.template = SPAN("Subject: $SUBJECT\nX: $FROM\n\nx\n"),
			.from = SPAN("eric") };
		unsigned lines = 0;
		span rest;

		vacation_write(&out, &reply, &m);
		rest = buf_span(&out);
		while (rest.len > 0 && !out.failed) {
			span line = span_cut(&rest, '\n');

			if (line.len == 0)
				break;
			if (line.ptr[0] == ' ')
				continue;
			lines++;
			if (header_name_len(line) == 0)
				bug("no header: %.*s", PRI(line));
		}
		/* To, From, Subject, X, Auto-Submitted, Precedence,
		 * In-Reply-To, References, and of MIME three */
		if (lines > 11)
			bug("%u lines in the header", lines);
	}
	arena_done(&a);
	buf_done(&out);
	return 0;
}
