/* SPDX-License-Identifier: ISC */
/*
 * The input is lines: what strangers may write into a notice. None of them
 * may end a line of it, and a dot must never stand alone.
 */
#include "mail/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(span notice)
{
	while (notice.len) {
		span line = span_cut(&notice, '\n');

		if (line.len == 0 || line.ptr[line.len - 1] != '\r')
			bug("a bare LF");
		line.len--;
		if (span_find(line, '\r') >= 0)
			bug("a bare CR");
		if (span_eq(line, SPAN(".")))
			bug("a lone dot");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct templates texts;
	const struct dsn_conf conf = { .texts = &texts,
		.myhostname = SPAN("mx.example.com"),
		.mail_name = SPAN("Postfix"),
		.smtputf8 = size && (data[0] & 1) };
	span in = span_of(data, size);
	struct rcpt r = { .addr = span_cut(&in, 0),
		.orig = span_cut(&in, 0),
		.orcpt = span_cut(&in, 0) };
	struct verdict v = { .class = VERDICT_BOUNCED,
		.status = SPAN("5.0.0"),
		.text = span_cut(&in, 0),
		.remote_mta = span_cut(&in, 0),
		.diagnostic = span_cut(&in, 0) };
	struct envelope e = { .sender = span_cut(&in, 0),
		.envid = span_cut(&in, 0),
		.flags = size ? data[0] : 0,
		.nrcpts = 1,
		.rcpts = &r };
	struct dsn_notice n = { .conf = &conf,
		.kind = DSN_FAILURE,
		.flags = size ? data[0] >> 6 : 0,
		.to = span_cut(&in, 0),
		.about = &e,
		.verdicts = &v };
	struct buf out = BUF_INIT(16 << 20);

	templates_preset(&texts);
	dsn_write_head(&out, &n);
	if (dsn_write_original(&out, &n, SPAN("A: b\r\n\r\n")) &&
	    !dsn_write_original(&out, &n, SPAN("c\r\n")))
		bug("the body is wanted, but not all of it");
	dsn_write_tail(&out, &n);
	check_lines(buf_span(&out));
	buf_done(&out);
	return 0;
}
