/* SPDX-License-Identifier: ISC */
/*
 * Message lists, one per line, upon a mailbox with a bit of everything: a list
 * names messages that are there, each once, or says what is wrong with it.
 */
#include "tool/mail/msgset.h"

#include "tool/mail/box_fixture.h"
#include "tool/mail/order.h"

static const char mailbox[] =
    "From ana@x.org  Tue Nov  1 17:21:36 2021\n"
    "From: Ana Paz <ana@x.org>\nTo: pue@localhost\nSubject: apple\n"
    "Message-Id: <m1@x>\nDate: Mon, 01 Nov 2021 17:21:36 +0100\n"
    "Status: RO\n\nred\n\n"
    "From bob@y.org  Tue Nov  2 17:21:36 2021\n"
    "Subject: =?utf-8?q?pi=C3=B1a?=\nIn-Reply-To: <m1@x>\n\nyellow\n\n"
    "From cyd@z.org  Tue Nov  4 17:21:36 2021\n"
    "From: cyd@z.org\nCc: bob@y.org\nReferences: <m0@x> <m1@x>\n"
    "Status: RO\nX-Status: AFT\n\nred\n\n"
    "From dan@x.org  Tue Nov  5 17:21:36 2021\n\nno header\n\n";

static void check_set(const struct box *b, const struct msgset *set)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->all[i] >= b->count)
			bug("there is no message %u", set->all[i] + 1);
		if (i && b->rank[set->all[i]] <= b->rank[set->all[i - 1]])
			bug("message %u is out of order", set->all[i] + 1);
	}
}

static void parse(struct mua *m, span line)
{
	struct arena arena;
	struct msgset set;
	unsigned flags = line.len % 4;

	arena_init(&arena, 1 << 20);
	buf_clear(&fixture_errors);
	if (msgset_parse(m, line, flags, &arena, &set)) {
		check_set(m->box, &set);
		if (set.count == 0 && !(flags & MSGSET_EMPTY))
			bug("no message, and no complaint");
	}
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mua m;
	span rest = span_of(data, size);

	if (!m.box) {
		char path[200];

		(void)snprintf(
		    path, sizeof(path), "%s/box", fixture_directory());
		fixture_write(path, span_str(mailbox));
		fixture_start(&m);
		if (box_change(&m, path) != 0 || m.box->count != 4)
			bug("the mailbox cannot be opened");
		if (!freopen("/dev/null", "w", stdout))
			bug("no /dev/null");
	}
	if (!order_by(&m, size % 2 ? BOX_AS_IS : BOX_BY_THREAD))
		bug("no order");
	buf_clear(&m.box->last_subject);
	buf_clear(&m.box->last_search);
	m.box->last_colons = 0;
	for (uint32_t i = 0; i < m.box->count; i++)
		box_set_flags(m.box, i, i == 2 ? FOLDER_DELETED : 0, 0);
	box_goto(m.box, (uint32_t)(size % 3));
	while (rest.len)
		parse(&m, span_cut(&rest, '\n'));
	return 0;
}
