/* SPDX-License-Identifier: ISC */
/*
 * Whatever is typed, or stands in a message that is replied to: what is sent
 * to is neither an option nor a file nor a program and has no control
 * character, and the field made of it is one field.
 */
#include "tool/mail/head.h"
#include "tool/mail/write_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_addresses(struct recipients *r)
{
	const char **all;
	size_t n = recipients_sorted(r, &all);

	for (size_t i = 0; i < n; i++) {
		if (all[i][0] == '-' || all[i][0] == '|' || !all[i][0])
			bug("no address: %s", all[i]);
		for (const char *c = all[i]; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 127)
				bug("a control character is sent");
	}
}

static void check_field(span field)
{
	while (field.len > 0) {
		span line = span_cut(&field, '\n');

		if (line.len == 0 ||
		    (line.ptr[0] != ' ' && !span_has_prefix(line, SPAN("To:"))))
			bug("a new field: %.*s", PRI(line));
		for (size_t i = 0; i < line.len; i++)
			if ((unsigned char)line.ptr[i] < ' ')
				bug("a control character is written");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(64 << 20);
	struct recipients r;
	struct mua m;

	test_mua(&m, size & 1 ? MANNER_HEIRLOOM : MANNER_BSD);
	dict_add(dict_make(&m.aliases, SPAN("a")), SPAN("b c d@e"));
	dict_add(dict_make(&m.aliases, SPAN("b")), SPAN("a,|x"));
	recipients_init(&r);
	recipients_take(&r, span_of(data, size), RECIPIENT_TO);
	head_write_people(
	    &m, &out, HEAD_PEOPLE("To", &r, RECIPIENT_TO), HEAD_SEND);
	check_field(buf_span(&out));
	recipients_resolve(&m, &r);
	recipients_check(&m, &r, false);
	check_addresses(&r);
	buf_clear(&out);
	head_write_people(
	    &m, &out, HEAD_PEOPLE("To", &r, RECIPIENT_TO), HEAD_SEND);
	check_field(buf_span(&out));
	recipients_done(&r);
	buf_done(&out);
	test_mua_done(&m);
	return 0;
}
