/* SPDX-License-Identifier: ISC */
/*
 * A draft of arbitrary bytes: first byte the manner, then parts separated by
 * NUL: To, Subject, From, references, own fields, a file's name, a file, the
 * text. The header has no line that we did not mean, and the text and the
 * file come out of the message as they were.
 */
#include "tool/mail/build.h"

#include "mail/field.h"
#include "mail/header.h"
#include "mail/transfer.h"
#include "tool/mail/attach.h"
#include "tool/mail/head.h"
#include "tool/mail/write_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoded(const struct content *c, span want)
{
	struct buf sent = BUF_INIT(MESSAGE_MAX);
	struct buf got = BUF_INIT(MESSAGE_MAX);
	struct transfer_decoder t;

	transfer_encode(&sent, c->encoding, c->bytes);
	transfer_init(&t, c->encoding);
	transfer_decode(&t, buf_span(&sent), &got);
	transfer_finish(&t, &got);
	if (!span_eq(buf_span(&got), want))
		bug("it does not come out as it was");
	buf_done(&sent);
	buf_done(&got);
}

static unsigned count_fields(span header)
{
	unsigned n = 0;

	while (header.len > 0) {
		span line = span_cut(&header, '\n');

		if (line.len > 0 && line.ptr[0] == ' ')
			continue;
		if (header_name_len(line) == 0)
			bug("no field: %.*s", PRI(line));
		n++;
	}
	return n;
}

static unsigned count_own(const struct draft *d)
{
	span rest = buf_span(&d->fields);
	struct field f;
	unsigned n = 0;

	while (field_next(&rest, &f))
		n++;
	return n;
}

static void check_message(struct mua *m, struct draft *d)
{
	struct buf out = BUF_INIT(MESSAGE_MAX);
	struct build_bcc bcc;
	struct recipients r;
	span header;
	span body;

	recipients_init(&r);
	recipients_take(&r, buf_span(&d->to), RECIPIENT_TO);
	if (build_message(m, d, &r, &out, &bcc)) {
		field_split(buf_span(&out), &header, &body);
		/* Date From Reply-To Sender To Cc Bcc Subject Organization
		 * Message-ID References In-Reply-To User-Agent, three of
		 * MIME */
		if (count_fields(header) > 16 + count_own(d))
			bug("too many fields");
	}
	recipients_done(&r);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span rest = span_of(data, size);
	struct content c;
	struct draft d;
	struct mua m;
	span name;
	span text;

	if (size == 0)
		return 0;
	test_mua(&m, (enum manner)(data[0] % 3));
	rest = span_from(rest, 1);
	draft_init(&d);
	buf_put(&d.to, span_cut(&rest, '\0'));
	buf_put(&d.subject, span_cut(&rest, '\0'));
	buf_put(&d.from, span_cut(&rest, '\0'));
	buf_put(&d.references, span_cut(&rest, '\0'));
	buf_put(&d.fields, span_cut(&rest, '\0'));
	name = span_cut(&rest, '\0');
	text = span_cut(&rest, '\0');
	d.has_subject = true;
	content_of_file(&m, text, name, &c);
	check_decoded(&c, text);
	content_done(&c);
	text = rest;
	head_extract(&m, &d, &text, true);
	buf_put(&d.body, rest);
	if (head_settle(&m, &d))
		check_message(&m, &d);
	draft_done(&d);
	test_mua_done(&m);
	return 0;
}
